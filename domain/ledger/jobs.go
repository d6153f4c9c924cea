package ledger

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
)

// Job is a job as its stream tells it, domain.ErrNotFound where there is none. The accounts of a
// revocation are its target's.
func (l *Ledger) Job(ctx context.Context, id uuid.UUID) (*domain.Job, error) {
	past, _, err := l.past(ctx, domain.JobStream(id))
	if err != nil {
		return nil, err
	}
	j := domain.JobOf(posted(past))
	if j == nil {
		return nil, domain.ErrNotFound.Because("there is no such job")
	}
	if j.Kind == domain.JobRevoke {
		target, err := l.Job(ctx, j.Target)
		if err != nil {
			return nil, err
		}
		j.Accounts = target.Accounts
	}
	return j, nil
}

// NextJob is the job that follows another, nil where none does, or does yet.
func (l *Ledger) NextJob(ctx context.Context, j *domain.Job) (*domain.Job, error) {
	if j.Rest == nil {
		return nil, nil
	}
	next, err := l.Job(ctx, domain.FollowingID(j.ID))
	if errors.Is(err, domain.ErrNotFound) {
		return nil, nil
	}
	return next, err
}

// Rest reads the next accounts of a job's segment behind the job's own, at most as many as a job takes,
// and says whether there are more.
type Rest func(context.Context, *domain.Job) (accounts []uuid.UUID, more bool, err error)

// RunJobs carries on what jobs there are until ctx ends: every interval it asks which run, and serves
// each to its end. Any node may do it, and several at once: an account is granted to once by a job,
// and of two nodes that served the same accounts one marks the progress. What fails is tried again.
func (l *Ledger) RunJobs(
	ctx context.Context, every time.Duration, running func(context.Context) ([]uuid.UUID, error),
	rest Rest,
) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		jobs, err := running(ctx)
		if err != nil && ctx.Err() == nil {
			l.opts.Logger.Error("running jobs not read", "err", err)
		}
		for _, id := range jobs {
			err := l.RunJob(ctx, id, rest)
			if err != nil && ctx.Err() == nil {
				l.opts.Logger.Error("job not run", "job", id, "err", err)
			}
			if isAway(err) {
				break
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// RunJob serves a job's accounts step by step until it is stopped or has served them all, or ctx ends.
// Before the last step it starts the job that follows, if one does: rest reads whom that serves.
func (l *Ledger) RunJob(ctx context.Context, id uuid.UUID, rest Rest) error {
	for ctx.Err() == nil {
		j, err := l.Job(ctx, id)
		if err != nil || j.State != domain.RunningJob {
			return err
		}
		switch stopped, err := l.stoppedBefore(ctx, j); {
		case err != nil:
			return err
		case stopped:
			return l.marks(ctx, j, domain.StopJob{ID: id, Reason: "the job before it was stopped"})
		}
		if err := l.step(ctx, j, rest); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// stoppedBefore reports that the job was started by one that was stopped at that moment.
func (l *Ledger) stoppedBefore(ctx context.Context, j *domain.Job) (bool, error) {
	if j.Previous == uuid.Nil || j.Next > 0 {
		return false, nil
	}
	before, err := l.Job(ctx, j.Previous)
	return err == nil && before.Stopped, err
}

// follow starts the job that goes on where j ends.
func (l *Ledger) follow(ctx context.Context, j *domain.Job, rest Rest) error {
	accounts, more, err := rest(ctx, j)
	if err != nil || len(accounts) == 0 {
		return err
	}
	return l.marks(ctx, j, j.Following(accounts, more))
}

// marks registers what becomes of a job, for whoever started it.
func (l *Ledger) marks(ctx context.Context, j *domain.Job, r domain.Registration) error {
	_, err := l.Register(ctx, Registering{Registration: r, Caller: Caller{Actor: domain.SystemActor,
		Role: domain.SystemActor, OnBehalfOf: j.StartedBy}})
	return err
}

// step serves the next accounts of a job, all at once, and marks what became of them. A failure marks
// nothing: the step is served again.
func (l *Ledger) step(ctx context.Context, j *domain.Job, rest Rest) error {
	accounts := j.Step()
	waits := make([]func(context.Context) (Answer, error), len(accounts))
	for i, id := range accounts {
		wait, err := l.Begin(Request{Account: id, Command: j.Command(), Caller: Caller{
			Actor: domain.SystemActor, Role: domain.SystemActor, OnBehalfOf: j.StartedBy}})
		if err != nil {
			return err
		}
		waits[i] = wait
	}
	none := j.Total.Sub(j.Total)
	a := domain.AdvanceJob{ID: j.ID, From: j.Next, Total: none, Uncollected: none}
	for i, id := range accounts {
		answer, err := waits[i](ctx)
		if err := tally(&a, j.Kind == domain.JobRevoke, id, answer, err); err != nil {
			return err
		}
	}
	if j.Next+len(accounts) == j.Count {
		if err := l.late(ctx, j, &a); err != nil {
			return err
		}
		if j.Rest != nil {
			if err := l.follow(ctx, j, rest); err != nil {
				return err
			}
		}
	}
	return l.marks(ctx, j, a)
}

// tally notes what became of an account: served, or rejected with a code. An account whose stream is
// damaged holds up none of the others.
func tally(a *domain.AdvanceJob, revoking bool, id uuid.UUID, answer Answer, err error) error {
	refusal, refused := errors.AsType[*domain.Refusal](err)
	_, broken := errors.AsType[*Damaged](err)
	reject := func(code domain.Code) {
		a.Rejections = append(a.Rejections, domain.JobRejection{AccountID: id, Code: code})
	}
	switch {
	case refused:
		reject(refusal.Code)
		return nil
	case broken:
		reject("stream_damaged")
		return nil
	case err != nil:
		return err
	}
	switch e := answer.First().Event.(type) {
	case domain.CreditGranted:
		a.Done++
		a.Total = a.Total.Add(e.Amount)
	case domain.CreditRevoked:
		if e.GrantID == uuid.Nil {
			reject(domain.ErrNotFound.Code) // the job had granted nothing here
			return nil
		}
		a.Done++
		a.Total = a.Total.Add(e.Amount)
		if !e.Uncollected.IsZero() {
			a.Uncollected = a.Uncollected.Add(e.Uncollected)
		}
	case domain.CouponGranted:
		if revoking {
			a.Kept++ // it has ended by itself
		} else {
			a.Done++
		}
	case domain.CouponRevoked:
		if e.CouponID == uuid.Nil {
			reject(domain.ErrNotFound.Code) // as above
			return nil
		}
		a.Done++
	}
	return nil
}

// late finds the accounts that one node has rejected and another served all the same, as it came
// there when the reason was gone.
func (l *Ledger) late(ctx context.Context, j *domain.Job, a *domain.AdvanceJob) error {
	if j.Kind == domain.JobRevoke {
		return nil
	}
	for _, r := range slices.Concat(j.Rejections, a.Rejections) {
		p, found, err := l.Last(ctx, r.AccountID, domain.JobName(j.ID))
		if err != nil && !isDamaged(err) {
			return err
		}
		switch p.Event.(type) {
		case domain.CreditGranted, domain.CouponGranted:
			if found {
				a.Late = append(a.Late, r.AccountID)
			}
		}
	}
	return nil
}

func isDamaged(err error) bool {
	_, broken := errors.AsType[*Damaged](err)
	return broken
}
