package api

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/projections"
)

// listCheckouts lists sales of all accounts, from the read model. A key that is bound to stores asks for
// those of one of them.
func listCheckouts(c *call) error {
	filter := projections.CheckoutFilter{Status: c.Query("status"), Store: c.Query("store"),
		Terminal: c.Query("terminal"), PosTxnID: c.Query("pos_txn_id"), Campaign: c.Query("campaign")}
	if filter.Status != "" && !slices.Contains(projections.CheckoutStatuses, filter.Status) {
		return domain.ErrMalformed.Field("status", "want posted, partly_returned or returned")
	}
	var err error
	if filter.Account, err = c.idAsked("account_id"); err != nil {
		return err
	}
	if filter.Coupon, err = c.idAsked("coupon_id"); err != nil {
		return err
	}
	if filter.From, filter.Through, err = c.days(); err != nil {
		return err
	}
	if err := c.who.mayPost(filter.Store); err != nil {
		return err
	}
	return listed(c, filter, (*projections.Models).Checkouts, func(o *out, i projections.Item) {
		o.begin('{')
		o.plain("id", i["id"])
		o.plain("account_id", i["account_id"])
		o.soldRow(i)
		o.end('}')
	})
}

// listAccountCheckouts lists an account's sales, the newest first, from the read model.
func listAccountCheckouts(c *call) error {
	return listItems(c, (*projections.Models).AccountCheckouts, (*out).soldRow)
}

// idAsked reads a parameter that is an id; none is the zero one.
func (c *call) idAsked(name string) (uuid.UUID, error) {
	text := c.Query(name)
	if text == "" {
		return uuid.UUID{}, nil
	}
	id, ok := parseID(text)
	if !ok {
		return id, domain.ErrMalformed.Field(name, "want a UUID in lower case")
	}
	return id, nil
}

// days reads from and through, which are business dates: the first and the last that are wanted.
func (c *call) days() (from, through string, err error) {
	from, through = c.Query("from"), c.Query("through")
	for name, text := range map[string]string{"from": from, "through": through} {
		if _, err := time.Parse(time.DateOnly, text); text != "" && err != nil {
			return "", "", domain.ErrMalformed.Field(name, "want YYYY-MM-DD")
		}
	}
	if through != "" && through < from {
		return "", "", domain.ErrMalformed.Field("through", "want a day that is not before from")
	}
	return from, through, nil
}

func (o *out) soldRow(i projections.Item) {
	o.plain("status", i["status"])
	o.plain("receipt_no", i["receipt_no"])
	for _, name := range []string{"store", "terminal", "pos_txn_id", "leg", "channel", "order_ref"} {
		o.some(name, i[name])
	}
	o.time("occurred_at", i.Time("occurred_at"))
	o.time("recorded_at", i.Time("recorded_at"))
	o.plain("business_date", i["business_date"])
	for _, name := range []string{"gross", "discount", "net"} {
		o.sum(name, i[name], i["unit"])
	}
	if i["points"] != "" {
		o.sum("points", i["points"], i["points_unit"])
	}
	for _, name := range []string{"points_value", "stored_value", "external", "returned"} {
		o.sum(name, i[name], i["unit"])
	}
	o.raw("lines", []byte(i["lines"]))
	o.raw("coupons", []byte(i["coupons"]))
	o.some("tier", i["tier"])
}
