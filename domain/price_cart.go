package domain

import (
	"fmt"
	"math/bits"
)

// mostLines bounds a sale, mostQty the pieces of a line.
const (
	mostLines = 500
	mostQty   = 10_000
)

// mostGross bounds what a sale costs before discounts, at list prices too: an amount of 15 integer
// digits at scale 3, in smallest steps.
const mostGross = 1_000_000_000_000_000_000

// check refuses a cart that cannot be priced. Fields are named as the API's requests have them.
func (c Cart) check() error {
	if len(c.Lines) == 0 || len(c.Lines) > mostLines {
		return ErrMalformed.Field("lines", fmt.Sprint("want 1 to ", mostLines))
	}
	gross, list, last := int64(0), int64(0), 0
	for i := range c.Lines {
		l := &c.Lines[i]
		if err := l.check(i, c.Unit, last); err != nil {
			return err
		}
		last = l.N
		if gross += l.gross(); gross > mostGross {
			return ErrMalformed.Field("lines", "come to more than an amount may be")
		}
		if list += l.list(); list > mostGross {
			return ErrMalformed.Field("lines", "come to more than an amount may be, at list prices")
		}
	}
	return nil
}

func (l *CartLine) check(i int, unit string, last int) error {
	field, detail := "", ""
	switch {
	case l.N <= last || l.N > mostQty:
		field, detail = "n", "want 1 to 10000, rising from line to line"
	case notAName(l.Product):
		field, detail = "product", "want 1 to 64 of [A-Za-z0-9._:-]"
	case l.Category != "" && notAName(l.Category):
		field, detail = "category", "want 1 to 64 of [A-Za-z0-9._:-]"
	case l.Qty < 1 || l.Qty > mostQty:
		field, detail = "qty", "want 1 to 10000"
	case l.UnitPrice.unit != unit || l.UnitPrice.IsNegative():
		field, detail = "unit_price", "want an amount of the sale's unit"
	case l.ListPrice.unit != "" && l.ListPrice.unit != unit || l.ListPrice.IsNegative():
		field, detail = "list_price", "want an amount of the sale's unit"
	case len(l.TaxCode) > 64:
		field, detail = "tax_code", "want at most 64 bytes"
	case tooMuch(l.UnitPrice, l.Qty):
		field, detail = "unit_price", "comes to more than an amount may be"
	case tooMuch(l.ListPrice, l.Qty):
		field, detail = "list_price", "comes to more than an amount may be"
	default:
		return nil
	}
	return ErrMalformed.Field(fmt.Sprintf("lines.%d.%s", i, field), detail)
}

// tooMuch reports whether pieces at a price come to more than mostGross.
func tooMuch(price Money, qty int) bool {
	high, low := bits.Mul64(uint64(price.steps), uint64(qty))
	return price.wide != nil || high > 0 || low > mostGross
}

// gross is what the line costs before discounts, in smallest steps.
func (l *CartLine) gross() int64 { return l.UnitPrice.steps * int64(l.Qty) }

// list is what the line costs at its list price, where it has one, in smallest steps.
func (l *CartLine) list() int64 {
	if l.ListPrice.unit == "" {
		return l.gross()
	}
	return l.ListPrice.steps * int64(l.Qty)
}

// zero is none of the cart's unit.
func (c Cart) zero() Quantity {
	if len(c.Lines) == 0 {
		return Quantity{}
	}
	return c.Lines[0].UnitPrice.Zero()
}
