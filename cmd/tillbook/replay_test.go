package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/storetest"
	"github.com/tillbook/tillbook/projections/js"
)

// TestDifferences compares answers.
func TestDifferences(t *testing.T) {
	for _, row := range []struct {
		rule    string
		was, is []string
		want    string
	}{
		{"the same", []string{`p {"a":1}`, "q 2"}, []string{"q 2", `p {"a":1}`}, ``},
		{"a partition is added", nil, []string{"p 1"}, `added p: nil 1`},
		{"or removed", []string{`p {"a":1}`}, nil, `removed p: {"a":1} nil`},
		{"a key is added, removed, changed", []string{`p {"a":1,"b":2}`}, []string{`p {"b":3,"c":4}`},
			`removed p.a: 1 nil; changed p.b: 2 3; added p.c: nil 4`},
		{"a null is not the same as none", []string{`p {}`}, []string{`p {"a":null}`}, `added p.a: nil null`},
		{"the order of members does not count", []string{`p {"a":1,"b":{"c":1,"d":2}}`},
			[]string{`p {"b":{"d":2,"c":1},"a":1}`}, ``},
		{"the order of lists does", []string{`p [1,2]`}, []string{`p [2,1]`}, `changed p: [1,2] [2,1]`},
		{"one number may be written in several ways", []string{`p [100,0.5,-0,1E+2,0e9,1200e-2]`},
			[]string{`p [1e2,0.50,0,100.00,0.0,12]`}, ``},
		{"a large one is not rounded", []string{`p 9007199254740993`}, []string{`p 9007199254740992`},
			`changed p: 9007199254740993 9007199254740992`},
		{"nor is one beyond all floats", []string{`p [1e999999999999,1e-999999999999]`},
			[]string{`p [10e999999999998,0]`},
			`changed p: [1e999999999999,1e-999999999999] [10e999999999998,0]`},
		{"a number is no text", []string{`p {"a":1}`}, []string{`p {"a":"1"}`}, `changed p.a: 1 "1"`},
		{"a sign counts", []string{`p 1`}, []string{`p -1`}, `changed p: 1 -1`},
		{"an object and another kind differ as a whole", []string{`p {"a":1}`}, []string{`p [1]`},
			`changed p: {"a":1} [1]`},
		{"the empty partition and key are some", []string{` {"":1}`}, []string{` {"":2}`}, `changed : 1 2`},
	} {
		var texts []string
		for _, d := range differences(resultOf(row.was...), resultOf(row.is...)) {
			place := d.Partition
			if d.Key != "" {
				place += "." + d.Key
			}
			texts = append(texts, fmt.Sprintf("%s %s: %s %s", kindOfChange(d), place, or(d.Current),
				or(d.Candidate)))
		}
		if got := strings.Join(texts, "; "); got != row.want {
			t.Errorf("%s:\ngot  %s\nwant %s", row.rule, got, row.want)
		}
	}
}

func or(value []byte) string {
	if value == nil {
		return "nil"
	}
	return string(value)
}

// odd is a result that careless writers spoil.
var odd = resultOf(`p {"n":9007199254740991,"x":0.1,"t":"a\"b\n,c","b":true,"o":{"<k>":"é"}}`,
	`a,"b {"n":-1,"x":1e+21,"t":"","b":false,"o":[]}`, `q {"n":null,"m":1,"M":"one"}`, ` {}`)

// TestSavedResults reads back what was written.
func TestSavedResults(t *testing.T) {
	for form, read := range map[string]func(io.Reader, *replayResult) error{
		"json": savedJSON, "ndjson": savedNDJSON} {
		for _, want := range []*replayResult{odd, resultOf()} {
			var b bytes.Buffer
			if err := writeResult(&b, form, want); err != nil {
				t.Fatal(err)
			}
			got := resultOf()
			if err := read(&b, got); err != nil {
				t.Errorf("%s: got %v", form, err)
			}
			if !maps.EqualFunc(got.documents, want.documents, slices.Equal[json.RawMessage]) {
				t.Errorf("%s: got %s, want %s", form, got.documents, want.documents)
			}
		}
	}
	for text, read := range map[string]func(io.Reader, *replayResult) error{
		"null": savedJSON, "[]": savedJSON, "{} {}": savedJSON, `{"partition":"p"}`: savedNDJSON,
		`{"result":1}`: savedNDJSON, `{"partition":"p","result":1,"more":1}`: savedNDJSON} {
		if read(strings.NewReader(text), resultOf()) == nil {
			t.Errorf("%s: got no error", text)
		}
	}
}

// TestResultCSV has another reader read the cells.
func TestResultCSV(t *testing.T) {
	var b bytes.Buffer
	if err := writeResult(&b, "csv", odd); err != nil {
		t.Fatal(err)
	}
	const line = "\"a,\"\"b\",,false,,-1,[],\"\",1e+21\r\n" // what is none is not the empty text
	if !strings.Contains(b.String(), line) {
		t.Errorf("got %s, want %s", b.String(), line)
	}
	got, err := csv.NewReader(&b).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{
		{"partition", "M", "b", "m_2", "n", "o", "t", "x"},
		{"", "", "", "", "", "", "", ""},
		{`a,"b`, "", "false", "", "-1", "[]", "", "1e+21"},
		{"p", "", "true", "", "9007199254740991", `{"<k>":"é"}`, "a\"b\n,c", "0.1"},
		{"q", "one", "", "1", "", "", "", ""},
	}
	if !slices.EqualFunc(got, want, slices.Equal[[]string]) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestResultParquet has another implementation read the file.
func TestResultParquet(t *testing.T) {
	file := filepath.Join(t.TempDir(), "odd.parquet")
	r := replay{output: formParquet, out: file}
	if err := r.write(nil, resultOf(append(linesOf(odd), `r {"M":{"k":1}}`)...)); err != nil {
		t.Fatal(err)
	}
	got := readParquet(t, file)
	var b strings.Builder
	for _, c := range got.Columns {
		fmt.Fprintf(&b, "%s %s|", c.Name, strings.TrimSuffix(c.Type, " OPTIONAL"))
	}
	for _, row := range got.cells {
		for _, c := range row {
			if c == nil {
				b.WriteString("-/")
			} else {
				b.WriteString(*c + "/")
			}
		}
		b.WriteString("|")
	}
	want := "partition BYTE_ARRAY|M BYTE_ARRAY|b BOOLEAN|m_2 INT64|n INT64|o BYTE_ARRAY|t BYTE_ARRAY|x DOUBLE|" +
		`/-/-/-/-/-/-/-/|a,"b/-/false/-/-1/[]//1e+21/|` +
		`p/-/true/-/9007199254740991/{"<k>":"é"}/a"b` + "\n,c/0.1/|" + `q/"one"/-/1/-/-/-/-/|r/{"k":1}/-/-/-/-/-/-/|`
	if b.String() != want {
		t.Errorf("got %s\nwant %s", b.String(), want)
	}
}

// linesOf is what resultOf makes r of.
func linesOf(r *replayResult) (lines []string) {
	for partition, document := range r.documents {
		lines = append(lines, partition+" "+string(document))
	}
	return lines
}

// TestResultSQLite asks a database for what was written.
func TestResultSQLite(t *testing.T) {
	file := filepath.Join(t.TempDir(), "what? 100%.sqlite")
	if err := resultSQLite(file, odd); err != nil {
		t.Fatal(err)
	}
	plain := filepath.Join(t.TempDir(), "odd.sqlite")
	if err := os.Rename(file, plain); err != nil { // that it has this very name
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", plain)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var got string
	err = db.QueryRow(`SELECT group_concat(concat_ws('/', "partition", n, x, t, b, o, "M", "m_2",
		typeof(n), typeof(x), typeof(b)), '|') FROM (SELECT * FROM result ORDER BY "partition")`).Scan(&got)
	want := `/null/null/null|a,"b/-1/1.0e+21//0/[]/integer/real/integer|` +
		"p/9007199254740991/0.1/a\"b\n,c/1/{\"<k>\":\"é\"}/integer/real/integer|q/one/1/null/null/null"
	if err != nil || got != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}

// TestResultRows keeps a table for people on its lines.
func TestResultRows(t *testing.T) {
	var b bytes.Buffer
	long := strings.Repeat("é", 100)
	if err := writeResult(&b, "table", resultOf(`p {"a":"x\ty\u001b[2J\n","b":"`+long+`"}`)); err != nil {
		t.Fatal(err)
	}
	want := `partition  a                  b` + strings.Repeat(" ", 60) + "\n" + `---------  -----------------  ` +
		strings.Repeat("-", 60) + "\n" + `p          "x\ty\x1b[2J\n"  ` + long[:2*59] + "…\n"
	if got := b.String(); len(strings.Fields(got)) != len(strings.Fields(want)) ||
		!strings.HasSuffix(got, want[strings.LastIndex(want, "p  "):]) {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestWriteWhole writes no file over, and leaves none that is not whole.
func TestWriteWhole(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	put := func(text string, err error) func(string) error {
		return func(part string) error { return errors.Join(os.WriteFile(part, []byte(text), 0o600), err) }
	}
	if err := writeWhole(name, put("half", io.ErrShortWrite)); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("a write that fails: got %v, want %v", err, io.ErrShortWrite)
	}
	if left, err := filepath.Glob(name + "*"); len(left) > 0 || err != nil {
		t.Errorf("a write that failed left %v, %v", left, err)
	}
	if err := writeWhole(name, put("first", nil)); err != nil {
		t.Fatal(err)
	}
	if err := writeWhole(name, put("second", nil)); err == nil {
		t.Error("a file that is there: got no error")
	}
	if text, err := os.ReadFile(name); string(text) != "first" || err != nil {
		t.Errorf("got %q, %v, want the first", text, err)
	}
}

// TestBounds reads what --from, --until and --as-of take.
func TestBounds(t *testing.T) {
	for text, want := range map[string]bound{
		"1":                         {position: 1},
		"9223372036854775807":       {position: math.MaxInt64},
		"2026-06-30T23:59:59.5Z":    {instant: time.Date(2026, 6, 30, 23, 59, 59, 5e8, time.UTC)},
		"2026-06-30T23:00:00+01:00": {instant: time.Date(2026, 6, 30, 22, 0, 0, 0, time.UTC)},
	} {
		var b bound
		if err := b.setting().Set(text); err != nil || b.position != want.position ||
			!b.instant.Equal(want.instant) {
			t.Errorf("%s: got %v, %v, want %v", text, b, err, want)
		}
	}
	for _, text := range []string{"", "0", "-1", "1.5", "2026-06-30", "9223372036854775808"} {
		if err := new(bound).setting().Set(text); err == nil {
			t.Errorf("%q: got no error", text)
		}
	}
}

// memoryLog is a log of events "stream type body", a minute apart from the year 2026 on; foreign
// ones have the store's time, which is now.
func memoryLog(t testing.TB, lines ...string) *storetest.Memory {
	t.Helper()
	store := storetest.NewMemory()
	next := map[string]eventstore.Revision{}
	for i, line := range lines {
		words := strings.SplitN(line, " ", 3)
		at := time.Date(2026, 1, 1, 0, i, 0, 0, time.UTC).Format(time.RFC3339)
		e := eventstore.Event{ID: uuid.New(), Type: words[1], Data: []byte(words[2]),
			Metadata: fmt.Appendf(nil, `{"recorded_at":%q}`, at)}
		_, err := store.Append(t.Context(), words[0], next[words[0]]-1, []eventstore.Event{e})
		if err != nil {
			t.Fatal(err)
		}
		next[words[0]]++
	}
	return store
}

// replayed is the answer of a script to what the flags leave of a store.
func replayed(t testing.TB, store eventstore.Store, script string, cores int, from replayFrom) (
	string, error) {
	t.Helper()
	s, err := js.Compile("test.js", script, js.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	head, err := store.Head(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	log := &replayLog{from: &from, store: store, head: head}
	var notes bytes.Buffer
	run := &replayRun{script: s, cores: cores, notes: &notes}
	result, err := run.fold(log.events(context.Background(), &s.Definition,
		func(_, _ eventstore.Position) {}))
	if err != nil {
		return strings.Join(run.logged, "\n"), err
	}
	var b bytes.Buffer
	if err := writeResult(&b, "ndjson", result); err != nil {
		t.Fatal(err)
	}
	return b.String() + fmt.Sprintf("%d emitted, %d events\n", run.emits, run.events) +
		strings.Join(run.logged, "\n"), nil
}

// TestReplayFrom leaves some of a log.
func TestReplayFrom(t *testing.T) {
	store := memoryLog(t, "a-1 A {}", "b-1 B {}", "$$a-1 $metadata {}", "a-2 A {}", "a-1 C {}", "ab-1 A {}")
	at := func(text string) bound {
		var b bound
		if err := b.setting().Set(text); err != nil {
			t.Fatal(err)
		}
		return b
	}
	var nth []string // positions have gaps
	for e, err := range store.ReadAll(t.Context(), eventstore.Start) {
		if err != nil {
			t.Fatal(err)
		}
		nth = append(nth, fmt.Sprint(e.Position))
	}
	const seen = `fromAll().when({$init: () => "", $any: (s, e) => s + " " + e.sequenceNumber + e.streamId})`
	for want, from := range map[string]replayFrom{
		" 0a-1 0b-1 0$$a-1 0a-2 1a-1 0ab-1": {},
		" 0a-2 1a-1 0ab-1":                  {begin: at(nth[3])},
		" 0a-1 0b-1":                        {until: at(nth[1])},
		" 0a-1 0b-1 0$$a-1":                 {asOf: at(nth[2])},
		" 0b-1 0$$a-1":                      {begin: at(nth[1]), until: at(nth[2])},
		" 1a-1 0ab-1":                       {begin: at("2026-01-01T00:04:00Z")},
		" 0a-1 0b-1 0$$a-1 0a-2 1a-1":       {until: at("2026-01-01T00:04:59Z")},
		" 0a-1":                             {asOf: at("2026-01-01T00:00:00Z")},
		" 0a-1 0$$a-1 1a-1":                 {streams: []string{"a-1"}},
		" 0a-1 0$$a-1 0a-2 1a-1":            {categories: []string{"a"}},
		" 0b-1 0a-2":                        {streams: []string{"a-2"}, categories: []string{"b"}},
		" 1a-1": {streams: []string{"a-1"}, begin: at(nth[3]),
			until: at("2026-01-01T00:04:00Z")},
	} {
		got, err := replayed(t, store, seen, 1, from)
		got, _, _ = strings.Cut(got, "\n")
		if err != nil || got != fmt.Sprintf(`{"partition":"","result":%q}`, want) {
			t.Errorf("%+v: got %s, %v, want %s", from, got, err, want)
		}
	}
	got, err := replayed(t, store, `fromCategory("a").when({$init: () => 0, $any: s => s + 1})`, 1,
		replayFrom{streams: []string{"a-2", "b-1"}})
	if want := `"result":1}`; err != nil || !strings.Contains(got, want) {
		t.Errorf("a category, narrowed: got %s, %v, want %s", got, err, want)
	}
}

// TestReplayShared puts the state that partitions share in its place.
func TestReplayShared(t *testing.T) {
	store := memoryLog(t, "a-1 A {}", "a-2 A {}")
	for script, want := range map[string]string{ // of each the lines
		`fromAll().foreachStream().when({$initShared: () => 0, A: s => [1, s[1] + 1]})`: `{"partition":"","result":2}
{"partition":"a-1","result":1}
{"partition":"a-2","result":1}
`,
		`fromAll().when({$initShared: () => 0, A: s => [1, s[1] + 1]})`: `{"partition":"","result":[1,2]}
`,
		`fromAll().when({$initShared: () => 0, A: s => [1, s[1] + 1]}).transformBy(s => s)`: `{"partition":"",` +
			`"result":[1,2]}
`,
	} {
		got, err := replayed(t, store, script, 2, replayFrom{})
		if err != nil || !strings.HasPrefix(got, want+"0 emitted") {
			t.Errorf("%s: got %s, %v, want %s", script, got, err, want)
		}
	}
}

// TestReplayOnAllCores answers as on one core, to the last line of log and the same fault.
func TestReplayOnAllCores(t *testing.T) {
	scripts := []string{
		`fromAll().foreachStream().when({$any(s, e) { s.n = (s.n || 0) + e.body.n; log(e.streamId, s.n);
			if (e.body.n > 5) emit("seen", "Seen", {n: s.n}); }}).filterBy(s => s.n % 2)`,
		`fromAll().partitionBy(e => e.body.n).when({A(s, e) { s.k = s.k || []; s.k.push(e.streamId); },
			B(s, e) { if (e.body.n === 7) throw new Error("seven"); }}).transformBy(s => s.k)`,
	}
	draw := rand.New(rand.NewPCG(1, 2))
	for range 8 {
		var lines []string
		for range draw.IntN(80) {
			lines = append(lines, fmt.Sprintf(`a-%d %c {"n":%d}`, draw.IntN(5), "AAAAAAAB"[draw.IntN(8)],
				draw.IntN(9)))
		}
		store := memoryLog(t, lines...)
		for _, script := range scripts {
			want, failure := replayed(t, store, script, 1, replayFrom{})
			got, err := replayed(t, store, script, 3, replayFrom{})
			if got != want || fmt.Sprint(err) != fmt.Sprint(failure) {
				t.Fatalf("%s\ngot  %s %v\nwant %s %v", script, got, err, want, failure)
			}
		}
	}
}

// TestReplayLog bounds what is kept of a script's log.
func TestReplayLog(t *testing.T) {
	var notes bytes.Buffer
	run := &replayRun{script: &js.Script{Name: "test.js"}, notes: &notes}
	for range mostLogged + 5 {
		run.keep([]string{"a\x1bb"})
	}
	run.tell(io.EOF)
	if got := notes.String(); strings.Count(got, "log: a b\n") != mostLogged ||
		!strings.HasSuffix(got, "log: 5 more lines\n") {
		t.Errorf("got %d lines, want %d and a count", strings.Count(got, "\n"), mostLogged)
	}
}
