package projections

import (
	"context"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
)

// The statuses of a checkout.
const (
	CheckoutPosted         = "posted"
	CheckoutPartlyReturned = "partly_returned"
	CheckoutReturned       = "returned" // nothing of it stays; one that was cancelled is, too
)

// CheckoutStatuses are all of them.
var CheckoutStatuses = []string{CheckoutPosted, CheckoutPartlyReturned, CheckoutReturned}

// checkouts is one row a sale, those that came back included.
var checkouts = &items{
	name: "checkouts",
	tables: `
CREATE TABLE checkouts ( -- one row a checkout: a whole sale
	account_id    TEXT NOT NULL,
	id            TEXT NOT NULL,
	status        TEXT NOT NULL,    -- posted, partly_returned or returned
	receipt_no    TEXT NOT NULL,    -- number of its receipt
	store         TEXT,
	terminal      TEXT,
	pos_txn_id    TEXT,
	leg           TEXT,
	channel       TEXT,
	order_ref     TEXT,             -- the caller's own name of the order
	occurred_at   TEXT NOT NULL,
	recorded_at   TEXT NOT NULL,
	business_date TEXT NOT NULL,    -- YYYY-MM-DD
	unit          TEXT NOT NULL,    -- of the amounts, which are at its scale
	gross         TEXT NOT NULL,    -- before anything was taken off
	discount      TEXT NOT NULL,    -- what coupons took off
	net           TEXT NOT NULL,    -- what was paid: points_value, stored_value and external together
	points_unit   TEXT,             -- NULL: points paid nothing
	points        TEXT,             -- at points_unit's scale
	points_value  TEXT NOT NULL,    -- what points paid
	stored_value  TEXT NOT NULL,    -- what the account's balance paid
	external      TEXT NOT NULL,    -- what was paid elsewhere: cash, card, …
	returned      TEXT NOT NULL,    -- of net, so far
	revenue       INTEGER NOT NULL, -- net less returned, in the unit's smallest steps; at most 10^15
	lines         INTEGER NOT NULL, -- how many it has
	coupons       INTEGER NOT NULL, -- that took something off
	tier          TEXT,             -- held when it began
	PRIMARY KEY (account_id, id)
) STRICT, WITHOUT ROWID;
`,
	indexes: `
CREATE INDEX checkouts_day ON checkouts (business_date, recorded_at, account_id, id);
CREATE INDEX checkouts_store ON checkouts (store, business_date, recorded_at, account_id, id);
`,
	columns: []string{"status", "receipt_no", "store", "terminal", "pos_txn_id", "leg", "channel",
		"order_ref", "occurred_at", "recorded_at", "business_date", "unit", "gross", "discount", "net",
		"points_unit", "points", "points_value", "stored_value", "external", "returned", "revenue", "lines",
		"coupons", "tier"},
	types: []string{"CheckoutPosted", "CheckoutReturned", "CouponRedeemed"},
	id: func(e domain.Event) (uuid.UUID, bool) {
		switch e := e.(type) {
		case domain.CheckoutPosted:
			return e.CheckoutID, true
		case domain.CheckoutReturned:
			return e.CheckoutID, false
		case domain.CouponRedeemed:
			return e.CheckoutID, false
		}
		return uuid.UUID{}, false
	},
	fold: func(row Item, e domain.Event, m *domain.Metadata) {
		switch e := e.(type) {
		case domain.CheckoutPosted:
			row.sale(e, m)
		case domain.CheckoutReturned:
			row.returns(e)
		case domain.CouponRedeemed:
			used, _ := strconv.Atoi(row["coupons"]) // as it was written
			row["coupons"] = strconv.Itoa(used + 1)
		}
	},
	stands: func(*domain.Account) map[uuid.UUID]Item { return nil }, // its state knows none
}

// sale sets the columns of a sale of which nothing came back.
func (i Item) sale(e domain.CheckoutPosted, m *domain.Metadata) {
	i["status"], i["receipt_no"], i["unit"] = CheckoutPosted, e.ReceiptNo, e.Unit
	i.set("store", m.Store)
	i.set("terminal", m.Terminal)
	i.set("pos_txn_id", m.Reference.PosTxnID)
	i.set("leg", m.Reference.Leg)
	i.set("channel", m.Channel)
	i.set("order_ref", e.OrderRef)
	i.set("tier", e.Tier)
	i.at("occurred_at", m.OccurredAt)
	i.at("recorded_at", m.RecordedAt)
	i["business_date"] = m.BusinessDate
	if e.Points.IsPositive() {
		i["points_unit"], i["points"] = e.Points.Unit(), e.Points.Quantity.String()
	}
	external := e.Net.Zero()
	for _, p := range e.External {
		external = external.Add(p.Amount.Quantity)
	}
	for column, q := range map[string]domain.Quantity{"gross": e.Gross, "discount": e.Discount,
		"net": e.Net, "points_value": e.PointsValue, "stored_value": e.StoredValue, "external": external,
		"returned": e.Net.Zero()} {
		i[column] = q.String()
	}
	i["revenue"] = strconv.FormatInt(steps(e.Net), 10)
	i["lines"], i["coupons"] = strconv.Itoa(len(e.Lines)), "0"
}

// returns takes what came back off a sale.
func (i Item) returns(e domain.CheckoutReturned) {
	net, returned := e.Net.Zero(), e.Net.Zero()
	_ = net.UnmarshalText([]byte(i["net"])) // as they were written
	_ = returned.UnmarshalText([]byte(i["returned"]))
	returned = returned.Add(e.Net)
	i["returned"], i["revenue"] = returned.String(), strconv.FormatInt(steps(net.Sub(returned)), 10)
	if i["status"] = CheckoutPartlyReturned; e.Full {
		i["status"] = CheckoutReturned
	}
}

// CheckoutFilter says which checkouts are wanted. Empty fields do not filter.
type CheckoutFilter struct {
	Account  uuid.UUID `json:"account,omitzero"`
	Status   string    `json:"status,omitempty"`
	Store    string    `json:"store,omitempty"`
	Terminal string    `json:"terminal,omitempty"`
	PosTxnID string    `json:"pos_txn_id,omitempty"`
	Campaign string    `json:"campaign,omitempty"` // one of its coupons took something off
	Coupon   uuid.UUID `json:"coupon,omitzero"`    // it took something off
	From     string    `json:"from,omitempty"`     // business dates, YYYY-MM-DD: this one or later,
	Through  string    `json:"through,omitempty"`  // this one or earlier
}

// Checkouts lists sales, the newest business date first, each with its account_id.
func (m *Models) Checkouts(ctx context.Context, f CheckoutFilter, p Paging) (Page[Item], error) {
	return checkoutList.read(ctx, m, f, p)
}

// AccountCheckouts lists an account's sales, the newest first.
func (m *Models) AccountCheckouts(ctx context.Context, f OfAccount, p Paging) (Page[Item], error) {
	return checkouts.list(ctx, m, f, p)
}

type checkoutKey struct {
	Day, Recorded string
	Account, ID   uuid.UUID
}

var checkoutList = list[CheckoutFilter, checkoutKey, Item]{
	name: "checkouts",
	query: func(f CheckoutFilter, after *checkoutKey, limit int) (string, []any) {
		w := f.where()
		if after != nil {
			w.and("(business_date, recorded_at, account_id, id) < (?, ?, ?, ?)", after.Day, after.Recorded,
				after.Account.String(), after.ID.String())
		}
		return "SELECT account_id, id, " + strings.Join(checkouts.columns, ", ") + " FROM checkouts" +
				w.text + " ORDER BY business_date DESC, recorded_at DESC, account_id DESC, id DESC LIMIT ?",
			append(w.args, limit)
	},
	scan: func(row func(...any) error) (i Item, k checkoutKey, err error) {
		err = checkouts.scan(func(to ...any) error { return row(append([]any{&k.Account}, to...)...) }, &i)
		if err != nil {
			return i, k, err
		}
		i["account_id"], k.ID = k.Account.String(), i.ID()
		k.Day, k.Recorded = i["business_date"], i["recorded_at"]
		return i, k, nil
	},
}

func (f CheckoutFilter) where() (w where) {
	if !isZero(f.Account) {
		w.and("account_id = ?", f.Account.String())
	}
	w.same("status", f.Status)
	w.same("store", f.Store)
	w.same("terminal", f.Terminal)
	if f.PosTxnID != "" {
		w.and("id IN (SELECT operation_id FROM operations WHERE pos_txn_id = ?)", f.PosTxnID)
	}
	const used = "(account_id, id) IN (SELECT account_id, checkout_id FROM coupon_uses WHERE "
	if f.Campaign != "" {
		w.and(used+"campaign = ?)", f.Campaign)
	}
	if !isZero(f.Coupon) {
		w.and(used+"coupon_id = ?)", f.Coupon.String())
	}
	if f.From != "" {
		w.and("business_date >= ?", f.From)
	}
	if f.Through != "" {
		w.and("business_date <= ?", f.Through)
	}
	return w
}
