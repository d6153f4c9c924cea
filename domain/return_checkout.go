package domain

import (
	"errors"
	"fmt"
	"time"

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
	Counted        Quantity       `json:"qualifying_spend"` // negative: of the checkout's, what counts no more
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

// Money is one of the event's figures.
func (e CheckoutReturned) Money(q Quantity) Money { return Money{unit: e.Unit, Quantity: q} }

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

func (e CheckoutReturned) apply(a *Account, _ time.Time) error {
	if e.Cause == CauseCancelled {
		a.sales--
	}
	return nil
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
