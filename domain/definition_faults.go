package domain

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"
	"unicode/utf8"
)

// What a definition says of returned goods, see OnReturn.
const (
	RestoreFullOnly = "full_only"
	RestoreNever    = "never"
	RestoreForfeit  = "forfeit"
	RestoreGrace    = "grace_days"
	MinSpendKeep    = "keep"
	MinSpendReprice = "reprice"
)

// The bounds of a definition.
const (
	mostUses   = 1000
	mostPieces = 1000 // that one use gives, or asks to be bought
	mostNamed  = 100  // products, categories and the like in one list
	mostHours  = 50
	mostTitle  = 200 // bytes in one language
)

var definitionID = regexp.MustCompile(`^[a-z0-9-]{1,32}$`)

// faults notes what is wrong with a definition beside its version.
func (d *Definition) faults(f *faults) {
	f.want(definitionID.MatchString(d.ID), "id", "want 1 to 32 of [a-z0-9-]")
	f.want(unitCode.MatchString(d.Unit), "unit", "want a currency's code")
	d.valueFaults(f)
	f.amount(d.Cap, d.Unit, "cap")
	f.want(d.Uses >= 1 && d.Uses <= mostUses, "uses", "want 1 to 1000")
	d.Validity.faults(f)
	d.Restrictions.faults(f, d.Unit)
	f.want(slices.Contains([]StackingGroup{StackExclusive, StackCommon, StackAlways}, d.Stacking.Group),
		"stacking.group", "want exclusive, common or always")
	f.want(d.Stacking.Most == 0 ||
		d.Stacking.Group == StackCommon && d.Stacking.Most >= 1 && d.Stacking.Most <= mostNamed,
		"stacking.most", "want 1 to 100, of common ones alone")
	f.want(d.Consideration != "sold", "consideration",
		"what is sold is value, no coupon: sell a gift voucher, or a lot of a count unit")
	f.want(slices.Contains([]Consideration{ConsiderFree, ConsiderEarned, ConsiderCompensation, "sold"},
		d.Consideration), "consideration", "want free, earned or compensation")
	d.OnReturn.faults(f)
	if d.Trigger != nil {
		d.Trigger.faults(f, d.Unit)
	}
	if p := d.PromoCode; p != nil {
		f.want(p.Hash != "" && len(p.Hash) <= 100 && len(p.Last4) <= 4, "promo_code", "want a code")
		f.want(p.PerAccount >= 1 && p.PerAccount <= mostUses, "promo_code.per_account",
			"want 1 to 1000")
	}
	f.languages(d.TermsText, "terms_text", mostTermsText)
	f.languages(d.Title, "title", mostTitle)
}

// valueFaults wants the fields of the definition's kind, and no others.
func (d *Definition) valueFaults(f *faults) {
	v := &d.Value
	kind := func(kinds ...CouponKind) bool { return slices.Contains(kinds, d.Kind) }
	off, pieces := kind(ThresholdOff, AmountOff), kind(Exchange, FreeItem)
	if !off && !pieces && !kind(PercentOff) {
		f.want(false, "kind", "want threshold_off, amount_off, percent_off, exchange or free_item")
		return
	}
	of := func(part string) string { return "value." + part }
	absent := "is not of " + string(d.Kind)
	if off {
		f.want(v.Amount.unit == d.Unit && v.Amount.IsPositive(), of("amount"),
			"want more than zero, of unit "+d.Unit)
	} else {
		f.want(v.Amount.unit == "", of("amount"), absent)
	}
	if d.Kind == ThresholdOff {
		least := d.Restrictions.MinSpend
		f.want(least.unit == d.Unit && v.Amount.unit == d.Unit && !least.Less(v.Amount),
			"restrictions.min_spend", "want the threshold: the amount or more")
	}
	if kind(PercentOff) {
		f.want(isPercent(v.Percent) && v.Percent.Scale() <= 2, of("percent"),
			"want more than 0, at most 100, with at most 2 fraction digits")
	} else {
		f.want(v.Percent.IsZero(), of("percent"), absent)
	}
	if pieces {
		f.want(v.Get >= 1 && v.Get <= mostPieces, of("get"), "want 1 to 1000")
		f.named(v.Products, of("products"))
		f.named(v.Categories, of("categories"))
	} else {
		f.want(v.Get == 0, of("get"), absent)
		f.want(len(v.Products)+len(v.Categories) == 0, of("products"), absent)
	}
	if d.Kind == Exchange {
		f.want(len(v.Products)+len(v.Categories) > 0, of("products"),
			"want products or categories that are given")
	}
	if d.Kind == FreeItem {
		f.want(v.Buy >= 1 && v.Buy <= mostPieces, of("buy"), "want 1 to 1000")
	} else {
		f.want(v.Buy == 0, of("buy"), absent)
	}
}

func (v Validity) faults(f *faults) {
	f.want(v.Until.IsZero() || v.Until.After(v.From), "validity.until", "want a time after from")
	f.want(v.From.Year() <= 9999 && v.Until.Year() <= 9999, "validity.from", "want years up to 9999")
	relative := v.Days != 0 || v.AfterDays != 0
	f.want(!relative || v.From.IsZero() && v.Until.IsZero(), "validity.days",
		"want days, or instants, not both")
	f.want(!relative || v.Days >= 1 && v.Days <= mostDays, "validity.days", "want 1 to 36500")
	f.want(v.AfterDays >= 0 && v.AfterDays <= mostDays, "validity.after_days", "want 0 to 36500")
}

func (r *Restrictions) faults(f *faults, unit string) {
	of := func(part string) string { return "restrictions." + part }
	f.amount(r.MinSpend, unit, of("min_spend"))
	f.want(r.Basis == "" && r.MinSpend.unit == "" || r.MinSpend.unit != "" &&
		slices.Contains([]Basis{BasisEligible, BasisOrder, BasisGross}, r.Basis),
		of("basis"), "want eligible, order or gross, with min_spend alone")
	f.named(r.Products, of("products"))
	f.named(r.Categories, of("categories"))
	f.named(r.NotProducts, of("not_products"))
	f.named(r.NotCategories, of("not_categories"))
	f.named(r.Segments, of("segments"))
	f.want(r.Scope.valid(), of("scope"), "want at most 100 stores and 100 channels")
	f.want(len(r.Tiers) <= mostNamed && !slices.ContainsFunc(r.Tiers, notATier), of("tiers"),
		"want at most 100, each of 1 to 64 bytes of printable UTF-8")
	f.want(len(r.Hours) <= mostHours, of("hours"), "want at most 50")
	for i, h := range r.Hours {
		h.faults(f, fmt.Sprint(of("hours"), ".", i))
	}
}

func notATier(s string) bool { return s == "" || len(s) > 64 || !printable(s) }

func (h Hours) faults(f *faults, at string) {
	from, until := minutes(h.From), minutes(h.To)
	f.want(from >= 0 && from < until, at, "want from and to as HH:MM, the one before the other")
	odd := func(n int) bool { return n < 1 || n > 7 }
	f.want(!slices.ContainsFunc(h.Weekdays, odd) && rises(h.Weekdays), at+".weekdays",
		"want 1 to 7, each once")
}

// rises reports that each number is above the one before it.
func rises(numbers []int) bool {
	for i := 1; i < len(numbers); i++ {
		if numbers[i] <= numbers[i-1] {
			return false
		}
	}
	return true
}

// minutes is the minute of the day that HH:MM names, 24:00 its end; −1 for any other text.
func minutes(text string) int {
	if text == "24:00" {
		return 24 * 60
	}
	t, err := time.Parse("15:04", text)
	if err != nil || len(text) != len("15:04") {
		return -1
	}
	return t.Hour()*60 + t.Minute()
}

func (o OnReturn) faults(f *faults) {
	f.want(o.Restore == RestoreFullOnly || o.Restore == RestoreNever, "on_return.restore",
		"want full_only or never")
	f.want(o.Expired == RestoreForfeit || o.Expired == RestoreGrace, "on_return.expired",
		"want forfeit or grace_days")
	grace := o.Expired == RestoreGrace
	f.want(grace && o.Days >= 1 && o.Days <= mostDays || !grace && o.Days == 0, "on_return.days",
		"want 1 to 36500 with grace_days, none else")
	f.want(o.MinSpend == MinSpendKeep || o.MinSpend == MinSpendReprice, "on_return.min_spend",
		"want keep or reprice")
}

func (t *Trigger) faults(f *faults, unit string) {
	f.want(slices.Contains([]TriggerEvent{OnAccountOpened, OnFirstTopUp, OnBirthdayMonth, OnTierReached,
		OnIdle, OnSpend}, t.On), "trigger.on",
		"want account_opened, first_top_up, birthday_month, tier_reached, idle or spend")
	f.want(t.On == OnTierReached && !notATier(t.Tier) || t.On != OnTierReached && t.Tier == "",
		"trigger.tier", "want the tier of tier_reached, none else")
	f.want(t.On == OnIdle && t.Days >= 1 && t.Days <= mostDays || t.On != OnIdle && t.Days == 0,
		"trigger.days", "want 1 to 36500 of idle, none else")
	f.want(t.On == OnSpend && t.Amount.unit == unit && t.Amount.IsPositive() ||
		t.On != OnSpend && t.Amount.unit == "", "trigger.amount",
		"want more than zero of spend, of unit "+unit+", none else")
}

// named wants a short list of the shop's own names.
func (f *faults) named(names []string, field string) {
	f.want(len(names) <= mostNamed && !slices.ContainsFunc(names, notAName), field,
		"want at most 100, each of 1 to 64 of [A-Za-z0-9._:-]")
}

// languages wants texts by language, each of at most so many bytes.
func (f *faults) languages(texts map[string]string, field string, most int) {
	f.want(len(texts) <= mostLanguages, field, fmt.Sprint("want at most ", mostLanguages, " languages"))
	for _, tag := range slices.Sorted(maps.Keys(texts)) {
		f.want(language.MatchString(tag), field, "want languages as in BCP 47: en, zh-Hans")
		text := texts[tag]
		f.want(text != "" && len(text) <= most && utf8.ValidString(text), field,
			fmt.Sprint("want 1 to ", most, " bytes of UTF-8"))
	}
}
