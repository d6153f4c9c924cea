package domain

import (
	"slices"
	"strings"
	"testing"
)

// TestDefinition is the table of what is wrong with a definition: every field is named.
func TestDefinition(t *testing.T) {
	jpy := MustMoney("5", unit("JPY"))
	kind := func(k CouponKind, v CouponValue) func(*Definition) {
		return func(d *Definition) { d.Kind, d.Value, d.Restrictions = k, v, Restrictions{} }
	}
	fifth := CouponValue{Percent: percent("20")}
	gift := CouponValue{Get: 1, Products: []string{"mug"}}
	free := CouponValue{Buy: 2, Get: 1}
	with := func(v CouponValue, edit func(*CouponValue)) CouponValue { edit(&v); return v }
	limit := func(edit func(*Restrictions)) func(*Definition) {
		return func(d *Definition) { edit(&d.Restrictions) }
	}
	many := slices.Repeat([]string{"x"}, 101)
	open := func(h Hours) func(*Definition) {
		return limit(func(r *Restrictions) { r.Hours = []Hours{h} })
	}
	valid := func(v Validity) func(*Definition) { return func(d *Definition) { d.Validity = v } }
	back := func(o OnReturn) func(*Definition) { return func(d *Definition) { d.OnReturn = o } }
	trigger := func(t Trigger) func(*Definition) { return func(d *Definition) { d.Trigger = &t } }
	for _, c := range []struct {
		name string
		edit func(*Definition)
		want string // the fields to blame
	}{
		{"ten off", func(*Definition) {}, ""},
		{"no id", func(d *Definition) { d.ID = "" }, "id"},
		{"a long id", func(d *Definition) { d.ID = strings.Repeat("x", 33) }, "id"},
		{"a unit that is none", func(d *Definition) {
			d.Unit, d.Kind, d.Value, d.Restrictions = "x", PercentOff, fifth, Restrictions{}
		}, "unit"},
		{"a kind that is none", kind("x", CouponValue{}), "kind"},
		{"no amount", kind(AmountOff, CouponValue{}), "value.amount"},
		{"an amount in another unit", kind(AmountOff, CouponValue{Amount: jpy}), "value.amount"},
		{"an amount of zero", kind(AmountOff, CouponValue{Amount: cny("0")}), "value.amount"},
		{"amount off", kind(AmountOff, CouponValue{Amount: cny("1")}), ""},
		{"no threshold", kind(ThresholdOff, CouponValue{Amount: cny("1")}), "restrictions.min_spend"},
		{"a threshold below the amount", func(d *Definition) { d.Value.Amount = cny("100.01") },
			"restrictions.min_spend"},
		{"a threshold of the amount", func(d *Definition) { d.Value.Amount = cny("100") }, ""},
		{"a percent of an amount", func(d *Definition) { d.Value.Percent = percent("1") },
			"value.percent"},
		{"pieces of an amount", func(d *Definition) { d.Value.Get = 1 }, "value.get"},
		{"pieces to buy of an amount", func(d *Definition) { d.Value.Buy = 1 }, "value.buy"},
		{"products of an amount", func(d *Definition) { d.Value.Products = []string{"x"} },
			"value.products"},
		{"a fifth off", kind(PercentOff, fifth), ""},
		{"all of it", kind(PercentOff, CouponValue{Percent: percent("100.00")}), ""},
		{"more than that", kind(PercentOff, CouponValue{Percent: percent("100.01")}), "value.percent"},
		{"no percent", kind(PercentOff, CouponValue{}), "value.percent"},
		{"a fine percent", kind(PercentOff, CouponValue{Percent: percent("0.001")}), "value.percent"},
		{"an amount of a percent", kind(PercentOff, with(fifth, func(v *CouponValue) {
			v.Amount = cny("1")
		})), "value.amount"},
		{"an exchange", kind(Exchange, gift), ""},
		{"of nothing", kind(Exchange, CouponValue{Get: 1}), "value.products"},
		{"of no piece", kind(Exchange, with(gift, func(v *CouponValue) { v.Get = 0 })), "value.get"},
		{"that asks to buy", kind(Exchange, with(gift, func(v *CouponValue) { v.Buy = 1 })),
			"value.buy"},
		{"of a category", kind(Exchange, CouponValue{Get: 1, Categories: []string{"mugs"}}), ""},
		{"of too many", kind(Exchange, CouponValue{Get: 1, Categories: many}), "value.categories"},
		{"a third free", kind(FreeItem, free), ""},
		{"without buying", kind(FreeItem, CouponValue{Get: 1}), "value.buy"},
		{"without a piece", kind(FreeItem, CouponValue{Buy: 1}), "value.get"},
		{"too many pieces", kind(FreeItem, CouponValue{Buy: 1001, Get: 1}), "value.buy"},
		{"capped in another unit", func(d *Definition) { d.Cap = jpy }, "cap"},
		{"capped", func(d *Definition) { d.Cap = cny("1") }, ""},
		{"no uses", func(d *Definition) { d.Uses = -1 }, "uses"},
		{"too many uses", func(d *Definition) { d.Uses = 1001 }, "uses"},
		{"days", valid(Validity{AfterDays: 1, Days: 1}), ""},
		{"days that run back", valid(Validity{Days: -1}), "validity.days"},
		{"a beginning without days", valid(Validity{AfterDays: 1}), "validity.days"},
		{"a beginning that runs back", valid(Validity{AfterDays: -1, Days: 1}), "validity.after_days"},
		{"days and instants", valid(Validity{Days: 1, From: noon}), "validity.days"},
		{"ends as it begins", valid(Validity{From: noon, Until: noon}), "validity.until"},
		{"an end alone", valid(Validity{Until: noon}), ""},
		{"spend in another unit", limit(func(r *Restrictions) { r.MinSpend = jpy }),
			"restrictions.min_spend"},
		{"an unknown basis", limit(func(r *Restrictions) { r.Basis = "x" }), "restrictions.basis"},
		{"too many products", limit(func(r *Restrictions) { r.Products = many }),
			"restrictions.products"},
		{"a category without a name", limit(func(r *Restrictions) { r.Categories = []string{""} }),
			"restrictions.categories"},
		{"too many not", limit(func(r *Restrictions) { r.NotProducts = many }),
			"restrictions.not_products"},
		{"too many categories not", limit(func(r *Restrictions) { r.NotCategories = many }),
			"restrictions.not_categories"},
		{"a store without a name", limit(func(r *Restrictions) { r.Scope.Stores = []string{""} }),
			"restrictions.scope"},
		{"tiers", limit(func(r *Restrictions) { r.Tiers = []string{"金卡"} }), ""},
		{"a tier without a name", limit(func(r *Restrictions) { r.Tiers = []string{""} }),
			"restrictions.tiers"},
		{"too many segments", limit(func(r *Restrictions) { r.Segments = many }),
			"restrictions.segments"},
		{"a day", open(Hours{From: "00:00", To: "24:00", Weekdays: []int{7, 1}}), ""},
		{"no hours", open(Hours{}), "restrictions.hours.0"},
		{"hours of no width", open(Hours{From: "09:00", To: "09:00"}), "restrictions.hours.0"},
		{"past midnight", open(Hours{From: "22:00", To: "02:00"}), "restrictions.hours.0"},
		{"a short hour", open(Hours{From: "9:00", To: "10:00"}), "restrictions.hours.0"},
		{"an eighth day", open(Hours{From: "09:00", To: "10:00", Weekdays: []int{8}}),
			"restrictions.hours.0.weekdays"},
		{"a day twice", open(Hours{From: "09:00", To: "10:00", Weekdays: []int{1, 1}}),
			"restrictions.hours.0.weekdays"},
		{"too many hours", limit(func(r *Restrictions) {
			r.Hours = slices.Repeat([]Hours{{From: "09:00", To: "10:00"}}, 51)
		}), "restrictions.hours"},
		{"an unknown group", func(d *Definition) { d.Stacking.Group = "x" }, "stacking.group"},
		{"most of exclusive ones", func(d *Definition) { d.Stacking.Most = 1 }, "stacking.most"},
		{"most of common ones", func(d *Definition) { d.Stacking = Stacking{StackCommon, 2} }, ""},
		{"sold", func(d *Definition) { d.Consideration = "sold" }, "consideration"},
		{"for a kiss", func(d *Definition) { d.Consideration = "kiss" }, "consideration"},
		{"restored always", back(OnReturn{Restore: "always"}), "on_return.restore"},
		{"expired for good", back(OnReturn{Expired: "x"}), "on_return.expired"},
		{"grace of no days", back(OnReturn{Expired: "grace_days"}), "on_return.days"},
		{"days without grace", back(OnReturn{Days: 1}), "on_return.days"},
		{"grace", back(OnReturn{Expired: "grace_days", Days: 7}), ""},
		{"priced by chance", back(OnReturn{MinSpend: "x"}), "on_return.min_spend"},
		{"on an unknown event", trigger(Trigger{On: "x"}), "trigger.on"},
		{"on any tier", trigger(Trigger{On: OnTierReached}), "trigger.tier"},
		{"on a tier", trigger(Trigger{On: OnTierReached, Tier: "金卡"}), ""},
		{"a tier of idleness", trigger(Trigger{On: OnIdle, Days: 1, Tier: "x"}), "trigger.tier"},
		{"idle for no time", trigger(Trigger{On: OnIdle}), "trigger.days"},
		{"spent nothing", trigger(Trigger{On: OnSpend}), "trigger.amount"},
		{"spent another unit", trigger(Trigger{On: OnSpend, Amount: jpy}), "trigger.amount"},
		{"spent", trigger(Trigger{On: OnSpend, Amount: cny("1")}), ""},
		{"an amount of opening", trigger(Trigger{On: OnAccountOpened, Amount: cny("1")}),
			"trigger.amount"},
		{"a code without a hash", func(d *Definition) { d.PromoCode = &PromoCode{} }, "promo_code"},
		{"a code for all too often", func(d *Definition) {
			d.PromoCode = &PromoCode{Hash: "h", PerAccount: 1001}
		}, "promo_code.per_account"},
		{"a language that is none", func(d *Definition) { d.TermsText = map[string]string{"1": "x"} },
			"terms_text"},
		{"a long title", func(d *Definition) {
			d.Title = map[string]string{"en": strings.Repeat("x", 201)}
		}, "title"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, got := campaigned(t, drafted(), tenOff(c.edit))
			got = strings.TrimPrefix(strings.TrimPrefix(got, "CouponDefined"), "malformed ")
			if got, _, _ = strings.Cut(got, " "); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// What none but its holder may use is claimed by no code.
func TestHolderOnlyHasNoCode(t *testing.T) {
	holders := func(d *Definition) { d.Restrictions.HolderOnly = true }
	code := func(d *Definition) { d.PromoCode = &PromoCode{Hash: "h", Last4: "26", PerAccount: 1} }
	if _, got := campaigned(t, drafted(), tenOff(holders, code)); got != "malformed promo_code" {
		t.Errorf("got %s of a promo code, want malformed promo_code", got)
	}
	if _, got := streamed(t, drafted(), tenOff(holders), generate()); got != "malformed definition" {
		t.Errorf("got %s of a batch, want malformed definition", got)
	}
}

// A definition counts in the unit of the campaign's budget.
func TestDefinitionInAnotherUnit(t *testing.T) {
	_, got := campaigned(t, drafted(func(d *DraftCampaign) {
		d.Budgets.Discount = MustMoney("5", unit("JPY"))
	}), tenOff())
	if got != "malformed unit" {
		t.Errorf("got %s, want malformed unit", got)
	}
}
