package projections

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/tillbook/tillbook/eventstore"
)

// ErrTooMany: there are more rows than one answer should hold.
var ErrTooMany = errors.New("too many rows: ask for fewer days")

// CostFilter says of which uses of coupons the cost is wanted, and by what. Empty fields do not filter.
type CostFilter struct {
	Campaign string
	Partner  string
	Store    string
	From     string // business dates, YYYY-MM-DD: this one or later,
	Through  string // this one or earlier
	ByDay    bool
	ByStore  bool
	At       eventstore.Position // as the log stood there; Start: as the tables stand
	Limit    int                 // of rows; ErrTooMany beyond it
}

// CostEntry is what coupons of a definition's version gave, and came back of it, in the smallest steps of
// the unit. Without ByDay and ByStore the day and the store are empty.
type CostEntry struct {
	Campaign    string
	Definition  string // definition_id@version
	Partner     string // empty: none
	CostShare   string // percent that the partner bears
	Unit        string
	Day         string // business date of the sale; of what came back, of the return
	Store       string // likewise
	Uses        int64  // less those that came back
	Given       int64
	Returned    int64
	PartnerCost int64 // of what was given less what was returned
}

// Net is what was given less what was returned.
func (e CostEntry) Net() int64 { return e.Given - e.Returned }

// CouponCost is the cost of coupons by campaign, definition, partner and unit, and the position of the log
// it shows: the same question at the same position has the same answer for ever.
func (m *Models) CouponCost(ctx context.Context, f CostFilter) (
	all []CostEntry, at eventstore.Position, err error,
) {
	_, err = m.view(ctx, func(q querier) error {
		stands, err := readCheckpoint(ctx, q)
		if err != nil {
			return err
		}
		if at = f.At; at == eventstore.Start || at > stands.position {
			at = stands.position
		}
		query, args := f.query(at)
		rows, err := q.QueryContext(ctx, query, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var e CostEntry
			err := rows.Scan(&e.Campaign, &e.Definition, &e.Partner, &e.CostShare, &e.Unit, &e.Day, &e.Store,
				&e.Uses, &e.Given, &e.Returned, &e.PartnerCost)
			if err != nil {
				return err
			}
			if all = append(all, e); len(all) > f.Limit {
				return ErrTooMany
			}
		}
		return rows.Err()
	})
	if err != nil {
		return nil, 0, fmt.Errorf("read the cost of coupons: %w", err)
	}
	return all, at, nil
}

func (f CostFilter) query(at eventstore.Position) (string, []any) {
	by := []string{"campaign", "definition", "partner", "cost_share", "unit"}
	day, store := "''", "''"
	if f.ByDay {
		day, by = "day", append(by, "day")
	}
	if f.ByStore {
		store, by = "store", append(by, "store")
	}
	var w where
	w.and("position <= ?", int64(at))
	w.same("campaign", f.Campaign)
	w.same("partner", f.Partner)
	w.same("store", f.Store)
	if f.From != "" {
		w.and("day >= ?", f.From)
	}
	if f.Through != "" {
		w.and("day <= ?", f.Through)
	}
	group := strings.Join(by, ", ")
	return "SELECT campaign, definition, partner, cost_share, unit, " + day + ", " + store + `, sum(uses),
		sum(CASE WHEN source_id = checkout_id THEN discount ELSE 0 END),
		sum(CASE WHEN source_id = checkout_id THEN 0 ELSE -discount END), sum(partner_cost)
		FROM coupon_uses` + w.text + " GROUP BY " + group + " ORDER BY " + group + " LIMIT ?",
		append(w.args, f.Limit+1)
}
