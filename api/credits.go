package api

import (
	"slices"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
)

// Who gives. Support apologises, marketing makes presents, finance does both and makes good what came
// back without its debit. What was given by mistake is taken back by finance or marketing.
var (
	givers   = []domain.Role{domain.RoleSupport, domain.RoleMarketing, domain.RoleFinance, domain.RoleAdmin}
	granters = []domain.Role{domain.RoleMarketing, domain.RoleFinance, domain.RoleAdmin}
)

// gives says for which causes a role gives credit.
var gives = map[string][]domain.Role{
	domain.CauseGoodwill: {domain.RoleSupport, domain.RoleFinance, domain.RoleAdmin},
	domain.CausePromo:    granters,
}

func (s *Server) creditRoutes() []*route {
	post := func(path, id string, op operation) *route {
		return &route{method: "POST", path: account + path, id: id, roles: op.roles, query: dry,
			serve: write(op)}
	}
	return []*route{
		post("/credits", "giveCredit", giveCredit),
		post("/credits/{grant_id}/revoke", "revokeCredit", revokeCredit),
		post("/lots/{lot_id}/extend", "extendLot", extendLot),
		post("/unreferenced-refunds", "refundUnreferenced", unreferencedRefund),
	}
}

type creditBody struct {
	Amount    *amount          `json:"amount"`
	Cause     string           `json:"cause"`
	ExpiresAt string           `json:"expires_at"`
	Scope     *domain.LotScope `json:"scope"`
	Reason    string           `json:"reason"`
	Campaign  string           `json:"campaign"`
	post
}

var giveCredit = operation{name: "credit", roles: givers, parse: func(
	r *reading, _ *target, body []byte,
) domain.Command {
	var b creditBody
	if !r.decode(body, &b) {
		return nil
	}
	r.about(b.post)
	return b.grant(r)
}}

// grant reads what is given, to one account or by a job to many.
func (b creditBody) grant(r *reading) domain.GrantCredit {
	switch roles, known := gives[b.Cause]; {
	case b.Cause == "":
		r.malformed("cause", "is required")
	case !known:
		r.malformed("cause", "want goodwill or promo")
	case !slices.Contains(roles, r.who.Role):
		r.forbid("cause", "role "+string(r.who.Role)+" does not give for this cause")
	}
	g := domain.GrantCredit{Amount: r.money("amount", b.Amount), Cause: b.Cause,
		Reason:   r.text("reason", b.Reason, reasonBytes),
		Campaign: r.word("campaign", b.Campaign)}
	if r.term("expires_at", b.ExpiresAt != "") {
		g.ExpiresAt = r.time("expires_at", b.ExpiresAt)
	}
	if r.term("scope", b.Scope != nil) {
		g.Scope = *b.Scope
	}
	return g
}

type unreferencedBody struct {
	Amount *amount `json:"amount"`
	Reason string  `json:"reason"`
	post
}

var unreferencedRefund = operation{name: "unreferenced_refund", roles: auditors, parse: func(
	r *reading, _ *target, body []byte,
) domain.Command {
	var b unreferencedBody
	if !r.decode(body, &b) {
		return nil
	}
	r.about(b.post)
	return domain.GrantCredit{Amount: r.money("amount", b.Amount),
		Cause: domain.CauseUnreferencedRefund, Reason: r.text("reason", b.Reason, reasonBytes)}
}}

type revokeBody struct {
	Reason string `json:"reason"`
	post
}

var revokeCredit = operation{name: "revoke", roles: granters, ids: []string{"grant_id"}, parse: func(
	r *reading, t *target, body []byte,
) domain.Command {
	var b revokeBody
	if !r.decode(body, &b) {
		return nil
	}
	r.about(b.post)
	return domain.RevokeCredit{GrantID: t.ids["grant_id"],
		Reason: r.text("reason", b.Reason, reasonBytes)}
}}

func (o *out) grant(a ledger.Answer, e domain.CreditGranted) {
	o.id("id", e.GrantID)
	o.id("account_id", a.Account)
	o.money("amount", e.Amount)
	o.plain("class", string(e.Class))
	o.plain("cause", e.Cause)
	o.some("campaign", e.Campaign)
	o.some("reason", e.Reason)
	if e.JobID != uuid.Nil {
		o.id("job_id", e.JobID)
	}
	o.opened(a, e)
	o.tail(a)
}

func (o *out) revocation(a ledger.Answer, e domain.CreditRevoked) {
	o.id("id", a.First().Metadata.OperationID)
	o.id("account_id", a.Account)
	o.id("grant_id", e.GrantID)
	o.money("amount", e.Amount)
	o.uncollected(e)
	o.text("reason", e.Reason)
	o.tail(a)
}

// uncollected writes what a revocation could not take.
func (o *out) uncollected(e domain.CreditRevoked) {
	if e.Uncollected.IsZero() {
		o.money("uncollected", e.Amount.Sub(e.Amount))
		return
	}
	o.money("uncollected", e.Uncollected)
}

// cashback writes what a debit earned, where it did.
func (o *out) cashback(a ledger.Answer) {
	for _, p := range a.Events {
		if e, ok := p.Event.(domain.CreditGranted); ok && e.Cause == domain.CauseCashback {
			o.open("cashback", '{')
			o.id("grant_id", e.GrantID)
			o.money("amount", e.Amount)
			o.text("rule", e.Rule)
			o.time("expires_at", e.Lots[0].ExpiresAt)
			o.end('}')
		}
	}
}

// cashbackRevoked writes what of their cashback the debits lost that an operation gave back.
func (o *out) cashbackRevoked(a ledger.Answer) {
	lost := slices.DeleteFunc(slices.Clone(a.Events), func(p domain.Posted) bool {
		e, ok := p.Event.(domain.CreditRevoked)
		return !ok || e.Cause != domain.RevokedRefund
	})
	if len(lost) == 0 {
		return
	}
	o.open("cashback_revoked", '[')
	for _, p := range lost {
		e := p.Event.(domain.CreditRevoked)
		o.begin('{')
		o.id("grant_id", e.GrantID)
		o.money("amount", e.Amount)
		o.uncollected(e)
		o.end('}')
	}
	o.end(']')
}
