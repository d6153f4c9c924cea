package projections

import (
	"context"
	"fmt"
	"time"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
)

// TierCount is how many accounts hold a tier. That of rank 0 is the first of whatever program: it has no
// name.
type TierCount struct {
	Tier    string
	Rank    int
	Members int64
}

// TierMove is how many accounts hold a tier at one instant who held another at an earlier one. "" is the
// first tier of whatever program.
type TierMove struct {
	From, To string
	Members  int64
}

// TierReport is who holds what tier.
type TierReport struct {
	Counts []TierCount // by rank, falling
	Moves  []TierMove
	AsOf   eventstore.Position
}

// members are the accounts that are counted: a voucher's is no customer's.
const members = "kind = '" + domain.KindMember + "' AND status NOT IN ('closed', 'merged')"

// heldAt are the tiers that accounts held at an instant, by when each began: an import's years ago, a
// period's end when it was, however late that was written. Of two, what was recorded
// later counts, even where it began earlier: a sale that comes late. Of members that have not ended.
const heldAt = `SELECT c.account_id, c.tier, c.rank FROM tier_changes c
	JOIN accounts ON accounts.id = c.account_id
	WHERE c.at <= ? AND ` + members + ` AND NOT EXISTS (
		SELECT 1 FROM tier_changes d WHERE d.account_id = c.account_id AND d.at <= ?
			AND d.revision > c.revision)`

// TierReport counts who held what tier at an instant, and who held another at an earlier one, which may
// be zero: then nobody. Of members that have not ended, those that held no other held the first, also
// before they were opened.
func (m *Models) TierReport(ctx context.Context, at, from time.Time) (r TierReport, err error) {
	r.AsOf, err = m.view(ctx, func(q querier) error {
		if r.Counts, err = tierCounts(ctx, q, at); err != nil || from.IsZero() {
			return err
		}
		r.Moves, err = tierMoves(ctx, q, from, at)
		return err
	})
	if err != nil {
		return r, fmt.Errorf("report tiers: %w", err)
	}
	return r, nil
}

func tierCounts(ctx context.Context, q querier, at time.Time) (counts []TierCount, err error) {
	rows, err := q.QueryContext(ctx, `SELECT tier, rank, count(*) FROM (`+heldAt+`) AS held
		WHERE rank > 0 GROUP BY tier, rank ORDER BY rank DESC, tier`, NullTime(at), NullTime(at))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	others := int64(0)
	for rows.Next() {
		var c TierCount
		if err := rows.Scan(&c.Tier, &c.Rank, &c.Members); err != nil {
			return nil, err
		}
		others += c.Members
		counts = append(counts, c)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	var first TierCount
	err = q.QueryRowContext(ctx, `SELECT count(*) - ? FROM accounts WHERE `+members, others).
		Scan(&first.Members)
	return append(counts, first), err
}

func tierMoves(ctx context.Context, q querier, from, to time.Time) (moves []TierMove, err error) {
	held := `coalesce((SELECT CASE WHEN rank > 0 THEN tier ELSE '' END FROM tier_changes
		WHERE account_id = moved.account_id AND at <= ? ORDER BY revision DESC LIMIT 1), '')`
	rows, err := q.QueryContext(ctx, `SELECT was, is_now, count(*) FROM (
			SELECT `+held+` AS was, `+held+` AS is_now FROM (
				SELECT DISTINCT account_id FROM tier_changes
				JOIN accounts ON accounts.id = account_id
				WHERE at > ? AND at <= ? AND `+members+`) AS moved) AS moves
		WHERE was <> is_now GROUP BY was, is_now ORDER BY was, is_now`,
		NullTime(from), NullTime(to), NullTime(from), NullTime(to))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var m TierMove
		if err := rows.Scan(&m.From, &m.To, &m.Members); err != nil {
			return nil, err
		}
		moves = append(moves, m)
	}
	return moves, rows.Err()
}
