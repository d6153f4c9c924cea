package projections

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
)

// checkedColumns are the columns that Check compares: the key within an account first.
var checkedColumns = map[string][]string{
	"accounts": {"id", "customer_ref", "status", "revision", "opened_at", "recorded_at"},
	"balances": {"unit", "total", "held", "by_class"},
	"lots": {"id", "unit", "class", "face", "remaining", "held", "cost", "cost_left", "funding_id",
		"effective_at", "expires_at", "expiries", "priority", "scope"},
	"holds": {"id", "status", "unit", "requested", "captured", "placed_at", "expires_at", "order_ref",
		"reason"},
}

// readRows are an account's rows of a table by key, each without it.
func readRows(ctx context.Context, q querier, table string,
	id uuid.UUID) (map[string][]string, error) {
	columns, owner := checkedColumns[table], "account_id"
	if table == "accounts" {
		owner = "id"
	}
	rows, err := q.QueryContext(ctx, fmt.Sprintf("SELECT %s FROM %s WHERE %s = ?",
		columnList(columns), table, owner), id.String())
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	got := map[string][]string{}
	texts, to := make([]sql.NullString, len(columns)), make([]any, len(columns))
	for i := range texts {
		to[i] = &texts[i]
	}
	for rows.Next() {
		if err := rows.Scan(to...); err != nil {
			return nil, err
		}
		row := make([]string, len(columns)-1)
		for i, t := range texts[1:] {
			row[i] = t.String
		}
		got[texts[0].String] = row
	}
	return got, rows.Err()
}

// wantedRows are the rows that an account should have, by table and key.
func (c *checker) wantedRows(a *domain.Account, ended endedHolds) map[string]map[string][]string {
	status := domain.Open
	if len(a.FrozenModes(time.Time{})) > 0 { // by events: one that has ended is there until lifted
		status = domain.Frozen
	}
	wanted := map[string]map[string][]string{
		"accounts": {a.ID().String(): {a.CustomerRef(), string(status),
			strconv.FormatInt(a.Revision(), 10), text(instant(a.OpenedAt())),
			text(instant(a.LastRecorded()))}},
		"balances": {}, "lots": {}, "holds": {},
	}
	for _, l := range a.Lots() {
		wanted["lots"][l.ID.String()] = []string{l.Unit, string(l.Class), l.Face.String(),
			l.Remaining.String(), l.Held.String(), l.Cost.String(), l.CostLeft.String(),
			text(nullID(l.Funding)), text(instant(l.EffectiveAt)), text(instant(l.ExpiresAt)),
			strconv.Itoa(l.Expiries), strconv.Itoa(l.Priority), text(scopeJSON(l.Scope))}
	}
	for _, u := range a.Units() {
		b := a.Balance(u.Code, u.Scale, a.LastRecorded())
		held := u.Zero().Quantity
		for _, l := range a.Lots() {
			if l.Unit == u.Code {
				held = held.Add(l.Held) // by events: a hold that has lapsed still pins
			}
		}
		wanted["balances"][u.Code] = []string{b.Total.String(), held.String(), classesJSON(b.ByClass)}
	}
	for _, h := range a.Holds() {
		ended[h.ID] = &endedHold{Hold: *h, status: HoldActive}
	}
	for id, h := range ended {
		wanted["holds"][id.String()] = []string{string(h.status), h.Requested.Unit(),
			h.Requested.Quantity.String(), h.Captured.String(), text(instant(h.PlacedAt)),
			text(instant(h.ExpiresAt)), h.OrderRef, h.reason}
	}
	return wanted
}

// text is a column's value as readRows shows it.
func text(value any) string {
	s, _ := value.(string)
	return s
}

// endedHolds are an account's holds as its events tell of them; the account's state knows only the
// active ones.
type endedHolds map[uuid.UUID]*endedHold

type endedHold struct {
	domain.Hold
	status HoldStatus
	reason string
}

func (ended endedHolds) note(p domain.Posted) {
	switch e := p.Event.(type) {
	case domain.HoldPlaced:
		ended[e.HoldID] = &endedHold{status: HoldActive, Hold: domain.Hold{ID: e.HoldID,
			Requested: e.Requested, Captured: e.Requested.Quantity.Zero(),
			PlacedAt: p.Metadata.RecordedAt, ExpiresAt: e.ExpiresAt, OrderRef: e.OrderRef}}
	case domain.DebitPosted:
		if h := ended[e.HoldID]; h != nil {
			h.Captured = h.Captured.Add(e.Amount.Quantity)
			if e.HoldFinal || !h.Captured.Less(h.Requested.Quantity) {
				h.status = HoldCaptured
			}
		}
	case domain.HoldReleased:
		if h := ended[e.HoldID]; h != nil {
			h.reason = string(e.Reason)
			h.status = HoldReleased
			if e.Reason == domain.ReleasedRemainder {
				h.status = HoldCaptured
			}
		}
	}
}

// strangers finds rows of accounts that the log does not have.
func (c *checker) strangers(ctx context.Context) error {
	for table := range checkedColumns {
		owner := "account_id"
		if table == "accounts" {
			owner = "id"
		}
		err := eachID(ctx, c.tables, fmt.Sprintf("SELECT DISTINCT %s FROM %s", owner, table),
			func(id uuid.UUID) {
				if _, ok := c.accounts[id]; !ok {
					c.report.add(table, domain.AccountStream(id), -1, "the log has no such account")
				}
			})
		if err != nil {
			return fmt.Errorf("read accounts of %s: %w", table, err)
		}
	}
	return nil
}

func eachID(ctx context.Context, q querier, query string, do func(uuid.UUID)) error {
	rows, err := q.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id uuid.UUID
		if err := rows.Scan(&id); err != nil {
			return err
		}
		do(id)
	}
	return rows.Err()
}
