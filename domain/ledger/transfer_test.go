package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/enginetest"
)

// mortal is a store that takes some appends and then none: the process that uses it is as good as dead.
type mortal struct {
	eventstore.Store
	mu     sync.Mutex
	left   int
	stored bool // the last one is stored, but nobody is told
}

var errDead = errors.New("dead")

func (m *mortal) Append(
	ctx context.Context, stream string, expected eventstore.Revision, events []eventstore.Event,
) (eventstore.Appended, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.left == 0 {
		if m.stored {
			m.stored = false
			if _, err := m.Store.Append(ctx, stream, expected, events); err != nil {
				return eventstore.Appended{}, err
			}
		}
		return eventstore.Appended{}, errDead
	}
	m.left--
	return m.Store.Append(ctx, stream, expected, events)
}

// askOf is ask of an account by its customer_ref.
func (s shop) askOf(ref, key string, c domain.Command) (ledger.Answer, error) {
	return s.Do(s.Context(), ledger.Request{Account: domain.AccountID(ref), Command: c, Key: key,
		Caller: ledger.Caller{Actor: "test", Role: domain.RoleAdmin}})
}

func (s shop) mustOf(ref, key string, c domain.Command) ledger.Answer {
	s.Helper()
	a, err := s.askOf(ref, key, c)
	if err != nil {
		s.Fatalf("%s of %s: %v", key, ref, err)
	}
	return a
}

// totals are what accounts hold, by their customer_ref, and how they stand.
func (s shop) totals(refs ...string) string {
	s.Helper()
	text := ""
	for _, ref := range refs {
		v, err := s.Ledger.Account(s.Context(), domain.AccountID(ref))
		if err != nil {
			s.Fatal(err)
		}
		text += fmt.Sprintf("%s %s %s, ", ref, v.Status(v.At), v.Balance("CNY", 2, v.At).Total)
	}
	return text
}

var (
	toC2    = domain.SendTransfer{To: domain.AccountID("C-2"), Amount: yuan("40.00"), Kind: "gift"}
	intoC2  = domain.MergeAccount{Into: domain.AccountID("C-2")}
	noValue = domain.FreezeAccount{Modes: []domain.FreezeMode{domain.FreezeCredit}, Reason: "x"}
)

// pairOf are two accounts, of which the second may be frozen for what comes.
func pairOf(s shop, frozen bool) {
	s.mustOf("C-1", "open", domain.OpenAccount{CustomerRef: "C-1"})
	s.mustOf("C-1", "fill", topUp("100.00"))
	s.mustOf("C-2", "open", domain.OpenAccount{CustomerRef: "C-2"})
	if frozen {
		s.mustOf("C-2", "freeze", noValue)
	}
}

// TestTransferDies ends the process at every step of a transfer and of a merge; two others, at once,
// find them and bring them to their one end. The same key gets the same answer from both.
func TestTransferDies(t *testing.T) {
	for _, row := range []struct {
		command domain.Command
		frozen  bool
		end     string // once the first step is in the log
	}{
		{toC2, false, "C-1 open 60.00, C-2 open 40.00, "},
		{toC2, true, "C-1 open 100.00, C-2 frozen 0.00, "},
		{intoC2, false, "C-1 merged 0.00, C-2 open 100.00, "},
		{intoC2, true, "C-1 open 100.00, C-2 frozen 0.00, "},
	} {
		for steps := range 4 {
			for _, stored := range []bool{false, true} {
				name := fmt.Sprintf("%T frozen %t after %d %t", row.command, row.frozen, steps, stored)
				t.Run(name, func(t *testing.T) {
					store := enginetest.Open(t)
					pairOf(open(t, store), row.frozen)
					dies(t, store, steps, stored, func(s shop) { _, _ = s.askOf("C-1", "k", row.command) })
					revive(t, store, row.command, steps > 0 || stored, row.frozen, row.end)
				})
			}
		}
	}
}

func revive(
	t *testing.T, store eventstore.Store, c domain.Command, begun, refused bool, end string,
) {
	one, other := node(t, store), node(t, store)
	var wait sync.WaitGroup
	if begun {
		v, err := one.Ledger.Account(t.Context(), domain.AccountID("C-1"))
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range []shop{one, other} {
			wait.Go(func() {
				if err := s.Resume(t.Context(), v.ID(), v.LastSent()); err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		if got := one.totals("C-1", "C-2"); got != end {
			t.Fatalf("resumed: got %s want %s", got, end)
		}
	}
	var answers [2]ledger.Answer
	var errs [2]error
	for i, s := range []shop{one, other} {
		wait.Go(func() { answers[i], errs[i] = s.askOf("C-1", "k", c) })
	}
	wait.Wait()
	for i, err := range errs {
		if errors.Is(err, domain.ErrTransferReturned) != refused || err != nil && !refused {
			t.Fatalf("got %v, want refused %t", err, refused)
		}
		if a := answers[i]; a.Outcome == nil || a.First().Metadata.EventID !=
			answers[0].First().Metadata.EventID ||
			a.Outcome.Metadata.EventID != answers[0].Outcome.Metadata.EventID {
			t.Errorf("got %+v, want %+v", a, answers[0])
		}
	}
	if got := other.totals("C-1", "C-2"); got != end {
		t.Errorf("repeated: got %s want %s", got, end)
	}
}

// TestAbsorbedAccount: an absorbed account answers to its old name, and what it posted before can be
// undone.
func TestAbsorbedAccount(t *testing.T) {
	s := node(t, enginetest.Open(t))
	pairOf(s, false)
	s.mustOf("C-3", "open", domain.OpenAccount{CustomerRef: "C-3"})
	debit := s.mustOf("C-1", "debit", domain.Debit{Amount: yuan("10.00")})
	s.mustOf("C-1", "merge", intoC2)
	if got := s.mustOf("C-1", "more", topUp("5.00")); got.Account != domain.AccountID("C-2") {
		t.Errorf("a top-up went to %s, want the survivor", got.Account)
	}
	if again := s.mustOf("C-1", "more", topUp("5.00")); !again.Replayed {
		t.Error("the key of a command that was passed on is forgotten")
	}
	if again := s.mustOf("C-1", "debit", domain.Debit{Amount: yuan("10.00")}); !again.Replayed {
		t.Error("the key of a command from before the merge is forgotten")
	}
	refund := s.mustOf("C-1", "refund", domain.Refund{DebitID: debit.First().Metadata.EventID,
		Amount: yuan("10.00")})
	if refund.Account != domain.AccountID("C-1") {
		t.Errorf("the refund is of %s, want the account of the debit", refund.Account)
	}
	gift := toC2
	gift.To, gift.Amount = domain.AccountID("C-1"), yuan("1.00")
	s.mustOf("C-3", "fill", topUp("1.00"))
	s.mustOf("C-3", "gift", gift)
	const want = "C-1 merged 0.00, C-2 open 106.00, C-3 open 0.00, "
	if got := s.totals("C-1", "C-2", "C-3"); got != want {
		t.Errorf("got %s want %s", got, want)
	}
	if _, err := s.askOf("C-2", "back", domain.MergeAccount{Into: domain.AccountID("C-1")}); !errors.Is(
		err, domain.ErrTransferReturned) {
		t.Errorf("a merge into a merged account: got %v, want transfer_returned", err)
	}
	s.mustOf("C-3", "close", domain.CloseAccount{Reason: "moved away"})
	if got := s.totals("C-2", "C-3"); got != "C-2 open 106.00, C-3 closed 0.00, " {
		t.Errorf("got %s", got)
	}
}

// TestMergesMeet: two accounts that are merged into each other at once end with one of them, or none,
// absorbed, and lose nothing.
func TestMergesMeet(t *testing.T) {
	store := enginetest.Open(t)
	one, other := node(t, store), node(t, store)
	pairOf(one, false)
	var wait sync.WaitGroup
	ask := func(s shop, from, into string) {
		wait.Go(func() {
			_, err := s.askOf(from, "merge", domain.MergeAccount{Into: domain.AccountID(into)})
			if err != nil && !errors.Is(err, domain.ErrTransferReturned) && !errors.Is(err, ledger.ErrBusy) &&
				!errors.Is(err, domain.ErrMalformed) {
				t.Error(err)
			}
		})
	}
	ask(one, "C-1", "C-2")
	ask(other, "C-2", "C-1")
	wait.Wait()
	switch got := one.totals("C-1", "C-2"); got {
	case "C-1 merged 0.00, C-2 open 100.00, ", "C-1 open 100.00, C-2 merged 0.00, ",
		"C-1 open 100.00, C-2 open 0.00, ":
	default:
		t.Errorf("got %s", got)
	}
}

// TestTransferDryRun answers what would happen, and stores nothing.
func TestTransferDryRun(t *testing.T) {
	for _, frozen := range []bool{false, true} {
		s := open(t, enginetest.Open(t))
		pairOf(s, frozen)
		before := s.totals("C-1", "C-2")
		a, err := s.Do(t.Context(), ledger.Request{Account: domain.AccountID("C-1"), Key: "k",
			Command: toC2, DryRun: true, Caller: ledger.Caller{Actor: "test", Role: domain.RoleAdmin}})
		if errors.Is(err, domain.ErrTransferReturned) != frozen || err != nil && !frozen || a.Outcome == nil {
			t.Errorf("got %v and %v, want refused %t", a.Outcome, err, frozen)
		}
		if got := s.totals("C-1", "C-2"); got != before {
			t.Errorf("got %s want %s", got, before)
		}
	}
}

// TestTransferToNobody posts nothing, and remembers nothing.
func TestTransferToNobody(t *testing.T) {
	s := open(t, enginetest.Open(t))
	pairOf(s, false)
	lost := toC2
	lost.To = uuid.New()
	if _, err := s.askOf("C-1", "k", lost); !errors.Is(err, domain.ErrNotFound) {
		t.Errorf("got %v, want not_found", err)
	}
	s.mustOf("C-1", "k", toC2)
}

// TestMergeInFlight: what is asked of an account whose merge has not ended waits for its end, and goes
// to whoever answers for it then.
func TestMergeInFlight(t *testing.T) {
	for _, row := range []struct {
		frozen bool
		want   string
	}{
		{false, "C-1 merged 0.00, C-2 open 105.00, "},
		{true, "C-1 open 105.00, C-2 frozen 0.00, "},
	} {
		store := enginetest.Open(t)
		pairOf(open(t, store), row.frozen)
		dies(t, store, 1, false, func(s shop) { _, _ = s.askOf("C-1", "k", intoC2) })
		s := node(t, store)
		s.mustOf("C-1", "more", topUp("5.00"))
		if got := s.totals("C-1", "C-2"); got != row.want {
			t.Errorf("got %s want %s", got, row.want)
		}
	}
}

// TestCloseSettles: who closes an account brings to its end first what it has sent.
func TestCloseSettles(t *testing.T) {
	for _, frozen := range []bool{false, true} {
		store := enginetest.Open(t)
		pairOf(open(t, store), frozen)
		all := toC2
		all.Amount = yuan("100.00")
		dies(t, store, 1, false, func(s shop) { _, _ = s.askOf("C-1", "k", all) })
		s := node(t, store)
		_, err := s.askOf("C-1", "close", domain.CloseAccount{Reason: "x"})
		if errors.Is(err, domain.ErrAccountNotEmpty) != frozen || err != nil && !frozen {
			t.Errorf("frozen %t: got %v", frozen, err)
		}
	}
}

// TestTransfersAtOnce sends value round between three accounts through two nodes, each key through both
// at once: every key ends in one way, and all the value is there.
func TestTransfersAtOnce(t *testing.T) {
	store := enginetest.Open(t)
	nodes := []shop{node(t, store), node(t, store)}
	refs := []string{"C-1", "C-2", "C-3"}
	for _, ref := range refs {
		nodes[0].mustOf(ref, "open", domain.OpenAccount{CustomerRef: ref})
		nodes[0].mustOf(ref, "fill", topUp("10.00"))
	}
	var wait sync.WaitGroup
	for i := range 60 {
		from, to := refs[i%3], refs[(i+1+i/3%2)%3]
		var ends [2]uuid.UUID
		for n, s := range nodes {
			wait.Go(func() {
				a, err := s.askOf(from, fmt.Sprint("k", i), domain.SendTransfer{
					To: domain.AccountID(to), Amount: yuan("3.00"), Kind: "family"})
				for errors.Is(err, ledger.ErrBusy) {
					a, err = s.askOf(from, fmt.Sprint("k", i), domain.SendTransfer{
						To: domain.AccountID(to), Amount: yuan("3.00"), Kind: "family"})
				}
				switch {
				case err == nil:
					ends[n] = a.Outcome.Metadata.EventID
				case !errors.Is(err, domain.ErrInsufficientFunds):
					t.Error(err)
				}
			})
		}
		if i%10 == 9 {
			wait.Wait()
		}
		t.Cleanup(func() {
			if ends[0] != ends[1] {
				t.Errorf("key %d ends with %s on one node, %s on the other", i, ends[0], ends[1])
			}
		})
	}
	wait.Wait()
	sum := yuan("0.00")
	for _, ref := range refs {
		v, err := nodes[0].Ledger.Account(t.Context(), domain.AccountID(ref))
		if err != nil {
			t.Fatal(err)
		}
		sum = sum.Add(sum.With(v.Balance("CNY", 2, v.At).Total))
	}
	if got := sum.String(); got != yuan("30.00").String() {
		t.Errorf("got %s in all, want 30.00", got)
	}
}
