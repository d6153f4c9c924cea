package api_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
)

// TestCredits: who gives what, and what of it is taken back.
func TestCredits(t *testing.T) {
	s := openWithAdmin(t)
	for _, role := range []domain.Role{domain.RoleSupport, domain.RoleMarketing, domain.RoleFinance} {
		s.addKey(domain.APIKey{Role: role})
	}
	path := s.account("C-1", "")
	give := func(role domain.Role, cause, more string) answer {
		return s.ask(role, "POST", path+"/credits",
			`{"amount":`+cny("10")+`,"cause":"`+cause+`","reason":"r"`+more+`}`).send()
	}
	for _, c := range []struct {
		role  domain.Role
		cause string
		may   bool
	}{
		{domain.RoleSupport, "goodwill", true}, {domain.RoleSupport, "promo", false},
		{domain.RoleMarketing, "goodwill", false}, {domain.RoleMarketing, "promo", true},
		{domain.RoleFinance, "goodwill", true}, {domain.RoleFinance, "promo", true},
	} {
		got := give(c.role, c.cause, "")
		if c.may {
			got.is(201)
		} else {
			got.refused(403, "forbidden").has(fields{"errors.0.field": "cause"})
		}
	}
	give(admin, "cashback", "").refused(400, "malformed")
	give(domain.RoleFinance, "promo", `,"expires_at":"2099-01-01T00:00:00Z"`).refused(403, "forbidden")
	grant := give(admin, "promo", `,"expires_at":"2099-01-01T00:00:00Z","campaign":"spring"`).is(201).
		has(fields{"class": "promo", "campaign": "spring", "lots.0.expires_at": "2099-01-01T00:00:00Z",
			"lots.0.cost": "0.00", "balance.total": "50.00"})
	s.post(path+"/debits", `{"amount":`+cny("4")+`}`).is(201)

	revoke := path + "/credits/" + grant.at("id") + "/revoke"
	s.ask(domain.RoleFinance, "POST", revoke, `{"reason":"wrong"}`).send().is(200).
		has(fields{"amount.amount": "6.00", "uncollected.amount": "4.00", "balance.total": "40.00"})
	s.post(revoke, `{"reason":"wrong"}`).refused(422, "not_cancellable")
	s.post(revoke, `{}`).refused(400, "malformed").has(fields{"errors.0.field": "reason"})

	refund := `{"amount":` + cny("1") + `,"reason":"no receipt"}`
	s.post(path+"/unreferenced-refunds", refund).refused(422, "limit_exceeded").
		has(fields{"available.amount": "0.00", "shortfall.amount": "1.00"})
	s.ask(domain.RoleSupport, "POST", path+"/unreferenced-refunds", refund).send().
		refused(403, "forbidden")
}

// TestCashbackIsShown: on the debit, when it is read, and when it is given back.
func TestCashbackIsShown(t *testing.T) {
	s := openWithAdmin(t)
	rules := domain.DefaultProgram().Terms
	var ten domain.Quantity
	if err := ten.UnmarshalText([]byte("10")); err != nil {
		t.Fatal(err)
	}
	rules.Cashback = []domain.CashbackRule{{ID: "ten", Unit: "CNY", Percent: ten}}
	_, err := s.ledger.Register(t.Context(), ledger.Registering{
		Registration: domain.PublishProgram{ID: "p", New: true, Terms: rules}, Key: "k",
		Caller: ledger.Caller{Actor: "test", Role: domain.RoleAdmin},
	})
	if err != nil {
		t.Fatal(err)
	}
	path := s.account("C-1", "100")
	earned := fields{"cashback.amount.amount": "5.00", "cashback.rule": "ten", "balance.total": "55.00"}
	debit := s.post(path+"/debits", `{"amount":`+cny("50")+`,"pos_txn_id":"1"}`).is(201).has(earned)
	s.get(path + "/debits/" + debit.at("id")).is(200).has(earned)
	s.post(path+"/debits/"+debit.at("id")+"/refunds", `{"amount":`+cny("10")+`}`).is(201).
		has(fields{"cashback_revoked.0.amount.amount": "1.00", "cashback_revoked.0.uncollected.amount": "0.00",
			"balance.total": "64.00"})
	s.post(path+"/debits", `{"amount":`+cny("3")+`}`).is(201).has(fields{"cashback": ""})
	s.post(path+"/operations/cancel", `{"pos_txn_id":"1"}`).is(200).
		has(fields{"cashback_revoked.0.amount.amount": "1.00",
			"cashback_revoked.0.uncollected.amount": "3.00", "balance.total": "100.00"})
}

// TestExtend: what was paid for and expired comes back, and the lot shows its new end.
func TestExtend(t *testing.T) {
	s := openWithAdmin(t)
	path := s.account("C-1", "")
	topUp := s.post(path+"/top-ups", `{"amount":`+cny("10")+`,"expires_at":"2099-01-01T00:00:00Z"}`).is(201)
	lot := path + "/lots/" + topUp.at("lots.0.id") + "/extend"
	at := s.post(lot, `{"expires_at":"2099-02-01T00:00:00Z","reason":"asked"}`).is(200).
		has(fields{"from": "2099-01-01T00:00:00Z", "to": "2099-02-01T00:00:00Z", "reactivated": "false",
			"amount.amount": "0.00", "balance.total": "10.00"}).header.Get("Tillbook-Position")
	s.get(path + "/lots?min_position=" + at).is(200).has(fields{"data.0.expires_at": "2099-02-01T00:00:00Z"})
	s.post(lot, `{"expires_at":"2099-01-15T00:00:00Z","reason":"asked"}`).refused(400, "malformed")
	s.post(lot, `{"reason":"asked"}`).refused(400, "malformed").has(fields{"errors.0.field": "expires_at"})
	s.post(path+"/top-ups/"+topUp.at("id")+"/reverse", `{"cause":"error"}`).is(201)
	s.post(lot, `{"expires_at":"2099-03-01T00:00:00Z","reason":"asked"}`).refused(422, "lot_not_extendable")
}

// TestJobs: a job is started, read, stopped and revoked; a repeat finds it again.
func TestJobs(t *testing.T) {
	s := openWithAdmin(t)
	s.addKey(domain.APIKey{Role: domain.RoleMarketing})
	path := s.account("C-1", "")
	id := strings.TrimPrefix(path, "/v1/accounts/")
	list := func(accounts string) string {
		return `{"accounts":` + accounts + `,"amount":` + cny("10") + `,"cause":"promo","reason":"spring"}`
	}
	job := s.postOnce("j", "/v1/grants", list(`["`+id+`","C-2"]`)).is(201).
		has(fields{"kind": "grant", "count": "2", "state": "running", "class": "promo"})
	s.postOnce("j", "/v1/grants", list(`["C-1","C-2"]`)).is(201).has(fields{"id": job.at("id")})
	s.postOnce("j", "/v1/grants", list(`["C-1"]`)).refused(422, "key_reused").
		has(fields{"errors.0.field": "accounts"})
	s.post("/v1/grants", list(`["C-1","`+id+`"]`)).refused(400, "malformed").
		has(fields{"errors.0.field": "accounts"})
	s.post("/v1/grants", list(`["no one"]`)).refused(400, "malformed").
		has(fields{"errors.0.field": "accounts.0"})
	s.post("/v1/grants", list(`[]`)).refused(400, "malformed")
	s.ask(domain.RoleMarketing, "POST", "/v1/grants", `{"accounts":["C-1"],"amount":`+cny("1")+
		`,"cause":"goodwill","reason":"r"}`).send().refused(403, "forbidden")

	at := "/v1/jobs/" + job.at("id")
	s.get(at).is(200).has(fields{"state": "running", "done": "0", "left": "2", "ended_at": ""})
	s.post(at+"/revoke", `{"reason":"wrong"}`).refused(422, "job_running")
	jobID := uuid.MustParse(job.at("id"))
	if err := s.ledger.RunJob(t.Context(), jobID, nil); err != nil {
		t.Fatal(err)
	}
	s.get(at).is(200).has(fields{"state": "completed", "done": "1", "rejected": "1", "left": "0",
		"rejections.0.code": "not_found", "total.amount": "10.00"})
	s.post(at+"/stop", `{"reason":"wrong"}`).refused(422, "job_ended")
	s.post(path+"/debits", `{"amount":`+cny("4")+`}`).is(201)
	revocation := s.post(at+"/revoke", `{"reason":"wrong"}`).is(201).
		has(fields{"kind": "revoke", "target": job.at("id"), "count": "2"})
	again := s.post(at+"/revoke", `{"reason":"very wrong"}`).is(201)
	if again.text != revocation.text {
		t.Errorf("got %s, want %s", again.text, revocation.text)
	}
	if err := s.ledger.RunJob(t.Context(), uuid.MustParse(revocation.at("id")), nil); err != nil {
		t.Fatal(err)
	}
	s.get("/v1/jobs/" + revocation.at("id")).is(200).has(fields{"state": "completed", "done": "1",
		"total.amount": "6.00", "uncollected.amount": "4.00"})
	s.get(path + "/balances").is(200).has(fields{"balances.0.total": "0.00"})
	s.post("/v1/jobs/"+revocation.at("id")+"/revoke", `{"reason":"r"}`).refused(404, "not_found")
	s.get("/v1/jobs/"+id).refused(404, "not_found")

	job = s.post("/v1/grants", list(`["C-1"]`)).is(201)
	s.post("/v1/jobs/"+job.at("id")+"/stop", `{}`).refused(400, "malformed")
	s.post("/v1/jobs/"+job.at("id")+"/stop", `{"reason":"wrong"}`).is(200).has(fields{"state": "stopped"})
	s.get("/v1/jobs/" + job.at("id")).is(200).has(fields{"state": "stopped", "left": "1"})
}
