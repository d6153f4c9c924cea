package domain

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// MergedCounts are what rules had counted of an absorbed account: its survivor has it counted too. What
// comes back of a sale from before the merge is counted no less there.
type MergedCounts struct {
	Usage   []usage    `json:"usage,omitempty"`   // of value, by unit
	Points  []earnings `json:"points,omitempty"`  // by unit
	Coupons []hadBy    `json:"coupons,omitempty"` // by campaign
	Prices  []priced   `json:"prices,omitempty"`  // by unit of which it ever had principal
}

// hadBy is what an account has had of a campaign.
type hadBy struct {
	Campaign string         `json:"campaign"`
	Coupons  int            `json:"coupons,omitempty"` // that are no more
	Claims   map[string]int `json:"claims,omitempty"`  // by promo codes, by definition_id
}

// mergedCounts are what the account brings, nil where that is nothing; of coupons what these campaigns
// may give again.
func (d *Draft) mergedCounts(campaigns []*Campaign) *MergedCounts {
	c := MergedCounts{Usage: d.usage, Points: d.earnings, Prices: d.mergedPrices()}
	for _, campaign := range campaigns {
		if had := d.hadBy(campaign); had.Coupons > 0 || len(had.Claims) > 0 {
			c.Coupons = append(c.Coupons, had)
		}
	}
	if len(c.Usage)+len(c.Points)+len(c.Coupons)+len(c.Prices) == 0 {
		return nil
	}
	return &c
}

func (d *Draft) hadBy(c *Campaign) hadBy {
	had := hadBy{Campaign: c.ID, Claims: map[string]int{}}
	if c.Status == CampaignIsEnded {
		return had
	}
	if c.Terms.Budgets.PerAccount > 0 {
		had.Coupons = d.hadOf(c.ID)
		for _, live := range d.coupons {
			if live.Campaign == c.ID {
				had.Coupons--
			}
		}
	}
	for _, definition := range c.Definitions {
		if definition.PromoCode == nil {
			continue
		}
		if n := d.claims(c.ID, definition.ID); n > 0 {
			had.Claims[definition.ID] = n // of whatever version
		}
	}
	return had
}

// mergedPrices are the sums of all units of which the account ever had principal, with what was paid
// for what is gone of it: lots bring what was paid for the rest.
func (a *Account) mergedPrices() (all []priced) {
	for _, l := range a.lots {
		if l.Class != Principal {
			continue
		}
		i := slices.IndexFunc(all, func(p priced) bool { return p.Unit == l.Unit })
		if i < 0 {
			p := a.pricing(Money{unit: l.Unit, Quantity: l.Face.Zero()})
			p.Since = 0
			i, all = len(all), append(all, p)
		}
		all[i].Brought = all[i].Brought.Add(l.CostUsed)
	}
	return all
}

// of is what came of a campaign's coupons that are no more, and of claims of a definition's promo code.
func (c *MergedCounts) of(campaign, definition string) (coupons, claims int) {
	if c == nil {
		return 0, 0
	}
	for _, had := range c.Coupons {
		if had.Campaign == campaign {
			return had.Coupons, had.Claims[definition]
		}
	}
	return 0, 0
}

func (c *MergedCounts) appendNames(names []Name) []Name {
	if c == nil {
		return names
	}
	for _, had := range c.Coupons {
		if name := campaignName(had.Campaign); had.Coupons > 0 && !slices.Contains(names, name) {
			names = append(names, name)
		}
		for _, definition := range slices.Sorted(maps.Keys(had.Claims)) {
			names = append(names, broughtName(had.Campaign, definition))
		}
	}
	return names
}

// join has the survivor count what was counted elsewhere.
func (a *Account) join(c *MergedCounts) {
	if c == nil {
		return
	}
	for _, u := range c.Usage {
		own := a.usageOf(u.Unit)
		for _, day := range u.Days {
			own.add(day.Day, day.Sum)
		}
		own.At = slices.SortedFunc(slices.Values(slices.Concat(own.At, u.At)), time.Time.Compare)
		own.At = own.At[max(0, len(own.At)-mostVelocity):]
		if len(own.At) == 0 {
			own.At = nil // as a snapshot brings it back
		}
		a.use(own)
	}
	a.joinEarnings(c.Points)
	for _, p := range c.Prices {
		a.joinPrices(p)
	}
}

// joinEarnings counts points that limits counted elsewhere.
func (a *Account) joinEarnings(brought []earnings) {
	for _, e := range brought {
		own := a.earningsOf(e.Unit)
		for _, day := range e.Days {
			own.Days = addOn(own.Days, day.Day, day.Sum)
		}
		for _, month := range e.Months {
			own.Months = addOn(own.Months, month.Day, month.Sum)
		}
		a.earn(own)
	}
}

func (c *MergedCounts) check() error {
	if c == nil {
		return nil
	}
	for _, p := range c.Prices {
		if p.AtList.IsNegative() || p.Unlisted.IsNegative() || p.Brought.IsNegative() {
			return fmt.Errorf("%s at list price, %s without, for %s, is brought", p.AtList, p.Unlisted,
				p.Brought)
		}
	}
	for _, had := range c.Coupons {
		if had.Coupons < 0 {
			return fmt.Errorf("%d coupons of campaign %s are brought", had.Coupons, had.Campaign)
		}
	}
	return nil
}
