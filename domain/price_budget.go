package domain

import "time"

// room is what a capped campaign has left for a sale, as far as that is known. A claim for which it is
// too little is not taken.
type room struct {
	campaign string
	free     Budget // but for what is reserved for this sale
	left     Budget // free less what a run has taken
}

// roomOf is the room of a campaign's claims, nil where nothing is known to bound them.
func (p *pricing) roomOf(d *Draft, c *Campaign) *room {
	if c == nil || !c.Capped() {
		return nil
	}
	for _, r := range p.rooms {
		if r.campaign == c.ID {
			return r
		}
	}
	b, known := d.budget(c.ID)
	if !known {
		return nil
	}
	p.rooms = append(p.rooms, &room{campaign: c.ID, free: b})
	return p.rooms[len(p.rooms)-1]
}

// budget is what is known of a campaign's budget but for what is reserved for this command: what a
// reservation was refused with last, else what the moment knows.
func (d *Draft) budget(campaign string) (Budget, bool) {
	for i := len(d.Reservations) - 1; i >= 0; i-- {
		r := &d.Reservations[i]
		if r.Refused != nil && r.Kind == BudgetRedemption && r.Campaign == campaign {
			return r.Free, true
		}
	}
	if d.Budgets == nil {
		return Budget{}, false
	}
	return d.Budgets(campaign)
}

// afford takes a claim's discount out of its room, or says why that is too little.
func (p *pricing) afford(c *claim) *Refusal {
	if c.room == nil {
		return nil
	}
	part := c.room.part(p.money(c.discount))
	if r := c.room.left.lacks(part, p.at); r != nil {
		return r
	}
	c.room.left.count(part, +1)
	return nil
}

func (r *room) part(discount Money) BudgetPart {
	return BudgetPart{Campaign: r.campaign, Kind: BudgetRedemption, Count: 1, Amount: discount}
}

// isEmpty reports whether there is no room for the least discount.
func (r *room) isEmpty(least Money, at time.Time) bool {
	return r.free.lacks(r.part(least), at) != nil
}
