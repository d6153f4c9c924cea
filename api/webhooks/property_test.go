package webhooks_test

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tillbook/tillbook/api/webhooks"
	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
	"github.com/tillbook/tillbook/eventstore"
)

// TestWhatever: whatever happens to the sender, the receiver and the webhook, every committed event
// arrives; sequences are dense, each names one event for ever, and an event has one sequence more for
// each replay that passed it, at most.
func TestWhatever(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := open(t)
		defer s.end()
		s.end()
		s.opts.Ladder = make([]time.Duration, 10_000) // no delay, and no end
		s.start()
		var healthy atomic.Bool
		r := listen(t, func(w http.ResponseWriter, _ received) {
			if !healthy.Load() {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
		})
		defer r.Close()
		w := s.hook(r)
		first := len(s.log())
		events, replays := 0, 0
		rt.Repeat(map[string]func(*rapid.T){
			"event": func(*rapid.T) {
				events++
				s.account(fmt.Sprint("C-", events), "")
			},
			"health":  func(rt *rapid.T) { healthy.Store(rapid.Bool().Draw(rt, "healthy")) },
			"restart": func(*rapid.T) { s.end(); s.start() },
			"pause or resume": func(rt *rapid.T) {
				w.Status = rapid.SampledFrom([]domain.WebhookStatus{domain.WebhookActive,
					domain.WebhookPaused}).Draw(rt, "status")
				s.register(domain.ChangeWebhook{Webhook: w})
			},
			"replay": func(rt *rapid.T) {
				_, at, err := s.sender.Deliveries(t.Context(), w.ID, "", 0, 1)
				if err == nil {
					from := rapid.Uint64Range(0, uint64(at)).Draw(rt, "from")
					err = s.sender.Replay(t.Context(), w.ID, eventstore.Position(from))
				}
				if err != nil {
					rt.Fatal(err)
				}
				replays++
			},
		})
		healthy.Store(true)
		w.Status = domain.WebhookActive
		s.register(domain.ChangeWebhook{Webhook: w})
		s.account("last", "")
		arrived := func(all []webhooks.Delivery) bool {
			return settled(len(all))(all) && len(all) > 0 && all[len(all)-1].Position == s.last()
		}
		all := s.deliveries(w.ID, arrived)
		sequences, times := map[string]map[int]bool{}, map[string]int{}
		named := map[int]string{}
		for _, g := range r.got() {
			if id := named[g.sequence]; id != "" && id != g.id {
				rt.Fatalf("sequence %d names %s and %s", g.sequence, id, g.id)
			}
			named[g.sequence] = g.id
			if sequences[g.id] == nil {
				sequences[g.id] = map[int]bool{}
			}
			if !sequences[g.id][g.sequence] {
				times[g.id]++
			}
			sequences[g.id][g.sequence] = true
		}
		for i, d := range all {
			if d.Sequence != int64(i+1) {
				rt.Fatalf("delivery %d has sequence %d", i+1, d.Sequence)
			}
		}
		for i, e := range s.log()[first:] {
			if n := times[e.ID.String()]; n < 1 || n > 1+replays {
				rt.Fatalf("event %d arrived under %d sequences, %d replays", i, n, replays)
			}
		}
	})
}

// TestRetryLater: what is to be retried later is kept over a restart, and holds up nothing.
func TestRetryLater(t *testing.T) {
	s := open(t)
	s.end()
	s.opts.Ladder = []time.Duration{time.Hour}
	s.start()
	r := listen(t, status(500))
	w := s.hook(r)
	s.account("A", "")
	tried := func(all []webhooks.Delivery) bool { return len(all) == 1 && all[0].Attempts == 1 }
	before := s.deliveries(w.ID, tried)[0]
	if wait := time.Until(before.DueAt); wait < 40*time.Minute || wait > 80*time.Minute {
		t.Errorf("it is due in %s, want an hour, less or more a fifth", wait)
	}
	s.end()
	r.set(nil)
	s.start()
	s.account("B", "")
	done := func(all []webhooks.Delivery) bool { return len(all) == 2 && all[1].State == webhooks.Done }
	if after := s.deliveries(w.ID, done)[0]; after != before {
		t.Errorf("got %+v, want %+v", after, before)
	}
}

// TestTwoNodes: what another node changes holds for the one that sends.
func TestTwoNodes(t *testing.T) {
	s := open(t)
	other := ledger.Open(s.store, ledger.Options{Shared: true})
	defer other.Close()
	if err := other.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	r := listen(t, nil)
	w := s.hook(r)
	s.account("A", "")
	s.deliveries(w.ID, settled(1))
	there := *s
	there.ledger = other
	there.register(domain.RemoveWebhook{ID: w.ID})
	s.deliveries(w.ID, settled(0))
	second := there.hook(r)
	there.account("B", "")
	if d := s.deliveries(second.ID, settled(1))[0]; d.Sequence != 1 {
		t.Errorf("got %+v", d)
	}
}
