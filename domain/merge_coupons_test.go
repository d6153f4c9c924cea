package domain

import (
	"slices"
	"testing"
	"time"
)

// mergedCoupons is a merge of C-1, which has a coupon of two uses that an order has reserved, one of
// them used, into C-2; and the coupon as it was.
func mergedCoupons(t *testing.T) (from *book, absorb AbsorbAccount, c Coupon) {
	from = bookOf(t, "C-1")
	for _, s := range []step{offering(uses(2)), did(five), didAs(redeemCoupon(1, "")),
		didAs(prolong(1, noon.Add(20*day))), didAs(reserveCoupon(1, "A", 3600))} {
		s(from)
	}
	c = from.account.coupons[0]
	posted, err := from.do(into2)
	if err != nil {
		t.Fatal(err)
	}
	absorb.Merged = posted[0].Event.(AccountsMerged)
	return from, absorb, c
}

// Coupons go with a merge as they are: their uses, their reservation, their extended time.
func TestMergedCoupons(t *testing.T) {
	from, absorb, c := mergedCoupons(t)
	if got := from.account.Coupons(); len(got) > 0 {
		t.Errorf("got %v left on the absorbed account, want none", got)
	}
	b := bookOf(t, "C-2")
	b.ids = append(b.ids, c.ID)
	offering(uses(2))(b)
	did(absorb)(b)
	if got := b.account.Coupons(); !slices.Equal(got, []Coupon{c}) {
		t.Fatalf("got %v, want %v", got, c)
	}
	for _, r := range []struct {
		asked ask
		then  string
	}{
		{reserveCoupon(1, "B", 0), "coupon_reserved"},
		{redeemCoupon(1, "A"), "CouponRedeemed 2 of 2, 5.00"},
		{redeemCoupon(1, "A"), "coupon_used"},
		{restoreCoupon(3, true, "5"), "CouponRestored use 2, 5.00 back, live again until 03-22 12:00"},
		{recycleCoupon(1), "coupon_not_recyclable"},
	} {
		posted, err := b.do(r.asked(b))
		if got := answer(posted, err); got != r.then {
			t.Errorf("got %s, want %s", got, r.then)
		}
	}
}

// What a job granted to an absorbed account is revoked on the survivor, and there alone.
func TestMergedCouponsOfJob(t *testing.T) {
	from := bookOf(t, "C-1")
	offering()(from)
	job := AccountID("J")
	did(fiveWith(func(g *GrantCoupon) { g.JobID = job }))(from)
	posted, err := from.do(into2)
	if err != nil {
		t.Fatal(err)
	}
	b := bookOf(t, "C-2")
	did(AbsorbAccount{Merged: posted[0].Event.(AccountsMerged)})(b)
	for _, want := range []string{"CouponRevoked 1, mistake", "done by CouponRevoked"} {
		posted, err := b.do(RevokeCoupon{JobID: job, Reason: "mistake"})
		if got := answer(posted, err); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// They count against the survivor's cap of their campaign.
func TestMergedCouponsCount(t *testing.T) {
	_, absorb, _ := mergedCoupons(t)
	b := bookOf(t, "C-2")
	offering(func(c *Campaign, _ *Definition) { c.Terms.Budgets.PerAccount = 2 })(b)
	did(absorb)(b)
	for _, want := range []string{"CouponGranted five@2 until 03-10 00:00", "coupon_limit"} {
		posted, err := b.do(five)
		if got := answer(posted, err); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// A survivor with too many takes none in, and the absorbed account has its own again.
func TestMergeOfTooManyCoupons(t *testing.T) {
	from, absorb, c := mergedCoupons(t)
	b := bookOf(t, "C-2")
	offering()(b)
	for range mostCoupons {
		did(five)(b)
	}
	posted, err := b.do(absorb)
	if got := answer(posted, err); got != "ReferenceCancelled nothing" {
		t.Fatalf("got %s, want a tombstone", got)
	}
	did(UndoMerge{MergeID: absorb.Merged.MergeID, Why: posted[0].Event.(ReferenceCancelled)})(from)
	if got := from.account.Coupons(); !slices.Equal(got, []Coupon{c}) {
		t.Errorf("got %v, want %v", got, c)
	}
	offering(uses(2), func(c *Campaign, _ *Definition) { c.Terms.Budgets.PerAccount = 2 })(from)
	posted, err = from.do(five)
	if got, want := answer(posted, err), "CouponGranted five@2, 2 uses until 03-10 00:00"; got != want {
		t.Errorf("what came back counts once: got %s, want %s", got, want)
	}
	later(time.Hour)(from)
	posted, err = from.do(redeemCoupon(1, "B")(from))
	want := "CouponReleased A, lapsed\nCouponRedeemed 2 of 2, 5.00"
	if got := answer(posted, err); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
