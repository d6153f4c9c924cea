package api_test

import (
	"testing"

	"github.com/tillbook/tillbook/api"
	"github.com/tillbook/tillbook/domain"
)

// TestBoundAdmin: an admin is not bound to stores, and a key of old that is administers nothing.
func TestBoundAdmin(t *testing.T) {
	s := openWithAdmin(t)
	s.post("/v1/keys", `{"name":"n","role":"admin","stores":["S1"]}`).refused(400, "malformed").
		has(fields{"errors.0.field": "stores", "errors.0.detail": "an admin is not bound to stores"})
	s.post("/v1/keys", `{"name":"n","role":"admin","stores":[]}`).is(201)
	s.post("/v1/keys", `{"name":"n","role":"pos","stores":["S1"]}`).is(201)

	s = open(t)
	s.addKey(domain.APIKey{Role: admin, Stores: []string{"S1"}})
	s.addKey(domain.APIKey{Role: domain.RolePOS, Stores: []string{"S1"}})
	s.addKey(domain.APIKey{Role: domain.RoleAnalyst, Stores: []string{"S1"}})
	for _, r := range []struct{ method, path, body string }{
		{"POST", "/v1/keys", `{"name":"n","role":"pos"}`},
		{"GET", "/v1/keys", ""},
		{"DELETE", "/v1/keys/00000000-0000-0000-0000-000000000001", ""},
		{"POST", "/v1/stores", `{"id":"S2"}`},
		{"POST", "/v1/stores", `{"id":"S1"}`},
		{"PUT", "/v1/stores/S2", `{}`},
		{"POST", "/v1/units", `{"code":"HAIRCUT","kind":"count"}`},
		{"GET", "/v1/projections", ""},
		{"POST", "/v1/projections/all/rebuild", ""},
	} {
		s.ask(admin, r.method, r.path, r.body).send().refused(403, "forbidden")
	}
	s.ask(domain.RoleAnalyst, "POST", "/v1/projections/all/rebuild", "").send().
		refused(403, "forbidden")
	s.addKey(domain.APIKey{Role: domain.RoleFinance, Stores: []string{"S1"}})
	s.ask(domain.RoleFinance, "GET", "/v1/reports/dormant", "").send().refused(403, "forbidden")
	s.ask(domain.RolePOS, "GET", "/v1/stores", "").send().is(200) // a till looks things up
	s.ask(domain.RolePOS, "GET", "/v1/units/CNY", "").send().is(200)
}

// TestLastAdmin: a key of old that is bound to stores is no admin who could let others in again.
func TestLastAdmin(t *testing.T) {
	s := openWithAdmin(t)
	whole := s.get("/v1/keys").is(200).at("data.0.id")
	s.addKeyOf(domain.APIKey{Role: admin, Stores: []string{"S1"}}, "tb_bound")
	s.ask(admin, "DELETE", "/v1/keys/"+whole, "").send().refused(403, "forbidden")
}

// TestBulkRate: every item of a bulk request counts; the first is the request's own.
func TestBulkRate(t *testing.T) {
	s := open(t, func(c *api.Config) { c.RatePerKey = 1.001 })
	s.addKey(domain.APIKey{Role: admin})
	s.post("/v1/bulk", `[{"key":"1","operation":"open","customer_ref":"C-1"},
		{"key":"2","operation":"open","customer_ref":"C-2"}]`).is(200).has(fields{
		"0.status": "201", "1.status": "429",
		"1.body.code": "rate_limited", "1.body.retryable": "true"})
}
