package domain

import (
	"slices"
	"time"
)

// DraftCampaign begins a campaign, which gives nothing yet.
type DraftCampaign struct {
	ID string `json:"campaign_id"` // 1 to 64 of [a-z0-9-]
	CampaignTerms
}

// CampaignDrafted records a new campaign.
type CampaignDrafted struct {
	CampaignID string `json:"campaign_id"`
	CampaignTerms
}

func (CampaignDrafted) event() {}

// The bounds of a campaign's terms.
const (
	mostBudget     = 1_000_000_000_000
	mostPerAccount = 1_000_000
)

// CampaignChannels are how coupons are issued: over the API, at a till, or by a partner.
var CampaignChannels = []string{"offline", "online", "partner"}

// Stream is campaign-<id>.
func (d DraftCampaign) Stream() string { return CampaignStream(d.ID) }

// Operation is draft_campaign.
func (DraftCampaign) Operation() Operation { return "draft_campaign" }

// Decide refuses a malformed id, a campaign that exists, then terms that make no sense, naming every
// field that is to blame.
func (d DraftCampaign) Decide(before []Posted, m Moment) ([]Event, error) {
	d = d.normal()
	if !IsCampaignID(d.ID) {
		return nil, ErrMalformed.Field("id", "want 1 to 64 of [a-z0-9-]")
	}
	if len(before) > 0 {
		return nil, ErrReferenceUsed.Because("there is a campaign " + d.ID + " already")
	}
	var f faults
	d.CampaignTerms.faults(&f)
	f.want(d.Ends.IsZero() || d.Ends.After(m.Recorded), "ends", "want a time to come")
	if err := f.err(); err != nil {
		return nil, err
	}
	return []Event{CampaignDrafted{d.ID, d.CampaignTerms}}, nil
}

func (t *CampaignTerms) faults(f *faults) {
	f.want(t.Name != "" && len(t.Name) <= 100 && printable(t.Name), "name",
		"want 1 to 100 bytes of printable UTF-8")
	f.window(t.Begins, t.Ends, "")
	f.want(!slices.ContainsFunc(t.Channels, func(c string) bool {
		return !slices.Contains(CampaignChannels, c)
	}) && len(slices.Compact(slices.Sorted(slices.Values(t.Channels)))) == len(t.Channels),
		"channels", "want offline, online and partner, each once")
	b := t.Budgets
	f.want(b.Issues >= 0 && b.Issues <= mostBudget, "budgets.issues", "want 0 to 10^12")
	f.want(b.PerAccount >= 0 && b.PerAccount <= mostPerAccount, "budgets.per_account",
		"want 0 to 1000000")
	f.want(b.Redemptions >= 0 && b.Redemptions <= mostBudget, "budgets.redemptions", "want 0 to 10^12")
	f.amount(b.Discount, b.Discount.unit, "budgets.discount")
	f.want(len(t.Partner) <= 64 && printable(t.Partner), "partner",
		"want at most 64 bytes of printable UTF-8")
	f.want(t.CostShare.IsZero() || t.Partner != "", "partner", "is required with cost_share")
	f.want(t.CostShare.IsZero() || isPercent(t.CostShare), "cost_share", wantPercent)
}

// normal is the one form of what can be said in several.
func (d DraftCampaign) normal() DraftCampaign {
	d.Begins, d.Ends = d.Begins.UTC(), d.Ends.UTC()
	d.Channels = slices.Sorted(slices.Values(d.Channels))
	return d
}

func (d DraftCampaign) canonical() any { return d.normal() }

func (e CampaignDrafted) command() any { return DraftCampaign{e.CampaignID, e.CampaignTerms} }

// check refuses a campaign that no DraftCampaign could have made.
func (e CampaignDrafted) check() error {
	var f faults
	f.want(IsCampaignID(e.CampaignID), "campaign_id", "want 1 to 64 of [a-z0-9-]")
	e.CampaignTerms.faults(&f)
	return f.err()
}

// over reports that the campaign's window has ended.
func (c *Campaign) over(at time.Time) bool {
	return !c.Terms.Ends.IsZero() && !at.Before(c.Terms.Ends)
}
