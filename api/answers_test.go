package api_test

import (
	"bufio"
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/tillbook/tillbook/api"
	"github.com/tillbook/tillbook/domain"
)

// TestSkewed: what a device dates far from now is flagged wherever it is shown.
func TestSkewed(t *testing.T) {
	s := openWithAdmin(t)
	path := s.account("C-1", "10")
	late := `{"amount":` + cny("1") + `,"occurred_at":"2020-01-01T00:00:00Z"}`
	got := s.post(path+"/debits", late).is(201).has(fields{"skewed": "true"})
	s.post(path+"/debits", `{"amount":`+cny("1")+`}`).is(201).has(fields{"skewed": ""})
	s.post("/v1/accounts", `{"customer_ref":"C-2","occurred_at":"2020-01-01T00:00:00Z"}`).is(201).
		has(fields{"skewed": "true"})
	s.get(path + "/debits/" + got.at("id")).is(200).has(fields{"skewed": "true"})
	s.get(path + "/history").is(200).has(fields{"data.0.skewed": "", "data.1.skewed": "true"})
	s.get("/v1/audit?type=DebitPosted&min_position=" + got.header.Get("Tillbook-Position")).is(200).
		has(fields{"data.0.skewed": "true"})
}

// TestUnregisteredStores: a store that a post named is listed, registered or not.
func TestUnregisteredStores(t *testing.T) {
	s := openWithAdmin(t)
	s.post("/v1/stores", `{"id":"S2","name":"Xuhui"}`).is(201)
	path := s.account("C-1", "10")
	at := s.post(path+"/debits", `{"amount":`+cny("1")+`,"store":"S1"}`).is(201).
		header.Get("Tillbook-Position")
	s.get("/v1/stores?min_position=" + at).is(200).has(fields{
		"data.0.id": "S1", "data.0.status": "unregistered", "data.0.zone": "UTC",
		"data.1.id": "S2", "data.1.status": "open", "data.2": ""})
	s.get("/v1/stores/S1?min_position=" + at).is(200).has(fields{"status": "unregistered"})
	s.get("/v1/stores/S3").refused(404, "not_found")
	s.post("/v1/stores", `{"id":"S1"}`).is(201)
	s.get("/v1/stores/S1").is(200).has(fields{"status": "open"})
	s.get("/v1/stores").is(200).has(fields{"data.0.status": "open", "data.2": ""})

	alone := open(t, func(c *api.Config) { c.Models = nil })
	alone.addKey(domain.APIKey{Role: admin})
	alone.post("/v1/stores", `{"id":"S2"}`).is(201)
	alone.get("/v1/stores").is(200).has(fields{"data.0.id": "S2"})
	alone.get("/v1/stores/S1").refused(404, "not_found")
}

// TestDetails: a refusal names its field once, and a leg belongs to a transaction.
func TestDetails(t *testing.T) {
	s := openWithAdmin(t)
	got := s.post("/v1/accounts", `{"customer_ref":"no good"}`).refused(400, "malformed")
	for _, at := range []string{"detail", "errors.0.detail"} {
		want := map[string]int{"detail": 1}[at]
		if n := strings.Count(got.at(at), "customer_ref"); n != want {
			t.Errorf("%s names customer_ref %d times, want %d: %s", at, n, want, got.at(at))
		}
	}
	path := s.account("C-1", "10")
	s.post(path+"/debits", `{"amount":`+cny("1")+`,"leg":"2"}`).refused(400, "malformed").
		has(fields{"errors.0.field": "leg"})
	s.post(path+"/debits", `{"amount":`+cny("1")+`,"terminal":"T1"}`).is(201)
}

// TestLocalIsHidden: over TCP there is nothing under /local, whatever the method.
func TestLocalIsHidden(t *testing.T) {
	s := open(t, func(c *api.Config) {
		c.Local = map[string]api.LocalHandler{
			"POST /local/echo": func(context.Context, []byte) (any, error) { return 1, nil },
		}
	})
	s.addKey(domain.APIKey{Role: admin})
	for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} {
		got := s.ask(admin, method, "/local/echo", "").send().refused(404, "not_found")
		if allow := got.header.Get("Allow"); allow != "" {
			t.Errorf("%s: got Allow: %s", method, allow)
		}
	}
}

// TestEndedHold: a hold shows the balance that placing it left while it is active, and none later.
func TestEndedHold(t *testing.T) {
	s := openWithAdmin(t)
	path := s.account("C-1", "10")
	hold := path + "/holds/" + s.post(path+"/holds", `{"amount":`+cny("4")+`}`).is(201).at("id")
	s.get(hold).is(200).has(fields{"status": "active", "balance.held": "4.00"})
	s.post(hold+"/void", "").is(200)
	s.get(hold).is(200).has(fields{"status": "released", "balance": ""})
}

// TestBehindLog: a caller who asks for the future is no failure of ours.
func TestBehindLog(t *testing.T) {
	var log lines
	s := open(t, func(c *api.Config) { c.Logger = slog.New(slog.NewJSONHandler(&log, nil)) })
	s.addKey(domain.APIKey{Role: admin})
	s.get("/v1/audit?min_position=999999&max_wait=1ms").refused(503, "read_model_behind")
	log.mu.Lock()
	defer log.mu.Unlock()
	if text := log.text.String(); strings.Contains(text, "ERROR") {
		t.Errorf("got %s", text)
	}
}

// TestAnalystFeed: an analyst's events tell of no person and of no caller's secret.
func TestAnalystFeed(t *testing.T) {
	s := openWithAdmin(t)
	s.addKey(domain.APIKey{Role: domain.RoleAnalyst})
	s.addKey(domain.APIKey{Role: domain.RoleFinance})
	s.postOnce("SECRET", "/v1/accounts", `{"customer_ref":"PERSON","operator":"CASHIER"}`).is(201)
	for role, want := range map[domain.Role]bool{domain.RoleAnalyst: false, domain.RoleFinance: true} {
		ctx, cancel := context.WithCancel(t.Context())
		req := s.ask(role, "GET", "/v1/events?from_position=0&type=AccountOpened", "")
		res, err := s.client.Do(req.WithContext(ctx))
		if err != nil {
			t.Fatal(err)
		}
		var data []byte
		for lines := bufio.NewScanner(res.Body); data == nil && lines.Scan(); {
			data, _ = bytes.CutPrefix(bytes.Clone(lines.Bytes()), []byte("data: "))
			if !bytes.HasPrefix(lines.Bytes(), []byte("data: ")) {
				data = nil
			}
		}
		cancel()
		res.Body.Close()
		got := answer{text: string(data), t: t}.has(fields{"type": "AccountOpened", "revision": "0"})
		for _, word := range []string{"PERSON", "CASHIER", "SECRET"} {
			if strings.Contains(got.text, word) != want {
				t.Errorf("%s: %s shown: want %t in %s", role, word, want, got.text)
			}
		}
		if got.at("metadata.recorded_at") == "" || got.at("data.account_id") == "" {
			t.Errorf("%s: got %s", role, got.text)
		}
	}
}
