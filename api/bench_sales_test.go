package api

import (
	"fmt"
	"testing"

	"github.com/valyala/fasthttp"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
)

// BenchmarkCheckout is a sale of three lines, with three coupons, points and stored value: BenchmarkDebit
// is what it is held against. The campaign of the capped one caps redemptions and discount.
func BenchmarkCheckout(b *testing.B) {
	cny, _ := domain.ISOUnit("CNY")
	for name, budgets := range map[string]domain.Budgets{"open": {}, "capped": {
		Redemptions: 1_000_000_000, Discount: domain.MustMoney("900000000000.00", cny)}} {
		b.Run(name, func(b *testing.B) {
			s := benchServer(b)
			bodies := benchSales(b, s, budgets)
			drive(b, s.app.Handler(), 201, func(n int64, r *fasthttp.Request) {
				account := domain.AccountID(fmt.Sprint("C-", n%benchAccounts)).String()
				r.Header.SetMethod("POST")
				r.SetRequestURI("/v1/accounts/" + account + "/checkouts")
				r.Header.Set("Authorization", "Bearer tb_bench")
				r.Header.Set("Idempotency-Key", fmt.Sprint("k", n))
				r.Header.SetContentType(applicationJSON)
				r.SetBodyString(bodies[n%benchAccounts] + `"pos_txn_id":"` + fmt.Sprint(n) + `"}`)
			})
		})
	}
}

// benchSales gives every account points and three coupons, and answers the beginnings of their sales.
func benchSales(b *testing.B, s *Server, budgets domain.Budgets) []string {
	points := domain.Unit{Code: "PTS", Kind: domain.Points, Name: "Points"}
	cny, _ := domain.ISOUnit("CNY")
	benchRegister(b, s, domain.RegisterUnit(points))
	rule := domain.PointsRule{ID: "one", Points: domain.MustMoney("1", points),
		Per: domain.MustMoney("10.00", cny), Spend: &domain.PointsSpend{
			Points: domain.MustMoney("1", points), Worth: domain.MustMoney("0.01", cny)}}
	publish := domain.PublishProgram{ID: "p", New: true, Terms: domain.Terms{Points: []domain.PointsRule{rule}}}
	for i := range benchAccounts {
		publish.Accounts = append(publish.Accounts, domain.AccountID(fmt.Sprint("C-", i)))
	}
	benchRegister(b, s, publish)
	coupons := benchCoupons(b, s, budgets, 1000)
	bodies := make([]string, benchAccounts)
	for i := range bodies {
		benchDo(b, s.Ledger, i, "points", domain.EarnPoints{Amount: domain.MustMoney("900000000", points),
			Reason: "bench"})
		bodies[i] = `{"stored_value":"rest","store":"S1","terminal":"T1","lines":[` +
			`{"product":"latte","category":"coffee","qty":2,"unit_price":{"amount":"25.00","unit":"CNY"}},` +
			`{"product":"croissant","unit_price":{"amount":"12.00","unit":"CNY"}},` +
			`{"product":"water","unit_price":{"amount":"4.50","unit":"CNY"}}],` +
			`"points":{"amount":"10","unit":"PTS"},"coupons":[` + coupons[i] + `],`
	}
	return bodies
}

func benchRegister(b *testing.B, s *Server, r domain.Registration) {
	_, err := s.Ledger.Register(b.Context(), ledger.Registering{Registration: r,
		Key: fmt.Sprintf("%T", r), Caller: ledger.Caller{Actor: "bench", Role: domain.RoleAdmin}})
	if err != nil {
		b.Fatal(err)
	}
}
