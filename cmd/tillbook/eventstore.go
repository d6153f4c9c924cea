package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/tillbook/tillbook/eventstore/embedded"
	"github.com/tillbook/tillbook/eventstore/esdbserver"
)

// newEventStore is `tillbook eventstore`.
func newEventStore() *cobra.Command {
	var p protocol
	var data, logLevel string
	var blockCacheMB int
	var drain time.Duration
	cmd := &cobra.Command{
		Use:   "eventstore",
		Short: "Serve a log alone by EventStoreDB's protocol, without a ledger in it",
		Long: "A stand-in for EventStoreDB on laptops and in tests: official clients connect to it, and so\n" +
			"does serve --eventstore esdb://127.0.0.1:2113?tls=false, once or on several nodes. There is\n" +
			"one of it, and no failover; clients own every stream.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := fromEnvironment(cmd.Flags()); err != nil {
				return err
			}
			logger := newLogger(logLevel)
			store, err := openLog(data, embedded.Options{
				Logger: logger, CacheBytes: int64(blockCacheMB) << 20,
			})
			if err != nil {
				return err
			}
			server, err := p.open(esdbserver.Options{Store: store, Logger: logger})
			if err != nil {
				return errors.Join(err, store.Close())
			}
			fmt.Fprintf(cmd.OutOrStdout(), "Tillbook serves the log of %s by EventStoreDB's protocol: %s (%s)\n",
				data, server.address(), server.page())
			err = server.run(cmd.Context(), store.Failed(), drain)
			return errors.Join(err, store.Close())
		},
	}
	f := cmd.Flags()
	p.settings(f, "", "127.0.0.1:2113")
	f.StringVar(&data, "data", "./eventstore-data", "folder of the data; limit: one process at a time")
	bind(f, oneOf(&logLevel, "info", "debug", "info", "warn", "error"), "log-level",
		"what is logged to standard error")
	bind(f, between(&blockCacheMB, 64, 1, 1<<20), "block-cache-mb", "memory for read blocks, MiB")
	bind(f, lasting(&drain, 30*time.Second, time.Second, 10*time.Minute), "drain",
		"time that a stop gives to calls under way")
	return cmd
}

// run serves until ctx ends or the log's medium has failed, which opening it again may mend; then it
// finishes what was accepted.
func (p *protocolServer) run(
	ctx context.Context, failed <-chan struct{}, drain time.Duration,
) error {
	served := make(chan error, 1)
	go func() { served <- p.Serve(p.listener) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	case <-failed:
	}
	ctx, cancel := context.WithTimeout(context.Background(), drain)
	defer cancel()
	err := p.Shutdown(ctx)
	if failed := <-served; failed != nil {
		err = failed
	}
	return err
}
