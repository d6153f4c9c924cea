package projections

import (
	"encoding/json"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/storetest"
	"github.com/tillbook/tillbook/projections/placetest"
)

// TestTablesAreWhatTheDomainSays folds random histories, in transactions cut anywhere, and lets
// Check, which asks domain.Account, compare every row.
func TestTablesAreWhatTheDomainSays(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		store := storetest.NewMemory()
		defer store.Close()
		randomHistory(t, r, store)
		m, err := Open(t.Context(), placetest.Place(t), store,
			Options{Batch: rapid.IntRange(1, 40).Draw(r, "batch")})
		if err != nil {
			r.Fatal(err)
		}
		defer m.Close()
		if err := m.WaitHead(t.Context()); err != nil {
			r.Fatal(err)
		}
		report, err := Check(t.Context(), opened(store), m, nil)
		if err != nil || !report.Clean() {
			r.Fatalf("got %+v, %v, want no difference", report, err)
		}
	})
}

// randomHistory is what some customers did in a random order.
func randomHistory(t *testing.T, r *rapid.T, store eventstore.Store) {
	s := newShop(t, store)
	s.program = reminding([]int{2, 1}, []int{1, 2})
	for i := range rapid.IntRange(1, 3).Draw(r, "accounts") {
		id := s.account(fmt.Sprint("C-", i))
		for n := range rapid.IntRange(1, 25).Draw(r, "commands") {
			randomCommand(r, s, id, fmt.Sprint(n))
		}
	}
}

// randomCommand tries one command; a refusal is as good as an answer.
func randomCommand(r *rapid.T, s *shop, id uuid.UUID, txn string) {
	amount := yuan(fmt.Sprintf("%d.%02d", rapid.IntRange(1, 60).Draw(r, "yuan"),
		rapid.IntRange(0, 99).Draw(r, "fen")))
	where := till(rapid.SampledFrom([]string{"S1", "S2"}).Draw(r, "store"), txn)
	events := s.open[id].events
	some := events[rapid.IntRange(0, len(events)-1).Draw(r, "event")]
	about := some.Metadata.EventID
	s.now = s.now.Add(time.Duration(rapid.IntRange(0, 400).Draw(r, "seconds")) * time.Second)
	if rapid.IntRange(0, 7).Draw(r, "night") == 0 {
		s.now = s.now.Add(20 * time.Hour)
	}
	switch rapid.IntRange(0, 12).Draw(r, "command") {
	case 0, 1:
		c := topUp(amount.Quantity.String(), "7.77")
		if rapid.Bool().Draw(r, "expires") {
			c.ExpiresAt, c.BonusExpiresAt = s.now.Add(20*time.Minute), s.now.Add(10*time.Minute)
			if rapid.Bool().Draw(r, "late") {
				c.ExpiresAt = s.now.Add(3 * day)
			}
		}
		s.do(id, c, where)
	case 2, 3:
		if rapid.IntRange(0, 4).Draw(r, "offline") == 0 {
			s.do(id, domain.OfflineDebit{Amount: amount}, where)
			return
		}
		s.do(id, domain.Debit{Amount: amount, AcceptPartial: rapid.Bool().Draw(r, "partial")}, where)
	case 4:
		s.do(id, domain.PlaceHold{Amount: amount, TTLSeconds: 300}, where)
	case 5:
		if holds := s.open[id].Holds(); len(holds) > 0 {
			s.do(id, domain.CaptureHold{HoldID: holds[0].ID, Amount: amount,
				Final: rapid.Bool().Draw(r, "final")}, where)
		}
	case 6:
		if holds := s.open[id].Holds(); len(holds) > 0 {
			s.do(id, domain.VoidHold{HoldID: holds[0].ID}, where)
		}
	case 7:
		s.do(id, domain.Refund{DebitID: about, Amount: amount}, where)
	case 8:
		where.PosTxnID, where.Store = some.Metadata.Reference.PosTxnID, some.Metadata.Store
		s.do(id, domain.Cancel{}, where)
	case 9:
		s.do(id, domain.ReverseTopUp{TopUpID: about, Cause: domain.CauseChargeback}, where)
	case 10:
		s.do(id, domain.Sweep{}, domain.Context{})
	case 11:
		f := domain.FreezeAccount{Modes: randomModes(r, 1), Reason: "x"}
		if rapid.Bool().Draw(r, "ends") {
			f.Until = s.now.Add(10 * time.Minute)
		}
		s.do(id, f, domain.Context{})
	case 12:
		s.do(id, domain.UnfreezeAccount{Modes: randomModes(r, 0), Reason: "x"}, domain.Context{})
	}
}

// randomModes may name one twice.
func randomModes(r *rapid.T, least int) []domain.FreezeMode {
	return rapid.SliceOfN(rapid.SampledFrom([]domain.FreezeMode{domain.FreezeDebit,
		domain.FreezeCredit}), least, 3).Draw(r, "modes")
}

// TestDecodeAgreesWithTheDomain compares the fast decoder with domain.Decode, field by field.
func TestDecodeAgreesWithTheDomain(t *testing.T) {
	store := memory(t)
	busyShop(t, store)
	for stored, err := range store.ReadAll(t.Context(), eventstore.Start, domain.Prefixes...) {
		if err != nil {
			t.Fatal(err)
		}
		var e Event
		if err := e.decode(stored, newNames()); err != nil {
			t.Fatal(err)
		}
		p, err := domain.Decode(stored.Type, stored.Data, stored.Metadata, int64(stored.Revision))
		if err != nil {
			t.Fatal(err)
		}
		p.Metadata.CorrelationID, p.Metadata.IdempotencyKey = "", ""
		p.Metadata.ProgramVersion, p.Metadata.PrevHash = "", domain.Hash{}
		if !reflect.DeepEqual(e.Metadata, p.Metadata) {
			t.Errorf("got metadata %+v, want %+v", e.Metadata, p.Metadata)
		}
		if v, ok := p.Event.(domain.Valued); ok {
			got := fmt.Sprint(e.Body.Account, e.Body.Amount, e.Body.Unit, e.Body.Moves, e.Body.Total,
				e.Body.Available, e.Body.Held)
			w := v.Worth()
			want := fmt.Sprint(w.AccountID, w.Amount.Quantity, w.Amount.Unit(), w.Moves, w.Balance.Total,
				w.Balance.Available, w.Balance.Held)
			if got != want {
				t.Errorf("%s: got %s, want %s", e.Type, got, want)
			}
		}
		if o, ok := p.Event.(domain.Opening); ok {
			if got, want := asJSON(t, e.Body.Opened), asJSON(t, o.Opened()); got != want {
				t.Errorf("got lots %s, want %s", got, want)
			}
		}
	}
}

func asJSON(t testing.TB, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// FuzzDecode: no bytes bring the decoder down, and what it refuses is not what the domain accepts.
func FuzzDecode(f *testing.F) {
	store := storetest.NewMemory()
	busyShop(f, store)
	for e, err := range store.ReadAll(f.Context(), eventstore.Start, domain.Prefixes...) {
		if err != nil {
			f.Fatal(err)
		}
		f.Add(e.Type, e.Data, e.Metadata)
	}
	f.Fuzz(func(t *testing.T, kind string, data, metadata []byte) {
		r := eventstore.Recorded{Stream: "account-" + domain.AccountID("C-1001").String()}
		r.Type, r.Data, r.Metadata = kind, data, metadata
		var e Event
		_ = e.decode(r, newNames())
		s := scanner{b: data}
		s.skip(0)
		if err := s.end(); err != nil && json.Valid(data) && s.i < len(data) && !deep(data) {
			t.Errorf("got %v for valid JSON %q", err, data)
		}
	})
}

// deep reports more opening brackets than the scanner follows.
func deep(data []byte) bool {
	n := 0
	for _, c := range data {
		if c == '{' || c == '[' {
			n++
		}
	}
	return n > deepest
}
