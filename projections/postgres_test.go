package projections

import (
	"context"
	"fmt"
	"testing"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/projections/placetest"
)

// TestTranslate has a row for each thing that PostgreSQL's SQL has otherwise.
func TestTranslate(t *testing.T) {
	for _, row := range []struct{ query, want string }{
		{"BEGIN IMMEDIATE", "BEGIN"},
		{"BEGIN", "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"},
		{"SELECT a FROM t WHERE b = ? AND c = '?' AND d = ?", "SELECT a FROM t WHERE b = $1 AND c = '?' AND d = $2"},
		{"SELECT ?1 WHERE a = ?2 OR b = ?1", "SELECT $1 WHERE a = $2 OR b = $1"},
		{"SELECT h.detail ->> '$.reason'", "SELECT json_field(h.detail, '{reason}')"},
		{"SELECT consents ->> '$.marketing.granted_at'", "SELECT json_field(consents, '{marketing,granted_at}')"},
		{"SELECT CAST(a AS INTEGER), CAST(b AS TEXT)", "SELECT CAST(a AS bigint), CAST(b AS text)"},
		{"CREATE TABLE t (\n\ta TEXT, -- it's ?\n\tb INTEGER\n) STRICT, WITHOUT ROWID;",
			"CREATE TABLE t (\n\ta text COLLATE \"C\", \n\tb bigint\n);"},
	} {
		if got := translate(row.query); got != row.want {
			t.Errorf("%s: got\n%s\nwant\n%s", row.query, got, row.want)
		}
	}
}

// TestOneLeads lets three processes' models share a database: whoever leads is cut off by the server, or
// ends, while sales go on.
func TestOneLeads(t *testing.T) {
	place, store := placetest.Postgres(t), memory(t)
	s, id := busyShop(t, store)
	all := []*Models{open(t, place, store, Options{}), open(t, place, store, Options{}),
		open(t, place, store, Options{})}
	for i := range 6 {
		s.must(id, topUp("1.00", ""), till("S3", fmt.Sprint(100+i)))
		if cut := cutLeader(t, all[2]); cut != 1 {
			t.Errorf("got %d leaders, want one", cut)
		}
		s.must(id, topUp("1.00", ""), till("S3", fmt.Sprint(200+i)))
		for _, m := range all {
			wait(t, m)
		}
	}
	for len(all) > 1 {
		if err := all[0].Close(); err != nil {
			t.Fatal(err)
		}
		all = all[1:]
		s.must(id, topUp("1.00", ""), till("S3", fmt.Sprint(300+len(all))))
		wait(t, all[0])
	}
	clean(t, all[0])
	if got, want := dump(t, all[0]), dump(t, open(t, t.TempDir(), store, Options{})); got != want {
		t.Errorf("got tables\n%s\nwant SQLite's\n%s", got, want)
	}
}

// cutLeader ends the connections that hold the lead, and answers how many there were.
func cutLeader(t *testing.T, m *Models) (cut int) {
	t.Helper()
	err := outside(t, m).QueryRow(`SELECT count(pg_terminate_backend(pid)) FROM pg_locks
		WHERE locktype = 'advisory' AND granted AND classid = ?
			AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`, leadOf).
		Scan(&cut)
	if err != nil {
		t.Fatal(err)
	}
	return cut
}

// TestRebuildIsAdopted lets one process rebuild what another leads: both serve the new tables afterwards,
// and the old ones are gone.
func TestRebuildIsAdopted(t *testing.T) {
	place, store := placetest.Postgres(t), memory(t)
	s, id := busyShop(t, store)
	leads, follows := open(t, place, store, Options{}), open(t, place, store, Options{})
	if err := follows.Rebuild(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	s.must(id, topUp("1.00", ""), till("S3", "11"))
	adopted(t, leads, 2)
	for _, m := range []*Models{leads, follows} {
		wait(t, m)
		clean(t, m)
	}
	if err := leads.Rebuild(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	adopted(t, follows, 3)
	for _, m := range []*Models{leads, follows} {
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if got := generations(t, place, Builtin()); len(got) != 1 || got[0] != 3 {
		t.Errorf("got generations %v, want the third alone", got)
	}
}

// adopted returns when a generation serves.
func adopted(t *testing.T, m *Models, generation int) {
	t.Helper()
	for {
		m.mu.Lock()
		serves, changed := m.generation >= generation, m.changed
		m.mu.Unlock()
		if serves {
			return
		}
		select {
		case <-changed:
		case <-t.Context().Done():
			t.Fatal("the newer generation was not adopted")
		}
	}
}

func generations(t *testing.T, place string, all []Projection) []int {
	t.Helper()
	shelf, err := shelfAt(place, all)
	if err != nil {
		t.Fatal(err)
	}
	defer shelf.close()
	found, err := shelf.generations(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestVersionsSideBySide lets an older version serve beside a newer one: its tables go when nobody uses
// them any longer.
func TestVersionsSideBySide(t *testing.T) {
	place, store := placetest.Postgres(t), memory(t)
	s, id := busyShop(t, store)
	older := Builtin()[:6]
	old := open(t, place, store, Options{Projections: older})
	if err := open(t, place, store, Options{}).Close(); err != nil {
		t.Fatal(err)
	}
	s.must(id, topUp("1.00", ""), till("S3", "11"))
	wait(t, old)
	if page, err := old.Accounts(t.Context(), AccountFilter{Prefix: "C-"}, Paging{}); err != nil ||
		len(page.Data) != 2 {
		t.Errorf("the older version: got %v, %v, want two accounts", page.Data, err)
	}
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	if len(generations(t, place, older)) != 1 {
		t.Error("the older version's tables went with it")
	}
	clean(t, open(t, place, store, Options{}))
	if len(generations(t, place, older)) != 0 {
		t.Error("the older version's tables are still there")
	}
}

// TestAnotherLogInPostgres opens models on a database of another log's, two processes at once: one
// rebuilds, both show the new.
func TestAnotherLogInPostgres(t *testing.T) {
	place, first := placetest.Postgres(t), memory(t)
	busyShop(t, first)
	if err := open(t, place, first, Options{}).Close(); err != nil {
		t.Fatal(err)
	}
	second := memory(t)
	s := newShop(t, second)
	s.seed = 1 << 50
	s.account("D-1")
	one := open(t, place, second, Options{})
	two := open(t, place, second, Options{})
	s.register(domain.SetStore{Store: domain.Store{ID: "S9", Name: "Ninth", Zone: "Asia/Shanghai",
		DayCut: "04:00", Status: "open"}})
	for _, m := range []*Models{one, two} {
		wait(t, m)
		clean(t, m)
	}
}
