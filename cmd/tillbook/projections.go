package main

import (
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/tillbook/tillbook/eventstore"
)

// newProjections is `tillbook projections`.
func newProjections() *cobra.Command {
	var at place
	cmd := &cobra.Command{Use: "projections", Short: "Read models, and projections that run live"}
	at.flags(cmd.PersistentFlags())
	cmd.AddCommand(newProjectionsList(&at), newProjectionsRebuild(&at))
	cmd.AddCommand(liveVerbs(&at)...)
	return cmd
}

func newProjectionsList(at *place) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "Say how far each read model is", Args: cobra.NoArgs,
		RunE: withLedger(at, func(cmd *cobra.Command, _ []string, c *client) error {
			var page struct {
				Data []struct {
					Name, Kind     string
					Version, Rows  int64
					Position, Head string
					State          string
				}
			}
			if err := c.do(cmd.Context(), "GET", "/v1/projections", "", nil, &page); err != nil {
				return err
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "NAME\tKIND\tVERSION\tPOSITION\tHEAD\tROWS\tSTATE")
			for _, p := range page.Data {
				fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%s\t%d\t%s\n", p.Name, p.Kind, p.Version, p.Position, p.Head,
					p.Rows, p.State)
			}
			return w.Flush()
		}),
	}
}

// newProjectionsRebuild builds all read models anew beside those that serve. They lie in one file, so
// they are built together; the service goes on answering from the old one until they take over.
func newProjectionsRebuild(at *place) *cobra.Command {
	return &cobra.Command{
		Use: "rebuild", Short: "Build the read models anew, beside those that serve", Args: cobra.NoArgs,
		RunE: withLedger(at, func(cmd *cobra.Command, _ []string, c *client) (err error) {
			ctx := cmd.Context()
			err = c.do(ctx, "POST", rebuildRoute, uuid.NewString(), rebuildAsked{Start: true}, nil)
			if err != nil {
				return err
			}
			bar := newScanBar(cmd.ErrOrStderr(), "rebuild")
			defer func() { bar.end(err) }()
			tick := time.NewTicker(100 * time.Millisecond)
			defer tick.Stop()
			for {
				var now rebuildState
				err = c.do(ctx, "POST", rebuildRoute, uuid.NewString(), rebuildAsked{}, &now)
				switch {
				case err != nil:
					return err
				case now.Failure != "":
					return fmt.Errorf("rebuild: %s", now.Failure)
				case !now.Running:
					bar.to(now.Position, now.Head)
					bar.end(nil)
					fmt.Fprintf(cmd.OutOrStdout(), "%d events folded, the new read models serve\n", now.Events)
					return nil
				}
				bar.to(now.Position, now.Head)
				select {
				case <-ctx.Done():
					return ctx.Err()
				case <-tick.C:
				}
			}
		}),
	}
}

// rebuildState is how far a rebuild is, over the folder's socket.
type rebuildState struct {
	Running  bool                `json:"running"`
	Events   int64               `json:"events"`
	Position eventstore.Position `json:"position"`
	Head     eventstore.Position `json:"head"`
	Failure  string              `json:"failure,omitempty"`
}

// rebuildAsked begins a rebuild, or asks how far it is.
type rebuildAsked struct {
	Start bool `json:"start"`
}
