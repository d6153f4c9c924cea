package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"
)

const csvHeader = "account,kind,occurred_at,amount,unit"

var longField = strings.Repeat("x", maxLine)

// TestImportReading reads texts into records, or into what is wrong with a line.
func TestImportReading(t *testing.T) {
	tests := []struct {
		name, format, text string
		want               []string
	}{
		{"plain", "csv", csvHeader + "\nC1,debit,2024-05-01,12.50,CNY\n",
			[]string{"2 account=C1 kind=debit occurred_at=2024-05-01 amount=12.50 unit=CNY"}},
		{"columns in another order", "csv", "unit,amount,kind,occurred_at,account\nCNY,1,debit,t,C1\n",
			[]string{"2 account=C1 kind=debit occurred_at=t amount=1 unit=CNY"}},
		{"byte order mark and CRLF", "csv", "\xef\xbb\xbf" + csvHeader + "\r\nC1,debit,t,1,CNY\r\n",
			[]string{"2 account=C1 kind=debit occurred_at=t amount=1 unit=CNY"}},
		{"no line end at the end", "csv", csvHeader + "\nC1,debit,t,1,CNY",
			[]string{"2 account=C1 kind=debit occurred_at=t amount=1 unit=CNY"}},
		{"quotes", "csv", "account,kind,occurred_at,reason\n\"C1\",refund,\" t \",\"cold, \"\"very\"\"\"\n",
			[]string{`2 account=C1 kind=refund occurred_at=t reason=cold, "very"`}},
		{"blank lines are none", "csv", "\n" + csvHeader + "\n\n \r\nC1,debit,t,1,CNY\n\n",
			[]string{"5 account=C1 kind=debit occurred_at=t amount=1 unit=CNY"}},
		{"an empty field is none", "csv", csvHeader + "\nC1,open,t,,\n",
			[]string{"2 account=C1 kind=open occurred_at=t"}},
		{"an open quote ends with its line", "csv", csvHeader + "\nC1,\"debit,t,1,CNY\nC2,debit,t,1,CNY\n",
			[]string{"line 2: malformed: column 18 of the line: extraneous or missing \" in quoted-field",
				"3 account=C2 kind=debit occurred_at=t amount=1 unit=CNY"}},
		{"a bare quote", "csv", csvHeader + "\nC\"1,debit,t,1,CNY\nC2,open,t,,\n",
			[]string{"line 2: malformed: column 2 of the line: bare \" in non-quoted-field",
				"3 account=C2 kind=open occurred_at=t"}},
		{"fields missing and too many", "csv", csvHeader + "\nC1,debit\nC1,open,t,,,\nC1,open,t,,\n",
			[]string{"line 2: malformed: got 2 fields, want 5 as in the header",
				"line 3: malformed: got 6 fields, want 5 as in the header",
				"4 account=C1 kind=open occurred_at=t"}},
		{"a huge field", "csv", csvHeader + "\n" + longField + "," + longField + "\nC1,open,t,,\n",
			[]string{"line 2: malformed: want lines of less than 65536 bytes",
				"3 account=C1 kind=open occurred_at=t"}},
		{"a huge field at the end", "csv", csvHeader + "\n" + longField + longField,
			[]string{"line 2: malformed: want lines of less than 65536 bytes"}},
		{"not UTF-8", "csv", csvHeader + "\n\xff,open,t,,\nC1,open,t,,\n",
			[]string{"line 2: malformed: want UTF-8", "3 account=C1 kind=open occurred_at=t"}},

		{"objects", "ndjson", `{"unit":"CNY","amount":"1.50","account":" C1 "}` + "\r\n\n" + `{"kind":"open"}`,
			[]string{"1 account=C1 amount=1.50 unit=CNY", "3 kind=open"}},
		{"a number as it is written", "ndjson", `{"amount":12.50,"bonus":null}`, []string{"1 amount=12.50"}},
		{"what is no flat object", "ndjson", "[]\n{\n{\"kind\":true}\n{\"kind\":{}}\n{} {}\n{\"kind\":\"open\"}",
			[]string{"line 1: malformed: want one JSON object",
				"line 2: malformed: EOF",
				"line 3: malformed: kind: want a string",
				"line 4: malformed: kind: want a string",
				"line 5: malformed: want one JSON object a line",
				"6 kind=open"}},
		{"names", "ndjson", `{"colour":"red"}` + "\n" + `{"kind":"open","kind":"open"}`,
			[]string{`line 1: malformed: unknown column "colour"`,
				`line 2: malformed: column "kind" stands twice`}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := readAll(test.text, test.format)
			if err != nil || !slices.Equal(got, test.want) {
				t.Errorf("got  %q, %v\nwant %q", got, err, test.want)
			}
		})
	}
}

func readAll(text, format string) (lines []string, err error) {
	in, err := newRecordReader(strings.NewReader(text), format)
	if err != nil {
		return nil, err
	}
	for {
		r, err := in.next()
		var bad *badRow
		switch {
		case errors.Is(err, io.EOF):
			return lines, nil
		case errors.As(err, &bad):
			lines = append(lines, bad.Error())
		case err != nil:
			return lines, err
		default:
			lines = append(lines, fmt.Sprint(r.line, r.filled()))
		}
	}
}

// filled are the columns that have a value.
func (r record) filled() string {
	var text strings.Builder
	for c, value := range r.values {
		if value != "" {
			fmt.Fprintf(&text, " %s=%s", column(c).name(), value)
		}
	}
	return text.String()
}

// TestImportHeader refuses files by their first line.
func TestImportHeader(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"", "the file is empty"},
		{"\n \n", "the file is empty"},
		{"account,kind,occurred_at,colour\n", `unknown column "colour"`},
		{"account;kind;occurred_at\n", `unknown column "account;kind;occurred_at"`},
		{"account,kind,occurred_at,\n", `unknown column ""`},
		{"account,kind,kind,occurred_at\n", `column "kind" stands twice`},
		{"kind,occurred_at\n", `column "account" is missing`},
		{"account,occurred_at\n", `column "kind" is missing`},
		{"account,kind\n", `column "occurred_at" is missing`},
		{"account,kind,occurred_at,amount\n", `column "unit" is missing`},
		{longField + "\n", "want lines of less than"},
		{"\"account\n", "header: "},
	} {
		_, err := newRecordReader(strings.NewReader(test.text), "csv")
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("header %.40q: got %v, want %s", test.text, err, test.want)
		}
	}
}

// TestImportRows turns records into what the service is asked, or into what is wrong with them.
func TestImportRows(t *testing.T) {
	shanghai, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		t.Fatal(err)
	}
	p := rowParser{zone: shanghai, now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	base := map[string]string{"account": "C1", "kind": "debit", "occurred_at": "2024-05-01T08:00:00+08:00",
		"amount": "12.50", "unit": "CNY"}
	for _, test := range []struct {
		set  string // column=value;…
		want string // of the item's particulars, or of the error
	}{
		{"", "debit C1 12.50 CNY at 2024-05-01T00:00:00Z"},
		{"occurred_at=2024-05-01", "debit C1 12.50 CNY at 2024-04-30T16:00:00Z on 2024-05-01"},
		{"occurred_at=2024-05-01;business_date=2024-04-30",
			"debit C1 12.50 CNY at 2024-04-30T16:00:00Z on 2024-04-30"},
		{"occurred_at=2024-05-01 08:00", "debit C1 12.50 CNY at 2024-05-01T00:00:00Z"},
		{"occurred_at=2024-05-01T08:00:00.5", "debit C1 12.50 CNY at 2024-05-01T00:00:00.5Z"},
		{"kind=opening_balance", "grant C1 12.50 CNY at 2024-05-01T00:00:00Z principal cost 12.50 CNY"},
		{"kind=opening_balance;class=gift", "grant C1 12.50 CNY at 2024-05-01T00:00:00Z gift cost 12.50 CNY"},
		{"kind=opening_balance;class=bonus", "grant C1 12.50 CNY at 2024-05-01T00:00:00Z bonus cost 0 CNY"},
		{"kind=opening_balance;cost=10", "grant C1 12.50 CNY at 2024-05-01T00:00:00Z principal cost 10 CNY"},
		{"kind=opening_balance;unit=HAIRCUT;amount=10;cost=300;cost_unit=CNY",
			"grant C1 10 HAIRCUT at 2024-05-01T00:00:00Z principal cost 300 CNY"},
		{"kind=top_up;bonus=2", "top_up C1 12.50 CNY at 2024-05-01T00:00:00Z bonus 2 CNY"},
		{"kind=open;amount=;unit=", "open C1 at 2024-05-01T00:00:00Z"},
		{"reference=R1;leg=2", "debit C1 12.50 CNY at 2024-05-01T00:00:00Z ref R1/2"},

		{"kind=hold", `malformed: kind: got "hold", want one of open, opening_balance, top_up, debit, refund`},
		{"kind=", "malformed: kind: got"},
		{"account=", "malformed: account: want 1 to 64"},
		{"account=13912345678", "malformed: account: want 1 to 64"},
		{"occurred_at=", "malformed: occurred_at: want when it happened"},
		{"occurred_at=01/05/2024", `malformed: occurred_at: got "01/05/2024", want RFC 3339 or YYYY-MM-DD`},
		{"occurred_at=2024-02-30", `malformed: occurred_at: got "2024-02-30"`},
		{"occurred_at=2026-01-02", "malformed: occurred_at: 2026-01-02 is to come"},
		{"amount=", "malformed: amount: want at most 15 digits"},
		{"amount=-1", "malformed: amount: want at most 15 digits"},
		{"amount=1e3", "malformed: amount: want at most 15 digits"},
		{"amount=12.505", "amount_scale: amount: CNY has 2 fraction digits, got 3"},
		{"amount=0.00", "amount_not_positive: amount: want more than zero"},
		{"unit=cny", `unknown_unit: unit: got "cny"`},
		{"unit=", `unknown_unit: unit: got ""`},
		{"bonus=2", "malformed: bonus: a row of kind debit has none"},
		{"kind=open", "malformed: amount: a row of kind open has none"},
		{"leg=2", "malformed: leg: want a reference beside it"},
		{"kind=refund", "malformed: debit_reference: want the reference of the debit"},
		{"kind=top_up;payment_reference=P1", "malformed: payment_method: want one"},
		{"kind=opening_balance;unit=HAIRCUT;amount=10", "malformed: cost: want what was paid"},
	} {
		r := record{line: 7}
		for name, value := range base {
			set(t, &r, name, value)
		}
		for part := range strings.SplitSeq(test.set, ";") {
			if name, value, ok := strings.Cut(part, "="); ok {
				set(t, &r, name, value)
			}
		}
		row, err := p.parse(r)
		got := said(row)
		if err != nil {
			got = strings.TrimPrefix(err.Error(), "line 7: ")[:min(len(test.want), len(err.Error())-8)]
		}
		if got != test.want {
			t.Errorf("%s:\ngot  %s\nwant %s", test.set, got, test.want)
		}
	}
}

func set(t *testing.T, r *record, name, value string) {
	t.Helper()
	c, ok := columnNamed(name)
	if !ok {
		t.Fatalf("no column %q", name)
	}
	r.values[c] = value
}

// said is what a row asks for, in short.
func said(row *importRow) string {
	item := row.item
	text := item.Operation + " " + item.CustomerRef
	money := func(label string, m *bulkMoney) {
		if m != nil {
			text += label + " " + m.Amount + " " + m.Unit
		}
	}
	money("", item.Amount)
	text += " at " + item.OccurredAt.Format(time.RFC3339Nano)
	if item.BusinessDate != "" {
		text += " on " + item.BusinessDate
	}
	if item.Class != "" {
		text += " " + item.Class
	}
	money(" cost", item.Cost)
	money(" bonus", item.Bonus)
	if item.PosTxnID != "" {
		text += " ref " + item.PosTxnID + "/" + item.Leg
	}
	return text
}

// TestImportKeys says which rows are the same row.
func TestImportKeys(t *testing.T) {
	const row = `"account":"C1","kind":"debit","occurred_at":"2024-05-01","unit":"CNY"`
	for _, test := range []struct {
		name, a, b string
		same       bool
	}{
		{"zeros of the fraction", `"amount":"12.50",` + row, `"amount":"12.5",` + row, true},
		{"order, numbers, blanks", row + `,"amount":"12"`, `"amount":12.00,"store":" ",` + row, true},
		{"another amount", `"amount":"12.50",` + row, `"amount":"12.51",` + row, false},
		{"one column more", `"amount":"12.50",` + row, `"amount":"12.50","operator":"a",` + row, false},
		{"a value in another column", `"store":"S1",` + row, `"terminal":"S1",` + row, false},
		{"one reference", `"reference":"R1","amount":"1",` + row, `"reference":"R1","amount":"2",` + row, true},
		{"the default leg", `"reference":"R1",` + row, `"reference":"R1","leg":"1",` + row, true},
		{"another leg", `"reference":"R1",` + row, `"reference":"R1","leg":"2",` + row, false},
		{"another terminal", `"reference":"R1",` + row, `"reference":"R1","terminal":"2",` + row, false},
	} {
		a, named := digestOf(oneRecord(t, test.a))
		b, _ := digestOf(oneRecord(t, test.b))
		if (a == b) != test.same || named != strings.Contains(test.a, "reference") {
			t.Errorf("%s: got same %v, want %v", test.name, a == b, test.same)
		}
	}
}

func oneRecord(t *testing.T, fields string) record {
	t.Helper()
	in, err := newRecordReader(strings.NewReader("{"+fields+"}"), "ndjson")
	if err != nil {
		t.Fatal(err)
	}
	r, err := in.next()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestImportOrdinals numbers alike rows, whatever else shares their bits.
func TestImportOrdinals(t *testing.T) {
	o := newOrdinals(1)
	content := func(n int) digest { return digest{0: byte(n), 1: byte(n >> 8), 31: byte(n % 2)} }
	for n := range 1000 {
		for range 1 + n%3 {
			o.note(content(n))
		}
	}
	for n := range 1000 {
		for want := range uint32(1 + n%3) {
			if got := o.next(content(n)); got != want+1 {
				t.Fatalf("content %d: got ordinal %d, want %d", n, got, want+1)
			}
		}
	}
}
