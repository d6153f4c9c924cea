package api

import (
	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
)

// campaigners make campaigns and run them, releasers approve what another person made, and
// campaignReaders read what came of it.
var (
	campaigners     = []domain.Role{domain.RoleMarketing, domain.RoleAdmin}
	campaignReaders = []domain.Role{domain.RoleMarketing, domain.RoleAnalyst, domain.RoleFinance,
		domain.RoleAdmin}
	releasers = []domain.Role{domain.RoleMarketing, domain.RoleApprover, domain.RoleAdmin}
)

const campaign = "/v1/campaigns/{campaign_id}"

func (s *Server) campaignRoutes() []*route {
	post := func(path, id string, roles []domain.Role, serve handler) *route {
		return &route{method: "POST", path: path, id: id, roles: roles, query: dry, serve: serve,
			unbound: true}
	}
	return []*route{
		post("/v1/campaigns", "draftCampaign", campaigners, draftCampaign),
		post(campaign+"/definitions", "defineCoupon", campaigners, defineCoupon),
		post(campaign+"/approve", "approveCampaign", releasers, approveCampaign),
		post(campaign+"/activate", "activateCampaign", campaigners, activateCampaign),
		post(campaign+"/pause", "pauseCampaign", campaigners, pauseCampaign),
		post(campaign+"/end", "endCampaign", campaigners, endCampaign),
		{method: "GET", path: "/v1/campaigns", id: "listCampaigns", roles: staff,
			serve: listCampaigns},
		{method: "GET", path: campaign, id: "getCampaign", roles: staff, serve: getCampaign},
		{method: "GET", path: campaign + "/funnel", id: "getFunnel", roles: campaignReaders,
			query: fresh, serve: getFunnel, unbound: true},
	}
}

type campaignBody struct {
	ID        string      `json:"id"`
	Name      string      `json:"name"`
	Begins    string      `json:"begins"`
	Ends      string      `json:"ends"`
	Channels  []string    `json:"channels"`
	Budgets   budgetsBody `json:"budgets"`
	Partner   string      `json:"partner"`
	CostShare string      `json:"cost_share"`
}

type budgetsBody struct {
	Issues      int64   `json:"issues"`
	PerAccount  int     `json:"per_account"`
	Redemptions int64   `json:"redemptions"`
	Discount    *amount `json:"discount"`
}

func draftCampaign(c *call) error {
	body, err := c.body(c.s.BodyLimit)
	if err != nil {
		return err
	}
	r := &reading{s: c.s, who: c.who}
	var b campaignBody
	if !r.decode(body, &b) {
		return r.err()
	}
	d := domain.DraftCampaign{ID: b.ID, CampaignTerms: domain.CampaignTerms{
		Name: b.Name, Begins: r.time("begins", b.Begins), Ends: r.time("ends", b.Ends),
		Channels: b.Channels, Partner: b.Partner,
		Budgets: domain.Budgets{Issues: b.Budgets.Issues, PerAccount: b.Budgets.PerAccount,
			Redemptions: b.Budgets.Redemptions,
			Discount:    r.someMoney("budgets.discount", b.Budgets.Discount)},
	}}
	if b.CostShare != "" {
		d.CostShare = r.percent("cost_share", b.CostShare)
	}
	if err := r.err(); err != nil {
		return err
	}
	a, dryRun, err := c.registering(d)
	return c.answer(a, err, dryRun)
}

func approveCampaign(c *call) error {
	return c.campaignStep(func(id, _ string) domain.Registration {
		return domain.ApproveCampaign{ID: id}
	})
}

func activateCampaign(c *call) error {
	return c.campaignStep(func(id, _ string) domain.Registration {
		return domain.ActivateCampaign{ID: id}
	})
}

func pauseCampaign(c *call) error {
	return c.campaignStep(func(id, reason string) domain.Registration {
		return domain.PauseCampaign{ID: id, Reason: reason}
	})
}

func endCampaign(c *call) error {
	return c.campaignStep(func(id, reason string) domain.Registration {
		return domain.EndCampaign{ID: id, Reason: reason}
	})
}

// campaignStep takes the campaign of the path a step further in its life.
func (c *call) campaignStep(step func(id, reason string) domain.Registration) error {
	body, err := c.body(c.s.BodyLimit)
	if err != nil {
		return err
	}
	var b struct {
		Reason string `json:"reason"`
	}
	if err := decode(body, &b); err != nil {
		return err
	}
	a, dryRun, err := c.registering(step(c.Params("campaign_id"), b.Reason))
	return c.answer(a, err, dryRun)
}

func (o *out) campaignDrafted(a ledger.Answer, e domain.CampaignDrafted) {
	o.campaignTerms(e.CampaignID, domain.CampaignIsDraft, &e.CampaignTerms)
	o.campaignTail(a)
}

func (o *out) campaignApproved(a ledger.Answer, e domain.CampaignApproved) {
	o.campaignIs(a, e.CampaignID, domain.CampaignIsApproved)
}

func (o *out) campaignActivated(a ledger.Answer, e domain.CampaignActivated) {
	o.campaignIs(a, e.CampaignID, domain.CampaignIsActive)
}

func (o *out) campaignPaused(a ledger.Answer, e domain.CampaignPaused) {
	o.campaignIs(a, e.CampaignID, domain.CampaignIsPaused)
}

func (o *out) campaignEnded(a ledger.Answer, e domain.CampaignEnded) {
	o.campaignIs(a, e.CampaignID, domain.CampaignIsEnded)
}

func (o *out) campaignIs(a ledger.Answer, id string, status domain.CampaignStatus) {
	o.plain("id", id)
	o.plain("status", string(status))
	o.campaignTail(a)
}

func (o *out) campaignTail(a ledger.Answer) {
	o.time("recorded_at", a.First().Metadata.RecordedAt)
	o.integer("revision", a.Last().Revision)
}

func campaignPlace(a ledger.Answer) string {
	return "/v1/campaigns/" + a.First().Event.(domain.CampaignDrafted).CampaignID // it is found by its type
}

func (o *out) campaignTerms(id string, status domain.CampaignStatus, t *domain.CampaignTerms) {
	o.plain("id", id)
	o.plain("status", string(status))
	o.text("name", t.Name)
	o.time("begins", t.Begins)
	o.time("ends", t.Ends)
	o.open("channels", '[')
	for _, channel := range t.Channels {
		o.quote(channel)
	}
	o.end(']')
	o.json("budgets", t.Budgets)
	o.some("partner", t.Partner)
	if !t.CostShare.IsZero() {
		o.quantity("cost_share", t.CostShare)
	}
}

// campaign writes a campaign as it stands, with its definitions as they are stored.
func (o *out) campaign(c *domain.Campaign) {
	o.campaignTerms(c.ID, c.Status, &c.Terms)
	o.open("definitions", '[')
	for _, d := range c.Definitions {
		o.comma()
		o.definition(d)
	}
	o.end(']')
	o.some("approver", c.Approver)
	o.time("drafted_at", c.DraftedAt)
}

// listCampaigns lists all campaigns, by id.
func listCampaigns(c *call) error {
	return registered(c, c.s.Ledger.Campaigns, (*out).campaign)
}

func getCampaign(c *call) error {
	at, err := c.caughtUp()
	if err != nil {
		return err
	}
	known, err := c.s.Ledger.Campaign(c.UserContext(), c.Params("campaign_id"))
	if err != nil {
		return err
	}
	if known == nil {
		return domain.ErrNotFound.Because("there is no such campaign")
	}
	o := c.out()
	o.begin('{')
	o.campaign(known)
	o.position("as_of_position", uint64(at))
	o.end('}')
	return c.ok(o)
}
