package projections

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
)

// couponUses is one row a use of a coupon in a checkout, and one for each return that gave a part of its
// discount, or the use, back: what it took off then. Rows add up, over any days, stores and campaigns.
type couponUses struct{}

// Name is coupon_uses.
func (couponUses) Name() string { return "coupon_uses" }

// Version is 1.
func (couponUses) Version() int { return 1 }

// Tables is coupon_uses.
func (couponUses) Tables() string {
	return `
CREATE TABLE coupon_uses ( -- one row a use of a coupon, and one what came back of it
	account_id   TEXT NOT NULL,
	source_id    TEXT NOT NULL,    -- the checkout; of what came back, the return
	coupon_id    TEXT NOT NULL,
	checkout_id  TEXT NOT NULL,
	position     INTEGER NOT NULL, -- of the event
	campaign     TEXT NOT NULL,
	definition   TEXT NOT NULL,    -- definition_id@version
	partner      TEXT NOT NULL,    -- empty: none
	cost_share   TEXT NOT NULL,    -- percent of the discount that the partner bears
	store        TEXT NOT NULL,    -- of the sale; of what came back, where it did. Empty: none
	day          TEXT NOT NULL,    -- likewise; business date, YYYY-MM-DD
	unit         TEXT NOT NULL,
	uses         INTEGER NOT NULL, -- 1; −1: it came back; 0: its discount alone did
	discount     INTEGER NOT NULL, -- in the unit's smallest steps, negative: came back; at most 10^15
	partner_cost INTEGER NOT NULL, -- of it, the partner's
	returned     INTEGER NOT NULL, -- of a use: what came back of its discount so far
	PRIMARY KEY (account_id, source_id, coupon_id)
) STRICT, WITHOUT ROWID;
`
}

// Indexes are by campaign, coupon and day.
func (couponUses) Indexes() string {
	return `
CREATE INDEX coupon_uses_campaign ON coupon_uses (campaign, definition);
CREATE INDEX coupon_uses_coupon ON coupon_uses (coupon_id);
CREATE INDEX coupon_uses_day ON coupon_uses (day);
`
}

type useKey struct{ account, source, coupon uuid.UUID }

type useRow struct {
	checkout                                        uuid.UUID
	position                                        eventstore.Position
	campaign, definition, partner, store, day, unit string
	share                                           domain.Quantity
	uses                                            int
	discount, cost, returned                        int64
}

var useTable = &Table[useKey, useRow]{
	Name: "coupon_uses",
	Columns: []string{"account_id", "source_id", "coupon_id", "checkout_id", "position", "campaign",
		"definition", "partner", "cost_share", "store", "day", "unit", "uses", "discount", "partner_cost",
		"returned"},
	Keys: func(k useKey) []any { return []any{k.account.String(), k.source.String(), k.coupon.String()} },
	Values: func(u *useRow) []any {
		return []any{u.checkout.String(), int64(u.position), u.campaign, u.definition, u.partner,
			u.share.String(), u.store, u.day, u.unit, u.uses, u.discount, u.cost, u.returned}
	},
	Scan: func(row func(...any) error, k *useKey, u *useRow) error {
		var share sql.NullString
		err := row(&k.account, &k.source, &k.coupon, &u.checkout, &u.position, &u.campaign, &u.definition,
			&u.partner, &share, &u.store, &u.day, &u.unit, &u.uses, &u.discount, &u.cost, &u.returned)
		if err != nil {
			return err
		}
		return u.share.UnmarshalText([]byte(share.String))
	},
}

// useRows are rows that can be added to and changed.
type useRows interface {
	Add(useKey, useRow)
	Change(useKey) *useRow
}

// foldUse makes an event part of the rows, and reports whether it follows from them. The partner's part
// is rounded once of what a use gave less what came back, so that a full return leaves nothing of it.
func foldUse(rows useRows, e domain.Event, m *domain.Metadata, account uuid.UUID,
	at eventstore.Position) bool {
	switch e := e.(type) {
	case domain.CouponRedeemed:
		u := useRow{checkout: e.CheckoutID, campaign: e.Campaign, definition: e.Definition,
			partner: e.Partner, share: e.CostShare, unit: e.Unit, uses: 1, discount: steps(e.Discount)}
		u.cost = u.borne(e.Discount.Scale())
		u.post(m, at)
		rows.Add(useKey{account, e.CheckoutID, e.CouponID}, u)
	case domain.CouponRestored:
		if e.Absorbed != (uuid.UUID{}) { // whose row is the use's, and tells of the discount
			back := useRow{checkout: e.CheckoutID, campaign: e.Campaign, definition: e.Definition,
				partner: e.Partner, share: e.CostShare, unit: e.Unit, uses: -1}
			back.post(m, at)
			rows.Add(useKey{account, e.RefundID, e.CouponID}, back)
			break
		}
		of := rows.Change(useKey{account, e.CheckoutID, e.CouponID})
		if of == nil {
			return false
		}
		back := *of
		scale := e.DiscountReturned.Scale()
		back.cost = of.borne(scale)
		of.returned += steps(e.DiscountReturned)
		back.cost = of.borne(scale) - back.cost
		back.discount, back.returned, back.uses = -steps(e.DiscountReturned), 0, 0
		if e.Use != 0 {
			back.uses = -1
		}
		back.post(m, at)
		rows.Add(useKey{account, e.RefundID, e.CouponID}, back)
	}
	return true
}

// borne is what the partner bears of what a use gave less what came back, at the unit's scale.
func (u *useRow) borne(scale int32) int64 {
	unit := domain.Unit{Code: u.unit, Scale: scale}
	return steps(domain.PartnerCost(unit.Steps(u.discount-u.returned), u.share).Quantity)
}

// post sets where and when it was.
func (u *useRow) post(m *domain.Metadata, at eventstore.Position) {
	u.store, u.day, u.position = m.Store, m.BusinessDate, at
}

// usesCoupon reports whether events of a type are about a use.
func usesCoupon(kind string) bool { return kind == "CouponRedeemed" || kind == "CouponRestored" }

// Apply adds uses, and what came back of them.
func (couponUses) Apply(ctx context.Context, tx *Tx, events []Event) error {
	rows := useTable.In(tx)
	about := map[int]domain.Event{}
	for i := range events {
		e := &events[i]
		if !usesCoupon(e.Type) {
			continue
		}
		decoded, err := e.Decoded()
		if err != nil {
			tx.Damaged(*e, err.Error())
			continue
		}
		if back, ok := decoded.(domain.CouponRestored); ok && back.Absorbed == (uuid.UUID{}) {
			rows.Want(useKey{e.Account, back.CheckoutID, back.CouponID})
		}
		about[i] = decoded
	}
	if err := rows.Load(ctx); err != nil {
		return err
	}
	for i := range events {
		e := &events[i]
		if about[i] != nil && !foldUse(rows, about[i], &e.Metadata, e.Account, e.Position) {
			tx.Damaged(*e, "it gives back a use that was not")
		}
	}
	return rows.Write(ctx)
}

// useColumns are what Check compares: the key within an account first.
var useColumns = append([]string{"source_id || ' ' || coupon_id"}, useTable.Columns[3:]...)

// usesTold are an account's uses as its events tell of them.
type usesTold expected[useKey, useRow]

func (u usesTold) note(p domain.Posted, account uuid.UUID, at eventstore.Position) {
	if usesCoupon(domain.TypeOf(p.Event)) {
		foldUse(expected[useKey, useRow](u), p.Event, &p.Metadata, account, at) // else it is damaged there
	}
}

func (u usesTold) wanted() map[string][]string {
	rows := map[string][]string{}
	for k, row := range u {
		rows[fmt.Sprint(k.source, " ", k.coupon)] = shownValues(useTable.Values(row))
	}
	return rows
}
