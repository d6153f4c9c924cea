package api

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
)

type couponsBody struct {
	Definition string   `json:"definition"`
	Accounts   []string `json:"accounts"`
	Segment    string   `json:"segment"`
	Reason     string   `json:"reason"`
}

// startCoupons starts a job that grants a campaign's coupon to a list of accounts, or to those that a
// segment holds now: who comes into it later gets none. Of a segment that holds more than a job takes the
// job is the first of several.
func startCoupons(c *call) error {
	id, r, b, err := jobBody[couponsBody](c)
	if err != nil {
		return err
	}
	if (b.Segment == "") == (b.Accounts == nil) {
		r.malformed("segment", "want it, or accounts")
	}
	job := domain.StartJob{ID: id, JobTask: domain.JobTask{
		Kind: domain.JobCoupon, Campaign: c.Params("campaign_id"),
		Definition: r.word("definition", b.Definition), Segment: b.Segment,
		Reason: r.text("reason", b.Reason, reasonBytes)},
		Accounts: r.accounts("accounts", b.Accounts)}
	if err := r.err(); err != nil {
		return err
	}
	if err := c.couponed(job); err != nil {
		return err
	}
	if b.Segment != "" {
		if err := c.inSegment(&job); err != nil {
			return err
		}
	}
	a, dryRun, err := c.registering(job)
	return c.answer(a, err, dryRun)
}

// couponed refuses a job of coupons that there are not.
func (c *call) couponed(job domain.StartJob) error {
	campaign, err := c.s.Ledger.Campaign(context.Background(), job.Campaign)
	switch {
	case err != nil:
		return err
	case campaign == nil:
		return domain.ErrNotFound.Because("there is no such campaign")
	}
	if _, exact := campaign.Definition(job.Definition); exact || campaign.Last(job.Definition) != nil {
		return nil
	}
	return domain.ErrNotFound.Because("the campaign has no such definition")
}

// inSegment gives the job the accounts that its segment holds, as the log stood when the request came, or
// the first of them.
func (c *call) inSegment(job *domain.StartJob) error {
	if err := c.modelledToHead(); err != nil {
		return err
	}
	ctx, at := context.Background(), c.selectedNow()
	s, err := c.s.Ledger.Segment(ctx, job.Segment)
	if err != nil {
		return err
	}
	accounts, more, err := c.s.jobFull(ctx, s.Filter, at, uuid.Nil)
	if job.Accounts = accounts; more {
		job.JobPart = domain.JobPart{Part: 1, Rest: &domain.JobRest{Filter: s.Filter, At: at.UTC()}}
	}
	return err
}

// RestOfSegment are the accounts that a job's segment held behind the job's own when its first job began,
// as many as a job takes, and whether there are more: as the read models tell now.
func (s *Server) RestOfSegment(ctx context.Context, j *domain.Job) ([]uuid.UUID, bool, error) {
	return s.jobFull(ctx, j.Rest.Filter, s.Ledger.Local(j.Rest.At), j.Accounts[len(j.Accounts)-1])
}

// jobFull are as many accounts of a selection behind one as a job takes, and whether there are more.
func (s *Server) jobFull(ctx context.Context, f domain.Selection, at time.Time, after uuid.UUID) (
	accounts []uuid.UUID, more bool, err error,
) {
	accounts, err = s.Models.Selected(ctx, f, at, after, s.JobAccounts+1)
	if more = len(accounts) > s.JobAccounts; more {
		accounts = accounts[:s.JobAccounts]
	}
	return accounts, more, err
}
