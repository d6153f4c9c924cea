package projections

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/eventstore"
)

// ownTables are the tables that every file has beside its projections'.
const ownTables = `
CREATE TABLE checkpoint ( -- one row: the last event that the tables hold
	one      INTEGER PRIMARY KEY CHECK (one = 1), -- always 1
	position INTEGER NOT NULL,
	event_id TEXT NOT NULL,
	stream   TEXT NOT NULL,
	revision INTEGER NOT NULL
) STRICT;

CREATE TABLE projections ( -- what this file holds
	name    TEXT PRIMARY KEY, -- as its main table's
	version INTEGER NOT NULL, -- of the projection
	indexed INTEGER NOT NULL -- 1 when its secondary indexes are there
) STRICT;

CREATE TABLE serving ( -- empty while a rebuild has not caught up
	one INTEGER PRIMARY KEY CHECK (one = 1) -- always 1
) STRICT;

CREATE TABLE damaged ( -- events in ledger streams that are not ours, or cannot be folded
	position INTEGER PRIMARY KEY,
	stream   TEXT NOT NULL,
	revision INTEGER NOT NULL,
	event_id TEXT NOT NULL,
	type     TEXT NOT NULL,
	reason   TEXT NOT NULL        -- why it was passed over
) STRICT;
`

// checkpoint is where a file stands in the log: its last event.
type checkpoint struct {
	position eventstore.Position
	id       uuid.UUID
	stream   string
	revision eventstore.Revision
}

// isIn reports whether a log holds the checkpoint's event where the checkpoint says. Every log holds
// a checkpoint of nothing.
func (c checkpoint) isIn(ctx context.Context, store eventstore.Store) (bool, error) {
	if c == (checkpoint{}) {
		return true, nil
	}
	for e, err := range store.Read(ctx, c.stream, c.revision) {
		if err != nil {
			return false, fmt.Errorf("read the checkpoint's event: %w", err)
		}
		return e.ID == c.id && e.Position == c.position && e.Revision == c.revision, nil
	}
	return false, nil
}

// database is one generation of the tables: a connection that writes and some that read.
type database struct {
	name     string // of its file or schema
	shelf    shelf
	write    *sql.DB // nil where it is only read
	read     *sql.DB
	lock     *sql.Conn      // holds PostgreSQL's lock on its use
	users    sync.WaitGroup // who reads now; grown under Models.mu alone
	tables   []Projection
	postgres bool // else SQLite
}

// readers are the connections that read at once.
const readers = 8

// create makes the tables, without secondary indexes, where there are none.
func (d *database) create(ctx context.Context) error {
	tx, err := d.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if d.postgres {
		if err := lockToCreate(ctx, tx, d.name); err != nil {
			return err
		}
	}
	var made bool
	catalogue := "sqlite_schema"
	if d.postgres {
		catalogue = "pg_tables WHERE schemaname = current_schema()"
	}
	err = tx.QueryRowContext(ctx, "SELECT count(*) > 0 FROM "+catalogue).Scan(&made)
	if err != nil || made {
		return err
	}
	if err := d.fill(ctx, tx); err != nil {
		return err
	}
	return tx.Commit()
}

// fill makes the tables where there are none.
func (d *database) fill(ctx context.Context, tx *sql.Tx) error {
	if d.postgres {
		if _, err := tx.ExecContext(ctx, functions); err != nil {
			return err
		}
	}
	if _, err := tx.ExecContext(ctx, ownTables); err != nil {
		return err
	}
	for _, p := range d.tables {
		if _, err := tx.ExecContext(ctx, p.Tables()); err != nil {
			return fmt.Errorf("%s: %w", p.Name(), err)
		}
		_, err := tx.ExecContext(ctx, "INSERT INTO projections VALUES (?, ?, 0)", p.Name(), p.Version())
		if err != nil {
			return err
		}
	}
	if !d.postgres {
		return nil
	}
	all, err := Describe(d.tables)
	if err == nil {
		_, err = tx.ExecContext(ctx, commented(all))
	}
	return err
}

// index creates the secondary indexes that are not there yet.
func (d *database) index(ctx context.Context, conn *sql.Conn) error {
	for _, p := range d.tables {
		var indexed bool
		err := conn.QueryRowContext(ctx, "SELECT indexed FROM projections WHERE name = ?",
			p.Name()).Scan(&indexed)
		if err != nil {
			return err
		}
		if indexed {
			continue
		}
		err = transact(ctx, conn, func() error {
			if _, err := conn.ExecContext(ctx, p.Indexes()); err != nil {
				return err
			}
			_, err := conn.ExecContext(ctx, "UPDATE projections SET indexed = 1 WHERE name = ?", p.Name())
			return err
		})
		if err != nil {
			return fmt.Errorf("index %s: %w", p.Name(), err)
		}
	}
	return nil
}

// executor is a connection or a pool of them.
type executor interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// serve marks the generation as one that may serve.
func (d *database) serve(ctx context.Context, x executor) error {
	_, err := x.ExecContext(ctx, "INSERT INTO serving VALUES (1) ON CONFLICT DO NOTHING")
	if err == nil && d.postgres {
		err = tell(ctx, x, d)
	}
	return err
}

// serves reports whether the generation may serve.
func (d *database) serves(ctx context.Context) (serves bool, err error) {
	err = d.read.QueryRowContext(ctx, "SELECT count(*) > 0 FROM serving").Scan(&serves)
	return serves, err
}

// querier is a connection or a transaction.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// readCheckpoint is the checkpoint, zero where nothing was folded yet.
func readCheckpoint(ctx context.Context, q querier) (checkpoint, error) {
	var c checkpoint
	err := q.QueryRowContext(ctx, "SELECT position, event_id, stream, revision FROM checkpoint").
		Scan(&c.position, &c.id, &c.stream, &c.revision)
	if errors.Is(err, sql.ErrNoRows) {
		return checkpoint{}, nil
	}
	if err != nil {
		return c, fmt.Errorf("read checkpoint: %w", err)
	}
	return c, nil
}

// close closes the connections. The last one to close folds SQLite's write-ahead log into the file.
func (d *database) close() error {
	var errs []error
	if d.lock != nil {
		// The server ends a connection some time after it was closed, but a lock at once. If it does not,
		// the connection is gone already.
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_, _ = d.lock.ExecContext(ctx, "SELECT pg_advisory_unlock_shared("+lockOf(useOf, d.name)+")")
		errs = append(errs, discard(d.lock))
	}
	for _, pool := range []*sql.DB{d.read, d.write} {
		if pool != nil && (pool == d.read || !d.postgres) {
			errs = append(errs, pool.Close())
		}
	}
	return errors.Join(errs...)
}

// lookUp is the query of the rows that have one of the wanted keys.
func (d *database) lookUp(table, columns, key, wanted string) string {
	if d.postgres {
		return fmt.Sprintf("SELECT %s FROM %s WHERE (%s) IN (%s)", columns, table, key, wanted)
	}
	// CROSS JOIN makes SQLite look up each key rather than scan the table.
	return fmt.Sprintf("WITH want(%s) AS (VALUES %s) SELECT %s FROM want CROSS JOIN %s USING (%s)",
		key, wanted, columns, table, key)
}

// transact runs work in a transaction of conn. The end of ctx does not keep a rollback from being
// sent.
func transact(ctx context.Context, conn *sql.Conn, work func() error) error {
	if _, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	err := work()
	if err == nil {
		_, err = conn.ExecContext(ctx, "COMMIT")
	}
	if err != nil {
		_, back := conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
		return errors.Join(err, back)
	}
	return nil
}
