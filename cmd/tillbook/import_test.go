package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/embedded"
	"github.com/tillbook/tillbook/eventstore/enginetest"
	"github.com/tillbook/tillbook/projections"
)

// office imports files into a data folder of its own.
type office struct {
	testing.TB
	folder string
	log    string // its address, where that is in an EventStoreDB
}

// newOffice has its log in its folder or, where enginetest says so, in an EventStoreDB.
func newOffice(t testing.TB) office {
	t.Helper()
	o := office{TB: t, folder: t.TempDir()}
	if enginetest.Shared() {
		store, err := embedded.Open(filepath.Join(o.folder, "standin"), embedded.Options{})
		if err != nil {
			t.Fatal(err)
		}
		o.log = enginetest.Serve(t, store)
	}
	return o
}

func (o office) data() string { return filepath.Join(o.folder, "data") }

func (o office) place() place { return place{data: o.data(), eventstore: o.log} }

// flags are those that name the place.
func (o office) flags() []string {
	if o.log == "" {
		return []string{"--data", o.data()}
	}
	return []string{"--data", o.data(), "--eventstore", o.log}
}

// imported imports a text as the file of that name, and answers what was printed, reports first.
func (o office) imported(name, text string, flags ...string) (string, error) {
	o.Helper()
	path := filepath.Join(o.folder, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		o.Fatal(err)
	}
	return o.importFile(o.Context(), path, flags...)
}

func (o office) importFile(ctx context.Context, path string, flags ...string) (string, error) {
	var out, reports strings.Builder
	cmd := newImport()
	cmd.SilenceUsage, cmd.SilenceErrors = true, true
	cmd.SetOut(&out)
	cmd.SetErr(&reports)
	cmd.SetArgs(slices.Concat([]string{path}, o.flags(), flags))
	err := cmd.ExecuteContext(ctx)
	return reports.String() + out.String(), err
}

// mustImport is imported where every row is to be in the ledger.
func (o office) mustImport(name, text string, want ...string) {
	o.Helper()
	got, err := o.imported(name, text)
	if err != nil {
		o.Fatalf("import: %v\n%s", err, got)
	}
	o.says(got, want...)
}

// says checks lines of what was printed; runs of blanks count as one.
func (o office) says(printed string, want ...string) {
	o.Helper()
	for _, line := range want {
		found := slices.ContainsFunc(strings.Split(printed, "\n"), func(got string) bool {
			return strings.Join(strings.Fields(got), " ") == line
		})
		if !found {
			o.Errorf("got\n%s\nwant a line %q", printed, line)
		}
	}
}

// recorded yields what the log holds.
func (o office) recorded(yield func(eventstore.Recorded)) {
	o.Helper()
	store, done, err := openForReading(o.Context(), o.place())
	if err != nil {
		o.Fatal(err)
	}
	defer done()
	for e, err := range store.ReadAll(o.Context(), eventstore.Start, domain.Prefixes...) {
		if err != nil {
			o.Fatal(err)
		}
		yield(e)
	}
}

// logged is an event with its stream.
type logged struct {
	domain.Posted
	stream string
}

// events are the log's.
func (o office) events() (all []logged) {
	o.Helper()
	o.recorded(func(e eventstore.Recorded) {
		p, err := domain.Decode(e.Type, e.Data, e.Metadata, int64(e.Revision))
		if err != nil {
			o.Fatal(err)
		}
		all = append(all, logged{p, e.Stream})
	})
	return all
}

// types counts events of accounts by type, such as "1 AccountOpened, 2 DebitPosted", but those of tiers,
// which time brings.
func (o office) types() string {
	o.Helper()
	counts := map[string]int{}
	o.recorded(func(e eventstore.Recorded) {
		if strings.HasPrefix(e.Stream, "account-") && !strings.HasPrefix(e.Type, "Tier") {
			counts[e.Type]++
		}
	})
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%d %s", counts[name], name))
	}
	return strings.Join(parts, ", ")
}

func (o office) wantTypes(want string) {
	o.Helper()
	if got := o.types(); got != want {
		o.Errorf("got events %s, want %s", got, want)
	}
}

// total is an account's balance in its one unit.
func (o office) total(customer string) string {
	o.Helper()
	c, done, err := connect(o.Context(), o.place())
	if err != nil {
		o.Fatal(err)
	}
	defer done()
	return totalOf(o, c, domain.AccountID(customer))
}

func totalOf(t testing.TB, c *client, account uuid.UUID) string {
	t.Helper()
	var answer struct {
		Balances []struct{ Unit, Total string } `json:"balances"`
	}
	path := "/v1/accounts/" + account.String() + "/balances"
	if err := c.do(t.Context(), "GET", path, "", nil, &answer); err != nil {
		t.Fatalf("GET %s: %v", path, err)
	}
	if len(answer.Balances) != 1 {
		t.Fatalf("GET %s: got %+v, want one balance", path, answer.Balances)
	}
	return answer.Balances[0].Total + " " + answer.Balances[0].Unit
}

const shopFile = `account,kind,occurred_at,amount,unit,reference,store,terminal,debit_reference,bonus,class
C1,open,2024-01-01T09:00:00Z,,,,,,,,
C1,top_up,2024-01-02T09:00:00Z,100.00,CNY,,S1,T1,,20.00,
C1,debit,2024-01-03T09:00:00Z,12.00,CNY,0001,S1,T1,,,
C1,debit,2024-01-03T09:05:00Z,12.00,CNY,,S1,T1,,,
C1,debit,2024-01-03T09:05:00Z,12.00,CNY,,S1,T1,,,
C1,refund,2024-01-04T09:00:00Z,6.00,CNY,0002,S1,T1,0001,,
C2,opening_balance,2024-01-05,30.00,CNY,,,,,,
C2,opening_balance,2024-01-05,5.00,CNY,,,,,,promo
C3,top_up,2024-01-05,1000,JPY,,,,,,
`

// TestImportPostsAFile imports every kind of row, with its own time, and again.
func TestImportPostsAFile(t *testing.T) {
	o := newOffice(t)
	o.mustImport("shop.csv", shopFile,
		"open - 1 1 - 0 - 0 -",
		"opening_balance CNY 2 2 35.00 0 - 0 -",
		"top_up CNY 1 1 100.00 0 - 0 -",
		"top_up JPY 1 1 1000 0 - 0 -",
		"debit CNY 3 3 36.00 0 - 0 -",
		"refund CNY 1 1 6.00 0 - 0 -",
		"bonus CNY 1 1 20.00 0 - 0 -",
		"9 rows: 9 posted, 0 there already, 0 rejected; 2 accounts opened")
	for customer, want := range map[string]string{
		"C1": "90.00 CNY", "C2": "35.00 CNY", "C3": "1000 JPY",
	} {
		if got := o.total(customer); got != want {
			t.Errorf("%s: got a balance of %s, want %s", customer, got, want)
		}
	}
	const posted = "3 AccountOpened, 2 CreditGranted, 3 DebitPosted, 1 DebitRefunded, 2 TopUpPosted"
	o.wantTypes(posted)
	for _, e := range o.events() {
		m := e.Metadata
		switch debit, ok := e.Event.(domain.DebitPosted); {
		case ok && m.Reference.PosTxnID == "0001":
			got := fmt.Sprint(m.OccurredAt, m.BusinessDate, m.Channel, m.Store, debit.Amount, m.Skewed)
			if want := "2024-01-03 09:00:00 +0000 UTC2024-01-03importS112.00 CNY false"; got != want {
				t.Errorf("got debit %s, want %s", got, want)
			}
		case e.stream == "account-"+domain.AccountID("C3").String() && m.BusinessDate != "2024-01-05":
			t.Errorf("%T: got business date %s, want the row's", e.Event, m.BusinessDate)
		}
	}

	o.mustImport("shop.csv", shopFile, "debit CNY 3 0 - 3 36.00 0 -",
		"9 rows: 0 posted, 9 there already, 0 rejected; 0 accounts opened")
	o.wantTypes(posted)
	o.wantImports(2, 9)
}

// wantImports checks the records of a file's imports.
func (o office) wantImports(times int, rows int64) {
	o.Helper()
	var started, completed int
	for _, e := range o.events() {
		switch e := e.Event.(type) {
		case domain.ImportStarted:
			started++
		case domain.ImportCompleted:
			completed++
			if e.Rows != rows || e.Posted+e.Repeated+e.Rejected != rows {
				o.Errorf("got %+v, want %d rows in all", e, rows)
			}
			if completed == 1 && e.ControlTotals["debit/CNY"] != "36.00" {
				o.Errorf("got control totals %v, want debit/CNY 36.00", e.ControlTotals)
			}
		}
	}
	if started != times || completed != times {
		o.Errorf("got %d begins and %d ends of imports, want %d", started, completed, times)
	}
}

// TestImportFormatsAgree imports the same rows as NDJSON: there already.
func TestImportFormatsAgree(t *testing.T) {
	o := newOffice(t)
	o.mustImport("a.csv", "account,kind,occurred_at,amount,unit\r\nC1,top_up,2024-01-02,5.50,CNY\r\n")
	o.mustImport("a.ndjson", `{"unit":"CNY","amount":5.5,"occurred_at":"2024-01-02",`+
		`"kind":"top_up","account":"C1"}`, "1 rows: 0 posted, 1 there already, 0 rejected; 0 accounts opened")
	if got := o.total("C1"); got != "5.50 CNY" {
		t.Errorf("got a balance of %s, want 5.50 CNY", got)
	}
}

// many is a file of that many rows on ten accounts: a top-up each, then debits, of which each
// stands twice.
func many(rows int) string {
	var text strings.Builder
	text.WriteString("account,kind,occurred_at,amount,unit\n")
	for i := range rows {
		if i < 10 {
			fmt.Fprintf(&text, "C%d,top_up,2024-01-01,1000.00,CNY\n", i)
			continue
		}
		fmt.Fprintf(&text, "C%d,debit,2024-01-02,0.%02d,CNY\n", i/2%10, 1+i/20%99)
	}
	return text.String()
}

// TestImportGoesOn imports the begin of a file, then the whole of it; and stops one that runs.
func TestImportGoesOn(t *testing.T) {
	whole := many(1500)
	half := whole[:strings.Index(whole[len(whole)/2:], "\n")+len(whole)/2+1]
	o := newOffice(t)
	o.mustImport("half.csv", half)
	o.mustImport("whole.csv", whole)
	o.wantTypes("10 AccountOpened, 1490 DebitPosted, 10 TopUpPosted")

	stopped := newOffice(t)
	path := filepath.Join(stopped.folder, "whole.csv")
	if err := os.WriteFile(path, []byte(whole), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := stopped.importFile(ctx, path); err == nil {
		t.Error("an import that was stopped came to its end")
	}
	for n := range 3 {
		stopped.stopAfter(path, 100*(n+1))
	}
	stopped.mustImport("whole.csv", whole)
	stopped.wantTypes("10 AccountOpened, 1490 DebitPosted, 10 TopUpPosted")
}

// TestImportLeavesTables: who asks the read models after an import finds all of it.
func TestImportLeavesTables(t *testing.T) {
	o := newOffice(t)
	o.mustImport("many.csv", many(3000))
	at := o.place()
	models, err := projections.Open(t.Context(), at.models(), nil, projections.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer models.Close()
	last := eventstore.Start
	o.recorded(func(e eventstore.Recorded) { last = e.Position })
	if got := models.Position(); got != last {
		t.Errorf("got tables up to %d, want %d", got, last)
	}
}

// stopAfter imports a file and stops when that many of its rows were handed over.
func (o office) stopAfter(path string, rows int) {
	o.Helper()
	i, done := o.prepared(path)
	defer done()
	ctx, stop := context.WithCancel(o.Context())
	defer stop()
	err := i.send(ctx, func(yield func(*importRow) bool) error {
		return i.rows(func(row *importRow) bool {
			if rows--; rows < 0 {
				stop()
			}
			return yield(row)
		})
	})
	if !errors.Is(err, context.Canceled) {
		o.Fatalf("got %v, want a stop", err)
	}
}

// prepared is an import of a file that is about to send.
func (o office) prepared(path string) (*importer, func()) {
	o.Helper()
	i, err := importOptions{place: o.place(), zone: "UTC"}.open(path)
	if err == nil {
		err = i.read()
	}
	if err != nil {
		o.Fatal(err)
	}
	i.results = newResults(textReport{o.Output()}, newProgress(o.Output(), i.survey.rows))
	c, done, err := connect(o.Context(), o.place())
	if err != nil {
		o.Fatal(err)
	}
	i.client = c
	return i, done
}

// lossy loses some answers of a service, and turns some requests away.
type lossy struct {
	http.RoundTripper
	asked atomic.Int64
}

func (l *lossy) RoundTrip(r *http.Request) (*http.Response, error) {
	n := l.asked.Add(1)
	if n == 2 {
		r.Body.Close()
		return &http.Response{StatusCode: http.StatusServiceUnavailable, Header: http.Header{},
			Body: io.NopCloser(strings.NewReader(`{"code":"busy"}`)), Request: r}, nil
	}
	res, err := l.RoundTripper.RoundTrip(r)
	switch {
	case err != nil:
		return nil, err
	case n == 1:
		res.Body.Close()
		return nil, errors.New("the answer was lost")
	case n == 3:
		res.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(res.Body, 5000), res.Body}
	}
	return res, nil
}

// TestImportSurvivesLostAnswers loses an answer, half of another, and is turned away once: every
// row is in the ledger once, and counted once.
func TestImportSurvivesLostAnswers(t *testing.T) {
	o := newOffice(t)
	path := filepath.Join(o.folder, "many.csv")
	if err := os.WriteFile(path, []byte(many(400)), 0o600); err != nil {
		t.Fatal(err)
	}
	i, done := o.prepared(path)
	i.client.http.Transport = &lossy{RoundTripper: i.client.http.Transport}
	err := i.send(t.Context(), i.rows)
	done()
	if all := i.results.all; err != nil || all[posted]+all[repeated] != 400 || all[rejected] != 0 {
		t.Errorf("got %v, %v, want 400 rows posted or there already", all, err)
	}
	o.wantTypes("10 AccountOpened, 390 DebitPosted, 10 TopUpPosted")
}

// TestImportCorrected imports a file, then the same with one row corrected, one added and one gone.
func TestImportCorrected(t *testing.T) {
	const head = "account,kind,occurred_at,amount,unit\nC1,top_up,2024-01-01,100,CNY\n"
	o := newOffice(t)
	o.mustImport("a.csv", head+"C1,debit,2024-01-02,1.00,CNY\nC1,debit,2024-01-02,2.00,CNY\n"+
		"C1,debit,2024-01-02,2.00,CNY\n")
	o.mustImport("a.csv", head+"C1,debit,2024-01-02,2.00,CNY\nC1,debit,2024-01-02,2.00,CNY\n"+
		"C1,debit,2024-01-02,2.00,CNY\nC1,debit,2024-01-02,1.50,CNY\n",
		"debit CNY 4 2 3.50 2 4.00 0 -")
	if got := o.total("C1"); got != "91.50 CNY" {
		t.Errorf("got a balance of %s, want 91.50 CNY", got)
	}
}

const badFile = `account,kind,occurred_at,amount,unit,reference,debit_reference
C1,top_up,2024-01-01,10.00,CNY,,
C1,debit,2024-01-02,1.005,CNY,,
C1,debit,2024-01-02,"1.00,CNY,,
C1,debit,2024-01-02,1.00,XXX,,
C1,debit,2024-01-02,0.00,CNY,,
C1,debit,2024-01-03,50.00,CNY,big,
C1,refund,2024-01-03,50.00,CNY,,big
C1,debit,2024-01-03,3.00,CNY,small,
C1,refund,2024-01-04,4.00,CNY,,small
C1,refund,2024-01-04,1.00,CNY,,small
C1,debit,2024-01-03,9.00,CNY,small,
C2,debit,2024-01-03,9.00,CNY,,
`

// TestImportBadRows reports every bad row with its line and loses no other.
func TestImportBadRows(t *testing.T) {
	o := newOffice(t)
	got, err := o.imported("bad.csv", badFile)
	if err == nil || !strings.Contains(err.Error(), "9 of 12 rows") {
		t.Errorf("got %v, want a failure that says 9 of 12 rows", err)
	}
	for _, want := range []string{"line 3: amount_scale: amount: CNY has", "line 4: malformed: column",
		"line 5: unknown_unit: ", "line 6: amount_not_positive: ", "line 7: insufficient_funds: ",
		"line 8: not_found: debit_reference: ", "line 10: refund_exceeds_debit: ",
		"line 12: key_reused: ", "line 13: insufficient_funds: "} {
		if !strings.Contains(got, want) {
			t.Errorf("got\n%s\nwant a line that begins %q", got, want)
		}
	}
	o.says(got, "top_up CNY 1 1 10.00 0 - 0 -", "debit CNY 6 1 3.00 0 - 5 68.00",
		"debit XXX 1 0 - 0 - 1 1", "refund CNY 3 1 1.00 0 - 2 54.00",
		"unreadable - 1 0 - 0 - 1 -",
		"12 rows: 3 posted, 0 there already, 9 rejected; 2 accounts opened")
	if got := o.total("C1"); got != "8.00 CNY" {
		t.Errorf("got a balance of %s, want 8.00 CNY", got)
	}
}

// TestImportTriesDeclinesAgain imports a debit that is declined, again without effect, then with
// the top-up that it lacked, then once more.
func TestImportTriesDeclinesAgain(t *testing.T) {
	const head, debit = "account,kind,occurred_at,amount,unit,reference,debit_reference\n",
		"C1,debit,2024-01-02,5.00,CNY,R1,\nC1,refund,2024-01-03,1.00,CNY,,R1\n"
	o := newOffice(t)
	for range 2 {
		got, err := o.imported("a.csv", head+debit)
		if err == nil {
			t.Error("a declined debit is no failure")
		}
		o.says(got, "2 rows: 0 posted, 0 there already, 2 rejected; "+
			map[bool]string{true: "1", false: "0"}[strings.Contains(got, "1 accounts")]+" accounts opened")
		o.wantTypes("1 AccountOpened, 1 OperationDeclined")
	}
	for range 2 {
		o.mustImport("a.csv", head+"C1,top_up,2024-01-01,7.00,CNY,,\n"+debit)
		o.wantTypes("1 AccountOpened, 1 DebitPosted, 1 DebitRefunded, 1 OperationDeclined, 1 TopUpPosted")
	}
	if got := o.total("C1"); got != "3.00 CNY" {
		t.Errorf("got a balance of %s, want 3.00 CNY", got)
	}
}

// TestImportRefusesFiles refuses, before anything is posted, what is wrong with a file as a whole.
func TestImportRefusesFiles(t *testing.T) {
	o := newOffice(t)
	const head = "account,kind,occurred_at,amount,unit,cost,cost_unit\n"
	for _, test := range []struct {
		name, text, want string
		flags            []string
	}{
		{"a.csv", "account,kind,occurred_at,colour\n", `unknown column "colour"`, nil},
		{"a.csv", head + "C1,buy,2024-01-01,1,CNY,,\n", "none of its 1 rows can be read; the first: line 2", nil},
		{"a.csv", head + "C1,opening_balance,2024-01-01,1,HAIRCUT,30,CNY\n", "line 2: unit HAIRCUT", nil},
		{"a.txt", head, "--format: want csv or ndjson", nil},
		{"a.csv", head, "--format: want csv or ndjson", []string{"--format", "xml"}},
		{"a.csv", head, "--zone: want an IANA zone", []string{"--zone", "Mars/Base"}},
		{"a.csv", head, "--url: want an admin key", []string{"--url", "http://127.0.0.1:1"}},
		{"a.csv", head, "--errors: ", []string{"--errors", o.folder}},
		{"a.csv", head, "is the file to import", []string{"--errors", filepath.Join(o.folder, "a.csv")}},
	} {
		t.Setenv(importKeyVariable, "")
		_, err := o.imported(test.name, test.text, test.flags...)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s %v %q: got %v, want %s", test.name, test.flags, test.text, err, test.want)
		}
	}
	if _, err := o.importFile(t.Context(), filepath.Join(o.folder, "none.csv")); err == nil {
		t.Error("a file that is not there was imported")
	}
	if events := o.events(); len(events) > 0 {
		t.Errorf("got %d events, want none", len(events))
	}
}

// TestImportDryRun reads and reports, and does not so much as open the folder.
func TestImportDryRun(t *testing.T) {
	o := newOffice(t)
	reports := filepath.Join(o.folder, "bad.ndjson")
	got, err := o.imported("bad.csv", badFile, "--dry-run", "--errors", reports)
	if err == nil {
		t.Error("a dry run with bad rows is no failure")
	}
	o.says(got, "KIND UNIT ROWS READABLE AMOUNT REPEATED AMOUNT REJECTED AMOUNT",
		"debit CNY 6 4 71.00 0 - 2 0.00")
	text, err := os.ReadFile(reports)
	if want := `{"line":6,"code":"amount_not_positive","detail":"amount: want more than zero"}`; err != nil ||
		!strings.Contains(string(text), want) {
		t.Errorf("got %s, %v, want %s", text, err, want)
	}
	if _, err := os.Stat(o.data()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want no data folder", err)
	}
}

// TestImportReportsAsCSV writes rejected rows as CSV where the file's name says so.
func TestImportReportsAsCSV(t *testing.T) {
	o := newOffice(t)
	reports := filepath.Join(o.folder, "bad.csv")
	_, _ = o.imported("a.ndjson", `{"account":"C1","kind":"open","occurred_at":"2024-01-01"}`+"\n"+
		`{"account":"C1","kind":"open, please"}`, "--errors", reports)
	text, err := os.ReadFile(reports)
	const want = "line,code,detail\n2,malformed,\"kind: got \"\"open, please\"\", want one of open, " +
		"opening_balance, top_up, debit, refund\"\n"
	if err != nil || string(text) != want {
		t.Errorf("got %q, %v, want %q", text, err, want)
	}
}
