package projections

import (
	"context"
	"fmt"

	"github.com/tillbook/tillbook/eventstore"
)

// FunnelStep is how far the coupons of a definition's version have come. A coupon is counted once, on the
// account that has it now.
type FunnelStep struct {
	Definition string // definition_id@version
	Issued     int64  // all that were granted
	Reserved   int64  // that an order has
	Redeemed   int64  // used once or more, less what came back
	Expired    int64
	Revoked    int64
	Recycled   int64
	Used       UseSum // of the definition's unit; zero where none was used
}

// UseSum is what uses of coupons gave and brought in, less what came back, in the smallest steps of a
// unit.
type UseSum struct {
	Definition  string // "": of the whole campaign
	Unit        string
	Uses        int64
	Sales       int64 // that the uses were in, but those of which nothing stays
	Accounts    int64 // that have such a sale, each once
	Discount    int64
	PartnerCost int64 // of the discount
	Revenue     int64 // what was paid for the sales, points among it
}

// Funnel is how far a campaign's coupons have come, by the definitions' versions, and what they gave and
// brought in together: a sale with coupons of two definitions counts once in whole.
func (m *Models) Funnel(ctx context.Context, campaign string) (
	steps []FunnelStep, whole []UseSum, at eventstore.Position, err error,
) {
	at, err = m.view(ctx, func(q querier) error {
		if steps, err = funnelSteps(ctx, q, campaign); err != nil {
			return err
		}
		byDefinition, err := useSums(ctx, q, "definition", campaign)
		if err != nil {
			return err
		}
		for i := range steps {
			for _, sum := range byDefinition {
				if sum.Definition == steps[i].Definition {
					steps[i].Used = sum
				}
			}
		}
		whole, err = useSums(ctx, q, "''", campaign)
		return err
	})
	if err != nil {
		return nil, nil, at, fmt.Errorf("read the funnel of %s: %w", campaign, err)
	}
	return steps, whole, at, nil
}

func funnelSteps(ctx context.Context, q querier, campaign string) (steps []FunnelStep, err error) {
	rows, err := q.QueryContext(ctx, `SELECT definition, count(cause),
		sum(CASE WHEN status = 'reserved' THEN 1 ELSE 0 END),
		sum(CASE WHEN used > 0 AND status <> 'merged' THEN 1 ELSE 0 END),
		sum(CASE WHEN status = 'expired' THEN 1 ELSE 0 END),
		sum(CASE WHEN status = 'revoked' THEN 1 ELSE 0 END),
		sum(CASE WHEN status = 'recycled' THEN 1 ELSE 0 END)
		FROM coupons WHERE campaign = ? GROUP BY definition ORDER BY definition`, campaign)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var s FunnelStep
		err := rows.Scan(&s.Definition, &s.Issued, &s.Reserved, &s.Redeemed, &s.Expired, &s.Revoked,
			&s.Recycled)
		if err != nil {
			return nil, err
		}
		steps = append(steps, s)
	}
	return steps, rows.Err()
}

// useSums are a campaign's sums by unit and what a column says, or all together where it is a constant. A sale
// is its account's: a use that came back may be another's, which absorbed that.
func useSums(ctx context.Context, q querier, column, campaign string) (sums []UseSum, err error) {
	rows, err := q.QueryContext(ctx, `
		WITH used AS (SELECT `+column+` AS definition, unit, checkout_id, sum(uses) AS uses,
				min(CASE WHEN uses = 1 THEN account_id END) AS account_id,
				sum(discount) AS discount, sum(partner_cost) AS partner_cost
			FROM coupon_uses WHERE campaign = ? GROUP BY 1, 2, 3)
		SELECT u.definition, u.unit, sum(u.uses),
			sum(CASE WHEN c.status = 'returned' THEN 0 ELSE 1 END),
			count(DISTINCT CASE WHEN c.status <> 'returned' THEN c.account_id END),
			sum(u.discount), sum(u.partner_cost), sum(c.revenue)
		FROM used u JOIN checkouts c ON c.account_id = u.account_id AND c.id = u.checkout_id
		GROUP BY u.definition, u.unit ORDER BY u.definition, u.unit`, campaign)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var s UseSum
		err := rows.Scan(&s.Definition, &s.Unit, &s.Uses, &s.Sales, &s.Accounts, &s.Discount,
			&s.PartnerCost, &s.Revenue)
		if err != nil {
			return nil, err
		}
		sums = append(sums, s)
	}
	return sums, rows.Err()
}
