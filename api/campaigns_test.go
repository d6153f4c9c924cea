package api_test

import (
	"testing"

	"github.com/tillbook/tillbook/domain"
)

const (
	springText = `{"id":"spring","name":"Spring","channels":["online"],"budgets":{"issues":10,` +
		`"discount":{"amount":"50","unit":"CNY"}},"partner":"bank","cost_share":"50.0"}`
	tenText = `{"id":"ten","kind":"threshold_off","unit":"CNY","value":{"amount":{"amount":"10",` +
		`"unit":"CNY"}},"validity":{"days":30},"restrictions":{"min_spend":{"amount":"100",` +
		`"unit":"CNY"}},"terms_text":{"en":"Ten off"}}`
)

// TestCampaigns: a campaign goes through its life, another person approves it, and its versions stay.
func TestCampaigns(t *testing.T) {
	s := openWithAdmin(t)
	s.addKey(domain.APIKey{Role: domain.RoleMarketing})
	s.addKey(domain.APIKey{Role: domain.RoleApprover})
	asked := func(role domain.Role, key, path, body string) answer {
		return s.ask(role, "POST", path, body).with("Idempotency-Key", key).send()
	}
	const spring = "/v1/campaigns/spring"
	s.get(spring).refused(404, "not_found")
	s.get("/v1/campaigns").is(200).has(fields{"data.0": ""})
	first := asked(domain.RoleMarketing, "c1", "/v1/campaigns", springText).is(201).
		has(fields{"id": "spring", "status": "draft", "name": "Spring", "channels.0": "online",
			"budgets.issues": "10", "budgets.discount.amount": "50.00", "cost_share": "50"})
	if again := asked(domain.RoleMarketing, "c1", "/v1/campaigns", springText); again.text != first.text {
		t.Errorf("got %s, want %s", again.text, first.text)
	}
	asked(domain.RoleMarketing, "c2", "/v1/campaigns", springText).refused(409, "reference_used")
	asked(domain.RoleMarketing, "d1", spring+"/definitions", tenText).is(201).
		has(fields{"campaign_id": "spring", "definition.definition_id": "ten", "definition.version": "1",
			"definition.uses": "1", "definition.stacking.group": "exclusive"})
	asked(domain.RoleMarketing, "d2", spring+"/definitions", tenText).is(201).
		has(fields{"definition.version": "2"})
	asked(domain.RoleMarketing, "a1", spring+"/approve", `{}`).refused(422, "maker_is_checker")
	asked(domain.RoleMarketing, "a2", spring+"/activate", `{}`).refused(422, "campaign_status")
	asked(domain.RoleApprover, "a3", spring+"/approve", `{}`).is(200).has(fields{"status": "approved"})
	asked(domain.RoleMarketing, "a3", spring+"/activate", `{}`).refused(422, "key_reused")
	asked(domain.RoleMarketing, "a4", spring+"/activate", `{}`).is(200).has(fields{"status": "active"})
	asked(domain.RoleMarketing, "d3", spring+"/definitions", tenText).refused(422, "campaign_status")
	asked(domain.RoleMarketing, "p1", spring+"/pause", `{}`).refused(400, "malformed")
	asked(domain.RoleMarketing, "p2", spring+"/pause", `{"reason":"wrong"}`).is(200).
		has(fields{"status": "paused"})
	s.get(spring).is(200).has(fields{"status": "paused", "definitions.1.version": "2",
		"definitions.2": ""})
	s.get("/v1/campaigns").is(200).has(fields{"data.0.id": "spring", "data.1": ""})
	asked(domain.RoleMarketing, "e1", spring+"/end", `{"reason":"over"}`).is(200).
		has(fields{"status": "ended"})
	asked(domain.RoleMarketing, "e1", spring+"/end", `{"reason":"over"}`).is(200)
}

// TestDefinitionText: what cannot be read is refused field by field, before anything is decided.
func TestDefinitionText(t *testing.T) {
	s := openWithAdmin(t)
	s.post("/v1/units", `{"code":"CUT","kind":"count","scale":0}`).is(201)
	s.post("/v1/campaigns", springText).is(201)
	for _, c := range []struct{ body, code, field string }{
		{`{"moon":1}`, "unknown_field", "moon"},
		{`{"id":"x","kind":"amount_off"}`, "malformed", "unit"},
		{`{"id":"x","kind":"amount_off","unit":"XXX"}`, "unknown_unit", "unit"},
		{`{"id":"x","kind":"amount_off","unit":"CUT"}`, "malformed", "unit"},
		{`{"id":"x","kind":"amount_off","unit":"CNY","value":{"amount":{"amount":"1.001","unit":"CNY"}}}`,
			"amount_scale", "value.amount.amount"},
		{`{"id":"x","kind":"percent_off","unit":"CNY","value":{"percent":"x"}}`, "malformed",
			"value.percent"},
		{`{"id":"x","kind":"percent_off","unit":"CNY","value":{"percent":"20"},"consideration":"sold"}`,
			"malformed", "consideration"},
		{`{"id":"x","kind":"percent_off","unit":"CNY","value":{"percent":"20"},"validity":{"from":"x"}}`,
			"malformed", "validity.from"},
	} {
		s.post("/v1/campaigns/spring/definitions", c.body).refused(400, c.code).
			has(fields{"errors.0.field": c.field})
	}
	s.post("/v1/campaigns/none/definitions", tenText).refused(404, "not_found")
}
