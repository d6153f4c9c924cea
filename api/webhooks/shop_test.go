package webhooks_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/api"
	"github.com/tillbook/tillbook/api/webhooks"
	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
	"github.com/tillbook/tillbook/domain/vault"
	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/enginetest"
)

// shop is a ledger whose webhooks are sent by a Sender that can be ended and started again.
type shop struct {
	testing.TB
	store  eventstore.Store
	ledger *ledger.Ledger
	keys   *vault.Keyring
	folder string
	opts   webhooks.Options
	sender *webhooks.Sender
	stop   func()
}

var admin = ledger.Caller{Actor: "test", Role: domain.RoleAdmin}

func open(t testing.TB) *shop {
	t.Helper()
	keys, err := vault.NewKeyring(base64.StdEncoding.EncodeToString(make([]byte, 32)))
	if err != nil {
		t.Fatal(err)
	}
	s := &shop{TB: t, store: enginetest.Open(t), keys: keys, folder: t.TempDir()}
	s.ledger = ledger.Open(s.store, ledger.Options{Shared: enginetest.Shared()})
	if err := s.ledger.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.opts = webhooks.Options{Keyring: keys, Body: api.EventBody, Private: true, Version: "test",
		Ladder: []time.Duration{time.Millisecond, time.Millisecond}}
	s.start()
	t.Cleanup(func() {
		s.end()
		s.ledger.Close()
	})
	return s
}

// start opens the sender on the folder and runs it.
func (s *shop) start() {
	s.Helper()
	sender, err := webhooks.Open(context.Background(), s.folder, s.ledger, s.store, s.opts)
	if err != nil {
		s.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); sender.Run(ctx) }()
	s.sender = sender
	s.stop = sync.OnceFunc(func() {
		cancel()
		<-ended
		if err := sender.Close(); err != nil {
			s.Error(err)
		}
	})
}

func (s *shop) end() { s.stop() }

// register posts a registration.
func (s *shop) register(r domain.Registration) {
	s.Helper()
	_, err := s.ledger.Register(s.Context(), ledger.Registering{Registration: r, Caller: admin})
	if err != nil {
		s.Fatal(err)
	}
}

// hook registers a webhook at a receiver; edit may change it.
func (s *shop) hook(r *receiver, edit ...func(*domain.Webhook)) domain.Webhook {
	s.Helper()
	w := domain.Webhook{ID: uuid.New(), URL: r.URL + "/in", Status: domain.WebhookActive}
	for _, f := range edit {
		f(&w)
	}
	sealed, err := webhooks.Seal(s.keys, w.ID, []byte("secret of "+w.ID.String()))
	if err != nil {
		s.Fatal(err)
	}
	w.SealedSecret = sealed
	s.register(domain.RegisterWebhook{Webhook: w})
	return w
}

// account opens an account, at a store.
func (s *shop) account(ref, store string) uuid.UUID {
	s.Helper()
	id := domain.AccountID(ref)
	_, err := s.ledger.Do(s.Context(), ledger.Request{Account: id, Caller: admin, Key: "open",
		Command: domain.OpenAccount{CustomerRef: ref},
		Context: domain.Context{Store: store, Operator: "Ann"}})
	if err != nil {
		s.Fatal(err)
	}
	return id
}

// log are the log's events that a webhook may get.
func (s *shop) log() []eventstore.Recorded {
	s.Helper()
	var all []eventstore.Recorded
	for e, err := range s.store.ReadAll(s.Context(), eventstore.Start, domain.Prefixes...) {
		if err != nil {
			s.Fatal(err)
		}
		if !webhooks.Secretive(e.Stream) {
			all = append(all, e)
		}
	}
	return all
}

// last is the position of the last of them.
func (s *shop) last() eventstore.Position {
	all := s.log()
	return all[len(all)-1].Position
}

// deliveries waits until a webhook's deliveries are as they are wanted.
func (s *shop) deliveries(id uuid.UUID, want func([]webhooks.Delivery) bool) []webhooks.Delivery {
	s.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for range time.Tick(time.Millisecond) {
		all, _, err := s.sender.Deliveries(s.Context(), id, "", 0, 10_000)
		if err != nil {
			s.Fatal(err)
		}
		if want(all) {
			return all
		}
		if time.Now().After(deadline) {
			s.Fatalf("got %d deliveries %+v", len(all), all[:min(len(all), 10)])
		}
	}
	return nil
}

// settled reports that there are n deliveries, none pending.
func settled(n int) func([]webhooks.Delivery) bool {
	return func(all []webhooks.Delivery) bool {
		for _, d := range all {
			if d.State == webhooks.Pending {
				return false
			}
		}
		return len(all) == n
	}
}

// received is a request as a receiver got it.
type received struct {
	id, signature, body string
	at                  int64
	sequence            int
	header              http.Header
}

// receiver is an HTTP server that keeps what it gets.
type receiver struct {
	*httptest.Server
	t      testing.TB
	mu     sync.Mutex
	all    []received
	answer func(http.ResponseWriter, received) // nil: 200
}

func listen(t testing.TB, answer func(http.ResponseWriter, received)) *receiver {
	r := &receiver{t: t, answer: answer}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return // cut off: not received
	}
	at, _ := strconv.ParseInt(req.Header.Get("webhook-timestamp"), 10, 64)
	sequence, _ := strconv.Atoi(req.Header.Get("Tillbook-Sequence"))
	got := received{req.Header.Get("webhook-id"), req.Header.Get("webhook-signature"), string(body), at,
		sequence, req.Header}
	r.mu.Lock()
	r.all = append(r.all, got)
	answer := r.answer
	r.mu.Unlock()
	if answer != nil {
		answer(w, got)
	}
}

func (r *receiver) got() []received {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]received(nil), r.all...)
}

func (r *receiver) set(answer func(http.ResponseWriter, received)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = answer
}

func status(code int) func(http.ResponseWriter, received) {
	return func(w http.ResponseWriter, _ received) { w.WriteHeader(code) }
}

// verify checks a signature as Standard Webhooks' own text describes it, apart from the code under
// test.
func (g received) verify(key string) error {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(g.id + "." + strconv.FormatInt(g.at, 10) + "." + g.body))
	want := mac.Sum(nil)
	for _, one := range strings.Split(g.signature, " ") {
		version, text, _ := strings.Cut(one, ",")
		got, err := base64.StdEncoding.DecodeString(text)
		if version == "v1" && err == nil && hmac.Equal(got, want) {
			return nil
		}
	}
	return fmt.Errorf("no signature of %q is one", g.signature)
}
