package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
)

// The bounds of looking into the log beside a question: how long, and how many events are counted.
const (
	lagTime   = 5 * time.Second
	lagCounts = 100_000
)

// logEnd is where the ledger's log ends; Start where there is no log at hand, as where analysts know the
// read models' database alone.
func (a *asking) logEnd(ctx context.Context) (end eventstore.Position, err error) {
	ctx, cancel := context.WithTimeout(ctx, lagTime)
	defer cancel()
	log, done, err := openForReading(ctx, a.at)
	if errors.Is(err, errNoLedger) {
		return eventstore.Start, nil
	}
	if err != nil {
		return eventstore.Start, err
	}
	defer done()
	return log.Head(ctx, domain.Prefixes...)
}

// warnOfLag says by how many events an answer as of a position is behind the log, which ended at end when
// the question was asked.
func (a *asking) warnOfLag(ctx context.Context, to io.Writer, at, end eventstore.Position) error {
	if at >= end {
		return nil
	}
	n, err := a.countLog(ctx, at, end)
	if err != nil {
		return err
	}
	lacks := strconv.Itoa(n)
	if n > lagCounts {
		lacks = fmt.Sprintf("more than %d", lagCounts)
	}
	fmt.Fprintf(to, "warning: the read models lack the last events of the log, %s of them: the answer is as of "+
		"position %d; a running service brings them up to date\n", lacks, at)
	return nil
}

// countLog counts the ledger's events behind a position up to another, at most one more than lagCounts.
func (a *asking) countLog(ctx context.Context, after, end eventstore.Position) (n int, err error) {
	log, done, err := openForReading(ctx, a.at)
	if err != nil {
		return 0, err
	}
	defer done()
	for e, err := range log.ReadAll(ctx, after, domain.Prefixes...) {
		if err != nil {
			return 0, err
		}
		if e.Position > end || n > lagCounts {
			break
		}
		n++
	}
	return n, nil
}
