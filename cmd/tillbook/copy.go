package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/projections"
)

const copyHelp = `Carries a log from one place to another: every event with its id, its bytes, and
its place among the others. Either place is a data folder, a file named *.ndjson (- is standard
input or output; "tillbook help export events" draws the format), or an EventStoreDB, esdb://….

What is copied is every stream of a folder or a file. Where one of the places is an EventStoreDB,
which others may share, it is the streams that the ledger owns. Snapshots (snapshot-…) never are.

A folder that a service runs on can be copied from, as it is at that moment; a later copy adds what
has come since. To be copied to, a folder must be free, and a file must not be there yet.

A copy can be stopped at any time. Run again, it compares what is there already, event by event, and
goes on behind it; a file begins anew. A place that holds anything else is refused with the first
event that differs, and nothing is written.

At the end everything is read back: both places hold the same events in the same order, by their
count and by a digest over all bytes, and every stream's chain of hashes and arithmetic is verified
("tillbook check"). Two copies of a log are the same when their digests are. An EventStoreDB gives
events a time and a position of its own; a folder keeps the time at which they were first recorded.
Read models belong to one log: those of another one are built anew when a service starts on a copy.

An address that holds a password is best given by the environment: TILLBOOK_FROM, TILLBOOK_TO.
`

// newCopy is `tillbook copy`.
func newCopy() *cobra.Command {
	var from, to string
	cmd := &cobra.Command{
		Use: "copy --from PLACE --to PLACE", Short: "Carry a log to another store, and prove it the same",
		Long: copyHelp, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := fromEnvironment(cmd.Flags(), "from", "to"); err != nil {
				return err
			}
			return copyLog(cmd, location(from), location(to))
		},
	}
	cmd.Flags().StringVar(&from, "from", "", locationHelp)
	cmd.Flags().StringVar(&to, "to", "", locationHelp)
	return cmd
}

// copySource is a log to be read.
type copySource interface {
	// events yields the log in its order, up to its end as it was when the first one was asked for.
	events(context.Context) iterEvents
	// end is the position of the last event, as far as it is known.
	end(context.Context) (eventstore.Position, error)
	io.Closer
}

// copyTarget is a log to be written, after what is in it.
type copyTarget interface {
	copySource
	// add takes events that are neighbours in one stream. Not all need be durable when it returns.
	add(context.Context, []eventstore.Recorded) error
	// flush returns when all are.
	flush(context.Context) error
}

// copyLog is the whole verb.
func copyLog(cmd *cobra.Command, from, to location) (err error) {
	ctx := cmd.Context()
	if err := errors.Join(from.check("--from"), to.check("--to")); err != nil {
		return err
	}
	if from.same(to) {
		return fmt.Errorf("%s cannot be copied to itself", from)
	}
	c := &copier{scope: append(from.prefixes(), to.prefixes()...), from: from, to: to}
	if c.source, err = openSource(ctx, cmd.InOrStdin(), from); err != nil {
		return fmt.Errorf("open %s: %w", from, err)
	}
	defer func() { err = errors.Join(err, c.source.Close()) }()
	if c.target, err = openTarget(ctx, cmd.OutOrStdout(), to); err != nil {
		return fmt.Errorf("open %s: %w", to, err)
	}
	defer func() { err = errors.Join(err, c.target.Close()) }()

	out := cmd.OutOrStdout()
	if to == "-" {
		out = cmd.ErrOrStderr()
	}
	c.bar = newScanBar(cmd.ErrOrStderr(), "copy")
	began := time.Now()
	err = c.copy(ctx)
	took := time.Since(began)
	c.bar.end(err)
	if ctx.Err() != nil {
		return fmt.Errorf("stopped; run it again to go on: %w", ctx.Err())
	}
	if err != nil {
		return err
	}
	c.report(out, took)
	return c.prove(cmd, out)
}

func (c *copier) report(out io.Writer, took time.Duration) {
	fmt.Fprintf(out, "%d events copied, %d were there already (%.0f events/s)\n",
		c.read.events-c.there, c.there, float64(c.read.events)/took.Seconds())
	if c.left > 0 {
		fmt.Fprintf(out, "%d events left out: their streams are not the ledger's\n", c.left)
	}
}

// prove reads the target back.
func (c *copier) prove(cmd *cobra.Command, out io.Writer) error {
	if c.to == "-" {
		fmt.Fprintf(out, "%v\n", &c.read)
		return nil
	}
	c.bar = newScanBar(cmd.ErrOrStderr(), "compare")
	err := c.compare(cmd.Context())
	c.bar.end(err)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%v, in both\n", &c.read)
	stored, ok := c.target.(*storeEnd)
	if !ok {
		return nil
	}
	bar := newScanBar(cmd.ErrOrStderr(), "check")
	report, err := projections.Check(cmd.Context(),
		func(context.Context) (eventstore.Store, error) { return stored.store, nil }, nil,
		func(p projections.Progress) { bar.to(p.Position, p.Head) })
	bar.end(err)
	if err != nil {
		return err
	}
	return tell(out, report)
}
