package main

import "github.com/tillbook/tillbook/domain"

// demoCustomer is the customer whose account the demo's commands use; demoLast the ticket of the last
// thing asked.
const (
	demoCustomer = "C-1001"
	demoLast     = "999999"
)

const (
	till    = domain.RolePOS
	owner   = domain.RoleAdmin
	buying  = domain.RoleMarketing
	auditor = domain.RoleFinance
	helper  = domain.RoleSupport
	checker = domain.RoleApprover
)

// demoVisits are the shop's value, people and days: each feature once.
var demoVisits = []visit{
	{owner, "store", "POST /v1/stores", `{"id":"S1","name":"Harbour Street","zone":"Asia/Shanghai",
		"day_cut":"04:00","entity":"Harbour Trading"}`, ""},

	// a customer tops up with a bonus, spends, and gets a part back
	{till, "ann", "POST /v1/accounts", `{"customer_ref":"C-1001"}`, ""},
	{owner, "fill", "POST /v1/accounts/{ann.id}/top-ups", `{"amount":{"amount":"100.00","unit":"CNY"},
		"bonus":{"amount":"30.00","unit":"CNY"},"payments":[{"method":"cash","reference":"R-1"}],
		"store":"S1","terminal":"T1","pos_txn_id":"000001"}`, ""},
	{till, "tea", "POST /v1/accounts/{ann.id}/debits", `{"amount":{"amount":"7.77","unit":"CNY"},
		"store":"S1","terminal":"T1","pos_txn_id":"000002"}`, ""},
	{till, "coffee", "POST /v1/accounts/{ann.id}/debits", `{"amount":{"amount":"26.00","unit":"CNY"},
		"store":"S1","terminal":"T1","pos_txn_id":"000003"}`, ""},
	{till, "cold", "POST /v1/accounts/{ann.id}/debits/{coffee.id}/refunds",
		`{"amount":{"amount":"6.00","unit":"CNY"},"reason":"cold"}`, ""},

	// another one holds value for an order and takes a part of it
	{till, "bob", "POST /v1/accounts", `{"customer_ref":"C-1002"}`, ""},
	{till, "card", "POST /v1/accounts/{bob.id}/top-ups", `{"amount":{"amount":"50.00","unit":"CNY"},
		"payments":[{"method":"card","reference":"R-2"}]}`, ""},
	{till, "order", "POST /v1/accounts/{bob.id}/holds",
		`{"amount":{"amount":"40.00","unit":"CNY"},"ttl_seconds":604800}`, ""},
	{till, "part", "POST /v1/accounts/{bob.id}/holds/{order.id}/capture",
		`{"amount":{"amount":"15.00","unit":"CNY"}}`, ""},

	// members of a club have a program: a bonus by steps, cashback, limits, reminders
	{till, "cleo", "POST /v1/accounts", `{"customer_ref":"C-1003"}`, ""},
	{till, "dan", "POST /v1/accounts", `{"customer_ref":"C-1004"}`, ""},
	{buying, "club", "POST /v1/programs", `{"id":"club","accounts":["{cleo.id}","{dan.id}"],"terms":{
		"zone":"Asia/Shanghai","ladder":[
			{"id":"ten","from":{"amount":"100.00","unit":"CNY"},"percent":"10"},
			{"id":"twenty","from":{"amount":"500.00","unit":"CNY"},"percent":"20"}],
		"cashback":[{"id":"two","unit":"CNY","percent":"2"}],
		"expiry":{"bonus":{"end_of":"year","months":12},"cashback":{"days":90}},
		"limits":[{"unit":"CNY","max_debit":{"amount":"300.00","unit":"CNY"}}],
		"reminders":[30,7],"dormancy":[180,365],
		"approvals":[{"unit":"CNY","unreferenced_refund":{"amount":"50.00","unit":"CNY"}}]},
		"terms_text":{"en":"The bonus ends with next year.","zh":"赠金明年年底到期。"}}`, ""},
	{till, "bank", "POST /v1/accounts/{cleo.id}/top-ups", `{"amount":{"amount":"500.00","unit":"CNY"},
		"pending":true}`, ""},
	{till, "came", "POST /v1/accounts/{cleo.id}/top-ups/{bank.id}/post",
		`{"payments":[{"method":"transfer","reference":"BANK-77"}]}`, ""},
	{till, "suit", "POST /v1/accounts/{cleo.id}/debits", `{"amount":{"amount":"240.00","unit":"CNY"},
		"store":"S1"}`, ""},
	{buying, "rehearsed", "POST /v1/programs/club/versions?dry_run=true&from={clock.earlier}&to={clock.later}",
		`{"accounts":["{cleo.id}","{dan.id}"],"terms":{"ladder":[
			{"id":"ten","from":{"amount":"500.00","unit":"CNY"},"percent":"10"}]}}`, ""},
	{till, "over", "POST /v1/accounts/{cleo.id}/debits", `{"amount":{"amount":"300.01","unit":"CNY"}}`,
		"limit_exceeded"},

	// value is given, taken back, and lasts longer
	{helper, "sorry", "POST /v1/accounts/{cleo.id}/credits", `{"amount":{"amount":"10.00","unit":"CNY"},
		"cause":"goodwill","reason":"a button was missing"}`, ""},
	{auditor, "nobill", "POST /v1/accounts/{cleo.id}/unreferenced-refunds",
		`{"amount":{"amount":"18.00","unit":"CNY"},"reason":"no receipt","store":"S1"}`, ""},
	{auditor, "undone", "POST /v1/accounts/{cleo.id}/credits/{nobill.id}/revoke",
		`{"reason":"the receipt was found"}`, ""},
	{auditor, "longer", "POST /v1/accounts/{cleo.id}/lots/{came.lots.1.id}/extend",
		`{"expires_at":"2099-01-01T00:00:00Z","reason":"was abroad"}`, ""},

	// it goes to somebody else; an account that is given up is merged, and one that is empty closed
	{till, "gift", "POST /v1/accounts/{cleo.id}/transfers", `{"to":"{dan.id}",
		"amount":{"amount":"55.00","unit":"CNY"},"kind":"gift"}`, ""},
	{till, "eve", "POST /v1/accounts", `{"customer_ref":"C-1005"}`, ""},
	{till, "evefill", "POST /v1/accounts/{eve.id}/top-ups",
		`{"amount":{"amount":"20.00","unit":"CNY"}}`, ""},
	{helper, "merge", "POST /v1/accounts/{eve.id}/merge", `{"into":"{dan.id}"}`, ""},
	{till, "fay", "POST /v1/accounts", `{"customer_ref":"C-1006"}`, ""},
	{helper, "closed", "POST /v1/accounts/{fay.id}/close", `{"reason":"has moved away"}`, ""},
	{till, "tooLate", "POST /v1/accounts/{fay.id}/top-ups",
		`{"amount":{"amount":"20.00","unit":"CNY"}}`, "account_not_open"},

	// the bank takes a payment back: what was spent of it is owed, and given up in the end
	{till, "gus", "POST /v1/accounts", `{"customer_ref":"C-1007"}`, ""},
	{till, "gusfill", "POST /v1/accounts/{gus.id}/top-ups", `{"amount":{"amount":"60.00","unit":"CNY"},
		"payments":[{"method":"card","reference":"R-7"}]}`, ""},
	{till, "gusspends", "POST /v1/accounts/{gus.id}/debits",
		`{"amount":{"amount":"45.00","unit":"CNY"}}`, ""},
	{auditor, "chargeback", "POST /v1/accounts/{gus.id}/top-ups/{gusfill.id}/reverse",
		`{"cause":"chargeback","payment_reference":"CB-1"}`, ""},
	{auditor, "given", "POST /v1/accounts/{gus.id}/receivables/{chargeback.receivable_id}/write-off",
		`{"reason":"the customer cannot be found"}`, ""},

	// a customer wants their money back: 600.00 at the ratio, 520.00 at list price, and two people decide
	{till, "hal", "POST /v1/accounts", `{"customer_ref":"C-1008"}`, ""},
	{owner, "halfill", "POST /v1/accounts/{hal.id}/top-ups",
		`{"amount":{"amount":"1000.00","unit":"CNY"},"bonus":{"amount":"200.00","unit":"CNY"}}`, ""},
	{till, "halspends", "POST /v1/accounts/{hal.id}/debits", `{"amount":{"amount":"480.00","unit":"CNY"},
		"list_amount":{"amount":"480.00","unit":"CNY"}}`, ""},
	{auditor, "back", "POST /v1/accounts/{hal.id}/withdrawals",
		`{"unit":"CNY","cause":"customer","payee_method":"bank"}`, ""},
	{checker, "agreed", "POST /v1/accounts/{hal.id}/withdrawals/{back.id}/approve", `{}`, ""},
	{auditor, "paid", "POST /v1/accounts/{hal.id}/withdrawals/{back.id}/settle", `{"outcome":"paid",
		"payout":{"amount":"520.00","unit":"CNY"},"payment_reference":"BT-1"}`, ""},

	// a mistake is corrected by two people, and a fee is taken every month
	{auditor, "correct", "POST /v1/accounts/{hal.id}/adjustments",
		`{"amount":{"amount":"30.00","unit":"CNY"},"direction":"credit","class":"compensation",
		"reason_code":"dispute",
		"attachment_hash":"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}`, ""},
	{checker, "corrected", "POST /v1/accounts/{hal.id}/adjustments/{correct.id}/approve", `{}`, ""},
	{auditor, "fee", "POST /v1/accounts/{hal.id}/mandates", `{"amount":{"amount":"5.00","unit":"CNY"},
		"calendar":{"every":"month","day":31,"at":"09:00","zone":"Asia/Shanghai"},
		"description":"Wardrobe"}`, ""},

	// who the customer is, sealed; a card that finds the account; what the customer had to say
	{helper, "profile", "PUT /v1/customers/{ann.id}", `{"name":"Ann Lee","phone":"+86 138 0013 8000",
		"tags":["regular"],"consents":{"messages":true}}`, ""},
	{helper, "plastic", "POST /v1/accounts/{ann.id}/credentials",
		`{"kind":"card","value":"6200 1234 5678"}`, ""},
	{till, "found", "POST /v1/lookups", `{"card":"620012345678"}`, ""},
	{helper, "said", "POST /v1/accounts/{found.account_id}/interactions",
		`{"kind":"complaint","rating":2,"text":"The coffee was cold.","about":"000003"}`, ""},

	// a terminal's day: a shift, what the till did while it was cut off, the close
	{till, "shift", "POST /v1/shifts", `{"store":"S1","terminal":"T2","shift":"morning"}`, ""},
	{till, "sale", "POST /v1/accounts/{dan.id}/debits", `{"amount":{"amount":"5.00","unit":"CNY"},
		"store":"S1","terminal":"T2","shift":"morning","pos_txn_id":"000100"}`, ""},
	{till, "batch", "POST /v1/batches", `{"store":"S1","terminal":"T2","items":[
		{"seq":1,"operation":"debit","customer_ref":"C-1007","amount":{"amount":"4.00","unit":"CNY"},
			"shift":"morning","pos_txn_id":"000101","occurred_at":"{clock.earlier}"}]}`, ""},
	{till, "counted", "POST /v1/shifts/{shift.id}/close", `{"totals":[
		{"type":"debit","count":2,"amount":{"amount":"10.00","unit":"CNY"}}]}`, ""},

	{auditor, "file", "GET /v1/reports/settlement?store=S1&terminal=T2&shift=morning", ``, ""},

	// a customer asks to be forgotten: the books stay
	{helper, "known", "PUT /v1/customers/{bob.id}", `{"name":"Bob Hu","email":"bob@example.com"}`, ""},
	{owner, "forgotten", "POST /v1/customers/{bob.id}/erase", `{"reason":"asked"}`, ""},

	// many at once, and who is told of it
	{till, "bulk", "POST /v1/bulk", `[{"key":"demo-bulk-1","operation":"debit","customer_ref":"C-1004",
		"amount":{"amount":"1.00","unit":"CNY"}},{"key":"demo-bulk-2","operation":"debit",
		"customer_ref":"C-1004","amount":{"amount":"9000.00","unit":"CNY"}}]`, ""},
	{buying, "spring", "POST /v1/grants", `{"accounts":["{gus.id}","C-1008"],
		"amount":{"amount":"5.00","unit":"CNY"},"cause":"promo","reason":"spring","campaign":"SPRING"}`, ""},
	{owner, "hook", "POST /v1/webhooks", `{"url":"https://shop.invalid/tillbook",
		"types":["AccountClosed"]}`, ""},
}

// demoEnd are the last visits: a sale is declined.
var demoEnd = []visit{
	{till, "yacht", "POST /v1/accounts/{ann.id}/debits", `{"amount":{"amount":"500.00","unit":"CNY"},
		"store":"S1","terminal":"T1","pos_txn_id":"999999"}`, "insufficient_funds"},
}
