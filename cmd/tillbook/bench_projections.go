package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"text/tabwriter"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
	"github.com/tillbook/tillbook/eventstore/embedded"
)

// folding is a row of the table: how one kind of reader went through the log.
type folding struct {
	Reader  string  `json:"reader"`
	Cores   int     `json:"cores"`
	Events  int64   `json:"events"`
	Rate    float64 `json:"events_per_second"`
	PerCore float64 `json:"events_per_cpu_second"` // of the CPU time that it used
	PeakMB  float64 `json:"peak_memory_mb"`
}

// fold is what a child tells: it went through Events.
type fold struct {
	Events       int64
	Seconds, CPU float64
	Peak         int64 // bytes
}

// foldings are the rows: the readers, with how many cores, over what part of the log.
func (b *bench) foldings(all int64) []folding {
	rows := []folding{
		{Reader: "scan", Cores: 1, Events: all},
		{Reader: "go", Cores: 1, Events: all},
		{Reader: "js", Cores: 1, Events: all},
		{Reader: "js-partitioned", Cores: 1, Events: all},
		{Reader: "js-partitioned", Cores: 2, Events: all},
		{Reader: "sqlite", Cores: 1, Events: all},
		{Reader: "sqlite", Cores: 2, Events: all},
	}
	if b.readmodels != "" {
		rows = append(rows, folding{Reader: "postgres", Cores: 1, Events: all},
			folding{Reader: "postgres", Cores: 2, Events: all})
	}
	for _, reader := range []string{"scan", "go", "js-partitioned", "sqlite"} { // memory over a quarter of the log
		rows = append(rows, folding{Reader: reader, Cores: 1, Events: all / 4})
	}
	return append(rows, folding{Reader: "sqlite", Cores: 2, Events: all / 4})
}

// measureFolding makes a log and lets each reader through it, in turns.
func (b *bench) measureFolding(ctx context.Context, out io.Writer) error {
	return b.within(ctx, func(ctx context.Context, dir string) error {
		log := filepath.Join(dir, "log")
		if err := os.Mkdir(log, 0o700); err != nil {
			return err
		}
		b.say("writing %d events to %d accounts", b.folded, b.foldedAccounts())
		all, err := b.writeLog(ctx, log)
		if err != nil {
			return fmt.Errorf("write %d events: %w", b.folded, err)
		}
		rows := b.foldings(all)
		runs := make([][]fold, len(rows))
		for turn := range b.runs {
			for i, row := range rows {
				b.say("turn %d: %s on %d cores, %d events", turn+1, row.Reader, row.Cores, row.Events)
				f, err := b.foldOnce(ctx, log, row)
				if err != nil {
					return fmt.Errorf("%s: %w", row.Reader, err)
				}
				runs[i] = append(runs[i], f)
			}
		}
		for i := range rows {
			rows[i].measured(runs[i])
		}
		return b.printFolding(out, rows)
	})
}

// measured takes the medians.
func (r *folding) measured(runs []fold) {
	median := func(of func(fold) float64) float64 {
		all := make([]float64, len(runs))
		for i, f := range runs {
			all[i] = of(f)
		}
		slices.Sort(all)
		return all[len(all)/2]
	}
	r.Events = runs[0].Events
	r.Rate = median(func(f fold) float64 { return float64(f.Events) / f.Seconds })
	r.PerCore = median(func(f fold) float64 { return float64(f.Events) / max(f.CPU, 1e-3) })
	r.PeakMB = median(func(f fold) float64 { return float64(f.Peak) / (1 << 20) })
}

func (b *bench) printFolding(out io.Writer, rows []folding) error {
	if b.json {
		return json.NewEncoder(out).Encode(map[string]any{"projections": rows})
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "reader\tcores\tevents\tevents/s\tevents per CPU second\tpeak memory\t")
	for _, r := range rows {
		fmt.Fprintf(w, "%s\t%d\t%d\t%.0f\t%.0f\t%.0f MB\t\n", r.Reader, r.Cores, r.Events, r.Rate, r.PerCore,
			r.PeakMB)
	}
	return w.Flush()
}

// foldOnce runs a reader in a process of its own, which has so many cores.
func (b *bench) foldOnce(ctx context.Context, log string, row folding) (f fold, err error) {
	binary, err := os.Executable()
	if err != nil {
		return f, err
	}
	c := exec.CommandContext(ctx, binary, "bench", "fold", row.Reader, log,
		strconv.FormatInt(row.Events, 10), cmp.Or(b.readmodels, "-"))
	c.Env, c.Stderr = append(os.Environ(), "GOMAXPROCS="+strconv.Itoa(row.Cores)), b.progress
	out, err := c.Output()
	if err != nil {
		return f, err
	}
	return f, json.Unmarshal(out, &f)
}

// foldedAccounts are how many accounts the log has: a state of each must not grow with the log.
func (b *bench) foldedAccounts() int64 { return min(int64(b.accounts), max(b.folded/50, 1)) }

// writeLog fills a folder with top-ups and debits, and answers how many events it has.
func (b *bench) writeLog(ctx context.Context, dir string) (events int64, err error) {
	store, err := openLog(dir, embedded.Options{})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	l := ledger.Open(store, ledger.Options{})
	defer l.Close()
	accounts := b.foldedAccounts()
	ids := make([]uuid.UUID, accounts)
	do := func(n int64, kind string, c domain.Command) error {
		_, err := l.Do(ctx, ledger.Request{Account: ids[n%accounts], Command: c, Caller: caller,
			Key: kind + strconv.FormatInt(n, 10), Context: domain.Context{Store: "S" + strconv.FormatInt(n%7, 10),
				Terminal: "T1", PosTxnID: kind + strconv.FormatInt(n, 10)}})
		return err
	}
	r := restart{Events: accounts + 2}
	err = r.debits(func(n int64) error {
		ref := "customer-" + strconv.FormatInt(n, 10)
		ids[n-1] = domain.AccountID(ref)
		err := do(n-1, "open", domain.OpenAccount{CustomerRef: ref})
		if err != nil {
			return err
		}
		return do(n-1, "fill", domain.TopUp{Amount: benchFill, TopUpTerms: domain.DefaultTerms()})
	})
	if err != nil {
		return 0, err
	}
	r.Events = max(b.folded-2*accounts, 1) + 2
	err = r.debits(func(n int64) error { return do(n, "debit", domain.Debit{Amount: cents(777)}) })
	return 2*accounts + r.Events - 2, err
}
