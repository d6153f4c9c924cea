package domain

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

var _ = telling(func(e CouponGranted) string {
	s := e.Definition
	if e.Uses > 1 {
		s += fmt.Sprintf(", %d uses", e.Uses)
	}
	if e.ValidFrom.After(noon) {
		s += " from " + stamp(e.ValidFrom)
	}
	if !e.ValidUntil.IsZero() {
		s += " until " + stamp(e.ValidUntil)
	}
	return s
})

// spring is an active campaign with one definition in two versions, a coupon of 5.00 off for a week,
// which edits may change.
func spring(edits ...func(*Campaign, *Definition)) *Campaign {
	old := &Definition{ID: "five", Version: 1, Kind: AmountOff, Unit: "CNY", Uses: 1,
		Value: CouponValue{Amount: cny("5")}, Stacking: Stacking{Group: StackCommon},
		Consideration: ConsiderFree, OnReturn: OnReturn{Restore: "full_only", Expired: "forfeit",
			MinSpend: "keep"}}
	newest := *old
	newest.Version, newest.Validity = 2, Validity{Days: 7}
	c := &Campaign{ID: "spring", Status: CampaignIsActive, Definitions: []*Definition{old, &newest}}
	for _, edit := range edits {
		edit(c, &newest)
	}
	return c
}

// offering lets a campaign stand so in what follows.
func offering(edits ...func(*Campaign, *Definition)) step {
	return func(b *book) {
		c := spring(edits...)
		b.offers = map[string]*Campaign{c.ID: c}
	}
}

var five = GrantCoupon{Campaign: "spring", Definition: "five", Cause: CouponByAPI}

func fiveWith(edit func(*GrantCoupon)) GrantCoupon { g := five; edit(&g); return g }

// One row per refusal, in the order of the checks.
func TestGrantCoupon(t *testing.T) {
	with := func(edit func(*GrantCoupon)) ask { return asks(fiveWith(edit)) }
	is := func(edit func(*Campaign, *Definition)) []step { return []step{opened, offering(edit)} }
	job := with(func(g *GrantCoupon) { g.JobID = AccountID("J") })
	birthday := with(func(g *GrantCoupon) { g.Occasion, g.Cause = "birthday 2026", CouponByTrigger })
	many := []step{opened, offering()}
	for range mostCoupons {
		many = append(many, did(five))
	}
	capped := offering(func(c *Campaign, _ *Definition) { c.Terms.Budgets.PerAccount = 2 })
	run(t, []row{
		{"no campaign", nil, with(func(g *GrantCoupon) { g.Campaign, g.Definition = "", "" }),
			"malformed campaign"},
		{"no definition", nil, with(func(g *GrantCoupon) { g.Definition, g.Cause = "", "" }),
			"malformed definition"},
		{"no cause", nil, with(func(g *GrantCoupon) { g.Cause, g.Channel = "", "x" }), "malformed cause"},
		{"an unknown channel", nil, with(func(g *GrantCoupon) { g.Channel = "pigeon" }),
			"malformed issue_channel"},
		{"a long reason", nil, with(func(g *GrantCoupon) { g.Reason = strings.Repeat("x", 201) }),
			"malformed reason"},
		{"a long occasion", nil, with(func(g *GrantCoupon) { g.Occasion = strings.Repeat("x", 101) }),
			"malformed occasion"},
		{"no account", []step{offering()}, asks(five), "not_found"},
		{"frozen", []step{opened, offering(), frozen(FreezeCredit)}, asks(five), "account_frozen"},
		{"reference used", []step{opened, offering(), ref("7"), did(five)}, asks(five), "reference_used"},
		{"an unknown campaign", []step{opened}, asks(five), "not_found"},
		{"an unknown definition", []step{opened, offering()}, with(func(g *GrantCoupon) {
			g.Definition = "five@3"
		}), "not_found"},
		{"paused", is(func(c *Campaign, _ *Definition) {
			c.Status, c.Terms.Channels = CampaignIsPaused, []string{IssuePartner}
		}), asks(five), "campaign_not_active"},
		{"before it begins", is(func(c *Campaign, _ *Definition) { c.Terms.Begins = noon.Add(1) }),
			asks(five), "campaign_not_active"},
		{"over", is(func(c *Campaign, _ *Definition) { c.Terms.Ends = noon }), asks(five),
			"campaign_not_active"},
		{"another channel", is(func(c *Campaign, d *Definition) {
			c.Terms.Channels, d.Restrictions.HolderOnly = []string{IssueOffline}, true
		}), asks(five), "coupon_channel"},
		{"a claim of what is its holder's", is(func(_ *Campaign, d *Definition) {
			d.Restrictions.HolderOnly, d.Validity.Until = true, noon
		}), with(func(g *GrantCoupon) { g.Cause = CouponByClaim }), "coupon_holder_only"},
		{"its time is over", is(func(_ *Campaign, d *Definition) { d.Validity.Until = noon }), asks(five),
			"coupon_expired"},
		{"over before it begins", is(func(_ *Campaign, d *Definition) {
			d.Validity = Validity{AfterDays: 2, Until: noon.Add(day)}
		}), asks(five), "coupon_expired"},
		{"too many", many, asks(five), "coupon_limit"},
		{"as many as one account has", []step{opened, capped, did(five), did(five)}, asks(five),
			"coupon_limit"},
		{"a budget with nothing left", append(is(func(c *Campaign, _ *Definition) {
			c.Terms.Budgets.Issues = 10
		}), func(b *book) { b.exhausted = true }), asks(five), "budget_exhausted"},

		{"the newest", []step{opened, offering()}, asks(five),
			"CouponGranted five@2 until 03-10 00:00"},
		{"a version", []step{opened, offering()}, with(func(g *GrantCoupon) { g.Definition = "five@1" }),
			"CouponGranted five@1"},
		{"reserved", is(func(c *Campaign, _ *Definition) { c.Terms.Budgets.Issues = 10 }),
			asks(five), "CouponGranted five@2 until 03-10 00:00"},
		{"online, where it does not say", is(func(c *Campaign, _ *Definition) {
			c.Terms.Channels = []string{IssueOnline}
		}), asks(five), "CouponGranted five@2 until 03-10 00:00"},
		{"some uses", is(func(_ *Campaign, d *Definition) { d.Uses, d.Validity.Days = 3, 0 }), asks(five),
			"CouponGranted five@2, 3 uses"},
		{"frozen for debits", []step{opened, offering(), frozen(FreezeDebit)}, asks(five),
			"CouponGranted five@2 until 03-10 00:00"},
		{"once for a job", []step{opened, offering(), didAs(job), frozen(FreezeCredit)}, job,
			"done by CouponGranted"},
		{"once for an occasion", []step{opened, offering(), didAs(birthday)}, birthday,
			"done by CouponGranted"},
		{"of whatever version", []step{opened, offering(), didAs(birthday)}, with(func(g *GrantCoupon) {
			g.Occasion, g.Definition = "birthday 2026", "five@1"
		}), "done by CouponGranted"},
		{"another occasion", []step{opened, offering(), didAs(birthday)}, with(func(g *GrantCoupon) {
			g.Occasion = "birthday 2027"
		}), "CouponGranted five@2 until 03-10 00:00"},
	})
}

// Days are days of the program's zone, and last to their end.
func TestCouponValidity(t *testing.T) {
	const shanghai = "Asia/Shanghai"
	for _, c := range []struct {
		validity    Validity
		zone        string
		from, until string
	}{
		{Validity{}, "UTC", "03-02 12:00", "never"},
		{Validity{Days: 1}, "UTC", "03-02 12:00", "03-04 00:00"},
		{Validity{Days: 7}, shanghai, "03-02 12:00", "03-09 16:00"},
		{Validity{AfterDays: 1}, shanghai, "03-02 16:00", "never"},
		{Validity{AfterDays: 1, Days: 1}, shanghai, "03-02 16:00", "03-03 16:00"},
		{Validity{Until: noon.Add(day), Days: 7}, "UTC", "03-02 12:00", "03-03 12:00"},
		{Validity{Until: noon.Add(90 * day), Days: 7}, "UTC", "03-02 12:00", "03-10 00:00"},
		{Validity{From: noon.Add(2 * day), Days: 1}, "UTC", "03-04 12:00", "03-06 00:00"},
		{Validity{From: noon.Add(-day), AfterDays: 1}, "UTC", "03-03 00:00", "never"},
		{Validity{AfterDays: 27, Days: 1}, "Europe/Berlin", "03-28 23:00", "03-29 22:00"},
	} {
		from, until := c.validity.span(noon, c.zone)
		if got, want := stamp(from)+" "+stamp(until), c.from+" "+c.until; got != want {
			t.Errorf("%+v in %s: got %s, want %s", c.validity, c.zone, got, want)
		}
	}
}

// A repeat is recognised whether it named the version or not, and its channel or not.
func TestGrantCouponRepeats(t *testing.T) {
	b := newBook(t)
	opened(b)
	offering()(b)
	posted, err := b.do(five)
	if err != nil {
		t.Fatal(err)
	}
	for _, same := range []GrantCoupon{five,
		fiveWith(func(g *GrantCoupon) { g.Definition = "five@2" }),
		fiveWith(func(g *GrantCoupon) { g.Channel = IssueOnline })} {
		if got := Differing(posted[0], same, Context{}); len(got) > 0 {
			t.Errorf("%+v: got %v differing, want none", same, got)
		}
	}
	for field, other := range map[string]GrantCoupon{
		"definition":    fiveWith(func(g *GrantCoupon) { g.Definition = "five@1" }),
		"issue_channel": fiveWith(func(g *GrantCoupon) { g.Channel = IssueOffline }),
		"reason":        fiveWith(func(g *GrantCoupon) { g.Reason = "x" }),
	} {
		if got := fmt.Sprint(Differing(posted[0], other, Context{})); got != "["+field+"]" {
			t.Errorf("got %s differing, want %s", got, field)
		}
	}
}

// What is granted as a part of something else counts what that has granted so far, and an offer that
// cannot be had any more is none.
func TestGrantCouponWithin(t *testing.T) {
	b := newBook(t)
	opened(b)
	offering(func(c *Campaign, _ *Definition) { c.Terms.Budgets.PerAccount = 2 })(b)
	m := b.moment()
	d := newDraft(b.account, &m)
	defer d.free()
	welcome := fiveWith(func(g *GrantCoupon) { g.Occasion, g.Cause = "gold", CouponByTier })
	for i, want := range []error{nil, nil, nil, ErrCouponLimit} {
		g := five
		if i < 2 {
			g = welcome
		}
		if err := d.grantCoupon(g); !errors.Is(err, want) {
			t.Fatalf("grant %d: got %v, want %v", i, err, want)
		}
	}
	if err := d.offerCoupon(five); err != nil {
		t.Errorf("an offer: got %v, want none", err)
	}
	if got := len(d.Coupons()); got != 2 {
		t.Errorf("got %d coupons, want 2", got)
	}
	if got := d.Coupons()[0].GrantedAt; !got.Equal(noon) {
		t.Errorf("granted at: got %s, want %s", got, noon)
	}
	if d.Coupons()[0].Expired(noon.Add(8*day-12*time.Hour)) != true {
		t.Error("got a coupon that does not end")
	}
}
