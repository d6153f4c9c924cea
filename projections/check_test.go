package projections

import (
	"context"
	"iter"
	"strings"
	"testing"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
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
			"operation_id, recorded_at) VALUES (1, ?, 900, '', '', '', '')",
			"history", "has no event"},
		{"a store", "UPDATE stores SET zone = 'UTC' WHERE id = 'S1' AND ? <> ''", "stores", "Zone:UTC"},
		{"an account too many", "INSERT INTO balances VALUES ('" +
			domain.AccountID("nobody").String() + "', substr(?, 1, 3), '1', '0', '{}')",
			"balances", "no such account"},
	} {
		t.Run(row.name, func(t *testing.T) {
			store := memory(t)
			busyShop(t, store)
			m := open(t, t.TempDir(), store, Options{})
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
			m := open(t, t.TempDir(), store, Options{})
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
	store, folder := memory(t), t.TempDir()
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
