package domain

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

// ownCoupon is a checkout with the book's first live coupon.
func ownCoupon(b *book) Command {
	return sells([]CartLine{line(1, 2, "5")}, func(c *Checkout) {
		c.Coupons = []uuid.UUID{b.account.coupons[0].ID}
	})
}

// Of a checkout of an absorbed account that comes back wholly the use of its coupon comes back to the survivor,
// by the definition's on_return: of a coupon that the merge took along, and of one that had ended before.
func TestMergedUses(t *testing.T) {
	type steps = []step
	twice := func(d *Definition) { d.Uses = 2 }
	short := func(d *Definition) { d.Validity = Validity{Days: 2} }
	grace := func(d *Definition) { d.OnReturn.Expired, d.OnReturn.Days = "grace_days", 3 }
	never := func(d *Definition) { d.OnReturn.Restore = RestoreNever }
	revoked := didAs(func(b *book) Command {
		return RevokeCoupon{CouponID: b.account.coupons[0].ID, Reason: "x"}
	})
	const back = "MergeAdjusted 0.00 at list, -8.00 without, for -8.00"
	for _, r := range []struct {
		name  string
		edits []func(*Definition)
		given steps // on C-2, after the merge
		asked ask   // of C-1
		then  string
	}{
		{"used up before", nil, nil, bringing(3, 1, 2), back + ", use 1 back\n" +
			"CouponRestored use 1, 0.00 back, live again until never, come"},
		{"taken along", []func(*Definition){twice}, nil, bringing(3, 1, 2), back + ", use 1 back\n" +
			"CouponRestored use 1, 0.00 back"},
		{"and used up here", []func(*Definition){twice}, steps{didAs(ownCoupon)}, bringing(3, 1, 2),
			back + ", use 1 back\nCouponRestored use 1, 0.00 back, live again until never"},
		{"and revoked here", []func(*Definition){twice}, steps{revoked}, bringing(3, 1, 2),
			back + ", use 1 back"},
		{"and over since", []func(*Definition){twice, short}, steps{later(3 * day)}, bringing(3, 1, 2),
			back + ", use 1 back\nCouponExpired 1 at 03-05 00:00"},
		{"and over, but for days of grace", []func(*Definition){twice, short, grace}, steps{later(3 * day)},
			bringing(3, 1, 2), back + ", use 1 back\nCouponExpired 1 at 03-05 00:00\n" +
				"CouponRestored use 1, 0.00 back, live again until 03-08 12:01"},
		{"used up before, over since", []func(*Definition){short}, steps{later(3 * day)}, bringing(3, 1, 2),
			back + ", use 1 back"},
		{"but for days of grace", []func(*Definition){short, grace}, steps{later(3 * day)},
			bringing(3, 1, 2), back + ", use 1 back\n" +
				"CouponRestored use 1, 0.00 back, live again until 03-08 12:01, come"},
		{"never", []func(*Definition){never}, nil, bringing(3, 1, 2), back},
		{"not with a part", nil, nil, bringing(3, 1, 1),
			"MergeAdjusted 0.00 at list, -4.00 without, for -4.00"},
		{"with the rest", nil, nil, func(b *book) Command {
			didAs(bringing(3, 1, 1))(b)
			return bringing(3, 1, 1)(b)
		}, "MergeAdjusted 0.00 at list, -4.00 without, for -4.00, use 1 back\n" +
			"CouponRestored use 1, 0.00 back, live again until never, come"},
		{"not to one that was closed", nil, steps{did(debit("92")), did(CloseAccount{Reason: "x"})},
			bringing(3, 1, 2), back + ", use 1 back"},
	} {
		t.Run(r.name, func(t *testing.T) {
			from, to := bookOf(t, "C-1"), bookOf(t, "C-2")
			for _, s := range (steps{shops(r.edits...), did(topUp("100", "")), granted("amount"),
				didAs(ownCoupon)}) {
				s(from)
			}
			shops(r.edits...)(to)
			later(time.Minute)(to)
			mergedInto(from, to)
			for _, s := range r.given {
				s(to)
			}
			from.now = to.now
			posted, err := from.do(r.asked(from))
			if err != nil {
				t.Fatal(err)
			}
			wants(t, after(to, posted)[0], r.then)
			wants(t, after(to, posted)[0], "done by MergeAdjusted")
		})
	}
}

// Whether a customer's accounts are merged or he has had one alone, his coupons have as many uses left in the
// end, until as long: whatever he bought with them, whatever came back.
func TestMergedUsesAreUnmerged(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		edits := func(d *Definition) {
			d.Uses = rapid.IntRange(1, 3).Draw(r, "uses")
			d.Validity.Days = rapid.SampledFrom([]int{0, 3}).Draw(r, "valid days")
			if rapid.Bool().Draw(r, "grace") {
				d.OnReturn.Expired, d.OnReturn.Days = "grace_days", 2
			}
		}
		type act struct {
			kind   string
			of     int
			merges bool
		}
		var acts []act
		for range rapid.IntRange(4, 16).Draw(r, "acts") {
			acts = append(acts, act{rapid.SampledFrom([]string{"buy", "buy", "return", "return", "wait",
				"grant"}).Draw(r, "act"), rapid.IntRange(0, 2).Draw(r, "of"),
				rapid.IntRange(0, 3).Draw(r, "merges") == 0})
		}
		offers := shops(edits)
		offered := &book{}
		offers(offered)
		ends := func(merges bool) string {
			first := bookOf(fatal{t, r}, "C-1")
			first.offers = offered.offers
			did(topUp("1000", ""))(first)
			granted("amount")(first)
			all, coupons := []*book{first}, []uuid.UUID{first.ids[2]}
			type sale struct {
				book int
				id   uuid.UUID
			}
			var sales []sale
			for _, a := range acts {
				last := len(all) - 1
				if a.merges && merges && last < 2 {
					all = append(all, bookOf(fatal{t, r}, fmt.Sprint("C-", last+2)))
					last++
					all[last].offers, all[last].now = offered.offers, all[0].now
					mergedInto(all[last-1], all[last])
				}
				for _, b := range all {
					later(time.Second)(b)
				}
				switch a.kind {
				case "wait":
					for _, b := range all {
						later(day)(b)
					}
				case "grant":
					posted, err := inTurn(all[last:], GrantCoupon{Campaign: "shop", Definition: "amount",
						Cause: CouponByAPI})
					if err == nil {
						coupons = append(coupons, posted[len(posted)-1].Event.(CouponGranted).CouponID)
					}
				case "buy":
					c := sells([]CartLine{line(1, 2, "5")})
					c.Coupons = []uuid.UUID{coupons[a.of%len(coupons)]}
					if posted, err := inTurn(all[last:], c); err == nil {
						sales = append(sales, sale{last, posted[0].Metadata.OperationID})
					}
				case "return":
					if a.of < len(sales) {
						s := sales[a.of]
						_, _ = inTurn(all[s.book:], ReturnCheckout{CheckoutID: s.id, Lines: []ReturnLine{{1, 2}}})
					}
				}
			}
			b := all[len(all)-1]
			_, _ = b.do(Sweep{})
			var left []string
			for _, c := range b.account.coupons {
				left = append(left, fmt.Sprint(slices.Index(coupons, c.ID), ": ", c.Uses-c.Used, " until ",
					stamp(c.ValidUntil), " ", c.Graced))
			}
			slices.Sort(left)
			return strings.Join(left, ", ")
		}
		if got, want := ends(true), ends(false); got != want {
			r.Fatalf("got %s, want %s", got, want)
		}
	})
}
