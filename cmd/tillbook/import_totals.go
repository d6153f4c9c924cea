package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"

	"github.com/tillbook/tillbook/domain"
)

// outcome is what became of a row.
type outcome int

const (
	posted outcome = iota
	repeated
	rejected
	outcomeCount
)

// share is a part of a file's rows: how many, and what their amounts add up to.
type share struct {
	rows int64
	sum  domain.Money // without a unit until there is an amount
}

func (s *share) add(amount domain.Money) {
	s.rows++
	switch {
	case amount.Unit() == "":
	case s.sum.Unit() == "":
		s.sum = amount
	default:
		s.sum = s.sum.Add(amount)
	}
}

// totalKey is what control totals are kept by. unit is "" where there is none.
type totalKey struct{ kind, unit string }

func (k totalKey) String() string { return k.kind + "/" + k.unit }

// results is what became of the rows so far. Any goroutine may use it.
type results struct {
	mu       sync.Mutex
	all      [outcomeCount]int64
	accounts int64 // opened for a row of another kind
	totals   map[totalKey]*[outcomeCount]share
	reports  reporter
	progress *progress
}

func newResults(reports reporter, p *progress) *results {
	return &results{totals: map[totalKey]*[outcomeCount]share{}, reports: reports, progress: p}
}

// count settles a row of the file.
func (r *results) count(row *importRow, o outcome) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all[o]++
	r.share(totalKey{cmp.Or(row.kind, "unreadable"), row.unit}, row.amount, o)
	if row.bonus.Unit() != "" {
		r.share(totalKey{"bonus", row.unit}, row.bonus, o)
	}
	r.progress.add()
}

func (r *results) share(key totalKey, amount domain.Money, o outcome) {
	if r.totals[key] == nil {
		r.totals[key] = &[outcomeCount]share{}
	}
	r.totals[key][o].add(amount)
}

// reject settles a row that is not in the ledger, and says why.
func (r *results) reject(row *importRow, bad *badRow) {
	r.count(row, rejected)
	r.report(bad)
}

func (r *results) report(bad *badRow) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.progress.clear()
	r.reports.report(bad)
}

// opened counts an account that was opened for its first row.
func (r *results) opened(anew bool) {
	if anew {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.accounts++
	}
}

// keys are those of the totals, in the order of the kinds.
func (r *results) keys() []totalKey {
	order := append(slices.Clone(rowKinds), "bonus", "unreadable")
	keys := make([]totalKey, 0, len(r.totals))
	for k := range r.totals {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b totalKey) int {
		return cmp.Or(slices.Index(order, a.kind)-slices.Index(order, b.kind),
			strings.Compare(a.unit, b.unit))
	})
	return keys
}

// control are the sums of what was posted, by kind and unit.
func (r *results) control() map[string]string {
	control := map[string]string{}
	for k, shares := range r.totals {
		if k.unit != "" && shares[posted].rows > 0 {
			control[k.String()] = figure(shares[posted].sum)
		}
	}
	return control
}

// figure is a sum as it is printed. Of a registered unit, whose scale only the service knows, it
// leaves out zeros at the end.
func figure(m domain.Money) string {
	if m.Unit() == "" {
		return "-"
	}
	text := m.Quantity.String()
	if _, currency := domain.ISOUnit(m.Unit()); !currency {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text
}

// print writes the control totals; of a dry run, what could be read.
func (r *results) print(out io.Writer, dryRun bool) {
	names := [outcomeCount]string{"POSTED", "REPEATED", "REJECTED"}
	if dryRun {
		names[posted] = "READABLE"
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(w, "KIND\tUNIT\tROWS\t")
	for _, name := range names {
		fmt.Fprintf(w, "%s\tAMOUNT\t", name)
	}
	fmt.Fprintln(w)
	for _, k := range r.keys() {
		shares := r.totals[k]
		rows := shares[posted].rows + shares[repeated].rows + shares[rejected].rows
		fmt.Fprintf(w, "%s\t%s\t%d\t", k.kind, cmp.Or(k.unit, "-"), rows)
		for _, s := range shares {
			fmt.Fprintf(w, "%d\t%s\t", s.rows, figure(s.sum))
		}
		fmt.Fprintln(w)
	}
	_ = w.Flush() // what cannot be printed is not worth an error
	if !dryRun {
		fmt.Fprintf(out, "%d rows: %d posted, %d there already, %d rejected; %d accounts opened\n",
			r.all[posted]+r.all[repeated]+r.all[rejected], r.all[posted], r.all[repeated],
			r.all[rejected], r.accounts)
	}
}
