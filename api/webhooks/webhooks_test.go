package webhooks_test

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/api/webhooks"
	"github.com/tillbook/tillbook/domain"
)

// TestDelivery: every event after the registration once, in order, dense, signed, without what is
// personal.
func TestDelivery(t *testing.T) {
	s := open(t)
	s.account("before", "")
	r := listen(t, nil)
	w := s.hook(r)
	const count = 300 // more than the window
	for i := range count {
		s.account(fmt.Sprint("C-", i), "S1")
	}
	s.deliveries(w.ID, settled(count))
	events, got := s.log()[1:], r.got()
	if _, at, err := s.sender.Deliveries(t.Context(), w.ID, "", 0, 1); err != nil ||
		at != events[count-1].Position {
		t.Errorf("got position %d, %v, want %d", at, err, events[count-1].Position)
	}
	if len(got) != count {
		t.Fatalf("got %d requests, want %d", len(got), count)
	}
	for i, g := range got {
		e := events[i]
		if g.id != e.ID.String() || g.sequence != i+1 ||
			g.header.Get("Tillbook-Position") != strconv.FormatUint(uint64(e.Position), 10) {
			t.Fatalf("request %d: got event %s, sequence %d, %v, want %s", i, g.id, g.sequence, g.header, e.ID)
		}
		if err := g.verify("secret of " + w.ID.String()); err != nil {
			t.Fatal(err)
		}
		if age := time.Since(time.Unix(g.at, 0)); age < -time.Second || age > time.Minute {
			t.Errorf("the timestamp is %s old", age)
		}
		if strings.Contains(g.body, "C-") || strings.Contains(g.body, "Ann") ||
			!strings.Contains(g.body, `"type":"AccountOpened"`) || !strings.Contains(g.body, e.Stream) {
			t.Fatalf("got body %s", g.body)
		}
		if g.header.Get("Content-Type") != "application/json" {
			t.Errorf("got %v", g.header)
		}
	}
}

// TestFilters: types, accounts and stores; personal data only where it is wanted; never a key's or a
// webhook's stream.
func TestFilters(t *testing.T) {
	s := open(t)
	r := listen(t, nil)
	s.hook(r, func(w *domain.Webhook) { w.URL = r.URL + "/all"; w.Personal = true })
	hooks := map[string]domain.Webhook{}
	for name, edit := range map[string]func(*domain.Webhook){
		"all":     func(w *domain.Webhook) { w.Personal = true },
		"types":   func(w *domain.Webhook) { w.Types = []string{"StoreRegistered", "DebitPosted"} },
		"account": func(w *domain.Webhook) { w.Accounts = []uuid.UUID{domain.AccountID("A")} },
		"store":   func(w *domain.Webhook) { w.Stores = []string{"S2"} },
		"paused":  func(w *domain.Webhook) { w.Status = domain.WebhookPaused },
	} {
		hooks[name] = s.hook(listen(t, nil), edit)
	}
	s.account("A", "S1")
	s.account("B", "S2")
	s.register(domain.CreateKey{APIKey: domain.APIKey{ID: uuid.New(), Name: "n", Role: domain.RolePOS}})
	s.register(domain.SetStore{Store: domain.Store{ID: "S1", Zone: "UTC", DayCut: "00:00", Status: "open"}})
	for name, want := range map[string][]string{
		"all": {"AccountOpened", "AccountOpened", "StoreRegistered"}, "types": {"StoreRegistered"},
		"account": {"AccountOpened"}, "store": {"AccountOpened"},
	} {
		var types []string
		for _, d := range s.deliveries(hooks[name].ID, settled(len(want))) {
			types = append(types, d.Type)
		}
		if !slices.Equal(types, want) {
			t.Errorf("%s: got %v, want %v", name, types, want)
		}
	}
	if got := r.got()[0].body; !strings.Contains(got, `"customer_ref":"A"`) || !strings.Contains(got, "Ann") {
		t.Errorf("got %s, want what is personal", got)
	}
	s.deliveries(hooks["paused"].ID, settled(0))
	resumed := hooks["paused"]
	resumed.Status = domain.WebhookActive
	s.register(domain.ChangeWebhook{Webhook: resumed})
	s.deliveries(resumed.ID, settled(3)) // what happened meanwhile
}

// TestRetries: a failing event is retried while later ones go on; the ladder's end is a dead letter,
// which can be sent again by hand under its id and sequence.
func TestRetries(t *testing.T) {
	s := open(t)
	bad := domain.AccountID("bad").String()
	fail := func(w http.ResponseWriter, g received) {
		if strings.Contains(g.body, bad) {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}
	r := listen(t, fail)
	w := s.hook(r)
	s.account("bad", "")
	s.account("good", "")
	all := s.deliveries(w.ID, settled(2))
	if d := all[0]; d.State != webhooks.Dead || d.Attempts != 3 || d.Status != 500 || d.Error != "answered 500" {
		t.Errorf("got %+v, want it dead after 3 attempts", d)
	}
	if all[1].State != webhooks.Done || all[1].Attempts != 1 {
		t.Errorf("got %+v, want it done at once", all[1])
	}
	r.set(nil)
	if err := s.sender.Retry(t.Context(), w.ID, 1); err != nil {
		t.Fatal(err)
	}
	done := func(all []webhooks.Delivery) bool { return all[0].State == webhooks.Done }
	s.deliveries(w.ID, done)
	ids := map[string]map[int]bool{}
	for _, g := range r.got() {
		if ids[g.id] == nil {
			ids[g.id] = map[int]bool{}
		}
		ids[g.id][g.sequence] = true
	}
	if len(r.got()) != 5 || len(ids) != 2 || len(ids[all[0].EventID.String()]) != 1 {
		t.Errorf("got %d requests, sequences by id %v", len(r.got()), ids)
	}
	if err := s.sender.Retry(t.Context(), w.ID, 99); err == nil {
		t.Error("retried what there is not")
	}
}

// TestWindow: an address that is away gets no more than the window, and everything when it is back.
func TestWindow(t *testing.T) {
	s := open(t)
	s.end()
	s.opts.Ladder = []time.Duration{time.Hour}
	s.start()
	r := listen(t, status(503))
	w := s.hook(r)
	const count = webhooks.Window + 20
	for i := range count {
		s.account(fmt.Sprint("C-", i), "")
	}
	tried := func(all []webhooks.Delivery) bool {
		return len(all) == webhooks.Window && all[len(all)-1].Attempts == 1
	}
	s.deliveries(w.ID, tried)
	r.set(nil)
	for i := range webhooks.Window {
		if err := s.sender.Retry(t.Context(), w.ID, int64(i+1)); err != nil {
			t.Fatal(err)
		}
	}
	s.deliveries(w.ID, settled(count))
}

// TestGone: 410 pauses; what it answered to is sent first when the webhook goes on.
func TestGone(t *testing.T) {
	s := open(t)
	r := listen(t, status(http.StatusGone))
	w := s.hook(r)
	s.account("A", "")
	s.account("B", "")
	for hooks, changed := s.ledger.WatchWebhooks(); hooks[0].Status != domain.WebhookPaused; {
		<-changed
		hooks, changed = s.ledger.WatchWebhooks()
	}
	if hook, _ := s.ledger.Webhook(w.ID); hook.Reason != "gone" {
		t.Errorf("got reason %q", hook.Reason)
	}
	if got := len(r.got()); got != 1 {
		t.Errorf("got %d requests, want 1", got)
	}
	r.set(nil)
	s.register(domain.ChangeWebhook{Webhook: w})
	s.deliveries(w.ID, settled(2))
	if got := r.got(); got[0].id != got[1].id || got[0].sequence != got[1].sequence {
		t.Errorf("got %v first, want %v again", got[1], got[0])
	}
}

// TestRedirect: it is not followed.
func TestRedirect(t *testing.T) {
	s := open(t)
	elsewhere := listen(t, nil)
	r := listen(t, func(w http.ResponseWriter, _ received) {
		w.Header().Set("Location", elsewhere.URL)
		w.WriteHeader(http.StatusTemporaryRedirect)
	})
	w := s.hook(r)
	s.account("A", "")
	if d := s.deliveries(w.ID, settled(1))[0]; d.State != webhooks.Dead || d.Status != 307 {
		t.Errorf("got %+v", d)
	}
	if len(elsewhere.got()) != 0 {
		t.Error("the redirect was followed")
	}
}

// TestSlow: a receiver that does not answer holds up nobody but itself, and what the stop cut off is
// sent again under its id and sequence.
func TestSlow(t *testing.T) {
	s := open(t)
	hang := make(chan struct{})
	release := sync.OnceFunc(func() { close(hang) })
	defer release()
	stuck := make(chan struct{}, 10)
	slow := listen(t, func(http.ResponseWriter, received) { stuck <- struct{}{}; <-hang })
	w, quick := s.hook(slow), s.hook(listen(t, nil))
	s.account("A", "")
	<-stuck
	s.account("B", "")
	s.deliveries(quick.ID, settled(2))
	s.end()
	s.start()
	<-stuck
	release()
	if all := s.deliveries(w.ID, settled(2)); all[0].Attempts != 1 {
		t.Errorf("got %+v, want one attempt: what was cut off is none", all[0])
	}
	got := slow.got()
	if len(got) != 3 || got[0].id != got[1].id || got[0].sequence != got[1].sequence || got[2].sequence != 2 {
		t.Errorf("got %+v", got)
	}
}

// TestTimeout: an attempt ends.
func TestTimeout(t *testing.T) {
	s := open(t)
	s.end()
	s.opts.Timeout = 20 * time.Millisecond
	s.start()
	hang := make(chan struct{})
	r := listen(t, func(http.ResponseWriter, received) { <-hang })
	defer close(hang)
	w := s.hook(r)
	s.account("A", "")
	if d := s.deliveries(w.ID, settled(1))[0]; d.State != webhooks.Dead || d.Status != 0 || d.Error == "" {
		t.Errorf("got %+v", d)
	}
}

// TestReplay: from a position once more, under new sequences and the same ids; not from one that was
// not reached.
func TestReplay(t *testing.T) {
	s := open(t)
	r := listen(t, nil)
	s.account("before", "")
	w := s.hook(r)
	s.account("A", "")
	s.account("B", "")
	s.deliveries(w.ID, settled(2))
	head, err := s.ledger.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.sender.Replay(t.Context(), w.ID, head+1000); err == nil {
		t.Error("replayed from what has not happened yet")
	}
	if err := s.sender.Replay(t.Context(), w.ID, 0); err != nil {
		t.Fatal(err)
	}
	s.deliveries(w.ID, settled(5))
	events, got := s.log(), r.got()
	for i, e := range events {
		if g := got[2+i]; g.id != e.ID.String() || g.sequence != 3+i {
			t.Errorf("got %s, sequence %d, want %s, %d", g.id, g.sequence, e.ID, 3+i)
		}
	}
}

// TestRestart: a sender that was ended and started goes on where it was, and so does one whose read
// models are new: it has none.
func TestRestart(t *testing.T) {
	s := open(t)
	r := listen(t, nil)
	w := s.hook(r)
	for i := range 5 {
		s.account(fmt.Sprint("A-", i), "")
		s.deliveries(w.ID, settled(i+1))
		s.end()
		s.start()
	}
	if got := len(r.got()); got != 5 {
		t.Errorf("got %d requests, want 5", got)
	}
}

// TestRemoved: what is kept of a webhook goes with it.
func TestRemoved(t *testing.T) {
	s := open(t)
	w := s.hook(listen(t, nil))
	s.account("A", "")
	s.deliveries(w.ID, settled(1))
	s.register(domain.RemoveWebhook{ID: w.ID})
	s.deliveries(w.ID, settled(0))
}

// TestRotation: both secrets sign after a rotation.
func TestRotation(t *testing.T) {
	s := open(t)
	r := listen(t, nil)
	w := s.hook(r)
	c := domain.ChangeWebhook{Webhook: w, Rotate: true}
	var err error
	if c.SealedSecret, err = webhooks.Seal(s.keys, w.ID, []byte("new")); err != nil {
		t.Fatal(err)
	}
	s.register(c)
	s.account("A", "")
	s.deliveries(w.ID, settled(1))
	g := r.got()[0]
	for _, key := range []string{"new", "secret of " + w.ID.String()} {
		if err := g.verify(key); err != nil {
			t.Errorf("%q: %v", key, err)
		}
	}
	if g.verify("another") == nil || strings.Count(g.signature, "v1,") != 2 {
		t.Errorf("got %s", g.signature)
	}
}

// TestEndless: of an answer that does not end, no more is read than it takes to know its status.
func TestEndless(t *testing.T) {
	s := open(t)
	ended := make(chan struct{}, 10)
	r := listen(t, func(w http.ResponseWriter, _ received) {
		defer func() { ended <- struct{}{} }()
		for text := make([]byte, 64<<10); ; {
			if _, err := w.Write(text); err != nil {
				return // the sender has gone
			}
		}
	})
	w := s.hook(r)
	s.account("A", "")
	s.deliveries(w.ID, func(all []webhooks.Delivery) bool {
		return len(all) == 1 && all[0].State == webhooks.Done && all[0].Status == 200
	})
	<-ended
}
