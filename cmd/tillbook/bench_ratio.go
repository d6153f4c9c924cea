package main

import "fmt"

// ratio is one row's speed and slowest hundredth by those of another, of the same run.
type ratio struct {
	What string  `json:"what"`
	Rate float64 `json:"rate"`
	P99  float64 `json:"p99"`
}

func (r ratio) String() string {
	return fmt.Sprintf("ratio: %-76s %5.2f of its speed, %5.2f of its p99", r.What, r.Rate, r.P99)
}

// ratios compare our rows with the ceilings', and the hot account with all of them.
func ratios(rows []figures) []ratio {
	var all []ratio
	for _, f := range rows {
		if f.Server != ours && f.Server != onESDB {
			continue
		}
		for _, than := range rows {
			if than.Connections != f.Connections || than.Kind != f.Kind || !f.compares(than) {
				continue
			}
			all = append(all, ratio{fmt.Sprintf("%d connections, %s / %s", f.Connections, f.Row, than.Row),
				by(f.Rate, than.Rate), by(f.P99, than.P99)})
		}
	}
	return all
}

// compares tells which rows of one workload say something beside each other.
func (f figures) compares(than figures) bool {
	alike := f.Followers == than.Followers
	switch {
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
