package api_test

import (
	"strings"
	"testing"

	"github.com/tillbook/tillbook/domain"
)

// approved lets the campaign spring run again, after a change.
func (s *shop) approved() {
	s.Helper()
	s.ask("checker", "POST", "/v1/campaigns/spring/approve", `{}`).send().is(200)
	s.post("/v1/campaigns/spring/activate", `{}`).is(200)
}

// TestShortPromoCode: of a promo code no more than half is shown, or stands in the log.
func TestShortPromoCode(t *testing.T) {
	s, _ := openPeople(t)
	s.spring(`{}`)
	s.post("/v1/campaigns/spring/pause", `{"reason":"r"}`).is(200)
	s.post("/v1/campaigns/spring/definitions", `{"id":"ten","kind":"amount_off","unit":"CNY",
		"value":{"amount":{"amount":"10.00","unit":"CNY"}},"promo_code":{"code":"xmas"}}`).is(201).
		has(fields{"definition.promo_code.last4": "AS"})
	s.approved()
	anna := s.account("C-1", "")
	s.claim(anna, "xmas").is(201).has(fields{"code_last4": "AS"})
	for _, path := range []string{"/v1/campaigns/spring", anna + "/coupons", anna + "/history"} {
		if got := s.get(path).is(200); strings.Contains(got.text, "XMAS") {
			t.Errorf("%s: got %s", path, got.text)
		}
	}
	for e, err := range s.store.ReadAll(t.Context(), 0, domain.Prefixes...) {
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(strings.ToUpper(string(e.Data)+string(e.Metadata)), "XMAS") {
			t.Errorf("got %s %s", e.Type, e.Data)
		}
	}
}

// TestClaimRepeated: what a key claimed is answered to it again, whatever has become of its promo code.
func TestClaimRepeated(t *testing.T) {
	s, _ := openPeople(t)
	s.spring(`{}`)
	anna := s.account("C-1", "")
	claim := s.ask(admin, "POST", anna+"/coupons/claim", `{"code":"SPRING26"}`)
	got := claim.send().is(201)
	s.post("/v1/campaigns/spring/pause", `{"reason":"r"}`).is(200)
	s.post("/v1/campaigns/spring/definitions", `{"id":"ten","kind":"amount_off","unit":"CNY",
		"value":{"amount":{"amount":"9.00","unit":"CNY"}},"promo_code":{"code":"spring-27"}}`).is(201)
	s.approved()
	if again := claim.send().is(201); again.text != got.text {
		t.Errorf("a repeat is answered with %s, want %s", again.text, got.text)
	}
	claim = s.ask(admin, "POST", anna+"/coupons/claim", `{"code":"SPRING27"}`).
		with("Idempotency-Key", claim.Header.Get("Idempotency-Key"))
	claim.send().refused(422, "key_reused")
	s.claim(anna, "SPRING26").refused(422, "code_not_usable")
}

// TestVoidingUsedCodes: a code that was used is braked as any that is guessed, whoever asks.
func TestVoidingUsedCodes(t *testing.T) {
	s, _ := openPeople(t)
	s.spring(`{}`)
	_, codes := s.batch(1)
	s.claim(s.account("C-1", ""), codes[0]).is(201)
	for range 20 {
		s.ask(admin, "POST", "/v1/codes/void", `{"code":"`+codes[0]+`","reason":"lost"}`).send()
	}
	s.post("/v1/codes/void", `{"code":"`+codes[0]+`","reason":"lost"}`).refused(429, "rate_limited")
}

// TestBoundToStores: what is about a campaign in every store is not for a key that is bound to some.
func TestBoundToStores(t *testing.T) {
	s, _ := openPeople(t)
	s.spring(`{}`)
	s.addKey(domain.APIKey{Role: domain.RoleMarketing, Stores: []string{"S1"}})
	s.addKey(domain.APIKey{Role: domain.RolePOS})
	anna := s.account("C-1", "")
	for _, path := range []string{"", "/funnel", "/codes"} {
		got := s.ask(domain.RoleMarketing, "GET", "/v1/campaigns/spring"+path, "").send()
		if path == "" {
			got.is(200)
			continue
		}
		got.refused(403, "forbidden")
		s.ask(domain.RolePOS, "GET", "/v1/campaigns/spring"+path, "").send().refused(403, "forbidden")
	}
	grant := `{"campaign":"spring","definition":"ten","store":"S1"}`
	s.ask(domain.RoleMarketing, "POST", anna+"/coupons", strings.Replace(grant, "S1", "S2", 1)).send().
		refused(403, "forbidden")
	s.ask(domain.RoleMarketing, "POST", anna+"/coupons", grant).send().is(201)
}
