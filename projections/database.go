package projections

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"sync"

	"github.com/google/uuid"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/tillbook/tillbook/eventstore"
)

// ownTables are the tables that every file has beside its projections'.
const ownTables = `
CREATE TABLE checkpoint ( -- one row: the last event that the tables hold
	one      INTEGER PRIMARY KEY CHECK (one = 1),
	position INTEGER NOT NULL,
	event_id TEXT NOT NULL,
	stream   TEXT NOT NULL,
	revision INTEGER NOT NULL
) STRICT;

CREATE TABLE projections ( -- what this file holds
	name    TEXT PRIMARY KEY,
	version INTEGER NOT NULL,
	indexed INTEGER NOT NULL -- 1 when its secondary indexes are there
) STRICT;

CREATE TABLE serving ( -- empty while a rebuild has not caught up
	one INTEGER PRIMARY KEY CHECK (one = 1)
) STRICT;

CREATE TABLE damaged ( -- events in ledger streams that are not ours, or cannot be folded
	position INTEGER PRIMARY KEY,
	stream   TEXT NOT NULL,
	revision INTEGER NOT NULL,
	event_id TEXT NOT NULL,
	type     TEXT NOT NULL,
	reason   TEXT NOT NULL
) STRICT;
`

// How the file is used. The log is the truth, so a power cut may cost the last transactions; they
// are folded again.
const (
	busyMilliseconds = 5000
	readers          = 8        // connections that read at once
	cacheKiB         = 64 << 10 // of the writer's connection
	writerPragmas    = "&_pragma=page_size(8192)&_pragma=journal_mode(wal)" +
		"&_pragma=synchronous(normal)&_txlock=immediate"
)

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

// database is one file: a connection that writes and some that read.
type database struct {
	path   string
	write  *sql.DB // nil where the file is only read
	read   *sql.DB
	users  sync.WaitGroup // who reads now; grown under Models.mu alone
	tables []Projection
}

// fileMode keeps customers' business from whoever else may read the folder. SQLite gives the files
// it makes beside a database, -wal and -shm, the database's own mode.
const fileMode = 0o600

// openDatabase opens a file, and makes it where there is none.
func openDatabase(ctx context.Context, path string, all []Projection) (*database, error) {
	// Only a new file is opened here: to close one that SQLite has open would end its locks.
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, fileMode)
	if err == nil {
		err = f.Close()
	}
	if err != nil && !errors.Is(err, os.ErrExist) {
		return nil, err
	}
	d := &database{path: path, tables: all}
	name := "file:" + (&url.URL{Path: path}).EscapedPath() +
		fmt.Sprintf("?_pragma=busy_timeout(%d)", busyMilliseconds)
	cache := fmt.Sprintf("&_pragma=cache_size(-%d)", cacheKiB)
	if d.write, err = sql.Open("sqlite", name+writerPragmas+cache); err != nil {
		return nil, err
	}
	d.write.SetMaxOpenConns(1)
	if err := d.create(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("create tables of %s: %w", path, err), d.close())
	}
	return d, d.openReaders(name)
}

// openForReading opens a file that another process may be writing.
func openForReading(path string, all []Projection) (*database, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	d := &database{path: path, tables: all}
	return d, d.openReaders("file:" + (&url.URL{Path: path}).EscapedPath() +
		fmt.Sprintf("?_pragma=busy_timeout(%d)", busyMilliseconds))
}

func (d *database) openReaders(name string) (err error) {
	d.read, err = sql.Open("sqlite", name+"&_pragma=query_only(1)")
	if err == nil {
		d.read.SetMaxOpenConns(readers)
		d.read.SetMaxIdleConns(readers)
	}
	return err
}

// create makes the tables, without secondary indexes, in a file that has none.
func (d *database) create(ctx context.Context) error {
	tx, err := d.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	var made bool
	err = tx.QueryRowContext(ctx, "SELECT count(*) > 0 FROM sqlite_schema").Scan(&made)
	if err != nil || made {
		return err
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
	return tx.Commit()
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

// serve marks the file as one that may serve.
func serve(ctx context.Context, x executor) error {
	_, err := x.ExecContext(ctx, "INSERT OR REPLACE INTO serving VALUES (1)")
	return err
}

// serves reports whether the file may serve.
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

// close closes the connections. The last one to close folds the write-ahead log into the file.
func (d *database) close() error {
	var errs []error
	for _, pool := range []*sql.DB{d.read, d.write} {
		if pool != nil {
			errs = append(errs, pool.Close())
		}
	}
	return errors.Join(errs...)
}

// remove deletes the file, which is closed.
func (d *database) remove() error { return removeFile(d.path) }

func removeFile(path string) error {
	for _, name := range []string{path + "-wal", path + "-shm", path} {
		if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
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
