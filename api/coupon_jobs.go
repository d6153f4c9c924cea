package api

import (
	"context"

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
// segment holds now: who comes into it later gets none.
func startCoupons(c *call) error {
	key, err := checkKey(c.Get("Idempotency-Key"))
	if err != nil {
		return err
	}
	body, err := c.body(c.s.BulkLimit)
	if err != nil {
		return err
	}
	r := &reading{s: c.s, who: c.who}
	var b couponsBody
	if !r.decode(body, &b) {
		return r.err()
	}
	if (b.Segment == "") == (b.Accounts == nil) {
		r.malformed("segment", "want it, or accounts")
	}
	job := domain.StartJob{ID: domain.JobID(c.who.Actor, key), JobTask: domain.JobTask{
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
		if job.Accounts, err = c.inSegment(b.Segment); err != nil {
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

// inSegment are the accounts that a segment holds, as the log stood when the request came; one more than
// a job takes, where it holds more.
func (c *call) inSegment(id string) ([]uuid.UUID, error) {
	if err := c.modelledToHead(); err != nil {
		return nil, err
	}
	s, err := c.s.Ledger.Segment(context.Background(), id)
	if err != nil {
		return nil, err
	}
	return c.s.Models.Selected(context.Background(), s.Filter, c.selectedNow(), domain.JobAccounts+1)
}
