package domain

import (
	"fmt"
	"math/big"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

// What is counted as it happens is what all events together count for; no tier is lowered but when its
// period, or its grace, ends; and to rehearse the rules that ruled moves nobody.
func TestTierProgress(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		window := rapid.SampledFrom([]TierWindow{yearly, {Kind: WindowCalendar, Of: "month"},
			{Kind: WindowCalendar, Of: "quarter"}, {Kind: WindowRolling, Days: 40},
			{Kind: WindowMembership}}).Draw(r, "window")
		rules := metals(window, loses(rapid.SampledFrom(downgrades[1:]).Draw(r, "downgrade"),
			rapid.SampledFrom([]int{0, 10}).Draw(r, "grace")))
		b := newBook(t)
		b.TB = fatal{t, r}
		for _, given := range []step{tiered(rules), opened, did(topUp("100000", "30000"))} {
			given(b)
		}
		var debits []uuid.UUID
		for range rapid.IntRange(1, 30).Draw(r, "steps") {
			b.now = b.now.Add(rapid.SampledFrom([]time.Duration{time.Minute, 5 * day, 33 * day, 200 * day}).
				Draw(r, "pass"))
			b.context = Context{}
			if rapid.Bool().Draw(r, "late") {
				b.context = Context{Channel: ChannelOffline, OccurredAt: b.now.Add(-2 * day)}
			}
			amount := cny("1").With(fromMinor(big.NewInt(rapid.Int64Range(1, 40_000).Draw(r, "minor")), 2))
			switch what := rapid.SampledFrom([]string{"debit", "debit", "refund", "sweep"}).Draw(r, "what"); {
			case what == "debit":
				if posted, err := b.do(Debit{Amount: amount}); err == nil {
					debits = append(debits, posted[len(posted)-1].Metadata.OperationID)
				}
			case what == "refund" && len(debits) > 0:
				b.context = Context{}
				_, _ = b.do(Refund{DebitID: rapid.SampledFrom(debits).Draw(r, "of"), Amount: amount})
			default:
				_, _ = b.do(Sweep{})
			}
			b.holdsTiers(rules)
		}
		b.context = Context{}
		_, _ = b.do(Sweep{})
		b.rehearsedAlike(time.Time{})
	})
}

// Whatever rules take each other's place, and however late what was sold under them comes back, no more
// comes back than was counted.
func TestTierCountsNothingBelowZero(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		b := newBook(t)
		b.TB = fatal{t, r}
		rules := []*TierRules{metals(yearly), metals(TierWindow{Kind: WindowRolling, Days: 40})}
		for _, given := range rich(rules[0]) {
			given(b)
		}
		var debits []uuid.UUID
		for range rapid.IntRange(1, 20).Draw(r, "steps") {
			b.now = b.now.Add(rapid.SampledFrom([]time.Duration{time.Minute, 5 * day}).Draw(r, "pass"))
			amount := cny("1").With(fromSteps(rapid.Int64Range(1, 9_000).Draw(r, "minor"), 2))
			switch what := rapid.SampledFrom([]string{"debit", "refund", "rule"}).Draw(r, "what"); {
			case what == "rule":
				tiered(rapid.SampledFrom(rules).Draw(r, "rules"))(b)
			case what == "refund" && len(debits) > 0:
				_, _ = b.do(Refund{DebitID: rapid.SampledFrom(debits).Draw(r, "of"), Amount: amount})
			default:
				if posted, err := b.do(Debit{Amount: amount}); err == nil {
					debits = append(debits, posted[len(posted)-1].Metadata.OperationID)
				}
			}
			for _, c := range b.account.tiering.Counts {
				if c.Sum.IsNegative() {
					r.Fatalf("counted %s on %s", c.Sum, c.Day)
				}
			}
		}
	})
}

// holdsTiers compares the window that runs with all events, and looks for a tier that was lowered.
func (b *book) holdsTiers(rules *TierRules) {
	b.Helper()
	type sold struct {
		day          string
		spend, share Quantity
		amount       Money
	}
	opened, latest := dateOf(b.account.openedAt), ""
	sales, days, rank, due := map[uuid.UUID]sold{}, map[string]Quantity{}, 0, time.Time{}
	none := zero(2)
	for _, p := range b.log {
		switch e := p.Event.(type) {
		case DebitPosted:
			day := dateOf(p.Metadata.OccurredAt)
			s := sold{day, e.counted().Quantity, none, e.Amount}
			sales[e.DebitID], latest = s, max(latest, day)
			days[day] = most(days[day], none).Add(s.spend)
		case DebitRefunded:
			s := sales[e.DebitID]
			share := portion(s.spend, e.RefundedTotal.Quantity, s.amount.Quantity)
			days[s.day] = days[s.day].Sub(share.Sub(s.share))
			s.share = share
			sales[e.DebitID] = s
		case TierChanged:
			if e.Rank < rank && (e.EndedAt.IsZero() || !e.EndedAt.Equal(due)) {
				b.Fatalf("got %s to %s at %s, before the period ends at %s", e.From, e.To, e.EndedAt, due)
			}
			rank, due = e.Rank, e.ValidUntil
		case TierRetained:
			due = e.ValidUntil
		case TierDowngradeScheduled:
			due = e.On
		}
	}
	if latest == "" {
		return
	}
	span := rules.Window.around(latest, opened)
	want := none
	for day, sum := range days {
		if span.Holds(day) {
			want = want.Add(sum)
		}
	}
	if got := b.account.tiering.counted(rules.rule(), span, none); !got.Equal(want) {
		b.Fatalf("counted %s in %v, want %s", got, span, want)
	}
}

// rehearsedAlike rehearses the version that ruled, over all that there was since an instant.
func (b *book) rehearsedAlike(since time.Time) {
	b.Helper()
	r := &Rehearsal{Program: b.program, From: since, To: b.now.Add(1),
		Ruling: func(uuid.UUID, time.Time) *Program { return b.program }}
	for _, p := range b.log {
		r.Add(b.account.ID(), p)
	}
	anew, held := r.of(b.account.ID()).tier, b.account.tiering.Counts
	if anew != nil && fmt.Sprint(anew.account.tiering.Counts) != fmt.Sprint(held) {
		b.Fatalf("rehearsed anew, %v counts, want %v", anew.account.tiering.Counts, held)
	}
	var found Rehearsed
	if r.AddTo(&found); len(found.Moved) > 0 {
		b.Fatalf("rehearsed anew, the same rules move %+v", found.Moved)
	}
}
