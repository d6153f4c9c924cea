package domain

import (
	"encoding/json"
	"math/big"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

// jsonDraw draws the parts of events.
type jsonDraw struct {
	*rapid.T
	scale int32
}

func (d jsonDraw) text(name string) string {
	return rapid.OneOf(rapid.StringMatching(`[a-zA-Z0-9 _-]{0,8}`), rapid.String()).Draw(d.T, name)
}

func (d jsonDraw) id(name string) (id uuid.UUID) {
	copy(id[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(d.T, name))
	if d.yes(name + " is none") {
		id = noID
	}
	return id
}

func (d jsonDraw) instant(name string) time.Time {
	if d.yes(name + " is none") {
		return time.Time{}
	}
	return time.UnixMicro(rapid.Int64Range(0, 1<<52).Draw(d.T, name)).UTC()
}

func (d jsonDraw) yes(name string) bool { return rapid.Bool().Draw(d.T, name) }

func (d jsonDraw) number(name string) int { return rapid.Int().Draw(d.T, name) }

func (d jsonDraw) quantity(name string) Quantity {
	return fromMinor(big.NewInt(rapid.Int64Range(-2, 1<<40).Draw(d.T, name)), d.scale)
}

func (d jsonDraw) money(name string) Money {
	if d.yes(name + " is none") {
		return Money{}
	}
	return Money{Quantity: d.quantity(name), unit: "CNY"}
}

// some are none, an empty list, or up to three.
func some[T any](d jsonDraw, name string, one func() T) (all []T) {
	if d.yes(name + " are none") {
		return nil
	}
	all = []T{}
	for range rapid.IntRange(0, 3).Draw(d.T, name) {
		all = append(all, one())
	}
	return all
}

// perhaps is what was drawn, or nil.
func perhaps[T any](d jsonDraw, name string, one T) *T {
	if d.yes(name + " is none") {
		return nil
	}
	return &one
}

func (d jsonDraw) qualifying() *Qualifying {
	return perhaps(d, "qualifying", Qualifying{Rule: d.text("rule"), Spend: d.quantity("spend"),
		Visits: d.number("visits"), Bucket: d.text("bucket"), Day: d.text("day"), Oldest: d.text("oldest")})
}

func (d jsonDraw) value() Value {
	balance := Balance{Unit: "CNY", Total: d.quantity("total"), Available: d.quantity("available"),
		Held: d.quantity("held"), Pending: d.quantity("pending"), ExpiredUnposted: d.quantity("expired"),
		ByClass: map[Class]Quantity{}}
	for _, class := range rapid.SliceOf(rapid.SampledFrom(classOrder)).Draw(d.T, "classes") {
		balance.ByClass[class] = d.quantity(string(class))
	}
	return Value{AccountID: d.id("account"), Amount: d.money("amount"), Balance: balance,
		Moves: some(d, "moves", func() Move {
			return Move{Lot: d.id("lot"), Class: Bonus, Funding: d.id("funding"), Amount: d.quantity("a"),
				Held: d.quantity("h"), Cost: d.quantity("c")}
		})}
}

func (d jsonDraw) line() CheckoutLine {
	return CheckoutLine{N: d.number("n"), Product: d.text("product"), Category: d.text("category"),
		Qty: d.number("qty"), UnitPrice: d.quantity("price"), List: d.quantity("list"),
		Net: d.quantity("net"), TaxCode: d.text("tax"),
		Discounts: some(d, "discounts", func() OfferShare {
			return OfferShare{d.id("coupon"), d.text("tier"), d.quantity("off")}
		}),
		Tenders: some(d, "tenders", func() TenderShare {
			return TenderShare{d.text("tender"), d.quantity("paid")}
		})}
}

func (d jsonDraw) sale() CheckoutPosted {
	return CheckoutPosted{CheckoutID: d.id("id"), ReceiptNo: d.text("receipt"), Unit: d.text("unit"),
		Lines: some(d, "lines", d.line), Gross: d.quantity("gross"), Discount: d.quantity("discount"),
		Net: d.quantity("net"), Points: d.money("points"), PointsValue: d.quantity("points value"),
		StoredValue: d.quantity("stored"), Rest: d.yes("rest"), OrderRef: d.text("order"),
		External: some(d, "external", func() Payment {
			return Payment{Method: d.text("method"), Reference: d.text("reference"), Amount: d.money("m")}
		}),
		Coupons: some(d, "coupons", func() uuid.UUID { return d.id("coupon") }),
		Search:  Search(d.text("search")), Tier: d.text("tier"), TierPercent: d.quantity("percent"),
		Counted: d.quantity("spend"), Qualifying: d.qualifying()}
}

func (d jsonDraw) redeemed() CouponRedeemed {
	return CouponRedeemed{CouponID: d.id("coupon"), Definition: d.text("definition"),
		Kind: CouponKind(d.text("kind")), Campaign: d.text("campaign"), CheckoutID: d.id("checkout"),
		Use: d.number("use"), Of: d.number("of"), Unit: d.text("unit"), Eligible: d.quantity("eligible"),
		Discount: d.quantity("discount"), Partner: d.text("partner"), CostShare: d.quantity("share"),
		OrderRef: d.text("order"), ReservationID: d.id("reservation"),
		Lines: some(d, "lines", func() LineDiscount {
			return LineDiscount{d.number("line"), d.quantity("off")}
		})}
}

func (d jsonDraw) granted() CouponGranted {
	return CouponGranted{CouponID: d.id("coupon"), Definition: d.text("definition"),
		Kind: CouponKind(d.text("kind")), Campaign: d.text("campaign"), Uses: d.number("uses"),
		ValidFrom: d.instant("from"), ValidUntil: d.instant("until"), Cause: CouponCause(d.text("cause")),
		Consideration: Consideration(d.text("consideration")), Channel: d.text("channel"),
		Partner: d.text("partner"), ReservationID: d.id("reservation"), CodeLast4: d.text("last"),
		ClaimID: d.id("claim"), SourceID: d.id("source"), Occasion: d.text("occasion"),
		JobID: d.id("job"), Reason: d.text("reason")}
}

func (d jsonDraw) earned() PointsEarned {
	times := func(name string) *Quantity { return perhaps(d, name, d.quantity(name)) }
	return PointsEarned{Value: d.value(), EarningID: d.id("earning"), SourceID: d.id("source"),
		Rule: d.text("rule"), Base: d.money("base"), Tier: d.text("tier"), Category: d.text("category"),
		Rate: perhaps(d, "rate", PointsRate{Points: d.money("points"), Per: d.money("per"),
			Tier: times("by tier"), Category: times("by category"), Campaign: times("by campaign")}),
		Campaign: d.text("campaign"), LimitedBy: d.text("limited"), Day: d.text("day"),
		EffectiveAt: d.instant("effective"), ExpiresAt: d.instant("expires"), Reason: d.text("reason"),
		Source: d.text("origin"), Asked: d.instant("asked"), Qualifying: d.qualifying(),
		Lots: some(d, "lots", func() LotOpened {
			return LotOpened{ID: d.id("lot"), Class: Earned, Face: d.quantity("face"), Cost: d.quantity("cost")}
		})}
}

func (d jsonDraw) reserved() BudgetReserved {
	left := BudgetLeft{Issues: perhaps(d, "issues", int64(d.number("issues"))),
		Redemptions: perhaps(d, "uses", int64(d.number("uses"))),
		Discount:    perhaps(d, "discount", d.money("discount"))}
	return BudgetReserved{ReservationID: d.id("reservation"), AccountID: d.id("account"),
		OperationID: d.id("operation"), Left: left, BudgetPart: BudgetPart{Campaign: d.text("campaign"),
			Kind: BudgetKind(d.text("kind")), Count: int64(d.number("count")), Amount: d.money("amount")}}
}

// TestSalesWrittenByHand is TestWrittenByHand of what a sale and a claim write beside debits.
func TestSalesWrittenByHand(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := jsonDraw{t, rapid.Int32Range(0, 4).Draw(t, "scale")}
		for _, e := range []Event{d.sale(), d.redeemed(), d.granted(), d.earned(), d.reserved(),
			PointsSpent{d.value(), d.id("checkout"), d.money("paid")}} {
			_, data, _, err := Encode(Posted{Event: e})
			if err != nil {
				t.Fatal(err)
			}
			same(t, data, e)
		}
	})
}

// TestWrittenByHand holds what is written by hand to what encoding/json writes of the same value.
func TestWrittenByHand(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := jsonDraw{t, rapid.Int32Range(0, 4).Draw(t, "scale")}
		debit := DebitPosted{
			Value: d.value(), DebitID: d.id("debit"), Requested: d.money("requested"),
			RemainingDue: d.money("due"), AcceptPartial: d.yes("partial"), HoldID: d.id("hold"),
			HoldFinal: d.yes("hold final"), Final: d.yes("final"), ListAmount: d.money("list"),
			CheckoutID: d.id("checkout"), Qualifying: d.qualifying(),
		}
		if d.yes("charge") {
			debit.MandateID = d.id("mandate")
			debit.Charge = &Charge{Period: d.instant("period"), Attempt: d.number("attempt"),
				NextPeriod: d.instant("next period")}
		}
		meta := Metadata{
			EventID: d.id("event"), Schema: d.number("schema"), Actor: d.text("actor"),
			Role: d.text("role"), OnBehalfOf: d.text("on behalf of"), Channel: d.text("channel"),
			Store: d.text("store"), Entity: d.text("entity"), Terminal: d.text("terminal"),
			Shift: d.text("shift"), Operator: d.text("operator"), OccurredAt: d.instant("occurred"),
			RecordedAt: d.instant("recorded"), Skewed: d.yes("skewed"), BusinessDate: d.text("date"),
			OperationID: d.id("operation"), CausedBy: d.id("cause"), CorrelationID: d.text("correlation"),
			Reference: Reference{d.text("r store"), d.text("r terminal"), d.text("r txn"),
				d.text("r leg")},
			IdempotencyKey: d.text("key"), ProgramVersion: d.text("program"),
		}
		copy(meta.PrevHash[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "hash"))

		_, data, metadata, err := Encode(Posted{Event: debit, Metadata: meta})
		if err != nil {
			t.Fatal(err)
		}
		same(t, data, debit)
		same(t, metadata, meta)
	})
}

func same(t rapid.TB, got []byte, value any) {
	t.Helper()
	want, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Fatalf("got  %s\nwant %s", got, want)
	}
}
