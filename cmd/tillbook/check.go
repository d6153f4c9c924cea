package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/projections"
)

// newCheck is `tillbook check`.
func newCheck() *cobra.Command {
	var at place
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Verify the log, and compare every read model with it",
		Long: "Replays the whole log: every stream's revisions and chain of hashes, and every event's\n" +
			"arithmetic. Then compares every row of the read models, at the position they stand at.\n" +
			"Works beside a running service. Ends with 1 when anything differs.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := at.fromEnvironment(cmd.Flags()); err != nil {
				return err
			}
			return check(cmd, at)
		},
	}
	at.flags(cmd.Flags())
	return cmd
}

func check(cmd *cobra.Command, at place) error {
	models, err := projections.Open(cmd.Context(), at.models(), nil, projections.Options{ReadOnly: true})
	if errors.Is(err, projections.ErrNone) {
		fmt.Fprintln(cmd.ErrOrStderr(), "there are no read models: the log alone is checked")
		models = nil
	} else if err != nil {
		return err
	} else {
		defer models.Close()
	}
	bar := newScanBar(cmd.ErrOrStderr(), "check")
	done := func() {}
	open := func(ctx context.Context) (eventstore.Store, error) {
		store, closing, err := openForReading(ctx, at)
		if err == nil {
			done = closing
		}
		return store, err
	}
	report, err := projections.Check(cmd.Context(), open, models, func(p projections.Progress) {
		bar.to(p.Position, p.Head)
	})
	bar.end(err)
	done()
	if err != nil {
		return err
	}
	return tell(cmd.OutOrStdout(), report)
}

// tell prints what a check found. It answers an error where that is anything.
func tell(out io.Writer, report *projections.Report) error {
	for _, d := range report.Differences {
		fmt.Fprintln(out, d)
	}
	fmt.Fprintf(out, "%d events in %d streams verified", report.Events, report.Streams)
	if report.Compared {
		fmt.Fprintf(out, ", %d accounts compared up to position %d", report.Accounts, report.Position)
	}
	fmt.Fprint(out, ": ")
	if !report.Clean() {
		fmt.Fprintf(out, "%d differences\n", report.Count)
		return fmt.Errorf("%d differences", report.Count)
	}
	fmt.Fprintln(out, "no differences")
	return nil
}
