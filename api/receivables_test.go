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

// TestMergedReceivables: what a chargeback leaves owed of an account that was merged is its survivor's, and
// answered by the id that is written off there.
func TestMergedReceivables(t *testing.T) {
	s := openWithAdmin(t)
	path, survivor := s.account("C-1", ""), s.account("C-2", "")
	topUp := s.post(path+"/top-ups", `{"amount":`+cny("100")+`,"bonus":`+cny("30")+`}`).is(201)
	s.post(path+"/debits", `{"amount":`+cny("65")+`}`).is(201)
	s.post(path+"/merge", `{"into_customer_ref":"C-2"}`).is(200)
	owed := s.post(path+"/top-ups/"+topUp.at("id")+"/reverse", `{"cause":"chargeback"}`).is(201).
		has(fields{"receivables.0.amount.amount": "100.00", "receivables.0.top_up_id": topUp.at("id")})
	s.get(path + "/receivables").is(200).has(fields{"data": "[]"})
	s.get(survivor + "/receivables").is(200).has(fields{"data.0.outstanding.amount": "50.00",
		"data.0.receivable_id": owed.at("receivable_id"), "data.0.top_up_id": topUp.at("id")})
	s.post(path+"/receivables/"+owed.at("receivable_id")+"/write-off", `{"reason":"gone"}`).is(200).
		has(fields{"amount.amount": "50.00", "outstanding.amount": "0.00"})
	s.get(survivor + "/receivables").is(200).has(fields{"data": "[]"})
}
