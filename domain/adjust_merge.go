package domain

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// OpAdjustMerge is not asked for: what the service does after a return on an absorbed account.
const OpAdjustMerge Operation = "merge_adjustment"

// AdjustMerge has the survivor of a merge count no more, and owe, what came back of the absorbed
// account's sales after it, and owe what is owed for its top-ups that were reversed. The service asks for it,
// as often as it takes.
type AdjustMerge struct{ Adjusted MergeAdjusted }

// MergeAdjusted records, on both streams, that a sale of an absorbed account came back, some or all of
// it, or that a top-up of it was reversed, after the merge: by how much less the survivor counts what the
// merge brought, points and cashback of the sale that were to be revoked and are with the survivor, or were
// spent, what is owed for the top-up, and uses of coupons that came back. There it stands as it counts there:
// what does so no more is left out.
type MergeAdjusted struct {
	AdjustmentID uuid.UUID      `json:"adjustment_id"` // the id of the absorbed account's event
	MergeID      uuid.UUID      `json:"merge_id"`
	Survivor     uuid.UUID      `json:"survivor"`
	Absorbed     uuid.UUID      `json:"absorbed"`
	Tier         *MergedTier    `json:"tier,omitempty"`   // its sums are negative
	Earned       []earnings     `json:"earned,omitempty"` // that limits count; negative
	Prices       []priced       `json:"prices,omitempty"` // negative
	Sales        int            `json:"sales,omitempty"`  // that were cancelled
	Points       []MissedPoints `json:"points,omitempty"`

	Cashback []MissedCashback `json:"cashback,omitempty"`
	Owed     []MergedDebt     `json:"owed,omitempty"`
	Uses     []MissedUse      `json:"uses,omitempty"`
}

// MissedPoints are points of an earning that a return could not take from the absorbed account.
type MissedPoints struct {
	EarningID uuid.UUID `json:"earning_id"`
	SourceID  uuid.UUID `json:"source_id"`
	RefundID  uuid.UUID `json:"refund_id"`
	EarnedLot uuid.UUID `json:"earned_lot"` // of the absorbed account
	Amount    Money     `json:"amount"`
}

// MissedCashback is cashback that a return could not take from a lot of the absorbed account of which the
// survivor got some: here it is missed no more.
type MissedCashback struct {
	Lot    uuid.UUID `json:"lot"` // of the absorbed account
	Amount Money     `json:"amount"`
}

func (MergeAdjusted) event() {}

func (MergeAdjusted) operation() Operation { return OpAdjustMerge }

func (e MergeAdjusted) appendNames(names []Name) []Name {
	return append(names, TransferName(e.AdjustmentID))
}

// Operation is merge_adjustment.
func (AdjustMerge) Operation() Operation { return OpAdjustMerge }

// Decide counts less and takes the points and the cashback, whatever became of the account since it
// took the other in: of one that was closed no points are owed any more. A second time it is Done.
func (c AdjustMerge) Decide(d *Draft) error {
	if before, ok := d.first(TransferName(c.Adjusted.AdjustmentID)); ok {
		return &Done{before}
	}
	merge, _ := d.first(TransferName(c.Adjusted.MergeID))
	merged, ok := merge.Event.(AccountsMerged)
	if !ok {
		return ErrNotFound.Because("there is no such merge")
	}
	e := c.Adjusted
	e.Tier = d.lessOfTier(e.Tier, merged.Tier, merge.Metadata.RecordedAt)
	e.Prices = slices.DeleteFunc(slices.Clone(e.Prices), func(p priced) bool {
		return d.pricing(Money{unit: p.Unit, Quantity: p.AtList.Zero()}).Since > merge.Revision
	})
	if err := d.post(e); err != nil {
		return err
	}
	for _, p := range e.Points {
		if err := d.takeMissed(p); err != nil {
			return err
		}
	}
	for _, c := range e.Cashback {
		if err := d.takeCashback(c); err != nil {
			return err
		}
	}
	for _, o := range e.Owed {
		if err := d.reverseMerged(o); err != nil {
			return err
		}
	}
	for _, u := range e.Uses {
		if err := d.restoreMerged(u, e); err != nil {
			return err
		}
	}
	return nil
}

// lessOfTier is what less counts here of what a merge brought then, nil where that rules no more.
func (d *Draft) lessOfTier(less, brought *MergedTier, then time.Time) *MergedTier {
	s := &d.tiering
	if less == nil || brought == nil || brought.Rule != less.Rule || s.Rule != less.Rule ||
		s.Era != brought.Era {
		return nil
	}
	return d.asOwn(less, then)
}

// takeMissed revokes points that a merge brought. Those of the lot that came are taken first.
func (d *Draft) takeMissed(p MissedPoints) error {
	e := PointsRevoked{EarningID: p.EarningID, SourceID: p.SourceID, RefundID: p.RefundID, Due: p.Amount,
		EarnedLot: p.EarnedLot}
	i := slices.IndexFunc(d.lots, func(l *Lot) bool { return l.OriginLot == p.EarnedLot })
	if i < 0 {
		return d.takePoints(e, nil)
	}
	lot, err := d.unexpired(d.lots[i])
	if err != nil {
		return err
	}
	e.EarnedLot = lot.ID
	return d.takePoints(e, lot)
}

// takeCashback revokes cashback that a merge brought, from the lots that came of its lot. What they do not
// have any more is missed of the last of them, until it comes back; where this account was merged too, what came
// of the others is not asked for.
func (d *Draft) takeCashback(c MissedCashback) error {
	var came []uuid.UUID
	for _, l := range d.lots {
		if l.OriginLot == c.Lot {
			came = append(came, l.ID)
		}
	}
	left := c.Amount.Quantity
	for i, id := range came {
		l, err := d.unexpired(d.lot(id))
		if err != nil {
			return err
		}
		x := least(left, l.free())
		left = left.Sub(x)
		e := CreditRevoked{Lot: id, Cause: RevokedRefund, Uncollected: c.Amount.With(left.Zero())}
		if i == len(came)-1 {
			e.Uncollected = c.Amount.With(left)
		}
		if x.IsZero() && e.Uncollected.IsZero() {
			continue
		}
		if err := d.revoke(l, x, e); err != nil {
			return err
		}
	}
	return nil
}

// counting is what a merge brought that a return takes from.
type counting struct {
	tier   tiering
	earned []earnings
	prices []priced
	sales  int
}

func (d *Draft) counting() counting {
	return counting{d.tiering, d.earnings, d.mergedPrices(), d.sales}
}

// adjustMerge tells the survivor what a return on this absorbed account has changed of what it counted,
// and which points it could not take. The merge must have ended: else nobody knows whose they are.
func (d *Draft) adjustMerge(was counting) error {
	e := MergeAdjusted{MergeID: d.ended.Merge, Survivor: d.ended.Survivor, Absorbed: d.id,
		Sales: was.sales - d.sales, Tier: d.tierSince(was.tier),
		Earned: d.earnedSince(was.earned), Prices: d.pricesSince(was.prices)}
	for _, p := range d.posted {
		uses, err := d.missedUses(p.Event)
		if err != nil {
			return err
		}
		e.Uses = append(e.Uses, uses...)
		switch r := p.Event.(type) {
		case PointsRevoked:
			if r.Uncollected.unit != "" {
				e.Points = append(e.Points,
					MissedPoints{r.EarningID, r.SourceID, r.RefundID, r.EarnedLot, r.Uncollected})
			}
		case TopUpReversed:
			if r.Used {
				e.Owed = append(e.Owed, MergedDebt{r.ReceivableID, r.TopUpID,
					r.Amount.With(d.funding(r.TopUpID)[0].used())})
			}
		case MergeAdjusted:
			e.Owed = append(e.Owed, r.Owed...)
		case CreditRevoked:
			if r.Cause == RevokedRefund && r.Uncollected.IsPositive() &&
				d.lot(r.missedOf()).Merged { // else nothing of it comes back but here
				e.Cashback = append(e.Cashback, MissedCashback{r.missedOf(), r.Uncollected})
			}
		}
	}
	if e.isNothing() {
		return nil
	}
	if d.Settled != d.ended.Merge {
		return &Moved{To: d.ended.Survivor, Merge: d.ended.Merge, Unsettled: true}
	}
	e.AdjustmentID = d.nextID()
	return d.post(e)
}

func (e MergeAdjusted) isNothing() bool {
	return e.Sales == 0 && e.Tier == nil &&
		len(e.Earned)+len(e.Prices)+len(e.Points)+len(e.Cashback)+
			len(e.Owed)+len(e.Uses) == 0
}

// tierSince is by how much less is counted for a tier. An average counts what moves on by itself.
func (d *Draft) tierSince(was tiering) *MergedTier {
	s := &d.tiering
	less := lessBy(was.Counts, s.Counts)
	if len(less) == 0 || s.Rule != was.Rule || strings.HasPrefix(s.Rule, string(MetricAverage)) {
		return nil
	}
	return &MergedTier{Opened: d.openedDay(), Rule: s.Rule, Counts: less}
}

func (d *Draft) earnedSince(was []earnings) (less []earnings) {
	for _, e := range was {
		is := d.earningsOf(e.Unit)
		is.Days, is.Months = lessBy(e.Days, is.Days), lessBy(e.Months, is.Months)
		if len(is.Days)+len(is.Months) > 0 {
			less = append(less, is)
		}
	}
	return less
}

func (d *Draft) pricesSince(was []priced) (less []priced) {
	all := d.mergedPrices()
	for _, p := range was {
		i := slices.IndexFunc(all, func(is priced) bool { return is.Unit == p.Unit })
		is := all[i] // lots do not vanish
		p.AtList, p.Unlisted = is.AtList.Sub(p.AtList), is.Unlisted.Sub(p.Unlisted)
		p.Brought = is.Brought.Sub(p.Brought)
		if !p.AtList.IsZero() || !p.Unlisted.IsZero() || !p.Brought.IsZero() {
			less = append(less, p)
		}
	}
	return less
}

// lessBy is by how much sums have changed, day by day.
func lessBy(was, is []dayUsage) (less []dayUsage) {
	for _, c := range was {
		less = addUsage(less, c.Day, c.Sum.Neg())
	}
	for _, c := range is {
		less = addUsage(less, c.Day, c.Sum)
	}
	return slices.DeleteFunc(less, func(c dayUsage) bool { return c.Sum.IsZero() })
}

func (e MergeAdjusted) check() error {
	if e.AdjustmentID == noID || e.Survivor == e.Absorbed || e.Sales < 0 {
		return fmt.Errorf("the merge of account %s into %s is adjusted", e.Absorbed, e.Survivor)
	}
	for _, p := range e.Points {
		if p.EarnedLot == noID || !p.Amount.IsPositive() {
			return fmt.Errorf("%s points of lot %s are to be taken", p.Amount, p.EarnedLot)
		}
	}
	for _, c := range e.Cashback {
		if c.Lot == noID || !c.Amount.IsPositive() {
			return fmt.Errorf("%s cashback of lot %s is to be taken", c.Amount, c.Lot)
		}
	}
	for _, o := range e.Owed {
		if err := o.check(); err != nil {
			return err
		}
	}
	for _, u := range e.Uses {
		if u.Used.CouponID == noID || u.Coupon != nil && u.Coupon.ID != u.Used.CouponID {
			return fmt.Errorf("a use of coupon %s comes back", u.Used.CouponID)
		}
	}
	return e.Tier.check()
}

func (e MergeAdjusted) apply(a *Account, _ time.Time) error {
	if e.Survivor != a.id {
		return e.carry(a)
	}
	a.tiering.join(e.Tier)
	a.joinEarnings(e.Earned)
	for _, less := range e.Prices {
		p := a.pricing(Money{unit: less.Unit, Quantity: less.AtList.Zero()})
		p.AtList, p.Unlisted = p.AtList.Add(less.AtList), p.Unlisted.Add(less.Unlisted)
		p.Brought = p.Brought.Add(less.Brought)
		a.setPricing(p)
	}
	if a.sales -= e.Sales; a.sales < 0 {
		return fmt.Errorf("%d sales were cancelled of fewer", e.Sales)
	}
	for _, o := range e.Owed {
		if err := a.reverse(o.TopUpID); err != nil {
			return err
		}
	}
	return nil
}

// carry lets cashback be missed no more on the absorbed account.
func (e MergeAdjusted) carry(a *Account) error {
	for _, c := range e.Cashback {
		l, err := a.edit(c.Lot)
		if err != nil {
			return err
		}
		if l.Missed = l.Missed.Sub(c.Amount.Quantity); l.Missed.IsNegative() {
			return fmt.Errorf("less than %s is missed of lot %s", c.Amount, l.ID)
		}
	}
	return nil
}
