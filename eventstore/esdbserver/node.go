package esdbserver

import (
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/gossip"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/serverfeatures"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	grpcmeta "google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
)

// version is the EventStoreDB whose behaviour this is. Clients choose what they use by it.
const version = "24.2.0"

// featuresService tells clients which calls there are.
type featuresService struct {
	serverfeatures.UnimplementedServerFeaturesServer
	*Server
}

// GetSupportedMethods lists all calls of EventStoreDB's client API that this server answers.
func (s featuresService) GetSupportedMethods(context.Context,
	*shared.Empty) (*serverfeatures.SupportedMethods, error) {
	var methods []*serverfeatures.SupportedMethod
	for service, info := range s.grpc.GetServiceInfo() {
		service = strings.ToLower(service)
		if !strings.HasPrefix(service, "event_store.client.") {
			continue
		}
		for _, m := range info.Methods {
			method := strings.ToLower(m.Name)
			methods = append(methods, &serverfeatures.SupportedMethod{
				MethodName: method, ServiceName: service, Features: featuresOf(service, method),
			})
		}
	}
	slices.SortFunc(methods, func(a, b *serverfeatures.SupportedMethod) int {
		return cmp.Or(strings.Compare(a.GetServiceName(), b.GetServiceName()),
			strings.Compare(a.GetMethodName(), b.GetMethodName()))
	})
	return &serverfeatures.SupportedMethods{Methods: methods, EventStoreServerVersion: version}, nil
}

// featuresOf are a call's abilities, by the names that EventStoreDB gives them.
func featuresOf(service, method string) []string {
	switch {
	case strings.HasSuffix(service, ".persistentsubscriptions"):
		return []string{"stream", "all"}
	case strings.HasSuffix(service, ".streams") && method == "read":
		return []string{"position", "events"}
	case strings.HasSuffix(service, ".streams") && method == "batchappend":
		return []string{"deadline_duration"}
	}
	return nil
}

// gossipService tells clients where the nodes are: here.
type gossipService struct {
	gossip.UnimplementedGossipServer
	*Server
}

// Read names this node alone, by the address under which the client has reached it.
func (s gossipService) Read(ctx context.Context, _ *shared.Empty) (*gossip.ClusterInfo, error) {
	var local net.Addr
	if p, ok := peer.FromContext(ctx); ok {
		local = p.LocalAddr
	}
	authority := grpcmeta.ValueFromIncomingContext(ctx, ":authority")
	host, port := reachedAt(local, append(authority, "")[0])
	return &gossip.ClusterInfo{Members: []*gossip.MemberInfo{{
		InstanceId: &shared.UUID{Value: &shared.UUID_Structured_{Structured: &shared.UUID_Structured{
			MostSignificantBits:  int64(binary.BigEndian.Uint64(s.node[:8])),
			LeastSignificantBits: int64(binary.BigEndian.Uint64(s.node[8:])),
		}}},
		TimeStamp:    time.Now().UnixNano() / 100,
		State:        gossip.MemberInfo_Leader,
		IsAlive:      true,
		HttpEndPoint: &gossip.EndPoint{Address: host, Port: port},
	}}}, nil
}

// reachedAt is the host and port under which a client knows this server: what it asked for, which
// is what the certificate is for and what leads through port mappings, else the local address.
func reachedAt(local net.Addr, authority string) (string, uint32) {
	host, port := "localhost", uint32(0)
	if tcp, ok := local.(*net.TCPAddr); ok {
		host, port = tcp.IP.String(), uint32(tcp.Port)
	}
	asked, number, err := net.SplitHostPort(authority)
	if err != nil || asked == "" {
		return host, port
	}
	n, err := strconv.ParseUint(number, 10, 16)
	if err != nil {
		return host, port
	}
	return asked, uint32(n)
}

// pages are what EventStoreDB answers over HTTP/1.1 beside its API.
func (s *Server) pages() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/health/live", s.health)
	mux.HandleFunc("GET /ping", func(w http.ResponseWriter, _ *http.Request) {
		s.page(w, map[string]any{"text": "Ping request successfully handled"})
	})
	mux.HandleFunc("GET /info", func(w http.ResponseWriter, _ *http.Request) {
		s.page(w, s.info())
	})
	mux.HandleFunc("GET /gossip", s.gossipPage)
	return mux
}

func (s *Server) health(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.WriteHeader(http.StatusMethodNotAllowed)
	case s.isClosing():
		w.WriteHeader(http.StatusServiceUnavailable)
	default:
		w.WriteHeader(http.StatusNoContent)
	}
}

func (s *Server) info() map[string]any {
	kind := "insecure"
	if s.TLS != nil && s.Users != nil {
		kind = "internal"
	}
	return map[string]any{
		"esVersion":      version,
		"state":          "leader",
		"features":       map[string]bool{"projections": s.Projections != nil, "userManagement": false},
		"authentication": map[string]any{"type": kind, "properties": map[string]string{}},
	}
}

func (s *Server) gossipPage(w http.ResponseWriter, r *http.Request) {
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	host, port := reachedAt(local, r.Host)
	s.page(w, map[string]any{
		"members": []map[string]any{{
			"instanceId": s.node.String(), "timeStamp": time.Now().UTC().Format(time.RFC3339Nano),
			"state": "Leader", "isAlive": true, "isReadOnlyReplica": false, "esVersion": version,
			"httpEndPointIp": host, "httpEndPointPort": port,
		}},
		"serverIp": host, "serverPort": port,
	})
}

func (s *Server) page(w http.ResponseWriter, content map[string]any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	if err := json.NewEncoder(w).Encode(content); err != nil {
		s.Logger.Debug("an HTTP client has gone", "error", err)
	}
}
