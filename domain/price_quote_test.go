package domain

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

// granting is a campaign that runs, and grants one coupon of each definition to the book's account.
func granting(definitions ...*Definition) step {
	return func(b *book) {
		c := &Campaign{ID: "c", Status: CampaignIsActive}
		b.offers = map[string]*Campaign{"c": c}
		for i, def := range definitions {
			def.ID = string(rune('a' + i))
			c.Definitions = append(c.Definitions, def)
			did(GrantCoupon{Campaign: "c", Definition: def.Name(), Cause: CouponByAPI})(b)
		}
	}
}

func (b *book) quoted(q Quote) Quoted {
	b.Helper()
	got, err := q.Of(b.account, b.moment())
	if err != nil {
		b.Fatal(err)
	}
	return got
}

func TestQuote(t *testing.T) {
	b := newBook(t)
	opened(b)
	did(topUp("30.00", "10.00"))(b)
	granting(off(AmountOff, StackCommon, CouponValue{Amount: cny("5.00")}),
		off(PercentOff, StackCommon, CouponValue{Percent: fromSteps(10, 0)}),
		off(AmountOff, StackExclusive, CouponValue{Amount: cny("6.00")}))(b)
	before := b.snapshot(b.account)
	cart := cartOf(goods("tea", 2, "25.00"))

	named := b.quoted(Quote{Cart: cart, Wanted: Wanted{Coupons: b.ids[len(b.ids)-1:]}})
	if want := cny("44.00"); !named.Net.Equal(want) || named.Search != "" {
		t.Errorf("got %s, want %s", named.Net, want)
	}
	if want := cny("40.00"); !named.StoredValue.Equal(want) ||
		!named.ByClass[Bonus].Equal(cny("10.00").Quantity) {
		t.Errorf("stored value: got %s of %v, want %s", named.StoredValue, named.ByClass, want)
	}
	best := b.quoted(Quote{Cart: cart, Wanted: Wanted{Best: true}})
	if want := cny("40.50"); !best.Net.Equal(want) || best.Search != SearchExact {
		t.Errorf("the best: got %s by %s search, want %s", best.Net, best.Search, want)
	}
	none := b.quoted(Quote{Cart: cart})
	if !none.Net.Equal(none.Gross) || len(none.Verdicts) != 0 {
		t.Errorf("without coupons: got %s of %s", none.Net, none.Gross)
	}
	if string(b.snapshot(b.account)) != string(before) {
		t.Error("a quote changed the account")
	}
}

// TestQuoteOfWhatTimeFreed quotes with the value of a hold that has lapsed.
func TestQuoteOfWhatTimeFreed(t *testing.T) {
	b := newBook(t)
	opened(b)
	did(topUp("30.00", ""))(b)
	did(hold("30.00"))(b)
	cart := cartOf(goods("tea", 1, "25.00"))
	if got := b.quoted(Quote{Cart: cart}); got.StoredValue.IsPositive() {
		t.Errorf("got %s while it is held", got.StoredValue)
	}
	later(time.Hour)(b)
	if got := b.quoted(Quote{Cart: cart}); !got.StoredValue.Equal(cny("25.00")) {
		t.Errorf("got %s after it has lapsed", got.StoredValue)
	}
}

func TestQuoteRefusals(t *testing.T) {
	cart := cartOf(goods("tea", 1, "25.00"))
	rows := []struct {
		name  string
		given []step
		quote Quote
		want  *Refusal
	}{
		{"no lines", []step{opened}, Quote{Cart: Cart{Unit: "CNY"}}, ErrMalformed},
		{"those, and the best", []step{opened},
			Quote{Cart: cart, Wanted: Wanted{Best: true, Coupons: make([]uuid.UUID, 1)}}, ErrMalformed},
		{"more coupons than a sale has", []step{opened},
			Quote{Cart: cart, Wanted: Wanted{Coupons: make([]uuid.UUID, MaxWanted+1)}}, ErrMalformed},
		{"goods that cost nothing", []step{opened}, Quote{Cart: cartOf(goods("tea", 1, "0.00"))},
			ErrAmountNotPositive},
		{"a long order", []step{opened}, Quote{Cart: Cart{Unit: "CNY", Lines: cart.Lines,
			Order: strings.Repeat("x", 65)}}, ErrMalformed},
		{"no account", nil, Quote{Cart: cart}, ErrNotFound},
		{"a frozen account", []step{opened, frozen(FreezeDebit)}, Quote{Cart: cart}, ErrAccountFrozen},
	}
	for _, row := range rows {
		b := newBook(t)
		for _, s := range row.given {
			s(b)
		}
		if _, err := row.quote.Of(b.account, b.moment()); !errors.Is(err, row.want) {
			t.Errorf("%s: got %v, want %v", row.name, err, row.want)
		}
	}
}

// TestQuoteOfLimits: stored value pays what there is, and no more than each of the limits lets it.
func TestQuoteOfLimits(t *testing.T) {
	cart := cartOf(goods("tea", 1, "25.00"))
	for _, row := range []struct {
		name   string
		limits Limits
		want   string
		why    string // it pays no more
	}{
		{"none", Limits{}, "20.00", ""},
		{"more than there is", Limits{MaxDebit: cny("20.00")}, "20.00", ""},
		{"of a sale", Limits{MaxDebit: cny("12.00")}, "12.00", "a debit"},
		{"of a day", Limits{MaxDebitDay: cny("15.00")}, "5.00", "a day's"},
		{"of both", Limits{MaxDebit: cny("12.00"), MaxDebitDay: cny("15.00")}, "5.00", "a debit"},
		{"of a day that is over", Limits{MaxDebitDay: cny("10.00")}, "0.00", "a day's"},
		{"too often", Limits{Velocity: Velocity{Count: 1, Seconds: 60}}, "0.00", "there may be"},
	} {
		b := newBook(t)
		if row.limits.Unit = "CNY"; row.name != "none" {
			ruledBy(Terms{Limits: []Limits{row.limits}})(b)
		}
		opened(b)
		did(topUp("30.00", ""))(b)
		did(debit("10.00"))(b)
		got, why := b.quoted(Quote{Cart: cart}), ""
		if got.Limited != nil {
			why = got.Limited.Detail
		}
		if !got.StoredValue.Equal(cny(row.want)) || !strings.HasPrefix(why, row.why) || (why == "") != (row.why == "") {
			t.Errorf("%s: got %s, %q, want %s", row.name, got.StoredValue, why, row.want)
		}
	}
}

// TestQuoteWithPoints pays with points before stored value, which pays the rest.
func TestQuoteWithPoints(t *testing.T) {
	b := newBook(t)
	points := MustMoney("250", Unit{Code: "POINTS"})
	ruledBy(Terms{Points: []PointsRule{{ID: "r", Points: MustMoney("0", Unit{Code: "POINTS"}),
		Per: cny("1.00"), Spend: &PointsSpend{Points: MustMoney("100", Unit{Code: "POINTS"}),
			Worth: cny("1.00"), Step: MustMoney("50", Unit{Code: "POINTS"})}}}})(b)
	opened(b)
	did(topUp("30.00", ""))(b)
	did(EarnPoints{Amount: points, Reason: "gift"})(b)
	cart := cartOf(goods("tea", 1, "25.00"))
	got := b.quoted(Quote{Cart: cart, Points: MustMoney("200", Unit{Code: "POINTS"})})
	if !got.PointsValue.Equal(cny("2.00")) || !got.StoredValue.Equal(cny("23.00")) ||
		!got.Payable[0].Most.Equal(points) || !got.Payable[0].Worth.Equal(cny("2.50")) {
		t.Errorf("got %s by points and %s stored; %+v", got.PointsValue, got.StoredValue, got.Payable)
	}
	for n, want := range map[string]*Refusal{"201": ErrPointsStep, "300": ErrInsufficientFunds} {
		q := Quote{Cart: cart, Points: MustMoney(n, Unit{Code: "POINTS"})}
		if _, err := q.Of(b.account, b.moment()); !errors.Is(err, want) {
			t.Errorf("%s points: got %v, want %v", n, err, want)
		}
	}
	little := Quote{Cart: cart, Points: MustMoney("1", Unit{Code: "POINTS"})}
	b.program.Terms.Points[0].Spend.Step = little.Points
	b.program.Terms.Points[0].Spend.Worth = cny("0.01")
	if _, err := little.Of(b.account, b.moment()); !errors.Is(err, ErrPointsStep) {
		t.Errorf("points that are worth nothing: got %v, want %v", err, ErrPointsStep)
	}
}
