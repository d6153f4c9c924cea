package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// newServe is `tillbook serve`.
func newServe() *cobra.Command { return serving(new(config)) }

// serving is the verb that serves by c, which its flags set.
func serving(c *config) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve the ledger of a data folder over REST",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := errors.Join(fromEnvironment(cmd.Flags()), checkAdminKey()); err != nil {
				return err
			}
			c.patient = true
			s, err := openService(cmd.Context(), *c, newLogger(c.logLevel))
			if err != nil {
				return err
			}
			if err := s.firstAdminKey(cmd.Context(), os.Stdout); err != nil {
				s.close()
				return err
			}
			if s.protocol != nil {
				fmt.Printf("EventStoreDB's protocol on its log: %s\n", s.protocol.address())
			}
			fmt.Printf("Tillbook serves %s on http://%s (reference: /docs)\n", c.data, s.address())
			return s.run(cmd.Context())
		},
	}
	c.settings(cmd.Flags())
	return cmd
}

// collectorPercent is how much the heap may grow between collections, in percent: the ledger makes much
// short-lived garbage beside caches whose size is bounded, and at the runtime's 100 a tenth of its
// time went into collecting it. GOGC and GOMEMLIMIT in the environment still decide where set.
const collectorPercent = 400

func tuneCollector() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(collectorPercent)
	}
}

// defaultConfig are the settings as they are when nothing is set.
func defaultConfig() config {
	var c config
	c.settings(pflag.NewFlagSet("", pflag.ContinueOnError))
	return c
}

func newLogger(level string) *slog.Logger {
	var l slog.Level
	_ = l.UnmarshalText([]byte(level)) // the setting knows its choices
	return slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: l}))
}
