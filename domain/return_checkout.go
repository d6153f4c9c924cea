package domain

import (
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"
)

// OpReturnCheckout is a return of goods of a checkout.
const OpReturnCheckout Operation = "checkout_return"

// The ways to price a return, by OnReturn.MinSpend of the coupons that the checkout redeemed.
const (
	ReturnKeeps    = "keep"    // what was taken off stays taken off
	ReturnReprices = "reprice" // what stays is priced again: a threshold may be missed now
)

// ReturnCheckout gives goods of a checkout back, and all that was paid for them.
type ReturnCheckout struct {
	CheckoutID uuid.UUID    `json:"checkout_id"`
	Lines      []ReturnLine `json:"lines"`
	Reason     string       `json:"reason,omitempty"` // at most 200 bytes
}

// ReturnLine are pieces of a line that come back.
type ReturnLine struct {
	N   int `json:"n"`
	Qty int `json:"qty"`
}

// CheckoutReturned records goods that came back, and what every tender has to give back for them.
// Figures are at Unit's scale.
type CheckoutReturned struct {
	ReturnID       uuid.UUID      `json:"return_id"` // the event's own id
	CheckoutID     uuid.UUID      `json:"checkout_id"`
	Cause          Cause          `json:"cause,omitempty"` // cancelled: by its reference; none: a return
	Unit           string         `json:"unit"`
	Lines          []ReturnedLine `json:"lines"`
	MinSpend       string         `json:"min_spend"` // keep or reprice
	Net            Quantity       `json:"net"`       // of the lines: what was paid for what came back
	RefundByTender []TenderShare  `json:"refund_by_tender"`
	ExternalDue    []TenderShare  `json:"external_due"`     // of those, what the till gives back itself
	Spend          Quantity       `json:"qualifying_spend"` // negative: of the checkout's, what counts no more
	Qualifying     *Qualifying    `json:"qualifying,omitempty"`
	Full           bool           `json:"full,omitempty"` // nothing of the sale stays
	Reason         string         `json:"reason,omitempty"`
}

// ReturnedLine are pieces of a line that came back, and what was paid for them.
type ReturnedLine struct {
	N   int      `json:"n"`
	Qty int      `json:"qty"`
	Net Quantity `json:"net"`
}

func (CheckoutReturned) event() {}

func (e CheckoutReturned) operation() Operation {
	if e.Cause == CauseCancelled {
		return OpCancel
	}
	return OpReturnCheckout
}

func (e CheckoutReturned) qualifies() *Qualifying { return e.Qualifying }

// ReturnsName is the name that the returns of a checkout answer to.
func ReturnsName(checkout uuid.UUID) Name { return Name{"returns", checkout.String()} }

func (e CheckoutReturned) appendNames(names []Name) []Name {
	return append(names, ReturnsName(e.CheckoutID))
}

// Operation is return.
func (ReturnCheckout) Operation() Operation { return OpReturnCheckout }

// Decide checks the request, the account, the reference, the checkout, its lines, then what is left of
// them.
func (r ReturnCheckout) Decide(d *Draft) error {
	if err := r.check(); err != nil {
		return err
	}
	if err := d.maySettle(); err != nil {
		return err
	}
	if err := d.unused(OpReturnCheckout); err != nil {
		return err
	}
	e, err := d.checkout(r.CheckoutID)
	if err != nil {
		return err
	}
	before := d.returns(e)
	for i, l := range r.Lines {
		at := fmt.Sprintf("lines.%d.", i)
		n, ok := e.line(l.N)
		if !ok {
			return ErrMalformed.Field(at+"n", "want a line of the checkout")
		}
		if left := n.Qty - before.of(l.N).Qty; left < l.Qty {
			return ErrReturnExceeds.Field(at+"qty", fmt.Sprintf("%d are left of line %d", left, l.N))
		}
	}
	if err := d.lapseHolds(); err != nil {
		return err
	}
	return d.giveGoodsBack(e, before, CheckoutReturned{Reason: r.Reason}, r.Lines)
}

func (r ReturnCheckout) check() error {
	if len(r.Lines) == 0 || len(r.Lines) > mostLines {
		return ErrMalformed.Field("lines", fmt.Sprintf("want 1 to %d", mostLines))
	}
	seen := map[int]bool{}
	for i, l := range r.Lines {
		if l.Qty < 1 {
			return ErrMalformed.Field(fmt.Sprintf("lines.%d.qty", i), "want 1 or more")
		}
		if seen[l.N] {
			return ErrMalformed.Field(fmt.Sprintf("lines.%d.n", i), "want each number once")
		}
		seen[l.N] = true
	}
	if len(r.Reason) > 200 {
		return ErrMalformed.Field("reason", "want at most 200 bytes")
	}
	return nil
}

// checkout is a checkout of the past.
func (d *Draft) checkout(id uuid.UUID) (CheckoutPosted, error) {
	if p, ok := d.first(EventName(id)); ok {
		if e, ok := p.Event.(CheckoutPosted); ok {
			return e, nil
		}
	}
	return CheckoutPosted{}, ErrNotFound.Because("there is no such checkout")
}

// line is the line with that number.
func (e CheckoutPosted) line(n int) (CheckoutLine, bool) {
	i := slices.IndexFunc(e.Lines, func(l CheckoutLine) bool { return l.N == n })
	if i < 0 {
		return CheckoutLine{}, false
	}
	return e.Lines[i], true
}

// returned is what came back of a checkout until now: of each of its lines, and in all.
type returned struct {
	lines []ReturnedLine
	net   Quantity
}

func (r returned) of(n int) *ReturnedLine {
	return &r.lines[slices.IndexFunc(r.lines, func(l ReturnedLine) bool { return l.N == n })]
}

// all reports that nothing is left of a checkout.
func (r returned) all(e CheckoutPosted) bool {
	for i, l := range e.Lines {
		if r.lines[i].Qty < l.Qty {
			return false
		}
	}
	return true
}

// Returned is what a checkout has given back by these events, which are all that answer to its
// ReturnsName: of each of its lines.
func (e CheckoutPosted) Returned(by []Posted) []ReturnedLine { return e.returnedBy(by).lines }

func (e CheckoutPosted) returnedBy(by []Posted) returned {
	none := e.Net.Zero()
	r := returned{net: none}
	for _, l := range e.Lines {
		r.lines = append(r.lines, ReturnedLine{N: l.N, Net: none})
	}
	for _, p := range by {
		if back, ok := p.Event.(CheckoutReturned); ok {
			r = r.plus(back)
		}
	}
	return r
}

func (r returned) plus(e CheckoutReturned) returned {
	sum := returned{slices.Clone(r.lines), r.net.Add(e.Net)}
	for _, l := range e.Lines {
		s := sum.of(l.N)
		s.Qty, s.Net = s.Qty+l.Qty, s.Net.Add(l.Net)
	}
	return sum
}

func (d *Draft) returns(e CheckoutPosted) returned {
	return e.returnedBy(d.found(ReturnsName(e.CheckoutID)))
}

// giveGoodsBack posts a return of lines, what e says of why, and all that follows from it.
func (d *Draft) giveGoodsBack(
	of CheckoutPosted, before returned, e CheckoutReturned, lines []ReturnLine,
) error {
	e.ReturnID, e.CheckoutID, e.Unit, e.MinSpend = d.nextID(), of.CheckoutID, of.Unit, ReturnKeeps
	e.keep(of, before, lines)
	counted := func(c Quantity) Quantity { return portion(of.Spend, c, of.Net) }
	e.Spend = counted(before.net).Sub(counted(before.net.Add(e.Net)))
	if e.Net.IsPositive() {
		e.Qualifying = of.Qualifying.returned(of.Money(before.net), of.Money(e.Net), of.Money(of.Net))
	}
	e.Full = before.plus(e).all(of)
	if err := d.post(e); err != nil {
		return err
	}
	if err := d.giveStoredBack(of, e); err != nil {
		return err
	}
	return d.lose(loss{
		consumption{id: of.CheckoutID, qualifying: of.Money(of.Spend), lines: of.Lines},
		e.ReturnID, of.Money(before.net), of.Money(e.Net), of.Money(of.Net),
	})
}

// keep prices a return by what each line cost: of q of Q pieces round_half_up(net·q/Q) in all, and of
// that each tender's share by split.
func (e *CheckoutReturned) keep(of CheckoutPosted, before returned, lines []ReturnLine) {
	e.Net, e.Lines, e.RefundByTender, e.ExternalDue = of.Net.Zero(), nil, []TenderShare{}, []TenderShare{}
	for _, r := range lines {
		l, _ := of.line(r.N)
		was := before.of(r.N)
		sum := portion(l.Net, fromSteps(int64(was.Qty+r.Qty), 0), fromSteps(int64(l.Qty), 0))
		e.Lines = append(e.Lines, ReturnedLine{r.N, r.Qty, sum.Sub(was.Net)})
		e.Net = e.Net.Add(sum.Sub(was.Net))
		weights := make([]Quantity, len(l.Tenders))
		for i, t := range l.Tenders {
			weights[i] = t.Amount
		}
		now, earlier := split(sum, weights), split(was.Net, weights)
		for i, t := range l.Tenders {
			e.refund(t.Tender, now[i].Sub(earlier[i]))
		}
	}
}

// refund adds to what a tender gives back.
func (e *CheckoutReturned) refund(tender string, x Quantity) {
	if x.IsZero() {
		return
	}
	e.RefundByTender = addShare(e.RefundByTender, tender, x)
	if tender != TenderPoints && tender != TenderStoredValue {
		e.ExternalDue = addShare(e.ExternalDue, tender, x)
	}
}

func addShare(to []TenderShare, tender string, x Quantity) []TenderShare {
	i := slices.IndexFunc(to, func(t TenderShare) bool { return t.Tender == tender })
	if i < 0 {
		return append(to, TenderShare{tender, x})
	}
	to[i].Amount = to[i].Amount.Add(x)
	return to
}

// by is what a tender gives back.
func (e CheckoutReturned) by(tender string) Quantity {
	for _, t := range e.RefundByTender {
		if t.Tender == tender {
			return t.Amount
		}
	}
	return e.Net.Zero()
}

// Money is one of the event's figures.
func (e CheckoutReturned) Money(q Quantity) Money { return Money{unit: e.Unit, Quantity: q} }

// giveStoredBack returns stored value to the lots that it came from. A cancellation undoes the debit.
func (d *Draft) giveStoredBack(of CheckoutPosted, e CheckoutReturned) error {
	debit, ok := d.debitOf(of)
	if !ok {
		return nil
	}
	if e.Cause == CauseCancelled {
		return d.undoDebit(debit)
	}
	x := debit.Amount.With(e.by(TenderStoredValue))
	if x.IsZero() {
		return nil
	}
	before := d.refunded(debit)
	back, err := d.giveBack(debit, before, x)
	if err != nil {
		return err
	}
	id := d.nextID()
	err = d.post(DebitRefunded{
		Value: d.value(x, back.moves), RefundID: id, DebitID: debit.DebitID,
		RefundedTotal: before.Add(x), Reason: e.Reason, ListAmount: back.list,
		Reopened: back.reopened, Forfeited: back.forfeited, ReturnID: e.ReturnID,
	})
	if err != nil {
		return err
	}
	if err := d.loseSale(debit.DebitPosted, id, before, x); err != nil {
		return err
	}
	return d.settleReturned(back.moves, SettledByRefund)
}

// debitOf is the stored value of a checkout, false where it paid nothing.
func (d *Draft) debitOf(of CheckoutPosted) (sale, bool) {
	for _, p := range d.found(CheckoutName(of.CheckoutID)) {
		if e, ok := p.Event.(DebitPosted); ok {
			return sale{e, p.Metadata.RecordedAt}, true
		}
	}
	return sale{}, false
}

// undoCheckout returns all that is left of a checkout.
func (d *Draft) undoCheckout(of CheckoutPosted) error {
	before := d.returns(of)
	if before.all(of) {
		return nil
	}
	var rest []ReturnLine
	for i, l := range of.Lines {
		if left := l.Qty - before.lines[i].Qty; left > 0 {
			rest = append(rest, ReturnLine{l.N, left})
		}
	}
	return d.giveGoodsBack(of, before, CheckoutReturned{Cause: CauseCancelled}, rest)
}

func (e CheckoutReturned) check() error {
	refunded, net := e.Net.Zero(), e.Net.Zero()
	for _, t := range e.RefundByTender {
		refunded = refunded.Add(t.Amount)
	}
	for _, l := range e.Lines {
		if l.Qty < 1 || l.Net.IsNegative() {
			return fmt.Errorf("%d pieces of line %d return %s", l.Qty, l.N, l.Net)
		}
		net = net.Add(l.Net)
	}
	if !refunded.Equal(e.Net) || !net.Equal(e.Net) {
		return errors.New("the tenders do not give back what the lines return")
	}
	return e.Qualifying.check()
}

func (e CheckoutReturned) command(Posted) Command {
	if e.Cause == CauseCancelled {
		return Cancel{}
	}
	r := ReturnCheckout{CheckoutID: e.CheckoutID, Reason: e.Reason}
	for _, l := range e.Lines {
		r.Lines = append(r.Lines, ReturnLine{l.N, l.Qty})
	}
	return r
}
