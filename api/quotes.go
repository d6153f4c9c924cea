package api

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
)

// quoters ask what a sale would cost: tills, who plans campaigns, and a customer of its own account.
var quoters = []domain.Role{domain.RolePOS, domain.RoleMarketing, domain.RoleCustomer, domain.RoleAdmin}

func (s *Server) quoteRoutes() []*route {
	return []*route{{method: "POST", path: "/v1/quotes", id: "postQuote", roles: quoters,
		named: true, serve: postQuote}}
}

// wantedBody says which discounts a sale is to have.
type wantedBody struct {
	Coupons []string `json:"coupons"`
	Best    bool     `json:"best"`
	codesBody
}

type quoteBody struct {
	AccountID string     `json:"account_id"`
	Lines     []lineBody `json:"lines"`
	OrderRef  string     `json:"order_ref"`
	Points    *amount    `json:"points"`
	wantedBody
	post
}

// wanted reads which discounts a sale is to have.
func (r *reading) wanted(b wantedBody) domain.Wanted {
	return domain.Wanted{Coupons: r.ids("coupons", b.Coupons), Best: b.Best}
}

// cart reads a sale before discounts, in the unit of its first line.
func (r *reading) cart(lines []lineBody, order string) domain.Cart {
	cart := domain.Cart{Lines: r.lines(lines), Order: r.word("order_ref", order)}
	if len(cart.Lines) > 0 {
		cart.Unit = cart.Lines[0].UnitPrice.Unit()
	}
	return cart
}

// postQuote answers what a sale would cost, by the code that decides sales, and changes nothing.
func postQuote(c *call) error {
	body, err := c.body(c.s.BodyLimit)
	if err != nil {
		return err
	}
	r := &reading{s: c.s, who: c.who, trial: true}
	var b quoteBody
	b.Lines, b.Coupons = make([]lineBody, 0, 4), make([]string, 0, 4) // of most sales
	if !r.decode(body, &b) {
		return r.err()
	}
	account := r.id("account_id", b.AccountID)
	r.about(b.post)
	q := domain.Quote{Cart: r.cart(b.Lines, b.OrderRef), Wanted: r.wanted(b.wantedBody),
		Points: r.somePoints("points", b.Points)}
	r.codes(b.wantedBody)
	if err := r.err(); err != nil {
		return err
	}
	if c.who.Role == domain.RoleCustomer && account != c.who.account {
		return errOthersAccount
	}
	if err := c.offered(&q.Wanted, ledger.Request{Account: account, Context: r.context,
		Caller: c.who.Caller}, b.codesBody); err != nil {
		return err
	}
	quoted, v, err := c.s.quote(context.Background(), ledger.Request{Account: account,
		Context: r.context, Caller: c.who.Caller}, q)
	if err != nil {
		return err
	}
	o := c.out()
	o.begin('{')
	o.id("account_id", v.ID())
	o.quoted(quoted)
	o.position("as_of_position", uint64(v.Position))
	o.end('}')
	return c.ok(o)
}

// quote asks the account, or the one that absorbed it, with the segments that its coupons ask for.
func (s *Server) quote(ctx context.Context, r ledger.Request, q domain.Quote) (
	domain.Quoted, ledger.View, error,
) {
	v, err := s.Ledger.Account(ctx, r.Account)
	if err == nil {
		v, err = s.surviving(ctx, v)
	}
	if err != nil {
		return domain.Quoted{}, v, err
	}
	r.Account = v.ID()
	if q.Cart.Segments, err = s.segmentsOf(ctx, v, q.Wanted); err != nil {
		return domain.Quoted{}, v, err
	}
	return s.Ledger.Quote(ctx, r, q)
}

// segmentsOf are, of the segments that the coupons of a sale are restricted to, those that hold the
// account. A segment is as current as its read model; where there is none, the account is in no segment.
func (s *Server) segmentsOf(ctx context.Context, v ledger.View, w domain.Wanted) (in []string, err error) {
	if s.Models == nil {
		return nil, nil
	}
	definitions, err := s.definitionsOf(ctx, v, w)
	if err != nil {
		return nil, err
	}
	for _, definition := range definitions {
		for _, id := range definition.Restrictions.Segments {
			holds, err := s.Models.InSegment(ctx, v.ID(), id, s.Ledger.Local(time.Now()))
			if err != nil && !errors.Is(err, domain.ErrNotFound) {
				return nil, err
			}
			if holds {
				in = append(in, id)
			}
		}
	}
	return in, nil
}

// definitionsOf are those of the coupons that a sale of an account may use.
func (s *Server) definitionsOf(ctx context.Context, v ledger.View, w domain.Wanted) (
	all []*domain.Definition, err error,
) {
	for _, offer := range w.Offers {
		all = append(all, offer.Definition)
	}
	for _, coupon := range v.Coupons() {
		if !w.Best && !slices.Contains(w.Coupons, coupon.ID) {
			continue
		}
		campaign, err := s.Ledger.Campaign(ctx, coupon.Campaign)
		if err != nil {
			return nil, err
		}
		if campaign == nil {
			continue
		}
		if definition, ok := campaign.Definition(coupon.Definition); ok {
			all = append(all, definition)
		}
	}
	return all, nil
}

// quoted writes what a sale would cost.
func (o *out) quoted(q domain.Quoted) {
	o.plain("unit", q.Gross.Unit())
	o.open("lines", '[')
	for _, l := range q.Lines {
		o.begin('{')
		o.pricedLine(l)
		o.end('}')
	}
	o.end(']')
	o.money("gross", q.Gross)
	o.money("discount", q.Discount)
	o.money("net", q.Net)
	o.some("search", string(q.Search))
	o.open("verdicts", '[')
	for _, v := range q.Verdicts {
		o.verdict(v)
	}
	o.end(']')
	o.some("tier", q.Tier)
	o.open("points_payable", '[')
	for _, p := range q.Payable {
		o.begin('{')
		o.money("available", p.Available)
		o.money("most", p.Most)
		o.money("worth", p.Worth)
		o.end('}')
	}
	o.end(']')
	o.money("points_value", q.PointsValue)
	o.open("stored_value", '{')
	o.quantity("amount", q.StoredValue.Quantity)
	o.plain("unit", q.StoredValue.Unit())
	o.byClass(q.ByClass)
	if q.Limited != nil {
		o.plain("code", string(q.Limited.Code))
		o.text("detail", q.Limited.Detail)
	}
	o.end('}')
	o.money("left_to_pay", q.Net.Sub(q.PointsValue).Sub(q.StoredValue))
}

// pricedLine writes a line with what each discount took off it. Figures are of the sale's unit.
func (o *out) pricedLine(l domain.CheckoutLine) {
	o.integer("n", int64(l.N))
	o.plain("product", l.Product)
	o.some("category", l.Category)
	o.integer("qty", int64(l.Qty))
	o.quantity("unit_price", l.UnitPrice)
	o.quantity("list", l.List)
	o.open("discounts", '[')
	for _, d := range l.Discounts {
		o.begin('{')
		o.source(d.CouponID, d.Tier)
		o.quantity("amount", d.Amount)
		o.end('}')
	}
	o.end(']')
	o.quantity("net", l.Net)
	o.some("tax_code", l.TaxCode)
	o.lotShares(l.Lots)
}

// lotShares writes what lots that are limited to goods pay of a line, where some do.
func (o *out) lotShares(lots []domain.LotShare) {
	if len(lots) == 0 {
		return
	}
	o.open("lots", '[')
	for _, s := range lots {
		o.begin('{')
		o.id("lot_id", s.Lot)
		o.plain("class", string(s.Class))
		o.quantity("amount", s.Amount)
		o.end('}')
	}
	o.end(']')
}

// source writes where a discount comes from: a coupon, a tier, or a code that nobody has claimed.
func (o *out) source(coupon uuid.UUID, tier string) {
	switch {
	case tier != "":
		o.text("tier", tier)
	case coupon == uuid.Nil:
		o.boolean("unclaimed", true)
	default:
		o.id("coupon_id", coupon)
	}
}

// verdict writes what became of a discount that was wanted.
func (o *out) verdict(v domain.Verdict) {
	o.begin('{')
	o.source(v.Offer.Coupon, v.Offer.Tier)
	o.some("campaign", v.Offer.Campaign)
	if def := v.Offer.Definition; def != nil {
		o.plain("kind", string(def.Kind))
		if v.Offer.Tier == "" {
			o.plain("definition", def.Name())
		}
	}
	o.boolean("applied", v.Code == "")
	o.some("code", string(v.Code))
	o.some("detail", v.Detail)
	o.quantity("eligible", v.Eligible.Quantity)
	o.quantity("discount", v.Discount.Quantity)
	o.end('}')
}
