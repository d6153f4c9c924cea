package api

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
)

func (s *Server) jobRoutes() []*route {
	post := func(path, id string, serve handler) *route {
		return &route{method: "POST", path: path, id: id, roles: granters, query: dry, serve: serve,
			unbound: true}
	}
	return []*route{
		post("/v1/grants", "startGrants", startGrants),
		{method: "POST", path: campaign + "/grants", id: "startCoupons", roles: campaigners, query: dry,
			serve: startCoupons, unbound: true},
		post("/v1/jobs/{job_id}/stop", "stopJob", stopJob),
		post("/v1/jobs/{job_id}/revoke", "revokeJob", revokeJob),
		{method: "GET", path: "/v1/jobs/{job_id}", id: "getJob", roles: granters, query: fresh,
			serve: getJob, unbound: true},
	}
}

type grantsBody struct {
	Accounts  []string         `json:"accounts"`
	Amount    *amount          `json:"amount"`
	Class     string           `json:"class"`
	Cause     string           `json:"cause"`
	ExpiresAt string           `json:"expires_at"`
	Scope     *domain.LotScope `json:"scope"`
	Reason    string           `json:"reason"`
	Campaign  string           `json:"campaign"`
}

// jobBody reads what a job is asked with. Its id comes from caller and key, so a repeat finds the job
// that was started.
func jobBody[B any](c *call) (id uuid.UUID, r *reading, b B, err error) {
	key, err := checkKey(c.Get("Idempotency-Key"))
	if err != nil {
		return id, nil, b, err
	}
	body, err := c.body(c.s.BulkLimit)
	if err != nil {
		return id, nil, b, err
	}
	r = &reading{s: c.s, who: c.who}
	if !r.decode(body, &b) {
		err = r.err()
	}
	return domain.JobID(c.who.Actor, key), r, b, err
}

// startGrants starts a job that gives credit to many accounts.
func startGrants(c *call) error {
	id, r, b, err := jobBody[grantsBody](c)
	if err != nil {
		return err
	}
	g := creditBody{Amount: b.Amount, Cause: b.Cause, ExpiresAt: b.ExpiresAt, Scope: b.Scope,
		Reason: b.Reason, Campaign: b.Campaign}.grant(r)
	if class := domain.Class(b.Class); class != "" && class != domain.GivenAs(g.Cause) {
		r.malformed("class", "want "+string(domain.GivenAs(g.Cause))+", the cause's")
	}
	accounts := r.accounts("accounts", b.Accounts)
	if err := r.err(); err != nil {
		return err
	}
	a, dryRun, err := c.registering(domain.StartJob{ID: id, Accounts: accounts,
		JobTask: domain.JobTask{Kind: domain.JobGrant, Amount: g.Amount,
			Cause: g.Cause, ExpiresAt: g.ExpiresAt, Scope: g.Scope, Campaign: g.Campaign,
			Reason: g.Reason}})
	return c.answer(a, err, dryRun)
}

// accounts reads a list of ids and customer_refs. What has the form of an id is one.
func (r *reading) accounts(field string, texts []string) []uuid.UUID {
	if len(texts) > domain.JobAccounts {
		r.malformed(field, fmt.Sprint("want at most ", domain.JobAccounts))
		return nil
	}
	ids := make([]uuid.UUID, len(texts))
	for i, text := range texts {
		if id, ok := parseID(text); ok {
			ids[i] = id
			continue
		}
		if domain.CheckCustomerRef(text) != nil {
			r.malformed(fmt.Sprint(field, ".", i), "want an account's id or a customer_ref")
			return nil
		}
		ids[i] = domain.AccountID(text)
	}
	return ids
}

type reasonBody struct {
	Reason string `json:"reason"`
}

// reason reads a body that says why, and nothing else.
func (c *call) reason() (string, error) {
	body, err := c.body(c.s.BodyLimit)
	if err != nil {
		return "", err
	}
	r := &reading{s: c.s, who: c.who}
	var b reasonBody
	if r.decode(body, &b) {
		r.text("reason", b.Reason, reasonBytes)
	}
	return b.Reason, r.err()
}

func stopJob(c *call) error {
	id, err := c.pathID("job_id")
	if err != nil {
		return err
	}
	reason, err := c.reason()
	if err != nil {
		return err
	}
	for {
		a, dryRun, err := c.registering(domain.StopJob{ID: id, Reason: reason})
		if !errors.Is(err, domain.ErrJobEnded) {
			return c.answer(a, err, dryRun)
		}
		next, failure := c.nextJob(id)
		if failure != nil || next == nil {
			return cmp.Or(failure, err)
		}
		id = next.ID
	}
}

// nextJob is the job that follows, nil where none does.
func (c *call) nextJob(id uuid.UUID) (*domain.Job, error) {
	j, err := c.s.Ledger.Job(c.UserContext(), id)
	if err != nil {
		return nil, err
	}
	return c.s.Ledger.NextJob(c.UserContext(), j)
}

// revokeJob starts the job that takes back what another granted, wherever that may have been: what it
// was doing when it was stopped is part of that.
func revokeJob(c *call) error {
	id, err := c.pathID("job_id")
	if err != nil {
		return err
	}
	reason, err := c.reason()
	if err != nil {
		return err
	}
	target, err := c.s.Ledger.Job(c.UserContext(), id)
	if err != nil {
		return err
	}
	var revocations []domain.StartJob // of the job and of all that follow it
	for target != nil {
		switch {
		case target.Kind == domain.JobRevoke:
			return domain.ErrNotFound.Because("the job granted nothing")
		case target.State == domain.RunningJob:
			return domain.ErrJobRunning
		}
		revocations = append(revocations, revocation(target, reason))
		if target, err = c.s.Ledger.NextJob(c.UserContext(), target); err != nil {
			return err
		}
	}
	for _, r := range slices.Backward(revocations[1:]) {
		if _, _, err := c.registering(r); err != nil {
			return err
		}
	}
	a, dryRun, err := c.registering(revocations[0])
	return c.answer(a, err, dryRun)
}

func revocation(j *domain.Job, reason string) domain.StartJob {
	return domain.StartJob{ID: domain.RevocationID(j.ID), Count: j.Reached(),
		JobTask: domain.JobTask{Kind: domain.JobRevoke, Target: j.ID, Amount: j.Amount,
			Campaign: couponsOf(j), Definition: j.Definition, Reason: reason}}
}

// couponsOf is the campaign whose coupons a job grants, "" where it grants credit: there a campaign is
// but a word.
func couponsOf(j *domain.Job) string {
	if j.Definition == "" {
		return ""
	}
	return j.Campaign
}

func (o *out) jobStarted(a ledger.Answer, e domain.JobStarted) {
	o.id("id", e.JobID)
	o.task(e.JobTask)
	o.integer("count", int64(e.Count))
	o.part(e.JobPart)
	o.plain("state", string(domain.RunningJob))
	o.time("started_at", a.First().Metadata.RecordedAt)
}

func jobPlace(a ledger.Answer) string {
	return "/v1/jobs/" + a.First().Event.(domain.JobStarted).JobID.String() // it is found by its type
}

func (o *out) jobStopped(a ledger.Answer, e domain.JobStopped) {
	o.id("id", e.ID)
	o.plain("state", string(domain.StoppedJob))
	o.text("reason", e.Reason)
	o.time("ended_at", a.First().Metadata.RecordedAt)
}

func (o *out) task(t domain.JobTask) {
	o.plain("kind", string(t.Kind))
	if t.Target != uuid.Nil {
		o.id("target", t.Target)
	}
	if t.Definition == "" {
		o.money("amount", t.Amount)
	}
	if t.Cause != "" {
		o.plain("class", string(domain.GivenAs(t.Cause)))
		o.plain("cause", t.Cause)
	}
	if !t.ExpiresAt.IsZero() {
		o.time("expires_at", t.ExpiresAt)
	}
	if !t.Scope.IsZero() {
		o.scope(t.Scope)
	}
	o.some("campaign", t.Campaign)
	o.some("definition", t.Definition)
	o.some("segment", t.Segment)
	o.text("reason", t.Reason)
}

// part is where the job stands among those of its segment.
func (o *out) part(p domain.JobPart) {
	if p.Part > 0 {
		o.integer("part", int64(p.Part))
	}
	if p.Previous != uuid.Nil {
		o.id("previous", p.Previous)
	}
}

// getJob answers from the job's own stream: what its runner has marked, at most a step old.
func getJob(c *call) error {
	id, err := c.pathID("job_id")
	if err != nil {
		return err
	}
	if err := c.modelled(); err != nil {
		return err
	}
	head, err := c.s.Ledger.Head(c.UserContext())
	if err != nil {
		return err
	}
	j, err := c.s.Ledger.Job(c.UserContext(), id)
	if err != nil {
		return err
	}
	next, err := c.s.Ledger.NextJob(c.UserContext(), j)
	if err != nil {
		return err
	}
	o := c.out()
	o.begin('{')
	o.id("id", j.ID)
	o.task(j.JobTask)
	o.integer("count", int64(j.Count))
	o.part(j.JobPart)
	if next != nil {
		o.id("next", next.ID)
	}
	o.plain("state", string(j.State))
	o.time("started_at", j.StartedAt)
	o.plain("started_by", j.StartedBy)
	o.time("ended_at", j.EndedAt)
	o.integer("done", int64(j.Done))
	o.integer("rejected", int64(len(j.Rejections)))
	o.integer("left", int64(j.Count-j.Next))
	if j.Definition == "" {
		o.money("total", j.Total)
		o.money("uncollected", j.Uncollected)
	} else {
		o.integer("kept", int64(j.Kept))
	}
	o.open("rejections", '[')
	for _, r := range j.Rejections {
		o.begin('{')
		o.id("account_id", r.AccountID)
		o.plain("code", string(r.Code))
		o.end('}')
	}
	o.end(']')
	o.position("as_of_position", uint64(head))
	o.end('}')
	return c.ok(o)
}
