package domain

import (
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"
)

// TopUp sells value to an account: a principal lot, and with it a bonus lot where one is given.
type TopUp struct {
	Amount   Money     `json:"amount"`
	Payments []Payment `json:"payments,omitempty"`
	TopUpTerms
	Pending bool `json:"pending,omitempty"` // the money is still to come: see PostTopUp
}

// TopUpTerms is the part of a top-up that only who may set terms can ask for. What is absent is as the
// program has it.
type TopUpTerms struct {
	Bonus          Money     `json:"bonus,omitzero"`
	NoBonus        bool      `json:"no_bonus,omitempty"` // not even the program's
	BonusExpiresAt time.Time `json:"bonus_expires_at,omitzero"`
	ExpiresAt      time.Time `json:"expires_at,omitzero"`
	Priority       int       `json:"priority"` // 0–100
	Scope          LotScope  `json:"scope,omitzero"`
	Draw           Draw      `json:"draw,omitempty"`
	Terms          string    `json:"terms,omitempty"` // a name, at most 64 bytes
}

// DefaultTerms are the terms of a top-up that sets none.
func DefaultTerms() TopUpTerms { return TopUpTerms{Priority: defaultPriority} }

// Payment is one tender of a top-up. Method and Reference together are used once per account.
type Payment struct {
	Method    string `json:"method"`
	Reference string `json:"reference,omitempty"`
	Amount    Money  `json:"amount,omitzero"`
}

// TopUpPosted records sold value. Amount is principal and bonus together; of a gift voucher it is its one
// lot. Asked is what the request set of the terms; Bonus, Draw and Lots are what was decided.
type TopUpPosted struct {
	Value
	TopUpID   uuid.UUID   `json:"top_up_id"` // the lots' funding: TopUpInitiated's id, or the event's own
	Paid      Money       `json:"paid"`
	Bonus     Money       `json:"bonus,omitzero"`
	Ladder    *Ladder     `json:"ladder,omitempty"` // that gave the bonus
	Payments  []Payment   `json:"payments,omitempty"`
	Draw      Draw        `json:"draw"`
	Lots      []LotOpened `json:"lots"`                // the principal, then the bonus; or the voucher's
	Asked     *TopUpTerms `json:"asked,omitempty"`     // in every event since programs are published
	Initiated bool        `json:"initiated,omitempty"` // it was pending
	Completed bool        `json:"completed,omitempty"` // Payments came with its posting
}

func (TopUpPosted) event() {}

func (e TopUpPosted) operation() Operation {
	if e.Initiated {
		return OpPostTopUp
	}
	return OpTopUp
}

func (e TopUpPosted) appendNames(names []Name) []Name {
	if e.Initiated {
		names = append(names, OutcomeName(e.TopUpID))
	}
	return paymentNames(names, e.Payments)
}

func paymentNames(names []Name, payments []Payment) []Name {
	for _, pay := range payments {
		if n := paymentName(pay); n.Value != "" {
			names = append(names, n)
		}
	}
	return names
}

// Opened are the lots.
func (e TopUpPosted) Opened() []LotOpened { return e.Lots }

func (e TopUpPosted) balanced(b Balance) Event { e.Balance = b; return e }

// Operation is top_up.
func (TopUp) Operation() Operation { return OpTopUp }

// Decide checks amounts, terms, the account, the reference, each payment's, then the program's limits.
// Value then opens in full, and what the account owes in this unit is settled from the new principal.
func (t TopUp) Decide(d *Draft) error {
	paid, err := t.check(d.Decided)
	if err != nil {
		return err
	}
	if t.Bonus.IsZero() && !t.BonusExpiresAt.IsZero() && len(d.program().Terms.Ladder) == 0 {
		return ErrMalformed.Field("bonus_expires_at", "there is no bonus")
	}
	if err := d.mayGive(); err != nil {
		return err
	}
	if err := d.unused(OpTopUp); err != nil {
		return err
	}
	for _, p := range t.Payments {
		if used, ok := d.first(paymentName(p)); ok {
			return ErrReferenceUsed.By(used)
		}
	}
	if t.Pending {
		return t.initiate(d)
	}
	return d.fund(t.Amount, func() TopUpPosted { return t.posted(d, d.nextID(), paid) })
}

// fund posts a top-up and settles what is owed from it: what lapsed holds free settles first, as it
// would have been free before.
func (d *Draft) fund(amount Money, posted func() TopUpPosted) error {
	if len(d.receivables) > 0 {
		if err := d.lapseHolds(); err != nil {
			return err
		}
	}
	e := posted()
	if err := d.limitTopUp(amount, e.Amount); err != nil {
		return err
	}
	if err := d.post(e); err != nil {
		return err
	}
	return d.settleFromTopUp(d.lots, amount)
}

// check refuses what no account could take, and answers the money paid.
func (t TopUp) check(at time.Time) (Money, error) {
	if !t.Amount.IsPositive() {
		return Money{}, ErrAmountNotPositive
	}
	if err := t.TopUpTerms.check(t.Amount, at); err != nil {
		return Money{}, err
	}
	return t.paid()
}

func (t TopUpTerms) check(amount Money, at time.Time) error {
	switch {
	case t.Bonus.IsNegative():
		return ErrAmountNotPositive.Field("bonus", "want zero or more")
	case !t.Bonus.IsZero() && t.Bonus.Unit() != amount.Unit():
		return ErrMalformed.Field("bonus", "want the unit of the amount")
	case t.NoBonus && !t.Bonus.IsZero():
		return ErrMalformed.Field("bonus", "want one, or none")
	case t.NoBonus && !t.BonusExpiresAt.IsZero():
		return ErrMalformed.Field("bonus_expires_at", "there is no bonus")
	case t.Priority < 0 || t.Priority > 100:
		return ErrMalformed.Field("priority", "want 0 to 100")
	case t.Draw != "" && !slices.Contains(draws, t.Draw):
		return ErrMalformed.Field("draw", "want pro_rata, bonus_first or principal_first")
	case len(t.Terms) > 64:
		return ErrMalformed.Field("terms", "want at most 64 bytes")
	case !t.Scope.valid():
		return ErrMalformed.Field("scope", mostNames)
	case !t.ExpiresAt.IsZero() && !comes(t.ExpiresAt, at):
		return ErrMalformed.Field("expires_at", "want a time to come")
	case !t.BonusExpiresAt.IsZero() && !comes(t.BonusExpiresAt, at):
		return ErrMalformed.Field("bonus_expires_at", "want a time to come")
	}
	return nil
}

// comes reports whether t comes after at, and before the years that RFC 3339 cannot write.
func comes(t, at time.Time) bool { return t.After(at) && t.UTC().Year() <= 9999 }

// pays reports whether a cost in one unit can stand beside an amount in another: a currency is paid
// for in itself, anything else in any currency.
func pays(cost, amount string) bool {
	if _, currency := ISOUnit(amount); currency {
		return cost == amount
	}
	_, currency := ISOUnit(cost)
	return currency
}

// paid is the sum of the payments where they say their amounts. Else it is the amount itself, which
// needs a currency: ten haircuts do not say what they cost.
func (t TopUp) paid() (Money, error) {
	_, currency := ISOUnit(t.Amount.Unit())
	given := len(t.Payments) > 0 && t.Payments[0].Amount.Unit() != ""
	if !given && currency {
		return t.Amount, t.eachPayment("")
	}
	if !given {
		return Money{}, ErrMalformed.Field("payments",
			"want what was paid for a unit that is no currency")
	}
	unit := t.Payments[0].Amount.Unit()
	if !pays(unit, t.Amount.Unit()) {
		return Money{}, ErrMalformed.Field("payments",
			"want the currency of the amount, or any for a count")
	}
	if err := t.eachPayment(unit); err != nil {
		return Money{}, err
	}
	sum := t.Payments[0].Amount
	for _, p := range t.Payments[1:] {
		sum = sum.Add(p.Amount)
	}
	if currency && !sum.Equal(t.Amount) {
		return Money{}, ErrMalformed.Field("payments", "they add up to "+sum.String())
	}
	return sum, nil
}

func (t TopUp) eachPayment(unit string) error {
	seen := map[Name]bool{}
	for _, p := range t.Payments {
		name := paymentName(p)
		switch {
		case p.Method == "" || !printable(p.Method) || !printable(p.Reference):
			return ErrMalformed.Field("payments", "each needs a method, and printable text")
		case p.Amount.Unit() != unit:
			return ErrMalformed.Field("payments", "want an amount in one unit in each or in none")
		case unit != "" && !p.Amount.IsPositive():
			return ErrAmountNotPositive.Field("payments", "each must be greater than zero")
		case name.Value != "" && seen[name]:
			return ErrMalformed.Field("payments", "one payment stands twice")
		}
		seen[name] = true
	}
	return nil
}

func (t TopUp) posted(d *Draft, id uuid.UUID, paid Money) TopUpPosted {
	asked := t.canonical().(TopUp).TopUpTerms // canonical changes no type
	ladder := t.resolve(d)
	e := TopUpPosted{TopUpID: id, Paid: paid, Bonus: t.Bonus, Ladder: ladder, Payments: t.Payments,
		Draw: t.Draw, Asked: &asked}
	e.Lots = append(e.Lots, t.lot(d, id, 1, Principal, t.Amount, paid, t.ExpiresAt))
	if !t.Bonus.IsZero() {
		free := paid.With(paid.Quantity.Zero())
		bonus := t.lot(d, id, 2, Bonus, t.Bonus, free, t.BonusExpiresAt)
		bonus.Ladder = ladder
		e.Lots = append(e.Lots, bonus)
	}
	total := t.Amount
	if !t.Bonus.IsZero() {
		total = total.Add(t.Bonus)
	}
	e.Value = d.value(total, fill(e.Lots))
	return e
}

func (t TopUp) lot(
	d *Draft, id uuid.UUID, part int, class Class, face, cost Money, expires time.Time,
) LotOpened {
	l := LotOpened{
		ID: partOf(d.nextID(), part), Class: class, Face: face.Quantity, Cost: cost.Quantity, Funding: id,
		EffectiveAt: d.Decided, ExpiresAt: expires, Priority: t.Priority, Scope: t.Scope,
		Draw: t.Draw, OnRefundExpired: d.program().onRefundExpired(cost.Quantity),
		IssuerEntity: d.Place.Entity, Terms: t.Terms,
	}
	if cost.Unit() != face.Unit() {
		l.CostUnit = cost.Unit()
	}
	return l
}

// fill are the moves that fill newly opened lots.
func fill(lots []LotOpened) []Move {
	moves := make([]Move, len(lots))
	for i, l := range lots {
		moves[i] = Move{Lot: l.ID, Class: l.Class, Funding: l.Funding,
			Amount: l.Face, Held: l.Face.Zero(), Cost: l.Cost}
	}
	return moves
}

func (e TopUpPosted) check() error {
	bonus := e.Bonus
	if bonus.unit == "" {
		bonus = e.Amount.With(e.Amount.Quantity.Zero())
	}
	err := errors.Join(e.gives(), e.opens(e.Lots, 2), e.Amount.like(bonus))
	sold := err == nil && (e.Lots[0].Class == Principal || e.Lots[0].Class == Gift)
	if !sold || e.Paid.unit == "" {
		return errors.Join(err, errors.New("want a lot that was sold, and what was paid for it"))
	}
	return nil
}

// Principal is the face of the principal lot: what was sold, without the bonus.
func (e TopUpPosted) Principal() Money { return e.Amount.With(e.Lots[0].Face) }

func (t TopUp) canonical() any {
	t.ExpiresAt, t.BonusExpiresAt = t.ExpiresAt.UTC(), t.BonusExpiresAt.UTC()
	return t
}

func (e TopUpPosted) apply(a *Account, _ time.Time) error {
	a.bonuses.topUp(e.Ladder)
	if e.Initiated {
		return a.outcome(e.TopUpID)
	}
	return nil
}

func (e TopUpPosted) command(Posted) Command {
	if e.Initiated && e.Completed {
		return PostTopUp{TopUpID: e.TopUpID, Payments: e.Payments}
	}
	if e.Initiated {
		return PostTopUp{TopUpID: e.TopUpID}
	}
	t := TopUp{Amount: e.Principal(), Payments: e.Payments, TopUpTerms: e.sold()}
	if e.Asked != nil {
		t.TopUpTerms = *e.Asked
	}
	return t
}

// sold are the terms as they were decided. Before programs were published they tell what was asked.
func (e TopUpPosted) sold() TopUpTerms {
	sold := e.Lots[0]
	t := TopUpTerms{
		Bonus: e.Bonus, ExpiresAt: sold.ExpiresAt, Priority: sold.Priority, Scope: sold.Scope,
	}
	if e.Draw != defaultDraw {
		t.Draw = e.Draw
	}
	if sold.Terms != ProgramVersion {
		t.Terms = sold.Terms
	}
	if len(e.Lots) > 1 {
		t.BonusExpiresAt = e.Lots[1].ExpiresAt
	}
	return t
}
