package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/enginetest"
)

var five = domain.GrantCoupon{Campaign: "spring", Definition: "five", Cause: domain.CouponByAPI}

// register takes a step on a campaign's stream.
func (s shop) register(actor string, r domain.Registration) error {
	_, err := s.Register(s.Context(), ledger.Registering{Registration: r,
		Caller: ledger.Caller{Actor: actor, Role: domain.RoleAdmin}})
	return err
}

// spring makes an active campaign with budgets and one coupon, five off.
func spring(s shop, budgets domain.Budgets) {
	s.Helper()
	for i, r := range []domain.Registration{
		domain.DraftCampaign{ID: "spring", CampaignTerms: domain.CampaignTerms{Name: "Spring",
			Budgets: budgets}},
		domain.DefineCoupon{CampaignID: "spring", Definition: domain.Definition{ID: "five",
			Kind: domain.AmountOff, Unit: "CNY", Value: domain.CouponValue{Amount: yuan("5.00")}}},
		domain.ApproveCampaign{ID: "spring"}, domain.ActivateCampaign{ID: "spring"},
	} {
		if err := s.register([]string{"maker", "maker", "checker", "maker"}[i], r); err != nil {
			s.Fatal(err)
		}
	}
}

// issued is what the campaign's stream counts, from the beginning, and what it says is left.
func (s shop) issued(store eventstore.Store) int64 {
	s.Helper()
	b := domain.NewBudget()
	for e, err := range store.Read(s.Context(), domain.CampaignStream("spring"), 0) {
		if err != nil {
			s.Fatal(err)
		}
		p, err := domain.Decode(e.Type, e.Data, e.Metadata, int64(e.Revision))
		if err == nil {
			err = b.Apply(p)
		}
		if err != nil {
			s.Fatal(err)
		}
	}
	known, err := s.Budget("spring")
	if err != nil {
		s.Fatal(err)
	}
	if known.Issued != b.Issued || known.Revision != b.Revision {
		s.Errorf("got %d issued at %d, want %d at %d", known.Issued, known.Revision, b.Issued, b.Revision)
	}
	return b.Issued
}

// TestHotCampaign has ten thousand claims fall on two nodes at once: a budget of a thousand gives a
// thousand, and while they fall the campaign can be paused.
func TestHotCampaign(t *testing.T) {
	store := enginetest.Open(t)
	here, there := node(t, store), node(t, store)
	const accounts, most = 100, 1000
	for i := range accounts {
		ref := fmt.Sprint("H-", i)
		here.mustOf(ref, "open", domain.OpenAccount{CustomerRef: ref})
	}
	spring(here, domain.Budgets{Issues: most})
	var granted, refused atomic.Int64
	var wait sync.WaitGroup
	for n, s := range []shop{here, there} {
		for i := range 5000 {
			wait.Go(func() {
				ref, key := fmt.Sprint("H-", i%accounts), fmt.Sprint(n, "-", i)
				_, err := s.askOf(ref, key, five)
				for errors.Is(err, ledger.ErrBusy) {
					_, err = s.askOf(ref, key, five)
				}
				switch {
				case err == nil:
					granted.Add(1)
				case errors.Is(err, domain.ErrBudgetExhausted):
					refused.Add(1)
				default:
					t.Error(err)
				}
			})
		}
	}
	wait.Wait()
	if granted.Load() != most || refused.Load() != 10_000-most {
		t.Errorf("got %d granted and %d refused, want %d and %d", granted.Load(), refused.Load(), most,
			10_000-most)
	}
	held := 0
	for i := range accounts {
		held += there.coupons(fmt.Sprint("H-", i))
	}
	if n := here.issued(store); n != most || held != most {
		t.Errorf("got %d issued and %d held, want %d", n, held, most)
	}
	if err := there.register("maker", domain.PauseCampaign{ID: "spring", Reason: "x"}); err != nil {
		t.Error(err)
	}
	if _, err := there.askOf("H-0", "later", five); !errors.Is(err, domain.ErrCampaignNotActive) {
		t.Errorf("of a paused campaign: got %v", err)
	}
}

// unsettled are all reservations of the campaign that the log holds, whatever became of them, and all
// events of an account that give one back.
func (s shop) unsettled(store eventstore.Store, ref string) (all []ledger.Unsettled) {
	s.Helper()
	account := domain.AccountID(ref)
	for _, stream := range []string{domain.CampaignStream("spring"), domain.AccountStream(account)} {
		for e, err := range store.Read(s.Context(), stream, 0) {
			if err != nil {
				s.Fatal(err)
			}
			p, err := domain.Decode(e.Type, e.Data, e.Metadata, int64(e.Revision))
			if err != nil {
				s.Fatal(err)
			}
			switch e := p.Event.(type) {
			case domain.BudgetReserved:
				all = append(all, ledger.Unsettled{Campaign: "spring", Reservation: e.ReservationID,
					Account: e.AccountID, Operation: e.OperationID})
			case domain.Returning:
				all = append(all, ledger.Unsettled{Campaign: "spring", Account: account,
					Reservation: e.Returned().Reservation, Source: p.Metadata.EventID})
			}
		}
	}
	return all
}

func (s shop) settle(store eventstore.Store, ref string) {
	s.Helper()
	for _, u := range s.unsettled(store, ref) {
		if err := s.Settle(s.Context(), u); err != nil {
			s.Fatal(err)
		}
	}
}

// TestGrantDies ends the process at every step of a capped grant and of the coupon's recycling. Two
// others settle what it left behind, and the same key grants and recycles once; as many are issued as
// there are.
func TestGrantDies(t *testing.T) {
	for steps := range 5 {
		for _, stored := range []bool{false, true} {
			t.Run(fmt.Sprint(steps, stored), func(t *testing.T) {
				store := enginetest.Open(t)
				s := open(t, store)
				s.must("open", domain.OpenAccount{CustomerRef: "C-1"})
				spring(s, domain.Budgets{Issues: 1})
				dies(t, store, steps, stored, func(s shop) {
					if a, err := s.askOf("C-1", "k", five); err == nil {
						_, _ = s.askOf("C-1", "r", domain.RecycleCoupon{
							CouponID: a.First().Metadata.EventID, Reason: "x"})
					}
				})
				here, there := node(t, store), node(t, store)
				for _, s := range []shop{here, there, here} {
					s.settle(store, "C-1")
					if n := s.issued(store); n != int64(s.coupons("C-1")) {
						t.Errorf("got %d issued, want %d", n, s.coupons("C-1"))
					}
				}
				a := there.must("k", five)
				recycle := domain.RecycleCoupon{CouponID: a.First().Metadata.EventID, Reason: "x"}
				if here.must("k", five).First().Metadata.EventID != recycle.CouponID {
					t.Error("granted twice")
				}
				here.must("r", recycle)
				there.must("r", recycle)
				there.settle(store, "C-1")
				if n := here.issued(store); n != 0 || here.coupons("C-1") != 0 {
					t.Errorf("got %d issued and %d held, want none", n, here.coupons("C-1"))
				}
				here.must("again", five)
				if _, err := there.ask("more", five, domain.Context{}); !errors.Is(err,
					domain.ErrBudgetExhausted) {
					t.Errorf("got %v, want %v", err, domain.ErrBudgetExhausted)
				}
			})
		}
	}
}

// late runs something once, when an account's grant is about to be appended.
type late struct {
	eventstore.Store
	before func()
}

func (l *late) Append(
	ctx context.Context, stream string, expected eventstore.Revision, events []eventstore.Event,
) (eventstore.Appended, error) {
	if before := l.before; before != nil && events[0].Type == "CouponGranted" {
		l.before = nil
		before()
	}
	return l.Store.Append(ctx, stream, expected, events)
}

// TestLateGrant: a grant whose reservation is resolved while it is under way does not commit it; it
// reserves anew.
func TestLateGrant(t *testing.T) {
	store := enginetest.Open(t)
	there := node(t, store)
	there.must("open", domain.OpenAccount{CustomerRef: "C-1"})
	spring(there, domain.Budgets{Issues: 1})
	here := node(t, &late{store, func() { there.settle(store, "C-1") }})
	a, err := here.ask("k", five, domain.Context{})
	if err != nil {
		t.Fatal(err)
	}
	all := there.unsettled(store, "C-1")
	if len(all) != 2 || a.First().Event.(domain.CouponGranted).ReservationID != all[1].Reservation {
		t.Errorf("got %d reservations, want the second to be committed", len(all))
	}
	there.settle(store, "C-1")
	if n := here.issued(store); n != 1 || here.coupons("C-1") != 1 {
		t.Errorf("got %d issued and %d held, want 1", n, here.coupons("C-1"))
	}
}

// TestRefusedGrant: a reservation whose grant is refused after all is released at once.
func TestRefusedGrant(t *testing.T) {
	store := enginetest.Open(t)
	there := node(t, store)
	there.must("open", domain.OpenAccount{CustomerRef: "C-1"})
	spring(there, domain.Budgets{Issues: 10, PerAccount: 1})
	here := node(t, &late{store, func() { there.must("other", five) }})
	if _, err := here.ask("k", five, domain.Context{}); !errors.Is(err, domain.ErrCouponLimit) {
		t.Fatalf("got %v, want %v", err, domain.ErrCouponLimit)
	}
	if n := there.issued(store); n != 1 {
		t.Errorf("got %d issued, want 1", n)
	}
}

// TestTrialGrant: a dry run says what would be, and reserves nothing.
func TestTrialGrant(t *testing.T) {
	store := enginetest.Open(t)
	s := open(t, store)
	s.must("open", domain.OpenAccount{CustomerRef: "C-1"})
	spring(s, domain.Budgets{Issues: 1})
	trial := func() error {
		_, err := s.Do(t.Context(), ledger.Request{Account: domain.AccountID("C-1"), Key: "k",
			Command: five, DryRun: true, Caller: ledger.Caller{Actor: "test", Role: domain.RoleAdmin}})
		return err
	}
	if err := errors.Join(trial(), trial()); err != nil || s.issued(store) != 0 {
		t.Errorf("got %v and %d issued, want none", err, s.issued(store))
	}
	s.must("k", five)
	if _, err := s.ask("more", five, domain.Context{}); !errors.Is(err, domain.ErrBudgetExhausted) {
		t.Errorf("got %v, want %v", err, domain.ErrBudgetExhausted)
	}
}

// watched counts the events of the campaign that a store gives.
type watched struct {
	eventstore.Store
	read atomic.Int64
}

func (w *watched) Read(ctx context.Context, stream string, from eventstore.Revision) iter.Seq2[
	eventstore.Recorded, error] {
	return func(yield func(eventstore.Recorded, error) bool) {
		for e, err := range w.Store.Read(ctx, stream, from) {
			if stream == domain.CampaignStream("spring") {
				w.read.Add(1)
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

// TestPurseSnapshot: a campaign's purse opens by its snapshot, and knows its life and what was released.
func TestPurseSnapshot(t *testing.T) {
	store := &watched{Store: enginetest.Open(t)}
	s := open(t, store)
	spring(s, domain.Budgets{Issues: 1000})
	var wait sync.WaitGroup
	for i := range 50 {
		ref := fmt.Sprint("S-", i)
		s.mustOf(ref, "open", domain.OpenAccount{CustomerRef: ref})
		wait.Go(func() {
			for n := range 45 {
				a, err := s.askOf(ref, fmt.Sprint("g", n), five)
				if err == nil {
					_, err = s.askOf(ref, fmt.Sprint("r", n), domain.RecycleCoupon{
						CouponID: a.First().Metadata.EventID, Reason: "x"})
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	s.mustOf("S-0", "last", five)
	s.Close()
	store.read.Store(0)
	again := open(t, store)
	if b, err := again.Budget("spring"); err != nil || b.Issued != 1 {
		t.Errorf("got %d issued and %v, want 1", b.Issued, err)
	}
	if n := store.read.Load(); n > 1000 {
		t.Errorf("read %d events of the campaign, want those after its snapshot", n)
	}
	again.settle(store, "S-0")
	if n := again.issued(store); n != 1 {
		t.Errorf("got %d issued once all was released again, want 1", n)
	}
	if err := again.register("maker", domain.PauseCampaign{ID: "spring", Reason: "x"}); err != nil {
		t.Error(err)
	}
}
