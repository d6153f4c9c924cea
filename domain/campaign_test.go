package domain

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// drafted is a campaign's draft, which edits may change.
func drafted(edits ...func(*DraftCampaign)) DraftCampaign {
	d := DraftCampaign{ID: "spring", CampaignTerms: CampaignTerms{Name: "Spring"}}
	for _, edit := range edits {
		edit(&d)
	}
	return d
}

// tenOff defines ten off from a hundred in spring, unless edits change it.
func tenOff(edits ...func(*Definition)) DefineCoupon {
	d := DefineCoupon{CampaignID: "spring", Definition: Definition{
		ID: "ten", Kind: ThresholdOff, Unit: "CNY", Value: CouponValue{Amount: cny("10")},
		Restrictions: Restrictions{MinSpend: cny("100")}}}
	for _, edit := range edits {
		edit(&d.Definition)
	}
	return d
}

// by is a registration by another person than those who did what came before.
type by struct {
	Registration
	actor string
}

// campaigned is what a campaign's stream tells after registrations, and what the last of them was answered.
func campaigned(t *testing.T, all ...Registration) (*Campaign, string) {
	t.Helper()
	past, answer := streamed(t, all...)
	return CampaignOf(past), answer
}

// streamed posts registrations on one stream, a day apart, and is the stream and what the last of them
// was answered.
func streamed(t *testing.T, all ...Registration) (before []Posted, answer string) {
	t.Helper()
	for i, r := range all {
		actor := "maker"
		if other, ok := r.(by); ok {
			r, actor = other.Registration, other.actor
		}
		at := noon.Add(time.Duration(i) * day)
		posted, err := Register(before, r, Moment{Recorded: at, Decided: at, Actor: actor})
		if answer = refusedBy(err); err != nil {
			continue
		}
		for _, p := range posted {
			kind, data, metadata, err := Encode(p)
			if err != nil {
				t.Fatal(err)
			}
			read, err := Decode(kind, data, metadata, p.Revision)
			if err != nil {
				t.Fatal(err)
			}
			before, answer = append(before, read), kind
		}
		if differing := DifferingRegistration(before[len(before)-1], r); len(differing) > 0 {
			t.Fatalf("a repeat of %T differs in %v", r, differing)
		}
	}
	return before, answer
}

func TestCampaignLife(t *testing.T) {
	id := "spring"
	approved := by{ApproveCampaign{id}, "checker"}
	active := ActivateCampaign{id}
	pause, end := PauseCampaign{id, "why"}, EndCampaign{id, "why"}
	other := by{tenOff(func(d *Definition) { d.ID = "other" }), "second maker"}
	for _, c := range []struct {
		name   string
		all    []Registration
		want   string
		status CampaignStatus
	}{
		{"drafted", []Registration{drafted()}, "CampaignDrafted", CampaignIsDraft},
		{"drafted twice", []Registration{drafted(), drafted()}, "reference_used", CampaignIsDraft},
		{"defined in nothing", []Registration{tenOff()}, "not_found", ""},
		{"defined", []Registration{drafted(), tenOff()}, "CouponDefined", CampaignIsDraft},
		{"approved before it is there", []Registration{approved}, "not_found", ""},
		{"approved without a definition", []Registration{drafted(), approved}, "campaign_status",
			CampaignIsDraft},
		{"approved by its maker", []Registration{drafted(), tenOff(), ApproveCampaign{id}},
			"maker_is_checker", CampaignIsDraft},
		{"approved by who defined in it", []Registration{drafted(), other,
			by{ApproveCampaign{id}, "second maker"}}, "maker_is_checker", CampaignIsDraft},
		{"approved", []Registration{drafted(), tenOff(), approved}, "CampaignApproved",
			CampaignIsApproved},
		{"approved twice", []Registration{drafted(), tenOff(), approved, approved}, "campaign_status",
			CampaignIsApproved},
		{"activated as a draft", []Registration{drafted(), tenOff(), active}, "campaign_status",
			CampaignIsDraft},
		{"activated", []Registration{drafted(), tenOff(), approved, active}, "CampaignActivated",
			CampaignIsActive},
		{"activated twice", []Registration{drafted(), tenOff(), approved, active, active},
			"campaign_status", CampaignIsActive},
		{"activated when it is over", []Registration{drafted(func(d *DraftCampaign) {
			d.Ends = noon.Add(3 * day)
		}), tenOff(), approved, active}, "campaign_status", CampaignIsApproved},
		{"paused as a draft", []Registration{drafted(), pause}, "campaign_status", CampaignIsDraft},
		{"paused for no reason", []Registration{drafted(), PauseCampaign{ID: id}}, "malformed reason",
			CampaignIsDraft},
		{"paused", []Registration{drafted(), tenOff(), approved, active, pause}, "CampaignPaused",
			CampaignIsPaused},
		{"resumed", []Registration{drafted(), tenOff(), approved, active, pause, active},
			"CampaignActivated", CampaignIsActive},
		{"defined while active", []Registration{drafted(), tenOff(), approved, active, other},
			"campaign_status", CampaignIsActive},
		{"defined once approved", []Registration{drafted(), tenOff(), approved, other},
			"CouponDefined", CampaignIsDraft},
		{"defined while paused", []Registration{drafted(), tenOff(), approved, active, pause, tenOff()},
			"CouponDefined", CampaignIsDraft},
		{"activated after that", []Registration{drafted(), tenOff(), approved, active, pause, tenOff(),
			active}, "campaign_status", CampaignIsDraft},
		{"approved by the new maker", []Registration{drafted(), tenOff(), approved, other,
			by{ApproveCampaign{id}, "second maker"}}, "maker_is_checker", CampaignIsDraft},
		{"ended as a draft", []Registration{drafted(), end}, "CampaignEnded", CampaignIsEnded},
		{"ended for no reason", []Registration{drafted(), EndCampaign{ID: id}}, "malformed reason",
			CampaignIsDraft},
		{"ended twice", []Registration{drafted(), end, end}, "campaign_status", CampaignIsEnded},
		{"activated once ended", []Registration{drafted(), tenOff(), approved, end, active},
			"campaign_status", CampaignIsEnded},
		{"defined once ended", []Registration{drafted(), end, tenOff()}, "campaign_status",
			CampaignIsEnded},
		{"nothing to end", []Registration{end}, "not_found", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			campaign, got := campaigned(t, c.all...)
			if got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
			if campaign == nil {
				campaign = &Campaign{}
			}
			if campaign.Status != c.status {
				t.Errorf("got status %q, want %q", campaign.Status, c.status)
			}
		})
	}
}

// What a key did is not what it asks for under the same key when that is another step.
func TestCampaignStepsDiffer(t *testing.T) {
	p := Posted{Event: CampaignActivated{CampaignID: "spring"}}
	if d := DifferingRegistration(p, ApproveCampaign{"spring"}); len(d) != 1 || d[0] != "operation" {
		t.Errorf("got %v, want operation", d)
	}
}

// A version follows the last one; both stay as they are, and a campaign's JSON is the campaign.
func TestVersions(t *testing.T) {
	c, _ := campaigned(t, drafted(), tenOff(), tenOff(func(d *Definition) { d.Uses = 3 }),
		tenOff(func(d *Definition) { d.ID = "other" }))
	first, ok := c.Definition("ten@1")
	second, known := c.Definition("ten@2")
	if !ok || !known || first.Uses != 1 || second.Uses != 3 || c.Last("ten") != second {
		t.Fatalf("got %+v and %+v", first, second)
	}
	if d, ok := c.Definition("other@1"); !ok || d.Stacking.Group != StackExclusive ||
		d.Consideration != ConsiderFree || d.OnReturn != (OnReturn{Restore: "full_only",
		Expired: "forfeit", MinSpend: "keep"}) || d.Restrictions.Basis != BasisEligible {
		t.Errorf("got %+v, want the defaults", d)
	}
	if _, ok := c.Definition("ten@3"); ok || c.Last("none") != nil {
		t.Error("found what was never defined")
	}
	text, err := json.Marshal(c)
	var read Campaign
	if err == nil {
		err = json.Unmarshal(text, &read)
	}
	again, _ := json.Marshal(&read)
	if err != nil || string(again) != string(text) {
		t.Errorf("got %s, want %s: %v", again, text, err)
	}
}

func TestMostDefinitions(t *testing.T) {
	all := []Registration{drafted()}
	for range mostDefinitions {
		all = append(all, tenOff())
	}
	if _, got := campaigned(t, all...); got != "CouponDefined" {
		t.Errorf("got %s, want CouponDefined", got)
	}
	if _, got := campaigned(t, append(all, tenOff())...); got != "limit_exceeded" {
		t.Errorf("got %s, want limit_exceeded", got)
	}
}

// TestCampaignTerms is the table of what is wrong with a draft.
func TestCampaignTerms(t *testing.T) {
	for _, c := range []struct {
		name string
		edit func(*DraftCampaign)
		want string // the fields to blame
	}{
		{"all there is", func(d *DraftCampaign) {
			d.Begins, d.Ends, d.Channels = noon, noon.Add(day), []string{"partner", "online"}
			d.Budgets = Budgets{Issues: 1, PerAccount: 1, Redemptions: 1, Discount: cny("1")}
			d.Partner, d.CostShare = "bank", percent("50")
		}, ""},
		{"no id", func(d *DraftCampaign) { d.ID = "" }, "id"},
		{"capitals", func(d *DraftCampaign) { d.ID = "S" }, "id"},
		{"a long id", func(d *DraftCampaign) { d.ID = strings.Repeat("x", 65) }, "id"},
		{"no name", func(d *DraftCampaign) { d.Name = "" }, "name"},
		{"a long name", func(d *DraftCampaign) { d.Name = strings.Repeat("x", 101) }, "name"},
		{"ends first", func(d *DraftCampaign) { d.Begins, d.Ends = noon.Add(day), noon.Add(day) }, "ends"},
		{"over already", func(d *DraftCampaign) { d.Ends = noon }, "ends"},
		{"an unknown channel", func(d *DraftCampaign) { d.Channels = []string{"x"} }, "channels"},
		{"a channel twice", func(d *DraftCampaign) { d.Channels = []string{"online", "online"} },
			"channels"},
		{"issues below nothing", func(d *DraftCampaign) { d.Budgets.Issues = -1 }, "budgets.issues"},
		{"per account below nothing", func(d *DraftCampaign) { d.Budgets.PerAccount = -1 },
			"budgets.per_account"},
		{"redemptions below nothing", func(d *DraftCampaign) { d.Budgets.Redemptions = -1 },
			"budgets.redemptions"},
		{"a discount of nothing", func(d *DraftCampaign) { d.Budgets.Discount = cny("0") },
			"budgets.discount"},
		{"a long partner", func(d *DraftCampaign) { d.Partner = strings.Repeat("x", 65) }, "partner"},
		{"a share of nobody", func(d *DraftCampaign) { d.CostShare = percent("1") }, "partner"},
		{"more than all", func(d *DraftCampaign) { d.Partner, d.CostShare = "b", percent("101") },
			"cost_share"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, got := campaigned(t, drafted(c.edit))
			got = strings.TrimPrefix(strings.TrimPrefix(got, "CampaignDrafted"), "malformed ")
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
