package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
)

// bench is one run of the verb.
type bench struct {
	benchOptions
	progress   io.Writer
	contenders []*contender // ours first
	rows       []*benchRow
}

// The kinds of rows.
const (
	debits      = "debit"
	reads       = "balance"
	sales       = "checkout"
	cappedSales = "checkout-capped" // with coupons of a campaign whose redemptions are capped
	quotes      = "quote"
	claims      = "claim"
)

// basic are the workloads that are measured unless others are asked for, ofShop those that need a shop.
var (
	basic     = []string{debits, reads}
	ofShop    = []string{sales, cappedSales, quotes, claims}
	workloads = slices.Concat(basic, ofShop)
)

// run measures, proves, and prints. Books that do not add up are an error, after the table.
func (b *bench) run(ctx context.Context, out io.Writer) error {
	r := report{}
	err := b.within(ctx, func(ctx context.Context, dir string) error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel() // and with it whatever still runs
		err := b.loads(ctx, dir, &r)
		err = errors.Join(err, b.closeAll())
		if err == nil && b.rebuild {
			r.Rebuild, err = b.rebuildModels(ctx, dir)
		}
		if err == nil && b.events > 0 {
			r.Restart, err = b.reopen(ctx, dir)
		}
		return err
	})
	if len(r.Rows) == 0 {
		return err
	}
	return errors.Join(err, r.print(out, b.json))
}

// loads runs every row of the table. What was measured is in the report, even when the books are
// wrong.
func (b *bench) loads(ctx context.Context, dir string, r *report) error {
	b.say("starting servers, opening %d accounts on each", b.accounts)
	if err := b.startOurs(ctx, dir); err != nil {
		return err
	}
	for _, c := range b.contenders {
		if err := c.setUp(ctx, c.books); err != nil {
			return err
		}
		if slices.ContainsFunc(b.workloads, isOfShop) {
			b.say("%s: giving points and coupons", c.title())
			if err := c.setUpShop(ctx, b.accounts); err != nil {
				return fmt.Errorf("set up the shop: %w", err)
			}
		}
	}
	own := b.contenders
	if b.ceiling {
		if err := b.startCeilings(ctx, dir); err != nil {
			return err
		}
	}
	for _, connections := range b.sortedConnections() {
		if err := b.turns(ctx, b.plan(connections)); err != nil {
			return err
		}
	}
	r.add(b.rows)
	for _, c := range own {
		proofs, err := c.prove(ctx)
		if err != nil {
			return err
		}
		r.Proofs = append(r.Proofs, proofs...)
	}
	return nil
}

// plan are the rows at a number of connections. A ceiling does the same for every account, so it has
// one row for debits and one for reads.
func (b *bench) plan(connections int) []*benchRow {
	var rows []*benchRow
	add := func(c *contender, kind, distribution string) {
		if !slices.Contains(b.workloads, kind) {
			return
		}
		row := &benchRow{contender: c, kind: kind, distribution: distribution,
			connections: connections, work: c.work(kind, distribution)}
		rows = append(rows, row)
	}
	for _, c := range b.contenders {
		if c.isOurs() {
			for _, d := range b.distributions {
				add(c, debits, d)
			}
		} else {
			add(c, debits, uniform)
		}
		if c.name != oneBatch {
			add(c, reads, uniform)
		}
		if c.shop != nil {
			for _, kind := range ofShop {
				add(c, kind, uniform)
			}
		}
	}
	return rows
}

// work is what a row of that kind asks.
func (c *contender) work(kind, distribution string) workload {
	of := func(b *books) choice {
		choice, _ := choose(distribution, len(b.paths)) // checked with the options
		return choice
	}
	switch kind {
	case debits:
		return c.books.debit(of(c.books))
	case reads:
		return c.books.read(of(c.books))
	case quotes:
		return c.shop.quote(of(c.shop.books))
	case claims:
		return c.shop.claim(of(c.shop.claimers), claimCampaign)
	case cappedSales:
		return c.shop.sell(of(c.shop.books), cappedCampaign)
	}
	return c.shop.sell(of(c.shop.books), openCampaign)
}

func isOfShop(kind string) bool { return slices.Contains(ofShop, kind) }

// turns runs the rows one after the other, as often as was asked for, so that what else happens on
// the machine meanwhile happens to all of them.
func (b *bench) turns(ctx context.Context, rows []*benchRow) error {
	for turn := range b.runs {
		for _, row := range rows {
			b.say("%d connections, run %d of %d: %s", row.connections, turn+1, b.runs, row.title())
			m, err := row.measure(ctx, &load{connections: row.connections,
				requests: b.requests, duration: b.duration, work: row.work})
			if err != nil {
				return fmt.Errorf("%s: %w", row.title(), err)
			}
			if row.mode == "on" && row.kind != reads && row.kind != quotes {
				if m.lag, m.caughtUp, err = row.catchUp(ctx); err != nil {
					return fmt.Errorf("wait for the read models: %w", err)
				}
			}
			row.runs = append(row.runs, m)
		}
	}
	b.rows = append(b.rows, rows...)
	return nil
}

func (b *bench) say(format string, args ...any) {
	fmt.Fprintf(b.progress, format+"\n", args...)
}
