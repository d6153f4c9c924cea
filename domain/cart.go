package domain

import (
	"time"

	"github.com/google/uuid"
)

// CartLine is one line of a sale, as the till asks for it.
type CartLine struct {
	N         int    `json:"n"`                   // of the line, from 1, each once
	Product   string `json:"product"`             // the shop's own name for it, as a store's id is written
	Category  string `json:"category,omitempty"`  // as Product
	Qty       int    `json:"qty"`                 // pieces, 1 to 10 000; goods by weight are one piece
	UnitPrice Money  `json:"unit_price"`          // of a piece, before discounts
	ListPrice Money  `json:"list_price,omitzero"` // of a piece, without the shop's own markdown
	TaxCode   string `json:"tax_code,omitempty"`  // the shop's own, recorded as it is
}

// Cart is a sale before anything is taken off.
type Cart struct {
	Unit     string
	Lines    []CartLine // in the till's order
	Order    string     // order_ref: what was reserved for it is the sale's
	Segments []string   // ids of those the account is in, of those that coupons ask for
}

// Offer is a discount that may be applied to a cart: a coupon, or what a tier gives.
type Offer struct {
	Coupon     uuid.UUID // none: of a tier, or of a code that nobody has claimed yet
	Tier       string
	Campaign   string
	Definition *Definition // pricing finds that of a coupon; nil where there is none any more

	until time.Time // of a code: when its coupon would end
}

// Verdict is what became of an offer in a cart, and why.
type Verdict struct {
	Offer    Offer
	Code     Code   // "" where it was applied; else the reason, of the table in errors.go
	Detail   string // for people
	Eligible Money  // what it counted on
	Discount Money  // that it gave; zero where it was not applied
	Lines    []LineDiscount

	refused *Refusal
}

// LineDiscount is a part of a discount that one line bears.
type LineDiscount struct {
	Line     int      `json:"line"`
	Discount Quantity `json:"discount"`
}

// CheckoutLine is a line as it was sold.
type CheckoutLine struct {
	N         int           `json:"n"`
	Product   string        `json:"product"`
	Category  string        `json:"category,omitempty"`
	Qty       int           `json:"qty"`
	UnitPrice Quantity      `json:"unit_price"`
	List      Quantity      `json:"list"` // of the line, at list prices
	Discounts []OfferShare  `json:"discounts,omitempty"`
	Net       Quantity      `json:"net"`     // unit_price × qty less discounts
	Tenders   []TenderShare `json:"tenders"` // they add up to net
	TaxCode   string        `json:"tax_code,omitempty"`
	Lots      []LotShare    `json:"lots,omitempty"` // of stored value, what lots limited to goods paid
	// Counted is of Net what points and tiers count, where some line of the sale has Lots; else all that
	// counts is the lines' in common.
	Counted *Quantity `json:"qualifying_spend,omitempty"`
}

// OfferShare is what a coupon, or a tier, took off a line.
type OfferShare struct {
	CouponID uuid.UUID `json:"coupon_id,omitzero"`
	Tier     string    `json:"tier,omitempty"`
	Amount   Quantity  `json:"amount"`
}

// TenderShare is what a means of payment paid of a line, in the sale's unit.
type TenderShare struct {
	Tender string   `json:"tender"` // points, stored_value, or an external method
	Amount Quantity `json:"amount"`
}

// The tenders that are the account's own.
const (
	TenderPoints      = "points"
	TenderStoredValue = "stored_value"
)

func (l CheckoutLine) appendJSON(b jsonText) jsonText {
	b = append(b, '{').integer("n", l.N).text("product", l.Product).optional("category", l.Category)
	b = b.integer("qty", l.Qty).quantity("unit_price", l.UnitPrice).quantity("list", l.List)
	b = optionalList(b, "discounts", l.Discounts).quantity("net", l.Net)
	b = optionalList(list(b, "tenders", l.Tenders).optional("tax_code", l.TaxCode), "lots", l.Lots)
	if l.Counted != nil {
		b = b.quantity("qualifying_spend", *l.Counted)
	}
	return append(b, '}')
}

func (s OfferShare) appendJSON(b jsonText) jsonText {
	b = append(b, '{').optionalID("coupon_id", s.CouponID).optional("tier", s.Tier)
	return append(b.quantity("amount", s.Amount), '}')
}

func (s TenderShare) appendJSON(b jsonText) jsonText {
	return append(append(b, '{').text("tender", s.Tender).quantity("amount", s.Amount), '}')
}

func (l LineDiscount) appendJSON(b jsonText) jsonText {
	return append(append(b, '{').integer("line", l.Line).quantity("discount", l.Discount), '}')
}
