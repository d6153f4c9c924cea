package api

import (
	"context"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
)

func (s *Server) pendingTopUpRoutes() []*route {
	const topUp = account + "/top-ups/{top_up_id}"
	return []*route{
		{method: "POST", path: topUp + "/post", id: "postPendingTopUp", roles: postTopUp.roles,
			query: dry, serve: write(postTopUp)},
		{method: "POST", path: topUp + "/fail", id: "failTopUp", roles: failTopUp.roles,
			query: dry, serve: write(failTopUp)},
	}
}

var postTopUp = operation{name: "top_up_posting", roles: tills, ids: []string{"top_up_id"}, parse: func(
	r *reading, t *target, body []byte,
) domain.Command {
	var b struct {
		Payments []paymentBody `json:"payments"`
		post
	}
	if len(body) > 0 && !r.decode(body, &b) { // there is nothing that a body must say
		return nil
	}
	r.about(b.post)
	return domain.PostTopUp{TopUpID: t.ids["top_up_id"], Payments: r.payments(b.Payments)}
}}

var failTopUp = operation{name: "top_up_failure", roles: tills, ids: []string{"top_up_id"}, parse: func(
	r *reading, t *target, body []byte,
) domain.Command {
	var b struct {
		Reason string `json:"reason"`
		post
	}
	if len(body) > 0 && !r.decode(body, &b) {
		return nil
	}
	r.about(b.post)
	return domain.FailTopUp{TopUpID: t.ids["top_up_id"],
		Reason: r.text("reason", b.Reason, reasonBytes)}
}}

func (o *out) topUpInitiated(a ledger.Answer, e domain.TopUpInitiated) {
	o.waitingTopUp(a, e, "pending")
	o.tail(a)
}

func (o *out) waitingTopUp(a ledger.Answer, e domain.TopUpInitiated, status string) {
	o.id("id", e.TopUpID)
	o.id("account_id", a.Account)
	o.plain("status", status)
	o.money("amount", e.Amount)
	o.payments(e.Payments)
}

func (o *out) topUpFailed(a ledger.Answer, e domain.TopUpFailed) {
	o.id("id", e.TopUpID)
	o.id("account_id", a.Account)
	o.plain("status", "failed")
	o.money("amount", e.Amount)
	o.payments(e.Payments)
	o.some("reason", e.Reason)
	o.tail(a)
}

// topUpPlace is where a top-up can be read, whichever event it is answered with.
func topUpPlace(a ledger.Answer) string {
	id := a.First().Metadata.OperationID
	if e, ok := a.First().Event.(domain.TopUpPosted); ok {
		id = e.TopUpID
	}
	return accountPlace(a) + "/top-ups/" + id.String()
}

// getTopUp reads a top-up: one that was pending from what became of it.
func getTopUp(c *call) error {
	return getOperation(c, "top_up_id", func(o *out, a ledger.Answer, e domain.Event) error {
		switch e := e.(type) {
		case domain.TopUpPosted:
			return o.standingTopUp(c, a, e)
		case domain.TopUpInitiated:
			return o.begunTopUp(c, a, e)
		}
		return domain.ErrNotFound
	})
}

func (o *out) begunTopUp(c *call, a ledger.Answer, e domain.TopUpInitiated) error {
	end, _, err := c.s.Ledger.Last(context.Background(), a.Account, domain.OutcomeName(e.TopUpID))
	if err != nil {
		return err
	}
	switch became := end.Event.(type) {
	case domain.TopUpPosted:
		a, err := c.s.Ledger.Operation(context.Background(), a.Account, end.Metadata.OperationID)
		if err != nil {
			return err
		}
		return o.standingTopUp(c, a, became)
	case domain.TopUpFailed:
		o.waitingTopUp(a, e, "failed")
		o.some("reason", became.Reason)
	default:
		o.waitingTopUp(a, e, "pending")
	}
	o.tail(a)
	return nil
}

func (o *out) standingTopUp(c *call, a ledger.Answer, e domain.TopUpPosted) error {
	name := domain.ReversalName(e.TopUpID)
	_, reversed, err := c.s.Ledger.Last(context.Background(), a.Account, name)
	status := "posted"
	if reversed {
		status = "reversed"
	}
	o.plain("status", status)
	o.topUpFacts(a, e)
	o.tail(a)
	return err
}
