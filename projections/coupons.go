package projections

import (
	"context"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
)

// coupons is one row a coupon and account, those that have ended included. A coupon that went with a
// merge has a row on either account.
var coupons = &items{
	name: "coupons",
	tables: `
CREATE TABLE coupons ( -- one row a coupon and account, those that have ended included
	account_id     TEXT NOT NULL,
	id             TEXT NOT NULL,
	status         TEXT NOT NULL, -- by events: active, reserved, used, expired, revoked, recycled or merged
	campaign       TEXT NOT NULL,
	definition     TEXT NOT NULL, -- definition_id@version
	kind           TEXT NOT NULL, -- of the discount, as its definition has it
	uses           INTEGER NOT NULL, -- how often it can be used
	used           INTEGER NOT NULL, -- how often it was, less what came back
	valid_from     TEXT NOT NULL, -- when it can first be used
	valid_until    TEXT,          -- none: no end
	order_ref      TEXT,          -- that has it reserved
	reserved_until TEXT,          -- when the order loses it; NULL: it is free
	due_at         TEXT,          -- when its reservation, or it, is over
	consideration  TEXT NOT NULL, -- what it was given for: free, earned or compensation
	cause          TEXT,          -- of its grant; none: it came with a merge, as what follows
	issue_channel  TEXT,          -- through which it was granted
	partner        TEXT,          -- who bears a part of its discount
	job_id         TEXT,          -- the job that granted it
	unit           TEXT,          -- of the discount; none: it was never used here
	discount       TEXT,          -- given in all, less what was returned
	granted_at     TEXT NOT NULL, -- when it was granted
	ended_at       TEXT,          -- NULL: it has not ended
	reason         TEXT,          -- of its end, where people ended it
	PRIMARY KEY (account_id, id)
) STRICT, WITHOUT ROWID;
`,
	indexes: `
CREATE INDEX coupons_due ON coupons (due_at, account_id, id) WHERE due_at IS NOT NULL;
CREATE INDEX coupons_campaign ON coupons (campaign, account_id, id);
`,
	columns: []string{"status", "campaign", "definition", "kind", "uses", "used", "valid_from",
		"valid_until", "order_ref", "reserved_until", "due_at", "consideration", "cause",
		"issue_channel", "partner", "job_id", "unit", "discount", "granted_at", "ended_at", "reason"},
	types: []string{"AccountsMerged", "CouponExpired", "CouponExtended", "CouponGranted",
		"CouponRecycled", "CouponRedeemed", "CouponReleased", "CouponReserved", "CouponRestored",
		"CouponRevoked", "MergeRefused"},
	each: couponsOf,
	fold: foldCoupon,
	stands: func(a *domain.Account) map[uuid.UUID]Item {
		live := map[uuid.UUID]Item{}
		for _, c := range a.Coupons() {
			row := Item{"ended_at": "", "reason": ""}
			row.coupon(c)
			live[c.ID] = row
		}
		return live
	},
}

// couponsOf are the coupons that an event is about, and whether it begins their rows: a grant does, a merge on
// the survivor's stream, and what comes back to the survivor of a coupon that had ended before.
func couponsOf(e domain.Event, m *domain.Metadata) (ids []uuid.UUID, begins bool) {
	one := func(id uuid.UUID) []uuid.UUID {
		if isZero(id) {
			return nil // of a job that granted none
		}
		return []uuid.UUID{id}
	}
	all := func(coupons []domain.Coupon) (ids []uuid.UUID) {
		for _, c := range coupons {
			ids = append(ids, c.ID)
		}
		return ids
	}
	switch e := e.(type) {
	case domain.AccountsMerged:
		return all(e.Coupons), e.MergeID != m.EventID
	case domain.MergeRefused:
		return all(e.Coupons), false
	case domain.CouponGranted:
		return one(e.CouponID), true
	case domain.CouponExpired:
		return one(e.CouponID), false
	case domain.CouponExtended:
		return one(e.CouponID), false
	case domain.CouponRecycled:
		return one(e.CouponID), false
	case domain.CouponRedeemed:
		return one(e.CouponID), false
	case domain.CouponReleased:
		return one(e.CouponID), false
	case domain.CouponReserved:
		return one(e.CouponID), false
	case domain.CouponRestored:
		return one(e.CouponID), e.Came
	case domain.CouponRevoked:
		return one(e.CouponID), false
	}
	return nil, false
}

// coupon sets the columns that a live coupon's state knows.
func (i Item) coupon(c domain.Coupon) {
	i["status"], i["campaign"], i["definition"] = string(domain.CouponIsActive), c.Campaign, c.Definition
	i["kind"], i["consideration"] = string(c.Kind), string(c.Consideration)
	i["uses"], i["used"] = strconv.Itoa(c.Uses), strconv.Itoa(c.Used)
	i.at("valid_from", c.ValidFrom)
	i["valid_until"], i["order_ref"] = text(NullTime(c.ValidUntil)), c.Order
	i["reserved_until"], i["due_at"] = text(NullTime(c.Reserved)), text(NullTime(c.ValidUntil))
	i.at("granted_at", c.GrantedAt)
	if c.Order != "" {
		i["status"], i["due_at"] = string(domain.CouponIsReserved), i["reserved_until"]
	}
}

func foldCoupon(row Item, e domain.Event, m *domain.Metadata) {
	switch e := e.(type) {
	case domain.AccountsMerged:
		if e.MergeID == m.EventID {
			row.endCoupon(domain.CouponIsMerged, "", m)
			return
		}
		row.merged(e.Coupons)
	case domain.MergeRefused:
		row.merged(e.Coupons)
	case domain.CouponGranted:
		row.coupon(domain.Coupon{Campaign: e.Campaign, Definition: e.Definition, Kind: e.Kind,
			Uses: e.Uses, ValidFrom: e.ValidFrom, ValidUntil: e.ValidUntil,
			Consideration: e.Consideration, GrantedAt: m.RecordedAt})
		row["cause"], row["issue_channel"] = string(e.Cause), e.Channel
		row.set("partner", e.Partner)
		if !isZero(e.JobID) {
			row["job_id"] = e.JobID.String()
		}
	case domain.CouponReserved:
		row["status"], row["order_ref"] = string(domain.CouponIsReserved), e.OrderRef
		row.at("reserved_until", e.Until)
		row.at("due_at", e.Until)
	case domain.CouponReleased:
		row.free()
	case domain.CouponExtended:
		row.at("valid_until", e.ValidUntil)
		if row["order_ref"] == "" {
			row.at("due_at", e.ValidUntil)
		}
	case domain.CouponRedeemed:
		row["used"] = strconv.Itoa(e.Use)
		row.discounted(e.Unit, e.Discount)
		if row.free(); e.Use == e.Of {
			row.endCoupon(domain.CouponIsUsed, "", m)
		}
	case domain.CouponRestored:
		row.discounted(e.Unit, e.DiscountReturned.Neg())
		row.restored(e)
	case domain.CouponExpired:
		row.endCoupon(domain.CouponIsExpired, "", m)
	case domain.CouponRevoked:
		row.endCoupon(domain.CouponIsRevoked, e.Reason, m)
	case domain.CouponRecycled:
		row.endCoupon(domain.CouponIsRecycled, e.Reason, m)
	}
}

// merged makes the row of one of the coupons that come to its account live.
func (i Item) merged(coupons []domain.Coupon) {
	for _, c := range coupons {
		if c.ID.String() == i["id"] {
			i.coupon(c)
			i.at("ended_at", time.Time{})
		}
	}
}

// restored gives a use back, where one came back.
func (i Item) restored(e domain.CouponRestored) {
	switch {
	case e.Use == 0:
	case e.Reopened != nil:
		i.coupon(*e.Reopened)
		i.at("ended_at", time.Time{})
	default:
		used, _ := strconv.Atoi(i["used"]) // as it was written
		i["used"] = strconv.Itoa(used - 1)
	}
}

// free notes that no order has the coupon.
func (i Item) free() {
	i["status"], i["due_at"] = string(domain.CouponIsActive), i["valid_until"]
	i.set("order_ref", "")
	i.set("reserved_until", "")
}

func (i Item) endCoupon(status domain.CouponStatus, reason string, m *domain.Metadata) {
	i.free()
	i["status"], i["due_at"] = string(status), ""
	i.set("reason", reason)
	i.at("ended_at", m.RecordedAt)
}

// discounted adds to what the coupon took off.
func (i Item) discounted(unit string, x domain.Quantity) {
	sum := x.Zero()
	if i["discount"] != "" {
		_ = sum.UnmarshalText([]byte(i["discount"])) // as it was written
	}
	i["unit"], i["discount"] = unit, sum.Add(x).String()
}

// CouponFilter says which coupons are wanted. Empty fields do not filter.
type CouponFilter struct {
	Account       uuid.UUID           `json:"account,omitzero"`
	Campaign      string              `json:"campaign,omitempty"`
	Status        domain.CouponStatus `json:"status,omitempty"`        // by events
	ExpiresBefore time.Time           `json:"expires_before,omitzero"` // valid_until is earlier
}

// Coupons lists coupons by account, each with its account_id.
func (m *Models) Coupons(ctx context.Context, f CouponFilter, p Paging) (Page[Item], error) {
	f.ExpiresBefore = f.ExpiresBefore.UTC() // comparable with what a cursor carries
	return couponList.read(ctx, m, f, p)
}

type couponKey struct{ Account, ID uuid.UUID }

var couponList = list[CouponFilter, couponKey, Item]{
	name: "coupons",
	query: func(f CouponFilter, after *couponKey, limit int) (string, []any) {
		var w where
		if !isZero(f.Account) {
			w.and("account_id = ?", f.Account.String())
		}
		w.same("campaign", f.Campaign)
		w.same("status", string(f.Status))
		if !f.ExpiresBefore.IsZero() {
			w.and("valid_until < ?", NullTime(f.ExpiresBefore))
		}
		if after != nil {
			w.and("(account_id, id) > (?, ?)", after.Account.String(), after.ID.String())
		}
		return "SELECT account_id, id, " + strings.Join(coupons.columns, ", ") + " FROM coupons" + w.text +
			" ORDER BY account_id, id LIMIT ?", append(w.args, limit)
	},
	scan: func(row func(...any) error) (i Item, k couponKey, err error) {
		err = coupons.scan(func(to ...any) error { return row(append([]any{&k.Account}, to...)...) }, &i)
		if err != nil {
			return i, k, err
		}
		i["account_id"], k.ID = k.Account.String(), i.ID()
		return i, k, nil
	},
}

// DueCoupons is DueHolds for coupons whose reservation, or whose own time, is over.
func (m *Models) DueCoupons(ctx context.Context, at time.Time) iter.Seq2[uuid.UUID, error] {
	return accountsOf(m.due(ctx, "coupons", `SELECT due_at, account_id, id FROM coupons
		WHERE due_at IS NOT NULL AND due_at <= ? AND (due_at, account_id, id) > (?, ?, ?)
		ORDER BY due_at, account_id, id LIMIT ?`, NullTime(at)))
}
