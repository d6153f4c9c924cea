package api_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/tillbook/tillbook/api"
	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/enginetest"
	"github.com/tillbook/tillbook/projections"
	"github.com/tillbook/tillbook/projections/placetest"
)

// shop is a served API on a store in memory, with read models, and what tests ask of it.
type shop struct {
	testing.TB
	*api.Server
	ledger *ledger.Ledger
	store  eventstore.Store
	client *http.Client
	keys   *atomic.Int64 // shared by its copies
}

// open serves an API; change may alter its settings.
func open(t testing.TB, change ...func(*api.Config)) *shop {
	t.Helper()
	s := &shop{TB: t, store: enginetest.Open(t), keys: new(atomic.Int64)}
	s.ledger = ledger.Open(s.store, ledger.Options{Shared: enginetest.Shared()})
	if err := s.ledger.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	models, err := projections.Open(t.Context(), placetest.Place(t), s.store, projections.Options{})
	if err != nil {
		t.Fatal(err)
	}
	config := api.Config{Ledger: s.ledger, Store: s.store, Models: models,
		Metrics: prometheus.NewRegistry(), Version: "test"}
	for _, f := range change {
		f(&config)
	}
	if s.Server, err = api.New(config); err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.client = &http.Client{Transport: &http.Transport{
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			return net.Dial("tcp", ln.Addr().String())
		},
	}}
	served := make(chan error, 1)
	go func() { served <- s.Serve(ln) }()
	t.Cleanup(func() {
		s.client.CloseIdleConnections()
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
		s.ledger.Close()
		if err := models.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// keyOf is the secret of the key that addKey made for a role.
func keyOf(role domain.Role) string { return "tb_test_of_" + string(role) }

// addKey registers a key with its role's secret.
func (s *shop) addKey(key domain.APIKey) {
	s.Helper()
	s.addKeyOf(key, keyOf(key.Role))
}

// addKeyOf registers a key with a secret.
func (s *shop) addKeyOf(key domain.APIKey, secret string) {
	s.Helper()
	key.Name, key.Hash, key.Last4 = "test", sha256.Sum256([]byte(secret)), secret[len(secret)-4:]
	if key.ID == uuid.Nil {
		key.ID = uuid.New()
	}
	_, err := s.ledger.Register(s.Context(), ledger.Registering{
		Registration: domain.CreateKey{APIKey: key}, Key: uuid.NewString(),
		Caller: ledger.Caller{Actor: "test", Role: domain.RoleAdmin},
	})
	if err != nil {
		s.Fatal(err)
	}
}

// asked is a request that can be changed before it is sent.
type asked struct {
	*http.Request
	shop *shop
}

// ask is a request of a role, with a key of its own.
func (s *shop) ask(role domain.Role, method, path, body string) asked {
	s.Helper()
	req, err := http.NewRequest(method, "http://tillbook"+path, strings.NewReader(body))
	if err != nil {
		s.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+keyOf(role))
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if method != "GET" {
		req.Header.Set("Idempotency-Key", fmt.Sprint("key-", s.keys.Add(1)))
	}
	return asked{req, s}
}

// get and post are requests of an admin.
func (s *shop) get(path string) answer {
	s.Helper()
	return s.ask(admin, "GET", path, "").send()
}

func (s *shop) post(path, body string) answer {
	s.Helper()
	return s.ask(admin, "POST", path, body).send()
}

// postOnce is post with a chosen key.
func (s *shop) postOnce(key, path, body string) answer {
	s.Helper()
	return s.ask(admin, "POST", path, body).with("Idempotency-Key", key).send()
}

func (a asked) with(header, value string) asked {
	a.Header.Set(header, value)
	return a
}

func (a asked) without(header string) asked {
	a.Header.Del(header)
	return a
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	text   string
	t      testing.TB
}

func (a asked) send() answer {
	a.shop.Helper()
	res, err := a.shop.client.Do(a.Request)
	if err != nil {
		a.shop.Fatalf("%s %s: %v", a.Method, a.URL, err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		a.shop.Fatalf("%s %s: %v", a.Method, a.URL, err)
	}
	got := answer{res.StatusCode, res.Header, string(text), a.shop}
	got.conforms(a.Method, a.URL.Path)
	got.answersDocumented(a.Request)
	return got
}

// is checks the status.
func (a answer) is(status int) answer {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("got %d %s, want %d", a.status, a.text, status)
	}
	return a
}

// refused checks status and code.
func (a answer) refused(status int, code string) answer {
	a.t.Helper()
	if got := a.is(status).at("code"); got != code {
		a.t.Fatalf("got code %q, want %q: %s", got, code, a.text)
	}
	if got := a.header.Get("Content-Type"); got != "application/problem+json" {
		a.t.Fatalf("got Content-Type %q of a problem", got)
	}
	return a
}

// at is a field of the body as text; path is such as balance.total or data.0.type. "" is none.
func (a answer) at(path string) string {
	a.t.Helper()
	var body any
	if err := json.Unmarshal([]byte(a.text), &body); err != nil {
		a.t.Fatalf("not JSON: %v: %s", err, a.text)
	}
	for _, step := range strings.Split(path, ".") {
		switch b := body.(type) {
		case map[string]any:
			body = b[step]
		case []any:
			var i int
			if _, err := fmt.Sscan(step, &i); err != nil || i >= len(b) {
				return ""
			}
			body = b[i]
		default:
			return ""
		}
	}
	switch b := body.(type) {
	case nil:
		return ""
	case string:
		return b
	}
	text, _ := json.Marshal(body)
	return string(text)
}

// has checks fields.
func (a answer) has(fields map[string]string) answer {
	a.t.Helper()
	for path, want := range fields {
		if got := a.at(path); got != want {
			a.t.Errorf("%s: got %q, want %q in %s", path, got, want, a.text)
		}
	}
	return a
}

// head is the log's last position.
func (s *shop) head() eventstore.Position {
	s.Helper()
	p, err := s.store.Head(context.Background())
	if err != nil {
		s.Fatal(err)
	}
	return p
}

// account opens an account and fills it; it answers the account's path.
func (s *shop) account(ref, amount string) string {
	s.Helper()
	id := s.post("/v1/accounts", `{"customer_ref":"`+ref+`"}`).is(201).at("id")
	path := "/v1/accounts/" + id
	if amount != "" {
		s.post(path+"/top-ups", `{"amount":`+cny(amount)+`}`).is(201)
	}
	return path
}

func cny(amount string) string { return `{"amount":"` + amount + `","unit":"CNY"}` }
