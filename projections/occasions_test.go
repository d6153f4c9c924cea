package projections

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/projections/placetest"
)

// happening is an event of an account, and answers its position.
func (t *occasionTest) happening(account, kind, operation, detail string) int {
	t.Helper()
	return t.event("account-"+domain.AccountID(account).String(), kind, operation, detail)
}

type occasionTest struct {
	*testing.T
	m        *Models
	position int
}

// event is a row of history at the next position, which it answers.
func (t *occasionTest) event(stream, kind, operation, detail string) int {
	t.Helper()
	t.position++
	channel, unit, amount := any(nil), any(nil), any(nil)
	if strings.HasPrefix(operation, "import ") {
		channel, operation = "import", strings.TrimPrefix(operation, "import ")
	}
	if kind == "DebitPosted" {
		unit, amount, detail = "CNY", detail, ""
	}
	edit(t, t.m, `INSERT INTO history (position, stream, revision, event_id, type, operation_id, operation,
		actor, channel, recorded_at, unit, amount, detail) VALUES (?, ?, ?, ?, ?, ?, ?, 'a', ?, ?, ?, ?, ?)`,
		t.position, stream, t.position, fmt.Sprint("e", t.position), kind, fmt.Sprint("o", t.position),
		Null(operation), channel, NullTime(asked), unit, amount, Null(detail))
	edit(t, t.m, `INSERT INTO checkpoint VALUES (1, ?, ?, '', 0)
		ON CONFLICT (one) DO UPDATE SET position = excluded.position`, t.position, uuid.UUID{15: 1}.String())
	return t.position
}

// TestOccasions has one row for each trigger: what it waits for, and what it passes over.
func TestOccasions(t *testing.T) {
	o := &occasionTest{T: t, m: open(t, placetest.Place(t), memory(t), Options{})}
	for i, ref := range []string{"A", "B", "C", "D"} {
		status, active := "open", asked.AddDate(0, 0, -10*i).UTC()
		if ref == "D" {
			status = "closed"
		}
		edit(t, o.m, `INSERT INTO accounts (id, customer_ref, kind, status, freezes, opened_at, recorded_at,
			revision, position, dormant_step, active_at) VALUES (?, ?, 'member', ?, '[]', ?, ?, 0, 0, 0, ?)`,
			domain.AccountID(ref).String(), ref, status, NullTime(asked), NullTime(asked), NullTime(active))
	}
	campaign := domain.CampaignStream("auto")
	o.happening("A", "AccountOpened", "open", "{}")
	o.event(campaign, "CouponDefined", "", `{"definition_id":"d"}`)
	o.happening("A", "TopUpPosted", "top_up", "")
	o.event(campaign, "CampaignActivated", "", "{}")
	o.happening("B", "AccountOpened", "open", "{}")
	o.happening("C", "AccountOpened", "import open", "{}")
	o.happening("D", "AccountOpened", "open", "{}")
	o.happening("A", "TopUpPosted", "top_up", "")
	o.happening("B", "TopUpPosted", "top_up", "") // and is cancelled
	edit(t, o.m, "UPDATE history SET cancels = ? WHERE position = ?", fmt.Sprint("o", o.position),
		o.happening("B", "TopUpReversed", "cancel", ""))
	o.happening("B", "TopUpPosted", "top_up", "")
	o.happening("B", "TopUpPosted", "top_up", "")
	o.happening("C", "TopUpPosted", "import top_up", "")
	o.happening("C", "TopUpReversed", "reverse_top_up", "")
	o.happening("C", "TopUpPosted", "top_up", "")
	o.happening("A", "DebitPosted", "debit", "49.99")
	o.happening("A", "DebitPosted", "debit", "50.00")
	o.happening("B", "DebitPosted", "", "60.00") // of the checkout that follows
	o.happening("B", "CheckoutPosted", "checkout", `{"unit":"CNY","net":"70.00"}`)
	o.happening("B", "CheckoutPosted", "checkout", `{"unit":"JPY","net":"9000"}`)
	o.happening("A", "TierChanged", "", `{"to":"gold","cause":"reached"}`)
	o.happening("B", "TierChanged", "", `{"to":"gold","cause":"period_end"}`)
	edit(t, o.m, "INSERT INTO occasions VALUES (?, 'x', 'auto', 'd@1', ?)", domain.AccountID("B").String(),
		"idle:"+asked.AddDate(0, 0, -10).UTC().Format(time.DateOnly))
	o.happening("C", "AccountOpened", "open", "{}")
	edit(t, o.m, "INSERT INTO occasions VALUES (?, 'y', 'auto', 'd@1', 'account_opened')",
		domain.AccountID("C").String())

	for want, trigger := range map[string]domain.Trigger{
		"B account_opened":               {On: domain.OnAccountOpened},
		"B first_top_up, C first_top_up": {On: domain.OnFirstTopUp},
		"A sale, B sale":                 {On: domain.OnSpend, Amount: yuan("50.00")},
		"A tier":                         {On: domain.OnTierReached, Tier: "gold"},
		"C idle:2026-05-25":              {On: domain.OnIdle, Days: 9},
		"":                               {On: domain.OnIdle, Days: 30},
	} {
		w := Watch{Campaign: &domain.Campaign{ID: "auto"}, At: asked,
			Definition: &domain.Definition{ID: "d", Version: 2, Trigger: &trigger}}
		var got []string
		var next Place
		for range 5 {
			found, behind, _, err := o.m.Occasions(t.Context(), w, next, 1)
			if err != nil {
				t.Fatal(err)
			}
			for _, one := range found {
				name, _, _ := strings.Cut(one.Name, ":o")
				name, _, _ = strings.Cut(name, ":e")
				got = append(got, o.ref(one.Account)+" "+name)
			}
			next = behind
		}
		if text := strings.Join(got, ", "); text != want {
			t.Errorf("%s: got %s, want %s", trigger.On, text, want)
		}
		if next.Position != eventstore.Position(o.position) && trigger.On != domain.OnIdle {
			t.Errorf("%s: goes on at %d, want the end, %d", trigger.On, next.Position, o.position)
		}
	}
	never := Watch{Campaign: &domain.Campaign{ID: "other"}, At: asked, Definition: &domain.Definition{
		ID: "d", Trigger: &domain.Trigger{On: domain.OnAccountOpened}}}
	if found, next, _, err := o.m.Occasions(t.Context(), never, Place{}, 9); len(found) > 0 || next != (Place{}) ||
		err != nil {
		t.Errorf("a campaign that never was active: got %v, %v, %v", found, next, err)
	}
}

// TestConsenting: who may have a birthday is looked for among those who allow marketing, and passed over
// once it was granted, of whatever version; not where that was of another campaign, or another year's.
func TestConsenting(t *testing.T) {
	m := open(t, t.TempDir(), memory(t), Options{})
	for i, ref := range []string{"A", "B", "C", "D"} {
		consents := `{"marketing":{"granted_at":"2026-01-01"}}`
		if ref == "D" {
			consents = "{}"
		}
		edit(t, m, "INSERT INTO customers (id, tags, consents, revision, position) VALUES (?, '[]', ?, 0, ?)",
			domain.AccountID(ref).String(), consents, i+1)
	}
	for ref, granted := range map[string][2]string{"A": {"auto", "birthday:2026"},
		"B": {"other", "birthday:2026"}, "C": {"auto", "birthday:2025"}} {
		edit(t, m, "INSERT INTO occasions VALUES (?, ?, ?, 'd@1', ?)", domain.AccountID(ref).String(), ref,
			granted[0], granted[1])
	}
	w := Watch{Campaign: &domain.Campaign{ID: "auto"}, At: asked, Definition: &domain.Definition{ID: "d",
		Version: 2, Trigger: &domain.Trigger{On: domain.OnBirthdayMonth}}}
	found, _, more, err := m.Consenting(t.Context(), w, "birthday:2026", Place{}, 9)
	var got []string
	for _, o := range found {
		got = append(got, (&occasionTest{T: t}).ref(o.Account))
	}
	if text := strings.Join(got, " "); text != "B C" || more || err != nil {
		t.Errorf("got %s, %t, %v, want B C", text, more, err)
	}
}

// TestOccasionsDue: what time brings about is looked for among those alone whom it has reached, however
// many accounts and customers there are, a page at a time.
func TestOccasionsDue(t *testing.T) {
	m := open(t, placetest.Place(t), memory(t), Options{})
	if err := m.Rebuild(t.Context(), nil); err != nil { // with all indexes
		t.Fatal(err)
	}
	w := Watch{Campaign: &domain.Campaign{ID: "auto"}, At: asked, Definition: &domain.Definition{ID: "d",
		Version: 1, Trigger: &domain.Trigger{On: domain.OnIdle, Days: 9}}}
	idle, idleArgs := w.idle(Place{})
	consenting, consentingArgs := w.consenting("birthday:2026", Place{})
	for index, q := range map[string]struct {
		text string
		args []any
	}{
		"a USING INDEX accounts_by_activity (": {idle, append(idleArgs, 100)},
		"c USING INDEX customers_consenting (": {consenting, append(consentingArgs, 100)},
	} {
		plan := explained(t, m, q.text, q.args)
		if !strings.Contains(plan, "SEARCH "+index) || strings.Contains(plan, "SCAN") ||
			strings.Contains(plan, "TEMP B-TREE") {
			t.Errorf("got plan\n%s, want a search of %s alone", plan, index)
		}
	}
}

// explained is a query's plan.
func explained(t *testing.T, m *Models, query string, args []any) (plan string) {
	t.Helper()
	if m.current.postgres {
		t.Skip("the plans are SQLite's")
	}
	_, err := m.view(t.Context(), func(q querier) error {
		rows, err := q.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var id, parent, unused int
			var detail string
			if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
				return err
			}
			plan += detail + "\n"
		}
		return rows.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

func (t *occasionTest) ref(id uuid.UUID) string {
	for _, ref := range []string{"A", "B", "C", "D"} {
		if domain.AccountID(ref) == id {
			return ref
		}
	}
	return id.String()
}
