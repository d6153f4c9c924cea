package projections

import (
	"slices"
	"strings"

	"github.com/tillbook/tillbook/domain"
)

// watch draws what may be waited for.
func (a *asker) watch() Watch {
	on := []domain.TriggerEvent{domain.OnAccountOpened, domain.OnFirstTopUp, domain.OnTierReached, domain.OnSpend,
		domain.OnIdle}
	w := Watch{Campaign: &domain.Campaign{ID: []string{"shop", "shop", "past"}[a.r.IntN(3)]},
		Definition: &domain.Definition{ID: definitionNames[a.r.IntN(len(definitionNames))]},
		At:         a.last.AddDate(0, 0, a.r.IntN(10))}
	w.Definition.Trigger = &domain.Trigger{On: on[a.r.IntN(len(on))], Amount: cny.Steps(int64(a.r.IntN(6000))),
		Tier: []string{"gold", "silver", "plain"}[a.r.IntN(3)], Days: 1 + a.r.IntN(15)}
	if a.r.IntN(2) == 0 {
		w.Campaign.Terms.Begins = a.about(a.any("history"), "recorded_at")
	}
	return w
}

// granted reports whether an occasion was.
func (o *oracle) granted(w Watch, account, name string) bool {
	return len(o.rows("occasions", "coupon_id", func(row reckoned) bool {
		return row["account_id"] == account && row["campaign"] == w.Campaign.ID && row["name"] == name &&
			strings.HasPrefix(row["definition"], w.Definition.ID+"@")
	})) > 0
}

// since is where the campaign became active with the definition.
func (o *oracle) since(w Watch) (at int64) {
	defined := false
	for _, row := range o.rows("history", "position", func(row reckoned) bool {
		return row["stream"] == domain.CampaignStream(w.Campaign.ID)
	}) {
		switch row["type"] {
		case "CouponDefined":
			if fromJSON[domain.CouponDefined](o, row["detail"]).ID == w.Definition.ID {
				defined, at = true, 0
			}
		case "CampaignActivated":
			if defined && at == 0 {
				at = row.number("position")
			}
		}
	}
	return at
}

// occasion is what an event is to a trigger, by its name.
func (o *oracle) occasion(t *domain.Trigger, row reckoned) (name string) {
	switch {
	case t.On == domain.OnAccountOpened && row["type"] == "AccountOpened":
		return "account_opened"
	case t.On == domain.OnFirstTopUp && row["type"] == "TopUpPosted" && o.firstTopUp(row):
		return "first_top_up"
	case t.On == domain.OnTierReached && row["type"] == "TierChanged":
		changed := fromJSON[domain.TierChanged](o, row["detail"])
		late := []domain.TierCause{"day_end", "reached", "reached_late"}
		if changed.To == t.Tier && slices.Contains(late, changed.Cause) {
			return "tier:" + row["event_id"]
		}
	case t.On == domain.OnSpend && row["actor"] != "system":
		unit, amount := row["unit"], row["amount"]
		switch row["operation"] {
		case "checkout":
			sale := o.tables["checkouts"][row["operation_id"]]
			unit, amount = sale["unit"], sale["net"]
		case "debit", "capture":
		default:
			return ""
		}
		paid := reckoned{"steps": strings.ReplaceAll(amount, ".", "")}
		if enough := paid.number("steps") >= smallest(t.Amount.Quantity); enough && unit == t.Amount.Unit() &&
			row["status"] != "declined" {
			return "sale:" + row["operation_id"]
		}
	}
	return ""
}

// firstTopUp is that all top-ups before were reversed, and this one was not cancelled.
func (o *oracle) firstTopUp(of reckoned) bool {
	first, paid := true, int64(0)
	for _, row := range o.tables["history"] {
		if row["stream"] != of["stream"] {
			continue
		}
		if row["cancels"] == of["operation_id"] {
			first = false
		}
		if before := row.number("revision") < of.number("revision"); before && row["type"] == "TopUpPosted" {
			paid++
		} else if before && row["type"] == "TopUpReversed" {
			paid--
		}
	}
	return first && paid == 0
}

// occasions compares what a trigger waited for, looked at in parts of a random size.
func (a *asker) occasions() {
	w := a.watch()
	limit, got := 1+a.r.IntN(5), []string(nil)
	var place Place
	for more := true; more; {
		var found []Occasion
		var err error
		if found, place, more, err = a.m.Occasions(a.Context(), w, place, limit); err != nil {
			a.Fatal(err)
		}
		for _, f := range found {
			got = append(got, lineOf(f.Account, f.Name))
		}
	}
	var want []string
	member := func(id string) bool { return a.tables["accounts"][id]["kind"] == "member" && !a.ended(id) }
	if t := w.Definition.Trigger; t.On == domain.OnIdle {
		for _, row := range a.rows("accounts", "active_at, id", func(row reckoned) bool {
			return member(row["id"]) && row["active_at"] != "" &&
				!row.time("active_at").After(w.At.AddDate(0, 0, -t.Days))
		}) {
			if name := "idle:" + row["active_at"][:10]; !a.granted(w, row["id"], name) {
				want = append(want, lineOf(row["id"], name))
			}
		}
	} else if since := a.since(w); since > 0 {
		for _, row := range a.rows("history", "position", func(row reckoned) bool {
			return row.number("position") > since && member(row["account_id"]) && row["channel"] != "import" &&
				!row.time("recorded_at").Before(w.Campaign.Terms.Begins)
		}) {
			if name := a.occasion(t, row); name != "" && !a.granted(w, row["account_id"], name) {
				want = append(want, lineOf(row["account_id"], name))
			}
		}
	}
	what := lineOf("occasions of", asJSON(a, w.Definition.Trigger), w.Campaign.ID, w.Campaign.Terms.Begins)
	a.inOrder(what, got, want)
	if again, _, _, err := a.m.Occasions(a.Context(), w, place, limit); err != nil || len(again) > 0 {
		a.Fatalf("%s: got %+v, %v behind the last, want none", what, again, err)
	}
}

// consenting compares customers who allow marketing, but for those who had an occasion.
func (a *asker) consenting() {
	w, name := a.watch(), a.any("occasions")["name"]
	limit, got := 1+a.r.IntN(3), []string(nil)
	var place Place
	for more := true; more; {
		var found []Occasion
		var err error
		if found, place, more, err = a.m.Consenting(a.Context(), w, name, place, limit); err != nil {
			a.Fatal(err)
		}
		for _, f := range found {
			got = append(got, lineOf(f.Account, f.Name))
		}
	}
	var want []string
	for _, row := range a.rows("customers", "position", func(row reckoned) bool {
		consents := fromJSON[map[string]domain.Consent](a, row["consents"])
		return consents[domain.ConsentMarketing].Granted() && !a.granted(w, row["id"], name)
	}) {
		want = append(want, lineOf(row["id"], name))
	}
	a.inOrder(lineOf("consenting without", name), got, want)
}
