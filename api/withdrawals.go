package api

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
	"github.com/tillbook/tillbook/projections"
)

// Who asks for what needs a second person, and who that is. A checker reads what it decides on.
var (
	makers   = auditors
	checkers = []domain.Role{domain.RoleApprover, domain.RoleAdmin}
	deciders = []domain.Role{domain.RoleFinance, domain.RoleApprover, domain.RoleAdmin}
	seers    = append(readers[:len(readers):len(readers)], domain.RoleApprover)
	insiders = slices.DeleteFunc(slices.Clone(seers), isCustomer)
)

func (s *Server) withdrawalRoutes() []*route {
	const one = account + "/withdrawals/{withdrawal_id}"
	post := func(path, id string, op operation) *route {
		return &route{method: "POST", path: path, id: id, roles: op.roles, query: dry, serve: write(op)}
	}
	return []*route{
		post(account+"/withdrawals", "requestWithdrawal", withdraw),
		post(one+"/approve", "approveWithdrawal", approveWithdrawal),
		post(one+"/reject", "rejectWithdrawal", rejectWithdrawal),
		post(one+"/settle", "settleWithdrawal", settleWithdrawal),
		{method: "GET", path: account + "/withdrawals", id: "listWithdrawals", roles: seers,
			query: paged, serve: listWithdrawals},
		{method: "GET", path: one, id: "getWithdrawal", roles: seers, query: fresh,
			serve: getWithdrawal},
	}
}

var withdraw = operation{name: "withdraw", roles: makers, parse: func(
	r *reading, _ *target, body []byte,
) domain.Command {
	var b struct {
		Unit        string                 `json:"unit"`
		Cause       domain.WithdrawalCause `json:"cause"`
		PayeeMethod string                 `json:"payee_method"`
		post
	}
	if !r.decode(body, &b) {
		return nil
	}
	if _, known := domain.ISOUnit(b.Unit); !known {
		r.malformed("unit", "want a currency")
	}
	r.about(b.post)
	return domain.RequestWithdrawal{Unit: b.Unit, Cause: b.Cause,
		PayeeMethod: r.word("payee_method", b.PayeeMethod)}
}}

var approveWithdrawal = operation{name: "approve_withdrawal", roles: checkers,
	ids: []string{"withdrawal_id"}, parse: func(r *reading, t *target, body []byte) domain.Command {
		var b struct {
			Variant domain.Formula `json:"variant"`
			post
		}
		if len(body) > 0 && !r.decode(body, &b) { // there is nothing that a body must say
			return nil
		}
		r.about(b.post)
		return domain.ApproveWithdrawal{WithdrawalID: t.ids["withdrawal_id"], Variant: b.Variant}
	}}

var rejectWithdrawal = operation{name: "reject_withdrawal", roles: deciders,
	ids: []string{"withdrawal_id"}, parse: func(r *reading, t *target, body []byte) domain.Command {
		return domain.RejectWithdrawal{WithdrawalID: t.ids["withdrawal_id"], Reason: r.reason(body)}
	}}

// reason reads a body that gives a reason and no more.
func (r *reading) reason(body []byte) string {
	var b struct {
		Reason string `json:"reason"`
		post
	}
	if !r.decode(body, &b) {
		return ""
	}
	r.about(b.post)
	return r.text("reason", b.Reason, reasonBytes)
}

var settleWithdrawal = operation{name: "settle_withdrawal", roles: makers,
	ids: []string{"withdrawal_id"}, parse: func(r *reading, t *target, body []byte) domain.Command {
		var b struct {
			Outcome          string  `json:"outcome"`
			Payout           *amount `json:"payout"`
			PaymentReference string  `json:"payment_reference"`
			Reason           string  `json:"reason"`
			post
		}
		if !r.decode(body, &b) {
			return nil
		}
		r.about(b.post)
		return domain.SettleWithdrawal{WithdrawalID: t.ids["withdrawal_id"], Outcome: b.Outcome,
			Payout:           r.someMoney("payout", b.Payout),
			PaymentReference: r.word("payment_reference", b.PaymentReference),
			Reason:           r.text("reason", b.Reason, reasonBytes)}
	}}

// withdrawal answers a request, and with it the approval that it needed nobody for.
func (o *out) withdrawal(a ledger.Answer, e domain.WithdrawalRequested) {
	status := projections.WithdrawalRequested
	approved, ok := a.Last().Event.(domain.WithdrawalApproved)
	if ok {
		status = projections.WithdrawalApproved
	}
	o.withdrawalFacts(a, e, status)
	if ok {
		o.approval(approved.Approver, approved.Variant, approved.Payout)
	}
	o.tail(a)
}

func (o *out) withdrawalFacts(
	a ledger.Answer, e domain.WithdrawalRequested, status string,
) {
	o.id("id", e.WithdrawalID)
	o.id("account_id", a.Account)
	o.plain("status", status)
	o.plain("cause", string(e.Cause))
	o.money("amount", e.Amount)
	o.open("variants", '[')
	for _, v := range e.Variants {
		o.variant(v)
	}
	o.end(']')
	o.plain("chosen", string(e.Chosen))
	o.text("payee_method", e.PayeeMethod)
	o.text("requester", e.Requester)
}

// variant writes a formula's result as the next element; null where it is not known.
func (o *out) variant(v domain.Variant) {
	o.begin('{')
	o.plain("formula", string(v.Formula))
	if v.Amount == nil {
		o.null("amount")
	} else {
		o.money("amount", *v.Amount)
	}
	o.open("inputs", '{')
	for _, name := range []string{"paid", "bonus", "used", "used_at_list",
		"used_without_list_amount"} {
		if q, ok := v.Inputs[name]; ok {
			o.quantity(name, q)
		}
	}
	o.end('}')
	o.end('}')
}

func (o *out) approval(approver string, f domain.Formula, payout domain.Money) {
	o.text("approver", approver)
	o.plain("variant", string(f))
	o.money("approved_payout", payout)
}

// withdrawalIs begins the answer to what became of a withdrawal.
func (o *out) withdrawalIs(a ledger.Answer, id uuid.UUID, status string) {
	o.id("id", id)
	o.id("account_id", a.Account)
	o.plain("status", status)
}

func (o *out) withdrawalApproved(a ledger.Answer, e domain.WithdrawalApproved) {
	o.withdrawalIs(a, e.WithdrawalID, projections.WithdrawalApproved)
	o.approval(e.Approver, e.Variant, e.Payout)
	o.ending(a)
}

func (o *out) withdrawalRejected(a ledger.Answer, e domain.WithdrawalRejected) {
	o.withdrawalIs(a, e.WithdrawalID, projections.WithdrawalRejected)
	o.text("reason", e.Reason)
	o.settlements(a)
	o.tail(a)
}

func (o *out) withdrawalFailed(a ledger.Answer, e domain.WithdrawalFailed) {
	o.withdrawalIs(a, e.WithdrawalID, projections.WithdrawalFailed)
	o.text("reason", e.Reason)
	o.settlements(a)
	o.tail(a)
}

func (o *out) withdrawalPaid(a ledger.Answer, e domain.WithdrawalPaidOut) {
	o.withdrawalIs(a, e.WithdrawalID, projections.WithdrawalPaid)
	o.paidOut(e)
	o.moves("allocations", e.Moves)
	o.tail(a)
}

func (o *out) paidOut(e domain.WithdrawalPaidOut) {
	o.money("payout", e.Payout)
	o.money("extinguished", e.Extinguished)
	o.quantity("difference", e.Difference)
	o.some("payment_reference", e.PaymentReference)
}

// getWithdrawal reads a withdrawal: an open one from the account, an ended one from what ended it.
func getWithdrawal(c *call) error {
	return getOperation(c, "withdrawal_id", func(
		o *out, a ledger.Answer, e domain.WithdrawalRequested,
	) error {
		name := domain.WithdrawalName(e.WithdrawalID)
		last, _, err := c.s.Ledger.Last(context.Background(), a.Account, name)
		if err != nil {
			return err
		}
		o.withdrawalFacts(a, e, projections.WithdrawalStatusAfter(last.Event))
		switch end := last.Event.(type) {
		case domain.WithdrawalApproved:
			o.approval(end.Approver, end.Variant, end.Payout)
		case domain.WithdrawalRejected:
			o.text("reason", end.Reason)
		case domain.WithdrawalFailed:
			o.text("reason", end.Reason)
		case domain.WithdrawalPaidOut:
			o.paidOut(end)
		}
		o.ending(a)
		return nil
	})
}

// listWithdrawals lists an account's withdrawals, the newest first, from the read model.
func listWithdrawals(c *call) error {
	return listItems(c, (*projections.Models).Withdrawals, func(o *out, i projections.Item) {
		o.plain("status", i["status"])
		o.plain("cause", i["cause"])
		o.sum("amount", i["amount"], i["unit"])
		o.text("requester", i["requester"])
		o.some("approver", i["approver"])
		if payout := i["payout"]; payout != "" {
			o.sum("payout", payout, i["unit"])
		}
		o.some("reason", i["reason"])
		o.time("requested_at", i.Time("requested_at"))
		o.time("ended_at", i.Time("ended_at"))
	})
}

// sum writes an amount that a read model holds.
func (o *out) sum(name, figure, unit string) {
	o.open(name, '{')
	o.plain("amount", figure)
	o.plain("unit", unit)
	o.end('}')
}

// listItems lists an account's rows of a read model.
func listItems(
	c *call, read func(*projections.Models, context.Context, projections.OfAccount,
		projections.Paging) (projections.Page[projections.Item], error),
	write func(*out, projections.Item),
) error {
	v, err := c.view()
	if err != nil {
		return err
	}
	return listed(c, projections.OfAccount{Account: v.ID()}, read, func(o *out, row projections.Item) {
		o.begin('{')
		o.id("id", row.ID())
		o.id("account_id", v.ID())
		write(o, row)
		o.end('}')
	})
}
