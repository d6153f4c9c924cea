package domain

import (
	"fmt"

	"github.com/google/uuid"
)

// AdvanceJob says what became of the accounts of a job's next step.
type AdvanceJob struct {
	ID          uuid.UUID
	From        int // where the step began
	Done        int // of the step's accounts
	Kept        int // likewise
	Total       Money
	Uncollected Money
	Rejections  []JobRejection
	Late        []uuid.UUID // with the last step: accounts rejected before that another node served
}

// JobProgressed records that a job has served its accounts up to Next. Figures are of the whole job,
// Rejections of this step.
type JobProgressed struct {
	JobID       uuid.UUID      `json:"job_id"`
	Next        int            `json:"next"`
	Done        int            `json:"done"`
	Kept        int            `json:"kept,omitempty"` // of a revocation: their coupons had ended
	Rejected    int            `json:"rejected"`
	Total       *Money         `json:"total,omitempty"`       // granted or revoked; of credit
	Uncollected *Money         `json:"uncollected,omitempty"` // of a revocation of credit
	Rejections  []JobRejection `json:"rejections,omitempty"`
}

// JobCompleted records that a job has served its last account. Late are those that one node had
// rejected while another served them: the account's own stream is right.
type JobCompleted struct {
	JobID    uuid.UUID   `json:"job_id"`
	Done     int         `json:"done"`
	Rejected int         `json:"rejected"`
	Late     []uuid.UUID `json:"late,omitempty"`
}

// StopJob ends a job before its last account. What it granted stands until it is revoked.
type StopJob struct {
	ID     uuid.UUID `json:"job_id"`
	Reason string    `json:"reason"` // 1 to 200 bytes
}

// JobStopped records that a job goes no further than the step that was under way.
type JobStopped StopJob

func (JobProgressed) event() {}
func (JobCompleted) event()  {}
func (JobStopped) event()    {}

// Stream is job-<id>.
func (a AdvanceJob) Stream() string { return JobStream(a.ID) }

// Stream is job-<id>.
func (s StopJob) Stream() string { return JobStream(s.ID) }

// Operation is advance_job.
func (AdvanceJob) Operation() Operation { return "advance_job" }

// Operation is stop_job.
func (StopJob) Operation() Operation { return "stop_job" }

// Decide is Done where another node has gone further: both served the same accounts, each once.
func (a AdvanceJob) Decide(before []Posted, _ Moment) ([]Event, error) {
	j := JobOf(before)
	switch {
	case j == nil:
		return nil, errNoJob
	case j.Next != a.From || j.State == CompletedJob:
		return nil, &Done{before[len(before)-1]}
	}
	next := a.From + a.Done + a.Kept + len(a.Rejections)
	rejected := len(j.Rejections) + len(a.Rejections)
	events := []Event{JobProgressed{JobID: j.ID, Next: next, Done: j.Done + a.Done,
		Kept: j.Kept + a.Kept, Rejected: rejected, Total: someSum(j.Total.Add(a.Total)),
		Uncollected: someSum(j.Uncollected.Add(a.Uncollected)), Rejections: a.Rejections}}
	if next == j.Count {
		late := len(a.Late)
		events = append(events, JobCompleted{j.ID, j.Done + a.Done + late, rejected - late, a.Late})
	}
	return events, nil
}

// Decide checks the reason, the job, then whether it runs. To stop it again is Done.
func (s StopJob) Decide(before []Posted, _ Moment) ([]Event, error) {
	if s.Reason == "" || len(s.Reason) > 200 {
		return nil, ErrMalformed.Field("reason", "want 1 to 200 bytes")
	}
	j := JobOf(before)
	if j == nil {
		return nil, errNoJob
	}
	for _, p := range before {
		if _, stopped := p.Event.(JobStopped); stopped {
			return nil, &Done{p}
		}
	}
	if j.State == CompletedJob {
		return nil, ErrJobEnded
	}
	return []Event{JobStopped(s)}, nil
}

var errNoJob = ErrNotFound.Because("there is no such job")

// someSum is a sum of credit as an event has it, nil of a job that gives none.
func someSum(m Money) *Money {
	if m.unit == "" {
		return nil
	}
	return &m
}

// sumOf is what someSum was made of.
func sumOf(m *Money) Money {
	if m == nil {
		return Money{}
	}
	return *m
}

func (e JobProgressed) check() error {
	total := sumOf(e.Total)
	if total.IsNegative() || e.Next != e.Done+e.Kept+e.Rejected || e.Kept < 0 {
		return fmt.Errorf("a job served %d of %d with %s", e.Done+e.Kept+e.Rejected, e.Next, total)
	}
	if total.unit == "" && e.Uncollected == nil {
		return nil
	}
	return total.like(sumOf(e.Uncollected))
}

func (e JobStopped) command() any { return StopJob(e) }
