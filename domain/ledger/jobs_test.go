package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
	"github.com/tillbook/tillbook/eventstore/enginetest"
)

// jobbers are nodes on one log with accounts that a job is for; every tenth account does not exist.
type jobbers struct {
	*testing.T
	nodes    []*ledger.Ledger
	accounts []uuid.UUID
}

func openJobbers(t *testing.T, nodes, accounts int) *jobbers {
	store := enginetest.Open(t)
	j := &jobbers{T: t}
	for range nodes {
		l := ledger.Open(store, ledger.Options{Shared: true})
		t.Cleanup(l.Close)
		j.nodes = append(j.nodes, l)
	}
	var wait sync.WaitGroup
	for i := range accounts {
		ref := fmt.Sprint("J-", i)
		j.accounts = append(j.accounts, domain.AccountID(ref))
		if i%10 == 9 {
			continue
		}
		wait.Go(func() {
			_, err := j.nodes[0].Do(t.Context(), ledger.Request{Account: domain.AccountID(ref), Key: "open",
				Command: domain.OpenAccount{CustomerRef: ref}, Caller: ledger.Caller{Actor: "test"}})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	return j
}

func (j *jobbers) register(r domain.Registration) {
	j.Helper()
	_, err := j.nodes[0].Register(j.Context(), ledger.Registering{Registration: r,
		Key: uuid.NewString(), Caller: ledger.Caller{Actor: "test", Role: domain.RoleAdmin}})
	if err != nil {
		j.Fatal(err)
	}
}

func (j *jobbers) start() uuid.UUID {
	j.Helper()
	id := domain.JobID("test", "k")
	j.register(domain.StartJob{ID: id, Accounts: j.accounts, JobTask: domain.JobTask{
		Kind: domain.JobGrant, Amount: yuan("10"), Cause: domain.CausePromo, Reason: "spring"}})
	return id
}

func (j *jobbers) run(id uuid.UUID) {
	j.Helper()
	var wait sync.WaitGroup
	for _, l := range j.nodes {
		wait.Go(func() {
			if err := l.RunJob(j.Context(), id, nil); err != nil {
				j.Error(err)
			}
		})
	}
	wait.Wait()
}

// want checks a job, and what every account got of it in all.
func (j *jobbers) want(id uuid.UUID, state domain.JobState, done, rejected int, total string) {
	j.Helper()
	job, err := j.nodes[0].Job(j.Context(), id)
	if err != nil {
		j.Fatal(err)
	}
	if job.State != state || job.Done != done || len(job.Rejections) != rejected ||
		job.Total.Quantity.String() != total {
		j.Errorf("got %s, %d done, %d rejected, %s in all, want %s, %d, %d, %s", job.State, job.Done,
			len(job.Rejections), job.Total, state, done, rejected, total)
	}
}

func (j *jobbers) balances() map[string]int {
	j.Helper()
	seen := map[string]int{}
	for _, id := range j.accounts {
		v, err := j.nodes[0].Account(j.Context(), id)
		if err != nil {
			seen["none"]++
			continue
		}
		seen[v.Balance("CNY", 2, v.At).Total.String()]++
	}
	return seen
}

// TestJobOnTwoNodes: both serve every account, each gets its grant once, and a revocation takes all.
func TestJobOnTwoNodes(t *testing.T) {
	j := openJobbers(t, 2, 450)
	id := j.start()
	j.run(id)
	j.want(id, domain.CompletedJob, 405, 45, "4050.00")
	if got := fmt.Sprint(j.balances()); got != "map[10.00:405 none:45]" {
		t.Fatalf("got %s", got)
	}
	revocation := domain.RevocationID(id)
	j.register(domain.StartJob{ID: revocation, Count: 450, JobTask: domain.JobTask{
		Kind: domain.JobRevoke, Target: id, Amount: yuan("10"), Reason: "wrong"}})
	j.run(revocation)
	j.want(revocation, domain.CompletedJob, 405, 45, "4050.00")
	if got := fmt.Sprint(j.balances()); got != "map[0.00:405 none:45]" {
		t.Fatalf("got %s", got)
	}
	j.run(id) // nothing is left to do
	if got := fmt.Sprint(j.balances()); got != "map[0.00:405 none:45]" {
		t.Fatalf("got %s after the job was run again", got)
	}
}

// TestJobInterrupted: whenever a node stops, another goes on, and no account gets it twice.
func TestJobInterrupted(t *testing.T) {
	j := openJobbers(t, 2, 450)
	id := j.start()
	for _, l := range j.nodes {
		ctx, cancel := context.WithCancel(t.Context())
		ran := make(chan error, 1)
		go func() { ran <- l.RunJob(ctx, id, nil) }()
		cancel() // at any point of its first steps
		<-ran
	}
	j.run(id)
	j.want(id, domain.CompletedJob, 405, 45, "4050.00")
	if got := fmt.Sprint(j.balances()); got != "map[10.00:405 none:45]" {
		t.Fatalf("got %s", got)
	}
}

// TestJobStopped: what was under way is marked, the rest is not begun, and a node that comes late
// with a grant of what is being revoked grants nothing.
func TestJobStopped(t *testing.T) {
	j := openJobbers(t, 1, 450)
	id := j.start()
	j.register(domain.StopJob{ID: id, Reason: "wrong"})
	j.run(id)
	j.want(id, domain.StoppedJob, 0, 0, "0.00")
	job, err := j.nodes[0].Job(t.Context(), id)
	if err != nil || job.Reached() != domain.JobStep {
		t.Fatalf("got %d reached, %v, want %d", job.Reached(), err, domain.JobStep)
	}
	revocation := domain.RevocationID(id)
	j.register(domain.StartJob{ID: revocation, Count: job.Reached(), JobTask: domain.JobTask{
		Kind: domain.JobRevoke, Target: id, Amount: yuan("10"), Reason: "wrong"}})
	j.run(revocation)
	j.want(revocation, domain.CompletedJob, 0, 200, "0.00")
	_, err = j.nodes[0].Do(t.Context(), ledger.Request{Account: j.accounts[0], Command: job.Command(),
		Caller: ledger.Caller{Actor: domain.SystemActor}})
	if !errors.Is(err, domain.ErrReferenceCancelled) || j.balances()["10.00"] != 0 {
		t.Fatalf("got %v and %v, want nothing granted", err, j.balances())
	}
}

// TestFollowingJobs: two nodes serve a job and the one that follows it, whatever reading the rest of the
// segment comes to; and one that a stopped job had just started stops.
func TestFollowingJobs(t *testing.T) {
	j := openJobbers(t, 2, 12)
	all, id := j.accounts, domain.JobID("test", "k")
	j.register(domain.StartJob{ID: id, Accounts: all[:6], JobTask: domain.JobTask{
		Kind: domain.JobGrant, Amount: yuan("10"), Cause: domain.CausePromo, Reason: "spring", Segment: "s"},
		JobPart: domain.JobPart{Part: 1, Rest: &domain.JobRest{}}})
	slow := errors.New("slow")
	rest := func(context.Context, *domain.Job) ([]uuid.UUID, bool, error) { return nil, false, slow }
	if err := j.nodes[0].RunJob(t.Context(), id, rest); !errors.Is(err, slow) {
		t.Fatalf("got %v, want %v", err, slow)
	}
	j.want(id, domain.RunningJob, 0, 0, "0.00")
	rest = func(context.Context, *domain.Job) ([]uuid.UUID, bool, error) { return all[6:9], true, nil }
	var wait sync.WaitGroup
	for _, l := range j.nodes {
		wait.Go(func() {
			if err := l.RunJob(t.Context(), id, rest); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	second := domain.FollowingID(id)
	j.want(id, domain.CompletedJob, 6, 0, "60.00")
	j.want(second, domain.RunningJob, 0, 0, "0.00")
	job, err := j.nodes[1].Job(t.Context(), second)
	if err != nil || job.StartedBy != "test" || job.Part != 2 || job.Previous != id {
		t.Errorf("got %+v, %v", job, err)
	}
	j.register(domain.StopJob{ID: second, Reason: "enough"})
	j.register(job.Following(all[9:], false))
	third := domain.FollowingID(second)
	j.run(third)
	j.want(third, domain.StoppedJob, 0, 0, "0.00")
}
