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
	Unit       string // of Discount; "" where none was used
	Discount   int64  // given, less what came back, in the unit's smallest steps
}

// Funnel is how far a campaign's coupons have come, by the definitions' versions.
func (m *Models) Funnel(ctx context.Context, campaign string) (
	steps []FunnelStep, at eventstore.Position, err error,
) {
	at, err = m.view(ctx, func(q querier) error {
		rows, err := q.QueryContext(ctx, `SELECT definition, sum(cause <> ''), sum(status = 'reserved'),
			sum(used > 0 AND status <> 'merged'), sum(status = 'expired'), sum(status = 'revoked'),
			sum(status = 'recycled'), coalesce(max(unit), ''),
			coalesce(sum(CAST(replace(discount, '.', '') AS INTEGER)), 0)
			FROM coupons WHERE campaign = ? GROUP BY definition ORDER BY definition`, campaign)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var s FunnelStep
			var issued *int64 // NULL where all came with merges
			err := rows.Scan(&s.Definition, &issued, &s.Reserved, &s.Redeemed, &s.Expired, &s.Revoked,
				&s.Recycled, &s.Unit, &s.Discount)
			if err != nil {
				return err
			}
			if issued != nil {
				s.Issued = *issued
			}
			steps = append(steps, s)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, at, fmt.Errorf("read the funnel of %s: %w", campaign, err)
	}
	return steps, at, nil
}
