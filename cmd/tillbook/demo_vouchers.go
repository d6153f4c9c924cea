package main

// demoVouchers are the shop's coupons, codes, points, tiers and whole sales.
var demoVouchers = []visit{
	// a café has points and tiers
	{owner, "pts", "POST /v1/units", `{"code":"PTS","kind":"points","scale":0,"name":"Points"}`, ""},
	{till, "ivy", "POST /v1/accounts", `{"customer_ref":"C-1009"}`, ""},
	{till, "jan", "POST /v1/accounts", `{"customer_ref":"C-1010"}`, ""},
	{buying, "cafe", "POST /v1/programs", `{"id":"cafe","accounts":["{ivy.id}","{jan.id}"],"terms":{
		"zone":"Asia/Shanghai",
		"points":[{"id":"one","points":{"amount":"1","unit":"PTS"},"per":{"amount":"1.00","unit":"CNY"},
			"tiers":{"gold":"1.5"},"expiry":{"end_of":"year","months":12},
			"spend":{"points":{"amount":"10","unit":"PTS"},"worth":{"amount":"0.10","unit":"CNY"}},
			"conversions":[{"id":"cash","into":"credit","points":{"amount":"100","unit":"PTS"},
				"credit":{"amount":"1.00","unit":"CNY"}}]}],
		"tiers":{"metric":"spend","unit":"CNY","window":{"kind":"calendar","of":"year"},
			"downgrade":"one_down","grace_days":30,"tiers":[{"name":"plain"},
			{"name":"silver","from":"100.00"},
			{"name":"gold","from":"300.00","benefits":{"discount":"5"}}]}}}`, ""},

	// a campaign is drafted by one person, approved by another, and activated
	{buying, "autumn", "POST /v1/campaigns", `{"id":"autumn","name":"Autumn",
		"budgets":{"issues":1000,"redemptions":500,"discount":{"amount":"5000.00","unit":"CNY"}},
		"partner":"bank-7","cost_share":"50"}`, ""},
	{buying, "ten", "POST /v1/campaigns/autumn/definitions", `{"id":"ten-off","kind":"threshold_off",
		"unit":"CNY","value":{"amount":{"amount":"10.00","unit":"CNY"}},"validity":{"days":30},
		"restrictions":{"min_spend":{"amount":"100.00","unit":"CNY"}},"stacking":{"group":"common"},
		"promo_code":{"code":"AUTUMN26"},
		"terms_text":{"en":"10 off from 100.","zh":"满100减10。"}}`, ""},
	{buying, "bun", "POST /v1/campaigns/autumn/definitions", `{"id":"bun","kind":"exchange","unit":"CNY",
		"value":{"products":["bun"],"get":1},"validity":{"days":30},"stacking":{"group":"common"}}`, ""},
	{checker, "approved", "POST /v1/campaigns/autumn/approve", `{}`, ""},
	{buying, "runs", "POST /v1/campaigns/autumn/activate", `{}`, ""},

	// its coupons are claimed with the promo code, granted by name, and to a segment; a batch of codes waits
	{till, "claimed", "POST /v1/accounts/{ivy.id}/coupons/claim", `{"code":"autumn26"}`, ""},
	{buying, "granted", "POST /v1/accounts/{ivy.id}/coupons",
		`{"campaign":"autumn","definition":"bun"}`, ""},
	{buying, "regulars", "POST /v1/segments", `{"id":"regulars","name":"Regulars",
		"filter":{"field":"tag","op":"eq","value":"regular"}}`, ""},
	{buying, "mailing", "POST /v1/campaigns/autumn/grants",
		`{"definition":"bun","segment":"regulars","reason":"thank you"}`, ""},
	{buying, "codes", "POST /v1/campaigns/autumn/codes", `{"definition":"bun@1","count":100}`, ""},

	// a sale: both coupons, points, stored value, and cash for the rest; then a part of it comes back
	{till, "ivyfill", "POST /v1/accounts/{ivy.id}/top-ups",
		`{"amount":{"amount":"200.00","unit":"CNY"}}`, ""},
	{buying, "prize", "POST /v1/accounts/{ivy.id}/points",
		`{"amount":{"amount":"100","unit":"PTS"},"reason":"lucky draw"}`, ""},
	{till, "quote", "POST /v1/quotes", `{"account_id":"{ivy.id}","best":true,"store":"S1","lines":[
		{"n":1,"product":"cake","qty":4,"unit_price":{"amount":"30.00","unit":"CNY"}},
		{"n":2,"product":"bun","qty":1,"unit_price":{"amount":"8.00","unit":"CNY"}}]}`, ""},
	{till, "party", "POST /v1/accounts/{ivy.id}/checkouts", `{"lines":[
		{"n":1,"product":"cake","qty":4,"unit_price":{"amount":"30.00","unit":"CNY"}},
		{"n":2,"product":"bun","qty":1,"unit_price":{"amount":"8.00","unit":"CNY"}}],
		"coupons":["{claimed.id}","{granted.id}"],"points":{"amount":"100","unit":"PTS"},
		"external":[{"method":"cash","amount":{"amount":"9.00","unit":"CNY"}}],"stored_value":"rest",
		"store":"S1","terminal":"T1","pos_txn_id":"000201"}`, ""},
	{till, "stale", "POST /v1/accounts/{ivy.id}/checkouts/{party.id}/returns",
		`{"lines":[{"n":1,"qty":1}],"reason":"stale","store":"S1","terminal":"T1"}`, ""},
	{till, "level", "GET /v1/accounts/{ivy.id}/tier", ``, ""},
	{buying, "guest", "GET /v1/campaigns/autumn", ``, ""},
	{till, "missing", "POST /v1/accounts/{jan.id}/coupons/claim", `{"code":"WINTER99"}`,
		"code_not_usable"},

	// a gift voucher is sold, and redeemed into an account
	{till, "voucher", "POST /v1/gift-vouchers", `{"amount":{"amount":"50.00","unit":"CNY"},
		"payments":[{"method":"cash","reference":"R-9"}],"store":"S1"}`, ""},
	{till, "unwrapped", "POST /v1/gift-vouchers/redeem",
		`{"code":"{voucher.code}","into":"{jan.id}"}`, ""},
	{till, "converted", "POST /v1/accounts/{jan.id}/points/convert",
		`{"amount":{"amount":"100","unit":"PTS"},"into":"credit"}`, "insufficient_funds"},
}
