package projections

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/storetest"
	"github.com/tillbook/tillbook/projections/placetest"
)

func stars(amount string) domain.Money {
	return domain.MustMoney(amount, domain.Unit{Code: "STAR", Kind: domain.Points, Scale: 1})
}

// starred is a shop where a yuan earns a star, pending for two days, that ends a year later; ten stars pay
// a yuan and turn into one.
func starred(t testing.TB, store eventstore.Store) *shop {
	s := newShop(t, store)
	p := *domain.DefaultProgram()
	p.Terms.Points = []domain.PointsRule{{ID: "one", Points: stars("1.0"), Per: yuan("1.00"), PendingDays: 2,
		Expiry: domain.Expiry{Days: 365},
		Spend:  &domain.PointsSpend{Points: stars("10.0"), Worth: yuan("1.00"), Step: stars("10.0")},
		Conversions: []domain.Conversion{{ID: "cash", Into: domain.IntoCredit, Points: stars("10.0"),
			Credit: yuan("1.00")}}}}
	s.program = &p
	return s
}

// starShop has an account that was given 30 stars, earned 12 the day after and paid a yuan with ten, and
// one that was given five.
func starShop(t testing.TB, store eventstore.Store) *shop {
	s := starred(t, store)
	anna, bert := s.account("C-1"), s.account("C-2")
	s.must(anna, domain.EarnPoints{Amount: stars("30.0"), Reason: "prize"}, till("S1", "1"))
	s.must(bert, domain.EarnPoints{Amount: stars("5.0"), Reason: "prize"}, till("S1", "2"))
	s.now = s.now.AddDate(0, 0, 1)
	s.must(anna, domain.Checkout{Points: stars("10.0"),
		Lines:    []domain.CartLine{{N: 1, Product: "tea", Qty: 1, UnitPrice: yuan("13.00")}},
		External: []domain.Payment{{Method: "cash", Amount: yuan("12.00")}}}, till("S1", "3"))
	return s
}

// TestPointsReport: opening and changes make closing, and what is outstanding is pending or ends some time.
func TestPointsReport(t *testing.T) {
	store := memory(t)
	s := starShop(t, store)
	m := open(t, placetest.Place(t), store, Options{})
	clean(t, m)
	for _, row := range []struct {
		f    PointsFilter
		want string
	}{
		{PointsFilter{}, "[{STAR 0 [{PointsEarned 3 470} {PointsSpent 1 -100}] 370 2 120 " +
			"[{2027-03 370}]}]"},
		{PointsFilter{Unit: "STAR", From: "2026-03-02"},
			"[{STAR 350 [{PointsEarned 1 120} {PointsSpent 1 -100}] 370 2 120 [{2027-03 370}]}]"},
		{PointsFilter{Through: "2026-03-01"}, "[{STAR 0 [{PointsEarned 2 350}] 350 2 120 [{2027-03 370}]}]"},
		{PointsFilter{Through: "2026-02-01"}, "[{STAR 0 [] 0 0 120 [{2027-03 370}]}]"},
		{PointsFilter{Unit: "MOON"}, "[]"},
	} {
		row.f.Now = s.now
		got, _, err := m.PointsReport(t.Context(), row.f)
		if fmt.Sprint(got) != row.want || err != nil {
			t.Errorf("%+v: got %v, %v, want %s", row.f, got, err, row.want)
		}
	}
}

// TestCheckComparesPoints has one row for each way in which the table can differ from the log.
func TestCheckComparesPoints(t *testing.T) {
	for _, row := range []struct{ query, detail string }{
		{"UPDATE points SET amount = 1 WHERE type = 'PointsSpent'", "amount 1, want -100"},
		{"UPDATE points SET day = '2026-03-03' WHERE amount = 50", "day 2026-03-03, want 2026-03-01"},
		{"DELETE FROM points WHERE amount = 50", "is missing"},
	} {
		store := memory(t)
		starShop(t, store)
		m := open(t, placetest.Place(t), store, Options{})
		edit(t, m, row.query)
		report, err := Check(t.Context(), opened(store), m, nil)
		if err != nil || len(report.Differences) != 1 ||
			!strings.Contains(report.Differences[0].String(), row.detail) {
			t.Errorf("%s: got %+v, %v, want %s", row.query, report, err, row.detail)
		}
	}
}

// TestPointsAddUp: whatever becomes of points, in transactions cut anywhere, the rows of an account add up
// to its balance, and those of a unit to what its lots hold.
func TestPointsAddUp(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		store := storetest.NewMemory()
		defer store.Close()
		s := starred(t, store)
		for i := range rapid.IntRange(1, 2).Draw(r, "accounts") {
			id := s.account(fmt.Sprint("C-", i))
			for n := range rapid.IntRange(1, 12).Draw(r, "steps") {
				randomPoints(r, s, id, fmt.Sprint(n))
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
		var differ int
		_, err = m.view(t.Context(), func(q querier) error {
			return q.QueryRowContext(t.Context(), `SELECT count(*) FROM balances b WHERE unit = 'STAR' AND
				CAST(replace(total, '.', '') AS BIGINT) <> (SELECT coalesce(sum(amount), 0) FROM points p
					WHERE p.account_id = b.account_id AND p.unit = b.unit)`).Scan(&differ)
		})
		if err != nil || differ > 0 {
			r.Fatalf("got %d balances that differ, %v", differ, err)
		}
		sums, _, err := m.PointsReport(t.Context(), PointsFilter{Now: s.now})
		if err != nil {
			r.Fatal(err)
		}
		for _, sum := range sums {
			left := sum.Closing
			for _, e := range sum.Ending {
				left -= e.Amount
			}
			if left != 0 || sum.Pending > sum.Closing {
				r.Fatalf("got %+v", sum)
			}
		}
		report, err := Check(t.Context(), opened(store), m, nil)
		if err != nil || !report.Clean() {
			r.Fatalf("got %+v, %v, want no difference", report, err)
		}
	})
}

// randomPoints gives, earns, spends, converts, takes back or lets time pass; a refusal is as good as an
// answer.
func randomPoints(r *rapid.T, s *shop, id uuid.UUID, txn string) {
	where := till("S1", txn)
	tea := []domain.CartLine{{N: 1, Product: "tea", Qty: 2, UnitPrice: yuan("7.00")}}
	switch rapid.IntRange(0, 6).Draw(r, "step") {
	case 0:
		s.must(id, domain.EarnPoints{Amount: stars("20.0"), Reason: "prize"}, where)
	case 1:
		_, _ = s.do(id, domain.Checkout{Lines: tea, External: []domain.Payment{{Method: "cash",
			Amount: yuan("14.00")}}}, where)
	case 2:
		_, _ = s.do(id, domain.Checkout{Lines: tea, Points: stars("20.0"), External: []domain.Payment{
			{Method: "cash", Amount: yuan("12.00")}}}, where)
	case 3:
		_, _ = s.do(id, domain.ConvertPoints{Amount: stars("10.0"), Into: domain.IntoCredit}, where)
	case 4:
		s.now = s.now.AddDate(0, 0, rapid.SampledFrom([]int{1, 3, 400}).Draw(r, "days"))
	default:
		for _, p := range s.open[id].events {
			if _, ok := p.Event.(domain.CheckoutPosted); ok {
				_, _ = s.do(id, giving(p.Metadata.EventID, rapid.IntRange(1, 2).Draw(r, "back")), where)
			}
		}
	}
}
