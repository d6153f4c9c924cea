package domain

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
)

// A merge is a process over two streams, like a transfer: the absorbed account ends and sends all it
// has in one append; the survivor's stream decides, by taking all of it in or by a tombstone; only
// after a tombstone does the absorbed account take all back and live on.

// The kinds of operation of a merge.
const (
	OpMerge     Operation = "merge"
	OpUndoMerge Operation = "merge_return" // not asked for: what the service does after a tombstone
)

// Moved says that an account was merged into another, which answers for it.
type Moved struct {
	To    uuid.UUID
	Merge uuid.UUID // whose end decides whether that stays so

	Unsettled bool // the absorbed account answers itself, once that is known; see Moment.Settled
}

func (m *Moved) Error() string { return fmt.Sprintf("the account was merged into %s", m.To) }

// MergeAccount ends an account and sends all it has to another, which answers for it from then on.
type MergeAccount struct {
	Into uuid.UUID `json:"into"`

	Nobody    bool        `json:"-"` // the shell found no account Into
	Settled   uuid.UUID   `json:"-"` // the shell knows the end of every transfer sent, up to this one
	Campaigns []*Campaign `json:"-"` // the shell knows all of them
}

// AccountsMerged records, on both streams, that one account is absorbed by another. The value it had
// follows in the same append; its live coupons go with the event, as they are, and what was counted for
// its tier, for its limits and for the list price, and how much it bought.
type AccountsMerged struct {
	MergeID  uuid.UUID   `json:"merge_id"` // the id of the absorbed account's event
	Survivor uuid.UUID   `json:"survivor"`
	Absorbed uuid.UUID   `json:"absorbed"`
	Coupons  []Coupon    `json:"coupons,omitempty"`
	Tier     *MergedTier `json:"tier,omitempty"`
	Sales    int         `json:"sales,omitempty"` // of the absorbed account, less those cancelled

	Counts *MergedCounts `json:"counts,omitempty"`
}

// MergeRefused records that the survivor did not take the account in: it lives on. What it had sent
// follows in the same append.
type MergeRefused struct {
	MergeID  uuid.UUID `json:"merge_id"`
	Survivor uuid.UUID `json:"survivor"`
	Reason   Code      `json:"reason"`            // the refusal's code
	Coupons  []Coupon  `json:"coupons,omitempty"` // that it has again
}

func (AccountsMerged) event() {}
func (MergeRefused) event()   {}

func (AccountsMerged) operation() Operation { return OpMerge }
func (MergeRefused) operation() Operation   { return OpUndoMerge }

func (e AccountsMerged) appendNames(names []Name) []Name {
	names = append(names, TransferName(e.MergeID))
	for _, c := range e.Coupons {
		names = append(names, CouponName(c.ID))
		if name := campaignName(c.Campaign); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return e.Counts.appendNames(names)
}

func (e MergeRefused) appendNames(names []Name) []Name {
	return append(names, TransferName(e.MergeID))
}

// MergeName is the name that the parts of a merge answer to on the absorbed account's stream.
func MergeName(id uuid.UUID) Name { return Name{"merge", id.String()} }

func (e TransferSent) appendNames(names []Name) []Name {
	if e.MergeID != noID {
		names = append(names, MergeName(e.MergeID))
	}
	return names
}

// Operation is merge.
func (MergeAccount) Operation() Operation { return OpMerge }

// mostMerged bounds the lots that one merge moves: they are one append.
const mostMerged = 1000

// Decide checks the survivor, the account, the reference, then that nothing is under way. What has
// lapsed or expired is written first.
func (m MergeAccount) Decide(d *Draft) error {
	switch {
	case m.Into == d.id:
		return ErrMalformed.Field("into", "is the account itself")
	case m.Nobody:
		return ErrNotFound.Because("there is no account to merge it into")
	}
	if err := d.mayTake(); err != nil {
		return err
	}
	if err := d.unused(OpMerge); err != nil {
		return err
	}
	if err := d.atRest(m.Settled); err != nil {
		return err
	}
	id := d.nextID()
	merged := AccountsMerged{MergeID: id, Survivor: m.Into, Absorbed: d.id,
		Coupons: slices.Clone(d.coupons), Tier: d.mergedTier(), Sales: d.sales,
		Counts: d.mergedCounts(m.Campaigns)}
	if err := d.post(merged); err != nil {
		return err
	}
	if err := d.endMandates(MandateMerged); err != nil {
		return err
	}
	return d.sendAll(TransferSent{ToAccount: m.Into, MergeID: id})
}

// sendAll sends all that no hold pins and that has not expired, like e, unit by unit.
func (d *Draft) sendAll(e TransferSent) error {
	e.Kind = TransferMerge
	count := 0
	for _, u := range d.Units() {
		var shares []share
		for _, l := range d.lots {
			if l.Unit == u.Code && l.free().IsPositive() && !l.expired(d.Recorded) {
				shares = append(shares, share{l, l.free()})
			}
		}
		if count += len(shares); count > mostMerged {
			return ErrLimitExceeded.Because(fmt.Sprintf("want at most %d lots that hold value", mostMerged))
		}
		for len(shares) > 0 {
			n := together(shares)
			if err := d.send(shares[:n], e); err != nil {
				return err
			}
			shares = shares[n:]
		}
	}
	return d.fits()
}

// together is how many of the shares one event takes: it parts no funding.
func together(shares []share) int {
	n := min(len(shares), mostTravelling)
	if n < len(shares) && shares[n].lot.Funding == shares[n-1].lot.Funding &&
		shares[n].lot.Funding != noID {
		n--
	}
	return n
}

// AbsorbAccount takes in an account that was merged into this one. The service asks for it, as often
// as it takes.
type AbsorbAccount struct {
	Merged AccountsMerged
	Parts  []TransferSent // all that it sent
}

// Operation is merge.
func (AbsorbAccount) Operation() Operation { return OpMerge }

// Decide takes all of it in, or writes the tombstone that says why not. A limit of the balance does
// not stop it: it is one person's value. A second time it is Done.
func (b AbsorbAccount) Decide(d *Draft) error {
	if d.revision < 0 {
		return ErrNotFound.Because("there is no such account")
	}
	if before, ok := d.first(TransferName(b.Merged.MergeID)); ok {
		return &Done{before}
	}
	err := d.mayGive()
	if errors.As(err, new(*Moved)) {
		err = ErrAccountNotOpen.Because("it was merged itself")
	}
	if err == nil && len(d.coupons)+len(b.Merged.Coupons) > mostCoupons {
		err = ErrCouponLimit.Because(fmt.Sprintf("want at most %d live coupons", mostCoupons))
	}
	if err != nil {
		return d.refuseOperation(b.Merged.MergeID, err)
	}
	merged := b.Merged
	merged.Tier = d.asOwn(merged.Tier, d.Recorded)
	if r := d.tierRules(); r.averages() && merged.Tier != nil && merged.Tier.Rule == r.rule() {
		d.brought = merged.MergeID
	}
	if err := d.post(merged); err != nil {
		return err
	}
	if err := d.joinTier(merged.MergeID, merged.Tier); err != nil {
		return err
	}
	for _, part := range b.Parts {
		if err := d.receive(part); err != nil {
			return err
		}
	}
	return nil
}

// UndoMerge lets an account live on that was not taken in. The service asks for it, after the
// survivor's tombstone.
type UndoMerge struct {
	MergeID uuid.UUID
	Why     ReferenceCancelled // the tombstone
}

// Operation is merge_return.
func (UndoMerge) Operation() Operation { return OpUndoMerge }

// Decide takes back all that was sent, once.
func (u UndoMerge) Decide(d *Draft) error {
	if last, ok := d.last(TransferName(u.MergeID)); ok {
		if _, undone := last.Event.(MergeRefused); undone {
			return &Done{last}
		}
	}
	if d.ended == nil || d.ended.Merge != u.MergeID {
		return ErrNotFound.Because("there is no such merge")
	}
	refused := MergeRefused{MergeID: u.MergeID, Survivor: d.ended.Survivor, Reason: u.Why.Code}
	if p, ok := d.first(TransferName(u.MergeID)); ok {
		refused.Coupons = p.Event.(AccountsMerged).Coupons // nothing else of a merge answers before it
	}
	err := d.post(refused)
	for _, p := range d.found(MergeName(u.MergeID)) {
		if err == nil {
			err = d.takeBack(p.Event.(TransferSent), u.Why.Code) // nothing else answers to it
		}
	}
	return err
}

func (e AccountsMerged) check() error {
	if e.MergeID == noID || e.Survivor == e.Absorbed || e.Sales < 0 {
		return fmt.Errorf("account %s is merged into %s", e.Absorbed, e.Survivor)
	}
	return cmp.Or(e.Tier.check(), e.Counts.check())
}

func (e AccountsMerged) command(Posted) Command { return MergeAccount{Into: e.Survivor} }

func (e AccountsMerged) apply(a *Account, _ time.Time) error {
	switch {
	case e.Survivor == a.id:
		a.coupons = append(a.coupons, e.Coupons...)
		a.tiering.join(e.Tier)
		a.join(e.Counts)
		a.sales += e.Sales
		return nil
	case e.Absorbed != a.id || a.ended != nil:
		return fmt.Errorf("account %s is merged in account %s, or has ended before", e.Absorbed, a.id)
	}
	a.ended = &ending{Status: Merged, Survivor: e.Survivor, Merge: e.MergeID}
	a.coupons = nil
	return nil
}

func (e MergeRefused) apply(a *Account, _ time.Time) error {
	if a.ended == nil || a.ended.Merge != e.MergeID {
		return fmt.Errorf("account %s was not merged by %s", a.id, e.MergeID)
	}
	a.ended, a.coupons = nil, append(a.coupons, e.Coupons...)
	return nil
}

// Survivor is the account that answers for a merged one; false for every other.
func (a *Account) Survivor() (uuid.UUID, bool) {
	if a.ended == nil || a.ended.Status != Merged {
		return noID, false
	}
	return a.ended.Survivor, true
}
