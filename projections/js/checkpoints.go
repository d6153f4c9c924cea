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

	"github.com/google/uuid"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/tillbook/tillbook/eventstore"
)

// checkpoints is where live projections stand, and their states: a SQLite file of each node, whose
// loss costs nothing but the time to fold the log again.
type checkpoints struct{ db *sql.DB }

const checkpointFile = "projections.db"

const checkpointTables = `
CREATE TABLE IF NOT EXISTS runs ( -- a version of a projection that folds the log
	name        TEXT NOT NULL,
	began       INTEGER NOT NULL, -- names the folding
	version     INTEGER NOT NULL,
	position    INTEGER NOT NULL, -- of the last event that was looked at
	event_id    TEXT NOT NULL,    -- of the last event that was folded; '' for none
	stream      TEXT NOT NULL,
	revision    INTEGER NOT NULL,
	emits_after INTEGER NOT NULL, -- -1: it does not emit yet
	events      INTEGER NOT NULL, -- handled so far
	emitted     INTEGER NOT NULL,
	shared      BLOB,
	fault       TEXT NOT NULL,    -- JSON; '' for none
	PRIMARY KEY (name, began)
) STRICT;

CREATE TABLE IF NOT EXISTS states (
	name      TEXT NOT NULL,
	began     INTEGER NOT NULL,
	partition TEXT NOT NULL,
	state     BLOB NOT NULL, -- JSON
	PRIMARY KEY (name, began, partition)
) STRICT, WITHOUT ROWID;
`

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

// runRow is a run as the file has it.
type runRow struct {
	began   int64
	version int
	mark
}

// notYet is the emitsAfter of what does not emit yet.
const notYet = -1

// openCheckpoints opens the file in a folder, and makes it where there is none.
func openCheckpoints(ctx context.Context, folder string) (*checkpoints, error) {
	path := filepath.Join(folder, checkpointFile)
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
	if _, err := db.ExecContext(ctx, checkpointTables); err != nil {
		return nil, errors.Join(fmt.Errorf("create tables of %s: %w", path, err), db.Close())
	}
	return &checkpoints{db}, nil
}

func (c *checkpoints) close() error { return c.db.Close() }

// within runs statements in one transaction.
func (c *checkpoints) within(do func(*sql.Tx) error) error {
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

// runs are the runs that there are of a projection.
func (c *checkpoints) runs(name string) (all []runRow, err error) {
	rows, err := c.db.Query(`SELECT began, version, position, event_id, stream, revision, emits_after, events,
		emitted, fault FROM runs WHERE name = ?`, name)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var r runRow
		var id, fault string
		err := rows.Scan(&r.began, &r.version, &r.position, &id, &r.stream, &r.revision, &r.emitsAfter,
			&r.events, &r.emitted, &fault)
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

// names are the projections that the file knows.
func (c *checkpoints) names() (all []string, err error) {
	rows, err := c.db.Query("SELECT DISTINCT name FROM runs")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		all = append(all, name)
	}
	return all, rows.Err()
}

// snapshot is what a run had folded at its checkpoint.
func (c *checkpoints) snapshot(name string, began int64) (s Snapshot, err error) {
	s.States = map[string][]byte{}
	err = c.db.QueryRow("SELECT shared FROM runs WHERE name = ? AND began = ?", name, began).Scan(&s.Shared)
	if errors.Is(err, sql.ErrNoRows) {
		return s, nil
	}
	if err != nil {
		return s, err
	}
	rows, err := c.db.Query("SELECT partition, state FROM states WHERE name = ? AND began = ?", name, began)
	if err != nil {
		return s, err
	}
	defer rows.Close()
	for rows.Next() {
		var partition string
		var state []byte
		if err := rows.Scan(&partition, &state); err != nil {
			return s, err
		}
		s.States[partition] = state
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
	return c.within(func(tx *sql.Tx) error {
		_, err := tx.Exec(`INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (name, began) DO UPDATE SET position = excluded.position, event_id = excluded.event_id,
				stream = excluded.stream, revision = excluded.revision, emits_after = excluded.emits_after,
				events = excluded.events, emitted = excluded.emitted,
				shared = coalesce(excluded.shared, shared), fault = excluded.fault`,
			name, v.Began, v.Number, int64(at.position), id, at.stream, int64(at.revision), at.emitsAfter,
			at.events, at.emitted, changed.Shared, fault)
		if err != nil || len(changed.States) == 0 {
			return err
		}
		put, err := tx.Prepare(`INSERT INTO states VALUES (?, ?, ?, ?)
			ON CONFLICT (name, began, partition) DO UPDATE SET state = excluded.state`)
		if err != nil {
			return err
		}
		defer put.Close()
		for partition, state := range changed.States {
			if _, err := put.Exec(name, v.Began, partition, state); err != nil {
				return err
			}
		}
		return nil
	})
}

// forget removes a run and its states.
func (c *checkpoints) forget(name string, began int64) error {
	return c.within(func(tx *sql.Tx) error {
		for _, table := range []string{"states", "runs"} {
			if _, err := tx.Exec("DELETE FROM "+table+" WHERE name = ? AND began = ?", name, began); err != nil {
				return err
			}
		}
		return nil
	})
}
