package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// benchRow is a row of the table: one workload on one contender.
type benchRow struct {
	*contender
	kind, distribution string
	connections        int
	work               workload
	runs               []measurement
}

// figures are what is printed of a row: of each the median over the runs. Those that the machine or
// the server does not tell are 0.
type figures struct {
	Row             string  `json:"row"`
	Server          string  `json:"server"`
	Kind            string  `json:"kind"`
	Followers       string  `json:"followers,omitempty"`
	Distribution    string  `json:"distribution"`
	Connections     int     `json:"connections"`
	Rate            float64 `json:"requests_per_second"`
	P50             float64 `json:"p50_us"`
	P95             float64 `json:"p95_us"`
	P99             float64 `json:"p99_us"`
	ServerCPU       float64 `json:"server_cores"`
	LoadCPU         float64 `json:"load_cores"`
	BytesPerRequest float64 `json:"bytes_written_per_request"`
	MemoryMB        float64 `json:"server_memory_mb"`
	Busy            float64 `json:"busy"`
	Lag             float64 `json:"lag_events"`
	CatchUp         float64 `json:"catch_up_seconds"`
}

// report is everything that a bench prints.
type report struct {
	Rows    []figures `json:"rows"`
	Ratios  []ratio   `json:"ratios"`
	Proofs  []string  `json:"proofs"`
	Rebuild *rebuilt  `json:"rebuild,omitempty"`
	Restart *restart  `json:"restart,omitempty"`
}

func (c *contender) title() string {
	if c.mode == "" {
		return c.name
	}
	return c.name + " followers " + c.mode
}

func (r *benchRow) title() string {
	if !r.isOurs() {
		return r.kind + ", " + r.name
	}
	store := strings.TrimPrefix(r.name, ours)
	return strings.TrimSpace(r.kind + " " + r.distribution + store + followed(r.mode))
}

func followed(mode string) string {
	if mode == "" {
		return ""
	}
	return ", followers " + mode
}

func (r *benchRow) figures() figures {
	of := func(figure func(m measurement) float64) float64 { return median(r.runs, figure) }
	quantile := func(q float64) float64 {
		return of(func(m measurement) float64 {
			return float64(m.latency.ValueAtQuantile(q)) / float64(time.Microsecond)
		})
	}
	return figures{
		Row: r.title(), Server: r.name, Kind: r.kind, Followers: r.mode,
		Distribution: r.distribution, Connections: r.connections,
		Rate: of(measurement.rate), P50: quantile(50), P95: quantile(95), P99: quantile(99),
		ServerCPU: of(func(m measurement) float64 { return m.server.cpu.Seconds() / m.took.Seconds() }),
		LoadCPU:   of(func(m measurement) float64 { return m.load.cpu.Seconds() / m.took.Seconds() }),
		BytesPerRequest: of(func(m measurement) float64 {
			return float64(m.server.written) / float64(max(1, m.successes))
		}),
		MemoryMB: of(func(m measurement) float64 { return float64(m.server.memory) / (1 << 20) }),
		Busy:     of(func(m measurement) float64 { return float64(m.busy) }),
		Lag:      of(func(m measurement) float64 { return float64(m.lag) }),
		CatchUp:  of(func(m measurement) float64 { return m.caughtUp.Seconds() }),
	}
}

func (m measurement) rate() float64 { return float64(m.successes) / m.took.Seconds() }

// median is the middle one of the runs' figures; of an even number the lower of the two.
func median(runs []measurement, figure func(measurement) float64) float64 {
	if len(runs) == 0 {
		return 0
	}
	var all []float64
	for _, m := range runs {
		all = append(all, figure(m))
	}
	slices.Sort(all)
	return all[(len(all)-1)/2]
}

// add takes the rows in, ordered by kind and then by connections.
func (r *report) add(rows []*benchRow) {
	for _, row := range rows {
		r.Rows = append(r.Rows, row.figures())
	}
	slices.SortStableFunc(r.Rows, func(a, b figures) int {
		return cmp.Or(cmp.Compare(b.Kind, a.Kind), cmp.Compare(a.Connections, b.Connections))
	})
	r.Ratios = ratios(r.Rows)
}

// print writes the report as tables, or as JSON.
func (r *report) print(out io.Writer, asJSON bool) error {
	if asJSON {
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		return e.Encode(r)
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "conns\treq/s\tp50\tp95\tp99\tserver cores\ta request\tload cores\twritten\t"+
		"RSS MB\tlag\tcaught up\t  row")
	for _, f := range r.Rows {
		fmt.Fprintf(w, "%d\t%.0f\t%s\t%s\t%s\t%.2f\t%s\t%.2f\t%s\t%s\t%s\t%s\t  %s\n",
			f.Connections, f.Rate, micros(f.P50), micros(f.P95), micros(f.P99),
			f.ServerCPU, micros(by(f.ServerCPU*1e6, f.Rate)), f.LoadCPU,
			told(f.BytesPerRequest), told(f.MemoryMB), told(f.Lag), seconds(f.CatchUp), f.Row)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, x := range r.Ratios {
		fmt.Fprintln(out, x)
	}
	for _, p := range r.Proofs {
		fmt.Fprintln(out, "books:", p)
	}
	if r.Rebuild != nil {
		fmt.Fprintln(out, r.Rebuild)
	}
	if r.Restart != nil {
		fmt.Fprintln(out, r.Restart)
	}
	return nil
}

func micros(us float64) string {
	if us < 1_000 {
		return fmt.Sprintf("%.0f µs", us)
	}
	return fmt.Sprintf("%.2f ms", us/1_000)
}

func told(x float64) string {
	if x == 0 {
		return "-"
	}
	return fmt.Sprintf("%.0f", x)
}

func seconds(s float64) string {
	if s == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f s", s)
}
