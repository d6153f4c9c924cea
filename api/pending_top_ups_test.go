package api_test

import "testing"

// TestPendingTopUps walks top-ups whose money is still to come through their statuses.
func TestPendingTopUps(t *testing.T) {
	s := openWithAdmin(t)
	path := s.account("C-1", "")
	begin := func(reference string) string {
		t.Helper()
		begun := s.post(path+"/top-ups", `{"amount":`+cny("100")+`,"pending":true,"payments":[
			{"method":"cash","amount":`+cny("60")+`},
			{"method":"transfer","amount":`+cny("40")+reference+`}]}`).is(201)
		at := path + "/top-ups/" + begun.at("id")
		begun.has(fields{"status": "pending", "balance": "", "payments.0.amount.amount": "60.00"})
		if got := begun.header.Get("Location"); got != at {
			t.Errorf("got Location %s, want %s", got, at)
		}
		s.get(at).is(200).has(fields{"status": "pending", "payments.1.method": "transfer"})
		return at
	}
	at := begin("")
	s.post(at+"/reverse", `{"cause":"error"}`).refused(422, "not_cancellable")
	s.post(at+"/post", `{"payments":[{"method":"cash"}]}`).refused(400, "malformed")
	posted := s.post(at+"/post", `{"payments":[{"method":"cash","amount":`+cny("60")+`},
		{"method":"transfer","amount":`+cny("40")+`,"reference":"B-1"}]}`).is(201).
		has(fields{"balance.total": "100.00", "payments.1.reference": "B-1"})
	if got := posted.header.Get("Location"); got != at {
		t.Errorf("got Location %s, want %s", got, at)
	}
	s.get(at).is(200).has(fields{"status": "posted", "id": posted.at("id"), "lots.0.face": "100.00"})
	s.post(at+"/post", "").refused(422, "top_up_not_pending")
	s.post(path+"/top-ups", `{"amount":`+cny("1")+`,"payments":[{"method":"transfer",
		"reference":"B-1"}]}`).refused(409, "reference_used")
	s.post(path+"/debits", `{"amount":`+cny("30")+`}`).is(201)
	s.post(at+"/reverse", `{"cause":"chargeback","payment_reference":"B-1"}`).is(201).
		has(fields{"payments.0.method": "cash", "payments.1.amount.amount": "40.00",
			"receivables.0.outstanding.amount": "30.00", "balance.total": "0.00"})
	s.get(at).is(200).has(fields{"status": "reversed"})

	at = begin(`,"reference":"B-2"`)
	s.post(at+"/fail", `{"reason":"no money came"}`).is(200).
		has(fields{"status": "failed", "reason": "no money came"})
	s.get(at).is(200).has(fields{"status": "failed", "reason": "no money came"})
	s.post(at+"/post", "").refused(422, "top_up_not_pending")
	s.get(path+"/top-ups/"+path[len("/v1/accounts/"):]).refused(404, "not_found")

	s.post(path+"/top-ups", `{"amount":`+cny("5")+`,"pending":true,"pos_txn_id":"7"}`).is(201)
	s.post(path+"/operations/cancel", `{"pos_txn_id":"7"}`).is(200).
		has(fields{"found": "posted", "reversed.0.kind": "top_up", "reversed.0.amount.amount": "5.00"})
	s.get(path + "/operations?pos_txn_id=7").is(200).has(fields{"data.0.status": "cancelled"})
}
