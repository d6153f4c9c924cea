package domain

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
)

var (
	_ = telling(func(e CouponReserved) string { return e.OrderRef + " until " + stamp(e.Until) })
	_ = telling(func(e CouponReleased) string { return e.OrderRef + ", " + string(e.Reason) })
	_ = telling(func(e CouponExpired) string { return fmt.Sprint(e.UsesLeft, " at ", stamp(e.ExpiredAt)) })
	_ = telling(func(e CouponExtended) string { return "until " + stamp(e.ValidUntil) })
	_ = telling(func(e CouponRevoked) string { return fmt.Sprint(e.UsesLeft, ", ", e.Reason) })
	_ = telling(func(e CouponRecycled) string { return fmt.Sprint(e.UsesLeft) })
	_ = telling(func(e CouponRedeemed) string {
		return fmt.Sprintf("%d of %d, %s", e.Use, e.Of, e.Discount)
	})
	_ = telling(func(e CouponRestored) string {
		s := fmt.Sprintf("use %d, %s back", e.Use, e.DiscountReturned)
		if e.Reopened != nil {
			s += ", live again until " + stamp(e.ValidUntil)
		}
		if e.Came {
			s += ", come"
		}
		return s
	})
)

// use is what a checkout does to a coupon.
type use struct {
	coupon uuid.UUID
	order  string
}

func (use) Operation() Operation { return "test_use" }

func (u use) Decide(d *Draft) error {
	if err := d.mayTake(); err != nil {
		return err
	}
	if _, _, _, err := d.takeCoupon(u.coupon, u.order); err != nil {
		return err
	}
	off := cny("5")
	return d.redeemCoupon(Verdict{Offer: Offer{Coupon: u.coupon}, Eligible: cny("20"), Discount: off,
		Lines: []LineDiscount{{Line: 1, Discount: off.Quantity}}}, d.nextID())
}

// goodsBack is what a return does to the coupon that the n-th operation used.
type goodsBack struct {
	used     CouponRedeemed
	whole    bool
	returned string
}

func (goodsBack) Operation() Operation { return "test_back" }

func (r goodsBack) Decide(d *Draft) error {
	return d.restoreCoupon(r.used, d.nextID(), cny(r.returned).Quantity, r.whole)
}

// coupon asks about the coupon that the n-th operation granted.
func coupon(n int, c func(id uuid.UUID) Command) ask {
	return func(b *book) Command { return c(b.ids[n]) }
}

func reserveCoupon(n int, order string, seconds int64) ask {
	return coupon(n, func(id uuid.UUID) Command { return ReserveCoupon{id, order, seconds} })
}

func releaseCoupon(n int, order string) ask {
	return coupon(n, func(id uuid.UUID) Command { return ReleaseCoupon{id, order} })
}

func prolong(n int, until time.Time) ask {
	return coupon(n, func(id uuid.UUID) Command { return ExtendCoupon{id, until, "late"} })
}

func takeBack(n int) ask {
	return coupon(n, func(id uuid.UUID) Command { return RevokeCoupon{CouponID: id, Reason: "error"} })
}

func recycleCoupon(n int) ask {
	return coupon(n, func(id uuid.UUID) Command { return RecycleCoupon{id, "unread"} })
}

func redeemCoupon(n int, order string) ask {
	return coupon(n, func(id uuid.UUID) Command { return use{id, order} })
}

// restoreCoupon returns goods of the n-th operation, all of them or not.
func restoreCoupon(n int, whole bool, returned string) ask {
	return func(b *book) Command {
		for _, p := range b.log {
			if e, ok := p.Event.(CouponRedeemed); ok && p.Metadata.OperationID == b.ids[n] {
				return goodsBack{e, whole, returned}
			}
		}
		b.Fatalf("operation %d used no coupon", n)
		return nil
	}
}

// withCoupon is an account with a coupon of one use, that ends in a week, or as edits have it.
func withCoupon(edits ...func(*Campaign, *Definition)) []step {
	return []step{opened, offering(edits...), did(five)}
}

func uses(n int) func(*Campaign, *Definition) {
	return func(_ *Campaign, d *Definition) { d.Uses = n }
}

func then(steps []step, more ...step) []step { return append(steps[:len(steps):len(steps)], more...) }

var paused = offering(func(c *Campaign, _ *Definition) { c.Status = CampaignIsPaused })

const week = 8*day - 12*time.Hour // the coupon's time

// One row per refusal, in the order of the checks.
func TestReserveCoupon(t *testing.T) {
	run(t, []row{
		{"no order", withCoupon(), reserveCoupon(1, "", 1), "malformed order_ref"},
		{"too short", withCoupon(), reserveCoupon(1, "A", 59), "malformed ttl_seconds"},
		{"too long", withCoupon(), reserveCoupon(1, "A", 86401), "malformed ttl_seconds"},
		{"no account", nil, asks(ReserveCoupon{OrderRef: "A"}), "not_found"},
		{"frozen", then(withCoupon(), frozen(FreezeDebit)), reserveCoupon(1, "A", 0),
			"account_frozen"},
		{"reference used", then(withCoupon(), ref("7"), didAs(reserveCoupon(1, "A", 0))), reserveCoupon(1,
			"A", 0),
			"reference_used"},
		{"no such coupon", withCoupon(), reserveCoupon(0, "A", 0), "not_found"},
		{"used up", then(withCoupon(), didAs(redeemCoupon(1, ""))), reserveCoupon(1, "A", 0),
			"coupon_used"},
		{"revoked", then(withCoupon(), didAs(takeBack(1))), reserveCoupon(1, "A", 0),
			"coupon_revoked"},
		{"recycled", then(withCoupon(), didAs(recycleCoupon(1))), reserveCoupon(1, "A", 0),
			"coupon_revoked"},
		{"expired", then(withCoupon(), later(week), paused), reserveCoupon(1, "A", 0),
			"coupon_expired"},
		{"expired and swept", then(withCoupon(), later(week), did(Sweep{})), reserveCoupon(1,
			"A", 0),
			"coupon_expired"},
		{"not yet", withCoupon(func(c *Campaign, d *Definition) { d.Validity.AfterDays = 1 }),
			reserveCoupon(1, "A", 0), "coupon_not_yet_valid"},
		{"another's", then(withCoupon(), didAs(reserveCoupon(1, "A", 0)), paused), reserveCoupon(1,
			"B", 0),
			"coupon_reserved"},
		{"paused", then(withCoupon(), paused), reserveCoupon(1, "A", 0), "campaign_not_active"},

		{"for a quarter of an hour", withCoupon(), reserveCoupon(1, "A", 0),
			"CouponReserved A until 03-02 12:15"},
		{"for longer", withCoupon(), reserveCoupon(1, "A", 3600),
			"CouponReserved A until 03-02 13:00"},
		{"to its last instant", then(withCoupon(), later(week-1)), reserveCoupon(1, "A", 60),
			"CouponReserved A until 03-10 00:00"},
		{"again, for longer", then(withCoupon(), didAs(reserveCoupon(1,
			"A", 0)), later(time.Minute)),
			reserveCoupon(1, "A", 0), "CouponReserved A until 03-02 12:16"},
		{"again, never for shorter", then(withCoupon(), didAs(reserveCoupon(1, "A", 3600))), reserveCoupon(1,
			"A", 60),
			"CouponReserved A until 03-02 13:00"},
		{"again, no longer once the coupon's time is over", then(withCoupon(), later(week-1),
			didAs(reserveCoupon(1, "A", 60)), later(time.Second)), reserveCoupon(1, "A", 86400),
			"CouponReserved A until 03-10 00:00"},
		{"another's to its last instant", then(withCoupon(), didAs(reserveCoupon(1,
			"A", 60)), later(time.Minute-1)),
			reserveCoupon(1, "B", 0), "coupon_reserved"},
		{"another's was over", then(withCoupon(), didAs(reserveCoupon(1,
			"A", 60)), later(time.Minute)),
			reserveCoupon(1, "B", 0), "CouponReleased A, lapsed\nCouponReserved B until 03-02 12:16"},
		{"another gave it up", then(withCoupon(), didAs(reserveCoupon(1, "A", 0)), didAs(releaseCoupon(1,
			"A"))),
			reserveCoupon(1, "B", 0), "CouponReserved B until 03-02 12:15"},
	})
}

func TestReleaseCoupon(t *testing.T) {
	kept := then(withCoupon(), didAs(reserveCoupon(1, "A", 0)))
	run(t, []row{
		{"no order", kept, releaseCoupon(1, ""), "malformed order_ref"},
		{"no account", nil, asks(ReleaseCoupon{OrderRef: "A"}), "not_found"},
		{"reference used", then(kept, ref("7"), didAs(releaseCoupon(1, "A")), didAs(reserveCoupon(1,
			"A", 0))),
			releaseCoupon(1, "A"), "reference_used"},
		{"no such coupon", kept, releaseCoupon(0, "A"), "not_found"},
		{"never reserved", withCoupon(), releaseCoupon(1, "A"), "coupon_not_reserved"},
		{"over", then(kept, later(15*time.Minute)), releaseCoupon(1, "A"), "coupon_not_reserved"},
		{"another's", kept, releaseCoupon(1, "B"), "coupon_reserved"},
		{"frozen or not", then(kept, frozen(FreezeLegal)), releaseCoupon(1, "A"),
			"CouponReleased A, released"},
	})
}

func TestExtendCoupon(t *testing.T) {
	run(t, []row{
		{"to the past", withCoupon(), prolong(1, noon), "malformed valid_until"},
		{"no reason", withCoupon(), coupon(1, func(id uuid.UUID) Command {
			return ExtendCoupon{id, noon.Add(20 * day), ""}
		}), "malformed reason"},
		{"no account", nil, asks(ExtendCoupon{ValidUntil: noon.Add(day), Reason: "x"}),
			"not_found"},
		{"frozen by law", then(withCoupon(), frozen(FreezeLegal)), prolong(1, noon.Add(20*day)),
			"account_frozen"},
		{"reference used", then(withCoupon(), ref("7"), didAs(prolong(1, noon.Add(20*day)))),
			prolong(1, noon.Add(20*day)), "reference_used"},
		{"no such coupon", withCoupon(), prolong(0, noon.Add(20*day)), "not_found"},
		{"over", then(withCoupon(), later(week)), prolong(1, noon.Add(20*day)), "coupon_expired"},
		{"without an end", withCoupon(func(_ *Campaign, d *Definition) { d.Validity.Days = 0 }),
			prolong(1, noon.Add(20*day)), "malformed valid_until"},
		{"not later", withCoupon(), prolong(1, noon.Add(week)), "malformed valid_until"},

		{"later", then(withCoupon(), paused, frozen(FreezeAll)), prolong(1, noon.Add(20*day)),
			"CouponExtended until 03-22 12:00"},

		{"and then it lasts", then(withCoupon(), didAs(prolong(1, noon.Add(20*day))), later(20*day-1)),
			redeemCoupon(1, ""), "CouponRedeemed 1 of 1, 5.00"},
	})
}

func TestRevokeCoupon(t *testing.T) {
	job := AccountID("J")
	granted := fiveWith(func(g *GrantCoupon) { g.JobID = job })
	byJob := asks(RevokeCoupon{JobID: job, Reason: "mistake"})
	run(t, []row{
		{"no reason", withCoupon(), asks(RevokeCoupon{}), "malformed reason"},
		{"no account", nil, asks(RevokeCoupon{Reason: "x"}), "not_found"},
		{"frozen by law", then(withCoupon(), frozen(FreezeLegal)), takeBack(1), "account_frozen"},
		{"reference used", then(withCoupon(), did(five), ref("7"), didAs(takeBack(1))), takeBack(2),
			"reference_used"},
		{"no such coupon", withCoupon(), takeBack(0), "not_found"},
		{"over", then(withCoupon(), later(week)), takeBack(1), "coupon_expired"},
		{"revoked before", then(withCoupon(), didAs(takeBack(1))), takeBack(1), "coupon_revoked"},

		{"revoked", then(withCoupon(uses(3)), didAs(redeemCoupon(1, ""))), takeBack(1),
			"CouponRevoked 2, error"},
		{"reserved or not", then(withCoupon(), didAs(reserveCoupon(1, "A", 0))), takeBack(1),
			"CouponRevoked 1, error"},
		{"of a job", []step{opened, offering(), did(granted)}, byJob, "CouponRevoked 1, mistake"},
		{"of a job, once", []step{opened, offering(), did(granted), didAs(byJob)}, byJob,
			"done by CouponRevoked"},
		{"of a job, used up", []step{opened, offering(), did(granted), didAs(redeemCoupon(1,
			""))}, byJob,
			"done by CouponGranted"},
		{"of a job that has not come yet", []step{opened, offering()}, byJob,
			"CouponRevoked 0, mistake"},
		{"and never will", []step{opened, offering(), didAs(byJob)}, asks(granted),
			"reference_cancelled"},
	})
}

func TestRecycleCoupon(t *testing.T) {
	capped := func(c *Campaign, _ *Definition) { c.Terms.Budgets.PerAccount = 1 }
	run(t, []row{
		{"no reason", withCoupon(), asks(RecycleCoupon{}), "malformed reason"},
		{"no account", nil, asks(RecycleCoupon{Reason: "x"}), "not_found"},
		{"frozen by law", then(withCoupon(), frozen(FreezeLegal)), recycleCoupon(1),
			"account_frozen"},

		{"reference used", then(withCoupon(), did(five), ref("7"), didAs(recycleCoupon(1))), recycleCoupon(2),
			"reference_used"},
		{"no such coupon", withCoupon(), recycleCoupon(0), "not_found"},
		{"reserved", then(withCoupon(), didAs(reserveCoupon(1, "A", 0))), recycleCoupon(1),
			"coupon_reserved"},
		{"used once", then(withCoupon(uses(2)), didAs(redeemCoupon(1, ""))), recycleCoupon(1),
			"coupon_not_recyclable"},

		{"earned", withCoupon(func(_ *Campaign, d *Definition) { d.Consideration = ConsiderEarned }),
			recycleCoupon(1), "coupon_not_recyclable"},

		{"free", withCoupon(), recycleCoupon(1), "CouponRecycled 1"},
		{"it counts no more", then(withCoupon(capped), didAs(recycleCoupon(1))), asks(five),
			"CouponGranted five@2 until 03-10 00:00"},
		{"a revoked one does", then(withCoupon(capped), didAs(takeBack(1))), asks(five),
			"coupon_limit"},
	})
}

// What time brings about is written in its order, by a sweep in time as by a late one.
func TestExpireCoupons(t *testing.T) {
	late := later(week - 5*time.Minute)
	run(t, []row{
		{"not yet", then(withCoupon(), later(week-1)), asks(Sweep{}), ""},
		{"over", then(withCoupon(), later(week)), asks(Sweep{}), "CouponExpired 1 at 03-10 00:00"},
		{"what is left", then(withCoupon(uses(3)), didAs(redeemCoupon(1,
			"")), later(week)), asks(Sweep{}),
			"CouponExpired 2 at 03-10 00:00"},
		{"frozen by law", then(withCoupon(), frozen(FreezeLegal), later(week)), asks(Sweep{}), ""},
		{"a reservation", then(withCoupon(), didAs(reserveCoupon(1,
			"A", 0)), later(15*time.Minute)), asks(Sweep{}),
			"CouponReleased A, lapsed"},
		{"what is reserved outlives its time", then(withCoupon(), late, didAs(reserveCoupon(1,
			"A", 0)),
			later(14*time.Minute)), asks(Sweep{}), ""},
		{"and is used", then(withCoupon(), late, didAs(reserveCoupon(1,
			"A", 0)), later(14*time.Minute)),
			redeemCoupon(1, "A"), "CouponRedeemed 1 of 1, 5.00"},
		{"until its reservation ends", then(withCoupon(), late, didAs(reserveCoupon(1, "A", 0)),
			later(15*time.Minute)), asks(Sweep{}),
			"CouponReleased A, lapsed\nCouponExpired 1 at 03-10 00:00"},
		{"or is given up", then(withCoupon(), late, didAs(reserveCoupon(1,
			"A", 0)), later(6*time.Minute),
			didAs(releaseCoupon(1, "A"))), redeemCoupon(1, "A"), "coupon_expired"},
		{"among lots and holds", then(withCoupon(), did(topUp("9", "", expiring(7*day, 0))),
			did(topUp("8", "")), did(hold("4")), later(30*day)), asks(Sweep{}), `
HoldReleased 4.00, principal@2 held -4.00, lapsed
LotExpired 9.00, principal@2 -9.00/-9.00, n 1
CouponExpired 1 at 03-10 00:00`},
	})
}

func TestRedeemCoupon(t *testing.T) {
	run(t, []row{
		{"frozen", then(withCoupon(), frozen(FreezeDebit)), redeemCoupon(1, ""), "account_frozen"},
		{"no such coupon", withCoupon(), redeemCoupon(0, ""), "not_found"},
		{"expired", then(withCoupon(), later(week)), redeemCoupon(1, ""), "coupon_expired"},
		{"not yet", withCoupon(func(_ *Campaign, d *Definition) { d.Validity.AfterDays = 1 }), redeemCoupon(1,
			""),
			"coupon_not_yet_valid"},
		{"another order's", then(withCoupon(), didAs(reserveCoupon(1, "A", 0))), redeemCoupon(1, "B"),
			"coupon_reserved"},
		{"of no order", then(withCoupon(), didAs(reserveCoupon(1, "A", 0))), redeemCoupon(1, ""),
			"coupon_reserved"},
		{"paused", then(withCoupon(), paused), redeemCoupon(1, ""), "campaign_not_active"},

		{"once", withCoupon(), redeemCoupon(1, ""), "CouponRedeemed 1 of 1, 5.00"},
		{"twice", then(withCoupon(), didAs(redeemCoupon(1, ""))), redeemCoupon(1, ""),
			"coupon_used"},
		{"k of n", then(withCoupon(uses(3)), didAs(redeemCoupon(1, ""))), redeemCoupon(1, ""),
			"CouponRedeemed 2 of 3, 5.00"},
		{"by the order that has it", then(withCoupon(), didAs(reserveCoupon(1, "A", 0))), redeemCoupon(1,
			"A"),
			"CouponRedeemed 1 of 1, 5.00"},
		{"which has it no more then", then(withCoupon(uses(2)), didAs(reserveCoupon(1, "A", 0)),
			didAs(redeemCoupon(1, "A"))), redeemCoupon(1, "B"), "CouponRedeemed 2 of 2, 5.00"},
		{"after its reservation", then(withCoupon(), didAs(reserveCoupon(1,
			"A", 0)), later(time.Hour)),
			redeemCoupon(1, "A"), "CouponReleased A, lapsed\nCouponRedeemed 1 of 1, 5.00"},
	})
}

func TestRestoreCoupon(t *testing.T) {
	onReturn := func(r OnReturn) func(*Campaign, *Definition) {
		return func(_ *Campaign, d *Definition) { d.OnReturn = r }
	}
	grace := onReturn(OnReturn{Restore: RestoreFullOnly, Expired: RestoreGrace, Days: 3})
	spent := func(edits ...func(*Campaign, *Definition)) []step {
		return then(withCoupon(edits...), didAs(redeemCoupon(1, "")))
	}
	run(t, []row{
		{"a part", spent(), restoreCoupon(2, false, "2"), "CouponRestored use 0, 2.00 back"},
		{"nothing", spent(), restoreCoupon(2, false, "0"), ""},
		{"all", spent(), restoreCoupon(2, true, "5"),
			"CouponRestored use 1, 5.00 back, live again until 03-10 00:00"},
		{"never", spent(onReturn(OnReturn{Restore: RestoreNever})), restoreCoupon(2, true, "5"),
			"CouponRestored use 0, 5.00 back"},
		{"the last part", then(spent(), didAs(restoreCoupon(2, false, "2"))), restoreCoupon(2, true,
			"3"),
			"CouponRestored use 1, 3.00 back, live again until 03-10 00:00"},
		{"and is used again", then(spent(), didAs(restoreCoupon(2, true, "5"))), redeemCoupon(1,
			""),
			"CouponRedeemed 1 of 1, 5.00"},
		{"a use of some", spent(uses(3)), restoreCoupon(2, true, "5"),
			"CouponRestored use 1, 5.00 back"},
		{"both uses", then(spent(uses(2)), didAs(redeemCoupon(1, "")), didAs(restoreCoupon(3, true,
			"5"))),
			restoreCoupon(2, true, "5"), "CouponRestored use 1, 5.00 back"},
		{"by its extended end", then(withCoupon(uses(2)), didAs(prolong(1, noon.Add(20*day))),
			didAs(redeemCoupon(1, "")), didAs(redeemCoupon(1, ""))), restoreCoupon(4, true, "5"),
			"CouponRestored use 2, 5.00 back, live again until 03-22 12:00"},
		{"used up, and its time is over", then(spent(), later(week)), restoreCoupon(2, true, "5"),
			"CouponRestored use 0, 5.00 back"},
		{"over, with days of grace", then(spent(grace), later(week)),
			restoreCoupon(2, true, "5"), "CouponRestored use 1, 5.00 back, live again until 03-13 00:00"},
		{"over, not swept", then(spent(uses(2)), later(week)), restoreCoupon(2, true, "5"),
			"CouponExpired 1 at 03-10 00:00\nCouponRestored use 0, 5.00 back"},
		{"over, with days of grace, not swept", then(spent(uses(2), grace), later(week)),
			restoreCoupon(2, true, "5"), "CouponExpired 1 at 03-10 00:00\n" +
				"CouponRestored use 1, 5.00 back, live again until 03-13 00:00"},
		{"and swept", then(spent(uses(2), grace), later(week), did(Sweep{})), restoreCoupon(2, true,
			"5"),
			"CouponRestored use 1, 5.00 back, live again until 03-13 00:00"},
		{"grace comes once", then(spent(grace), later(week), didAs(restoreCoupon(2, true, "5")),
			didAs(redeemCoupon(1, "")), later(week)), restoreCoupon(4, true, "5"),
			"CouponRestored use 0, 5.00 back"},
		{"while it lasts it is as its time", then(spent(grace), later(week),
			didAs(restoreCoupon(2, true, "5")), didAs(redeemCoupon(1, "")), later(day)),
			restoreCoupon(4, true, "5"), "CouponRestored use 1, 5.00 back, live again until 03-13 00:00"},
		{"revoked", then(spent(uses(2), grace), didAs(takeBack(1))), restoreCoupon(2, true, "5"),
			"CouponRestored use 0, 5.00 back"},
		{"whatever its campaign does", then(spent(), paused), restoreCoupon(2, true, "5"),
			"CouponRestored use 1, 5.00 back, live again until 03-10 00:00"},
	})
}

// Coupons end with their account, unless an order has one.
func TestCouponsOfClosed(t *testing.T) {
	end := asks(CloseAccount{Reason: "x"})
	run(t, []row{
		{"revoked", then(withCoupon(uses(2)), did(five), didAs(redeemCoupon(1, ""))), end,
			"AccountClosed\nCouponRevoked 1, account_closed\nCouponRevoked 2, account_closed"},
		{"reserved", then(withCoupon(), didAs(reserveCoupon(1, "A", 0))), end, "coupon_reserved"},
		{"what time did is written first", then(withCoupon(), did(five), didAs(reserveCoupon(1,
			"A", 0)),
			didAs(prolong(2, noon.Add(20*day))), later(week)), end, `
CouponReleased A, lapsed
CouponExpired 1 at 03-10 00:00
AccountClosed
CouponRevoked 1, account_closed`},
	})
}
