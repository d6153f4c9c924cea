package api

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
)

func (s *Server) tierRoutes() []*route {
	post := func(path, id string, op operation) *route {
		return &route{method: "POST", path: path, id: id, roles: op.roles, query: dry, serve: write(op)}
	}
	return []*route{
		post(account+"/tier", "overrideTier", overrideTier),
		post(account+"/tier/end", "endTierOverride", endTierOverride),
		{method: "GET", path: account + "/tier", id: "getTier", roles: tierViewers, query: fresh,
			serve: getTier},
		{method: "GET", path: "/v1/tiers", id: "listTiers", roles: tierReaders, unbound: true,
			query: slices.Concat(paged, []string{"tier", "due_before"}), serve: listTiers},
		{method: "GET", path: "/v1/reports/tiers", id: "reportTiers", roles: tierReaders,
			query: slices.Concat(fresh, []string{"at", "from"}), serve: reportTiers, unbound: true},
	}
}

// tierSetters may decide alone what others propose; to set a tier is such a decision.
var tierSetters = []domain.Role{domain.RoleApprover, domain.RoleAdmin}

// tierViewers see one account's.
var tierViewers = slices.Concat(readers, []domain.Role{domain.RoleApprover, domain.RoleMarketing})

// tierReaders see how many hold which.
var tierReaders = append(slices.Clone(recallers), domain.RoleAnalyst)

var overrideTier = operation{name: "override_tier", roles: tierSetters, parse: func(
	r *reading, _ *target, body []byte,
) domain.Command {
	var b struct {
		Tier   string `json:"tier"`
		Reason string `json:"reason"`
		Until  string `json:"until"`
		post
	}
	if !r.decode(body, &b) {
		return nil
	}
	r.about(b.post)
	return domain.OverrideTier{Tier: r.text("tier", b.Tier, wordBytes),
		Reason: r.text("reason", b.Reason, reasonBytes), Until: r.time("until", b.Until)}
}}

var endTierOverride = operation{name: "end_tier_override", roles: tierSetters, parse: func(
	r *reading, _ *target, body []byte,
) domain.Command {
	return domain.EndTierOverride{Reason: r.reason(body)}
}}

func (o *out) tierOverridden(a ledger.Answer, e domain.TierOverridden) {
	o.id("id", a.First().Metadata.OperationID)
	o.id("account_id", a.Account)
	o.text("tier", e.Tier)
	o.text("reason", e.Reason)
	o.text("approver", e.Approver)
	o.time("until", e.Until)
	o.ending(a)
}

func (o *out) tierOverrideEnded(a ledger.Answer, e domain.TierOverrideEnded) {
	o.id("id", a.First().Metadata.OperationID)
	o.id("account_id", a.Account)
	o.text("tier", e.Tier)
	o.text("reason", e.Reason)
	o.text("approver", e.Approver)
	o.ending(a)
}

// getTier answers from the ledger's state: what is held, since when, and what is missing.
func getTier(c *call) error {
	v, err := c.view()
	if err != nil {
		return err
	}
	p := c.s.Ledger.Program(v.ID(), v.At)
	o := c.out()
	o.begin('{')
	o.id("account_id", v.ID())
	o.plain("program", p.Name())
	if s, ok := p.Standing(v.Account, v.At); ok {
		o.tierStanding(s)
	} else {
		o.null("tier")
	}
	o.position("as_of_position", uint64(v.Position))
	o.end('}')
	return c.ok(o)
}

func (o *out) tierStanding(s domain.TierStanding) {
	o.text("tier", s.Tier.Name)
	o.time("since", s.Since)
	o.time("valid_until", s.ValidUntil)
	o.plain("metric", string(s.Rules.Metric))
	o.some("unit", s.Rules.Unit)
	o.quantity("value", s.Value)
	o.span("window", s.Window)
	if s.Next == nil {
		o.null("next")
	} else {
		o.open("next", '{')
		o.text("tier", s.Next.Name)
		o.quantity("from", s.Next.From)
		o.quantity("missing", s.ToNext)
		o.daily(s.NextDaily)
		o.end('}')
	}
	o.tierKept(s)
	if s.Override == nil {
		o.null("override")
	} else {
		o.open("override", '{')
		o.text("tier", s.Override.Tier)
		o.text("reason", s.Override.Reason)
		o.text("approver", s.Override.Approver)
		o.time("since", s.Override.Since)
		o.time("until", s.Override.Until)
		o.end('}')
	}
	o.json("benefits", s.Tier.Benefits)
}

// tierKept writes what it takes to keep the tier that was counted, and the downgrade that waits.
func (o *out) tierKept(s domain.TierStanding) {
	if s.KeepFrom.From == "" || s.ValidUntil.IsZero() {
		o.null("keep")
		o.null("scheduled")
		return
	}
	o.open("keep", '{')
	o.text("tier", s.Counted)
	o.quantity("missing", s.ToKeep)
	o.daily(s.KeepDaily)
	o.span("window", s.KeepFrom)
	o.end('}')
	if s.Scheduled == nil {
		o.null("scheduled")
		return
	}
	o.open("scheduled", '{')
	o.text("to", s.Scheduled.To)
	o.time("on", s.Scheduled.On)
	o.end('}')
}

// daily writes what has to be there each day that is left, where that says something.
func (o *out) daily(q *domain.Quantity) {
	if q != nil {
		o.quantity("daily", *q)
	}
}

func (o *out) span(name string, s domain.Span) {
	o.open(name, '{')
	o.plain("from", s.From)
	o.plain("through", s.Through)
	o.end('}')
}

// reportTiers counts members by tier at an instant, and who has moved since another.
func reportTiers(c *call) error {
	at, err := c.instant("at")
	if err != nil {
		return err
	}
	from, err := c.instant("from")
	if err != nil {
		return err
	}
	if at.IsZero() {
		at = time.Now().UTC().Truncate(time.Microsecond)
	}
	if from.After(at) {
		return domain.ErrMalformed.Field("from", "want a time before at")
	}
	if err := c.modelled(); err != nil {
		return err
	}
	found, err := c.s.Models.TierReport(c.UserContext(), at, from)
	if err != nil {
		return err
	}
	o := c.out()
	o.begin('{')
	o.time("at", at)
	o.open("data", '[')
	for _, count := range found.Counts {
		o.begin('{')
		o.text("tier", c.s.named(count.Tier))
		o.integer("rank", int64(count.Rank))
		o.integer("members", count.Members)
		o.end('}')
	}
	o.end(']')
	o.open("moves", '[')
	for _, move := range found.Moves {
		o.begin('{')
		o.text("from", c.s.named(move.From))
		o.text("to", c.s.named(move.To))
		o.integer("members", move.Members)
		o.end('}')
	}
	o.end(']')
	o.position("as_of_position", uint64(found.AsOf))
	o.end('}')
	return c.ok(o)
}

// named is a tier's name; of the first one that of the program that rules everyone.
func (s *Server) named(tier string) string {
	if r := s.everyones(); tier == "" && r != nil {
		return r.Tiers[0].Name
	}
	return tier
}

// everyones are the tiers of the program that rules whom no program lists, nil where it has none.
func (s *Server) everyones() *domain.TierRules {
	return s.Ledger.Program(uuid.UUID{}, time.Now()).Terms.Tiers
}
