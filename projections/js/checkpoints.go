package js

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/google/uuid"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/projections"
)

// checkpoints is where live projections stand, and their states, whose loss costs nothing but the time to
// fold the log again: a SQLite file of each node, or tables that nodes share in a PostgreSQL database.
// There one of them leads: it alone writes, and so runs the projections.
type checkpoints struct {
	db     *sql.DB             // of the file; nil where the tables are shared
	shared *projections.Shared // nil where there is a file

	mu   sync.Mutex
	lead *projections.Lead // of shared tables, nil while another node leads; guarded by mu
}

const (
	checkpointFile   = "projections.db"
	checkpointSchema = "live_projections_1" // another version has another schema
)

// Scripts, names of partitions and of streams are bytes: PostgreSQL's texts cannot hold all that they may.
const checkpointTables = `
CREATE TABLE IF NOT EXISTS foldings ( -- a version of a projection that folds the log
	name        TEXT NOT NULL,
	began       INTEGER NOT NULL, -- names the folding
	version     INTEGER NOT NULL,
	query       BLOB NOT NULL,
	emit        INTEGER NOT NULL, -- 1: it may
	position    INTEGER NOT NULL, -- of the last event that was looked at
	event_id    TEXT NOT NULL,    -- of the last event that was folded; '' for none
	stream      BLOB NOT NULL,
	revision    INTEGER NOT NULL,
	emits_after INTEGER NOT NULL, -- -1: it does not emit yet
	events      INTEGER NOT NULL, -- handled so far
	emitted     INTEGER NOT NULL,
	shared      BLOB,
	fault       TEXT NOT NULL,    -- JSON; '' for none
	PRIMARY KEY (name, began)
) STRICT;

CREATE TABLE IF NOT EXISTS partitions (
	name      TEXT NOT NULL,
	began     INTEGER NOT NULL,
	partition BLOB NOT NULL,
	position  INTEGER NOT NULL, -- of the checkpoint that wrote it
	state     BLOB NOT NULL, -- JSON
	PRIMARY KEY (name, began, partition)
) STRICT, WITHOUT ROWID;
`

// olderTables are those of versions before, in a file.
const olderTables = `DROP TABLE IF EXISTS runs; DROP TABLE IF EXISTS states;`

// mark is where a run stands. The event it names must be found where it says, or the log is another.
type mark struct {
	position   eventstore.Position
	id         uuid.UUID
	stream     string
	revision   eventstore.Revision
	emitsAfter int64
	events     int64
	emitted    int64
	fault      *LiveFault
}

// runRow is a run as the tables have it.
type runRow struct {
	version Version // EmitsAfter is not known
	mark
}

// notYet is the emitsAfter of what does not emit yet.
const notYet = -1

// openCheckpoints opens the file in a folder, and makes it where there is none; of a PostgreSQL database,
// by its URL, it opens nothing yet.
func openCheckpoints(ctx context.Context, place string) (*checkpoints, error) {
	if projections.IsPostgres(place) {
		shared, err := projections.NewShared(place, checkpointSchema, checkpointTables)
		return &checkpoints{shared: shared}, err
	}
	path := filepath.Join(place, checkpointFile)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err == nil {
		err = f.Close()
	}
	if err != nil && !errors.Is(err, os.ErrExist) {
		return nil, err
	}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+
		"?_pragma=busy_timeout(5000)&_pragma=journal_mode(wal)&_pragma=synchronous(normal)&_txlock=immediate")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(ctx, olderTables+checkpointTables); err != nil {
		return nil, errors.Join(fmt.Errorf("create tables of %s: %w", path, err), db.Close())
	}
	return &checkpoints{db: db}, nil
}

func (c *checkpoints) close() error {
	if c.shared != nil {
		return c.shared.Close()
	}
	return c.db.Close()
}

// within runs statements in one transaction. Its error is errNotLeading where another node leads.
func (c *checkpoints) within(do func(*sql.Tx) error) error {
	if c.shared != nil {
		lead := c.leads()
		if lead == nil {
			return errNotLeading
		}
		return lead.Write(do)
	}
	tx, err := c.db.BeginTx(context.Background(), nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := do(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// asker is a pool of connections or a transaction.
type asker interface {
	Query(query string, args ...any) (*sql.Rows, error)
	QueryRow(query string, args ...any) *sql.Row
}

// ask asks the tables, shared ones as they are at one instant.
func (c *checkpoints) ask(ctx context.Context, do func(asker) error) error {
	if c.shared == nil {
		return do(c.db)
	}
	return c.shared.Read(ctx, func(tx *sql.Tx) error { return do(tx) })
}

const runColumns = `SELECT began, version, query, emit, position, event_id, stream, revision, emits_after, events,
	emitted, fault FROM foldings `

// runs are the runs that there are of a projection.
func (c *checkpoints) runs(name string) (all []runRow, err error) {
	err = c.ask(context.Background(), func(a asker) error {
		all, err = scanRuns(a.Query(runColumns+"WHERE name = ?", name))
		return err
	})
	return all, err
}

func scanRuns(rows *sql.Rows, err error) (all []runRow, _ error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var r runRow
		var id, fault string
		v := &r.version
		err := rows.Scan(&v.Began, &v.Number, &v.Query, &v.Emit, &r.position, &id, &r.stream, &r.revision,
			&r.emitsAfter, &r.events, &r.emitted, &fault)
		if err != nil {
			return nil, err
		}
		if id != "" {
			if r.id, err = uuid.Parse(id); err != nil {
				return nil, err
			}
		}
		if fault != "" {
			if err := json.Unmarshal([]byte(fault), &r.fault); err != nil {
				return nil, err
			}
		}
		all = append(all, r)
	}
	return all, rows.Err()
}

// names are the projections that the tables know.
func (c *checkpoints) names() (all []string, err error) {
	err = c.ask(context.Background(), func(a asker) error {
		all, err = projections.ReadNames(a.Query("SELECT DISTINCT name FROM foldings"))
		return err
	})
	return all, err
}

// snapshot is what a run had folded at its checkpoint.
func (c *checkpoints) snapshot(name string, began int64) (s Snapshot, err error) {
	return s, c.ask(context.Background(), func(a asker) error {
		s, err = snapshotAfter(a, name, began, -1)
		return err
	})
}

// snapshotAfter is a snapshot without the states that were written up to a position.
func snapshotAfter(a asker, name string, began, after int64) (s Snapshot, err error) {
	s.States = map[string][]byte{}
	err = a.QueryRow("SELECT shared FROM foldings WHERE name = ? AND began = ?", name, began).Scan(&s.Shared)
	if errors.Is(err, sql.ErrNoRows) {
		return s, nil
	}
	if err != nil {
		return s, err
	}
	rows, err := a.Query("SELECT partition, state FROM partitions WHERE name = ? AND began = ? AND position > ?",
		name, began, after)
	if err != nil {
		return s, err
	}
	defer rows.Close()
	for rows.Next() {
		var partition, state []byte
		if err := rows.Scan(&partition, &state); err != nil {
			return s, err
		}
		s.States[string(partition)] = state
	}
	return s, rows.Err()
}

// save moves a run's checkpoint together with the states that have changed.
func (c *checkpoints) save(name string, v Version, at mark, changed Snapshot) error {
	fault := ""
	if at.fault != nil {
		text, err := json.Marshal(at.fault)
		if err != nil {
			return err
		}
		fault = string(text)
	}
	id := ""
	if at.id != (uuid.UUID{}) {
		id = at.id.String()
	}
	emit := 0
	if v.Emit {
		emit = 1
	}
	return c.within(func(tx *sql.Tx) error {
		_, err := tx.Exec(`INSERT INTO foldings VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (name, began) DO UPDATE SET position = excluded.position, event_id = excluded.event_id,
				stream = excluded.stream, revision = excluded.revision, emits_after = excluded.emits_after,
				events = excluded.events, emitted = excluded.emitted,
				shared = coalesce(excluded.shared, foldings.shared), fault = excluded.fault`,
			name, v.Began, v.Number, []byte(v.Query), emit, int64(at.position), id, []byte(at.stream),
			int64(at.revision), at.emitsAfter, at.events, at.emitted, changed.Shared, fault)
		if err != nil {
			return err
		}
		return saveStates(tx, name, v.Began, int64(at.position), changed.States)
	})
}

// statesAtOnce is how many states one statement writes.
const statesAtOnce = 100

func saveStates(tx *sql.Tx, name string, began, position int64, all map[string][]byte) error {
	const row = ", (?, ?, ?, ?, ?)"
	var values []any
	for partition, state := range all {
		values = append(values, name, began, []byte(partition), position, state)
	}
	for len(values) > 0 {
		n := min(len(values), statesAtOnce*5)
		_, err := tx.Exec("INSERT INTO partitions VALUES "+strings.Repeat(row, n/5)[2:]+
			` ON CONFLICT (name, began, partition)
				DO UPDATE SET state = excluded.state, position = excluded.position`, values[:n]...)
		if err != nil {
			return err
		}
		values = values[n:]
	}
	return nil
}

// forget removes a run and its states.
func (c *checkpoints) forget(name string, began int64) error {
	return c.within(func(tx *sql.Tx) error {
		for _, table := range []string{"partitions", "foldings"} {
			if _, err := tx.Exec("DELETE FROM "+table+" WHERE name = ? AND began = ?", name, began); err != nil {
				return err
			}
		}
		return nil
	})
}
