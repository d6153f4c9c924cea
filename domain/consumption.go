package domain

import "github.com/google/uuid"

// consumption is what was bought: a debit, or a checkout as a whole. Points and tier progress count
// here, never when value is sold.
type consumption struct {
	id         uuid.UUID      // of the debit or checkout
	qualifying Money          // what was paid for: net less points and value that was given
	lines      []CheckoutLine // of a checkout; none of a debit
}

// loss is a part of a consumption that comes back.
type loss struct {
	consumption
	refund uuid.UUID                  // the return, refund or reversal
	of     func(lines []int) cameBack // of those lines of the sale; none: of all of it
}

// cameBack is what came back of a sale, or of some of its lines: of amount, before until now, and now
// with it.
type cameBack struct{ before, now, amount Money }

// wholly is what came back of a sale without lines.
func (c cameBack) wholly([]int) cameBack { return c }

// earn posts what a consumption earns. An import brings what was, and earns nothing. How the sale
// counts for a tier stands in its own event; see qualify and promote.
func (d *Draft) earn(c consumption) error {
	return d.earnPoints(c)
}

// lose takes back what a consumption earned, for the part that came back.
func (d *Draft) lose(l loss) error {
	return d.losePoints(l)
}
