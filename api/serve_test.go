package api_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/api"
	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
)

// TestConnectionIsKept over reads, writes and refusals.
func TestConnectionIsKept(t *testing.T) {
	s := openWithAdmin(t)
	path := s.account("C-1", "10")
	for _, request := range []asked{
		s.ask(admin, "GET", path+"/balances", ""),
		s.ask(admin, "POST", path+"/debits", `{"amount":`+cny("1")+`}`),
		s.ask(admin, "POST", path+"/debits", `{"amount":`+cny("100")+`}`),
		s.ask(admin, "POST", path+"/debits", `{"nope":1}`),
		s.ask(admin, "POST", "/v1/bulk", `[]`),
		s.ask(admin, "GET", "/nope", ""),
	} {
		kept := false
		trace := &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { kept = i.Reused }}
		request.Request = request.WithContext(httptrace.WithClientTrace(t.Context(), trace))
		request.send()
		if !kept {
			t.Errorf("the connection was closed before %s %s", request.Method, request.URL.Path)
		}
	}
}

// lines collects a log.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// TestHead asks by HEAD, as monitors do, for what needs no key; the connection goes on.
func TestHead(t *testing.T) {
	s := openWithAdmin(t)
	for _, path := range []string{"/livez", "/readyz", "/version", "/metrics", "/docs", "/openapi.yaml"} {
		req := s.ask(admin, "HEAD", path, "").without("Authorization").Request
		res, err := s.client.Do(req)
		if err != nil {
			t.Fatalf("HEAD %s: %v", path, err)
		}
		_ = res.Body.Close()
		if res.StatusCode != 200 || res.ContentLength <= 0 {
			t.Errorf("HEAD %s: got %d of %d bytes, want 200 and the length", path, res.StatusCode, res.ContentLength)
		}
		s.get("/v1/units").is(200)
	}
}

// TestLog has one line a request, with nothing in it that is nobody's business.
func TestLog(t *testing.T) {
	var log lines
	s := open(t, func(c *api.Config) { c.Logger = slog.New(slog.NewJSONHandler(&log, nil)) })
	s.addKey(domain.APIKey{Role: admin})
	path := s.account("C-1", "10")
	s.ask(admin, "POST", path+"/debits", `{"amount":`+cny("1")+`,"pos_txn_id":"SECRET-TICKET"}`).
		with("X-Request-Id", "mine-7").send().is(201)
	s.get("/v1/operations?pos_txn_id=SECRET-TICKET").is(200)
	s.ask(admin, "GET", "/v1/keys", "").with("Authorization", "Bearer tb_wrong").send().is(401)
	s.get("/livez").is(200)
	log.mu.Lock()
	defer log.mu.Unlock()
	text := log.text.String()
	for _, want := range []string{
		`"request_id":"mine-7","route":"POST /v1/accounts/{id}/debits","status":201,"seconds":0.`,
		`"route":"GET /v1/operations"`, `"status":401`} {
		if !strings.Contains(text, want) {
			t.Errorf("the log does not say %s", want)
		}
	}
	for _, secret := range []string{keyOf(admin), "tb_wrong", "SECRET-TICKET", path, "/livez"} {
		if strings.Contains(text, secret) {
			t.Errorf("the log says %s", secret)
		}
	}
}

// TestMetrics: requests are counted by route template and status.
func TestMetrics(t *testing.T) {
	s := openWithAdmin(t)
	path := s.account("C-1", "10")
	s.get(path + "/balances").is(200)
	s.get(path + "/nope").is(404)
	text := s.get("/metrics").is(200).text
	for _, want := range []string{
		`tillbook_requests_total{route="GET /v1/accounts/{id}/balances",status="200"} 1`,
		`tillbook_requests_total{route="unmatched",status="404"} 1`,
		`tillbook_request_seconds_count{route="POST /v1/accounts"} 1`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s", want)
		}
	}
	if strings.Contains(text, path) {
		t.Error("a label is a path")
	}
}

// TestDamaged: an event that is not ours stops its account, and no other.
func TestDamaged(t *testing.T) {
	s := openWithAdmin(t)
	path := s.account("C-1", "10")
	damaged := domain.AccountID("C-2")
	_, err := s.store.Append(t.Context(), domain.AccountStream(damaged), eventstore.NoStream,
		[]eventstore.Event{{ID: uuid.New(), Type: "Nonsense", Data: []byte("{}"), Metadata: []byte("{}")}})
	if err != nil {
		t.Fatal(err)
	}
	s.get("/v1/accounts/"+damaged.String()+"/balances").refused(503, "stream_damaged").
		has(fields{"stream": domain.AccountStream(damaged), "revision": "0", "retryable": "true"})
	s.post("/v1/accounts", `{"customer_ref":"C-2"}`).refused(503, "stream_damaged")
	s.post(path+"/debits", `{"amount":`+cny("1")+`}`).is(201)
}

// TestShutdown ends live feeds, and lets nothing more in.
func TestShutdown(t *testing.T) {
	s := openWithAdmin(t)
	res, err := s.client.Do(s.ask(admin, "GET", "/v1/events", "").Request)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatal(res, err)
	}
	defer res.Body.Close()
	if err := s.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	if res, err := s.client.Do(s.ask(admin, "GET", "/livez", "").Request); err == nil {
		res.Body.Close()
		t.Errorf("got %d after the end", res.StatusCode)
	}
}
