package projections

import (
	"context"
	"database/sql"

	"github.com/tillbook/tillbook/eventstore"
)

// Reader asks the tables, as SQLite has SQL, with ? for parameters. It writes nothing. The rows of a query
// must be closed before the next query.
type Reader interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// Read lets work ask the tables, all of them as they are at one position of the log, which it answers. It
// does not wait for them to catch up: Wait and WaitHead do. ErrStale while the tables are another log's,
// ErrClosed, or work's error.
func (m *Models) Read(ctx context.Context, work func(Reader) error) (eventstore.Position, error) {
	return m.view(ctx, func(q querier) error { return work(q) })
}
