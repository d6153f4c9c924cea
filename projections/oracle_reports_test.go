package projections

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tillbook/tillbook/domain"
)

// reports holds what is summed when it is asked for to what was reckoned: funnels, what coupons cost, points
// and tiers.
func (o *oracle) reports(m *Models) {
	o.Helper()
	for _, campaign := range []string{"shop", "past"} {
		o.funnel(m, campaign)
	}
	o.couponCost(m)
	o.points(m)
	o.tiers(m)
	o.shifts(m)
}

// shifts are the windows of all terminals' operations, as the tables stand.
func (o *oracle) shifts(m *Models) {
	o.Helper()
	o.windows(m, SettlementFilter{})
}

// windows compares those of some shifts, as the log stood at a place.
func (o *oracle) windows(m *Models, f SettlementFilter) {
	o.Helper()
	windows, at, err := m.Settled(o.Context(), f)
	tooLong := f.Limit > 0 && errors.Is(err, ErrTooLong)
	if tooLong {
		asked := f
		asked.Limit = 0
		windows, at, err = m.Settled(o.Context(), asked)
	}
	if err != nil {
		o.Fatalf("settlement of %+v: %v", f, err)
	}
	operations := 0
	var got, want []string
	for _, w := range windows {
		got = append(got, shiftLine(w.ShiftEntry))
		operations += len(w.Operations)
		for _, op := range w.Operations {
			got = append(got, lineOf(w.ID, op.AccountID, op.EventID, op.OperationID, op.Type, op.Amount.Unit(),
				op.Amount.Quantity, op.PosTxnID, op.Leg, op.Shift, op.Operator, op.Channel, op.BusinessDate,
				op.OccurredAt, op.RecordedAt))
		}
	}
	for _, shift := range o.rows("shifts", "opened_position", func(row reckoned) bool {
		return row.ofID("id", f.ID) && row.same("store", f.Store) && row.same("terminal", f.Terminal) &&
			row.same("name", f.Name) && row.same("business_date", f.BusinessDate) &&
			row.number("opened_position") <= int64(at)
	}) {
		if shift.number("closed_position") > int64(at) {
			shift = maps.Clone(shift)
			shift.put("status", "open", "closed_at", "", "differences", 0, "closed_position", 0)
		}
		want = append(want, shift.line(shiftColumns))
		for _, row := range o.window(shift, int64(at)) {
			want = append(want, lineOf(shift["id"], row.line("account_id, event_id, operation_id, type, unit, "+
				"amount, pos_txn_id, leg, shift, operator, channel, business_date, occurred_at, recorded_at")))
		}
	}
	if !slices.Equal(got, want) || tooLong != (f.Limit > 0 && operations > f.Limit) {
		o.Fatalf("settlement of %+v: got\n%s\nwant\n%s", f, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// window is what a shift counts up to a place in the log: from behind the last that the close before it counted
// through the last that its own counted, or to the end.
func (o *oracle) window(shift reckoned, at int64) []reckoned {
	marked := func(column string, none int64) int64 {
		if shift[column] == "" {
			return none
		}
		return int64(o.positions[fromJSON[domain.Mark](o, shift[column]).EventID])
	}
	from, through := marked("after", shift.number("opened_position")), at
	if shift["status"] == "closed" {
		through = marked("through", from)
	}
	return o.rows("settlement", "position", func(row reckoned) bool {
		at := row.number("position")
		return row["store"] == shift["store"] && row["terminal"] == shift["terminal"] && from < at && at <= through
	})
}

// same compares what a report says, line by line, in any order.
func (o *oracle) same(report string, got, want []string) {
	o.Helper()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		o.Fatalf("%s: got\n%s\nwant\n%s", report, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func (f reckoned) number(column string) (n int64) {
	n, _ = strconv.ParseInt(f[column], 10, 64) // none is zero
	return n
}

// useSum adds up uses of coupons, by definition or all together: each sale once.
func (o *oracle) useSum(of func(use reckoned) bool, definition string) (sum UseSum, some bool) {
	sum.Definition = definition
	sales, buyers := map[string]bool{}, map[string]bool{}
	for _, use := range o.tables["coupon_uses"] {
		if !of(use) {
			continue
		}
		some, sum.Unit = true, use["unit"]
		sum.Uses += use.number("uses")
		sum.Discount += use.number("discount")
		if use["source_id"] == use["checkout_id"] {
			sum.PartnerCost += use.number("borne")
		}
		if sales[use["checkout_id"]] {
			continue
		}
		sales[use["checkout_id"]] = true
		sale := o.tables["checkouts"][use["checkout_id"]]
		sum.Revenue += sale.number("revenue")
		if sale["status"] != CheckoutReturned {
			sum.Sales++
			buyers[use["account_id"]] = true
		}
	}
	sum.Accounts = int64(len(buyers))
	return sum, some
}

func (o *oracle) funnel(m *Models, campaign string) {
	o.Helper()
	steps, whole, _, err := m.Funnel(o.Context(), campaign)
	if err != nil {
		o.Fatal(err)
	}
	var got, want []string
	for _, s := range steps {
		got = append(got, fmt.Sprintf("%+v", s))
	}
	for _, s := range whole {
		got = append(got, fmt.Sprintf("%+v", s))
	}
	expected := map[string]*FunnelStep{}
	for _, c := range o.tables["coupons"] {
		if c["campaign"] != campaign {
			continue
		}
		s := expected[c["definition"]]
		if s == nil {
			s = &FunnelStep{Definition: c["definition"]}
			expected[s.Definition] = s
		}
		s.Issued += c.number("granted")
		for status, n := range map[string]*int64{"reserved": &s.Reserved, "expired": &s.Expired,
			"revoked": &s.Revoked, "recycled": &s.Recycled} {
			if c["status"] == status {
				*n++
			}
		}
		if c.number("used") > 0 && c["status"] != string(domain.CouponIsMerged) {
			s.Redeemed++
		}
	}
	for name, s := range expected {
		sum, some := o.useSum(func(use reckoned) bool {
			return use["campaign"] == campaign && use["definition"] == name
		}, name)
		if some {
			s.Used = sum
		}
		want = append(want, fmt.Sprintf("%+v", *s))
	}
	if sum, some := o.useSum(func(use reckoned) bool { return use["campaign"] == campaign }, ""); some {
		want = append(want, fmt.Sprintf("%+v", sum))
	}
	o.same("funnel of "+campaign, got, want)
}

// couponCost is by day and store what was given and returned, and in all what partners bear.
func (o *oracle) couponCost(m *Models) {
	o.Helper()
	all, _, err := m.CouponCost(o.Context(), CostFilter{ByDay: true, ByStore: true, Limit: 10_000})
	if err != nil {
		o.Fatal(err)
	}
	var got, want []string
	borne, given := int64(0), map[string]*[3]int64{}
	for _, e := range all {
		got = append(got, fmt.Sprint(e.Definition, e.Partner, e.Unit, e.Day, e.Store, e.Uses, e.Given, e.Returned))
		borne -= e.PartnerCost
	}
	for _, use := range o.tables["coupon_uses"] {
		key := fmt.Sprint(use["definition"], use["partner"], use["unit"], use["day"], use["store"])
		if given[key] == nil {
			given[key] = &[3]int64{}
		}
		given[key][0] += use.number("uses")
		if use["source_id"] == use["checkout_id"] {
			given[key][1] += use.number("discount")
			borne += use.number("borne")
		} else {
			given[key][2] -= use.number("discount")
		}
	}
	for key, n := range given {
		want = append(want, fmt.Sprint(key, n[0], n[1], n[2]))
	}
	o.same("cost of coupons", append(got, fmt.Sprint("borne", 0)), append(want, fmt.Sprint("borne", borne)))
}

// points are what is outstanding, by the accounts' own lots, and what became of them, by their moves.
func (o *oracle) points(m *Models) {
	o.Helper()
	all, _, err := m.PointsReport(o.Context(), PointsFilter{Unit: ptsUnit.Code, Now: o.last})
	if err != nil {
		o.Fatal(err)
	}
	var got, want []string
	for _, s := range all {
		got = append(got, fmt.Sprint("outstanding ", s.Closing, " of ", s.Accounts, " pending ", s.Pending))
		for _, c := range s.Changes {
			got = append(got, fmt.Sprint(c.Type, " ", c.Events, " ", c.Amount))
		}
		for _, e := range s.Ending {
			got = append(got, fmt.Sprint("ends ", e.Month, " ", e.Amount))
		}
	}
	changes, ends := map[string][2]int64{}, map[string]int64{}
	for _, row := range o.tables["points"] {
		c := changes[row["type"]]
		changes[row["type"]] = [2]int64{c[0] + 1, c[1] + row.number("amount")}
	}
	closing, holders, pending := int64(0), 0, int64(0)
	for _, a := range o.accounts {
		held := int64(0)
		for _, l := range a.Lots() {
			if left := smallest(l.Remaining); l.Unit == ptsUnit.Code && left > 0 {
				held += left
				ends[strings.TrimPrefix(l.ExpiresAt.UTC().Format("2006-01"), "0001-01")] += left
				if l.EffectiveAt.After(o.last) {
					pending += left
				}
			}
		}
		if closing += held; held > 0 {
			holders++
		}
	}
	if len(changes) > 0 {
		want = append(want, fmt.Sprint("outstanding ", closing, " of ", holders, " pending ", pending))
	}
	for kind, c := range changes {
		want = append(want, fmt.Sprint(kind, " ", c[0], " ", c[1]))
	}
	for month, n := range ends {
		want = append(want, fmt.Sprint("ends ", month, " ", n))
	}
	o.same("points", got, want)
}

// tiers are who holds which, at the end.
func (o *oracle) tiers(m *Models) {
	o.Helper()
	r, err := m.TierReport(o.Context(), o.last.AddDate(10, 0, 0), time.Time{})
	if err != nil {
		o.Fatal(err)
	}
	members, counts := map[string]int64{}, map[string]int64{}
	for _, c := range r.Counts {
		counts[c.Tier] += c.Members
	}
	for _, a := range o.accounts {
		status := a.Status(time.Time{})
		if a.Kind() != domain.KindMember || status == domain.Closed || status == domain.Merged {
			continue
		}
		tier := tierOf(a)
		if tier == "plain" {
			tier = "" // the first has no name
		}
		members[tier]++
	}
	if members[""] == 0 {
		members[""] = 0
	}
	o.same("tiers", []string{fmt.Sprint(counts)}, []string{fmt.Sprint(members)})
}

// bears notes what a partner bears of a use: of what it gave less what came back.
func (f reckoned) bears(share domain.Quantity, unit string) {
	u, _ := domain.ISOUnit(unit)
	left := u.Steps(f.number("discount") - f.number("returned"))
	f.put("borne", smallest(domain.PartnerCost(left, share).Quantity))
}
