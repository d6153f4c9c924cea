package api_test

import (
	"testing"

	"github.com/tillbook/tillbook/domain"
)

const admin = domain.RoleAdmin

func openWithAdmin(t testing.TB) *shop {
	t.Helper()
	s := open(t)
	s.addKey(domain.APIKey{Role: admin})
	return s
}

// fields are what an answer must say.
type fields = map[string]string

// TestTopUpAndDebit: two lots from one top-up, drawn pro rata, with what the account is left with.
func TestTopUpAndDebit(t *testing.T) {
	s := openWithAdmin(t)
	path := s.account("C-1001", "")
	topUp := s.post(path+"/top-ups", `{"amount":`+cny("100.00")+`,"bonus":`+cny("20.00")+`,
		"expires_at":null,"bonus_expires_at":"2099-01-01T00:00:00Z",
		"payments":[{"method":"cash","reference":"R-1"}],"store":"S1","terminal":"T1"}`).is(201)
	topUp.has(fields{"amount.amount": "100.00", "bonus.amount": "20.00", "lots.0.class": "principal",
		"lots.1.class": "bonus", "lots.1.expires_at": "2099-01-01T00:00:00Z", "lots.0.remaining": "100.00",
		"balance.total": "120.00", "balance.by_class.bonus": "20.00", "revision": "1"})
	debit := s.post(path+"/debits", `{"amount":`+cny("12.5")+`,"store":"S1",
		"terminal":"T1","pos_txn_id":"000123","occurred_at":"2026-01-01T08:00:00.1234567+08:00"}`).is(201)
	debit.has(fields{"amount.amount": "12.50", "allocations.0.amount": "10.42",
		"allocations.0.cost": "10.42", "allocations.1.amount": "2.08", "balance.available": "107.50",
		"occurred_at": "2026-01-01T00:00:00.123456Z", "reference.pos_txn_id": "000123",
		"reference.leg": "1", "revision": "2"})
	if got, want := debit.header.Get("Location"), path+"/debits/"+debit.at("id"); got != want {
		t.Errorf("got Location %s, want %s", got, want)
	}
	s.get(path + "/debits/" + debit.at("id")).is(200).
		has(fields{"status": "posted", "refunded_total.amount": "0.00"})
	s.get(path + "/top-ups/" + topUp.at("id")).is(200).has(fields{"status": "posted"})
	s.get(path + "/balances").is(200).has(fields{"balances.0.total": "107.50"})
	s.get(path + "/lots").is(200).has(fields{"data.0.remaining": "89.58"})
	s.post(path+"/debits", `{"amount":`+cny("200")+`,"accept_partial":true}`).is(201).
		has(fields{"amount.amount": "107.50", "requested.amount": "200.00", "remaining_due.amount": "92.50"})
	s.get(path + "/lots").is(200).has(fields{"data": "[]"})
	s.get(path + "/lots?state=all&limit=1").is(200).
		has(fields{"data.0.remaining": "0.00", "data.1": ""})
}

// TestHolds: placed, captured in parts, voided; a captured hold is not captured again.
func TestHolds(t *testing.T) {
	s := openWithAdmin(t)
	path := s.account("C-1", "100.00")
	hold := s.post(path+"/holds", `{"amount":`+cny("40")+`,"ttl_seconds":600}`).is(201)
	hold.has(fields{"status": "active", "balance.held": "40.00", "balance.available": "60.00"})
	at := path + "/holds/" + hold.at("id")
	s.get(path + "/holds").is(200).has(fields{"data.0.id": hold.at("id")})
	s.post(at+"/capture", `{"amount":`+cny("41")+`}`).refused(422, "capture_exceeds_hold")
	s.post(at+"/capture", `{"amount":`+cny("10")+`}`).is(201).
		has(fields{"hold_id": hold.at("id"), "final": "false", "balance.held": "30.00"})
	s.get(at).is(200).has(fields{"status": "active", "captured_total.amount": "10.00"})
	s.post(at+"/capture", `{"amount":`+cny("5")+`,"final":true}`).is(201).
		has(fields{"final": "true", "released.amount": "25.00", "balance.total": "85.00", "balance.held": "0.00"})
	s.get(at).is(200).has(fields{"status": "captured", "captured_total.amount": "15.00"})
	s.post(at+"/capture", `{"amount":`+cny("1")+`}`).refused(422, "hold_not_active")
	hold = s.post(path+"/holds", `{"amount":`+cny("40")+`}`).is(201)
	at = path + "/holds/" + hold.at("id")
	s.post(at+"/void", "").is(200).
		has(fields{"id": hold.at("id"), "status": "released", "balance.held": "0.00"})
	s.get(at).is(200).has(fields{"status": "released", "reason": "void"})
}

// TestRefundsAndReversals walks a debit and a top-up through their statuses.
func TestRefundsAndReversals(t *testing.T) {
	s := openWithAdmin(t)
	path := s.account("C-1", "")
	topUp := s.post(path+"/top-ups", `{"amount":`+cny("100")+`}`).is(201)
	debit := s.post(path+"/debits", `{"amount":`+cny("10")+`}`).is(201)
	at := path + "/debits/" + debit.at("id")
	refund := s.post(at+"/refunds", `{"amount":`+cny("4")+`,"reason":"cold"}`).is(201)
	refund.has(fields{"debit_id": debit.at("id"), "restorations.0.amount": "4.00", "forfeited": "[]",
		"refunded_total.amount": "4.00", "balance.total": "94.00"})
	s.get(path + "/refunds/" + refund.at("id")).is(200).has(fields{"status": "posted"})
	s.get(at).is(200).has(fields{"status": "partly_refunded"})
	s.post(at+"/refunds", `{"amount":`+cny("6.01")+`}`).refused(422, "refund_exceeds_debit")
	s.post(at+"/refunds", `{"amount":`+cny("6")+`}`).is(201)
	s.get(at).is(200).has(fields{"status": "refunded"})
	s.post(path+"/debits", `{"amount":`+cny("65")+`}`).is(201)
	reverse := path + "/top-ups/" + topUp.at("id") + "/reverse"
	s.post(reverse, `{"cause":"error"}`).refused(422, "top_up_spent")
	s.post(reverse, `{"cause":"chargeback"}`).is(201).
		has(fields{"principal_taken.amount": "35.00", "receivables.0.outstanding.amount": "65.00"})
	s.get(path + "/top-ups/" + topUp.at("id")).is(200).has(fields{"status": "reversed"})
	s.get(path).is(200).has(fields{"receivables.0.outstanding.amount": "65.00"})
	s.post(path+"/top-ups", `{"amount":`+cny("100")+`}`).is(201).
		has(fields{"settled.0.amount.amount": "65.00", "lots.0.remaining": "35.00", "balance.total": "35.00"})
}

// TestFreeze: what a freeze stops, and that it is seen.
func TestFreeze(t *testing.T) {
	s := openWithAdmin(t)
	path := s.account("C-1", "10")
	s.post(path+"/freeze", `{"modes":["debit"],"reason":"lost card"}`).is(200).
		has(fields{"frozen.0": "debit"})
	s.get(path).is(200).has(fields{"status": "frozen", "freezes.0.mode": "debit"})
	s.post(path+"/debits", `{"amount":`+cny("1")+`}`).refused(422, "account_frozen")
	s.post(path+"/unfreeze", `{"reason":"found"}`).is(200).has(fields{"unfrozen": "[]"})
	s.post(path+"/debits", `{"amount":`+cny("1")+`}`).is(201)
}

// TestCancel: by reference, what is there is reversed; where nothing is, a late original is
// refused.
func TestCancel(t *testing.T) {
	s := openWithAdmin(t)
	path := s.account("C-1", "100")
	const ref = `"store":"S1","terminal":"T1","pos_txn_id":"000123"`
	debit := s.post(path+"/debits", `{"amount":`+cny("10")+`,`+ref+`}`).is(201)
	cancelled := s.post(path+"/operations/cancel", `{`+ref+`}`).is(200)
	cancelled.has(fields{"found": "posted", "reversed.0.kind": "debit", "reversed.0.id": debit.at("id"),
		"balance.total": "100.00"})
	again := s.post(path+"/operations/cancel", `{`+ref+`}`).is(200)
	if again.text != cancelled.text {
		t.Errorf("to cancel again: got %s, want %s", again.text, cancelled.text)
	}
	s.get(path + "/debits/" + debit.at("id")).is(200).has(fields{"status": "reversed"})
	for _, list := range []string{path + "/operations", "/v1/operations"} {
		s.get(list + "?store=S1&terminal=T1&pos_txn_id=000123").is(200).
			has(fields{"data.0.kind": "debit", "data.0.status": "cancelled", "data.0.answer.id": debit.at("id"),
				"data.1.kind": "cancel"})
		s.get(list + "?store=S1&terminal=T1&pos_txn_id=nothing").is(200).
			has(fields{"data": "[]"})
	}
	const late = `"store":"S1","terminal":"T1","pos_txn_id":"000124"`
	s.post(path+"/operations/cancel", `{`+late+`}`).is(200).
		has(fields{"found": "nothing", "reversed": "[]", "balance": ""})
	s.post(path+"/debits", `{"amount":`+cny("10")+`,`+late+`}`).
		refused(409, "reference_cancelled")
	const declined = `"store":"S1","terminal":"T1","pos_txn_id":"000125"`
	s.post(path+"/debits", `{"amount":`+cny("1000")+`,`+declined+`}`).is(422)
	s.get("/v1/operations?store=S1&terminal=T1&pos_txn_id=000125").is(200).
		has(fields{"data.0.status": "declined", "data.0.kind": "debit", "data.0.answer.code": "insufficient_funds"})
	s.post(path+"/operations/cancel", `{`+declined+`}`).is(200).has(fields{"found": "declined"})
}

// TestLists: what comes from the read models, as current as asked for.
func TestLists(t *testing.T) {
	s := openWithAdmin(t)
	s.account("C-1", "10")
	path := s.account("C-2", "")
	last := s.post(path+"/top-ups", `{"amount":`+cny("10")+`}`).is(201)
	fresh := "min_position=" + last.header.Get("Tillbook-Position")
	page := s.get("/v1/accounts?limit=1&" + fresh).is(200)
	page.has(fields{"data.0.customer_ref": "C-1", "data.1": ""})
	s.get("/v1/accounts?limit=1&cursor=" + page.at("next")).is(200).
		has(fields{"data.0.customer_ref": "C-2", "next": ""})
	s.get("/v1/accounts?customer_ref=C-2").is(200).has(fields{"data.0.revision": "1"})
	s.get("/v1/accounts?customer_ref=C-3").is(200).has(fields{"data": "[]"})
	s.get("/v1/accounts?cursor=nonsense").refused(400, "malformed")
	s.get("/v1/audit?type=TopUpPosted&" + fresh).is(200).
		has(fields{"data.0.type": "TopUpPosted", "data.0.before.total": "0.00",
			"data.0.after.total": "10.00"})
	history := s.get(path + "/history?limit=1&" + fresh).is(200)
	history.has(fields{"data.0.type": "TopUpPosted", "data.0.balance_after": "10.00",
		"data.0.moves.0.lot_id": last.at("lots.0.id"), "data.0.moves.0.amount": "10.00",
		"data.0.moves.0.held": "0.00", "data.0.moves.0.cost": "10.00", "data.1": ""})
	s.get(path + "/history?cursor=" + history.at("next")).is(200).
		has(fields{"data.0.type": "AccountOpened", "next": ""})
	for _, list := range []string{"/v1/accounts", "/v1/audit", path + "/balances"} {
		s.get(list+"?min_position=999999&max_wait=1ms").
			refused(503, "read_model_behind")
	}
	s.get("/v1/projections").is(200).has(fields{"data.0.name": "history"})
}

// TestPast: balances and lots as they were, on both axes.
func TestPast(t *testing.T) {
	s := openWithAdmin(t)
	path := s.account("C-1", "100")
	late := s.post(path+"/debits", `{"amount":`+cny("30")+`,
		"occurred_at":"2020-01-01T00:00:00Z"}`).is(201)
	s.post(path+"/debits", `{"amount":`+cny("5")+`}`).is(201)
	at := "?at=" + late.at("recorded_at")
	s.get(path + "/balances" + at).is(200).has(fields{"balances.0.available": "70.00",
		"query.axis": "recorded", "query.at": late.at("recorded_at")})
	s.get(path + "/lots" + at).is(200).has(fields{"data.0.remaining": "70.00"})
	s.get(path + "/balances?at=2020-06-01T00:00:00Z&axis=effective").is(200).
		has(fields{"balances.0.total": "-30.00", "query.axis": "effective"})
	s.get(path + "/balances?at=2020-06-01T00:00:00Z").is(200).has(fields{"balances": "[]"})
	s.get(path+"/balances?axis=effective").refused(400, "malformed")
	s.get(path+"/balances?at=9000-01-01T00:00:00Z").refused(400, "malformed")
}
