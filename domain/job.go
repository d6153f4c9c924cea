package domain

import (
	"cmp"
	"slices"
	"time"

	"github.com/google/uuid"
)

// JobKind says what a job does to each of its accounts.
type JobKind string

// The kinds.
const (
	JobCoupon JobKind = "coupon" // gives a coupon
	JobGrant  JobKind = "grant"  // gives credit
	JobRevoke JobKind = "revoke" // takes back what another job granted
)

// JobState is where a job stands.
type JobState string

// The states. A job that was stopped may still finish the step that was under way.
const (
	RunningJob   JobState = "running"
	StoppedJob   JobState = "stopped"
	CompletedJob JobState = "completed"
)

// JobAccounts is the most accounts of one job, JobStep those that are done between two marks of its
// progress: as many may be done again after a crash, to no effect, or be done still after a stop.
const (
	JobAccounts = 10_000
	JobStep     = 200
)

// JobRejection is an account that a job could not serve.
type JobRejection struct {
	AccountID uuid.UUID `json:"account_id"`
	Code      Code      `json:"code"`
}

// JobTask is what a job does.
type JobTask struct {
	Kind       JobKind   `json:"kind"`
	Target     uuid.UUID `json:"target,omitzero"` // the job whose grants are revoked
	Amount     Money     `json:"amount,omitzero"` // to each account; what the target gave; of credit
	Cause      string    `json:"cause,omitempty"`
	ExpiresAt  time.Time `json:"expires_at,omitzero"` // none: as the program of each account has it
	Scope      LotScope  `json:"scope,omitzero"`      // of the lots of credit
	Campaign   string    `json:"campaign,omitempty"`
	Definition string    `json:"definition,omitempty"` // of coupons, as GrantCoupon has it
	Segment    string    `json:"segment,omitempty"`    // that held the accounts when the job began
	Reason     string    `json:"reason"`
}

// JobPart is where a job stands among those of a segment that holds more accounts than one job: each
// begins when the one before it has served its last account, and goes on behind it, by id.
type JobPart struct {
	Part     int       `json:"part,omitempty"`    // from 1; 0: the job is the only one
	Previous uuid.UUID `json:"previous,omitzero"` // the job before it
	Rest     *JobRest  `json:"rest,omitempty"`    // none: no other follows
}

// JobRest is whom a segment held when its first job began, whatever becomes of the segment.
type JobRest struct {
	Filter Selection `json:"filter"`
	At     time.Time `json:"at"`
}

// command is what the job with that id asks of each account.
func (t JobTask) command(job uuid.UUID) Command {
	switch {
	case t.Kind == JobCoupon:
		return GrantCoupon{Campaign: t.Campaign, Definition: t.Definition, Cause: CouponByAPI,
			Reason: t.Reason, JobID: job}
	case t.Kind == JobRevoke && t.Definition != "":
		return RevokeCoupon{JobID: t.Target, Reason: t.Reason}
	case t.Kind == JobRevoke:
		return RevokeCredit{JobID: t.Target, Amount: t.Amount, Reason: t.Reason}
	}
	return GrantCredit{Amount: t.Amount, Class: givenAs[t.Cause], Cause: t.Cause,
		ExpiresAt: t.ExpiresAt, Scope: t.Scope, Campaign: t.Campaign, Reason: t.Reason, JobID: job}
}

// Job is a job as its stream tells it. The stream is the truth of what was asked and how far it is; of
// each grant the account's own stream is.
type Job struct {
	JobTask
	JobPart
	ID          uuid.UUID
	Count       int         // of accounts
	Accounts    []uuid.UUID // in the order they are served; of a revocation none: they are its target's
	Next        int         // the first that is still to be served
	Done        int
	Kept        int // of a revocation: accounts whose coupon was used up, or had ended, and is left
	Rejections  []JobRejection
	Total       Money // granted or revoked in all; of credit
	Uncollected Money // in all
	State       JobState
	Stopped     bool   // also where it completed all the same, with the step that was under way
	StartedBy   string // the API key
	StartedAt   time.Time
	EndedAt     time.Time // zero while it runs
	Revision    int64
}

// JobStream is the name of a job's stream.
func JobStream(id uuid.UUID) string { return "job-" + id.String() }

// JobOf is what a job's stream tells, nil of an empty one.
func JobOf(past []Posted) *Job {
	if len(past) == 0 {
		return nil
	}
	j := &Job{}
	for _, p := range past {
		j.Apply(p)
	}
	return j
}

// Apply makes the stream's next event part of j.
func (j *Job) Apply(p Posted) {
	j.Revision = p.Revision
	switch e := p.Event.(type) {
	case JobStarted:
		none := e.Amount.With(e.Amount.Quantity.Zero())
		j.ID, j.JobTask, j.JobPart, j.Count, j.State = e.JobID, e.JobTask, e.JobPart, e.Count, RunningJob
		j.Total, j.Uncollected = none, none
		j.StartedBy, j.StartedAt = StartedBy(p.Metadata), p.Metadata.RecordedAt
	case JobListed:
		j.Accounts = append(j.Accounts, e.Accounts...)
	case JobProgressed:
		j.Next, j.Done, j.Kept = e.Next, e.Done, e.Kept
		j.Total, j.Uncollected = sumOf(e.Total), sumOf(e.Uncollected)
		j.Rejections = append(j.Rejections, e.Rejections...)
	case JobStopped:
		j.Stopped, j.State, j.EndedAt = true, StoppedJob, p.Metadata.RecordedAt
	case JobCompleted:
		j.State, j.EndedAt, j.Done = CompletedJob, p.Metadata.RecordedAt, e.Done
		j.Rejections = slices.DeleteFunc(j.Rejections, func(r JobRejection) bool {
			return slices.Contains(e.Late, r.AccountID)
		})
		for range e.Late {
			j.Total = j.Total.Add(j.Amount)
		}
	}
}

// StartedBy is who started a job, by the metadata of its first event: of one that follows another who
// started that.
func StartedBy(m Metadata) string { return cmp.Or(m.OnBehalfOf, m.Actor) }

// Step are the accounts that are served next, none at the end.
func (j *Job) Step() []uuid.UUID {
	end := min(j.Next+JobStep, j.Count, len(j.Accounts))
	return j.Accounts[min(j.Next, end):end]
}

// Command is what the job asks of each account.
func (j *Job) Command() Command { return j.JobTask.command(j.ID) }

// Reached is how many accounts may have been served, by any node: one that was under way when the job
// was stopped finishes its step.
func (j *Job) Reached() int { return min(j.Next+JobStep, j.Count) }
