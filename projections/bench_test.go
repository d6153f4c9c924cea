package projections

import (
	"context"
	"fmt"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/projections/placetest"
)

// BenchmarkRebuild folds a shop's log into a new file, decoding and secondary indexes included, and
// reports events a second. One in eleven events is a top-up with bonus, one in fifty-five a hold
// with its capture, the others are debits.
//
//	go test ./projections -run - -bench Rebuild -benchtime 1x
func BenchmarkRebuild(b *testing.B) {
	for _, size := range []struct{ accounts, rounds int }{{2_000, 100}, {50_000, 4}} {
		store := benchLog(b, size.accounts, size.rounds)
		for _, procs := range []int{1, 2} {
			b.Run(fmt.Sprintf("accounts=%d/procs=%d", size.accounts, procs), func(b *testing.B) {
				defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
				benchRebuild(b, store)
			})
		}
	}
}

func benchRebuild(b *testing.B, store eventstore.Store) {
	folder := placetest.Place(b)
	m := open(b, folder, store, Options{})
	events, used := int64(0), cpuTime(b)
	for b.Loop() {
		err := m.Rebuild(context.Background(), func(p Progress) { events = p.Events })
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(events)*float64(b.N)/b.Elapsed().Seconds(), "events/s")
	b.ReportMetric(float64(events)*float64(b.N)/(cpuTime(b)-used).Seconds(), "events/cpu-s")
	b.ReportMetric(float64(events), "events")
}

// cpuTime is what the process has used, the collector included. On a machine that others share, it
// says more than the clock.
func cpuTime(b *testing.B) time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// benchLog is rounds of ten debits or so on many accounts, interleaved.
func benchLog(b *testing.B, accounts, rounds int) eventstore.Store {
	store := memory(b)
	s := newShop(b, store)
	for i := range accounts {
		id := s.account("C-" + strconv.Itoa(i))
		s.must(id, topUp("10000.00", "2000.00"), till("S1", ""))
	}
	n := 0
	for round := range rounds {
		for i := range accounts {
			id := domain.AccountID("C-" + strconv.Itoa(i))
			n++
			where := till("S"+strconv.Itoa(i%20), strconv.Itoa(n))
			switch {
			case n%55 == 0:
				hold := s.must(id, domain.PlaceHold{Amount: yuan("8.00"), TTLSeconds: 600}, where)
				h := hold[len(hold)-1].Event.(domain.HoldPlaced)
				s.must(id, domain.CaptureHold{HoldID: h.HoldID, Amount: yuan("7.50")}, where)
			case n%11 == 0:
				s.must(id, topUp("100.00", "20.00"), where)
			default:
				s.must(id, domain.Debit{Amount: yuan(fmt.Sprintf("%d.%02d", 3+round%9, i%100))}, where)
			}
		}
	}
	return store
}
