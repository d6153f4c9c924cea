package domain

import (
	"strings"
	"testing"
	"time"
)

// TestPointsTerms is the table of what is wrong with rules of points, field by field.
func TestPointsTerms(t *testing.T) {
	rule := func(edit func(*PointsRule)) Terms { return Terms{Points: []PointsRule{earning(edit)}} }
	converting := func(c Conversion) Terms {
		c.ID = "c"
		return rule(func(r *PointsRule) { r.Conversions = []Conversion{c} })
	}
	times := func(q string) map[string]Quantity { return map[string]Quantity{"gold": percent(q)} }
	spend := func(s PointsSpend) Terms { return rule(func(r *PointsRule) { r.Spend = &s }) }
	for _, c := range []struct {
		name  string
		terms Terms
		want  string // the fields to blame, of the first rule
	}{
		{"a rule", rule(func(*PointsRule) {}), ""},
		{"no id", rule(func(r *PointsRule) { r.ID = "" }), "id"},
		{"no points", rule(func(r *PointsRule) { r.Points = Money{} }), "points"},
		{"none for any amount", rule(func(r *PointsRule) { r.Points = pts("0") }), ""},
		{"for nothing", rule(func(r *PointsRule) { r.Per = cny("0") }), "per"},
		{"for points", rule(func(r *PointsRule) { r.Per = pts("1") }), "per"},
		{"minimum of another unit", rule(func(r *PointsRule) { r.Minimum = pts("1") }), "minimum"},
		{"ends before it begins", rule(func(r *PointsRule) { r.Begins, r.Ends = noon, noon }), "ends"},
		{"no stores' names", rule(func(r *PointsRule) { r.Scope.Stores = []string{" "} }), "scope"},
		{"pending for less than no time", rule(func(r *PointsRule) { r.PendingDays = -1 }), "pending_days"},
		{"two ways to end", rule(func(r *PointsRule) { r.Expiry = Expiry{Days: 1, EndOf: "year"} }), "expiry"},
		{"a hundred times", rule(func(r *PointsRule) { r.Tiers = times("100") }), ""},
		{"more", rule(func(r *PointsRule) { r.Tiers = times("100.0001") }), "tiers"},
		{"less than nothing", rule(func(r *PointsRule) { r.Categories = times("-1") }), "categories"},
		{"campaigns of one id", rule(func(r *PointsRule) {
			r.Campaigns = []PointsCampaign{{ID: "a"}, {ID: "a", Begins: noon, Ends: noon.Add(-1)}}
		}), "campaigns.1.id campaigns.1.ends"},
		{"limits of another unit", rule(func(r *PointsRule) {
			r.Limits = PointsLimits{Sale: cny("1"), Day: pts("0"), Month: miles("1"), Over: "x"}
		}), "limits.sale limits.day limits.month limits.over"},
		{"spent", spend(PointsSpend{Points: pts("100"), Worth: cny("1"), Share: percent("50")}), ""},
		{"spent for points", spend(PointsSpend{Points: pts("100"), Worth: pts("1")}), "spend.worth"},
		{"spent for nothing", spend(PointsSpend{Points: pts("0"), Worth: cny("1"), Step: cny("1"),
			Share: percent("101")}), "spend.points spend.step spend.share"},
		{"into credit", converting(Conversion{Into: IntoCredit, Points: pts("1"), Credit: cny("1")}), ""},
		{"into a coupon", converting(Conversion{Into: IntoCoupon, Points: pts("1"), Campaign: "c",
			Definition: "d"}), ""},
		{"into a thing", converting(Conversion{Into: IntoGift, Points: pts("1"), Gift: "mug"}), ""},
		{"into what", converting(Conversion{Into: "x", Points: cny("1")}),
			"conversions.0.points conversions.0.into"},
		{"into no credit", converting(Conversion{Into: IntoCredit, Points: pts("1"), Gift: "mug"}),
			"conversions.0.credit conversions.0.gift"},
		{"into no coupon", converting(Conversion{Into: IntoCoupon, Points: pts("1"), Credit: cny("1")}),
			"conversions.0.credit conversions.0.campaign conversions.0.definition"},
		{"into no thing", converting(Conversion{Into: IntoGift, Points: pts("1"), Campaign: "c"}),
			"conversions.0.campaign conversions.0.gift"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := published(t, PublishProgram{ID: "p", New: true, Terms: c.terms})
			got := strings.ReplaceAll(strings.TrimPrefix(refusedBy(err), "malformed "), "terms.points.0.", "")
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// TestPointsTermsAreWhole: what nobody asked for stands in the terms, and instants are in UTC.
func TestPointsTermsAreWhole(t *testing.T) {
	east := time.FixedZone("east", 8*3600)
	p, err := published(t, PublishProgram{ID: "p", New: true, Terms: Terms{Points: []PointsRule{
		earning(func(r *PointsRule) {
			r.Begins, r.Limits.Day = noon.In(east), pts("5")
			r.Spend = &PointsSpend{Points: pts("100"), Worth: cny("1")}
			r.Campaigns = []PointsCampaign{{ID: "a", Begins: noon.In(east)}}
		})}}})
	if err != nil {
		t.Fatal(err)
	}
	r := p.Terms.Points[0]
	if r.Limits.Over != OverReduce || !r.Spend.Step.Equal(pts("100")) {
		t.Errorf("got over %q, steps of %s", r.Limits.Over, r.Spend.Step)
	}
	if r.Begins.Location() != time.UTC || r.Campaigns[0].Begins.Location() != time.UTC {
		t.Errorf("got %s and %s, want UTC", r.Begins, r.Campaigns[0].Begins)
	}
}
