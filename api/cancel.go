package api

import (
	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
)

var cancel = operation{name: "cancel", roles: tills, parse: func(
	r *reading, _ *target, body []byte,
) domain.Command {
	var b struct{ post }
	if !r.decode(body, &b) {
		return nil
	}
	if b.PosTxnID == "" {
		r.malformed("pos_txn_id", "is required: it is the reference to cancel")
	}
	r.about(b.post)
	return domain.Cancel{}
}}

// cancellation answers a cancel by reference: what it found, and what it reversed.
func (o *out) cancellation(a ledger.Answer) {
	found := "posted"
	if tombstone, ok := a.First().Event.(domain.ReferenceCancelled); ok {
		found = tombstone.Found
	}
	o.id("id", a.First().Metadata.OperationID)
	o.id("account_id", a.Account)
	o.plain("found", found)
	o.open("reversed", '[')
	for _, p := range a.Events {
		o.undone(p)
	}
	o.end(']')
	o.cashbackRevoked(a)
	o.pointsRevoked(a)
	o.settlements(a)
	o.tail(a)
}

// undone writes what one event of a cancel took back, if it did.
func (o *out) undone(p domain.Posted) {
	id, kind := cancels(p)
	if kind == "" {
		return
	}
	o.begin('{')
	o.plain("kind", string(kind))
	o.id("id", id)
	switch e := p.Event.(type) {
	case domain.CheckoutReturned:
		o.money("amount", e.Money(e.Net))
		o.refunds(e)
	case domain.DebitReversed:
		o.money("amount", e.Undone())
		o.someMoney("unpaid", e.Unpaid)
		o.returned(e.Moves, e.Reopened, e.Forfeited)
	case domain.HoldReleased:
		o.money("amount", e.Amount)
	case domain.TopUpFailed:
		o.money("amount", e.Amount)
	case domain.TopUpReversed:
		o.money("amount", e.Amount)
		o.money("principal_taken", e.PrincipalTaken)
		o.money("bonus_revoked", e.BonusRevoked)
	}
	o.end('}')
}

// cancels is the operation that an event of a cancel took back, and its kind; "" for other events.
// A capture is taken back as the debit it is.
func cancels(p domain.Posted) (uuid.UUID, domain.Operation) {
	switch e := p.Event.(type) {
	case domain.CheckoutReturned:
		if e.Cause == domain.CauseCancelled {
			return e.CheckoutID, domain.OpCheckout
		}
	case domain.DebitReversed:
		return e.DebitID, domain.OpDebit
	case domain.HoldReleased:
		if e.Reason == domain.ReleasedCancelled {
			return e.HoldID, domain.OpHold
		}
	case domain.TopUpReversed:
		switch {
		case e.SaleID != uuid.Nil:
			return e.SaleID, domain.OpSellVoucher
		case e.Cause == domain.CauseCancelled:
			return e.TopUpID, domain.OpTopUp
		}
	case domain.TopUpFailed:
		if e.Cause == domain.CauseCancelled {
			return e.TopUpID, domain.OpTopUp
		}
	}
	return uuid.Nil, ""
}
