package domain

import (
	"errors"
	"testing"
	"time"
)

// A decision that waited for its reservations stands, as long as nothing else changed; else all of it is
// made anew. Which of the two it was tells the instant at which it was recorded.
func TestEarlierDecision(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(b *book, m *Moment)
		anew   bool
	}{
		{"nothing else changed", func(*book, *Moment) {}, false},
		{"as late as may be", func(_ *book, m *Moment) {
			m.Recorded = m.Recorded.Add(decisionLife - time.Millisecond)
		}, false},
		{"later", func(_ *book, m *Moment) { m.Recorded = m.Recorded.Add(decisionLife) }, true},
		{"the clock went back", func(_ *book, m *Moment) {
			m.Recorded = m.Recorded.Add(-2 * time.Second)
		}, true},
		{"another state", func(b *book, _ *Moment) { b.account = b.account.Clone() }, true},
		{"another program", func(_ *book, m *Moment) { p := *m.program(); m.Program = &p }, true},
		{"another program at present", func(_ *book, m *Moment) { p := *m.program(); m.Present = &p }, true},
		{"reserved in another order", func(_ *book, m *Moment) {
			m.Reservations[0], m.Reservations[1] = m.Reservations[1], m.Reservations[0]
		}, true},
		{"one more is reserved", func(b *book, m *Moment) {
			other := m.Reservations[0]
			other.ID[15]++
			m.Reservations = append(m.Reservations, other)
		}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBook(t)
			for _, s := range []step{opened, shops(), did(topUp("100", "")), granted("threshold"),
				granted("amount"), later(time.Minute)} {
				s(b)
			}
			b.offers["shop"].Terms.Budgets.Redemptions = 9
			sale := using(sells([]CartLine{line(1, 2, "5"), line(2, 1, "3")}), 2, 3)(b)
			_, _, err := Decide(b.account, sale, b.moment())
			var u *Unreserved
			if !errors.As(err, &u) {
				t.Fatal(err)
			}
			b.reserve(u.Wanted)
			m := b.moment()
			m.Earlier, m.Recorded = u, m.Recorded.Add(time.Millisecond)
			c.change(b, &m)
			posted, after, err := Decide(b.account, sale, m)
			if err != nil {
				t.Fatal(err)
			}
			if anew := !posted[0].Metadata.RecordedAt.Equal(b.now); anew != c.anew {
				t.Errorf("made anew: got %t, want %t", anew, c.anew)
			}
			for i, n := range []int{1, 2} {
				got, want := posted[n].Event.(CouponRedeemed), m.Reservations[i]
				if !c.anew && got.ReservationID != want.ID {
					t.Errorf("reservation: got %s, want %s", got.ReservationID, want.ID)
				}
			}
			if after.Revision() != posted[len(posted)-1].Revision {
				t.Errorf("revision: got %d, want %d", after.Revision(), posted[len(posted)-1].Revision)
			}
		})
	}
}
