package projections

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"

	"time"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
)

// The bounds of one batch: the stored bytes of its events, and how long the first of them waits while
// the log has always more.
const (
	batchBytes = 16 << 20
	batchTime  = time.Second
)

// The bounds of a rebuild's batches, which need not be large, as rows that many of them touch stay in
// memory, and of its transactions, which hold many.
const (
	rebuildBatch = 2048
	rebuildBytes = 2 << 20
	gatherEvents = 16_384
)

// builder folds the log into one file. It belongs to one goroutine.
type builder struct {
	db         *database
	store      eventstore.Store
	conn       *sql.Conn
	tx         *Tx
	at         checkpoint
	batch      int  // most events of a batch
	bytes      int  // likewise their bytes, but for the last of them
	gathering  bool // a rebuild's transaction has begun
	gathered   int  // its events
	decoder    decoder
	onDamaged  func(Damage)
	onCommit   func(Commit)
	onCaughtUp func() error
	rest       func(context.Context) // after each catching up; nil: none
}

// Commit says what a transaction of the follower did.
type Commit struct {
	Events   int // how many it folded, damaged ones included
	Position eventstore.Position
	Took     time.Duration
	CaughtUp bool // the log's end, as it was then, is folded
}

// errEnough ends a follow that has done what it was for.
var errEnough = errors.New("enough")

// newBuilder takes the writing connection, leads as it is told, and reads where the tables stand.
func newBuilder(ctx context.Context, db *database, store eventstore.Store, batch int,
	lead func(context.Context, *database, *sql.Conn) error) (*builder, error) {
	conn, err := db.write.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", db.name, err)
	}
	if err := lead(ctx, db, conn); err != nil {
		return nil, errors.Join(err, discard(conn))
	}
	at, err := readCheckpoint(ctx, conn)
	if err != nil {
		return nil, errors.Join(err, discard(conn))
	}
	tx := newTx(db, conn)
	tx.fresh = at == checkpoint{}
	return &builder{db: db, store: store, conn: conn, tx: tx, at: at, batch: batch,
		bytes: batchBytes, decoder: newDecoder()}, nil
}

// follow folds the log from the checkpoint on, until ctx ends or onCaughtUp answers an error.
// Events that the store has at hand together go into one transaction, so batches grow with the
// lag.
func (b *builder) follow(ctx context.Context) error {
	var held []eventstore.Recorded
	var since time.Time // when the first of them came
	bytes := 0
	for events, err := range b.store.Follow(ctx, b.at.position, domain.Prefixes...) {
		if err != nil {
			return err
		}
		caughtUp := len(events) == 0
		if len(held) == 0 {
			since = time.Now()
		}
		for i, e := range events {
			held = append(held, e)
			bytes += len(e.Data) + len(e.Metadata)
			late := i == len(events)-1 && time.Since(since) > batchTime
			if len(held) < b.batch && bytes < b.bytes && !late {
				continue
			}
			if err := b.fold(ctx, held, false); err != nil {
				return err
			}
			clear(held)
			held, bytes = held[:0], 0
		}
		if !caughtUp {
			continue
		}
		if err := b.fold(ctx, held, true); err != nil {
			return err
		}
		clear(held)
		held, bytes = held[:0], 0
		if err := b.onCaughtUp(); err != nil {
			return err
		}
		if b.rest != nil {
			b.rest(ctx)
		}
	}
	return ctx.Err()
}

// fold puts events into the tables and moves the checkpoint behind them, in one transaction, which is
// that of other batches too in a rebuild.
func (b *builder) fold(ctx context.Context, stored []eventstore.Recorded, caughtUp bool) error {
	start := time.Now()
	if len(stored) > 0 {
		b.tx.damage = b.tx.damage[:0]
		events, damaged := b.decoder.decode(stored)
		b.tx.damage = append(b.tx.damage, damaged...)
		last := stored[len(stored)-1]
		at := checkpoint{last.Position, last.ID, last.Stream, last.Revision}
		err := b.within(ctx, len(stored), func() error { return b.apply(ctx, events, at) })
		if err != nil {
			b.tx.forget()
			return fmt.Errorf("fold %d events up to position %d: %w", len(stored), at.position, err)
		}
		b.at = at
		b.tx.trim()
		b.report()
		b.decoder.forget()
	}
	b.onCommit(Commit{len(stored), b.at.position, time.Since(start), caughtUp})
	return nil
}

// report hands on what was passed over, each event once.
func (b *builder) report() {
	seen := map[eventstore.Position]bool{}
	for _, d := range b.tx.damage {
		if !seen[d.Event.Position] {
			seen[d.Event.Position] = true
			b.onDamaged(d)
		}
	}
}

// apply is what stands in the transaction.
func (b *builder) apply(ctx context.Context, events []Event, at checkpoint) error {
	for _, p := range b.db.tables {
		if err := p.Apply(ctx, b.tx, events); err != nil {
			return fmt.Errorf("%s: %w", p.Name(), err)
		}
	}
	if b.tx.lazy && b.tx.full() {
		if err := b.tx.flush(ctx); err != nil {
			return err
		}
	}
	for _, d := range b.tx.damage {
		e := d.Event
		err := b.tx.Exec(ctx, "INSERT INTO damaged VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
			int64(e.Position), e.Stream, int64(e.Revision), e.ID.String(), e.Type, d.Reason)
		if err != nil {
			return err
		}
	}
	err := b.tx.Exec(ctx, `INSERT INTO checkpoint VALUES (1, ?, ?, ?, ?) ON CONFLICT (one) DO UPDATE
		SET position = excluded.position, event_id = excluded.event_id, stream = excluded.stream,
			revision = excluded.revision`,
		int64(at.position), at.id.String(), at.stream, int64(at.revision))
	if err != nil || b.tx.lazy || !b.db.postgres {
		return err
	}
	return tell(ctx, b.conn, b.db)
}

// rebuild folds the log from the start until onCaughtUp answers errEnough. Rows that many batches
// touch are written once, at the end, or when there are too many: until then the tables do not hold
// what the checkpoint says, which nobody sees, as a file that does not serve yet is thrown away.
func (b *builder) rebuild(ctx context.Context) error {
	batch, bytes := b.batch, b.bytes
	b.tx.lazy, b.batch, b.bytes = true, min(batch, rebuildBatch), rebuildBytes
	if err := b.follow(ctx); !errors.Is(err, errEnough) {
		return err
	}
	err := b.gather(ctx, gatherEvents, func() error { return b.tx.flush(ctx) })
	b.tx.lazy, b.batch, b.bytes = false, batch, bytes
	return errors.Join(err, b.tx.writer.drain())
}

// gather is transact in a rebuild: one transaction takes many batches, and what they write may run
// later, so that events are decoded and folded while those before them are written. After an error the
// tables are of no use.
func (b *builder) gather(ctx context.Context, events int, work func() error) error {
	if !b.gathering {
		if err := b.tx.Exec(ctx, "BEGIN IMMEDIATE"); err != nil {
			return err
		}
		b.gathering, b.gathered = true, 0
	}
	if err := work(); err != nil {
		return err
	}
	if b.gathered += events; b.gathered < gatherEvents && !b.tx.full() {
		return nil
	}
	b.gathering = false
	return b.tx.Exec(ctx, "COMMIT")
}

// within runs the work of a batch in a transaction.
func (b *builder) within(ctx context.Context, events int, work func() error) error {
	if b.tx.lazy {
		return b.gather(ctx, events, work)
	}
	return b.transact(ctx, work)
}

// transact is the transaction of work and what it wrote.
func (b *builder) transact(ctx context.Context, work func() error) error {
	return transact(ctx, b.conn, func() error { return errors.Join(work(), b.tx.writer.drain()) })
}

// close ends the connection, and what it led.
func (b *builder) close() error {
	b.tx.close()
	return discard(b.conn)
}

// discard closes a connection for good, not back into its pool: what it led is led by another.
func discard(conn *sql.Conn) error {
	_ = conn.Raw(func(any) error { return driver.ErrBadConn })
	err := conn.Close()
	if errors.Is(err, sql.ErrConnDone) {
		return nil
	}
	return err
}
