package api_test

import (
	"strings"
	"testing"

	"github.com/tillbook/tillbook/domain"
)

// as posts with another role's key.
func (s *shop) as(role domain.Role, path, body string) answer {
	s.Helper()
	return s.ask(role, "POST", path, body).send()
}

func openChecked(t *testing.T) *shop {
	s := openWithAdmin(t)
	s.addKey(domain.APIKey{Role: domain.RoleFinance})
	s.addKey(domain.APIKey{Role: domain.RoleApprover})
	return s
}

// TestWithdrawal: every step of a withdrawal is answered as documented, and the same again.
func TestWithdrawal(t *testing.T) {
	s := openChecked(t)
	path := s.account("C-1", "100")
	ask := `{"unit":"CNY","cause":"provider","payee_method":"bank","pos_txn_id":"7"}`
	s.post(path+"/withdrawals?dry_run=true", ask).is(200).has(fields{"status": "requested"})
	got := s.postOnce("w", path+"/withdrawals", ask).is(201).has(fields{"status": "requested",
		"variants.0.amount.amount": "100.00", "balance.held": "100.00"})
	if again := s.postOnce("w", path+"/withdrawals", ask).is(201); again.text != got.text {
		t.Errorf("repeated: got %s, want %s", again.text, got.text)
	}
	s.postOnce("w", path+"/withdrawals", strings.Replace(ask, "bank", "cash", 1)).
		refused(422, "key_reused").has(fields{"errors.0.field": "payee_method"})
	one := path + "/withdrawals/" + got.at("id")
	s.get(one).is(200).has(fields{"status": "requested"})
	s.post(one+"/approve", "").refused(422, "maker_is_checker")
	s.as(domain.RoleApprover, one+"/approve", `{"variant":"list_price"}`).is(200).
		has(fields{"variant": "list_price"})
	s.get(one).is(200).has(fields{"status": "approved"})
	s.postOnce("w2", path+"/withdrawals", ask).refused(409, "reference_used")
	s.postOnce("w3", path+"/withdrawals", strings.Replace(ask, `"7"`, `"8"`, 1)).
		refused(422, "withdrawal_open")
	s.post(one+"/settle", `{"outcome":"lost"}`).refused(400, "malformed")
	pay := `{"outcome":"paid","payout":` + cny("99.50") + `,"payment_reference":"BT-1"}`
	got = s.postOnce("p", one+"/settle", pay).is(200).has(fields{"status": "paid",
		"difference": "-0.50", "allocations.0.cost": "100.00", "balance.total": "0.00"})
	if again := s.postOnce("p", one+"/settle", pay).is(200); again.text != got.text {
		t.Errorf("repeated: got %s, want %s", again.text, got.text)
	}
	s.get(one).is(200).has(fields{"status": "paid", "payout.amount": "99.50"})
	s.get(path + "/operations?pos_txn_id=7").is(200).has(fields{"data.0.kind": "withdrawal"})
	s.get(path + "/withdrawals?min_position=" + got.header.Get("Tillbook-Position")).is(200).
		has(fields{"data.0.status": "paid", "data.0.payout.amount": "99.50", "data.1": ""})

	other := s.account("C-2", "5")
	for i, end := range []string{"reject", "settle"} {
		id := s.post(other+"/withdrawals", strings.Replace(ask, `,"pos_txn_id":"7"`, "", 1)).is(201).at("id")
		body := `{"reason":"x"}`
		if i == 1 {
			s.as(domain.RoleApprover, other+"/withdrawals/"+id+"/approve", "").is(200)
			body = `{"outcome":"failed","reason":"x"}`
		}
		s.post(other+"/withdrawals/"+id+"/"+end, body).is(200).has(fields{"balance.held": "0.00"})
		s.get(other + "/withdrawals/" + id).is(200).has(fields{"reason": "x"})
	}
}

// TestAdjustment: every step of an adjustment is answered as documented.
func TestAdjustment(t *testing.T) {
	s := openChecked(t)
	path := s.account("C-1", "100")
	body := func(direction, of string) string {
		return `{"amount":` + cny("4") + `,"direction":"` + direction + `",` + of +
			`,"reason_code":"other","note":"n","attachment_hash":"` + strings.Repeat("0a", 32) + `"}`
	}
	lot := `"lot_id":"` + s.get(path+"/lots").is(200).at("data.0.id") + `"`
	debit := s.post(path+"/adjustments", body("debit", lot)).is(201).has(fields{"status": "proposed"})
	credit := s.post(path+"/adjustments", body("credit", `"class":"bonus"`)).is(201)
	again := s.post(path+"/adjustments", body("credit", lot)).is(201)
	one := func(a answer) string { return path + "/adjustments/" + a.at("id") }
	s.post(path+"/adjustments", body("credit", `"lot_id":"x"`)).refused(400, "malformed")
	s.get(one(debit)).is(200).has(fields{"status": "proposed"})
	s.post(one(debit)+"/approve", "").refused(422, "maker_is_checker")
	s.as(domain.RoleApprover, one(debit)+"/approve", "").is(200).
		has(fields{"status": "approved", "allocations.0.amount": "4.00", "balance.total": "96.00"})
	s.as(domain.RoleApprover, one(credit)+"/approve", "{}").is(200).
		has(fields{"lots.0.class": "bonus", "lots.0.remaining": "4.00"})
	got := s.as(domain.RoleFinance, one(again)+"/reject", `{"reason":"no"}`).is(200).
		has(fields{"status": "rejected"})
	s.get(one(debit)).is(200).has(fields{"status": "approved"})
	s.get(one(again)).is(200).has(fields{"status": "rejected"})
	s.get(path + "/adjustments?min_position=" + got.header.Get("Tillbook-Position")).is(200).
		has(fields{"data.0.status": "rejected", "data.1.class": "bonus", "data.2.lot_id": debit.at("lot_id")})
}

// TestMandate: every step of a mandate is answered as documented.
func TestMandate(t *testing.T) {
	s := openChecked(t)
	path := s.account("C-1", "100")
	set := `{"amount":` + cny("4") + `,"calendar":{"every":"month","day":31},"starts":"2100-02-01T00:00:00Z"}`
	got := s.postOnce("m", path+"/mandates", set).is(201).
		has(fields{"status": "active", "next_at": "2100-02-28T00:00:00Z", "cap.amount": "4.00"})
	if again := s.postOnce("m", path+"/mandates", set).is(201); again.text != got.text {
		t.Errorf("repeated: got %s, want %s", again.text, got.text)
	}
	one := path + "/mandates/" + got.at("id")
	s.get(one).is(200).has(fields{"failed": "0", "period": "2100-02-28T00:00:00Z"})
	ended := s.post(one+"/end", `{"reason":"x"}`).is(200).has(fields{"status": "ended"})
	s.post(one+"/end", `{"reason":"x"}`).refused(422, "mandate_not_active")
	s.get(one).is(200).has(fields{"status": "ended", "reason": "x"})
	s.get(path + "/mandates?min_position=" + ended.header.Get("Tillbook-Position")).is(200).
		has(fields{"data.0.status": "ended", "data.0.charged": "0", "data.0.calendar.day": "31"})
}

// TestListsOfNobody: what an account has is asked of an account that there is.
func TestListsOfNobody(t *testing.T) {
	s := openWithAdmin(t)
	nobody := "/v1/accounts/" + domain.AccountID("nobody").String()
	for _, list := range []string{"withdrawals", "adjustments", "mandates", "credentials", "receivables",
		"interactions", "lots", "history", "holds", "terms"} {
		s.get(nobody+"/"+list).refused(404, "not_found")
	}
}
