package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"text/tabwriter"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
)

// liveVerbs are the verbs of `tillbook projections` on what analysts have the service run.
func liveVerbs(at *place) []*cobra.Command {
	return []*cobra.Command{
		newScriptVerb(at, "create", "POST", "Have a script answer live, from the log's start"),
		newScriptVerb(at, "update", "PUT", "Have a new version built beside the one that answers"),
		newLiveVerb(at, "enable", "POST", "/enable", "Let a projection run, or try again after a fault"),
		newLiveVerb(at, "disable", "POST", "/disable", "Stop a projection, which keeps what it has"),
		newLiveVerb(at, "reset", "POST", "/reset", "Let a projection fold the log anew"),
		newLiveVerb(at, "promote", "POST", "/promote", "Let the version that was built beside answer"),
		newLiveVerb(at, "drop", "POST", "/drop", "Give up the version that was built beside"),
		newLiveVerb(at, "delete", "DELETE", "", "End a projection; what it has emitted stays"),
		newDocumentVerb(at, "state", "Print the state of a projection, or of one partition"),
		newDocumentVerb(at, "result", "Print the result of a projection, or of one partition"),
		newStats(at),
		newCompare(at),
	}
}

func projectionPath(name string) string { return "/v1/projections/" + url.PathEscape(name) }

// change is what the service answers to a verb that changed something.
type change struct {
	Name, Event string
	Version     int
}

func (c change) tell(w io.Writer) {
	if c.Version > 0 {
		fmt.Fprintf(w, "%s: %s, version %d\n", c.Name, c.Event, c.Version)
		return
	}
	fmt.Fprintf(w, "%s: %s\n", c.Name, c.Event)
}

func newScriptVerb(at *place, verb, method, short string) *cobra.Command {
	var emit bool
	cmd := &cobra.Command{Use: verb + " NAME FILE.js", Short: short, Args: cobra.ExactArgs(2)}
	cmd.Flags().BoolVar(&emit, "emit", false, "let it emit, to streams analytics-… and $projections-NAME-…")
	cmd.RunE = withLedger(at, func(cmd *cobra.Command, args []string, c *client) error {
		query, err := os.ReadFile(args[1])
		if err != nil {
			return err
		}
		path := "/v1/projections"
		if method == "PUT" {
			path = projectionPath(args[0])
		}
		body := map[string]any{"name": args[0], "query": string(query), "emit": emit}
		var done change
		if err := c.do(cmd.Context(), method, path, uuid.NewString(), body, &done); err != nil {
			return err
		}
		done.tell(cmd.OutOrStdout())
		return nil
	})
	return cmd
}

func newLiveVerb(at *place, verb, method, suffix, short string) *cobra.Command {
	return &cobra.Command{Use: verb + " NAME", Short: short, Args: cobra.ExactArgs(1),
		RunE: withLedger(at, func(cmd *cobra.Command, args []string, c *client) error {
			var done change
			path := projectionPath(args[0]) + suffix
			if err := c.do(cmd.Context(), method, path, uuid.NewString(), nil, &done); err != nil {
				return err
			}
			done.tell(cmd.OutOrStdout())
			return nil
		}),
	}
}

// newDocumentVerb prints a JSON document, which is called as the verb is, on lines of its own.
func newDocumentVerb(at *place, verb, short string) *cobra.Command {
	var partition string
	cmd := &cobra.Command{Use: verb + " NAME", Short: short, Args: cobra.ExactArgs(1)}
	cmd.Flags().StringVar(&partition, "partition", "",
		"the partition, where there are several; without a name what they share")
	cmd.RunE = withLedger(at, func(cmd *cobra.Command, args []string, c *client) error {
		var answer map[string]json.RawMessage
		path := projectionPath(args[0]) + "/" + verb + "?partition=" + url.QueryEscape(partition)
		if err := c.do(cmd.Context(), "GET", path, "", nil, &answer); err != nil {
			return err
		}
		stopped := c.faultOf(cmd.Context(), args[0])
		if stopped != nil && string(answer[verb]) == "null" {
			return stopped
		}
		var text bytes.Buffer
		if err := json.Indent(&text, answer[verb], "", "  "); err != nil {
			return err
		}
		fmt.Fprintln(cmd.OutOrStdout(), text.String())
		return stopped
	})
	return cmd
}

// faultOf is an error that says why a projection has stopped, if a fault did that, and what may be done.
func (c *client) faultOf(ctx context.Context, name string) error {
	var now versionStats
	if err := c.do(ctx, "GET", projectionPath(name)+"/statistics", "", nil, &now); err != nil {
		return err
	}
	if now.Fault == nil {
		return nil
	}
	return fmt.Errorf("%s %s\nenable it to try again, or update it with a mended script", name, now.Fault)
}

// versionStats are a version's numbers, as the service answers them.
type versionStats struct {
	Version, Events, Emitted, Partitions, Bytes int64
	State, Position, Lag                        string
	PerSecond                                   int64 `json:"events_per_second"`
	Log                                         []string
	Fault                                       *versionFault
}

// versionFault is why a version has stopped.
type versionFault struct {
	Message, Handler, Event, At string
	Line                        int
}

func (f *versionFault) String() string {
	return fmt.Sprintf("stopped at %s, line %d, handler %q, event %s: %s", f.At, f.Line, f.Handler, f.Event,
		f.Message)
}

func newStats(at *place) *cobra.Command {
	return &cobra.Command{Use: "stats NAME", Short: "Print how far a projection is, and how fast",
		Args: cobra.ExactArgs(1),
		RunE: withLedger(at, func(cmd *cobra.Command, args []string, c *client) error {
			var p struct {
				Current   versionStats
				Candidate *versionStats
			}
			if err := c.do(cmd.Context(), "GET", projectionPath(args[0]), "", nil, &p); err != nil {
				return err
			}
			all := []versionStats{p.Current}
			if p.Candidate != nil {
				all = append(all, *p.Candidate)
			}
			return tellStats(cmd.OutOrStdout(), all)
		}),
	}
}

// tellStats prints a line for each version, the one that answers first, and their faults.
func tellStats(out io.Writer, all []versionStats) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "VERSION\tSTATE\tPOSITION\tLAG\tEVENTS\tEVENTS/S\tEMITTED\tPARTITIONS\tBYTES")
	for _, s := range all {
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%d\t%d\t%d\t%d\t%d\n", s.Version, s.State, s.Position, s.Lag, s.Events,
			s.PerSecond, s.Emitted, s.Partitions, s.Bytes)
	}
	for _, s := range all {
		if s.Fault != nil {
			fmt.Fprintf(w, "version %d %s\n", s.Version, s.Fault)
		}
	}
	for _, s := range all {
		for _, line := range s.Log {
			fmt.Fprintf(w, "version %d logged %s\n", s.Version, printable(line))
		}
	}
	return w.Flush()
}

func newCompare(at *place) *cobra.Command {
	return &cobra.Command{Use: "compare NAME", Args: cobra.ExactArgs(1),
		Short: "Print what the version that is being built makes otherwise",
		RunE: withLedger(at, func(cmd *cobra.Command, args []string, c *client) error {
			var d struct {
				Same       bool   `json:"same_position"`
				Position   string `json:"as_of_position"`
				Partitions int
				Count      int
				Candidate  versionStats
				Data       []struct {
					Partition, Key     string
					Current, Candidate json.RawMessage
				}
			}
			if err := c.do(cmd.Context(), "GET", projectionPath(args[0])+"/difference", "", nil, &d); err != nil {
				return err
			}
			if !d.Same {
				return fmt.Errorf("the versions are not at one position yet: the new one is %s, %s positions behind",
					d.Candidate.State, d.Candidate.Lag)
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			if d.Count > 0 {
				fmt.Fprintln(w, "PARTITION\tKEY\tCURRENT\tNEW")
			}
			for _, one := range d.Data {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", one.Partition, one.Key, one.Current, one.Candidate)
			}
			fmt.Fprintf(w, "%d partitions compared at position %s: %d differences\n", d.Partitions, d.Position,
				d.Count)
			return w.Flush()
		}),
	}
}
