package api

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"
	"github.com/valyala/fasthttp"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
	"github.com/tillbook/tillbook/eventstore/storetest"
)

const benchAccounts = 1000

// benchServer is a server in memory with filled accounts and one key.
func benchServer(b *testing.B) *Server {
	store := storetest.NewMemory()
	l := ledger.Open(store, ledger.Options{})
	b.Cleanup(l.Close)
	if err := l.Ready(b.Context()); err != nil {
		b.Fatal(err)
	}
	s, err := New(Config{Ledger: l, Store: store})
	if err != nil {
		b.Fatal(err)
	}
	who := ledger.Caller{Actor: "bench", Role: domain.RoleAdmin}
	_, err = l.Register(b.Context(), ledger.Registering{Caller: who, Key: "key",
		Registration: domain.CreateKey{APIKey: domain.APIKey{ID: uuid.New(), Name: "bench",
			Role: domain.RolePOS, Hash: sha256.Sum256([]byte("tb_bench")), Last4: "ench"}}})
	if err != nil {
		b.Fatal(err)
	}
	cny, _ := domain.ISOUnit("CNY")
	for i := range benchAccounts {
		benchDo(b, l, i, "open", domain.OpenAccount{CustomerRef: fmt.Sprint("C-", i)})
		benchDo(b, l, i, "fill", domain.TopUp{Amount: domain.MustMoney("1000000.00", cny),
			TopUpTerms: domain.DefaultTerms()})
	}
	return s
}

func benchDo(b *testing.B, l *ledger.Ledger, i int, key string, c domain.Command) {
	_, err := l.Do(b.Context(), ledger.Request{Account: domain.AccountID(fmt.Sprint("C-", i)),
		Command: c, Key: key, Caller: ledger.Caller{Actor: "bench", Role: domain.RoleAdmin}})
	if err != nil {
		b.Fatal(err)
	}
}

// drive sends requests that prepare makes through a handler, without a network.
func drive(b *testing.B, serve fasthttp.RequestHandler, status int,
	prepare func(n int64, r *fasthttp.Request)) {
	var n atomic.Int64
	b.ReportAllocs()
	b.SetParallelism(32)
	b.RunParallel(func(p *testing.PB) {
		var ctx fasthttp.RequestCtx
		var request fasthttp.Request
		for p.Next() {
			request.Reset()
			prepare(n.Add(1), &request)
			ctx.Init(&request, nil, nil)
			serve(&ctx)
			if got := ctx.Response.StatusCode(); got != status {
				b.Errorf("got %d %s, want %d", got, ctx.Response.Body(), status)
				return
			}
		}
	})
}

func BenchmarkDebit(b *testing.B) {
	s := benchServer(b)
	drive(b, s.app.Handler(), 201, func(n int64, r *fasthttp.Request) {
		account := domain.AccountID(fmt.Sprint("C-", n%benchAccounts)).String()
		r.Header.SetMethod("POST")
		r.SetRequestURI("/v1/accounts/" + account + "/debits")
		r.Header.Set("Authorization", "Bearer tb_bench")
		r.Header.Set("Idempotency-Key", fmt.Sprint("k", n))
		r.Header.SetContentType(applicationJSON)
		r.SetBodyString(`{"amount":{"amount":"0.01","unit":"CNY"},"store":"S1","terminal":"T1",` +
			`"pos_txn_id":"` + fmt.Sprint(n) + `"}`)
	})
}

func BenchmarkBalances(b *testing.B) {
	s := benchServer(b)
	drive(b, s.app.Handler(), 200, func(n int64, r *fasthttp.Request) {
		account := domain.AccountID(fmt.Sprint("C-", n%benchAccounts)).String()
		r.SetRequestURI("/v1/accounts/" + account + "/balances")
		r.Header.Set("Authorization", "Bearer tb_bench")
	})
}

// BenchmarkNothing is Fiber answering a balance without a ledger: what BenchmarkBalances is held
// against.
func BenchmarkNothing(b *testing.B) {
	app := fiber.New(fiber.Config{Immutable: true})
	app.Get("/v1/accounts/:id/balances", func(c *fiber.Ctx) error {
		c.Set(fiber.HeaderContentType, applicationJSON)
		return c.SendString(`{"account_id":"` + c.Params("id") + `","balances":[{"unit":"CNY",` +
			`"total":"1000000.00"}],"as_of_position":"1"}`)
	})
	drive(b, app.Handler(), 200, func(n int64, r *fasthttp.Request) {
		account := domain.AccountID(fmt.Sprint("C-", n%benchAccounts)).String()
		r.SetRequestURI("/v1/accounts/" + account + "/balances")
		r.Header.Set("Authorization", "Bearer tb_bench")
	})
}

// BenchmarkFraming reads the headers of a common debit.
func BenchmarkFraming(b *testing.B) {
	raw := []byte("Host: till.example:8080\r\nUser-Agent: till/1\r\nContent-Length: 120\r\n" +
		"Authorization: Bearer tb_0123456789012345678901234567890123456789012\r\n" +
		"Content-Type: application/json\r\nIdempotency-Key: k1\r\nAccept-Encoding: gzip\r\n\r\n")
	b.ReportAllocs()
	for b.Loop() {
		if framing(raw) != nil {
			b.Fatal("refused")
		}
	}
}

// BenchmarkQuote asks what a sale of three lines would cost with three coupons: BenchmarkBalances is
// what it is held against.
func BenchmarkQuote(b *testing.B) {
	s := benchServer(b)
	bodies := make([]string, benchAccounts)
	coupons := benchCoupons(b, s, domain.Budgets{}, 1)
	for i := range bodies {
		bodies[i] = `{"account_id":"` + domain.AccountID(fmt.Sprint("C-", i)).String() + `","store":"S1",` +
			`"lines":[{"product":"latte","category":"coffee","qty":2,"unit_price":{"amount":"25.00",` +
			`"unit":"CNY"}},{"product":"croissant","unit_price":{"amount":"12.00","unit":"CNY"}},` +
			`{"product":"water","unit_price":{"amount":"4.50","unit":"CNY"}}],"coupons":[` + coupons[i] + `]}`
	}
	drive(b, s.app.Handler(), 200, func(n int64, r *fasthttp.Request) {
		r.Header.SetMethod("POST")
		r.SetRequestURI("/v1/quotes")
		r.Header.Set("Authorization", "Bearer tb_bench")
		r.Header.SetContentType(applicationJSON)
		r.SetBodyString(bodies[n%benchAccounts])
	})
}

// benchCoupons gives every account three coupons of so many uses, and answers their ids as JSON lists
// them.
func benchCoupons(b *testing.B, s *Server, budgets domain.Budgets, uses int) []string {
	cny, _ := domain.ISOUnit("CNY")
	ten, _ := domain.ParsePercent("10")
	coupon := func(id string, kind domain.CouponKind, v domain.CouponValue) domain.DefineCoupon {
		return domain.DefineCoupon{CampaignID: "c", Definition: domain.Definition{ID: id, Kind: kind,
			Unit: "CNY", Uses: uses, Value: v, Consideration: domain.ConsiderFree,
			Stacking:     domain.Stacking{Group: domain.StackCommon},
			Restrictions: domain.Restrictions{Scope: domain.Scope{Stores: []string{"S2", "S1"}}}}}
	}
	for i, r := range []domain.Registration{
		domain.DraftCampaign{ID: "c", CampaignTerms: domain.CampaignTerms{Name: "c",
			Budgets: budgets}},
		coupon("a", domain.AmountOff, domain.CouponValue{Amount: domain.MustMoney("5.00", cny)}),
		coupon("p", domain.PercentOff, domain.CouponValue{Percent: ten}),
		coupon("x", domain.Exchange, domain.CouponValue{Products: []string{"water"}, Get: 1}),
		domain.ApproveCampaign{ID: "c"}, domain.ActivateCampaign{ID: "c"},
	} {
		_, err := s.Ledger.Register(b.Context(), ledger.Registering{Registration: r,
			Key: fmt.Sprint("k", i), Caller: ledger.Caller{Actor: fmt.Sprint(i / 4), Role: domain.RoleAdmin}})
		if err != nil {
			b.Fatal(err)
		}
	}
	all := make([]string, benchAccounts)
	for i := range all {
		var ids []string
		for _, id := range []string{"a", "p", "x"} {
			benchDo(b, s.Ledger, i, id, domain.GrantCoupon{Campaign: "c", Definition: id,
				Cause: domain.CouponByAPI})
		}
		v, err := s.Ledger.Account(b.Context(), domain.AccountID(fmt.Sprint("C-", i)))
		if err != nil {
			b.Fatal(err)
		}
		for _, c := range v.Coupons() {
			ids = append(ids, `"`+c.ID.String()+`"`)
		}
		all[i] = strings.Join(ids, ",")
	}
	return all
}
