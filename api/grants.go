package api

import "github.com/tillbook/tillbook/domain"

type grantBody struct {
	Amount    *amount         `json:"amount"`
	Class     domain.Class    `json:"class"`
	Cost      *amount         `json:"cost"`
	ExpiresAt string          `json:"expires_at"`
	Scope     domain.LotScope `json:"scope"`
	post
}

// grant brings an opening balance in from another system. It has no route of its own: it is a bulk
// item for who may set terms.
var grant = operation{name: "grant", roles: []domain.Role{domain.RoleAdmin}, parse: func(
	r *reading, _ *target, body []byte,
) domain.Command {
	var b grantBody
	if !r.decode(body, &b) {
		return nil
	}
	g := domain.GrantCredit{Amount: r.money("amount", b.Amount), Class: b.Class,
		Cost: r.someMoney("cost", b.Cost), Cause: domain.CauseOpeningBalance,
		ExpiresAt: r.time("expires_at", b.ExpiresAt), Scope: b.Scope}
	if g.Class == "" {
		g.Class = domain.Principal
	}
	if b.Cost == nil {
		g.Cost = g.Amount // paid in full, elsewhere
	}
	r.about(b.post)
	return g
}}
