package webhooks

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/google/uuid"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
)

const file = "webhooks.db"

const tables = `
CREATE TABLE IF NOT EXISTS cursors ( -- how far the log was looked at for a webhook
	webhook  TEXT PRIMARY KEY,
	sequence INTEGER NOT NULL, -- the last one that a delivery has
	position INTEGER NOT NULL, -- the last event that was looked at
	event_id TEXT NOT NULL,    -- '' after a replay
	stream   TEXT NOT NULL,
	revision INTEGER NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS deliveries (
	webhook  TEXT NOT NULL,
	sequence INTEGER NOT NULL, -- dense, from 1
	event_id TEXT NOT NULL,
	type     TEXT NOT NULL,
	stream   TEXT NOT NULL,
	revision INTEGER NOT NULL,
	position INTEGER NOT NULL,
	state    TEXT NOT NULL,    -- pending, done or dead
	attempts INTEGER NOT NULL, -- since it was enqueued, or retried by hand
	due_at   INTEGER NOT NULL, -- Unix milliseconds, of a pending one
	sent_at  INTEGER NOT NULL, -- of the last attempt; 0: none
	status   INTEGER NOT NULL, -- that the receiver answered with; 0: none
	error    TEXT NOT NULL,
	PRIMARY KEY (webhook, sequence)
) STRICT, WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS states ON deliveries (webhook, state, sequence);
`

// openDatabase opens the file, and makes it where there is none. Every commit is synced: what was sent
// must not be sent again for a power cut alone, and a sequence names one event for ever.
func openDatabase(ctx context.Context, folder string) (*sql.DB, error) {
	path := filepath.Join(folder, file)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err == nil {
		err = f.Close()
	}
	if err != nil && !errors.Is(err, os.ErrExist) {
		return nil, err
	}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+
		"?_pragma=busy_timeout(5000)&_pragma=journal_mode(wal)&_pragma=synchronous(full)"+
		"&_txlock=immediate")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(ctx, tables); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// within runs statements in one transaction.
func (s *Sender) within(ctx context.Context, do func(*sql.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := do(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// adopt lets webhooks that were registered before the file was made begin where the log ends: the log was
// copied, the file was lost, or another node sends. Others may have got all there was.
func (s *Sender) adopt(ctx context.Context) error {
	head, err := s.ledger.Head(ctx)
	if err != nil {
		return err
	}
	return s.within(ctx, func(tx *sql.Tx) error {
		var made int
		if err := tx.QueryRowContext(ctx, "PRAGMA user_version").Scan(&made); err != nil || made > 0 {
			return err
		}
		for _, h := range s.ledger.Webhooks() {
			_, err := tx.ExecContext(ctx, "INSERT INTO cursors VALUES (?, 0, ?, '', '', -1) "+
				"ON CONFLICT (webhook) DO NOTHING", h.ID.String(), int64(head))
			if err != nil {
				return err
			}
			s.opts.Logger.Warn("webhook begins at the log's end: it is older than "+file, "webhook", h.ID,
				"position", head)
		}
		_, err := tx.ExecContext(ctx, "PRAGMA user_version = 1")
		return err
	})
}

// cursor is the position after which a webhook's events are looked for. One that has none begins at
// its registration; one whose event the log does not hold, where the log ends: it was of another log.
// The log may have been copied: then the event has another position.
func (s *Sender) cursor(ctx context.Context, id uuid.UUID) (eventstore.Position, error) {
	var position int64
	var eventID, stream string
	var revision eventstore.Revision
	err := s.db.QueryRowContext(ctx, "SELECT position, event_id, stream, revision FROM cursors "+
		"WHERE webhook = ?", id.String()).Scan(&position, &eventID, &stream, &revision)
	if err == nil && eventID == "" {
		return eventstore.Position(position), nil
	}
	if err == nil {
		e, err := s.read(ctx, stream, revision)
		if err != nil {
			return 0, err
		}
		if e.ID.String() == eventID {
			return e.Position, nil
		}
		head, err := s.toHead(ctx, id)
		if err == nil {
			s.opts.Logger.Warn("webhook begins at the log's end: the log is another one", "webhook", id,
				"position", head)
		}
		return head, err
	} else if !errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("read cursor: %w", err)
	}
	first, err := s.read(ctx, domain.WebhookStream(id), 0)
	if err != nil {
		return 0, err
	}
	return first.Position, s.enqueue(ctx, id, nil, first)
}

// toHead moves a webhook's cursor to where the log ends.
func (s *Sender) toHead(ctx context.Context, id uuid.UUID) (eventstore.Position, error) {
	head, err := s.ledger.Head(ctx)
	if err == nil {
		_, err = s.db.ExecContext(ctx, "UPDATE cursors SET position = ?, event_id = '' WHERE webhook = ?",
			int64(head), id.String())
	}
	return head, err
}

// read is the event of a stream at a revision, zero where there is none.
func (s *Sender) read(
	ctx context.Context, stream string, at eventstore.Revision,
) (eventstore.Recorded, error) {
	for e, err := range s.store.Read(ctx, stream, at) {
		if err == nil && e.Revision != at {
			break
		}
		return e, err
	}
	return eventstore.Recorded{}, nil
}

// enqueue moves a webhook's cursor to last, past events that it wants.
func (s *Sender) enqueue(
	ctx context.Context, id uuid.UUID, wanted []eventstore.Recorded, last eventstore.Recorded,
) error {
	return s.within(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO cursors VALUES (?, 0, ?, ?, ?, ?) "+
			"ON CONFLICT (webhook) DO UPDATE SET position = excluded.position, "+
			"event_id = excluded.event_id, stream = excluded.stream, revision = excluded.revision",
			id.String(), int64(last.Position), last.ID.String(), last.Stream, int64(last.Revision))
		if err != nil || len(wanted) == 0 {
			return err
		}
		var sequence int64
		err = tx.QueryRowContext(ctx, "UPDATE cursors SET sequence = sequence + ? WHERE webhook = ? "+
			"RETURNING sequence", len(wanted), id.String()).Scan(&sequence)
		if err != nil {
			return err
		}
		now := time.Now().UnixMilli()
		for i, e := range wanted {
			_, err := tx.ExecContext(ctx, "INSERT INTO deliveries VALUES "+
				"(?, ?, ?, ?, ?, ?, ?, 'pending', 0, ?, 0, 0, '')", id.String(),
				sequence-int64(len(wanted)-1-i), e.ID.String(), e.Type, e.Stream, int64(e.Revision),
				int64(e.Position), now)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// pending is how many deliveries of a webhook are.
func (s *Sender) pending(ctx context.Context, id uuid.UUID) (n int, err error) {
	err = s.db.QueryRowContext(ctx, "SELECT count(*) FROM deliveries "+
		"WHERE webhook = ? AND state = 'pending'", id.String()).Scan(&n)
	return n, err
}

// due are the pending deliveries whose time has come, by sequence; where there are none, next is when
// the first one's comes.
func (s *Sender) due(
	ctx context.Context, id uuid.UUID, now time.Time, most int,
) (all []Delivery, next time.Time, err error) {
	all, err = s.list(ctx, "webhook = ? AND state = 'pending' AND due_at <= ?", most, id.String(),
		now.UnixMilli())
	if err != nil || len(all) > 0 {
		return all, now, err
	}
	var at sql.NullInt64
	err = s.db.QueryRowContext(ctx, "SELECT min(due_at) FROM deliveries "+
		"WHERE webhook = ? AND state = 'pending'", id.String()).Scan(&at)
	if !at.Valid {
		return nil, now.Add(idle), err
	}
	return nil, time.UnixMilli(at.Int64), err
}

// settle keeps what became of deliveries, and forgets what is long done. One that was retried by hand
// meanwhile is as it became here.
func (s *Sender) settle(ctx context.Context, id uuid.UUID, outcomes []Delivery) error {
	if len(outcomes) == 0 {
		return nil
	}
	return s.within(ctx, func(tx *sql.Tx) error {
		for _, d := range outcomes {
			_, err := tx.ExecContext(ctx, "UPDATE deliveries SET state = ?, attempts = ?, due_at = ?, "+
				"sent_at = ?, status = ?, error = ? WHERE webhook = ? AND sequence = ?",
				string(d.State), d.Attempts, d.DueAt.UnixMilli(), d.SentAt.UnixMilli(), d.Status,
				d.Error, id.String(), d.Sequence)
			if err != nil {
				return err
			}
		}
		for state, kept := range map[State]int{Done: doneKept, Dead: deadKept} {
			_, err := tx.ExecContext(ctx, "DELETE FROM deliveries WHERE webhook = ?1 AND state = ?2 "+
				"AND sequence <= (SELECT sequence FROM cursors WHERE webhook = ?1) - ?3",
				id.String(), string(state), kept)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// forget drops what is kept of webhooks that are not known.
func (s *Sender) forget(ctx context.Context, known map[string]bool) error {
	rows, err := s.db.QueryContext(ctx, "SELECT webhook FROM cursors")
	if err != nil {
		return err
	}
	defer rows.Close()
	var gone []string
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return err
		}
		if !known[id] {
			gone = append(gone, id)
		}
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return err
	}
	for _, id := range gone {
		err := s.within(ctx, func(tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, "DELETE FROM deliveries WHERE webhook = ?", id)
			if err == nil {
				_, err = tx.ExecContext(ctx, "DELETE FROM cursors WHERE webhook = ?", id)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
