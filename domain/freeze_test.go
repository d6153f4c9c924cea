package domain

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestFreezeAccount(t *testing.T) {
	freeze := func(f FreezeAccount) ask { return asks(f) }
	debit := []FreezeMode{FreezeDebit}
	run(t, []row{
		{"freezes", []step{opened}, freeze(FreezeAccount{Modes: debit, Reason: "lost"}),
			"AccountFrozen [debit]"},
		{"no modes before reason", nil, freeze(FreezeAccount{}), "malformed modes"},
		{"unknown mode", nil, freeze(FreezeAccount{Modes: []FreezeMode{"x"}, Reason: "x"}),
			"malformed modes"},
		{"no reason", nil, freeze(FreezeAccount{Modes: debit}), "malformed reason"},
		{"long reason", nil, freeze(FreezeAccount{Modes: debit, Reason: strings.Repeat("x", 201)}),
			"malformed reason"},
		{"past end", nil, freeze(FreezeAccount{Modes: debit, Reason: "x", Until: noon}),
			"malformed until"},
		{"no account", nil, freeze(FreezeAccount{Modes: debit, Reason: "x"}), "not_found"},
		{"reference used", []step{opened, ref("7"), frozen(FreezeDebit)},
			freeze(FreezeAccount{Modes: debit, Reason: "x"}), "reference_used"},
	})
}

func TestUnfreezeAccount(t *testing.T) {
	run(t, []row{
		{"all", []step{opened, frozen(FreezeDebit)}, asks(UnfreezeAccount{Reason: "found"}),
			"AccountUnfrozen []"},
		{"unknown mode before reason", nil, asks(UnfreezeAccount{Modes: []FreezeMode{"x"}}),
			"malformed modes"},
		{"no reason", nil, asks(UnfreezeAccount{}), "malformed reason"},
		{"no account", nil, asks(UnfreezeAccount{Reason: "x"}), "not_found"},
		{"one of two", []step{opened, frozen(FreezeDebit, FreezeCredit),
			did(UnfreezeAccount{Modes: []FreezeMode{FreezeCredit}, Reason: "x"})}, asks(topUp("1", "")),
			"TopUpPosted 1.00, principal@3 1.00/1.00"},
		{"the other stays", []step{opened, frozen(FreezeDebit, FreezeCredit),
			did(UnfreezeAccount{Modes: []FreezeMode{FreezeCredit}, Reason: "x"})}, asks(debit("1")),
			"account_frozen\nOperationDeclined account_frozen"},
	})
}

// What each mode stops.
func TestFreezeModes(t *testing.T) {
	given := []step{opened, did(topUp("100", "")), did(debit("10")), did(hold("10")), ref("7"),
		did(debit("1")), in(Context{})}
	operations := []struct {
		name  string
		when  ask
		stops []FreezeMode
	}{
		{"debit", asks(debit("1")), []FreezeMode{FreezeDebit, FreezeAll, FreezeLegal}},
		{"hold", asks(hold("1")), []FreezeMode{FreezeDebit, FreezeAll, FreezeLegal}},
		{"top-up", asks(topUp("1", "")), []FreezeMode{FreezeCredit, FreezeAll, FreezeLegal}},
		{"grant", asks(GrantCredit{Amount: cny("1"), Class: Gift, Cost: cny("1"),
			Cause: CauseOpeningBalance}), []FreezeMode{FreezeCredit, FreezeAll, FreezeLegal}},
		{"capture", capture(3, "1", false), []FreezeMode{FreezeLegal}},
		{"refund", refund(2, "1"), []FreezeMode{FreezeLegal}},
		{"chargeback", reversal(1, CauseChargeback), nil},
		{"cancel", func(b *book) Command { ref("7")(b); return Cancel{} }, []FreezeMode{FreezeLegal}},
		{"void", void(3), nil},
		{"unfreeze", asks(UnfreezeAccount{Reason: "x"}), nil},
	}
	for _, op := range operations {
		for _, mode := range freezeModes {
			b := newBook(t)
			for _, step := range append(given[:len(given):len(given)], frozen(mode)) {
				step(b)
			}
			_, err := b.do(op.when(b))
			want := "<nil>"
			if strings.Contains(fmt.Sprint(op.stops), string(mode)) {
				want = ErrAccountFrozen.Error()
			}
			if got := fmt.Sprint(err); got != want {
				t.Errorf("%s in %s: got %s, want %s", mode, op.name, got, want)
			}
		}
	}
}

// A freeze ends by itself; frozen again, it has the new end.
func TestFreezeEnds(t *testing.T) {
	until := func(d time.Duration) step {
		return did(FreezeAccount{Modes: []FreezeMode{FreezeDebit, FreezeDebit}, Reason: "x",
			Until: noon.Add(d)})
	}
	sold := []step{opened, did(topUp("1", "")), until(2 * day), until(day)}
	run(t, []row{
		{"the tick before", append(sold, later(day-1)), asks(debit("1")),
			"account_frozen\nOperationDeclined account_frozen"},
		{"at its end", append(sold, later(day)), asks(debit("1")),
			"DebitPosted 1.00, principal@1 -1.00/-1.00"},
	})
}
