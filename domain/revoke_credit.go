package domain

import (
	"cmp"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// The causes for which value that was given is taken back.
const (
	RevokedRefund   = "refund"   // the debit that earned it gave value back
	RevokedReversal = "reversal" // it came back to a top-up that was reversed, or a grant that was revoked
	RevokedError    = "error"    // it was given by mistake
)

// RevokeCredit takes back what is left of a grant that was a mistake: of the grant with that id, or of
// the one that a job made on the account.
type RevokeCredit struct {
	GrantID uuid.UUID `json:"grant_id,omitzero"`
	JobID   uuid.UUID `json:"job_id,omitzero"` // of the grant; in place of its id
	Amount  Money     `json:"-"`               // what the job grants; tells the unit
	Reason  string    `json:"reason"`          // 1 to 200 bytes
}

// CreditRevoked records that free value was taken back, or value of a reversed top-up that came back after
// its debt was written off. Amount may be zero. Uncollected is what could
// not be taken: of a refunded debit's cashback what is missing of its share; of a mistake all that was
// spent or sent on or is held, so that it and Amount are the grant, unless some of that expired.
type CreditRevoked struct {
	Value
	GrantID     uuid.UUID `json:"grant_id,omitzero"`
	Funding     uuid.UUID `json:"funding,omitzero"` // the top-up, of its bonus or of what was written off
	Cause       string    `json:"cause"`
	Uncollected Money     `json:"uncollected,omitzero"`
	JobID       uuid.UUID `json:"job_id,omitzero"` // whose grant was asked for
	Lot         uuid.UUID `json:"lot,omitzero"`    // of which it was missed, where that came by a merge
	Reason      string    `json:"reason,omitempty"`
}

func (CreditRevoked) event() {}

func (CreditRevoked) operation() Operation { return OpRevoke }

// OpRevoke is the kind of a revocation that was asked for.
const OpRevoke Operation = "revoke"

func (e CreditRevoked) balanced(b Balance) Event { e.Balance = b; return e }

// JobName is the name that what a job did on the account answers to.
func JobName(job uuid.UUID) Name {
	if job == noID {
		return Name{}
	}
	return Name{"job", job.String()}
}

// RevocationName is the name that the revocation of a grant answers to.
func RevocationName(grant uuid.UUID) Name { return Name{"revocation", grant.String()} }

func (e CreditRevoked) appendNames(names []Name) []Name {
	if e.Cause != RevokedError {
		return names
	}
	if e.GrantID != noID {
		names = append(names, RevocationName(e.GrantID))
	}
	if e.JobID != noID {
		names = append(names, JobName(e.JobID))
	}
	return names
}

// Operation is revoke.
func (RevokeCredit) Operation() Operation { return OpRevoke }

// Decide checks the reason, the account, the reference, the grant and what it cost, then whether it
// was revoked before. Value that comes back to the grant later, from a hold or a refund, is revoked
// then. No freeze but the law's stops it, as it takes nothing that the account should have.
func (r RevokeCredit) Decide(d *Draft) error {
	if r.Reason == "" || len(r.Reason) > 200 {
		return ErrMalformed.Field("reason", "want 1 to 200 bytes")
	}
	if err := d.maySettle(); err != nil {
		return err
	}
	if err := d.unused(OpRevoke); err != nil {
		return err
	}
	if r.JobID != noID {
		return r.ofJob(d)
	}
	p, _ := d.first(EventName(r.GrantID))
	granted, ok := p.Event.(CreditGranted)
	switch {
	case !ok:
		return ErrNotFound.Because("there is no such grant")
	case granted.Lots[0].Cost.IsPositive():
		return ErrNotCancellable.Because("it was paid for: take it back by an adjustment")
	}
	if before, ok := d.first(RevocationName(r.GrantID)); ok {
		return ErrNotCancellable.By(before)
	}
	return r.revoke(d, granted)
}

// ofJob revokes what a job granted here. Where it granted nothing, it never will: what is written then
// takes the job's name, and a node that comes late with the grant finds it.
func (r RevokeCredit) ofJob(d *Draft) error {
	p, found := d.last(JobName(r.JobID))
	granted, ok := p.Event.(CreditGranted)
	switch {
	case !found:
		none := r.Amount.With(r.Amount.Quantity.Zero())
		return d.post(CreditRevoked{Value: d.value(none, nil), Cause: RevokedError, JobID: r.JobID,
			Reason: r.Reason})
	case !ok:
		return &Done{p}
	}
	if before, ok := d.first(RevocationName(granted.GrantID)); ok {
		return &Done{before}
	}
	return r.revoke(d, granted)
}

// revoke takes what is free of the grant's lot.
func (r RevokeCredit) revoke(d *Draft, granted CreditGranted) error {
	if err := d.lapseHolds(); err != nil {
		return err
	}
	l, err := d.unexpired(d.lot(granted.Lots[0].ID))
	if err != nil {
		return err
	}
	return d.revoke(l, l.free(), CreditRevoked{GrantID: granted.GrantID, Cause: RevokedError,
		Uncollected: granted.Amount.With(l.taken().Add(l.Transferred)), JobID: r.JobID, Reason: r.Reason})
}

// unexpired is a lot without what has gone with its time: that is no more there before the sweep than
// after it.
func (d *Draft) unexpired(l *Lot) (*Lot, error) {
	if !l.expired(d.Decided) {
		return l, nil
	}
	err := d.expire(l)
	return d.lot(l.ID), err
}

// revoke posts that x, at most what is free, of a lot is taken back. e says why.
func (d *Draft) revoke(l *Lot, x Quantity, e CreditRevoked) error {
	var moves []Move
	if x.IsPositive() {
		moves = append(moves, l.lost(x))
	}
	e.Value = d.value(Money{unit: l.Unit, Quantity: x}, moves)
	return d.post(e)
}

// revokeReturned takes back what came back to a reversed top-up, or to a grant that was revoked or that a
// refund missed.
func (d *Draft) revokeReturned(l *Lot, x Quantity) error {
	e := CreditRevoked{Funding: l.Funding, Cause: RevokedReversal}
	switch {
	case l.Funding != noID:
		if o := d.missing(l); o != l {
			e.Lot = o.ID
		}
	case l.OriginLot != noID:
		e.Lot = d.missing(l).ID
	default:
		e.GrantID = grantOf(l)
	}
	return d.revoke(l, x, e)
}

// missing is the lot of which what is missed is taken of what comes to l: l itself, or another that came of the
// same lot of cashback, or of the same top-up's principal.
func (d *Draft) missing(l *Lot) *Lot {
	if l.OriginLot == noID || l.Missed.IsPositive() {
		return l
	}
	for _, o := range d.lots {
		came := l.Class == Cashback && o.OriginLot == l.OriginLot ||
			l.Class == Principal && o.TopUp == l.TopUp && l.TopUp != noID
		if came && o.Missed.IsPositive() {
			return o
		}
	}
	return l
}

// missedOf is the lot of which Uncollected is missed.
func (e CreditRevoked) missedOf() uuid.UUID {
	if e.Lot != noID {
		return e.Lot
	}
	return partOf(e.GrantID, 1)
}

// grantOf is the id of the grant that opened a lot.
func grantOf(l *Lot) uuid.UUID { return partOf(l.ID, 0) }

func (e CreditRevoked) check() error {
	if e.Uncollected.unit == "" {
		return e.takes()
	}
	return cmp.Or(e.takes(), e.Amount.like(e.Uncollected))
}

func (e CreditRevoked) command(Posted) Command {
	if e.JobID != noID {
		return RevokeCredit{JobID: e.JobID, Reason: e.Reason}
	}
	return RevokeCredit{GrantID: e.GrantID, Reason: e.Reason}
}

// recover notes principal that came back to a reversed top-up after its debt was written off.
func (e CreditRevoked) recover(a *Account) error {
	for _, m := range e.Moves {
		l := a.lot(m.Lot)
		if l.Class != Principal {
			continue
		}
		if l.Missed = l.Missed.Add(m.Amount); l.Missed.IsNegative() {
			return fmt.Errorf("lot %s gives back more than was written off", l.ID)
		}
	}
	return nil
}

func (e CreditRevoked) apply(a *Account, _ time.Time) error {
	if e.GrantID == noID && e.Lot == noID {
		return e.recover(a)
	}
	l, err := a.edit(e.missedOf())
	switch {
	case err != nil:
		return err
	case e.Cause == RevokedError:
		l.Reversed, l.Missed = true, l.Missed.Zero()
	case e.Cause == RevokedRefund:
		l.Missed = l.Missed.Add(e.Uncollected.Quantity)
	case !l.Reversed || e.Funding != noID:
		l.Missed = l.Missed.Sub(e.Amount.Quantity)
	}
	if l.Missed.IsNegative() {
		return fmt.Errorf("lot %s gave back more than refunds missed", l.ID)
	}
	return nil
}
