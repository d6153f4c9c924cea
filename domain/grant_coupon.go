package domain

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// OpGrantCoupon is the kind of a coupon's grant.
const OpGrantCoupon Operation = "coupon_grant"

// CouponCause says why a coupon was granted.
type CouponCause string

// The causes.
const (
	CouponByAPI        CouponCause = "api"
	CouponByTrigger    CouponCause = "trigger"
	CouponByClaim      CouponCause = "claim" // of a code
	CouponByTier       CouponCause = "tier"
	CouponByPrize      CouponCause = "prize"
	CouponByConversion CouponCause = "conversion" // of points
)

var couponCauses = []CouponCause{CouponByAPI, CouponByTrigger, CouponByClaim, CouponByTier,
	CouponByPrize, CouponByConversion}

// The channels that issue coupons. What names none is online.
const (
	IssueOnline  = "online"
	IssueOffline = "offline"
	IssuePartner = "partner"
)

var issueChannels = []string{IssueOnline, IssueOffline, IssuePartner}

// GrantCoupon gives an account a coupon. Its terms are those of the definition's version, for ever.
type GrantCoupon struct {
	Campaign   string      `json:"campaign"`
	Definition string      `json:"definition"` // definition_id@version, or definition_id: its newest
	Cause      CouponCause `json:"cause"`
	Channel    string      `json:"issue_channel"`       // online, offline or partner; none: online
	Reason     string      `json:"reason,omitempty"`    // at most 200 bytes
	SourceID   uuid.UUID   `json:"source_id,omitzero"`  // the event of the account that earned it
	Occasion   string      `json:"occasion,omitempty"`  // at most 100 bytes; grants a definition once
	JobID      uuid.UUID   `json:"job_id,omitzero"`     // a job grants once to each account
	CodeLast4  string      `json:"code_last4,omitzero"` // of the code that was claimed
	ClaimID    uuid.UUID   `json:"claim_id,omitzero"`   // of a single-use code: its CodeRedeemed
}

// CouponGranted records a coupon. The definition's version is pinned, so are its uses and its time.
type CouponGranted struct {
	CouponID      uuid.UUID     `json:"coupon_id"`  // the event's own id
	Definition    string        `json:"definition"` // definition_id@version
	Kind          CouponKind    `json:"kind"`
	Campaign      string        `json:"campaign"`
	Uses          int           `json:"uses"`
	ValidFrom     time.Time     `json:"valid_from"`
	ValidUntil    time.Time     `json:"valid_until,omitzero"` // none: no end
	Cause         CouponCause   `json:"cause"`
	Consideration Consideration `json:"consideration"`
	Channel       string        `json:"issue_channel"`
	Partner       string        `json:"partner,omitempty"`
	ReservationID uuid.UUID     `json:"reservation_id,omitzero"`
	CodeLast4     string        `json:"code_last4,omitempty"`
	ClaimID       uuid.UUID     `json:"claim_id,omitzero"`
	SourceID      uuid.UUID     `json:"source_id,omitzero"`
	Occasion      string        `json:"occasion,omitempty"`
	JobID         uuid.UUID     `json:"job_id,omitzero"`
	Reason        string        `json:"reason,omitempty"`
}

func (CouponGranted) event() {}

func (CouponGranted) operation() Operation { return OpGrantCoupon }

// OccasionName is the name that what an occasion granted of a definition, of whatever version, answers
// to.
func OccasionName(campaign, definition, occasion string) Name {
	if occasion == "" {
		return Name{}
	}
	id, _, _ := strings.Cut(definition, "@")
	return Name{"occasion", campaign + separator + id + separator + occasion}
}

// campaignName is the name that the coupons which a campaign granted here answer to, and those of them
// that were recycled: with it a cap for each account is counted.
func campaignName(campaign string) Name { return Name{"campaign", campaign} }

func (e CouponGranted) appendNames(names []Name) []Name {
	names = reservedBy(append(names, campaignName(e.Campaign)), e.ReservationID)
	if e.Occasion != "" {
		names = append(names, OccasionName(e.Campaign, e.Definition, e.Occasion))
	}
	if e.JobID != noID {
		names = append(names, JobName(e.JobID))
	}
	return e.appendClaim(names)
}

// Operation is coupon_grant.
func (GrantCoupon) Operation() Operation { return OpGrantCoupon }

// Decide checks the request, the account, the reference, then what grantCoupon does. To grant again
// what its job or occasion has granted, whatever became of it, is Done.
func (g GrantCoupon) Decide(d *Draft) error {
	if err := g.check(); err != nil {
		return err
	}
	if before, ok := d.first(JobName(g.JobID)); ok {
		if _, granted := before.Event.(CouponGranted); granted {
			return &Done{before}
		}
		return ErrReferenceCancelled.By(before) // the job was revoked before it came here
	}
	if before, ok := d.first(OccasionName(g.Campaign, g.Definition, g.Occasion)); ok {
		return &Done{before}
	}
	if err := d.claimed(g.ClaimID); err != nil {
		return err
	}
	if err := d.mayGive(); err != nil {
		return err
	}
	if err := d.unused(OpGrantCoupon); err != nil {
		return err
	}
	e, err := d.granted(g)
	if err != nil || len(d.wanted) > 0 || e.CouponID == noID {
		return err // where something is wanted, all of this is decided again
	}
	return d.post(e)
}

// check refuses what no campaign could grant: campaign, definition, cause, channel, reason, occasion.
func (g GrantCoupon) check() error {
	switch {
	case notAName(g.Campaign):
		return ErrMalformed.Field("campaign", "want a campaign's id")
	case g.Definition == "" || len(g.Definition) > 64 || !printable(g.Definition):
		return ErrMalformed.Field("definition", "want definition_id@version or definition_id")
	case !slices.Contains(couponCauses, g.Cause):
		return ErrMalformed.Field("cause", "want api, trigger, claim, tier, prize or conversion")
	case g.Channel != "" && !slices.Contains(issueChannels, g.Channel):
		return ErrMalformed.Field("issue_channel", "want online, offline or partner")
	case len(g.Reason) > 200 || !printable(g.Reason):
		return ErrMalformed.Field("reason", "want at most 200 bytes")
	case len(g.Occasion) > 100 || !printable(g.Occasion):
		return ErrMalformed.Field("occasion", "want at most 100 bytes")
	}
	return nil
}

// grantCoupon grants a coupon as a part of whatever is decided: of a tier that was reached, of points
// that are converted. It checks campaign and definition, that the campaign is active, the channel, who
// may hold it, its time, the caps of the account, then the budget. The account itself is the caller's to
// check. What its occasion has granted is not granted again, to no error.
func (d *Draft) grantCoupon(g GrantCoupon) error {
	e, err := d.granted(g)
	if err != nil || e.CouponID == noID {
		return err
	}
	return d.post(e)
}

// granted is the event that grantCoupon posts, without an id where there is none to post.
func (d *Draft) granted(g GrantCoupon) (e CouponGranted, err error) {
	campaign, definition, err := d.defined(g)
	if err != nil {
		return e, err
	}
	if len(d.answering(OccasionName(g.Campaign, g.Definition, g.Occasion))) > 0 {
		return e, nil
	}
	if g.Channel == "" {
		g.Channel = IssueOnline
	}
	from, until := definition.Validity.span(d.Decided, d.program().Terms.Zone)
	budgets := campaign.Terms.Budgets
	switch {
	case !campaign.Open(d.Decided):
		return e, ErrCampaignNotActive
	case len(campaign.Terms.Channels) > 0 && !slices.Contains(campaign.Terms.Channels, g.Channel):
		return e, ErrCouponChannel
	case definition.Restrictions.HolderOnly && g.Cause == CouponByClaim:
		return e, ErrCouponHolderOnly
	case !until.IsZero() && (!until.After(from) || !until.After(d.Decided)):
		return e, ErrCouponExpired.Because("its definition's time is over")
	case len(d.coupons)+len(d.Beside) >= mostCoupons:
		return e, ErrCouponLimit.Because(fmt.Sprintf("want at most %d live coupons", mostCoupons))
	case budgets.PerAccount > 0 && d.hadOf(g.Campaign) >= budgets.PerAccount:
		return e, ErrCouponLimit.Because("the campaign gives one account no more")
	case g.claims(definition) && d.claimedOut(g.Campaign, definition):
		return e, ErrCouponLimit.Because("its code gives one account no more")
	}
	reservation, err := d.reserveIssue(campaign)
	if err != nil {
		return e, err
	}
	return CouponGranted{CouponID: d.nextID(), Definition: definition.Name(),
		Kind: definition.Kind, Campaign: campaign.ID, Uses: max(definition.Uses, 1), ValidFrom: from,
		ValidUntil: until, Cause: g.Cause, Consideration: definition.Consideration, Channel: g.Channel,
		Partner: campaign.Terms.Partner, ReservationID: reservation, CodeLast4: g.CodeLast4,
		SourceID: g.SourceID, Occasion: g.Occasion, JobID: g.JobID, Reason: g.Reason,
		ClaimID: g.ClaimID}, nil
}

// offerCoupon is grantCoupon for what must not fail because a coupon cannot be had any more: then there
// is none.
func (d *Draft) offerCoupon(g GrantCoupon) error {
	if err := d.grantCoupon(g); !isRefusal(err) {
		return err
	}
	return nil
}

// defined are the campaign and the version of its definition that a grant names.
func (d *Draft) defined(g GrantCoupon) (*Campaign, *Definition, error) {
	var campaign *Campaign
	if d.Campaigns != nil {
		campaign = d.Campaigns(g.Campaign)
	}
	if campaign == nil {
		return nil, nil, ErrNotFound.Because("there is no such campaign")
	}
	for _, def := range slices.Backward(campaign.Definitions) {
		if def.Name() == g.Definition || def.ID == g.Definition {
			return campaign, def, nil
		}
	}
	return nil, nil, ErrNotFound.Because("the campaign has no such definition")
}

// hadOf is how many coupons of a campaign the account has had, less those recycled. Of an absorbed
// account those count that came from it.
func (d *Draft) hadOf(campaign string) (n int) {
	for _, g := range d.Beside {
		if g.Campaign == campaign {
			n++
		}
	}
	for _, e := range d.answering(campaignName(campaign)) {
		switch e := e.(type) {
		case CouponGranted:
			n++
		case CouponRecycled:
			n--
		case AccountsMerged:
			if e.Survivor != d.id {
				continue // they left, and may be back
			}
			gone, _ := e.Counts.of(campaign, "")
			n += gone
			for _, c := range e.Coupons {
				if c.Campaign == campaign {
					n++
				}
			}
		}
	}
	return n
}

// answering are the events that answer to a name, those posted on this draft among them.
func (d *Draft) answering(n Name) []Event {
	if n.Value == "" {
		return nil
	}
	var events []Event
	for _, p := range d.posted {
		if e, ok := p.Event.(namer); ok && slices.Contains(e.appendNames(nil), n) {
			events = append(events, p.Event)
		}
	}
	for _, p := range d.found(n) {
		events = append(events, p.Event)
	}
	return events
}

func (g GrantCoupon) canonical() any {
	if g.Channel == "" {
		g.Channel = IssueOnline
	}
	return g
}

// rephrase names the version that was the definition's newest when it was granted.
func (g GrantCoupon) rephrase(answered Event) Command {
	e, ok := answered.(CouponGranted)
	if id, _, _ := strings.Cut(e.Definition, "@"); ok && id == g.Definition {
		g.Definition = e.Definition
	}
	return g
}

func (e CouponGranted) check() error {
	switch {
	case e.CouponID == noID || e.Definition == "" || e.Campaign == "":
		return fmt.Errorf("a coupon of definition %q in campaign %q", e.Definition, e.Campaign)
	case e.Uses < 1 || !slices.Contains(couponCauses, e.Cause):
		return fmt.Errorf("coupon %s of %d uses, granted by %.20q", e.CouponID, e.Uses, e.Cause)
	case e.ValidFrom.IsZero() || !e.ValidUntil.IsZero() && !e.ValidUntil.After(e.ValidFrom):
		return fmt.Errorf("coupon %s is valid from %s until %s", e.CouponID, e.ValidFrom, e.ValidUntil)
	}
	return nil
}

func (e CouponGranted) command(Posted) Command {
	return GrantCoupon{Campaign: e.Campaign, Definition: e.Definition, Cause: e.Cause,
		Channel: e.Channel, Reason: e.Reason, SourceID: e.SourceID, Occasion: e.Occasion,
		JobID: e.JobID, CodeLast4: e.CodeLast4, ClaimID: e.ClaimID}
}

func (e CouponGranted) apply(a *Account, recorded time.Time) error {
	if revision, ok := RevisionOf(e.CouponID); !ok || revision != a.revision+1 {
		return fmt.Errorf("coupon %s is granted at revision %d", e.CouponID, a.revision+1)
	}
	a.coupons = append(a.coupons, e.coupon(recorded))
	return nil
}

// coupon is the coupon as it was granted.
func (e CouponGranted) coupon(recorded time.Time) Coupon {
	return Coupon{ID: e.CouponID, Campaign: e.Campaign, Definition: e.Definition, Kind: e.Kind,
		Uses: e.Uses, ValidFrom: e.ValidFrom, ValidUntil: e.ValidUntil, Consideration: e.Consideration,
		ReservationID: e.ReservationID, GrantedAt: recorded, JobID: e.JobID}
}

func (e CouponGranted) appendJSON(b jsonText) jsonText {
	b = append(b, '{').id("coupon_id", e.CouponID).text("definition", e.Definition)
	b = b.text("kind", string(e.Kind)).text("campaign", e.Campaign).integer("uses", e.Uses)
	b = b.time("valid_from", e.ValidFrom).optionalTime("valid_until", e.ValidUntil)
	b = b.text("cause", string(e.Cause)).text("consideration", string(e.Consideration))
	b = b.text("issue_channel", e.Channel).optional("partner", e.Partner)
	b = b.optionalID("reservation_id", e.ReservationID).optional("code_last4", e.CodeLast4)
	b = b.optionalID("claim_id", e.ClaimID).optionalID("source_id", e.SourceID)
	b = b.optional("occasion", e.Occasion).optionalID("job_id", e.JobID)
	return append(b.optional("reason", e.Reason), '}')
}
