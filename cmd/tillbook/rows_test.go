package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

var oneOfEach = []rowColumn{
	{"z", asText}, {"n", asInteger}, {"amount", asAmount}, {"at", asInstant},
	{"day", asDate}, {"yes", asBoolean}, {"a", asJSON}, {"x", asNumber},
}

// fullRow, an empty one, and the ends of what each kind holds.
var oddRows = [][]cell{
	{text("word"), text("7"), text("12.50"), text("2026-11-01T10:20:30.123456000Z"),
		text("2026-11-01"), text("1"), text(`{"b":[1,"é"]}`), text("0.1")},
	make([]cell, 8),
	{text(""), text("0"), text("0"), text("1970-01-01T00:00:00.000000000Z"), text("1970-01-01"),
		text("0"), text("null"), text("0")},
	{text("a,b\r\n\"c\" =1+2"), text("-9223372036854775808"), text("-999999999999999.9999"),
		text("0001-01-01T00:00:00.000001000Z"), text("0001-01-01"), text("0"), text(`""`),
		text("-9007199254740993000")},
	{text("=HYPERLINK(\"x\")"), text("9223372036854775807"), text("-0.0001"),
		text("9999-12-31T23:59:59.999999000Z"), text("9999-12-31"), text("1"), text("[]"), text("1e300")},
	{text(" é\u2028 "), text("-1"), text("-128"), text("1969-12-31T23:59:59.999999000Z"),
		text("1969-12-31"), text("1"), text(`{"a":"\u0000"}`), text("-7")},
}

// written is a file of rows.
func written(t rapid.TB, form string, columns []rowColumn, rows [][]cell) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := newRows(form, &out, columns)
	for i := 0; err == nil && i < len(rows); i++ {
		err = w.write(rows[i])
	}
	if err == nil {
		err = w.end()
	}
	if err != nil {
		t.Fatalf("write %s: got %v, want no error", form, err)
	}
	return out.Bytes()
}

func TestNDJSONRows(t *testing.T) {
	lines := strings.Split(string(written(t, formNDJSON, oneOfEach, oddRows)), "\n")
	want := []string{
		`{"z":"word","n":7,"amount":"12.50","at":"2026-11-01T10:20:30.123456000Z",` +
			`"day":"2026-11-01","yes":true,"a":{"b":[1,"é"]},"x":0.1}`,
		`{"z":null,"n":null,"amount":null,"at":null,"day":null,"yes":null,"a":null,` +
			`"x":null}`,
		`{"z":"","n":0,"amount":"0","at":"1970-01-01T00:00:00.000000000Z","day":"1970-01-01",` +
			`"yes":false,"a":null,"x":0}`,
	}
	if !slices.Equal(lines[:3], want) || len(lines) != len(oddRows)+1 {
		t.Errorf("lines: got %s, want %s", strings.Join(lines, "\n"), strings.Join(want, "\n"))
	}
	for i, line := range lines[:len(oddRows)] {
		var row map[string]any
		if err := json.Unmarshal([]byte(line), &row); err != nil || len(row) != len(oneOfEach) {
			t.Errorf("line %d: got %v of %s, want JSON", i+1, err, line)
		}
	}
}

// TestCSVRows reads by encoding/csv, which takes NULL for an empty text, and as the header of
// csvRows says.
func TestCSVRows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sign := rapid.SampledFrom([]rune("a,\"\r\n =-+@'é\u2028\x00;\t"))
		word := rapid.StringOfN(sign, 0, 5, -1)
		rows := rapid.SliceOf(rapid.SliceOfN(rapid.Map(rapid.Ptr(word, true), func(s *string) cell {
			if s == nil {
				return cell{}
			}
			return text(*s)
		}), 3, 3)).Draw(t, "rows")
		columns := []rowColumn{{"a", asText}, {"b,c", asText}, {"d", asText}}
		file := written(t, formCSV, columns, rows)

		theirs, err := csv.NewReader(bytes.NewReader(file)).ReadAll()
		want := [][]string{{"a", "b,c", "d"}}
		for _, row := range rows {
			var plain []string
			for _, c := range row { // encoding/csv makes one end of line of two signs
				plain = append(plain, strings.ReplaceAll(c.String, "\r\n", "\n"))
			}
			want = append(want, plain)
		}
		if err != nil || !slices.EqualFunc(theirs, want, slices.Equal) {
			t.Fatalf("encoding/csv: got %q, %v, want %q", theirs, err, want)
		}
		if ours := readCSV(string(file))[1:]; !slices.EqualFunc(ours, rows, slices.Equal) {
			t.Fatalf("read: got %v, want %v", ours, rows)
		}
	})
}

// readCSV reads RFC 4180 as it is written: a field in quotes is text, an empty one without is NULL.
func readCSV(file string) (rows [][]cell) {
	for file != "" {
		var row []cell
		for more := true; more; {
			var c cell
			if strings.HasPrefix(file, `"`) {
				c.Valid = true
				for file = file[1:]; !strings.HasPrefix(file, `"`) || strings.HasPrefix(file, `""`); {
					n := 1
					if file[0] == '"' {
						n = 2
					}
					c.String, file = c.String+file[:1], file[n:]
				}
				file = file[1:]
			} else if end := strings.IndexAny(file, ",\r"); end > 0 {
				c, file = text(file[:end]), file[end:]
			}
			row = append(row, c)
			more = strings.HasPrefix(file, ",")
			if more {
				file = file[1:]
			}
		}
		rows, file = append(rows, row), strings.TrimPrefix(file, "\r\n")
	}
	return rows
}

func TestCSVRowsAreBytes(t *testing.T) {
	columns := []rowColumn{{"a", asText}, {"b", asText}}
	got := string(written(t, formCSV, columns, [][]cell{{text(""), {}}, {{}, text(`"é" =1`)}}))
	if want := "a,b\r\n\"\",\r\n,\"\"\"é\"\" =1\"\r\n"; got != want {
		t.Errorf("file: got %q, want %q", got, want)
	}
}

// TestRowsRefuse demands an error of whatever would be written as something else.
func TestRowsRefuse(t *testing.T) {
	rows := []struct {
		kind kind
		text string
		all  bool // of every typed form, not of Parquet alone
	}{
		{asInteger, "", true}, {asInteger, "1.0", true}, {asInteger, "9223372036854775808", true},
		{asBoolean, "2", true}, {asNumber, "x", true}, {asJSON, "{", true},
		{asAmount, "x", false}, {asAmount, "0.00001", false},
		{asAmount, "12345678901234567890123456789012345", false}, {asAmount, "1e999999999", false},
		{asInstant, "2026-11-01T10:20:30.123456789Z", false}, {asInstant, "2026-11-01", false},
		{asDate, "2026-02-30", false}, {asDate, "", false},
	}
	for _, r := range rows {
		for _, form := range []string{formNDJSON, formParquet} {
			if form == formNDJSON && !r.all || form == formParquet && r.kind == asJSON {
				continue
			}
			var out bytes.Buffer
			w, err := newRows(form, &out, []rowColumn{{"it", r.kind}})
			if err == nil {
				err = w.write([]cell{text(r.text)})
			}
			if err == nil || !strings.Contains(err.Error(), "column it: ") {
				t.Errorf("%s of %s %q: got %v, want an error that names the column", form, r.kind, r.text, err)
			}
		}
	}
	if _, err := newRows("xlsx", nil, oneOfEach); err == nil {
		t.Error("xlsx: got no error, want one")
	}
	twice := []rowColumn{{"a", asText}, {"a", asText}}
	if _, err := newRows(formParquet, nil, twice); err == nil {
		t.Error("two columns of one name: got no error, want one")
	}
}

// manyRows fill more than a row group, with a column whose texts outgrow their dictionary.
func manyRows(n int) (rows [][]cell) {
	for i := range n {
		rows = append(rows, []cell{text(fmt.Sprintf("a text of which there is one: %030d", i)),
			text([]string{"CNY", "JPY", ""}[i%3]), text(fmt.Sprint(i)),
			text(fmt.Sprintf("%d.%02d", i/7, i%100))})
		if i%5 == 0 {
			rows[i][i%4] = cell{}
		}
	}
	return rows
}
