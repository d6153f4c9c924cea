package projections

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
)

// at is where the log stood at a row, or nowhere.
func (a *asker) at(table string) eventstore.Position {
	if a.r.IntN(2) == 0 {
		return eventstore.Start
	}
	return eventstore.Position(a.any(table).number("position"))
}

// upTo reports whether a row's event stands at a place in the log or before it.
func (f reckoned) upTo(at eventstore.Position) bool {
	return at == eventstore.Start || f.number("position") <= int64(at)
}

// costs compares what coupons cost, by day and store or not.
func (a *asker) costs() {
	some := a.any("coupon_uses")
	f := CostFilter{Campaign: a.maybe(some["campaign"]), Partner: a.maybe(some["partner"]),
		Store: a.maybe(some["store"]), From: a.day(some), Through: a.day(a.any("coupon_uses")),
		ByDay: a.r.IntN(2) == 0, ByStore: a.r.IntN(2) == 0, At: a.at("coupon_uses"), Limit: 1 + a.r.IntN(40)}
	sums := map[string]*CostEntry{}
	for _, row := range a.rows("coupon_uses", "position", func(row reckoned) bool {
		return row.same("campaign", f.Campaign) && row.same("partner", f.Partner) && row.same("store", f.Store) &&
			row["day"] >= f.From && (f.Through == "" || row["day"] <= f.Through) && row.upTo(f.At)
	}) {
		day, store := "", ""
		if f.ByDay {
			day = row["day"]
		}
		if f.ByStore {
			store = row["store"]
		}
		key := strings.Join([]string{row["campaign"], row["definition"], row["partner"], row["cost_share"],
			row["unit"], day, store}, " | ")
		if sums[key] == nil {
			sums[key] = &CostEntry{}
		}
		sums[key].Uses += row.number("uses")
		sums[key].PartnerCost += row.number("partner_cost")
		if row["source_id"] == row["checkout_id"] {
			sums[key].Given += row.number("discount")
		} else {
			sums[key].Returned -= row.number("discount")
		}
	}
	all, _, err := a.m.CouponCost(a.Context(), f)
	if errors.Is(err, ErrTooMany) && len(sums) > f.Limit {
		return
	}
	if err != nil {
		a.Fatal(err)
	}
	var got, want []string
	for _, e := range all {
		got = append(got, lineOf(e.Campaign, e.Definition, e.Partner, e.CostShare, e.Unit, e.Day, e.Store, e.Uses,
			e.Given, e.Returned, e.PartnerCost))
	}
	for _, key := range slices.Sorted(maps.Keys(sums)) {
		e := sums[key]
		want = append(want, lineOf(key, e.Uses, e.Given, e.Returned, e.PartnerCost))
	}
	a.same(lineOf("cost of", f), got, want)
}

// pointsBetween compares what became of points between two days, as the log stood.
func (a *asker) pointsBetween() {
	f := PointsFilter{Unit: a.maybe("PTS"), From: a.day(a.any("points")), Through: a.day(a.any("points")),
		At: a.at("points"), Now: a.last}
	all, _, err := a.m.PointsReport(a.Context(), f)
	if err != nil {
		a.Fatal(err)
	}
	var got, want []string
	for _, s := range all {
		got = append(got, lineOf(s.Unit, s.Opening, s.Closing, s.Accounts))
		for _, c := range s.Changes {
			got = append(got, lineOf(s.Unit, c.Type, c.Events, c.Amount))
		}
	}
	opening, closing, changes := map[string]int64{}, map[string]map[string]int64{}, map[string][2]int64{}
	for _, row := range a.rows("points", "position", func(row reckoned) bool {
		return row.same("unit", f.Unit) && row.upTo(f.At)
	}) {
		unit, n, in := row["unit"], row.number("amount"), f.Through == "" || row["day"] <= f.Through
		if closing[unit] == nil {
			closing[unit] = map[string]int64{}
		}
		if row["day"] < f.From {
			opening[unit] += n
		} else if in {
			c := changes[lineOf(unit, row["type"])]
			changes[lineOf(unit, row["type"])] = [2]int64{c[0] + 1, c[1] + n}
		}
		if in {
			closing[unit][row["account_id"]] += n
		}
	}
	for unit, held := range closing {
		sum, accounts := int64(0), 0
		for _, n := range held {
			if sum += n; n > 0 {
				accounts++
			}
		}
		want = append(want, lineOf(unit, opening[unit], sum, accounts))
	}
	for of, c := range changes {
		want = append(want, lineOf(of, c[0], c[1]))
	}
	a.same(lineOf("points of", f), got, want)
}

// settlements compares windows of the log, as it stood.
func (a *asker) settlements() {
	some := a.any("shifts")
	f := SettlementFilter{ID: a.maybeID(some["id"]), Store: a.maybe(some["store"]),
		Terminal: a.maybe(some["terminal"]), Name: a.maybe(some["name"]), BusinessDate: a.day(some)}
	if f.At = a.at("history"); f.At == eventstore.Start && a.r.IntN(2) == 0 {
		f.Limit = 1 + a.r.IntN(20)
	}
	a.windows(a.m, f)
}

// tierMoves compares who held what tier at an instant, and who held another at one before.
func (a *asker) tierMoves() {
	from, at := a.about(a.any("tier_changes"), "at"), a.about(a.any("tier_changes"), "at")
	if from.After(at) {
		from, at = at, from
	}
	if a.r.IntN(4) == 0 {
		from = time.Time{}
	}
	r, err := a.m.TierReport(a.Context(), at, from)
	if err != nil {
		a.Fatal(err)
	}
	var got, want []string
	for _, c := range r.Counts {
		got = append(got, lineOf("count", c.Tier, c.Rank, c.Members))
	}
	for _, m := range r.Moves {
		got = append(got, lineOf("move", m.From, m.To, m.Members))
	}
	counts, moves := map[TierCount]int64{{}: 0}, map[TierMove]int64{}
	for _, account := range a.rows("accounts", "id", func(row reckoned) bool {
		return row["kind"] == string(domain.KindMember) && !a.ended(row["id"])
	}) {
		now := a.held(account["id"], at)
		counts[TierCount{Tier: now.Tier, Rank: now.Rank}]++
		if was := a.held(account["id"], from); !from.IsZero() && was.Tier != now.Tier {
			moves[TierMove{From: was.Tier, To: now.Tier}]++
		}
	}
	for c, n := range counts {
		want = append(want, lineOf("count", c.Tier, c.Rank, n))
	}
	for m, n := range moves {
		want = append(want, lineOf("move", m.From, m.To, n))
	}
	a.same(fmt.Sprint("tiers at ", at, " and before at ", from), got, want)
}

// held is the tier that an account held at an instant: by what was recorded last of what was so by then. The
// first has no name.
func (o *oracle) held(account string, at time.Time) (held TierCount) {
	for _, row := range o.rows("tier_changes", "revision", func(row reckoned) bool {
		return row["account_id"] == account && !row.time("at").After(at)
	}) {
		if held = (TierCount{}); row.number("rank") > 0 {
			held = TierCount{Tier: row["tier"], Rank: int(row.number("rank"))}
		}
	}
	return held
}
