package domain

import (
	"cmp"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

// life is what a coupon should be, told without its code.
type life struct {
	id       uuid.UUID
	uses     int
	used     int
	lost     int // uses that went with its end
	end      Code
	order    string
	reserved time.Time
	until    time.Time // none: no end
}

func (l *life) kept(at time.Time) bool { return l.order != "" && at.Before(l.reserved) }

// pass lets time do its part.
func (l *life) pass(at time.Time) {
	if !l.kept(at) {
		l.order, l.reserved = "", time.Time{}
	}
	if l.end == "" && !l.until.IsZero() && !at.Before(l.until) && !l.kept(at) {
		l.finish(ErrCouponExpired.Code)
	}
}

func (l *life) finish(how Code) {
	l.end, l.lost, l.order, l.reserved = how, l.uses-l.used, "", time.Time{}
}

// lives are some coupons of an account, and what was redeemed.
type lives struct {
	*book
	r    *rapid.T
	all  []*life
	sold []CouponRedeemed // not returned yet
}

// No sequence of commands over some coupons does what their lives do not have: each command is answered
// as they say; uses are conserved; one order has a coupon at a time; a sweep changes nothing but what
// time has brought about.
func TestCouponLives(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		b := bookOf(t, "C-1")
		b.TB = fatal{t, r}
		w := &lives{book: b, r: r}
		for range rapid.IntRange(1, 3).Draw(r, "coupons") {
			w.grant()
		}
		for range rapid.IntRange(1, 40).Draw(r, "steps") {
			pass := []time.Duration{0, time.Minute, 9 * time.Minute, 20 * time.Minute, 2 * day}
			later(rapid.SampledFrom(pass).Draw(r, "pass"))(b)
			for _, l := range w.all {
				l.pass(b.now)
			}
			w.step()
			w.compare()
		}
	})
}

func (w *lives) grant() {
	n, days := rapid.IntRange(1, 3).Draw(w.r, "uses"), rapid.SampledFrom([]int{0, 1, 5}).Draw(w.r, "days")
	offering(uses(n), func(_ *Campaign, d *Definition) { d.Validity.Days = days })(w.book)
	posted, err := w.do(five)
	if err != nil {
		w.Fatal(err)
	}
	e := posted[0].Event.(CouponGranted)
	w.all = append(w.all, &life{id: e.CouponID, uses: n, until: e.ValidUntil})
}

// step asks one thing of one coupon, and holds the answer against what its life says.
func (w *lives) step() {
	l := rapid.SampledFrom(w.all).Draw(w.r, "coupon")
	order := rapid.SampledFrom([]string{"A", "B"}).Draw(w.r, "order")
	var want Code
	foreign := l.kept(w.now) && l.order != order
	switch kind := rapid.SampledFrom([]string{"reserve", "release", "redeem", "redeem", "extend",
		"revoke", "recycle", "return", "sweep"}).Draw(w.r, "kind"); kind {
	case "reserve":
		want = cmp.Or(l.end, when(foreign, ErrCouponReserved))
		if w.expect(ReserveCoupon{l.id, order, 600}, want) {
			until := w.now.Add(10 * time.Minute)
			l.order, l.reserved = order, until
		}
	case "release":
		want = cmp.Or(l.end, when(!l.kept(w.now), ErrCouponNotReserved), when(foreign, ErrCouponReserved))
		if w.expect(ReleaseCoupon{l.id, order}, want) {
			l.order = ""
			l.pass(w.now)
		}
	case "redeem":
		if w.expect(use{l.id, order}, cmp.Or(l.end, when(foreign, ErrCouponReserved))) {
			w.sold = append(w.sold, w.log[len(w.log)-1].Event.(CouponRedeemed))
			if l.used, l.order = l.used+1, ""; l.used == l.uses {
				l.end = ErrCouponUsed.Code
			}
			l.pass(w.now)
		}
	case "extend":
		until := l.until.Add(day)
		want = cmp.Or(when(!until.After(w.now), ErrMalformed), l.end, when(l.until.IsZero(), ErrMalformed))
		if w.expect(ExtendCoupon{l.id, until, "x"}, want) {
			l.until = until
		}
	case "revoke", "recycle":
		c := Command(RevokeCoupon{CouponID: l.id, Reason: "x"})
		want = l.end
		if kind == "recycle" {
			c = RecycleCoupon{l.id, "x"}
			want = cmp.Or(want, when(l.kept(w.now), ErrCouponReserved),
				when(l.used > 0, ErrCouponNotRecyclable))
		}
		if w.expect(c, want) {
			l.finish(ErrCouponRevoked.Code)
		}
	case "return":
		w.giveBack()
	default:
		w.expect(Sweep{}, "")
	}
}

// giveBack returns all that one use was for.
func (w *lives) giveBack() {
	if len(w.sold) == 0 {
		return
	}
	i := rapid.IntRange(0, len(w.sold)-1).Draw(w.r, "sold")
	e := w.sold[i]
	w.sold = slices.Delete(w.sold, i, i+1)
	l := w.all[slices.IndexFunc(w.all, func(l *life) bool { return l.id == e.CouponID })]
	w.expect(goodsBack{e, true, "5"}, "")
	over := !l.until.IsZero() && !w.now.Before(l.until) && !l.kept(w.now)
	if l.end == "" || l.end == ErrCouponUsed.Code && !over {
		l.used, l.end = l.used-1, ""
	}
}

func when(is bool, r *Refusal) Code {
	if is {
		return r.Code
	}
	return ""
}

// expect asks, and reports that it was done.
func (w *lives) expect(c Command, want Code) bool {
	_, err := w.do(c)
	var r *Refusal
	var got Code
	if errors.As(err, &r) {
		got = r.Code
	}
	if got != want || r == nil && err != nil {
		w.Fatalf("%#v: got %v, want %q", c, err, want)
	}
	return want == ""
}

// compare holds the account against the lives.
func (w *lives) compare() {
	for _, l := range w.all {
		c, live := w.account.coupon(l.id)
		live = live && !c.Expired(w.now)
		switch {
		case live != (l.end == ""):
			w.Fatalf("coupon %s: got live %t, want its end %q", l.id, live, l.end)
		case live && (c.Used != l.used || c.Uses != l.uses || !c.ValidUntil.Equal(l.until)):
			w.Fatalf("got %+v, want %+v", c, l)
		case live && c.ReservedAt(w.now) != (l.order != "") || live && l.order != "" && c.Order != l.order:
			w.Fatalf("got reserved by %q, want %q", c.Order, l.order)
		case !live && l.used+l.lost != l.uses && l.end != ErrCouponUsed.Code:
			w.Fatalf("got %d used and %d lost of %d", l.used, l.lost, l.uses)
		}
	}
	granted, used, left, lost := 0, 0, 0, 0
	for _, p := range w.log {
		switch e := p.Event.(type) {
		case CouponGranted:
			granted += e.Uses
		case CouponRedeemed:
			used++
		case CouponRestored:
			if e.Use > 0 {
				used--
			}
		case CouponExpired:
			lost += e.UsesLeft
		case CouponRevoked:
			lost += e.UsesLeft
		case CouponRecycled:
			lost += e.UsesLeft
		}
	}
	for _, c := range w.account.Coupons() {
		left += c.Uses - c.Used
	}
	if granted != used+left+lost {
		w.Fatalf("%d uses are granted, %d used, %d left, %d lost", granted, used, left, lost)
	}
}
