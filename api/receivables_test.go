package api_test

import "testing"

// TestReceivables: what a chargeback leaves owed is listed, and written off.
func TestReceivables(t *testing.T) {
	s := openWithAdmin(t)
	path := s.account("C-1", "")
	topUp := s.post(path+"/top-ups", `{"amount":`+cny("100")+`,"bonus":`+cny("30")+`}`).is(201)
	s.get(path + "/receivables").is(200).has(fields{"data": "[]"})
	s.post(path+"/debits", `{"amount":`+cny("65")+`}`).is(201)
	s.post(path+"/top-ups/"+topUp.at("id")+"/reverse", `{"cause":"chargeback"}`).is(201)
	owed := s.get(path + "/receivables").is(200).has(fields{"data.0.outstanding.amount": "50.00",
		"data.0.cause": "chargeback", "data.0.top_up_id": topUp.at("id")})
	at := path + "/receivables/" + owed.at("data.0.receivable_id") + "/write-off"
	s.post(at, `{}`).refused(400, "malformed")
	s.post(at, `{"reason":"gone","pos_txn_id":"7"}`).is(200).
		has(fields{"amount.amount": "50.00", "outstanding.amount": "0.00", "by": "write_off",
			"balance.total": "0.00"})
	s.post(at, `{"reason":"gone"}`).refused(404, "not_found")
	s.get(path + "/receivables").is(200).has(fields{"data": "[]"})
	s.get(path + "/operations?pos_txn_id=7").is(200).has(fields{"data.0.kind": "write_off"})
	s.get("/v1/operations?pos_txn_id=7").is(200).has(fields{"data.0.kind": "write_off"})
}
