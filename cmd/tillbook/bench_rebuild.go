package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/tillbook/tillbook/eventstore/embedded"
	"github.com/tillbook/tillbook/projections"
)

// rebuilt is how read models were folded from a whole log, decoding included.
type rebuilt struct {
	Events  int64   `json:"events"`
	Seconds float64 `json:"seconds"`
}

func (r *rebuilt) String() string {
	return fmt.Sprintf("read models rebuilt on one core: %d events in %.1f s, %.0f events/s",
		r.Events, r.Seconds, float64(r.Events)/r.Seconds)
}

// rebuildModels builds the read models of the debits' log, which never had any, on one core.
func (b *bench) rebuildModels(ctx context.Context, dir string) (*rebuilt, error) {
	b.say("building the read models on one core")
	binary, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := exec.CommandContext(ctx, binary, "bench", "rebuild", filepath.Join(dir, "tillbook-off"))
	c.Env, c.Stderr = append(os.Environ(), "GOMAXPROCS=1"), b.progress
	out, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("rebuild the read models: %w", err)
	}
	var r rebuilt
	_, err = fmt.Sscan(string(out), &r.Events, &r.Seconds)
	return &r, err
}

// newRebuild is a verb of the bench's children: it prints events and seconds.
func newRebuild() *cobra.Command {
	return &cobra.Command{
		Use: "rebuild DIR", Hidden: true, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			store, err := openLog(args[0], embedded.Options{})
			if err != nil {
				return err
			}
			defer store.Close()
			head, err := store.Head(cmd.Context())
			if err != nil {
				return err
			}
			began := time.Now()
			models, err := projections.Open(cmd.Context(), args[0], store,
				projections.Options{Log: slog.New(slog.DiscardHandler)})
			if err != nil {
				return err
			}
			defer models.Close()
			if err := models.WaitHead(cmd.Context()); err != nil {
				return err
			}
			fmt.Println(head, time.Since(began).Seconds())
			return nil
		},
	}
}
