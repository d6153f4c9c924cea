package api

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
)

func (s *Server) checkoutRoutes() []*route {
	const one = account + "/checkouts/{checkout_id}"
	post := func(path, id string, op operation) *route {
		return &route{method: "POST", path: path, id: id, roles: op.roles, query: dry, serve: write(op)}
	}
	return []*route{
		{method: "POST", path: account + "/checkouts", id: "postCheckout", roles: checkout.roles,
			query: dry, serve: postCheckout},
		post(one+"/returns", "returnCheckout", returnCheckout),
		{method: "GET", path: one, id: "getCheckout", roles: readers,
			query: append([]string{"verification"}, fresh...), serve: getCheckout},
		{method: "GET", path: account + "/checkouts", id: "listAccountCheckouts", roles: readers,
			query: paged, serve: listAccountCheckouts},
		{method: "GET", path: "/v1/checkouts", id: "listCheckouts", roles: campaignReaders,
			query: slices.Concat(paged, []string{"account_id", "status", "store", "terminal", "pos_txn_id",
				"campaign", "coupon_id", "from", "through"}), serve: listCheckouts},
	}
}

type lineBody struct {
	N         int     `json:"n"`
	Product   string  `json:"product"`
	Category  string  `json:"category"`
	Qty       *int    `json:"qty"`
	UnitPrice *amount `json:"unit_price"`
	ListPrice *amount `json:"list_price"`
	TaxCode   string  `json:"tax_code"`
}

type checkoutBody struct {
	Lines       []lineBody     `json:"lines"`
	OrderRef    string         `json:"order_ref"`
	Points      *amount        `json:"points"`
	StoredValue jsontext.Value `json:"stored_value"`
	External    []paymentBody  `json:"external"`
	wantedBody
	post
}

// checkout is a sale as an item. Codes are claimed by its own route alone.
var checkout = operation{name: "checkout", roles: tills, parse: func(
	r *reading, t *target, body []byte,
) domain.Command {
	c, shown := r.sale(t, body)
	if len(shown.Codes) > 0 {
		r.malformed("codes", "an item has none: claim them first")
	}
	return c
}}

// sale reads a sale and the codes that were shown for it.
func (r *reading) sale(t *target, body []byte) (domain.Checkout, codesBody) {
	var b checkoutBody
	if !r.decode(body, &b) {
		return domain.Checkout{}, codesBody{}
	}
	r.about(b.post)
	c := domain.Checkout{Lines: r.lines(b.Lines), OrderRef: r.word("order_ref", b.OrderRef),
		External: r.tenders(b.External)}
	c.Wanted, c.Points = r.wanted(b.wantedBody), r.somePoints("points", b.Points)
	c.StoredValue, c.Rest = r.storedValue(b.StoredValue)
	c.Segments = r.segments(t.account, c.Wanted)
	r.codes(b.wantedBody)
	return c, b.codesBody
}

// lines reads the lines of a sale. A line is numbered by its place and is one piece, unless it says so.
func (r *reading) lines(given []lineBody) (lines []domain.CartLine) {
	lines = make([]domain.CartLine, 0, len(given))
	for i := range given {
		l := &given[i]
		r.list, r.place = "lines", i
		line := domain.CartLine{N: l.N, Product: l.Product, Category: l.Category, Qty: 1,
			UnitPrice: r.money("unit_price", l.UnitPrice),
			ListPrice: r.someMoney("list_price", l.ListPrice),
			TaxCode:   r.word("tax_code", l.TaxCode)}
		if l.N == 0 {
			line.N = i + 1
		}
		if l.Qty != nil {
			line.Qty = *l.Qty
		}
		lines = append(lines, line)
	}
	r.list = ""
	return lines
}

// segments are those of the account that the coupons of a sale are restricted to.
func (r *reading) segments(account uuid.UUID, w domain.Wanted) []string {
	if r.refusal != nil || len(w.Coupons) == 0 && !w.Best {
		return nil
	}
	ctx := context.Background()
	v, err := r.s.Ledger.Account(ctx, account)
	if err == nil {
		v, err = r.s.surviving(ctx, v)
	}
	var in []string
	if err == nil {
		in, err = r.s.segmentsOf(ctx, v, w)
	}
	if err != nil && !errors.Is(err, domain.ErrNotFound) {
		r.failure = err
	}
	return in
}

// tenders reads what is paid elsewhere.
func (r *reading) tenders(given []paymentBody) (payments []domain.Payment) {
	if len(given) > domain.MaxExternal {
		r.malformed("external", fmt.Sprint("want at most ", domain.MaxExternal))
		return nil
	}
	for i, p := range given {
		at := fmt.Sprintf("external.%d.", i)
		payments = append(payments, domain.Payment{Method: p.Method,
			Reference: r.word(at+"reference", p.Reference), Amount: r.money(at+"amount", p.Amount)})
	}
	return payments
}

// storedValue reads an amount, or "rest".
func (r *reading) storedValue(given jsontext.Value) (domain.Money, bool) {
	if len(given) == 0 || given.Kind() == 'n' {
		return domain.Money{}, false
	}
	if given.Kind() == '"' && string(given) == `"rest"` {
		return domain.Money{}, true
	}
	var a amount
	if err := json.Unmarshal(given, &a, json.RejectUnknownMembers(true)); err != nil {
		r.malformed("stored_value", `want an amount, or "rest"`)
		return domain.Money{}, false
	}
	return r.money("stored_value", &a), false
}

var returnCheckout = operation{name: "return_checkout", roles: tills, ids: []string{"checkout_id"},
	parse: func(r *reading, t *target, body []byte) domain.Command {
		var b struct {
			Lines  []domain.ReturnLine `json:"lines"`
			Reason string              `json:"reason"`
			post
		}
		if !r.decode(body, &b) {
			return nil
		}
		r.about(b.post)
		return domain.ReturnCheckout{CheckoutID: t.ids["checkout_id"], Lines: b.Lines,
			Reason: r.text("reason", b.Reason, reasonBytes)}
	}}

// getCheckout answers a checkout and what came back of it. Asked with the code of a receipt, it says
// whether the receipt is of this very event.
func getCheckout(c *call) error {
	return getOperation(c, "checkout_id", func(
		o *out, a ledger.Answer, e domain.CheckoutPosted,
	) error {
		returns, err := c.s.Ledger.Found(context.Background(), a.Account,
			domain.ReturnsName(e.CheckoutID))
		if err != nil {
			return err
		}
		o.returnsOf(e, returns)
		if code := c.Query("verification"); code != "" {
			o.boolean("verified", strings.EqualFold(code, verification(a)))
		}
		o.checkout(a, e)
		return nil
	})
}

// returnsOf writes the status of a checkout, and of each line what came back of it.
func (o *out) returnsOf(e domain.CheckoutPosted, returns []domain.Posted) {
	status := "posted"
	for _, p := range returns {
		status = "partly_returned"
		if back, ok := p.Event.(domain.CheckoutReturned); ok && back.Full {
			status = "returned"
			break
		}
	}
	o.plain("status", status)
	o.open("returned", '[')
	for _, l := range e.Returned(returns) {
		if l.Qty > 0 {
			o.returnedLine(l)
		}
	}
	o.end(']')
}

func (o *out) returnedLine(l domain.ReturnedLine) {
	o.begin('{')
	o.integer("n", int64(l.N))
	o.integer("qty", int64(l.Qty))
	o.quantity("net", l.Net)
	o.end('}')
}

// checkoutPlace is the checkout that goods came back of.
func checkoutPlace(a ledger.Answer) string {
	e := a.First().Event.(domain.CheckoutReturned) // it is found by its type
	return accountPlace(a) + "/checkouts/" + e.CheckoutID.String()
}

// goodsBack answers a return of goods.
func (o *out) goodsBack(a ledger.Answer, e domain.CheckoutReturned) {
	o.id("id", e.ReturnID)
	o.id("account_id", a.Account)
	o.id("checkout_id", e.CheckoutID)
	o.plain("unit", e.Unit)
	o.open("lines", '[')
	for _, l := range e.Lines {
		o.returnedLine(l)
	}
	o.end(']')
	o.money("net", e.Money(e.Net))
	o.refunds(e)
	o.plain("min_spend", e.MinSpend)
	o.boolean("full", e.Full)
	o.some("reason", e.Reason)
	o.restored(a)
	o.cashbackRevoked(a)
	o.pointsRevoked(a)
	o.settlements(a)
	o.leftIn(a, e.Unit)
	o.ending(a)
}

// refunds writes what each tender gives back, and what of it the till does.
func (o *out) refunds(e domain.CheckoutReturned) {
	o.open("refund_by_tender", '[')
	for _, t := range e.RefundByTender {
		o.begin('{')
		o.plain("tender", t.Tender)
		o.money("amount", e.Money(t.Amount))
		o.end('}')
	}
	o.end(']')
	o.open("external_due", '[')
	for _, t := range e.ExternalDue {
		o.begin('{')
		o.plain("method", t.Tender)
		o.money("amount", e.Money(t.Amount))
		o.end('}')
	}
	o.end(']')
}

// debitOf is the stored value of a checkout, false where it paid nothing.
func debitOf(a ledger.Answer) (domain.DebitPosted, bool) {
	for _, p := range a.Events {
		if e, ok := p.Event.(domain.DebitPosted); ok && e.CheckoutID != uuid.Nil {
			return e, true
		}
	}
	return domain.DebitPosted{}, false
}
