package api

import "github.com/tillbook/tillbook/domain"

// getPoints answers what points an account has, unit by unit, and what they are good for under the
// program that rules it now.
func getPoints(c *call) error {
	v, err := c.view()
	if err != nil {
		return err
	}
	program := c.s.Ledger.Program(v.ID(), v.At)
	o := c.out()
	o.begin('{')
	o.id("account_id", v.ID())
	o.plain("program", program.Name())
	o.open("data", '[')
	for _, h := range v.Points(program, v.At) {
		o.pointsHeld(h)
	}
	o.page("", v.Position)
	return c.ok(o)
}

func (o *out) pointsHeld(h domain.PointsHeld) {
	o.begin('{')
	o.name("balance")
	o.balance(h.Balance)
	o.quantity("owed", h.Owed)
	o.due("next_effective", h.Effective)
	o.due("next_expiry", h.Expiring)
	o.open("spend", '[')
	for _, r := range h.Rules {
		if s := r.Spend; s != nil {
			o.begin('{')
			o.money("points", s.Points)
			o.money("worth", s.Worth)
			o.money("step", s.Step)
			if s.Share.IsPositive() {
				o.quantity("share", s.Share)
			}
			o.end('}')
		}
	}
	o.end(']')
	o.open("conversions", '[')
	for _, r := range h.Rules {
		for _, x := range r.Conversions {
			o.offer(x)
		}
	}
	o.end(']')
	o.end('}')
}

// offer writes what points turn into.
func (o *out) offer(x domain.Conversion) {
	o.begin('{')
	o.text("id", x.ID)
	o.plain("into", string(x.Into))
	o.money("points", x.Points)
	o.someMoney("credit", x.Credit)
	o.some("campaign", x.Campaign)
	o.some("definition", x.Definition)
	o.some("gift", x.Gift)
	o.end('}')
}

// due writes what happens to points, and when; null where nothing will.
func (o *out) due(name string, d domain.PointsDue) {
	if d.At.IsZero() {
		o.null(name)
		return
	}
	o.open(name, '{')
	o.time("at", d.At)
	o.quantity("amount", d.Amount)
	o.end('}')
}
