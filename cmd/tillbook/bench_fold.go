package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/embedded"
	"github.com/tillbook/tillbook/projections"
	"github.com/tillbook/tillbook/projections/js"
)

// newFold is a verb of the bench's children: it reads a log and prints what it took.
func newFold() *cobra.Command {
	return &cobra.Command{
		Use: "fold READER DIR EVENTS READMODELS", Hidden: true, Args: cobra.ExactArgs(4),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			most, err := strconv.ParseInt(args[2], 10, 64)
			if err != nil {
				return err
			}
			store, err := openLog(args[1], embedded.Options{})
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, store.Close()) }()
			read, ok := readers[args[0]]
			if !ok {
				return fmt.Errorf("there is no reader %s", args[0])
			}
			log := &part{Store: store, most: most}
			for e, err := range log.ReadAll(cmd.Context(), eventstore.Start) {
				if err != nil {
					return err
				}
				log.head = e.Position
			}
			if err := log.begin(); err != nil {
				return err
			}
			n, err := read(cmd.Context(), log, args[3])
			if err != nil {
				return err
			}
			return json.NewEncoder(cmd.OutOrStdout()).Encode(log.took(n))
		},
	}
}

// part is the beginning of a log.
type part struct {
	*embedded.Store
	most   int64
	head   eventstore.Position // of its last event
	began  time.Time
	before usage
}

// begin begins the measurement, anew where it has begun: what was needed before is given back, and is no
// part of the peak.
func (p *part) begin() error {
	debug.FreeOSMemory()
	const forgetPeak = "5" // Linux, proc_pid_clear_refs(5)
	if err := os.WriteFile("/proc/self/clear_refs", []byte(forgetPeak), 0); err != nil {
		return err
	}
	p.began, p.before = time.Now(), usageOf(os.Getpid())
	return nil
}

// took is what was used since begin.
func (p *part) took(events int64) fold {
	return fold{events, time.Since(p.began).Seconds(), usageOf(os.Getpid()).since(p.before).cpu.Seconds(),
		labelled("/proc/self/status", "VmHWM:") << 10}
}

// ReadAll is the store's, up to so many events.
func (p *part) ReadAll(ctx context.Context, after eventstore.Position, prefixes ...string,
) iter.Seq2[eventstore.Recorded, error] {
	return func(yield func(eventstore.Recorded, error) bool) {
		left := p.most
		for e, err := range p.Store.ReadAll(ctx, after, prefixes...) {
			if left--; left < 0 || !yield(e, err) {
				return
			}
		}
	}
}

// Head is the part's.
func (p *part) Head(context.Context, ...string) (eventstore.Position, error) { return p.head, nil }

// Follow is the store's, up to the head: nothing follows.
func (p *part) Follow(ctx context.Context, after eventstore.Position, prefixes ...string,
) iter.Seq2[[]eventstore.Recorded, error] {
	return func(yield func([]eventstore.Recorded, error) bool) {
		for events, err := range p.Store.Follow(ctx, after, prefixes...) {
			ends := err == nil && len(events) > 0 && events[len(events)-1].Position >= p.head
			for ends && len(events) > 0 && events[len(events)-1].Position > p.head {
				events = events[:len(events)-1]
			}
			if !yield(events, err) || ends && len(events) > 0 && !yield(nil, nil) {
				return
			}
			if ends {
				<-ctx.Done()
				yield(nil, ctx.Err())
				return
			}
		}
	}
}

// readers are the kinds of readers, by name; each answers how many events it has read.
var readers = map[string]func(context.Context, *part, string) (int64, error){
	"scan": func(ctx context.Context, log *part, _ string) (n int64, err error) {
		for _, err := range log.ReadAll(ctx, eventstore.Start, domain.Prefixes...) {
			if err != nil {
				return n, err
			}
			n++
		}
		return n, nil
	},
	"go": readGo,
	"js": func(ctx context.Context, log *part, _ string) (int64, error) {
		return readJS(ctx, log, "fromAll()", 1)
	},
	"js-partitioned": func(ctx context.Context, log *part, _ string) (int64, error) {
		return readJS(ctx, log, "fromAll().foreachStream()", runtime.GOMAXPROCS(0))
	},
	"sqlite": readModels,
	"postgres": func(ctx context.Context, log *part, place string) (int64, error) {
		return rebuildAt(ctx, log, place)
	},
}

// benchHandler reads the body of every debit.
const benchHandler = `.when({
	$init: () => ({ debits: 0, amount: 0, units: {} }),
	DebitPosted(s, e) {
		s.debits++;
		s.amount += Math.round(Number(e.body.amount) * 100);
		s.units[e.body.unit] = e.sequenceNumber;
	},
})`

func readJS(ctx context.Context, log *part, from string, runners int) (n int64, err error) {
	script, err := js.Compile("bench.js", from+benchHandler, js.Limits{})
	if err != nil {
		return 0, err
	}
	counted := func(yield func(*js.Event, error) bool) {
		for e, err := range js.Events(ctx, log, &script.Definition, eventstore.Start) {
			if n++; !yield(e, err) {
				return
			}
		}
	}
	if script.Definition.Partitioned() && runners > 1 {
		all, err := js.NewParallel(script, runners, js.Options{})
		if err != nil {
			return 0, err
		}
		defer all.Close()
		return n, all.Fold(counted, nil)
	}
	r, err := js.NewRunner(script, js.Options{})
	if err != nil {
		return 0, err
	}
	defer r.Close()
	for e, err := range counted {
		if err == nil {
			_, err = r.Handle(e)
		}
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// readGo folds with a projection in Go that has one row.
func readGo(ctx context.Context, log *part, _ string) (n int64, err error) {
	dir, err := os.MkdirTemp("", "tillbook-fold-")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	models, err := projections.Open(ctx, dir, log, projections.Options{
		Projections: []projections.Projection{drawn{}}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, models.Close()) }()
	return log.most, models.WaitHead(ctx)
}

// drawn is a read model of one row: how many events moved value.
type drawn struct{}

func (drawn) Name() string    { return "drawn" }
func (drawn) Version() int    { return 1 }
func (drawn) Indexes() string { return "" }
func (drawn) Tables() string {
	return "CREATE TABLE drawn (one INTEGER PRIMARY KEY, moves INTEGER NOT NULL) STRICT;"
}

func (drawn) Apply(ctx context.Context, tx *projections.Tx, events []projections.Event) error {
	moves := 0
	for i := range events {
		moves += len(events[i].Body.Moves)
	}
	return tx.Exec(ctx, `INSERT INTO drawn VALUES (1, ?)
		ON CONFLICT (one) DO UPDATE SET moves = drawn.moves + excluded.moves`, moves)
}

// readModels rebuilds all read models in a folder that is gone afterwards.
func readModels(ctx context.Context, log *part, _ string) (n int64, err error) {
	dir, err := os.MkdirTemp("", "tillbook-fold-")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	return rebuildAt(ctx, log, dir)
}

// rebuildAt rebuilds all read models at a place. Its first build is not measured.
func rebuildAt(ctx context.Context, log *part, place string) (n int64, err error) {
	models, err := projections.Open(ctx, place, log, projections.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, models.Close()) }()
	if err := models.WaitHead(ctx); err != nil {
		return 0, err
	}
	if err := log.begin(); err != nil {
		return 0, err
	}
	return log.most, models.Rebuild(ctx, func(p projections.Progress) { n = p.Events })
}
