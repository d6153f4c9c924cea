package api

import (
	"slices"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
)

// converters turn a customer's points into something, at the till or at a desk.
var converters = []domain.Role{domain.RolePOS, domain.RoleSupport, domain.RoleAdmin}

func (s *Server) pointsRoutes() []*route {
	post := func(path, id string, op operation) *route {
		return &route{method: "POST", path: account + path, id: id, roles: op.roles, query: dry,
			serve: write(op)}
	}
	return []*route{
		{method: "GET", path: account + "/points", id: "getPoints", roles: readers, query: fresh,
			serve: getPoints},
		{method: "GET", path: "/v1/points", id: "listPoints", roles: campaignReaders, unbound: true,
			query: slices.Concat(paged, []string{"unit"}), serve: listPoints},
		{method: "GET", path: "/v1/reports/points", id: "reportPoints", roles: campaignReaders,
			query: slices.Concat(fresh, []string{"unit", "from", "through", "at_position", "format"}),
			serve: reportPoints, unbound: true},
		post("/points", "earnPoints", earnPoints),
		post("/points/convert", "convertPoints", convertPoints),
	}
}

type earnBody struct {
	Amount    *amount `json:"amount"`
	Reason    string  `json:"reason"`
	Source    string  `json:"source"`
	ExpiresAt string  `json:"expires_at"`
	post
}

var earnPoints = operation{name: "earn_points", roles: programmers, parse: func(
	r *reading, _ *target, body []byte,
) domain.Command {
	var b earnBody
	if !r.decode(body, &b) {
		return nil
	}
	r.about(b.post)
	p := domain.EarnPoints{Amount: r.points("amount", b.Amount),
		Reason: r.text("reason", b.Reason, reasonBytes), Source: r.word("source", b.Source)}
	if r.term("expires_at", b.ExpiresAt != "") {
		p.ExpiresAt = r.time("expires_at", b.ExpiresAt)
	}
	return p
}}

type convertBody struct {
	Amount     *amount     `json:"amount"`
	Into       domain.Into `json:"into"`
	Conversion string      `json:"conversion"`
	post
}

var convertPoints = operation{name: "convert_points", roles: converters, parse: func(
	r *reading, _ *target, body []byte,
) domain.Command {
	var b convertBody
	if !r.decode(body, &b) {
		return nil
	}
	r.about(b.post)
	return domain.ConvertPoints{Amount: r.points("amount", b.Amount), Into: b.Into,
		Conversion: r.word("conversion", b.Conversion)}
}}

// points reads an amount of a points unit, which is required.
func (r *reading) points(field string, a *amount) domain.Money {
	if a == nil {
		r.malformed(field, "is required")
		return domain.Money{}
	}
	return r.somePoints(field, a)
}

// somePoints is points that may be absent.
func (r *reading) somePoints(field string, a *amount) domain.Money {
	if a == nil {
		return domain.Money{}
	}
	unit, ok := r.anyUnit(field+".unit", a.Unit)
	switch {
	case !ok:
		return domain.Money{}
	case unit.Kind != domain.Points:
		r.malformed(field+".unit", "want a unit of points")
		return domain.Money{}
	}
	return r.figure(field+".amount", a.Amount, unit)
}

func (o *out) pointsEarned(a ledger.Answer, e domain.PointsEarned) {
	o.id("id", e.EarningID)
	o.id("account_id", a.Account)
	o.earning(e)
	o.text("reason", e.Reason)
	o.some("source", e.Source)
	o.settlements(a)
	o.tail(a)
}

// earning writes what was earned, into which lot, and why it is as many.
func (o *out) earning(e domain.PointsEarned) {
	o.money("amount", e.Amount)
	for _, m := range e.Moves {
		o.id("lot_id", m.Lot)
	}
	o.some("rule", e.Rule)
	o.someMoney("base", e.Base)
	o.some("tier", e.Tier)
	o.some("category", e.Category)
	o.some("campaign", e.Campaign)
	o.some("limited_by", e.LimitedBy)
	o.time("effective_at", e.EffectiveAt)
	o.time("expires_at", e.ExpiresAt)
}

// pointsOf writes the points that a sale earned, where it did.
func (o *out) pointsOf(a ledger.Answer) {
	if !slices.ContainsFunc(a.Events, isOf[domain.PointsEarned]) {
		return
	}
	o.open("points_earned", '[')
	for _, p := range a.Events {
		if e, ok := p.Event.(domain.PointsEarned); ok {
			o.begin('{')
			o.earning(e)
			o.end('}')
		}
	}
	o.end(']')
}

// pointsRevoked writes the points that were taken back with what came back, where they were.
func (o *out) pointsRevoked(a ledger.Answer) {
	if !slices.ContainsFunc(a.Events, isOf[domain.PointsRevoked]) {
		return
	}
	o.open("points_revoked", '[')
	for _, p := range a.Events {
		e, ok := p.Event.(domain.PointsRevoked)
		if !ok {
			continue
		}
		o.begin('{')
		o.id("earning_id", e.EarningID)
		o.money("due", e.Due)
		o.money("amount", e.Amount)
		o.someMoney("lapsed", e.Lapsed)
		o.someMoney("uncollected", e.Uncollected)
		if e.ReceivableID != uuid.Nil {
			o.id("receivable_id", e.ReceivableID)
		}
		o.end('}')
	}
	o.end(']')
}

// isOf reports whether an event is of a type.
func isOf[E domain.Event](p domain.Posted) bool {
	_, ok := p.Event.(E)
	return ok
}

func (o *out) conversion(a ledger.Answer, e domain.PointsConverted) {
	o.id("id", e.ConversionID)
	o.id("account_id", a.Account)
	o.money("amount", e.Amount)
	o.plain("into", string(e.Into))
	o.text("conversion", e.Rate.ID)
	o.integer("times", e.Times)
	o.some("gift", e.Rate.Gift)
	o.moves("allocations", e.Moves)
	for _, p := range a.Events {
		switch given := p.Event.(type) {
		case domain.CreditGranted:
			o.id("grant_id", given.GrantID)
			o.money("credit", given.Amount)
			o.opened(a, given)
		case domain.CouponGranted:
			o.id("coupon_id", given.CouponID)
			o.plain("definition", given.Definition)
			o.time("valid_from", given.ValidFrom)
			o.time("valid_until", given.ValidUntil)
		}
	}
	o.balancesLeft(a)
	o.tail(a)
}

// balancesLeft writes what the operation left in each unit that it moved, as the last event of each
// says: a conversion moves two.
func (o *out) balancesLeft(a ledger.Answer) {
	var units []string
	o.open("balances", '[')
	for _, p := range slices.Backward(a.Events) {
		v, ok := p.Event.(domain.Valued)
		if !ok || slices.Contains(units, v.Worth().Amount.Unit()) {
			continue
		}
		units = append(units, v.Worth().Amount.Unit())
		o.balance(v.Worth().Balance)
	}
	o.end(']')
}
