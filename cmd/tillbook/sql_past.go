package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/projections"
)

// scratchFolder holds, in the data folder, the read models as they were at points that were asked for.
const scratchFolder = "scratch"

// scratchIn is where --scratch says, or in the data folder.
func (a *asking) scratchIn() projections.Scratch {
	if a.scratch != "" {
		return projections.Scratch{Folder: a.scratch}
	}
	return projections.Scratch{Folder: filepath.Join(a.at.data, scratchFolder)}
}

// pastPoint is a value of --as-of: a position of the log, or an instant.
func pastPoint(text string) (projections.Until, error) {
	if n, err := strconv.ParseUint(text, 10, 63); err == nil {
		return projections.Until{Position: eventstore.Position(n)}, nil
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil || t.IsZero() {
		return projections.Until{}, fmt.Errorf(
			"--as-of %.40q: want a position of the log, or an instant as 2026-03-01T00:00:00Z", text)
	}
	return projections.Until{Instant: t}, nil
}

// past opens the read models as of a point, which are built first where they are not kept.
func (a *asking) past(cmd *cobra.Command) (*projections.Models, error) {
	until, err := pastPoint(a.asOf)
	if err != nil {
		return nil, err
	}
	ctx := cmd.Context()
	store, done, err := openForReading(ctx, a.at)
	if err != nil {
		return nil, err
	}
	defer done()
	bar := newScanBar(cmd.ErrOrStderr(), "build read models")
	models, err := a.scratchIn().Open(ctx, store, until, func(p projections.Progress) {
		bar.to(p.Position, p.Head)
	})
	bar.end(err)
	return models, err
}

// clearScratch removes all of them.
func (a *asking) clearScratch(ctx context.Context) error { return a.scratchIn().Clear(ctx) }
