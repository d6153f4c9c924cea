package api_test

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tillbook/tillbook/api"
	"github.com/tillbook/tillbook/api/webhooks"
	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/vault"
)

// openHooked is a shop that sends webhooks, to private addresses too.
func openHooked(t *testing.T) *shop {
	t.Helper()
	s := open(t, func(c *api.Config) {
		var err error
		if c.Keyring, err = vault.NewKeyring(base64.StdEncoding.EncodeToString(make([]byte, 32))); err != nil {
			t.Fatal(err)
		}
		c.WebhookPrivate, c.Observed = true, api.NewMetrics(c.Metrics)
		c.Webhooks, err = webhooks.Open(t.Context(), t.TempDir(), c.Ledger, c.Store, webhooks.Options{
			Keyring: c.Keyring, Body: api.EventBody, Private: true, OnDelivery: c.Observed.OnDelivery})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan struct{})
		go func() { defer close(ended); c.Webhooks.Run(ctx) }()
		t.Cleanup(func() {
			cancel()
			<-ended
			if err := c.Webhooks.Close(); err != nil {
				t.Error(err)
			}
		})
	})
	s.addKey(domain.APIKey{Role: admin})
	return s
}

// TestWebhookRoutes: a webhook's life by the API. The secret is shown once; a repeat gets the rest.
func TestWebhookRoutes(t *testing.T) {
	got := make(chan http.Header, 100)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got <- r.Header
	}))
	defer receiver.Close()
	s := openHooked(t)
	body := `{"url":"` + receiver.URL + `","types":["AccountOpened"],"description":"d"}`
	made := s.postOnce("w", "/v1/webhooks", body).is(201).has(fields{"status": "active", "types.0": "AccountOpened",
		"personal_data": "false", "description": "d"})
	if !strings.HasPrefix(made.at("secret"), "whsec_") {
		t.Errorf("got no secret: %s", made.text)
	}
	repeated := s.postOnce("w", "/v1/webhooks", body).is(201).has(fields{"id": made.at("id"), "secret": ""})
	for _, a := range []answer{made, repeated} {
		s.get(a.header.Get("Location")).is(200).has(fields{"id": made.at("id"), "secret": ""})
	}
	s.postOnce("w", "/v1/webhooks", `{"url":"`+receiver.URL+`"}`).refused(422, "key_reused").
		has(fields{"errors.0.field": "description", "errors.1.field": "types"})
	path := "/v1/webhooks/" + made.at("id")
	s.get("/v1/webhooks").is(200).has(fields{"data.0.id": made.at("id"), "data.0.secret": ""})
	s.get(path).is(200).has(fields{"url": receiver.URL})
	s.account("C-1", "")
	if h := <-got; h.Get("Tillbook-Webhook") != made.at("id") || h.Get("Tillbook-Sequence") != "1" {
		t.Errorf("got %v", h)
	}
	put := func(key, body string) answer {
		return s.ask(admin, "PUT", path, body).with("Idempotency-Key", key).send()
	}
	put("p", `{"url":"`+receiver.URL+`","status":"paused"}`).is(200).has(fields{"status": "paused", "types": "[]"})
	turned := put("r", `{"url":"`+receiver.URL+`","rotate_secret":true}`).is(200)
	if turned.at("rotated_until") == "" || !strings.HasPrefix(turned.at("secret"), "whsec_") ||
		turned.at("secret") == made.at("secret") {
		t.Errorf("got %s", turned.text)
	}
	again := put("r", `{"url":"`+receiver.URL+`","rotate_secret":true}`).is(200)
	if again.at("secret") != "" || again.at("recorded_at") != turned.at("recorded_at") {
		t.Errorf("got %s again", again.text)
	}
	s.post(path+"/replay", `{"from_position":"0"}`).is(202)
	for h := <-got; h.Get("Tillbook-Sequence") != "2"; { // the first may come again: it was paused as it ended
		h = <-got
	}
	s.post(path+"/deliveries/2/retry", "").is(202)
	s.get(path + "/deliveries?limit=1").is(200).has(fields{"data.0.sequence": "1",
		"data.0.type": "AccountOpened", "next": "-1"})
	s.get(path + "/deliveries?limit=1&cursor=-1").is(200).has(fields{"data.0.sequence": "2"})
	s.get(path + "/deliveries?state=dead").is(200).has(fields{"data": "[]"})
	if text := s.get("/metrics").text; !strings.Contains(text, `tillbook_webhook_deliveries_total{outcome="done"}`) {
		t.Error("deliveries are not counted")
	}
	s.ask(admin, "DELETE", path, "").send().is(200).has(fields{"id": made.at("id")})
	s.ask(admin, "DELETE", path, "").send().is(200)
	s.get(path).refused(404, "not_found")
	put("x", body).refused(404, "not_found")
	s.get("/v1/webhooks").is(200).has(fields{"data": "[]"})
}

// TestWebhookRefusals of the routes, one each.
func TestWebhookRefusals(t *testing.T) {
	s := openHooked(t)
	id := s.post("/v1/webhooks", `{"url":"http://127.0.0.1:1","status":"paused"}`).is(201).at("id")
	path := "/v1/webhooks/" + id
	for _, r := range []struct{ method, path, body, code, field string }{
		{"POST", "/v1/webhooks", `{}`, "malformed", "url"},
		{"POST", "/v1/webhooks", `{"url":"https://u:p@h.example"}`, "malformed", "url"},
		{"POST", "/v1/webhooks", `{"url":"https://h.example","types":["Nope"]}`, "malformed", "types"},
		{"POST", "/v1/webhooks", `{"url":"https://h.example","accounts":["x"]}`, "malformed", "accounts"},
		{"POST", "/v1/webhooks", `{"url":"https://h.example","rotate_secret":true}`, "malformed", "rotate_secret"},
		{"POST", "/v1/webhooks", `{"url":"https://h.example","nope":1}`, "unknown_field", "nope"},
		{"PUT", path, `{"url":"https://h.example","status":"off"}`, "malformed", "status"},
		{"GET", path + "/deliveries?state=nope", "", "malformed", "state"},
		{"GET", path + "/deliveries?cursor=nope", "", "malformed", "cursor"},
		{"GET", path + "/deliveries?cursor=nope-1", "", "malformed", "state"},
		{"GET", path + "/deliveries?limit=0", "", "malformed", "limit"},
		{"POST", path + "/deliveries/x/retry", "", "malformed", "sequence"},
		{"POST", path + "/deliveries/1/retry", "", "not_found", ""},
		{"POST", path + "/replay", `{"from_position":"-1"}`, "malformed", "from_position"},
		{"POST", path + "/replay", `{"from_position":"9000000000000"}`, "malformed", "from_position"},
		{"GET", "/v1/webhooks/nope", "", "malformed", "webhook_id"},
	} {
		got := s.ask(admin, r.method, r.path, r.body).send()
		if got.at("code") != r.code || r.field != "" && got.at("errors.0.field") != r.field {
			t.Errorf("%s %s %s: got %s, want %s of %s", r.method, r.path, r.body, got.text, r.code, r.field)
		}
	}
	for i := range webhooks.Most {
		if got := s.post("/v1/webhooks", `{"url":"http://h.example","status":"paused"}`); got.status != 201 {
			if got.refused(422, "limit_exceeded"); i != webhooks.Most-1 {
				t.Errorf("got %d webhooks", i+1)
			}
		}
	}

	s = openWithAdmin(t) // no master key, no sender, nothing private
	s.post("/v1/webhooks", `{"url":"https://h.example"}`).refused(503, "no_master_key")
	for _, url := range []string{"http://h.example", "https://127.0.0.1", "https://h.example:25"} {
		s.post("/v1/webhooks", `{"url":"`+url+`"}`).refused(400, "malformed").has(fields{"errors.0.field": "url"})
	}
}
