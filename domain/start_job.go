package domain

import (
	"crypto/sha256"
	"fmt"
	"slices"

	"github.com/google/uuid"
)

// StartJob begins a task over many accounts. The list is durable before anything is done.
type StartJob struct {
	ID uuid.UUID
	JobTask
	Accounts []uuid.UUID // at most JobAccounts, each once; of a revocation none
	Count    int         // of a revocation: how many of its target's accounts
	JobPart
}

// JobStarted records what a job does. The lists of its accounts follow it.
type JobStarted struct {
	JobID uuid.UUID `json:"job_id"`
	JobTask
	JobPart
	Count        int  `json:"count"`                  // of accounts
	AccountsHash Hash `json:"accounts_hash,omitzero"` // SHA-256 of their ids, in their order
}

// JobListed records a part of a job's accounts.
type JobListed struct {
	JobID    uuid.UUID   `json:"job_id"`
	Accounts []uuid.UUID `json:"accounts"` // at most listedAccounts
}

// listedAccounts bounds one event. All lists of a job, 390 KB at most, are one append.
const listedAccounts = 2000

func (JobStarted) event() {}
func (JobListed) event()  {}

// jobs is the name space of jobs' ids.
var jobs = uuid.NewSHA1(uuid.NameSpaceURL, []byte("https://tillbook.dev/jobs"))

// JobID is the id of the job that a caller starts under an idempotency key.
func JobID(actor, key string) uuid.UUID {
	return uuid.NewSHA1(jobs, []byte("grant"+separator+actor+separator+key))
}

// RevocationID is the id of the one job that revokes what another granted.
func RevocationID(job uuid.UUID) uuid.UUID {
	return uuid.NewSHA1(jobs, []byte("revoke"+separator+job.String()))
}

// FollowingID is the id of the job that goes on with a segment where another ends.
func FollowingID(job uuid.UUID) uuid.UUID {
	return uuid.NewSHA1(jobs, []byte("follow"+separator+job.String()))
}

// Following is the job that goes on with these accounts of j's segment; more tells that it holds others
// behind them.
func (j *Job) Following(accounts []uuid.UUID, more bool) StartJob {
	s := StartJob{ID: FollowingID(j.ID), JobTask: j.JobTask, Accounts: accounts,
		JobPart: JobPart{Part: j.Part + 1, Previous: j.ID}}
	if more {
		s.Rest = j.Rest
	}
	return s
}

// Stream is job-<id>.
func (s StartJob) Stream() string { return JobStream(s.ID) }

// Operation is start_job.
func (StartJob) Operation() Operation { return "start_job" }

// Decide checks what is granted, then the accounts. To start the revocation of a job again is Done.
func (s StartJob) Decide(before []Posted, m Moment) ([]Event, error) {
	if len(before) > 0 {
		return nil, &Done{before[0]}
	}
	if s.Kind == JobRevoke {
		return s.revocation()
	}
	s.ExpiresAt = s.ExpiresAt.UTC()
	if err := s.checkGrant(m); err != nil {
		return nil, err
	}
	switch n := len(s.Accounts); {
	case s.Segment != "" && (n == 0 || n > JobAccounts):
		return nil, ErrLimitExceeded.Because(fmt.Sprint("the segment holds none, or more than ",
			JobAccounts, " accounts"))
	case n == 0 || n > JobAccounts:
		return nil, ErrMalformed.Field("accounts", fmt.Sprint("want 1 to ", JobAccounts))
	}
	if twice, ok := repeated(s.Accounts); ok {
		return nil, ErrMalformed.Field("accounts", twice.String()+" stands twice")
	}
	events := []Event{JobStarted{JobID: s.ID, JobTask: s.JobTask, JobPart: s.JobPart,
		Count: len(s.Accounts), AccountsHash: listHash(s.Accounts)}}
	for part := range slices.Chunk(s.Accounts, listedAccounts) {
		events = append(events, JobListed{s.ID, part})
	}
	return events, nil
}

// checkGrant refuses what no account could be given.
func (s StartJob) checkGrant(m Moment) error {
	switch c := s.command(s.ID).(type) {
	case GrantCoupon:
		if s.Reason == "" {
			return ErrMalformed.Field("reason", "want 1 to 200 bytes")
		}
		return c.check()
	case GrantCredit:
		if s.Cause == CauseUnreferencedRefund || s.Cause == CauseOpeningBalance {
			return ErrMalformed.Field("cause", "want goodwill or promo")
		}
		return c.check(m.Recorded)
	}
	return ErrMalformed.Field("kind", "want coupon or grant")
}

func (s StartJob) revocation() ([]Event, error) {
	if s.Reason == "" || len(s.Reason) > 200 {
		return nil, ErrMalformed.Field("reason", "want 1 to 200 bytes")
	}
	return []Event{JobStarted{JobID: s.ID, JobTask: s.JobTask, Count: s.Count}}, nil
}

// repeated is an id that stands twice.
func repeated(ids []uuid.UUID) (uuid.UUID, bool) {
	seen := make(map[uuid.UUID]bool, len(ids))
	for _, id := range ids {
		if seen[id] {
			return id, true
		}
		seen[id] = true
	}
	return noID, false
}

func listHash(ids []uuid.UUID) Hash {
	if len(ids) == 0 {
		return Hash{}
	}
	h := sha256.New()
	for _, id := range ids {
		h.Write(id[:])
	}
	return Hash(h.Sum(nil))
}

// askedJob is what two requests for a job are compared by: accounts where the caller listed them, not
// where a segment held them.
type askedJob struct {
	JobTask
	Accounts Hash `json:"accounts"`
}

func (s StartJob) canonical() any {
	s.ExpiresAt = s.ExpiresAt.UTC()
	return JobStarted{JobTask: s.JobTask, AccountsHash: listHash(s.Accounts)}.command()
}

func (e JobStarted) command() any {
	if e.Segment != "" {
		return askedJob{JobTask: e.JobTask}
	}
	return askedJob{e.JobTask, e.AccountsHash}
}

func (e JobStarted) check() error {
	credit := e.Amount.unit != ""
	switch {
	case e.Kind != JobCoupon && e.Kind != JobGrant && e.Kind != JobRevoke || e.Count < 0,
		credit == (e.Definition != ""), e.Kind == JobCoupon && credit, e.Kind == JobGrant && !credit:
		return fmt.Errorf("a job to %.20q %s %s, %d times", e.Kind, e.Definition, e.Amount, e.Count)
	}
	return nil
}
