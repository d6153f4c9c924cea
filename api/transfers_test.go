package api_test

import (
	"strings"
	"testing"
)

// TestTransfer: a transfer is answered with its end, the same for every repeat, and both sides show it.
func TestTransfer(t *testing.T) {
	s := openWithAdmin(t)
	from, to := s.account("C-1", "100"), s.account("C-2", "0.01")
	body := `{"to_customer_ref":"C-2","amount":` + cny("40") + `,"kind":"gift","pos_txn_id":"7"}`
	got := s.postOnce("k", from+"/transfers", body).is(201).has(fields{"status": "received",
		"kind": "gift", "amount.amount": "40.00", "allocations.0.class": "principal",
		"balance.total": "60.00", "to_account": strings.TrimPrefix(to, "/v1/accounts/")})
	again := s.postOnce("k", from+"/transfers", body).is(201)
	if again.text != got.text || again.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("repeated: got %s, want %s", again.text, got.text)
	}
	s.get(to + "/balances").is(200).has(fields{"balances.0.total": "40.01"})
	s.get(from + "/transfers/" + got.at("id")).is(200).has(fields{"status": "received",
		"allocations.0.amount": "40.00", "kind": "gift"})
	s.get(to + "/transfers/" + got.at("id")).is(200).has(fields{"status": "received",
		"from_account": got.at("account_id"), "allocations.0.cost": "40.00"})
	s.get(from + "/operations?pos_txn_id=7").is(200).has(fields{"data.0.kind": "transfer",
		"data.0.answer.status": "received", "data.1": ""})
	s.get(s.account("C-3", "1")+"/transfers/"+got.at("id")).refused(404, "not_found")

	s.postOnce("k", from+"/transfers", strings.Replace(body, "gift", "family", 1)).
		refused(422, "key_reused").has(fields{"errors.0.field": "kind"})
	s.post(from+"/transfers", `{"to_customer_ref":"C-9","amount":`+cny("1")+`,"kind":"gift"}`).
		refused(404, "not_found")
	s.post(from+"/transfers", `{"to_customer_ref":"C-1","amount":`+cny("1")+`,"kind":"gift"}`).
		refused(400, "malformed").has(fields{"errors.0.field": "to"})
	s.post(from+"/transfers", `{"amount":`+cny("1")+`}`).refused(400, "malformed").
		has(fields{"errors.0.field": "to", "errors.1.field": "kind"})
	s.post(from+"/transfers", `{"to_customer_ref":"C-2","amount":`+cny("61")+`,"kind":"gift"}`).
		refused(422, "insufficient_funds").has(fields{"shortfall.amount": "1.00"})
}

// TestTransferReturned: what the receiver refuses is back before the sender is told, and both keep
// saying so.
func TestTransferReturned(t *testing.T) {
	s := openWithAdmin(t)
	from, to := s.account("C-1", "100"), s.account("C-2", "1")
	s.post(to+"/freeze", `{"modes":["credit"],"reason":"x"}`).is(200)
	body := `{"to_customer_ref":"C-2","amount":` + cny("40") + `,"kind":"family"}`
	s.post(from+"/transfers?dry_run=true", body).refused(422, "transfer_returned")
	got := s.postOnce("k", from+"/transfers", body).refused(422, "transfer_returned").
		has(fields{"errors.0.field": "to", "errors.0.detail": "account_frozen"})
	s.get(from + "/balances").is(200).has(fields{"balances.0.total": "100.00"})
	s.post(to+"/unfreeze", `{"reason":"x"}`).is(200)
	if again := s.postOnce("k", from+"/transfers", body).is(422); again.text != got.text {
		t.Errorf("repeated: got %s, want %s", again.text, got.text)
	}
	id := strings.TrimPrefix(got.at("instance"), "urn:uuid:")
	s.get(from + "/transfers/" + id).is(200).has(fields{"status": "returned", "reason": "account_frozen"})
	s.get(to + "/transfers/" + id).is(200).has(fields{"status": "returned", "reason": "account_frozen"})
}

// TestMergeAndClose: an absorbed account shows its survivor and answers to its old names; a closed one
// only shows what was.
func TestMergeAndClose(t *testing.T) {
	s := openWithAdmin(t)
	from, to := s.account("C-1", "100"), s.account("C-2", "1")
	hold := s.post(from+"/holds", `{"amount":`+cny("1")+`}`).is(201)
	merge := `{"into_customer_ref":"C-2"}`
	s.post(from+"/merge", merge).refused(422, "holds_active")
	s.post(from+"/holds/"+hold.at("id")+"/void", `{}`).is(200)
	debit := s.post(from+"/debits", `{"amount":`+cny("10")+`}`).is(201)
	s.post(from+"/merge?dry_run=true", merge).is(200).has(fields{"status": "merged"})
	got := s.postOnce("k", from+"/merge", merge).is(200).has(fields{"status": "merged",
		"moved.0.amount.amount": "90.00"})
	survivor := strings.TrimPrefix(to, "/v1/accounts/")
	s.get(from).is(200).has(fields{"status": "merged", "survivor_id": survivor})
	if again := s.postOnce("k", from+"/merge", merge).is(200); again.text != got.text {
		t.Errorf("repeated: got %s, want %s", again.text, got.text)
	}
	s.post(from+"/top-ups", `{"amount":`+cny("5")+`}`).is(201).has(fields{"account_id": survivor,
		"balance.total": "96.00"})
	s.post(from+"/debits/"+debit.at("id")+"/refunds", `{"amount":`+cny("10")+`}`).is(201)
	s.get(to + "/balances").is(200).has(fields{"balances.0.total": "106.00"})
	s.post(to+"/merge", `{"into_customer_ref":"C-1"}`).refused(422, "transfer_returned")

	s.post(to+"/close", `{"reason":"x"}`).refused(422, "account_not_empty")
	s.post(to+"/debits", `{"amount":`+cny("106")+`}`).is(201)
	at := s.post(to+"/close", `{"reason":"x"}`).is(200).has(fields{"status": "closed"}).
		header.Get("Tillbook-Position")
	s.post(to+"/top-ups", `{"amount":`+cny("1")+`}`).refused(422, "account_not_open")
	s.post(to+"/freeze", `{"modes":["all"],"reason":"x"}`).refused(422, "account_not_open")
	s.post(from+"/debits", `{"amount":`+cny("1")+`}`).refused(422, "account_not_open")
	s.get(to).is(200).has(fields{"status": "closed"})
	s.get("/v1/accounts?status=closed&min_position=" + at).is(200).has(fields{
		"data.0.customer_ref": "C-2", "data.1": ""})
	s.get("/v1/accounts?status=merged").is(200).has(fields{"data.0.customer_ref": "C-1", "data.1": ""})
}
