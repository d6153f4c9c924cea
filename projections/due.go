package projections

import (
	"context"
	"database/sql"
	"fmt"
	"iter"
	"time"

	"github.com/google/uuid"
)

// duePage is how many due rows are in memory at once.
const duePage = 500

// DueHolds are the accounts with an active hold whose time is over at an instant, those waiting longest
// first. An account may come more than once. Only rows that are due are read, a page at a time, and none
// while the caller works on what it got. The list is a hint: the decision looks again. An error is the
// last that comes.
func (m *Models) DueHolds(ctx context.Context, at time.Time) iter.Seq2[uuid.UUID, error] {
	return accountsOf(m.due(ctx, "holds", `SELECT expires_at, account_id, id FROM holds
		WHERE status = 'active' AND expires_at <= ? AND (expires_at, account_id, id) > (?, ?, ?)
		ORDER BY expires_at, account_id, id LIMIT ?`, NullTime(at)))
}

// DueLots is DueHolds for lots that have expired while some of their value, unheld, still counts.
func (m *Models) DueLots(ctx context.Context, at time.Time) iter.Seq2[uuid.UUID, error] {
	return accountsOf(m.due(ctx, "lots", `SELECT expires_at, account_id, id FROM lots
		WHERE expires_at IS NOT NULL AND remaining <> held AND expires_at <= ?
			AND (expires_at, account_id, id) > (?, ?, ?)
		ORDER BY expires_at, account_id, id LIMIT ?`, NullTime(at)))
}

// DueReminders is DueHolds for lots of which a reminder is due.
func (m *Models) DueReminders(ctx context.Context, at time.Time) iter.Seq2[uuid.UUID, error] {
	return accountsOf(m.due(ctx, "reminders", `SELECT remind_at, account_id, id FROM lots
		WHERE remind_at IS NOT NULL AND remind_at <= ? AND (remind_at, account_id, id) > (?, ?, ?)
		ORDER BY remind_at, account_id, id LIMIT ?`, NullTime(at)))
}

// DueDormancy is DueHolds for accounts that have a next step of dormancy at an instant: by the ladder of
// each, which is one of ladders. Accounts whose ladder waits longer than another one are read for that
// one, too.
func (m *Models) DueDormancy(ctx context.Context, at time.Time, ladders [][]int,
	of func(account uuid.UUID) []int) iter.Seq2[uuid.UUID, error] {
	return func(yield func(uuid.UUID, error) bool) {
		for step, more := -1, true; more; {
			var err error
			if step, more, err = m.stepAfter(ctx, step); err != nil || !more {
				if err != nil {
					yield(uuid.UUID{}, err)
				}
				return
			}
			for days := range nextSteps(ladders, step) {
				for r, err := range m.idle(ctx, step, at.AddDate(0, 0, -days)) {
					if err == nil && nextStep(of(r.account), step) != days {
						continue // another ladder's
					}
					if !yield(r.account, err) || err != nil {
						return
					}
				}
			}
		}
	}
}

// nextSteps are the steps that follow a step on some ladder.
func nextSteps(ladders [][]int, step int) map[int]bool {
	next := map[int]bool{}
	for _, ladder := range ladders {
		if days := nextStep(ladder, step); days > 0 {
			next[days] = true
		}
	}
	return next
}

// nextStep is the first step of a ladder after a step, 0 if there is none.
func nextStep(ladder []int, step int) int {
	for _, days := range ladder {
		if days > step {
			return days
		}
	}
	return 0
}

// stepAfter is the next greater step at which accounts stand.
func (m *Models) stepAfter(ctx context.Context, step int) (next int, ok bool, err error) {
	var least sql.NullInt64
	_, err = m.view(ctx, func(q querier) error {
		return q.QueryRowContext(ctx, `SELECT min(dormant_step) FROM accounts
			WHERE `+lasting+` AND dormant_step > ?`, step).Scan(&least)
	})
	if err != nil {
		return 0, false, fmt.Errorf("list due dormancy: %w", err)
	}
	return int(least.Int64), least.Valid, nil
}

// idle are the accounts at a step whose customer was active last at an instant or before.
func (m *Models) idle(ctx context.Context, step int, since time.Time) iter.Seq2[dueRow, error] {
	return m.due(ctx, "dormancy", `SELECT active_at, id, id FROM accounts
		WHERE `+lasting+` AND dormant_step = ? AND active_at <= ?
			AND (active_at, id, id) > (?, ?, ?)
		ORDER BY active_at, id LIMIT ?`, step, NullTime(since))
}

// dueRow is a row by which something is due, and its key.
type dueRow struct {
	at      string
	account uuid.UUID
	id      uuid.UUID
}

// due are the rows of a query, which takes args, the key of the last row before, and a limit.
func (m *Models) due(
	ctx context.Context, what, query string, args ...any,
) iter.Seq2[dueRow, error] {
	return func(yield func(dueRow, error) bool) {
		var last dueRow
		for {
			page, err := m.duePage(ctx, query, append(args[:len(args):len(args)], last.at,
				last.account.String(), last.id.String(), duePage))
			if err != nil {
				yield(dueRow{}, fmt.Errorf("list due %s: %w", what, err))
				return
			}
			for _, r := range page {
				if !yield(r, nil) {
					return
				}
			}
			if len(page) < duePage {
				return
			}
			last = page[len(page)-1]
		}
	}
}

func (m *Models) duePage(ctx context.Context, query string, args []any) (page []dueRow, err error) {
	_, err = m.view(ctx, func(q querier) error {
		rows, err := q.QueryContext(ctx, query, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var r dueRow
			if err := rows.Scan(&r.at, &r.account, &r.id); err != nil {
				return err
			}
			page = append(page, r)
		}
		return rows.Err()
	})
	return page, err
}

// accountsOf are the accounts of rows, each once for rows that follow each other.
func accountsOf(rows iter.Seq2[dueRow, error]) iter.Seq2[uuid.UUID, error] {
	return func(yield func(uuid.UUID, error) bool) {
		var last uuid.UUID
		for r, err := range rows {
			if err == nil && r.account == last {
				continue
			}
			if last = r.account; !yield(r.account, err) {
				return
			}
		}
	}
}
