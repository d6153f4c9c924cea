package api

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
)

type debitBody struct {
	Amount        *amount `json:"amount"`
	ListAmount    *amount `json:"list_amount"`
	AcceptPartial bool    `json:"accept_partial"`
	post
}

var debit = operation{name: "debit", roles: tills, parse: func(
	r *reading, _ *target, body []byte,
) domain.Command {
	var b debitBody
	if !r.decode(body, &b) {
		return nil
	}
	r.about(b.post)
	return domain.Debit{
		Amount:        r.money("amount", b.Amount),
		ListAmount:    r.someMoney("list_amount", b.ListAmount),
		AcceptPartial: b.AcceptPartial,
	}
}}

// debit answers a debit, and a capture, which is the debit of a hold.
func (o *out) debit(a ledger.Answer, e domain.DebitPosted) {
	o.debitFacts(a, e)
	o.settlements(a)
	o.tail(a)
}

func (o *out) debitFacts(a ledger.Answer, e domain.DebitPosted) {
	o.id("id", e.DebitID)
	o.id("account_id", a.Account)
	if e.HoldID != uuid.Nil {
		o.id("hold_id", e.HoldID)
		o.boolean("final", e.HoldFinal)
	}
	if e.CheckoutID != uuid.Nil {
		o.id("checkout_id", e.CheckoutID)
	}
	o.money("amount", e.Amount)
	if e.AcceptPartial || e.ReceivableID != uuid.Nil {
		o.money("requested", e.Requested)
		o.money("remaining_due", e.RemainingDue)
	}
	o.someMoney("list_amount", e.ListAmount)
	if e.MandateID != uuid.Nil {
		o.id("mandate_id", e.MandateID)
	}
	o.moves("allocations", e.Moves)
	for _, p := range a.Events {
		if r, ok := p.Event.(domain.HoldReleased); ok && r.Reason == domain.ReleasedRemainder {
			o.money("released", r.Amount)
		}
	}
	o.cashback(a)
	o.pointsOf(a)
}

func getDebit(c *call) error {
	return getOperation(c, "debit_id", func(o *out, a ledger.Answer, e domain.DebitPosted) error {
		refunds := domain.RefundsName(e.DebitID)
		last, ok, err := c.s.Ledger.Last(context.Background(), a.Account, refunds)
		if err != nil {
			return err
		}
		status, refunded := "posted", e.Amount.Sub(e.Amount)
		if ok {
			refunded = domain.RefundedTotal(last.Event)
			status = refundStatus(e, last.Event)
		}
		if status == "refunded" && e.ReceivableID != uuid.Nil {
			if owes, err := c.s.owes(a.Account, e.ReceivableID); err != nil {
				return err
			} else if owes {
				status = "partly_refunded"
			}
		}
		o.plain("status", status)
		o.money("refunded_total", refunded)
		o.debitFacts(a, e)
		o.settlements(a)
		o.tail(a)
		return nil
	})
}

// operationOrPart is an account's operation by its id, or the debit of a checkout by its own.
func (s *Server) operationOrPart(ctx context.Context, account, id uuid.UUID) (ledger.Answer, error) {
	a, err := s.Ledger.Operation(ctx, account, id)
	if !errors.Is(err, domain.ErrNotFound) {
		return a, err
	}
	part, ok, lost := s.Ledger.Last(ctx, account, domain.EventName(id))
	if debit, is := part.Event.(domain.DebitPosted); !ok || !is || debit.CheckoutID == uuid.Nil {
		return a, cmp.Or(lost, err)
	}
	return ledger.Answer{Account: account, Events: []domain.Posted{part}}, nil
}

// owes reports that something is still owed by a receivable.
func (s *Server) owes(account, receivable uuid.UUID) (bool, error) {
	v, err := s.Ledger.Account(context.Background(), account)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(v.Receivables(), func(r domain.Receivable) bool {
		return r.ID == receivable
	}), nil
}

// refundStatus is the status of a debit by the last event that gave of it back.
func refundStatus(e domain.DebitPosted, last domain.Event) string {
	if _, reversed := last.(domain.DebitReversed); reversed {
		return "reversed"
	}
	if domain.RefundedTotal(last).Less(e.Amount) {
		return "partly_refunded"
	}
	return "refunded"
}

type refundBody struct {
	Amount *amount `json:"amount"`
	Reason string  `json:"reason"`
	post
}

var refund = operation{name: "refund", roles: tills, ids: []string{"debit_id"}, parse: func(
	r *reading, t *target, body []byte,
) domain.Command {
	var b refundBody
	if !r.decode(body, &b) {
		return nil
	}
	r.about(b.post)
	return domain.Refund{DebitID: t.ids["debit_id"], Amount: r.money("amount", b.Amount),
		Reason: r.text("reason", b.Reason, reasonBytes)}
}}

const reasonBytes = 200

func (o *out) refund(a ledger.Answer, e domain.DebitRefunded) {
	o.refundFacts(a, e)
	o.settlements(a)
	o.tail(a)
}

func (o *out) refundFacts(a ledger.Answer, e domain.DebitRefunded) {
	o.id("id", e.RefundID)
	o.id("account_id", a.Account)
	o.id("debit_id", e.DebitID)
	o.money("amount", e.Asked())
	o.someMoney("unpaid", e.Unpaid)
	o.money("refunded_total", e.RefundedTotal)
	o.some("reason", e.Reason)
	o.returned(e.Moves, e.Reopened, e.Forfeited)
	o.cashbackRevoked(a)
	o.pointsRevoked(a)
}

func getRefund(c *call) error {
	return getOperation(c, "refund_id", func(
		o *out, a ledger.Answer, e domain.DebitRefunded,
	) error {
		o.plain("status", "posted")
		o.refundFacts(a, e)
		o.tail(a)
		return nil
	})
}
