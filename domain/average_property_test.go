package domain

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

// Whatever comes and goes, expires, is held or comes back, and however late anybody looks: what an account
// held when is what somebody says who keeps the balance of every day, and decides at the end of each.
func TestAverageByEveryDay(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		window := rapid.SampledFrom([]TierWindow{monthly, {Kind: WindowCalendar, Of: "quarter"},
			{Kind: WindowRolling, Days: 7}, {Kind: WindowRolling, Days: 40}, {Kind: WindowMembership}}).
			Draw(r, "window")
		rules := averaging(window, loses(rapid.SampledFrom(downgrades[1:]).Draw(r, "downgrade"), 0)).normal()
		b := newBook(t)
		b.TB = fatal{t, r}
		for _, given := range []step{ruledBy(Terms{}), later(-time.Hour), opened,
			did(topUp("150", "40")), later(time.Hour), tiered(rules)} {
			given(b)
		}
		var debits []uuid.UUID
		for range rapid.IntRange(1, 25).Draw(r, "steps") {
			b.now = b.now.Add(rapid.SampledFrom([]time.Duration{time.Hour, 9 * time.Hour, day, 6 * day,
				31 * day}).Draw(r, "pass"))
			amount := cny("1").With(fromSteps(rapid.Int64Range(1, 60_000).Draw(r, "minor"), 2))
			switch rapid.SampledFrom([]string{"top-up", "debit", "refund", "hold", "sweep"}).Draw(r, "what") {
			case "top-up":
				terms := DefaultTerms()
				if rapid.Bool().Draw(r, "expires") {
					terms.ExpiresAt = b.now.Add(time.Duration(rapid.IntRange(1, 500).Draw(r, "hours")) * time.Hour)
				}
				_, _ = b.do(TopUp{Amount: amount, TopUpTerms: terms})
			case "debit":
				if posted, err := b.do(Debit{Amount: amount}); err == nil {
					debits = append(debits, posted[len(posted)-1].Metadata.OperationID)
				}
			case "refund":
				if len(debits) > 0 {
					_, _ = b.do(Refund{DebitID: rapid.SampledFrom(debits).Draw(r, "of"), Amount: amount})
				}
			case "hold":
				_, _ = b.do(PlaceHold{Amount: amount, TTLSeconds: 86400})
			default:
				_, _ = b.do(Sweep{})
			}
		}
		b.now = b.now.Add(50 * day)
		_, _ = b.do(Sweep{})
		if got, want := b.toldTiers(), b.everyDay(rules); got != want {
			r.Fatalf("got\n%s\nwant\n%s", got, want)
		}
		b.rehearsedAlike(noon)
	})
}

// toldTiers are the tiers that the log tells of, and by what.
func (b *book) toldTiers() (told string) {
	for _, p := range b.log {
		switch e := p.Event.(type) {
		case TierChanged:
			told += fmt.Sprintf("%s %s %s\n", p.Metadata.OccurredAt.Format(time.DateOnly), e.To, e.Value)
		case TierRetained:
			told += fmt.Sprintf("%s %s %s\n", p.Metadata.OccurredAt.Format(time.DateOnly), e.To, e.Value)
		}
	}
	return told
}

// everyDay is what toldTiers should be, by the balance at the end of each day.
func (b *book) everyDay(rules *TierRules) (told string) {
	changes, began := map[string]Quantity{}, dateOf(noon)
	for _, p := range b.log {
		v, ok := p.Event.(Valued)
		if !ok {
			continue
		}
		for _, m := range v.Worth().Moves {
			if on := dateOf(p.Metadata.OccurredAt); m.Class == Principal {
				changes[on] = zero(2).Add(changes[on]).Add(m.Amount)
			}
		}
	}
	balance, balances := zero(2), map[string]Quantity{}
	rank, until := 0, ""
	for today := began; today < dateOf(b.now); {
		balance = balance.Add(changes[today])
		balances[today] = balance
		next := plusDays(today, 1)
		span := rules.Window.around(today, began)
		sum, days := zero(2), int64(0)
		for d := span.From; d <= span.Through; d = plusDays(d, 1) {
			if days++; !balances[d].IsZero() {
				sum = sum.Add(balances[d])
			}
		}
		value := fromSteps(sum.steps/days, 2)
		ends, was := next == until, rank
		if ends {
			rank = rules.after(value, rank)
		}
		rank = max(rank, rules.reached(value))
		if ends || rank != was {
			told += fmt.Sprintf("%s %s %s\n", next, rules.Tiers[rank].Name, value)
			if until = rules.Window.ends(next, began); rank == 0 {
				until = ""
			}
		}
		today = next
	}
	return told
}
