package domain

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

// Whatever happened to a top-up before its money was taken back, the account owes what it had of it: all
// that was paid but what is taken back now, what expired and what people adjusted.
func TestReversalsAreWhole(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		e := &everything{machine: newMachine(t), sister: bookOf(t, "C-2")}
		e.TB, e.sister.TB = fatal{t, r}, fatal{t, r}
		opened(e.book)
		e.step(r, topUp("200", "60"))
		for range rapid.IntRange(1, 30).Draw(r, "steps") {
			e.now = e.now.Add(rapid.SampledFrom([]time.Duration{0, day, 20 * day}).Draw(r, "days"))
			e.sister.now = e.now
			e.actor = rapid.SampledFrom([]string{"till", "boss"}).Draw(r, "actor")
			e.step(r, e.drawAny(r))
		}
		for _, top := range e.account.lots {
			if top.Class == Principal && top.Funding != noID {
				e.step(r, ReverseTopUp{TopUpID: top.Funding, Cause: CauseChargeback})
			}
		}
		e.whole(r)
	})
}

// whole compares, for each reversed top-up, what it was with what became of it.
func (e *everything) whole(r *rapid.T) {
	gone := map[uuid.UUID]Quantity{} // of a principal lot, that nobody owes
	for i, p := range e.log {
		switch v := p.Event.(type) {
		case LotExpired, LotExtended, AdjustmentApproved:
			for _, m := range v.(Valued).Worth().Moves {
				gone[m.Lot] = gone[m.Lot].Sub(m.Amount)
			}
		case DebitRefunded:
			forfeit(gone, v.Forfeited)
		case DebitReversed:
			forfeit(gone, v.Forfeited)
		case TopUpReversed:
			sold := e.account.funding(v.TopUpID)[0]
			got := v.PrincipalTaken.Quantity.Add(gone[sold.ID])
			if i+1 < len(e.log) {
				switch then := e.log[i+1].Event.(type) {
				case ReceivableOpened:
					got = got.Add(then.Amount.Quantity)
				case MergeAdjusted:
					got = got.Add(then.Owed[0].Amount.Quantity)
				}
			}
			if !got.Equal(sold.Face) {
				r.Fatalf("of %s, %s are accounted for: %+v", sold.Face, got, v)
			}
		}
	}
}

func forfeit(gone map[uuid.UUID]Quantity, all []Forfeited) {
	for _, f := range all {
		gone[f.Lot] = gone[f.Lot].Add(f.Amount)
	}
}
