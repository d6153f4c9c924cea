package main

import "fmt"

// ratio is one row's speed, slowest hundredth and processor time by those of another, of the same run.
type ratio struct {
	What string  `json:"what"`
	Rate float64 `json:"rate"`
	P99  float64 `json:"p99"`
	CPU  float64 `json:"cpu"` // the server's, of a request; 0 where nobody tells
}

func (r ratio) String() string {
	return fmt.Sprintf("ratio: %-88s %5.2f of its speed, %5.2f of its p99, %5.2f of its CPU a request",
		r.What, r.Rate, r.P99, r.CPU)
}

// cost is what a request takes of the server's processors, in seconds.
func (f figures) cost() float64 { return by(f.ServerCPU, f.Rate) }

// against are the kinds of rows that a shop's are compared with.
var against = map[string]string{sales: debits, cappedSales: debits, claims: debits, quotes: reads}

// ratios compare our rows with the ceilings', the hot account with all of them, and a shop's rows with
// debits and reads.
func ratios(rows []figures) []ratio {
	var all []ratio
	for _, f := range rows {
		if f.Server != ours && f.Server != onESDB {
			continue
		}
		for _, than := range rows {
			if than.Connections != f.Connections || !f.compares(than) {
				continue
			}
			all = append(all, ratio{fmt.Sprintf("%d connections, %s / %s", f.Connections, f.Row, than.Row),
				by(f.Rate, than.Rate), by(f.P99, than.P99), by(f.cost(), than.cost())})
		}
	}
	return all
}

// compares tells which rows say something beside each other.
func (f figures) compares(than figures) bool {
	alike := f.Followers == than.Followers
	switch {
	case than.Kind == against[f.Kind]:
		return f.Server == than.Server && alike && than.Distribution == uniform
	case than.Kind != f.Kind:
		return false
	case f.Server == onESDB:
		return than.Server == ours && alike && f.Distribution == than.Distribution
	case than.Server == onESDB:
		return false
	case than.Server == ours:
		return alike && f.Distribution == hot && than.Distribution == uniform
	case than.Server == oneBatch:
		return f.Kind == debits && f.Distribution != zipf
	}
	return f.Kind == reads
}

func by(x, y float64) float64 {
	if y == 0 {
		return 0
	}
	return x / y
}
