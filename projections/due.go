package projections

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// DueHolds are accounts with an active hold whose time is over at an instant, those waiting longest
// first, each once, at most limit. The list is a hint: the decision looks again.
func (m *Models) DueHolds(ctx context.Context, at time.Time, limit int) ([]uuid.UUID, error) {
	return m.due(ctx, "holds", `SELECT account_id FROM holds
		WHERE status = 'active' AND expires_at <= ? ORDER BY expires_at, account_id LIMIT ?`, at, limit)
}

// DueLots is DueHolds for lots that have expired while some of their value, unheld, still counts.
func (m *Models) DueLots(ctx context.Context, at time.Time, limit int) ([]uuid.UUID, error) {
	return m.due(ctx, "lots", `SELECT account_id FROM lots
		WHERE expires_at IS NOT NULL AND remaining <> held AND expires_at <= ?
		ORDER BY expires_at, account_id LIMIT ?`, at, limit)
}

func (m *Models) due(ctx context.Context, what, query string, at time.Time,
	limit int) ([]uuid.UUID, error) {
	var due []uuid.UUID
	_, err := m.view(ctx, func(q querier) error {
		rows, err := q.QueryContext(ctx, query, instant(at), min(limit, MaxLimit))
		if err != nil {
			return err
		}
		defer rows.Close()
		seen := map[uuid.UUID]bool{}
		for rows.Next() {
			var id uuid.UUID
			if err := rows.Scan(&id); err != nil {
				return err
			}
			if !seen[id] {
				seen[id] = true
				due = append(due, id)
			}
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("list due %s: %w", what, err)
	}
	return due, nil
}

// NextDue is the earliest instant at which a hold or a lot will be due, zero if none will.
func (m *Models) NextDue(ctx context.Context) (time.Time, error) {
	var next sql.NullString
	_, err := m.view(ctx, func(q querier) error {
		return q.QueryRowContext(ctx, `SELECT min(at) FROM (
			SELECT min(expires_at) AS at FROM holds WHERE status = 'active' UNION ALL
			SELECT min(expires_at) FROM lots WHERE expires_at IS NOT NULL AND remaining <> held)`).
			Scan(&next)
	})
	if err != nil {
		return time.Time{}, fmt.Errorf("find what is due next: %w", err)
	}
	return readInstant(next)
}
