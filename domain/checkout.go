package domain

import (
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// OpCheckout is a whole sale, posted at once.
const OpCheckout Operation = "checkout"

// Checkout asks for a whole sale: its lines, what is taken off, and what pays for the rest. One account
// a checkout; further cards are further legs.
//
// The order is fixed: item discounts, order amount-off, order percent-off, points, stored value, then
// what is paid elsewhere. Stored value is a tender and never changes a threshold.
type Checkout struct {
	Lines       []CartLine `json:"lines"` // 1 to 500, in one unit, numbered rising
	Wanted                 // what is taken off; coupons that cannot be used refuse the sale
	OrderRef    string     `json:"order_ref,omitempty"`   // at most 64 bytes; coupons reserved for it are its
	Points      Money      `json:"points,omitzero"`       // that the account pays with, in a points unit
	StoredValue Money      `json:"stored_value,omitzero"` // that the account pays
	Rest        bool       `json:"rest,omitempty"`        // it pays what nothing else does instead
	External    []Payment  `json:"external,omitempty"`    // what is paid elsewhere; at most 10
	Segments    []string   `json:"-"`                     // that the account is in, of those coupons ask for
}

// CheckoutPosted records a sale. Every line says what took from its price and what paid for it, so that
// a return looks it up. Figures are at Unit's scale.
type CheckoutPosted struct {
	CheckoutID  uuid.UUID      `json:"checkout_id"` // the event's own id
	ReceiptNo   string         `json:"receipt_no"`  // once per account; see receiptNo
	Unit        string         `json:"unit"`
	Lines       []CheckoutLine `json:"lines"`
	Gross       Quantity       `json:"gross"`    // unit price × quantity of all lines
	Discount    Quantity       `json:"discount"` // Gross less Net
	Net         Quantity       `json:"net"`      // PointsValue, StoredValue and External together
	Points      Money          `json:"points,omitzero"`
	PointsValue Quantity       `json:"points_value"` // that points paid
	StoredValue Quantity       `json:"stored_value"` // that DebitPosted took
	Rest        bool           `json:"rest,omitempty"`
	External    []Payment      `json:"external,omitempty"`
	OrderRef    string         `json:"order_ref,omitempty"`
	Coupons     []uuid.UUID    `json:"coupons,omitempty"`     // that were asked for by name
	Search      Search         `json:"search,omitempty"`      // how the best ones were looked for, where they were
	Tier        string         `json:"tier,omitempty"`        // held when the checkout began
	TierPercent Quantity       `json:"tier_percent,omitzero"` // that the tier took off
	Counted     Quantity       `json:"qualifying_spend"`      // Net less points and value that was given
	Qualifying  *Qualifying    `json:"qualifying,omitempty"`
}

func (CheckoutPosted) event() {}

func (CheckoutPosted) operation() Operation { return OpCheckout }

func (e CheckoutPosted) qualifies() *Qualifying { return e.Qualifying }

// Money is one of the event's figures.
func (e CheckoutPosted) Money(q Quantity) Money { return Money{unit: e.Unit, Quantity: q} }

// CheckoutName is the name that the parts of a checkout answer to: its coupons, points and debit.
func CheckoutName(checkout uuid.UUID) Name { return Name{"of_checkout", checkout.String()} }

// Operation is checkout.
func (Checkout) Operation() Operation { return OpCheckout }

// asked is what stored value was to pay, or else the sale before discounts.
func (c Checkout) asked() Money {
	if c.StoredValue.Unit() != "" {
		return c.StoredValue
	}
	return c.gross()
}

// Decide checks the request, the account, the reference, the coupons, what the points are worth, that
// the tenders pay the price, the balances, then the program's limits on what stored value pays.
func (c Checkout) Decide(d *Draft) error {
	if err := c.check(); err != nil {
		return err
	}
	if err := d.mayTake(); err != nil {
		return err
	}
	if err := d.unused(OpCheckout); err != nil {
		return err
	}
	if err := d.lapseHolds(); err != nil {
		return err
	}
	s, err := d.basket(c)
	if err != nil {
		return err
	}
	if s.points, err = d.byPoints(c, s); err == nil {
		err = s.pay(c)
	}
	if err != nil {
		return d.certain(c, s, err)
	}
	if free := d.spendable(c.Points, d.Decided, &d.Context); free.Less(c.Points) {
		return ErrInsufficientFunds.Short(c.Points, free)
	}
	if free := d.payable(&s); free.Less(s.stored) {
		return ErrInsufficientFunds.Short(s.stored, free)
	}
	counted, err := d.limitStored(s.stored)
	if err != nil {
		return err
	}
	return d.postCheckout(c, s, counted)
}

// limitStored is limitDebit of what stored value pays, where it pays any.
func (d *Draft) limitStored(x Money) (*Counted, error) {
	if x.IsZero() {
		return nil, nil
	}
	return d.limitDebit(x)
}

// postCheckout posts a sale whose tenders pay its price, then what follows from it.
func (d *Draft) postCheckout(c Checkout, s basket, counted *Counted) error {
	debit := DebitPosted{Value: d.value(s.stored, d.sellFor(&s)), Requested: s.stored,
		RemainingDue: s.zero(), Counted: counted}
	given := s.stored.Sub(debit.counted())
	s.share()
	s.count(given.Quantity)
	d.posted = slices.Grow(d.posted, len(s.Verdicts)+besideCoupons)
	id := d.nextID()
	earning := consumption{id: id, qualifying: s.Net.Sub(s.points).Sub(given), lines: s.Lines}
	err := d.post(CheckoutPosted{
		CheckoutID: id, ReceiptNo: d.receiptNo(), Unit: s.Net.Unit(), Lines: s.Lines,
		Gross: s.Gross.Quantity, Discount: s.Discount.Quantity, Net: s.Net.Quantity,
		Points: c.Points, PointsValue: s.points.Quantity, StoredValue: s.stored.Quantity, Rest: c.Rest,
		External: c.External, OrderRef: c.OrderRef, Coupons: c.Coupons, Search: s.search,
		Tier: d.tierHeld(), TierPercent: s.tierPercent(),
		Counted: earning.qualifying.Quantity, Qualifying: d.qualify(earning),
	})
	if err != nil {
		return err
	}
	if err := d.redeem(s, id); err != nil {
		return err
	}
	if s.points.IsPositive() {
		if err := d.spendPoints(c.Points, s.points, id); err != nil {
			return err
		}
	}
	if s.stored.IsPositive() {
		debit.DebitID, debit.CheckoutID = d.nextID(), id
		if err := d.postSale(debit); err != nil {
			return err
		}
	}
	return d.earn(earning)
}

// besideCoupons is how many events a sale has that are not of its coupons: itself, points spent and earned,
// and the debit. Seldom are there more.
const besideCoupons = 4

// receiptNo numbers the receipt of the event that is posted next: the business date, the beginning of
// the account's id, and the event's revision. No two checkouts of an account share one.
func (d *Draft) receiptNo() string {
	date := strings.ReplaceAll(d.shared.BusinessDate, "-", "")
	return date + "-" + strings.ToUpper(hex.EncodeToString(d.id[:4])) + "-" +
		strconv.FormatInt(d.revision+1, 10)
}

// check refuses what no account could take: lines, order, tenders.
func (c Checkout) check() error {
	cart := c.cart()
	if err := cmp.Or(cart.check(), c.Wanted.check()); err != nil {
		return err
	}
	if !c.gross().IsPositive() {
		return ErrAmountNotPositive.Field("lines", "want goods that cost something")
	}
	if len(c.OrderRef) > 64 || !printable(c.OrderRef) {
		return ErrMalformed.Field("order_ref", "want at most 64 bytes of printable UTF-8")
	}
	return c.checkTenders(cart.Unit)
}

// cart is what is sold. Its unit is that of the first line.
func (c Checkout) cart() Cart {
	cart := Cart{Lines: c.Lines, Order: c.OrderRef, Segments: c.Segments}
	if len(c.Lines) > 0 {
		cart.Unit = c.Lines[0].UnitPrice.Unit()
	}
	return cart
}

// gross is the sale before discounts.
func (c Checkout) gross() Money {
	steps, of := int64(0), c.Lines[0].UnitPrice
	for i := range c.Lines {
		steps += c.Lines[i].gross()
	}
	return of.With(fromSteps(steps, of.scale))
}

// asked is the line as the till asked for it. A list price that says nothing is none.
func (l CheckoutLine) asked(unit string) CartLine {
	of := func(q Quantity) Money { return Money{unit: unit, Quantity: q} }
	c := CartLine{N: l.N, Product: l.Product, Category: l.Category, Qty: l.Qty,
		UnitPrice: of(l.UnitPrice), TaxCode: l.TaxCode}
	if l.List.steps != c.gross() {
		c.ListPrice = of(fromSteps(l.List.steps/int64(l.Qty), l.List.scale))
	}
	return c
}

// canonical leaves out list prices that say nothing.
func (c Checkout) canonical() any {
	c.Lines = slices.Clone(c.Lines)
	for i := range c.Lines {
		if l := &c.Lines[i]; l.list() == l.gross() {
			l.ListPrice = Money{}
		}
	}
	return c
}

func (e CheckoutPosted) apply(a *Account, _ time.Time) error {
	a.sales++
	return nil
}

func (e CheckoutPosted) command(Posted) Command {
	c := Checkout{OrderRef: e.OrderRef, Points: e.Points, Rest: e.Rest, External: e.External,
		Wanted: Wanted{Coupons: e.Coupons, Best: e.Search != ""}}
	for _, l := range e.Lines {
		c.Lines = append(c.Lines, l.asked(e.Unit))
	}
	if !e.Rest && e.StoredValue.IsPositive() {
		c.StoredValue = Money{unit: e.Unit, Quantity: e.StoredValue}
	}
	return c
}

func (e CheckoutPosted) check() error {
	if !unitCode.MatchString(e.Unit) || len(e.Lines) == 0 {
		return fmt.Errorf("%d lines in %.20q", len(e.Lines), e.Unit)
	}
	paid, net := e.PointsValue.Add(e.StoredValue), e.Net.Zero()
	for _, p := range e.External {
		paid = paid.Add(p.Amount.Quantity)
	}
	for _, l := range e.Lines {
		if l.Qty < 1 || !l.paid().Equal(l.Net) {
			return fmt.Errorf("line %d of %d pieces is paid with %s, it costs %s", l.N, l.Qty, l.paid(), l.Net)
		}
		if len(l.Lots) > 0 && l.by(TenderStoredValue).Less(l.byLots()) {
			return fmt.Errorf("line %d has %s of its lots, more than stored value", l.N, l.byLots())
		}
		net = net.Add(l.Net)
	}
	if !paid.Equal(e.Net) || !net.Equal(e.Net) || !e.Gross.Sub(e.Discount).Equal(e.Net) {
		return errors.New("the tenders do not pay for the lines")
	}
	return e.Qualifying.check()
}

// paid is what the tenders paid of the line.
func (l CheckoutLine) paid() Quantity {
	sum := l.Net.Zero()
	for _, t := range l.Tenders {
		sum = sum.Add(t.Amount)
	}
	return sum
}

func (e CheckoutPosted) appendJSON(b jsonText) jsonText {
	b = append(b, '{').id("checkout_id", e.CheckoutID).text("receipt_no", e.ReceiptNo)
	b = list(b.text("unit", e.Unit), "lines", e.Lines).quantity("gross", e.Gross)
	b = b.quantity("discount", e.Discount).quantity("net", e.Net).optionalMoney("points", e.Points)
	b = b.quantity("points_value", e.PointsValue).quantity("stored_value", e.StoredValue)
	b = b.yes("rest", e.Rest)
	if len(e.External) > 0 {
		b = b.reflected("external", e.External)
	}
	b = b.optional("order_ref", e.OrderRef)
	if len(e.Coupons) > 0 {
		b = append(b.key("coupons"), '[')
		for i, id := range e.Coupons {
			if i > 0 {
				b = append(b, ',')
			}
			b = b.quotedID(id)
		}
		b = append(b, ']')
	}
	b = b.optional("search", string(e.Search)).optional("tier", e.Tier)
	b = b.optionalQuantity("tier_percent", e.TierPercent).quantity("qualifying_spend", e.Counted)
	return append(e.Qualifying.appendMember(b), '}')
}
