package projections

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/projections/placetest"
)

// TestJobs: the table shows how far jobs are, and check finds every way it can differ.
func TestJobs(t *testing.T) {
	first, second := domain.JobID("test", "1"), domain.JobID("test", "2")
	step := func(done int, codes ...domain.Code) domain.AdvanceJob {
		a := domain.AdvanceJob{ID: first, Done: done, Total: yuan(fmt.Sprint(10 * done)),
			Uncollected: yuan("0")}
		for _, code := range codes {
			a.Rejections = append(a.Rejections, domain.JobRejection{Code: code})
		}
		return a
	}
	for _, row := range []struct{ name, query, detail string }{
		{"nothing", "", ""},
		{"a state", "UPDATE jobs SET state = 'running' WHERE state = 'completed'", "want completed"},
		{"progress", "UPDATE jobs SET done = 3 WHERE state = 'completed'", "done 3, want 2"},
		{"a sum", "UPDATE jobs SET total = '1.00' WHERE state = 'completed'", "total 1.00, want 20.00"},
		{"a missing job", "DELETE FROM jobs WHERE state = 'running'", "is missing"},
		{"a job too many", "INSERT INTO jobs SELECT '" + domain.AccountID("x").String() + `', kind, target,
			state, unit, amount, total, uncollected, cause, campaign, definition, segment, reason, count,
			next, done, kept, rejected, started_by, started_at, ended_at, revision, position
			FROM jobs LIMIT 1`, "no such job"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := newShop(t, memory(t))
			s.account("C-1")
			task := domain.JobTask{Kind: domain.JobGrant, Amount: yuan("10"), Cause: domain.CausePromo,
				Reason: "spring", Campaign: "SPRING"}
			for i, id := range []domain.StartJob{{ID: first}, {ID: second}} {
				id.JobTask = task
				for n := range 3 - i {
					id.Accounts = append(id.Accounts, domain.AccountID(fmt.Sprint("C-", n)))
				}
				s.register(id)
			}
			s.register(step(2, "not_found"))
			m := open(t, placetest.Place(t), s.store, Options{Batch: 1})
			wait(t, m)
			running, err := m.RunningJobs(t.Context(), 10)
			if err != nil || len(running) != 1 || running[0] != second {
				t.Fatalf("got %v, %v running, want %s", running, err, second)
			}
			if row.query != "" {
				edit(t, m, row.query)
			}
			report, err := Check(t.Context(), opened(s.store), m, nil)
			if err != nil || report.Clean() != (row.query == "") ||
				!strings.Contains(fmt.Sprint(report.Differences), row.detail) {
				t.Errorf("got %+v, %v, want %s", report, err, row.detail)
			}
		})
	}
}
