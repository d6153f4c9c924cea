package projections

import (
	"context"
	"fmt"
	"iter"
	"runtime"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/tillbook/tillbook/projections/placetest"
)

// BenchmarkSweepQueries makes 1,000,000 lots of 100,000 accounts, of which 1 % are due, in a file of read
// models, and reads what is due of each kind. It reports the accounts found and what the heap grew by.
//
//	go test ./projections -run - -bench SweepQueries -benchtime 5x
func BenchmarkSweepQueries(b *testing.B) {
	store := memory(b)
	m := open(b, placetest.Place(b), store, Options{})
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	fillLots(b, m, at, 1_000_000)
	for _, row := range []struct {
		name string
		due  func(context.Context, time.Time) iter.Seq2[uuid.UUID, error]
	}{{"lots", m.DueLots}, {"reminders", m.DueReminders}} {
		b.Run(row.name, func(b *testing.B) {
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			found := 0
			for b.Loop() {
				found = 0
				for _, err := range row.due(context.Background(), at) {
					if err != nil {
						b.Fatal(err)
					}
					found++
				}
			}
			runtime.GC()
			runtime.ReadMemStats(&after)
			b.ReportMetric(float64(found), "accounts")
			b.ReportMetric((float64(after.HeapInuse)-float64(before.HeapInuse))/1024, "KiB-kept")
		})
	}
}

// fillLots writes lots into the table as events would have: one in a hundred has expired, another one in
// a hundred has a reminder due.
func fillLots(b *testing.B, m *Models, at time.Time, count int) {
	b.Helper()
	tx, err := outside(b, m).Begin()
	if err != nil {
		b.Fatal(err)
	}
	defer tx.Rollback()
	insert, err := tx.Prepare(`INSERT INTO lots (account_id, id, unit, class, face, remaining, held, cost,
		cost_left, effective_at, expires_at, expiries, priority, reminders, remind_at)
		VALUES (?, ?, 'CNY', 'principal', '9.00', '9.00', '0.00', '9.00', '9.00', ?, ?, 0, 50, '[30,7]', ?)`)
	if err != nil {
		b.Fatal(err)
	}
	for i := range count {
		expires, remind := at.AddDate(0, 0, 40+i%300), at.AddDate(0, 0, 10+i%300)
		switch i % 100 {
		case 0:
			expires, remind = at.Add(-time.Duration(i)*time.Second), time.Time{}
		case 1:
			remind = at.Add(-time.Duration(i) * time.Second)
		}
		account := fmt.Sprintf("00000000-0000-4000-8000-%012d", i/10)
		id := fmt.Sprintf("00000000-0000-8000-8000-%012d", i)
		if _, err := insert.Exec(account, id, NullTime(at), NullTime(expires), NullTime(remind)); err != nil {
			b.Fatal(err)
		}
	}
	if err := tx.Commit(); err != nil {
		b.Fatal(err)
	}
}
