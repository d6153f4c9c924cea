package projections

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/storetest"
	"github.com/tillbook/tillbook/projections/placetest"
)

// couponed is a shop whose campaigns' coupons all stack: spring's partner bears a third, autumn has
// none.
func couponed(t testing.TB, store eventstore.Store) *shop {
	s := newShop(t, store)
	var share domain.Quantity
	if err := share.UnmarshalText([]byte("33.3")); err != nil {
		t.Fatal(err)
	}
	s.campaigns = func(id string) *domain.Campaign {
		c := &domain.Campaign{ID: id, Status: domain.CampaignIsActive}
		if id == "spring" {
			c.Terms.Partner, c.Terms.CostShare = "bank", share
		}
		for _, d := range []domain.Definition{
			{ID: "one", Kind: domain.AmountOff, Value: domain.CouponValue{Amount: yuan("1.00")}, Uses: 2},
			{ID: "odd", Kind: domain.AmountOff, Value: domain.CouponValue{Amount: yuan("0.77")}, Uses: 1},
		} {
			d.Version, d.Unit, d.Stacking.Group = 1, "CNY", domain.StackCommon
			d.Consideration = domain.ConsiderFree
			d.OnReturn = domain.OnReturn{Restore: domain.RestoreFullOnly, Expired: "forfeit",
				MinSpend: domain.ReturnKeeps}
			c.Definitions = append(c.Definitions, &d)
		}
		return c
	}
	return s
}

func (s *shop) grant(id uuid.UUID, campaign, definition string) uuid.UUID {
	s.t.Helper()
	return s.must(id, domain.GrantCoupon{Campaign: campaign, Definition: definition,
		Cause: domain.CouponByAPI}, domain.Context{})[0].Metadata.EventID
}

// sale is three teas of 4.00, with coupons, paid in cash.
func (s *shop) sale(id uuid.UUID, where domain.Context, price string, coupons ...uuid.UUID) uuid.UUID {
	s.t.Helper()
	c := domain.Checkout{Wanted: domain.Wanted{Coupons: coupons},
		Lines:    []domain.CartLine{{N: 1, Product: "tea", Qty: 3, UnitPrice: yuan("4.00")}},
		External: []domain.Payment{{Method: "cash", Amount: yuan(price)}}}
	return s.must(id, c, where)[0].Metadata.OperationID
}

func giving(checkout uuid.UUID, qty int) domain.ReturnCheckout {
	return domain.ReturnCheckout{CheckoutID: checkout, Lines: []domain.ReturnLine{{N: 1, Qty: qty}}}
}

// campaignShop has four sales on three days at two stores: one that stays, one of which a part came back
// elsewhere, one that came back, one without a coupon.
func campaignShop(t testing.TB, store eventstore.Store) (s *shop, anna uuid.UUID, sales []uuid.UUID) {
	s = couponed(t, store)
	anna = s.account("C-1")
	bert := s.account("C-2")
	both := []uuid.UUID{s.grant(anna, "spring", "one"), s.grant(anna, "spring", "odd")}
	sales = append(sales, s.sale(anna, till("S1", "1"), "10.23", both...))
	s.now = s.now.AddDate(0, 0, 1)
	sales = append(sales, s.sale(anna, till("S1", "2"), "11.00", both[0]))
	bought := s.sale(bert, till("S2", "3"), "11.00", s.grant(bert, "spring", "one"))
	s.now = s.now.AddDate(0, 0, 1)
	s.must(anna, giving(sales[1], 1), till("S2", "4"))
	s.must(bert, giving(bought, 3), till("S2", "5"))
	sales = append(sales, bought, s.sale(bert, till("S2", "6"), "12.00"))
	s.grant(bert, "autumn", "odd")
	return s, anna, sales
}

// TestFunnel: a sale counts once for the campaign, and what came back counts no more.
func TestFunnel(t *testing.T) {
	store := memory(t)
	campaignShop(t, store)
	m := open(t, placetest.Place(t), store, Options{})
	clean(t, m)
	found, whole, _, err := m.Funnel(t.Context(), "spring")
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprint(found, whole)
	want := "[{odd@1 1 0 1 0 0 0 {odd@1 CNY 1 1 1 77 26 1023}} " +
		"{one@1 2 0 1 0 0 0 {one@1 CNY 2 2 1 167 55 1756}}] [{ CNY 3 2 1 244 81 1756}]"
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestCouponCost: by day and store what came back counts where and when it did; asked at a position the
// answer is what it was.
func TestCouponCost(t *testing.T) {
	store := memory(t)
	s, anna, sales := campaignShop(t, store)
	m := open(t, placetest.Place(t), store, Options{})
	costs := func(f CostFilter) (string, eventstore.Position) {
		t.Helper()
		f.Limit = cmp.Or(f.Limit, 100)
		found, at, err := m.CouponCost(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		var lines []string
		for _, e := range found {
			lines = append(lines, strings.TrimSpace(fmt.Sprint(e.Definition, " ", e.Day, e.Store, " ", e.Uses, " ",
				e.Given, " ", e.Returned, " ", e.PartnerCost)))
		}
		return strings.Join(lines, "; "), at
	}
	all, at := costs(CostFilter{Campaign: "spring"})
	if want := "odd@1  1 77 0 26; one@1  2 300 133 55"; all != want {
		t.Errorf("got %s, want %s", all, want)
	}
	for _, row := range []struct {
		f    CostFilter
		want string
	}{
		{CostFilter{ByDay: true, ByStore: true}, "odd@1 2026-03-01S1 1 77 0 26; one@1 2026-03-01S1 1 100 0 33; " +
			"one@1 2026-03-02S1 1 100 0 33; one@1 2026-03-02S2 1 100 0 33; one@1 2026-03-03S2 -1 0 133 -44"},
		{CostFilter{From: "2026-03-02", Through: "2026-03-02"}, "one@1  2 200 0 66"},
		{CostFilter{Store: "S2"}, "one@1  0 100 133 -11"},
		{CostFilter{Partner: "bank", Through: "2026-03-01", ByStore: true},
			"odd@1 S1 1 77 0 26; one@1 S1 1 100 0 33"},
		{CostFilter{Campaign: "autumn"}, ""},
	} {
		if got, _ := costs(row.f); got != row.want {
			t.Errorf("%+v: got %s, want %s", row.f, got, row.want)
		}
	}
	for n := range 3 {
		s.must(anna, giving(sales[0], 1), till("S1", fmt.Sprint("9-", n)))
	}
	wait(t, m)
	if now, _ := costs(CostFilter{Campaign: "spring"}); now != "odd@1  0 77 77 0; one@1  1 300 233 22" {
		t.Errorf("got %s after sales came back piece by piece", now)
	}
	if then, _ := costs(CostFilter{Campaign: "spring", At: at}); then != all {
		t.Errorf("got %s at %d, want %s", then, at, all)
	}
	if _, _, err := m.CouponCost(t.Context(), CostFilter{Limit: 1}); !errors.Is(err, ErrTooMany) {
		t.Errorf("got %v of more rows than wanted", err)
	}
	clean(t, m)
}

// TestCheckouts: every filter finds what it says, the newest first, page by page.
func TestCheckouts(t *testing.T) {
	store := memory(t)
	s, anna, sales := campaignShop(t, store)
	m := open(t, placetest.Place(t), store, Options{})
	listed := func(f CheckoutFilter) string {
		t.Helper()
		var found []string
		for p := (Paging{Limit: 1}); ; {
			page, err := m.Checkouts(t.Context(), f, p)
			if err != nil {
				t.Fatal(err)
			}
			for _, i := range page.Data {
				found = append(found, strconv.Itoa(slices.Index(sales, i.ID())))
			}
			if p.Cursor = page.Next; page.Next == "" {
				return strings.Join(found, " ")
			}
		}
	}
	var coupon uuid.UUID
	for _, p := range s.open[anna].events {
		if e, ok := p.Event.(domain.CouponGranted); ok && e.Definition == "odd@1" {
			coupon = e.CouponID
		}
	}
	for _, row := range []struct {
		f    CheckoutFilter
		want string
	}{
		{CheckoutFilter{}, "3 2 1 0"}, {CheckoutFilter{Account: anna}, "1 0"},
		{CheckoutFilter{Status: CheckoutReturned}, "2"}, {CheckoutFilter{Store: "S1"}, "1 0"},
		{CheckoutFilter{Terminal: "T2"}, ""}, {CheckoutFilter{Store: "S2", PosTxnID: "3"}, "2"},
		{CheckoutFilter{PosTxnID: "4"}, ""}, {CheckoutFilter{Campaign: "spring"}, "2 1 0"},
		{CheckoutFilter{Campaign: "autumn"}, ""}, {CheckoutFilter{Coupon: coupon}, "0"},
		{CheckoutFilter{From: "2026-03-02", Through: "2026-03-02"}, "2 1"},
	} {
		if got := listed(row.f); got != row.want {
			t.Errorf("%+v: got %s, want %s", row.f, got, row.want)
		}
	}
	page, err := m.Checkouts(t.Context(), CheckoutFilter{Store: "S1", PosTxnID: "2"}, Paging{})
	if err != nil || len(page.Data) != 1 {
		t.Fatalf("got %+v, %v", page, err)
	}
	for column, want := range map[string]string{"status": CheckoutPartlyReturned, "gross": "12.00",
		"discount": "1.00", "net": "11.00", "external": "11.00", "stored_value": "0.00", "returned": "3.67",
		"revenue": "733", "coupons": "1", "lines": "1", "points": "", "channel": "pos"} {
		if got := page.Data[0][column]; got != want {
			t.Errorf("%s: got %q, want %q", column, got, want)
		}
	}
}

// TestCheckComparesSales has one row for each way in which the tables of sales can differ from the log.
func TestCheckComparesSales(t *testing.T) {
	for _, row := range []struct{ query, table, detail string }{
		{"UPDATE checkouts SET returned = '0.00' WHERE status = 'returned'", "checkouts", "returned 0.00, want"},
		{"UPDATE checkouts SET coupons = 0 WHERE coupons = 2", "checkouts", "coupons 0, want 2"},
		{"DELETE FROM checkouts WHERE store = 'S2' AND coupons = 0", "checkouts", "is missing"},
		{"UPDATE coupon_uses SET partner_cost = 7 WHERE uses = -1", "coupon_uses", "partner_cost 7, want -33"},
		{"UPDATE coupon_uses SET store = 'S3' WHERE uses = 0", "coupon_uses", "store S3, want S2"},
		{"DELETE FROM coupon_uses WHERE uses = 0", "coupon_uses", "is missing"},
	} {
		store := memory(t)
		campaignShop(t, store)
		m := open(t, placetest.Place(t), store, Options{})
		edit(t, m, row.query)
		report, err := Check(t.Context(), opened(store), m, nil)
		if err != nil || len(report.Differences) != 1 {
			t.Fatalf("%s: got %+v, %v, want one difference", row.query, report, err)
		}
		if d := report.Differences[0]; d.What != row.table || !strings.Contains(d.Detail, row.detail) {
			t.Errorf("%s: got %s: %s, want %s", row.query, d.What, d.Detail, row.detail)
		}
	}
}

// TestFunnelAddsUpTheLog: whatever is sold and comes back, in transactions cut anywhere, the funnel is
// what the events add up to, the cost by day and store adds up to it, and a partner bears nothing of
// sales that came back.
func TestFunnelAddsUpTheLog(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		store := storetest.NewMemory()
		defer store.Close()
		s := couponed(t, store)
		for i := range rapid.IntRange(1, 2).Draw(r, "accounts") {
			id := s.account(fmt.Sprint("C-", i))
			for n := range rapid.IntRange(1, 12).Draw(r, "steps") {
				randomSale(r, s, id, fmt.Sprint(n))
			}
		}
		m, err := Open(t.Context(), placetest.Place(t), store, Options{Batch: rapid.IntRange(1, 20).Draw(r, "batch")})
		if err != nil {
			r.Fatal(err)
		}
		defer m.Close()
		if err := m.WaitHead(t.Context()); err != nil {
			r.Fatal(err)
		}
		for _, campaign := range []string{"spring", "autumn"} {
			want := addedUp(s, campaign)
			_, whole, _, err := m.Funnel(t.Context(), campaign)
			got := UseSum{}
			if len(whole) == 1 {
				got = whole[0]
			}
			if err != nil || got != want {
				r.Fatalf("%s: got %+v, %v, want %+v", campaign, got, err, want)
			}
			costs, _, err := m.CouponCost(t.Context(), CostFilter{Campaign: campaign, ByDay: true, ByStore: true,
				Limit: 1000})
			sum := UseSum{}
			for _, e := range costs {
				sum.Uses, sum.Discount = sum.Uses+e.Uses, sum.Discount+e.Net()
				sum.PartnerCost += e.PartnerCost
			}
			if err != nil || sum.Uses != got.Uses || sum.Discount != got.Discount ||
				sum.PartnerCost != got.PartnerCost {
				r.Fatalf("%s: got %+v by day and store, %v, want %+v", campaign, sum, err, got)
			}
		}
		report, err := Check(t.Context(), opened(store), m, nil)
		if err != nil || !report.Clean() {
			r.Fatalf("got %+v, %v, want no difference", report, err)
		}
	})
}

// randomSale grants, sells with the best coupons, takes back or cancels; a refusal is as good as an
// answer.
func randomSale(r *rapid.T, s *shop, id uuid.UUID, txn string) {
	s.now = s.now.Add(time.Duration(rapid.IntRange(0, 30).Draw(r, "hours")) * time.Hour)
	where := till(rapid.SampledFrom([]string{"S1", "S2"}).Draw(r, "store"), txn)
	var sales []domain.Posted
	for _, p := range s.open[id].events {
		if _, ok := p.Event.(domain.CheckoutPosted); ok {
			sales = append(sales, p)
		}
	}
	switch kind := rapid.IntRange(0, 7).Draw(r, "step"); {
	case kind < 3:
		s.grant(id, rapid.SampledFrom([]string{"spring", "autumn"}).Draw(r, "campaign"),
			rapid.SampledFrom([]string{"one", "odd"}).Draw(r, "definition"))
	case kind < 5:
		c := domain.Checkout{Wanted: domain.Wanted{Best: true}, Rest: true, Lines: []domain.CartLine{
			{N: 1, Product: "tea", Qty: rapid.IntRange(1, 3).Draw(r, "qty"), UnitPrice: yuan("4.00")}}}
		s.must(id, topUp("20.00", ""), domain.Context{})
		s.must(id, c, where)
	case len(sales) == 0:
	case kind < 7:
		sale := rapid.SampledFrom(sales).Draw(r, "sale")
		_, _ = s.do(id, giving(sale.Metadata.EventID, rapid.IntRange(1, 3).Draw(r, "back")), where)
	default:
		sale := rapid.SampledFrom(sales).Draw(r, "sale").Metadata
		_, _ = s.do(id, domain.Cancel{}, till(sale.Store, sale.Reference.PosTxnID))
	}
}

// addedUp is what the events say of a campaign. Its partner bears a part of what each use gave in the end,
// rounded half up.
func addedUp(s *shop, campaign string) (sum UseSum) {
	for _, a := range s.open {
		nets, whole := map[uuid.UUID]int64{}, map[uuid.UUID]bool{}
		used, given := map[uuid.UUID]bool{}, map[[2]uuid.UUID]int64{}
		for _, p := range a.events {
			switch e := p.Event.(type) {
			case domain.CheckoutPosted:
				nets[e.CheckoutID] += steps(e.Net)
			case domain.CheckoutReturned:
				nets[e.CheckoutID] -= steps(e.Net)
				whole[e.CheckoutID] = whole[e.CheckoutID] || e.Full
			case domain.CouponRedeemed:
				if e.Campaign == campaign {
					used[e.CheckoutID], sum.Unit = true, e.Unit
					given[[2]uuid.UUID{e.CheckoutID, e.CouponID}] += steps(e.Discount)
					sum.Uses++
				}
			case domain.CouponRestored:
				if e.Campaign == campaign {
					given[[2]uuid.UUID{e.CheckoutID, e.CouponID}] -= steps(e.DiscountReturned)
					if e.Use > 0 {
						sum.Uses--
					}
				}
			}
		}
		for _, n := range given {
			if sum.Discount += n; campaign == "spring" {
				sum.PartnerCost += (n*333 + 500) / 1000
			}
		}
		here := sum.Sales
		for checkout := range used {
			if sum.Revenue += nets[checkout]; !whole[checkout] {
				sum.Sales++
			}
		}
		if sum.Sales > here {
			sum.Accounts++
		}
	}
	return sum
}
