package projections

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
)

// listedDifferences bounds Report.Differences.
const listedDifferences = 1000

// Difference is one thing that Check found wrong.
type Difference struct {
	What     string              `json:"what"` // log, or the table; damaged: passed over
	Stream   string              `json:"stream,omitempty"`
	Revision eventstore.Revision `json:"revision"` // −1 where it is not about one event
	Detail   string              `json:"detail"`
}

// String is a line about the difference, without a revision where it is not about one event.
func (d Difference) String() string {
	where := d.What
	if d.Stream != "" {
		where += " " + d.Stream
	}
	if d.Revision >= 0 {
		where += fmt.Sprintf(" revision %d", d.Revision)
	}
	return where + ": " + d.Detail
}

// Report is what a check found.
type Report struct {
	Events      int64               `json:"events"`          // of the log, verified
	Streams     int64               `json:"streams"`         // ledger-owned
	Accounts    int64               `json:"accounts"`        // compared
	Compared    bool                `json:"compared"`        // false: there were no read models
	Position    eventstore.Position `json:"position,string"` // of the read models
	Count       int64               `json:"count"`           // of all differences
	Differences []Difference        `json:"differences"`     // the first 1,000 of them
}

// Clean reports that nothing is wrong.
func (r *Report) Clean() bool { return r.Count == 0 }

func (r *Report) add(what, stream string, revision eventstore.Revision, format string,
	args ...any) {
	r.Count++
	if len(r.Differences) < listedDifferences {
		r.Differences = append(r.Differences, Difference{what, stream, revision,
			fmt.Sprintf(format, args...)})
	}
}

// checker verifies a log and compares the tables, which it sees as they were at one position, with
// what the log says up to there.
type checker struct {
	store    eventstore.Store
	tables   *snapshot  // nil: the log alone is verified
	at       checkpoint // of tables
	report   *Report
	streams  map[string]int64    // other ledger streams, with their events
	accounts map[uuid.UUID]int64 // the accounts' streams likewise: 16 bytes each, for there are many
	progress func(Progress)
	started  time.Time
	head     eventstore.Position
}

// Check verifies the ledger's part of the log: revisions without gaps, the chain of prev_hash, and
// the arithmetic of every event. It compares every row of the built-in tables with it, up to the
// position they stand at when it begins, and names every event that they have passed over. models may
// be nil; then the log alone is verified, and Report.Compared is false. Damage is in the report; an
// error means that the check could not go on. progress may be nil.
//
// It reads the log twice, once in its order for history and once stream by stream, and keeps some
// 40 bytes for each stream, and one account at a time. While it runs the tables' file grows by
// what the follower writes.
//
// open opens the log. It is called once the tables are seen as they will be compared, so that a log
// that is a copy, taken beside a running service, is never behind them.
func Check(ctx context.Context, open func(context.Context) (eventstore.Store, error),
	models *Models, progress func(Progress)) (*Report, error) {
	if progress == nil {
		progress = func(Progress) {}
	}
	c := &checker{report: &Report{Differences: []Difference{}},
		streams: map[string]int64{}, accounts: map[uuid.UUID]int64{}, progress: progress,
		started: time.Now()}
	var err error
	if models == nil {
		err = c.begin(ctx, open)
	} else {
		_, err = models.look(ctx, func(s *snapshot, serves bool) error {
			if !serves {
				return ErrStale
			}
			at, err := readCheckpoint(ctx, s)
			c.tables, c.at = s, at
			return errors.Join(err, c.begin(ctx, open))
		})
	}
	if err != nil {
		return nil, fmt.Errorf("check: %w", err)
	}
	return c.report, nil
}

func (c *checker) begin(
	ctx context.Context, open func(context.Context) (eventstore.Store, error),
) (err error) {
	if c.store, err = open(ctx); err != nil {
		return err
	}
	if c.head, err = c.store.Head(ctx, domain.Prefixes...); err != nil {
		return err
	}
	if err := c.belong(ctx); err != nil {
		return err
	}
	return c.run(ctx)
}

// belong leaves out tables that were made from another log: nothing in them would be right.
func (c *checker) belong(ctx context.Context) error {
	if c.tables == nil {
		return nil
	}
	same, err := c.at.isIn(ctx, c.store)
	if err != nil {
		return err
	}
	if !same {
		c.report.add("read models", c.at.stream, c.at.revision, "they stand at an event %v, position %d, "+
			"which this log does not hold there: they are built anew when a service starts on it",
			c.at.id, c.at.position)
		c.tables = nil
		return nil
	}
	c.report.Position, c.report.Compared = c.at.position, true
	return nil
}

func (c *checker) run(ctx context.Context) error {
	if err := c.scan(ctx); err != nil {
		return err
	}
	c.report.Streams = int64(len(c.streams) + len(c.accounts))
	for stream, events := range c.streams {
		if err := c.other(ctx, stream, events); err != nil {
			return err
		}
	}
	for id, events := range c.accounts {
		if err := c.account(ctx, id, events); err != nil {
			return err
		}
	}
	if c.tables == nil {
		return nil
	}
	return errors.Join(c.strangers(ctx), c.passedOver(ctx))
}

// scan reads the log in its order: which streams there are, and, where there are tables, history.
func (c *checker) scan(ctx context.Context) error {
	rows := &historyReader{report: c.report}
	if c.tables != nil {
		if err := rows.open(ctx, c.tables); err != nil {
			return err
		}
		defer rows.close()
	}
	last := eventstore.Start
	for e, err := range c.store.ReadAll(ctx, eventstore.Start, domain.Prefixes...) {
		if err != nil {
			return fmt.Errorf("read the log: %w", err)
		}
		if e.Position <= last {
			c.report.add("log", e.Stream, e.Revision, "position %d follows %d", e.Position, last)
		}
		last = e.Position
		c.count(e)
		if c.tables != nil && e.Position <= c.report.Position {
			if err := rows.compare(e); err != nil {
				return err
			}
		}
	}
	if c.tables == nil {
		return nil
	}
	if err := rows.rest(); err != nil {
		return err
	}
	if err := rows.posday.compare(ctx, c.tables); err != nil {
		return err
	}
	if err := rows.compareStores(ctx, c.tables); err != nil {
		return err
	}
	err := errors.Join(compareTable(ctx, c.tables, c.report, segmentTable, rows.segments),
		compareTable(ctx, c.tables, c.report, codeTable, rows.codes),
		compareTable(ctx, c.tables, c.report, reservationTable, rows.reservations))
	if err != nil {
		return err
	}
	if err := rows.compareTransfers(ctx, c.tables); err != nil {
		return err
	}
	return rows.comparePages(ctx, c.tables)
}

// count notes an event's stream.
func (c *checker) count(e eventstore.Recorded) {
	if id, ok := streamID(e.Stream, "account-"); ok {
		c.accounts[id]++
		return
	}
	c.streams[e.Stream]++
}

// progressEvery is how many events pass between two calls of progress.
const progressEvery = 1 << 10

// stream verifies one stream, of which the log's own order showed that many events, and hands its
// events to apply, decoded, until one is wrong.
func (c *checker) stream(ctx context.Context, stream string, events int64,
	apply func(domain.Posted, eventstore.Position) error) error {
	var prev domain.Hash
	next, sound := eventstore.Revision(0), true
	for e, err := range c.store.Read(ctx, stream, 0) {
		if err != nil {
			return fmt.Errorf("read %s: %w", stream, err)
		}
		if e.Position > c.head {
			break // it was appended since
		}
		if e.Revision != next {
			c.report.add("log", stream, e.Revision, "revision %d is missing", next)
		}
		next = e.Revision + 1
		p, err := domain.Decode(e.Type, e.Data, e.Metadata, int64(e.Revision))
		switch {
		case err != nil:
			c.report.add("log", stream, e.Revision, "%v", err)
			sound = false
		case p.Metadata.PrevHash != prev:
			c.report.add("log", stream, e.Revision, "prev_hash is %s, the event before hashes to %s",
				p.Metadata.PrevHash, prev)
		case p.Metadata.EventID != e.ID:
			c.report.add("log", stream, e.Revision, "event_id is %s, it is stored as %s",
				p.Metadata.EventID, e.ID)
		}
		if sound && apply != nil {
			if err := apply(p, e.Position); err != nil {
				c.report.add("log", stream, e.Revision, "%v", err)
				sound = false
			}
		}
		prev = domain.Link(stream, int64(e.Revision), e.ID, e.Type, e.Data, e.Metadata)
		c.tick(e.Position)
		events--
	}
	if events > 0 {
		c.report.add("log", stream, -1, "%d events of the log are not in the stream", events)
	}
	return nil
}

func (c *checker) tick(at eventstore.Position) {
	c.report.Events++
	if c.report.Events%progressEvery == 0 {
		rate := float64(c.report.Events) / max(time.Since(c.started).Seconds(), 1e-9)
		c.progress(Progress{Events: c.report.Events, Rate: rate, Position: at, Head: c.head})
	}
}

// account verifies an account's stream and compares its rows. Those of an account whose stream does
// not add up are not compared: there is nothing to compare them with.
func (c *checker) account(ctx context.Context, id uuid.UUID, events int64) error {
	a, told := domain.NewAccount(id), told{account: id, holds: endedHolds{}, credentials: credentialRows{},
		interactions: interactionRows{}, bought: bought{}, occasions: occasionRows{}, points: pointsTold{},
		uses: usesTold{}, items: followedItems{}}
	at := a // as the tables should show it
	differences := c.report.Count
	err := c.stream(ctx, domain.AccountStream(id), events,
		func(p domain.Posted, position eventstore.Position) error {
			if c.tables != nil && position > c.report.Position && at == a {
				at = frozenCopy(a)
			}
			if err := a.Apply(p); err != nil {
				return err
			}
			if position <= c.report.Position {
				told.note(p, position)
			}
			return nil
		})
	if err != nil || c.tables == nil || at.Revision() < 0 || c.report.Count > differences {
		return err
	}
	c.report.Accounts++
	for table, want := range wantedRows(at, told) {
		if err := c.compareRows(ctx, table, id, want); err != nil {
			return err
		}
	}
	return nil
}

// frozenCopy is a as it is now, which later events do not change.
func frozenCopy(a *domain.Account) *domain.Account {
	state, err := a.MarshalSnapshot()
	if err != nil {
		panic(err) // an Account is plain fields
	}
	c, err := domain.UnmarshalSnapshot(state)
	if err != nil {
		panic(err)
	}
	return c
}
