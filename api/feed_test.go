package api_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/tillbook/tillbook/api"
	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
)

// reader reads a feed, and knows how far it came.
type reader struct {
	*shop
	path string
	last string   // the id of the last event, for Last-Event-ID
	got  []string // "id type" of each event
}

// connect opens the feed after the last event.
func (r *reader) connect(ctx context.Context) (io.ReadCloser, *bufio.Scanner) {
	r.Helper()
	req := r.ask(admin, "GET", r.path, "")
	if r.last != "" {
		req = req.with("Last-Event-ID", r.last)
	}
	res, err := r.client.Do(req.WithContext(ctx))
	if err != nil {
		r.Fatal(err)
	}
	if res.StatusCode != http.StatusOK {
		r.Fatalf("got %d", res.StatusCode)
	}
	return res.Body, bufio.NewScanner(res.Body)
}

// read reads at most n events, or until one at position until, then cuts the connection. It says whether
// it came that far.
func (r *reader) read(n int, until string) bool {
	r.Helper()
	ctx, cut := context.WithCancel(r.Context())
	defer cut()
	body, lines := r.connect(ctx)
	defer body.Close()
	id := ""
	for range n {
		for lines.Scan() {
			if rest, ok := strings.CutPrefix(lines.Text(), "id: "); ok {
				id = rest
			}
			if rest, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
				r.got, r.last = append(r.got, id+" "+rest), id
				break
			}
		}
		if r.last == until {
			return true
		}
		if lines.Err() != nil {
			r.Fatal(lines.Err())
		}
	}
	return false
}

// wanted are the log's events that pass, as a reader keeps them.
func (s *shop) wanted(pass func(kind, stream string) bool) []string {
	s.Helper()
	var all []string
	for e, err := range s.store.ReadAll(s.Context(), 0, domain.Prefixes...) {
		if err != nil {
			s.Fatal(err)
		}
		if pass(e.Type, e.Stream) {
			all = append(all, fmt.Sprint(uint64(e.Position), " ", e.Type))
		}
	}
	return all
}

// node is another API on the shop's log.
func (s *shop) node() *shop {
	s.Helper()
	l := ledger.Open(s.store, ledger.Options{Shared: true})
	if err := l.Ready(s.Context()); err != nil {
		s.Fatal(err)
	}
	server, err := api.New(api.Config{Ledger: l, Store: s.store})
	if err != nil {
		s.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			return net.Dial("tcp", ln.Addr().String())
		},
	}}
	served := make(chan error, 1)
	go func() { served <- server.Serve(ln) }()
	s.Cleanup(func() {
		client.CloseIdleConnections()
		if err := server.Shutdown(context.Background()); err != nil {
			s.Error(err)
		}
		if err := <-served; err != nil {
			s.Error(err)
		}
		l.Close()
	})
	return &shop{TB: s.TB, Server: server, ledger: l, store: s.store, client: client, keys: s.keys}
}

// write opens accounts and freezes them, through one node or the other.
func (s *shop) write(writer, count int, nodes []*shop) error {
	for i := range count {
		ref := fmt.Sprintf("W-%d-%d", writer, i)
		for n, command := range []domain.Command{domain.OpenAccount{CustomerRef: ref},
			domain.FreezeAccount{Modes: []domain.FreezeMode{domain.FreezeDebit}, Reason: "r"}} {
			_, err := nodes[(i+n)%len(nodes)].ledger.Do(context.Background(), ledger.Request{
				Account: domain.AccountID(ref), Key: fmt.Sprint("k", n), Command: command,
				Caller: ledger.Caller{Actor: "test", Role: admin}})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// TestFeedIsWhole: readers that are cut and come back many times while others write see every
// committed event of their filter exactly once, in order, whichever node they ask.
func TestFeedIsWhole(t *testing.T) {
	s := openWithAdmin(t)
	nodes := []*shop{s, s.node()}
	const writers, each = 4, 60
	var wait sync.WaitGroup
	for w := range writers {
		wait.Go(func() {
			if err := s.write(w, each, nodes); err != nil {
				t.Error(err)
			}
		})
	}
	one := domain.AccountStream(domain.AccountID("W-0-7"))
	two := domain.AccountStream(domain.AccountID("W-3-9"))
	filters := []struct {
		query string
		pass  func(kind, stream string) bool
	}{
		{"", func(string, string) bool { return true }},
		{"&type=AccountFrozen,APIKeyCreated", func(kind, _ string) bool {
			return kind == "AccountFrozen" || kind == "APIKeyCreated"
		}},
		{"&account_id=" + one[len("account-"):] + "," + two[len("account-"):],
			func(_, stream string) bool { return stream == one || stream == two }},
	}
	readers := make([]*reader, len(filters))
	for i, f := range filters {
		readers[i] = &reader{shop: s, path: "/v1/events?from_position=0" + f.query}
	}
	for cuts := range 12 { // while they write
		for _, r := range readers[:2] {
			r.shop = nodes[cuts%2]
			r.read(1+cuts, "")
		}
	}
	wait.Wait()
	for i, f := range filters {
		r, want := readers[i], s.wanted(f.pass)
		until, _, _ := strings.Cut(want[len(want)-1], " ")
		for cuts := 0; r.last != until; cuts++ {
			r.shop = nodes[cuts%2]
			r.read(1+cuts%50, until)
		}
		if !slices.Equal(r.got, want) {
			t.Errorf("%q: got %d events, want %d: %v", f.query, len(r.got), len(want), r.got[:min(len(r.got), 10)])
		}
	}
}

// TestSlowFeed: who does not read what is sent holds nobody up, and has missed nothing when it reads.
func TestSlowFeed(t *testing.T) {
	s := openWithAdmin(t)
	r := &reader{shop: s, path: "/v1/events?from_position=0"}
	body, lines := r.connect(t.Context())
	defer body.Close()
	if err := s.write(0, 2000, []*shop{s}); err != nil { // more than the buffers between them hold
		t.Fatal(err)
	}
	want := s.wanted(func(string, string) bool { return true })
	for i := 0; i < len(want) && lines.Scan(); {
		if id, ok := strings.CutPrefix(lines.Text(), "id: "); ok {
			if !strings.HasPrefix(want[i], id+" ") {
				t.Fatalf("event %d: got %s, want %s", i, id, want[i])
			}
			i++
			r.last = id
		}
	}
	if !strings.HasPrefix(want[len(want)-1], r.last+" ") {
		t.Errorf("it ended at %s, want %s: %v", r.last, want[len(want)-1], lines.Err())
	}
}

// TestFeedFilters: what cannot be a filter is refused.
func TestFeedFilters(t *testing.T) {
	s := openWithAdmin(t)
	for query, field := range map[string]string{
		"type=DebitPosted,Nonsense": "type", "type=,DebitPosted": "type", "type=DebitPosted,": "type",
		"account_id=nonsense": "account_id", "account_id=" + domain.AccountID("A").String() + ",": "account_id",
	} {
		s.get("/v1/events?"+query).refused(400, "malformed").has(fields{"errors.0.field": field})
	}
}
