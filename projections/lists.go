package projections

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
)

// AccountFilter says which accounts are wanted. Empty fields do not filter.
type AccountFilter struct {
	CustomerRef string        `json:"customer_ref,omitempty"` // exactly
	Prefix      string        `json:"prefix,omitempty"`       // of customer_ref
	Status      domain.Status `json:"status,omitempty"`       // open, frozen, closed or merged, at At
	At          time.Time     `json:"at,omitzero"`            // when; zero: no freeze has ended
	Tag         string        `json:"tag,omitempty"`          // of the customer
	Tier        string        `json:"tier,omitempty"`         // that it holds
	FirstTier   bool          `json:"first_tier,omitempty"`   // also those that were in no other than the first
}

// AccountEntry is a row of accounts.
type AccountEntry struct {
	ID          uuid.UUID     `json:"id"`
	CustomerRef string        `json:"customer_ref"`
	Status      domain.Status `json:"status"`
	OpenedAt    time.Time     `json:"opened_at"`
	Revision    int64         `json:"revision"`
}

// Accounts lists accounts by id, or by customer_ref where one is asked for.
func (m *Models) Accounts(ctx context.Context, f AccountFilter,
	p Paging) (Page[AccountEntry], error) {
	f.At = f.At.UTC() // comparable with what a cursor carries
	return accountList.read(ctx, m, f, p)
}

// refEnd ends every customer_ref with a prefix: no reference has a byte as great.
const refEnd = "\x7f"

var accountList = list[AccountFilter, accountKey, AccountEntry]{
	name: "accounts",
	query: func(f AccountFilter, after *accountKey, limit int) (string, []any) {
		at := NullTime(f.At)
		var w where
		w.same("customer_ref", f.CustomerRef)
		if f.Prefix != "" {
			w.and("customer_ref >= ? AND customer_ref < ?", f.Prefix, f.Prefix+refEnd)
		}
		if after != nil {
			w.and("(customer_ref, id) > (?, ?)", after.Ref, after.ID.String())
		}
		if f.Status != "" {
			w.and("status = ?", string(f.Status))
		}
		if f.Tag != "" {
			w.and(`EXISTS (SELECT 1 FROM customers c, json_each(c.tags) t
				WHERE c.id = found.id AND t.value = ?)`, f.Tag)
		}
		switch {
		case f.FirstTier:
			w.and("id NOT IN (SELECT account_id FROM tiers WHERE tier <> ? AND tier <> '')", f.Tier)
		case f.Tier != "":
			w.and("id IN (SELECT account_id FROM tiers WHERE tier = ?)", f.Tier)
		}
		// The innermost status is the one at the instant: a freeze that has ended leaves it open.
		return `SELECT id, customer_ref, status, opened_at, revision FROM (
			SELECT id, customer_ref, CASE WHEN frozen_until <= ? THEN 'open' ELSE status END AS status,
				opened_at, revision FROM accounts) found` + w.text + `
			ORDER BY customer_ref, id LIMIT ?`, append(append([]any{at}, w.args...), limit)
	},
	scan: func(row func(...any) error) (AccountEntry, accountKey, error) {
		var a AccountEntry
		var opened sql.NullString
		if err := row(&a.ID, &a.CustomerRef, &a.Status, &opened, &a.Revision); err != nil {
			return a, accountKey{}, err
		}
		var err error
		a.OpenedAt, err = ReadTime(opened)
		return a, accountKey{a.CustomerRef, a.ID}, err
	},
}

type accountKey struct {
	Ref string
	ID  uuid.UUID
}

// BalanceFilter says which balances are wanted. Empty fields do not filter.
type BalanceFilter struct {
	Account uuid.UUID `json:"account,omitzero"`
	Unit    string    `json:"unit,omitempty"`
}

// BalanceEntry is a row of balances: sums by events. What is available depends on the instant, so
// the ledger answers it.
type BalanceEntry struct {
	AccountID uuid.UUID                        `json:"account_id"`
	Unit      string                           `json:"unit"`
	Total     domain.Quantity                  `json:"total"`
	Held      domain.Quantity                  `json:"held"`
	ByClass   map[domain.Class]domain.Quantity `json:"by_class"`
}

// Balances lists balances by account and unit.
func (m *Models) Balances(ctx context.Context, f BalanceFilter,
	p Paging) (Page[BalanceEntry], error) {
	return balanceList.read(ctx, m, f, p)
}

type unitKey struct {
	Account uuid.UUID
	Unit    string
}

var balanceList = list[BalanceFilter, unitKey, BalanceEntry]{
	name: "balances",
	query: func(f BalanceFilter, after *unitKey, limit int) (string, []any) {
		var w where
		if f.Account != (uuid.UUID{}) {
			w.and("account_id = ?", f.Account.String())
		}
		w.same("unit", f.Unit)
		if after != nil {
			w.and("(account_id, unit) > (?, ?)", after.Account.String(), after.Unit)
		}
		return "SELECT account_id, unit, total, held, by_class FROM balances" + w.text +
			" ORDER BY account_id, unit LIMIT ?", append(w.args, limit)
	},
	scan: func(row func(...any) error) (BalanceEntry, unitKey, error) {
		var k balanceKey
		var b balanceRow
		err := balanceTable.Scan(row, &k, &b)
		return BalanceEntry{k.account, k.unit, b.total, b.held, b.byClass},
			unitKey{k.account, k.unit}, err
	},
}

// LotEntry is a row of lots.
type LotEntry struct {
	AccountID   uuid.UUID       `json:"account_id"`
	ID          uuid.UUID       `json:"id"`
	Unit        string          `json:"unit"`
	Class       domain.Class    `json:"class"`
	Face        domain.Quantity `json:"face"`
	Remaining   domain.Quantity `json:"remaining"`
	Held        domain.Quantity `json:"held"`
	Cost        domain.Quantity `json:"cost"`
	EffectiveAt time.Time       `json:"effective_at"`
	ExpiresAt   time.Time       `json:"expires_at,omitzero"`
	Priority    int             `json:"priority"`
	FundingID   uuid.UUID       `json:"funding_id,omitzero"`
}

// Lots lists an account's lots in opening order.
func (m *Models) Lots(ctx context.Context, account uuid.UUID, p Paging) (Page[LotEntry], error) {
	return lotList.read(ctx, m, account, p)
}

var lotList = list[uuid.UUID, uuid.UUID, LotEntry]{
	name: "lots",
	query: func(account uuid.UUID, after *uuid.UUID, limit int) (string, []any) {
		return ofAccount(lotTable.Name, lotTable.Columns, account, after, limit)
	},
	scan: func(row func(...any) error) (LotEntry, uuid.UUID, error) {
		var k lotKey
		var l lotRow
		err := l.scan(row, &k)
		return LotEntry{k.account, k.id, l.unit, l.Class, l.Face, l.remaining, l.held, l.Cost,
			l.EffectiveAt, l.ExpiresAt, l.Priority, l.Funding}, k.id, err
	},
}

// HoldEntry is a row of holds.
type HoldEntry struct {
	AccountID uuid.UUID       `json:"account_id"`
	ID        uuid.UUID       `json:"id"`
	Status    HoldStatus      `json:"status"`
	Unit      string          `json:"unit"`
	Amount    domain.Quantity `json:"amount"` // what it pinned
	Captured  domain.Quantity `json:"captured"`
	PlacedAt  time.Time       `json:"placed_at"`
	ExpiresAt time.Time       `json:"expires_at"`
	EndedAt   time.Time       `json:"ended_at,omitzero"`
	Reason    string          `json:"reason,omitempty"`
	OrderRef  string          `json:"order_ref,omitempty"`
}

// Holds lists an account's holds in placing order.
func (m *Models) Holds(ctx context.Context, account uuid.UUID, p Paging) (Page[HoldEntry], error) {
	return holdList.read(ctx, m, account, p)
}

var holdList = list[uuid.UUID, uuid.UUID, HoldEntry]{
	name: "holds",
	query: func(account uuid.UUID, after *uuid.UUID, limit int) (string, []any) {
		return ofAccount(holdTable.Name, holdTable.Columns, account, after, limit)
	},
	scan: func(row func(...any) error) (HoldEntry, uuid.UUID, error) {
		var k holdKey
		var h holdRow
		err := h.scan(row, &k)
		return HoldEntry{k.account, k.id, h.status, h.unit, h.requested, h.captured, h.placedAt,
			h.expiresAt, h.endedAt, h.reason, h.orderRef}, k.id, err
	},
}

// ofAccount selects an account's rows of a table with the key (account_id, id).
func ofAccount(table string, columns []string, account uuid.UUID, after *uuid.UUID,
	limit int) (string, []any) {
	if after == nil {
		after = new(uuid.UUID)
	}
	return fmt.Sprintf("SELECT %s FROM %s WHERE account_id = ? AND id > ? ORDER BY id LIMIT ?",
		columnList(columns), table), []any{account.String(), after.String(), limit}
}

// StoreEntry is a row of stores.
type StoreEntry struct {
	domain.Store
	Registered bool `json:"registered"`
}

// Stores lists the stores that were registered or that an event names, by id.
func (m *Models) Stores(ctx context.Context, p Paging) (Page[StoreEntry], error) {
	return storeList.read(ctx, m, struct{}{}, p)
}

var storeList = list[struct{}, string, StoreEntry]{
	name: "stores",
	query: func(_ struct{}, after *string, limit int) (string, []any) {
		if after == nil {
			after = new(string)
		}
		return "SELECT " + columnList(storeTable.Columns) +
			" FROM stores WHERE id > ? ORDER BY id LIMIT ?", []any{*after, limit}
	},
	scan: func(row func(...any) error) (StoreEntry, string, error) {
		var id string
		var s storeRow
		err := storeTable.Scan(row, &id, &s)
		return StoreEntry{s.Store, s.registered()}, id, err
	},
}
