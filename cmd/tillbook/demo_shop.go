package main

import "github.com/tillbook/tillbook/domain"

// demoCustomer is the customer whose account the demo's commands use; demoLast the ticket of the last
// thing asked.
const (
	demoCustomer = "C-1001"
	demoLast     = "999999"
)

const (
	till  = domain.RolePOS
	owner = domain.RoleAdmin
)

// demoVisits are the shop: each feature once.
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

	// and is declined
	{till, "yacht", "POST /v1/accounts/{ann.id}/debits", `{"amount":{"amount":"500.00","unit":"CNY"},
		"store":"S1","terminal":"T1","pos_txn_id":"999999"}`, "insufficient_funds"},
}
