package projections

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tillbook/tillbook/projections/placetest"
)

// heard is an Answer as text.
type heard struct {
	columns []string
	rows    []string
	most    int // rows before errFull; 0: any
}

var errFull = errors.New("full")

func (a *heard) Columns(names []string) error {
	a.columns = slices.Clone(names)
	return nil
}

func (a *heard) Row(values []any) error {
	a.rows = append(a.rows, fmt.Sprintf("%v", values))
	if a.most > 0 && len(a.rows) >= a.most {
		return errFull
	}
	return nil
}

// asks asks m, with time enough.
func asks(t testing.TB, m *Models, question string) (string, error) {
	t.Helper()
	var a heard
	_, err := m.Ask(t.Context(), question, time.Minute, &a)
	return strings.Join(a.columns, ",") + " " + strings.Join(a.rows, " "), err
}

func TestAsk(t *testing.T) {
	store, place := memory(t), placetest.Place(t)
	_, id := busyShop(t, store)
	open(t, place, store, Options{})
	m, err := Open(t.Context(), place, nil, Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	for _, row := range []struct{ question, want string }{
		{"select customer_ref, survivor_id from accounts order by 1",
			"customer_ref,survivor_id [C-1001 <nil>] [C-1002 <nil>]"},
		{"-- ours\nSELECT count(*) AS n FROM accounts; -- done", "n [2]"},
		{"with a as (select 1 as one) select one from a;", "one [1]"},
		{"select ';' as a, '--' as b, 'it''s' as c", "a,b,c [; -- it's]"},
		{"SELECT id FROM accounts WHERE customer_ref = 'C-1001'", "id [" + id.String() + "]"},
		{"select 1 as x where 1 = 0", "x "},
	} {
		if got, err := asks(t, m, row.question); got != row.want || err != nil {
			t.Errorf("%s: got %s, %v, want %s", row.question, got, err, row.want)
		}
	}
	head, err := store.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if at, err := m.Ask(t.Context(), "select 1", time.Minute, new(heard)); at != head || err != nil {
		t.Errorf("got position %d, %v, want %d", at, err, head)
	}
	if _, err := m.Ask(t.Context(), "select 1 union select 2", time.Minute, &heard{most: 1}); !errors.Is(err, errFull) {
		t.Errorf("got %v, want the answer's own error", err)
	}
}

// TestAskChangesNothing: whatever is no question is refused, however it is put, and what gets past the
// look at its words the database refuses.
func TestAskChangesNothing(t *testing.T) {
	store, place := memory(t), placetest.Place(t)
	busyShop(t, store)
	m := open(t, place, store, Options{})
	before, files := dump(t, m), t.TempDir()
	for _, question := range []string{
		"", " ", ";", "-- nothing", "/* nothing */", "explain", "x",
		"insert into accounts select * from accounts",
		"update accounts set kind = 'x'", "delete from accounts", "drop table accounts",
		"create table x (y)", "create temp table x (y)", "begin", "commit", "vacuum", "reindex", "analyze",
		"vacuum into '" + files + "/copy'",
		"attach '" + files + "/other' as other", "detach main",
		"pragma query_only = 0", "pragma journal_mode = delete", "explain pragma query_only = 0",
		"explain query plan pragma query_only = 0", "explain delete from accounts",
		"replace into accounts select * from accounts",
		"copy accounts to '" + files + "/copied'",
		"with a as (select 1) delete from accounts",
		"with a as (select 1) update accounts set kind = 'x'",
		"with a as (select 'x' as x) insert into serving select 2 from a",
		"select 1; delete from accounts", "select 1; select 2", "select 1;;;select 2", "select 1; -- x\nselect 2",
		"/* /* */ delete from accounts; -- */ select 1", "select 1\x00; delete from accounts",
		"[select 1", "'select' 1", "\"select\" 1", "-- select\ndelete from accounts",
	} {
		if m.current.postgres && strings.HasPrefix(question, "explain") {
			continue // it says how that would be done
		}
		_, err := asks(t, m, question)
		if !errors.Is(err, ErrNoQuestion) {
			t.Errorf("%q: got %v, want ErrNoQuestion", question, err)
		}
	}
	for _, question := range []string{"select load_extension('x')", "select * from pragma_query_only(0)",
		"select writefile('" + files + "/x', 'x')", "select * from pg_read_file('/etc/passwd', 1, 0, 'x')"} {
		if _, err := asks(t, m, question); err == nil {
			t.Errorf("%q: got an answer, want an error", question)
		}
	}
	if after := dump(t, m); after != before {
		t.Error("the tables have changed")
	}
	left, err := filepath.Glob(files + "/*")
	if err != nil || len(left) > 0 {
		t.Errorf("got files %v, %v, want none", left, err)
	}
}

// TestAskedConnection: nothing can be written through it, even where its words were not looked at.
func TestAskedConnection(t *testing.T) {
	store := memory(t)
	busyShop(t, store)
	m := open(t, placetest.Place(t), store, Options{})
	before, folder := dump(t, m), t.TempDir()
	for _, statement := range []string{"delete from accounts", "create table x (y int)", "drop table lots",
		"delete from accounts; select 1"} {
		if err := unlooked(t, m.current, statement); !errors.Is(err, ErrNoQuestion) {
			t.Errorf("%s: got %v, want ErrNoQuestion", statement, err)
		}
	}
	for _, statement := range []string{"vacuum into '" + folder + "/copy'",
		"attach '" + folder + "/other' as other"} {
		if err := unlooked(t, m.current, statement); err == nil {
			t.Errorf("%s: got no error", statement)
		}
	}
	if !m.current.postgres {
		_ = unlooked(t, m.current, "pragma query_only = 0; delete from accounts")
	}
	if after := dump(t, m); after != before {
		t.Error("the tables have changed")
	}
	if left, _ := os.ReadDir(folder); len(left) > 0 {
		t.Errorf("got %v, want no files", left)
	}
}

func unlooked(t testing.TB, d *database, statement string) error {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, err := d.ask(ctx, statement, new(heard))
	return err
}

// TestAskEnds: a question without an end is ended, whether it has answered rows or not.
func TestAskEnds(t *testing.T) {
	store := memory(t)
	busyShop(t, store)
	m := open(t, placetest.Place(t), store, Options{})
	const endless = "with recursive c(n) as (select 1 union all select n + 1 from c) select n from c"
	for _, where := range []string{" where n < 0", " where n < 3", ""} {
		_, err := m.Ask(t.Context(), endless+where, 50*time.Millisecond, unheard{})
		if !errors.Is(err, ErrTimeLimit) {
			t.Errorf("%s: got %v, want ErrTimeLimit", where, err)
		}
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := m.Ask(gone, endless, time.Minute, unheard{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	if got, err := asks(t, m, "select count(*) as n from accounts"); got != "n [2]" || err != nil {
		t.Errorf("got %s, %v afterwards", got, err)
	}
}

// TestFault: an error says where it is.
func TestFault(t *testing.T) {
	store := memory(t)
	m := open(t, placetest.Place(t), store, Options{})
	for question, want := range map[string]string{
		"select id,\n\tblance\nfrom accounts": "line 2, column 2: ",
		"select * form accounts":              "line 1, column 10: ",
		"select '水', blance from accounts":    "line 1, column 13: ",
	} {
		_, err := asks(t, m, question)
		fault, ok := errors.AsType[*Fault](err)
		if !ok || !strings.HasPrefix(fault.Error(), want) {
			t.Errorf("%s: got %v, want %s", question, err, want)
		}
	}
}

// TestCheckQuestion: what is wrong is told without the tables.
func TestCheckQuestion(t *testing.T) {
	for question, want := range map[string]string{
		"select count(*) from accounts;":     "",
		"-- all\nselect * from audit":        "",
		"explain query plan select 1":        "",
		"select id,\n\tblance from accounts": "line 2, column 2: no such column: blance",
		"select * from acounts":              "no such table: acounts",
		"delete from accounts":               ErrNoQuestion.Error(),
	} {
		err := CheckQuestion(t.Context(), question)
		if got := fmt.Sprint(err); err == nil && want != "" || err != nil && (want == "" ||
			!strings.HasPrefix(got, want)) {
			t.Errorf("%s: got %v, want %s", question, err, want)
		}
	}
}
