package api

import (
	"fmt"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
)

type topUpBody struct {
	Amount         *amount          `json:"amount"`
	Payments       []paymentBody    `json:"payments"`
	Bonus          *amount          `json:"bonus"`
	BonusExpiresAt *string          `json:"bonus_expires_at"`
	ExpiresAt      *string          `json:"expires_at"`
	Priority       *int             `json:"priority"`
	Scope          *domain.LotScope `json:"scope"`
	Draw           *domain.Draw     `json:"draw"`
	Terms          *string          `json:"terms"`
	Pending        bool             `json:"pending"`
	post
}

type paymentBody struct {
	Method    string  `json:"method"`
	Reference string  `json:"reference"`
	Amount    *amount `json:"amount"`
}

const mostPayments = 20

var topUp = operation{name: "top_up", roles: tills, parse: func(
	r *reading, _ *target, body []byte,
) domain.Command {
	var b topUpBody
	if !r.decode(body, &b) {
		return nil
	}
	t := domain.TopUp{Amount: r.money("amount", b.Amount), TopUpTerms: b.terms(r),
		Payments: r.payments(b.Payments), Pending: b.Pending}
	r.about(b.post)
	return t
}}

func (r *reading) payments(given []paymentBody) (payments []domain.Payment) {
	if len(given) > mostPayments {
		r.malformed("payments", fmt.Sprint("want at most ", mostPayments))
		return nil
	}
	for i, p := range given {
		field := fmt.Sprint("payments.", i)
		payments = append(payments, domain.Payment{
			Method:    r.word(field+".method", p.Method),
			Reference: r.word(field+".reference", p.Reference),
			Amount:    r.someMoney(field+".amount", p.Amount),
		})
	}
	return payments
}

// terms are those of the request, on top of the program's. Each needs the permission terms:set. A bonus
// of zero is none, not even the program's.
func (b topUpBody) terms(r *reading) domain.TopUpTerms {
	t := domain.DefaultTerms()
	given := r.term("bonus", b.Bonus != nil)
	t.Bonus = r.someMoney("bonus", b.Bonus)
	if given && t.Bonus.IsZero() {
		t.Bonus, t.NoBonus = domain.Money{}, true
	}
	if r.term("bonus_expires_at", b.BonusExpiresAt != nil) {
		t.BonusExpiresAt = r.time("bonus_expires_at", *b.BonusExpiresAt)
	}
	if r.term("expires_at", b.ExpiresAt != nil) {
		t.ExpiresAt = r.time("expires_at", *b.ExpiresAt)
	}
	if r.term("priority", b.Priority != nil) {
		t.Priority = *b.Priority
	}
	if r.term("scope", b.Scope != nil) {
		t.Scope = *b.Scope
	}
	if r.term("draw", b.Draw != nil) {
		if t.Draw = *b.Draw; t.Draw == "" {
			r.malformed("draw", "want pro_rata, bonus_first or principal_first")
		}
	}
	if r.term("terms", b.Terms != nil) {
		t.Terms = r.word("terms", *b.Terms)
	}
	return t
}

// term says whether a term was given, and refuses one that the caller may not set.
func (r *reading) term(field string, given bool) bool {
	if given && !r.who.setsTerms() {
		r.forbid(field, "needs the permission terms:set")
	}
	return given
}

func (o *out) topUp(a ledger.Answer, e domain.TopUpPosted) {
	o.topUpFacts(a, e)
	o.settlements(a)
	o.tail(a)
}

func (o *out) topUpFacts(a ledger.Answer, e domain.TopUpPosted) {
	o.id("id", e.TopUpID)
	o.id("account_id", a.Account)
	o.money("amount", e.Principal())
	o.someMoney("bonus", e.Bonus)
	if e.Ladder != nil {
		o.open("ladder", '{')
		o.plain("version", e.Ladder.Version)
		o.plain("step", e.Ladder.Step)
		o.end('}')
	}
	o.money("paid", e.Paid)
	o.payments(e.Payments)
	o.opened(a, e)
}

// payments writes what each tender of a top-up was.
func (o *out) payments(payments []domain.Payment) {
	o.open("payments", '[')
	for _, p := range payments {
		o.begin('{')
		o.text("method", p.Method)
		o.some("reference", p.Reference)
		o.someMoney("amount", p.Amount)
		o.end('}')
	}
	o.end(']')
}

type reverseBody struct {
	Cause            domain.Cause `json:"cause"`
	PaymentReference string       `json:"payment_reference"`
	post
}

var reverseTopUp = operation{name: "reverse", roles: auditors, ids: []string{"top_up_id"}, parse: func(
	r *reading, t *target, body []byte,
) domain.Command {
	var b reverseBody
	if !r.decode(body, &b) {
		return nil
	}
	if b.Cause == "" {
		r.malformed("cause", "is required")
	}
	r.about(b.post)
	return domain.ReverseTopUp{TopUpID: t.ids["top_up_id"], Cause: b.Cause,
		PaymentReference: r.word("payment_reference", b.PaymentReference)}
}}

func (o *out) reversal(a ledger.Answer, e domain.TopUpReversed) {
	o.id("id", a.First().Metadata.OperationID)
	o.id("account_id", a.Account)
	o.reversalFacts(e)
	o.settlements(a)
	o.tail(a)
}

func reversedPlace(a ledger.Answer) string {
	e := a.First().Event.(domain.TopUpReversed) // it is found by its type
	return accountPlace(a) + "/top-ups/" + e.TopUpID.String()
}

func (o *out) reversalFacts(e domain.TopUpReversed) {
	o.id("top_up_id", e.TopUpID)
	o.text("cause", string(e.Cause))
	o.some("payment_reference", e.PaymentReference)
	o.payments(e.Payments)
	o.money("principal_taken", e.PrincipalTaken)
	o.money("bonus_revoked", e.BonusRevoked)
	if e.ReceivableID != uuid.Nil {
		o.id("receivable_id", e.ReceivableID)
	}
}
