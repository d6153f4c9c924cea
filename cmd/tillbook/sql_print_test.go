package main

import (
	"math"
	"strings"
	"testing"
	"time"
)

// TestSheets: what people and programs read tells NULL from nothing, keeps numbers exact, and stays in its
// cell.
func TestSheets(t *testing.T) {
	names := []string{"n", "text", "x"}
	rows := [][]any{
		{int64(math.MaxInt64), "0.10", 0.1},
		{int64(-1), "", nil},
		{nil, "NULL", math.Inf(1)},
		{int64(7), "a,\"b\"\n\x1b[2J", []byte{0xff}},
		{int64(8), " 水 ", true},
		{int64(9), "<&>", time.Date(2026, 3, 1, 0, 0, 0, 5e8, time.UTC)},
	}
	want := map[string]string{
		formTable: `
                  n  text                x
-------------------  ------------------  ----------------------
9223372036854775807  0.10                0.1
                 -1                      NULL
               NULL  "NULL"              +Inf
                  7  "a,\"b\"\n\x1b[2J"  \xff
                  8  " 水 "              true
                  9  <&>                 2026-03-01T00:00:00.5Z
`,
		formCSV: "\nn,text,x\r\n9223372036854775807,0.10,0.1\r\n-1,\"\",\r\n,NULL,+Inf\r\n" +
			"7,\"a,\"\"b\"\"\n\x1b[2J\",\\xff\r\n8, 水 ,true\r\n9,<&>,2026-03-01T00:00:00.5Z\r\n",
		formNDJSON: `
{"n":9223372036854775807,"text":"0.10","x":0.1}
{"n":-1,"text":"","x":null}
{"n":null,"text":"NULL","x":"+Inf"}
{"n":7,"text":"a,\"b\"\n\u001b[2J","x":"\\xff"}
{"n":8,"text":" 水 ","x":true}
{"n":9,"text":"<&>","x":"2026-03-01T00:00:00.5Z"}
`,
	}
	for form, want := range want {
		var b strings.Builder
		s := newSheet(&b, form)
		if err := s.Columns(names); err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			if err := s.Row(row); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.end(); err != nil {
			t.Fatal(err)
		}
		if got := "\n" + b.String(); got != want {
			t.Errorf("%s: got %s\nwant %s", form, got, want)
		}
	}
}

// TestTableAlignsNumbers: columns of numbers, amounts too, stand at the right.
func TestTableAlignsNumbers(t *testing.T) {
	var b strings.Builder
	s := newSheet(&b, formTable)
	_ = s.Columns([]string{"amount", "kind"})
	_ = s.Row([]any{"-1.50", "debit"})
	_ = s.Row([]any{"100.00", nil})
	if err := s.end(); err != nil {
		t.Fatal(err)
	}
	want := "amount  kind\n------  -----\n -1.50  debit\n100.00  NULL\n"
	if got := b.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
