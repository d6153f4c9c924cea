package domain

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"
)

// The causes of a credit that is not a top-up.
const (
	CauseOpeningBalance     = "opening_balance"     // brought in from another system
	CauseGoodwill           = "goodwill"            // an apology
	CausePromo              = "promo"               // a present
	CauseUnreferencedRefund = "unreferenced_refund" // goods came back whose debit is not known
	CauseCashback           = "cashback"            // a debit earned it; never asked for
)

// givenAs are the classes of what is given for nothing, by cause. Goods that come back without their
// debit are made good by compensation, at no cost: nobody knows whether that debit took paid value,
// so it must never be paid out, and the revenue of that sale stands and is not earned again.
var givenAs = map[string]Class{
	CauseGoodwill:           Compensation,
	CausePromo:              Promo,
	CauseUnreferencedRefund: Compensation,
}

// GivenAs is the class of what is given for nothing for a cause, "" for a cause of which nothing is.
func GivenAs(cause string) Class { return givenAs[cause] }

// GrantCredit gives an account value that no top-up sold here, such as an apology, or the balance it
// brings from another system.
type GrantCredit struct {
	Amount    Money     `json:"amount"`
	Class     Class     `json:"class"` // none: the cause's
	Cost      Money     `json:"cost"`  // what was received for it, elsewhere: of an opening balance
	Cause     string    `json:"cause"`
	ExpiresAt time.Time `json:"expires_at,omitzero"` // none: as the program has it
	Scope     LotScope  `json:"scope,omitzero"`
	Reason    string    `json:"reason,omitempty"`   // at most 200 bytes
	Campaign  string    `json:"campaign,omitempty"` // at most 64 bytes
	JobID     uuid.UUID `json:"job_id,omitzero"`    // a job grants once to each account
}

// CreditGranted records value that was given, as one lot.
type CreditGranted struct {
	Value
	GrantID  uuid.UUID   `json:"grant_id"` // the event's own id
	Class    Class       `json:"class"`
	Cause    string      `json:"cause"`
	SourceID uuid.UUID   `json:"source_id,omitzero"` // the debit that earned it
	Rule     string      `json:"rule,omitempty"`     // of the program's cashback
	Campaign string      `json:"campaign,omitempty"`
	JobID    uuid.UUID   `json:"job_id,omitzero"`
	Reason   string      `json:"reason,omitempty"`
	Asked    time.Time   `json:"asked_expires_at,omitzero"` // where the program did not choose it
	Lots     []LotOpened `json:"lots"`
}

func (CreditGranted) event() {}

func (CreditGranted) operation() Operation { return OpGrant }

// CashbackName is the name that the cashback of a debit answers to.
func CashbackName(debit uuid.UUID) Name { return Name{"cashback", debit.String()} }

func (e CreditGranted) appendNames(names []Name) []Name {
	if e.JobID != noID {
		names = append(names, JobName(e.JobID))
	}
	if e.SourceID != noID {
		names = append(names, CashbackName(e.SourceID))
	}
	return names
}

// Opened is the lot.
func (e CreditGranted) Opened() []LotOpened { return e.Lots }

func (e CreditGranted) balanced(b Balance) Event { e.Balance = b; return e }

// Operation is grant.
func (GrantCredit) Operation() Operation { return OpGrant }

// Decide checks the request, the account, the reference, then the limit of an unreferenced refund. To
// grant again what its job has granted, revoked or not, is Done.
func (g GrantCredit) Decide(d *Draft) error {
	if g.Class == "" {
		g.Class = givenAs[g.Cause]
	}
	if err := g.check(d.Decided); err != nil {
		return err
	}
	if before, ok := d.first(JobName(g.JobID)); ok {
		if _, granted := before.Event.(CreditGranted); granted {
			return &Done{before}
		}
		return ErrReferenceCancelled.By(before) // the job was revoked before it came here
	}
	if err := d.mayGive(); err != nil {
		return err
	}
	if err := d.unused(OpGrant); err != nil {
		return err
	}
	if g.Cause == CauseUnreferencedRefund {
		if err := g.checkCap(d.program()); err != nil {
			return err
		}
	}
	return d.post(g.granted(d))
}

// check refuses what no account could take: amount, cause, class, cost, end, scope, reason, campaign.
func (g GrantCredit) check(at time.Time) error {
	opening := g.Cause == CauseOpeningBalance
	switch {
	case !g.Amount.IsPositive():
		return ErrAmountNotPositive
	case !opening && givenAs[g.Cause] == "":
		return ErrMalformed.Field("cause",
			"want opening_balance, goodwill, promo or unreferenced_refund")
	case opening && (!slices.Contains(classOrder, g.Class) || g.Class == Earned):
		return ErrMalformed.Field("class", "want a class of stored value")
	case !opening && givenAs[g.Cause] != g.Class:
		return ErrMalformed.Field("class", "want "+string(givenAs[g.Cause])+" for this cause")
	case opening && (g.Cost.IsNegative() || !pays(g.Cost.Unit(), g.Amount.Unit())):
		return ErrMalformed.Field("cost",
			"want zero or more, in the currency of the amount, or in any for a count")
	case !opening && !g.Cost.IsZero():
		return ErrMalformed.Field("cost", "want none: it is given for nothing")
	case !g.ExpiresAt.IsZero() && !comes(g.ExpiresAt, at):
		return ErrMalformed.Field("expires_at", "want a time after it was given")
	case !g.Scope.valid():
		return ErrMalformed.Field("scope", mostNames)
	case !opening && g.Reason == "" || len(g.Reason) > 200:
		return ErrMalformed.Field("reason", "want 1 to 200 bytes")
	case len(g.Campaign) > 64:
		return ErrMalformed.Field("campaign", "want at most 64 bytes")
	}
	return nil
}

// checkCap refuses more than one unreferenced refund may give. A program that says nothing allows none.
func (g GrantCredit) checkCap(p *Program) error {
	most := g.Amount.With(g.Amount.Quantity.Zero())
	for _, a := range p.Terms.Approvals {
		if a.Unit == g.Amount.Unit() && a.UnreferencedRefund.Unit() == a.Unit {
			most = a.UnreferencedRefund
		}
	}
	if most.Less(g.Amount) {
		return ErrLimitExceeded.Because("more than one unreferenced refund may be").Short(g.Amount, most)
	}
	return nil
}

func (g GrantCredit) granted(d *Draft) CreditGranted {
	id := d.nextID()
	lots := []LotOpened{g.lot(d, id)}
	return CreditGranted{
		Value: d.value(g.Amount, fill(lots)), GrantID: id, Class: g.Class, Cause: g.Cause,
		Campaign: g.Campaign, JobID: g.JobID, Reason: g.Reason, Asked: g.ExpiresAt, Lots: lots,
	}
}

// lot is the lot. What an import brings ends as the other system had it: the program has no say.
func (g GrantCredit) lot(d *Draft, id uuid.UUID) LotOpened {
	l := LotOpened{
		ID: partOf(id, 1), Class: g.Class, Face: g.Amount.Quantity, Cost: g.Amount.Quantity.Zero(),
		EffectiveAt: d.Decided, ExpiresAt: g.ExpiresAt, Priority: defaultPriority, Scope: g.Scope,
		Draw: defaultDraw, IssuerEntity: d.Place.Entity, Terms: d.program().Name(),
	}
	if g.Cause == CauseOpeningBalance {
		l.Cost = g.Cost.Quantity
		if g.Cost.Unit() != g.Amount.Unit() {
			l.CostUnit = g.Cost.Unit()
		}
	} else if g.ExpiresAt.IsZero() && d.Context.Channel != ChannelImport {
		l.ExpiresAt = d.program().expiry(g.Class, d.Decided)
	}
	l.OnRefundExpired = d.program().onRefundExpired(l.Cost)
	return l
}

func (g GrantCredit) canonical() any {
	if g.Class == "" {
		g.Class = givenAs[g.Cause]
	}
	g.ExpiresAt = g.ExpiresAt.UTC()
	return g
}

func (e CreditGranted) check() error {
	if err := cmp.Or(e.gives(), e.opens(e.Lots, 1)); err != nil {
		return err
	}
	if e.Lots[0].ID != partOf(e.GrantID, 1) {
		return errors.New("the lot is not the grant's")
	}
	return nil
}

func (e CreditGranted) command(Posted) Command {
	g := GrantCredit{Amount: e.Amount, Class: e.Class, Cause: e.Cause, ExpiresAt: e.Asked,
		Scope: e.Lots[0].Scope, Reason: e.Reason, Campaign: e.Campaign, JobID: e.JobID}
	if l := e.Lots[0]; e.Cause == CauseOpeningBalance {
		g.Cost, g.ExpiresAt = e.Amount.With(l.Cost), l.ExpiresAt
		if l.CostUnit != "" {
			g.Cost.unit = l.CostUnit
		}
	}
	return g
}
