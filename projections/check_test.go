package projections

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/projections/placetest"
)

// TestCheckFindsChangedTables has one row for each way a table can differ from the log.
func TestCheckFindsChangedTables(t *testing.T) {
	account := domain.AccountID("C-1001").String()
	for _, row := range []struct{ name, query, what, detail string }{
		{"a flipped balance", "UPDATE balances SET total = '1.00' WHERE account_id = ?",
			"balances", "total 1.00, want 116.00"},
		{"a sum by class", "UPDATE balances SET by_class = '{}' WHERE account_id = ?",
			"balances", "by_class {}"},
		{"a missing balance", "DELETE FROM balances WHERE account_id = ?", "balances", "is missing"},
		{"a missing lot", "DELETE FROM lots WHERE class = 'bonus' AND account_id = ?",
			"lots", "is missing"},
		{"a changed lot", "UPDATE lots SET held = '0.00' WHERE class = 'bonus' AND account_id = ?",
			"lots", "held 0.00"},
		{"a hold that ended", "UPDATE holds SET status = 'active' WHERE account_id = ?",
			"holds", "status active, want captured"},
		{"a status", "UPDATE accounts SET status = 'open' WHERE id = ?",
			"accounts", "status open, want frozen"},
		{"a missing event", "DELETE FROM history WHERE revision = 3 AND account_id = ?",
			"history", "is missing"},
		{"a changed event", "UPDATE history SET actor = 'x' WHERE revision = 3 AND account_id = ?",
			"history", "actor x"},
		{"an event too many", "INSERT INTO history (position, stream, revision, event_id, type, " +
			"operation_id, recorded_at) VALUES (0, ?, 900, '', '', '', '')",
			"history", "has no event"},
		{"a page", "UPDATE history_pages SET last_recorded = '2026' WHERE ? <> ''",
			"history_pages", "to 2026, 18 events, want"},
		{"a missing page", "DELETE FROM history_pages WHERE ? <> ''", "history_pages", "is missing"},
		{"a page too many", "INSERT INTO history_pages VALUES (2, 3, '', ?, 1)",
			"history_pages", "row 2 should not be there"},
		{"the unit of a cost", "UPDATE lots SET cost_unit = 'USD' WHERE class = 'bonus' AND " +
			"account_id = ?", "lots", "cost_unit USD, want"},
		{"a draw", "UPDATE lots SET draw = 'x' WHERE class = 'bonus' AND account_id = ?",
			"lots", "draw x, want"},
		{"terms", "UPDATE lots SET terms = 'x' WHERE class = 'bonus' AND account_id = ?",
			"lots", "terms x, want"},
		{"freezes", "UPDATE accounts SET freezes = '[]' WHERE id = ?",
			"accounts", `freezes [], want [{"mode":"debit"}]`},
		{"the end of freezes", "UPDATE accounts SET frozen_until = '2026' WHERE id = ?",
			"accounts", "frozen_until 2026, want"},
		{"a reminder", "UPDATE lots SET remind_at = '2026' WHERE class = 'bonus' AND account_id = ?",
			"lots", "remind_at 2026, want"},
		{"a ladder", "UPDATE lots SET reminders = '[9]' WHERE class = 'bonus' AND account_id = ?",
			"lots", "reminders [9], want"},
		{"an activity", "UPDATE accounts SET active_at = '2026' WHERE id = ?",
			"accounts", "active_at 2026, want 2026-03-01T"},
		{"a step", "UPDATE accounts SET dormant_step = 30 WHERE id = ?",
			"accounts", "dormant_step 30, want 0"},
		{"a kind", "UPDATE accounts SET kind = 'x' WHERE id = ?", "accounts", "kind x, want member"},
		{"a position", "UPDATE accounts SET position = 1 WHERE id = ?",
			"accounts", "position 1, want"},
		{"the end of a hold", "UPDATE holds SET ended_at = '2026' WHERE status = 'captured' AND " +
			"account_id = ?", "holds", "ended_at 2026, want 2026-03-01T"},
		{"skewed", "UPDATE history SET skewed = 1 WHERE revision = 3 AND account_id = ?",
			"history", "skewed 1, want 0"},
		{"where a store was first seen", "UPDATE stores SET first_position = 0 WHERE id = 'S1' AND " +
			"? <> ''", "stores", "first:0"},
		{"a store", "UPDATE stores SET zone = 'UTC' WHERE id = 'S1' AND ? <> ''", "stores", "Zone:UTC"},
		{"a purchase", "UPDATE purchases SET sales = 9 WHERE account_id = ?", "purchases", "sales 9, want"},
		{"what was spent", "UPDATE purchases SET amount = 9 WHERE account_id = ?", "purchases",
			"amount 9, want"},
		{"a day without purchases", "INSERT INTO purchases VALUES (?, 'CNY', '2020-01-01', 0, 0)",
			"purchases", "row CNY 2020-01-01 should not be there"},
		{"a segment", "UPDATE segments SET filter = '{}' WHERE ? <> ''", "segments", `got ["VIP" "{}"`},
		{"a segment too many", "INSERT INTO segments SELECT 'x', ?, filter, defined_at, " +
			"changed_at, 0, 0 FROM segments", "segments",
			"row x should not be there"},
		{"an account too many", "INSERT INTO balances VALUES ('" +
			domain.AccountID("nobody").String() + "', substr(?, 1, 3), '1', '0', '{}')",
			"balances", "no such account"},
	} {
		t.Run(row.name, func(t *testing.T) {
			store := memory(t)
			s, _ := busyShop(t, store)
			s.register(domain.DefineSegment{Segment: domain.Segment{ID: "vip", Name: "VIP",
				Filter: domain.Selection{Field: "tag", Op: "eq", Value: "vip"}}})
			m := open(t, placetest.Place(t), store, Options{})
			clean(t, m)
			edit(t, m, row.query, account)
			report, err := Check(t.Context(), opened(store), m, nil)
			if err != nil {
				t.Fatal(err)
			}
			if len(report.Differences) != 1 && row.name != "a hold that ended" {
				t.Fatalf("got %d differences, want 1: %+v", report.Count, report.Differences)
			}
			d := report.Differences[0]
			if d.What != row.what || !strings.Contains(d.Detail, row.detail) {
				t.Errorf("got %s: %s, want %s: %s", d.What, d.Detail, row.what, row.detail)
			}
		})
	}
}

// TestCheckAcrossPages checks pages that are full, cut by batches of another size, beside damage.
func TestCheckAcrossPages(t *testing.T) {
	store := memory(t)
	s := newShop(t, store)
	for i := range 2*pageEvents + 100 {
		s.account(fmt.Sprint("C-", i))
		if i == pageEvents/2 {
			_, err := store.Append(t.Context(), "account-nobody", eventstore.NoStream,
				[]eventstore.Event{{ID: uuid.UUID{15: 1}, Type: "SomethingElse", Data: []byte("{}"),
					Metadata: []byte("{}")}})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	m := open(t, placetest.Place(t), store, Options{Batch: 1000})
	report, err := Check(t.Context(), opened(store), m, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range report.Differences {
		if d.Stream != "account-nobody" {
			t.Errorf("got %s, want the damage alone", d)
		}
	}
	if !report.Compared {
		t.Error("got a report that says nothing was compared")
	}
}

// unasked posts the release of a code whatever went before.
type unasked struct{ domain.ReleaseCode }

func (u unasked) Decide([]domain.Posted, domain.Moment) ([]domain.Event, error) {
	return []domain.Event{domain.CodeReleased(u.ReleaseCode)}, nil
}

// TestCheckNamesWhatIsPassedOver: an event that reads well and follows from nothing is in the log's chain
// like any other, and in no table. The check says so.
func TestCheckNamesWhatIsPassedOver(t *testing.T) {
	store := memory(t)
	s, _ := busyShop(t, store)
	code := domain.CodeRef{BatchID: uuid.UUID{1}, Serial: 4}
	s.register(unasked{domain.ReleaseCode{CodeRef: code, Claim: uuid.UUID{2}, Why: "account_frozen"}})
	m := open(t, placetest.Place(t), store, Options{})
	report, err := Check(t.Context(), opened(store), m, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := "damaged " + code.Stream() + " revision 0: CodeReleased is passed over: it ends a claim that " +
		"did not begin"
	if len(report.Differences) != 1 || report.Differences[0].String() != want {
		t.Errorf("got %v, want %s", report.Differences, want)
	}
}

func TestCheckOfTheLogAlone(t *testing.T) {
	store := memory(t)
	busyShop(t, store)
	report, err := Check(t.Context(), opened(store), nil, nil)
	if err != nil || !report.Clean() || report.Compared || report.Events != 17 {
		t.Errorf("got %+v, %v, want 17 events, no difference, nothing compared", report, err)
	}
}

func TestDifferenceAsText(t *testing.T) {
	for want, d := range map[string]Difference{
		"log account-x revision 0: why": {"log", "account-x", 0, "why"},
		"lots account-x: why":           {"lots", "account-x", -1, "why"},
		"stores: why":                   {"stores", "", -1, "why"},
	} {
		if got := d.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// forger is a store of which one stream reads otherwise than it was written.
type forger struct {
	eventstore.Store
	forge func(*eventstore.Recorded)
}

func (f forger) Read(ctx context.Context, stream string,
	from eventstore.Revision) iter.Seq2[eventstore.Recorded, error] {
	return func(yield func(eventstore.Recorded, error) bool) {
		for e, err := range f.Store.Read(ctx, stream, from) {
			f.forge(&e)
			if !yield(e, err) {
				return
			}
		}
	}
}

func TestCheckFindsDamageInTheLog(t *testing.T) {
	damage := func(revision eventstore.Revision, was, is string) func(*eventstore.Recorded) {
		return func(e *eventstore.Recorded) {
			if e.Stream == domain.AccountStream(domain.AccountID("C-1001")) && e.Revision == revision {
				e.Data = []byte(strings.ReplaceAll(string(e.Data), was, is))
				e.Metadata = []byte(strings.ReplaceAll(string(e.Metadata), was, is))
			}
		}
	}
	for _, row := range []struct {
		name   string
		forge  func(*eventstore.Recorded)
		at     eventstore.Revision
		detail string
	}{
		{"a changed word breaks the chain", damage(2, "anna", "bert"), 3, "prev_hash is"},
		{"a balance that does not follow", damage(2, `"total":"117.50"`, `"total":"118.50"`), 2,
			"left a balance"},
		{"no JSON", damage(2, "{", ""), 2, "decode DebitPosted"},
	} {
		t.Run(row.name, func(t *testing.T) {
			store := memory(t)
			busyShop(t, store)
			m := open(t, placetest.Place(t), store, Options{})
			report, err := Check(t.Context(), opened(forger{store, row.forge}), m, nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range report.Differences {
				if d.What == "log" && d.Revision == row.at && strings.Contains(d.Detail, row.detail) {
					return
				}
			}
			t.Errorf("got %+v, want %q at revision %d", report.Differences, row.detail, row.at)
		})
	}
}

func TestCheckComparesAtTheModelsPosition(t *testing.T) {
	store, folder := memory(t), placetest.Place(t)
	s, id := busyShop(t, store)
	m := open(t, folder, store, Options{})
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	s.must(id, topUp("1.00", ""), till("S3", "11"))
	s.must(s.account("C-1003"), topUp("1.00", ""), till("S3", "12"))
	behind := openBehind(t, folder, store)
	report, err := Check(t.Context(), opened(store), behind, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !report.Clean() || report.Events != 20 || report.Accounts != 2 {
		t.Errorf("got %+v, want 20 events, 2 accounts, no difference", report)
	}
}

// openBehind opens models to be read, wherever they are.
func openBehind(t *testing.T, folder string, store eventstore.Store) *Models {
	t.Helper()
	m, err := Open(t.Context(), folder, store, Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}
