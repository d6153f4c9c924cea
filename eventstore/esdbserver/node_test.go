package esdbserver

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/gossip"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/serverfeatures"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"golang.org/x/net/http2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	grpcmeta "google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/storetest"
)

// node is a server as a process has it, seeded, behind a real port.
type node struct {
	*Server
	address string
	ended   chan error
}

func serve(t *testing.T, opts Options) *node {
	t.Helper()
	if opts.Store == nil {
		opts.Store = storetest.NewMemory()
	}
	server, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n := &node{server, ln.Addr().String(), make(chan error, 1)}
	go func() { n.ended <- server.Serve(ln) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: got %v, want no error", err)
		}
		if err := <-n.ended; err != nil {
			t.Errorf("serve: got %v, want no error", err)
		}
	})
	return n
}

// connect is the official client by a connection string; %s is the address.
func (n *node) connect(t *testing.T, format string) *esdb.Client {
	t.Helper()
	config, err := esdb.ParseConnectionString(fmt.Sprintf(format, n.address))
	if err != nil {
		t.Fatal(err)
	}
	config.Logger = esdb.NoopLogging()
	client, err := esdb.NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// certificate is for 127.0.0.1 and localhost, signed by itself.
func certificate(t *testing.T) (*tls.Config, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, pool
}

// One port answers HTTP/1.1 and gRPC, in plain text and over TLS.
func TestOnePort(t *testing.T) {
	config, pool := certificate(t)
	for scheme, opts := range map[string]Options{"http": {}, "https": {TLS: config}} {
		t.Run(scheme, func(t *testing.T) {
			n := serve(t, opts)
			browser := &http.Client{Transport: &http.Transport{
				TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true,
			}}
			defer browser.CloseIdleConnections()
			for _, row := range []struct {
				method, path string
				status       int
				contains     string
			}{
				{"GET", "/health/live", 204, ""},
				{"HEAD", "/health/live", 204, ""},
				{"POST", "/health/live", 405, ""},
				{"DELETE", "/health/live", 405, ""},
				{"GET", "/ping", 200, `"text":"Ping request successfully handled"`},
				{"GET", "/info", 200, `"esVersion":"24.2.0"`},
				{"GET", "/info", 200, `"state":"leader"`},
				{"GET", "/gossip", 200, `"state":"Leader"`},
				{"GET", "/gossip", 200, `"httpEndPointIp":"127.0.0.1"`},
				{"GET", "/streams/x", 404, ""},
			} {
				req, err := http.NewRequest(row.method, scheme+"://"+n.address+row.path, nil)
				if err != nil {
					t.Fatal(err)
				}
				resp, err := browser.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				body, err := io.ReadAll(resp.Body)
				_ = resp.Body.Close()
				got := fmt.Sprintf("%d %s", resp.StatusCode, body)
				if err != nil || resp.StatusCode != row.status || !strings.Contains(got, row.contains) {
					t.Errorf("%s %s: got %s, %v, want %d %s",
						row.method, row.path, got, err, row.status, row.contains)
				}
				if row.status == 200 && !json.Valid(body) {
					t.Errorf("%s: got %s, want JSON", row.path, body)
				}
			}
			dial := insecure.NewCredentials()
			if opts.TLS != nil {
				dial = credentials.NewTLS(&tls.Config{RootCAs: pool})
			}
			conn, err := grpc.NewClient(n.address, grpc.WithTransportCredentials(dial))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			features := serverfeatures.NewServerFeaturesClient(conn)
			if _, err := features.GetSupportedMethods(t.Context(), &shared.Empty{}); err != nil {
				t.Errorf("gRPC: got %v, want no error", err)
			}
		})
	}
}

// What says nothing, or nonsense, holds up nobody and is let go of.
func TestConnectionsThatSayNothing(t *testing.T) {
	n := serve(t, Options{})
	var silent []net.Conn
	for _, words := range []string{"", "P", "PRI", "GET", "\x16\x03\x01", "nonsense\r\n\r\n"} {
		conn, err := net.Dial("tcp", n.address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := conn.Write([]byte(words)); err != nil {
			t.Fatal(err)
		}
		silent = append(silent, conn)
	}
	client := n.connect(t, "esdb://%s?tls=false")
	if err := put(t.Context(), client, "s"); err != nil {
		t.Errorf("append: got %v, want no error", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = n.Shutdown(ctx)
	for i, conn := range silent {
		_, err := io.Copy(io.Discard, conn)
		if err != nil && !strings.Contains(err.Error(), "reset") {
			t.Errorf("connection %d: got %v, want its end", i, err)
		}
	}
}

// A client may ping as often as it likes, whether it has calls or not.
func TestPings(t *testing.T) {
	n := serve(t, Options{})
	conn, err := net.Dial("tcp", n.address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, http2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	framer := http2.NewFramer(conn, conn)
	if err := framer.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	for i := range byte(20) {
		if err := framer.WritePing(false, [8]byte{i}); err != nil {
			t.Fatal(err)
		}
		for acked := false; !acked; {
			frame, err := framer.ReadFrame()
			if err != nil {
				t.Fatalf("ping %d: got %v, want an answer", i, err)
			}
			if away, ok := frame.(*http2.GoAwayFrame); ok {
				t.Fatalf("ping %d: got sent away: %s", i, away.DebugData())
			}
			ping, ok := frame.(*http2.PingFrame)
			acked = ok && ping.IsAck()
		}
	}
}

// Plain text is for this machine only.
func TestPlainTextElsewhere(t *testing.T) {
	config, _ := certificate(t)
	for _, row := range []struct {
		address string
		tls     *tls.Config
		refused bool
	}{
		{"0.0.0.0:0", nil, true},
		{"127.0.0.1:0", nil, false},
		{"[::1]:0", nil, false},
		{"0.0.0.0:0", config, false},
	} {
		server, err := New(Options{Store: storetest.NewMemory(), TLS: row.tls})
		if err != nil {
			t.Fatal(err)
		}
		ln, err := net.Listen("tcp", row.address)
		if err != nil {
			t.Logf("listen on %s: %v", row.address, err)
			continue
		}
		ended := make(chan error, 1)
		go func() { ended <- server.Serve(ln) }()
		if row.refused {
			if err := <-ended; err == nil || !strings.Contains(err.Error(), "loopback") {
				t.Errorf("%s: got %v, want a refusal", row.address, err)
			}
		}
		if err := server.Shutdown(t.Context()); err != nil {
			t.Errorf("%s: shutdown: got %v, want no error", row.address, err)
		}
		if row.refused {
			continue
		}
		if err := <-ended; err != nil {
			t.Errorf("%s: got %v, want no error", row.address, err)
		}
	}
	if _, err := New(Options{}); err == nil {
		t.Error("no store: got no error, want one")
	}
}

// Over TLS a call needs the name and password of a user, but for those that clients make before.
func TestUsers(t *testing.T) {
	config, pool := certificate(t)
	n := serve(t, Options{TLS: config, Users: map[string]string{"admin": "change:it", "empty": ""}})
	trust := credentials.NewTLS(&tls.Config{RootCAs: pool})
	conn, err := grpc.NewClient(n.address, grpc.WithTransportCredentials(trust))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	basic := func(text string) string {
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(text))
	}
	for header, want := range map[string]codes.Code{
		"":                       codes.PermissionDenied,
		basic("admin:change:it"): codes.OK,
		strings.Replace(basic("admin:change:it"), "Basic", "basic", 1): codes.OK,
		basic("empty:"):           codes.OK,
		basic("admin:change"):     codes.Unauthenticated,
		basic("admin:"):           codes.Unauthenticated,
		basic("admin"):            codes.Unauthenticated,
		basic("nobody:"):          codes.Unauthenticated,
		basic("nobody:change:it"): codes.Unauthenticated,
		basic(":"):                codes.Unauthenticated,
		"Basic !":                 codes.Unauthenticated,
		"Basic":                   codes.Unauthenticated,
		"Bearer abc":              codes.Unauthenticated,
	} {
		ctx := t.Context()
		if header != "" {
			ctx = grpcmeta.AppendToOutgoingContext(ctx, "authorization", header)
		}
		h := &house{TB: t, ctx: ctx, store: n.Store}
		h.stub = streams.NewStreamsClient(conn)
		_, _, err := h.post(appendOptions("s", expectAny), proposal(event("Happened")))
		if status.Code(err) != want {
			t.Errorf("append as %q: got %v, want %s", header, err, want)
		}
		if want == codes.PermissionDenied {
			want = codes.OK
		}
		if _, err := gossip.NewGossipClient(conn).Read(ctx, &shared.Empty{}); status.Code(err) != want {
			t.Errorf("gossip as %q: got %v, want %s", header, err, want)
		}
	}
	for url, want := range map[string]esdb.ErrorCode{
		"esdb://admin:change%%3Ait@%s?tlsverifycert=false": -1,
		"esdb://admin:wrong@%s?tlsverifycert=false":        esdb.ErrorCodeUnauthenticated,
		"esdb://%s?tlsverifycert=false":                    esdb.ErrorCodeAccessDenied,
	} {
		err := put(t.Context(), n.connect(t, url), "s")
		got := esdb.ErrorCode(-1)
		var failed *esdb.Error
		if errors.As(err, &failed) {
			got = failed.Code()
		}
		if got != want {
			t.Errorf("%s: got %v, want code %d", url, err, want)
		}
	}
}

// Who is refused before a call begins learns why, also while it is still sending.
func TestUnknownUserIsReadToTheEnd(t *testing.T) {
	config, _ := certificate(t)
	n := serve(t, Options{TLS: config, Users: map[string]string{"admin": "changeit"}})
	client := n.connect(t, "esdb://%s?tlsverifycert=false")
	large := make([]esdb.EventData, 40)
	for i := range large {
		large[i] = esdb.EventData{EventType: "Large", Data: make([]byte, 100_000)}
	}
	for range 20 {
		_, err := client.AppendToStream(t.Context(), "s", esdb.AppendToStreamOptions{}, large...)
		var failed *esdb.Error
		if !errors.As(err, &failed) || failed.Code() != esdb.ErrorCodeAccessDenied {
			t.Fatalf("got %v, want access denied", err)
		}
	}
}

// Nobody is asked where there are no users, nor in plain text.
func TestNobodyIsAsked(t *testing.T) {
	config, _ := certificate(t)
	users := map[string]string{"admin": "changeit"}
	for url, opts := range map[string]Options{
		"esdb://bad:bad@%s?tls=false":           {Users: users},
		"esdb://bad:bad@%s?tlsverifycert=false": {TLS: config},
	} {
		client := serve(t, opts).connect(t, url)
		if err := put(t.Context(), client, "s"); err != nil {
			t.Errorf("%s: got %v, want no error", url, err)
		}
	}
}

// Clients choose their calls by what is supported, by lower-case names.
func TestServerFeatures(t *testing.T) {
	n := serve(t, Options{})
	supported, err := featuresService{Server: n.Server}.GetSupportedMethods(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := supported.GetEventStoreServerVersion(); got != "24.2.0" {
		t.Errorf("version: got %s, want 24.2.0", got)
	}
	got := map[string]string{}
	for _, m := range supported.GetMethods() {
		got[m.GetServiceName()+"/"+m.GetMethodName()] = strings.Join(m.GetFeatures(), ",")
	}
	for method, features := range map[string]string{
		"event_store.client.streams.streams/read":                               "position,events",
		"event_store.client.streams.streams/append":                             "",
		"event_store.client.streams.streams/delete":                             "",
		"event_store.client.streams.streams/tombstone":                          "",
		"event_store.client.streams.streams/batchappend":                        "deadline_duration",
		"event_store.client.gossip.gossip/read":                                 "",
		"event_store.client.server_features.serverfeatures/getsupportedmethods": "",
	} {
		if got, ok := got[method]; !ok || got != features {
			t.Errorf("%s: got %q, %v, want %q", method, got, ok, features)
		}
	}
	const groups = "event_store.client.persistent_subscriptions.persistentsubscriptions"
	if got := featuresOf(groups, "create"); !slices.Equal(got, []string{"stream", "all"}) {
		t.Errorf("persistent subscriptions: got %v, want stream and all", got)
	}
}

// Gossip names the address under which the client came, and the official client finds it.
func TestGossip(t *testing.T) {
	n := serve(t, Options{})
	_, port, _ := net.SplitHostPort(n.address)
	for _, row := range []struct {
		local     net.Addr
		authority string
		want      string
	}{
		{nil, "db.example:1234", "db.example:1234"},
		{nil, "[::1]:7", "::1:7"},
		{&net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 5}, "", "10.0.0.1:5"},
		{&net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 5}, "db.example", "10.0.0.1:5"},
		{&net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 5}, "db.example:x", "10.0.0.1:5"},
		{&net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 5}, ":9", "10.0.0.1:5"},
		{nil, "", "localhost:0"},
	} {
		host, port := reachedAt(row.local, row.authority)
		if got := fmt.Sprintf("%s:%d", host, port); got != row.want {
			t.Errorf("%v, %q: got %s, want %s", row.local, row.authority, got, row.want)
		}
	}
	conn, err := grpc.NewClient("localhost:"+port, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	info, err := gossip.NewGossipClient(conn).Read(t.Context(), &shared.Empty{})
	if err != nil || len(info.GetMembers()) != 1 {
		t.Fatalf("got %v, %v, want one member", info, err)
	}
	m := info.GetMembers()[0]
	at := fmt.Sprintf("%s:%d", m.GetHttpEndPoint().GetAddress(), m.GetHttpEndPoint().GetPort())
	if m.GetState() != gossip.MemberInfo_Leader || !m.GetIsAlive() || at != "localhost:"+port {
		t.Errorf("got %v, want a leader at localhost:%s", m, port)
	}
	client := n.connect(t, "esdb+discover://%s?tls=false")
	if err := put(t.Context(), client, "s"); err != nil {
		t.Errorf("discovered: got %v, want no error", err)
	}
}

// An empty log gets the users of the system, once; a log that has them is left alone.
func TestSeeds(t *testing.T) {
	store := storetest.NewMemory()
	for range 2 {
		n := serve(t, Options{Store: store, Owned: func(stream string) bool {
			return strings.HasPrefix(stream, "account-")
		}})
		client := n.connect(t, "esdb://%s?tls=false")
		read, err := client.ReadStream(t.Context(), "$users", esdb.ReadStreamOptions{}, 10)
		if err != nil {
			t.Fatal(err)
		}
		e, err := read.Recv()
		read.Close()
		if err != nil || string(e.OriginalEvent().Data) != "admin" || e.OriginalEvent().EventType != "$User" {
			t.Errorf("$users: got %v, %v, want admin", e, err)
		}
		var log []string
		for e, err := range store.ReadAll(t.Context(), eventstore.Start) {
			if err != nil {
				t.Fatal(err)
			}
			log = append(log, e.Stream)
		}
		if want := []string{"$user-admin", "$users", "$user-ops", "$users"}; !slices.Equal(log, want) {
			t.Errorf("log: got %v, want %v", log, want)
		}
	}
}

// A server that is closing says so to who asks for its health.
func TestHealthWhileClosing(t *testing.T) {
	n := serve(t, Options{})
	n.close()
	page := httptest.NewRecorder()
	n.pages().ServeHTTP(page, httptest.NewRequest(http.MethodGet, "/health/live", nil))
	if page.Code != http.StatusServiceUnavailable {
		t.Errorf("got %d, want 503", page.Code)
	}
}
