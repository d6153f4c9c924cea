package main

import (
	"context"
	"slices"
	"sync"

	"github.com/google/uuid"
)

// The bounds of what is under way: an account's rows go through one lane, in their order, a window
// at a time.
const (
	laneCount    = 4
	windowRows   = 500
	laneAccounts = 1 << 18 // known to be open, 16 bytes each
)

// send posts rows until there are none, or one lane fails.
func (i *importer) send(ctx context.Context, rows func(yield func(*importRow) bool) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	lanes := make([]*lane, laneCount)
	var running sync.WaitGroup
	for n := range lanes {
		l := &lane{importer: i, rows: make(chan *importRow, windowRows),
			open: make([]uuid.UUID, laneAccounts)}
		lanes[n] = l
		running.Go(func() {
			if err := l.run(ctx); err != nil {
				cancel(err)
			}
		})
	}
	err := rows(func(row *importRow) bool {
		select {
		case lanes[row.account[0]%laneCount].rows <- row:
			return true
		case <-ctx.Done():
			return false
		}
	})
	if err != nil {
		cancel(err)
	}
	for _, l := range lanes {
		close(l.rows)
	}
	running.Wait()
	return context.Cause(ctx)
}

// lane posts the rows of some of the accounts. One goroutine runs it.
type lane struct {
	*importer
	rows    chan *importRow
	open    []uuid.UUID // accounts that are open, each at a place of its own
	window  []*importRow
	trouble error // why the last request, or a row of it, was not answered
}

// run ends when rows does, or when it cannot go on.
func (l *lane) run(ctx context.Context) error {
	for row := range l.rows {
		if row.kind == rowRefund && l.debits(row.account) {
			if err := l.flush(ctx); err != nil { // the debit must have its id
				return err
			}
		}
		l.opened(row)
		l.window = append(l.window, row)
		if len(l.window) >= windowRows {
			if err := l.flush(ctx); err != nil {
				return err
			}
		}
	}
	return l.flush(ctx)
}

// debits reports whether a debit of the account waits in the window.
func (l *lane) debits(account uuid.UUID) bool {
	return slices.ContainsFunc(l.window, func(row *importRow) bool {
		return row.account == account && row.kind == rowDebit
	})
}

// opened puts the opening of row's account before it, unless the account is known to be open. An
// account that lost its place is opened again, which does nothing.
func (l *lane) opened(row *importRow) {
	known := &l.open[slotOf(row.account)]
	if *known == row.account {
		return
	}
	*known = row.account
	if row.kind == rowOpen {
		return
	}
	l.window = append(l.window, &importRow{
		line: row.line, kind: rowOpen, account: row.account, opens: true, key: "import:open",
		item: bulkItem{Operation: "open", CustomerRef: row.item.CustomerRef,
			Channel: row.item.Channel, OccurredAt: row.item.OccurredAt},
	})
}

// slotOf is where an account stands among those known to be open.
func slotOf(account uuid.UUID) int {
	return int(account[1])<<16&(laneAccounts-1) | int(account[2])<<8 | int(account[3])
}
