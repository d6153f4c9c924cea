package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/eventstore"
)

// oddBytes are data and metadata that a careless writer of JSON would change.
var oddBytes = []string{
	`{"a":1}`, `{ "a" : 1.00, "b":"é\u00e9<&>` + "\u2028" + `" }`, `1e400`, `"text"`, `null`, `true`,
	``,
	" {}", "{}\t", "{}\n", "{\n}", "{\r}", "{", "\x00\xff", "\"\xff\"", "{}{}",
	strings.Repeat("[", 900) + strings.Repeat("]", 900),
	strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000),
	`{"a":1,"a":2}`, "\ufeff{}",
}

func event(data, metadata string, binary bool) eventstore.Recorded {
	return eventstore.Recorded{
		Event: eventstore.Event{
			ID: uuid.New(), Type: "Te\"st <&>", Data: []byte(data), Metadata: []byte(metadata),
			Binary: binary,
		},
		Stream: "order-é\n1", Revision: 7, Position: 99,
		Created: time.Unix(1_700_000_000, 123_456_789).UTC(),
	}
}

func TestEventLine(t *testing.T) {
	for i, data := range oddBytes {
		e := event(data, oddBytes[len(oddBytes)-1-i], i%2 == 0)
		line, err := appendEvent(nil, &e)
		if err != nil {
			t.Fatalf("write %q: got %v, want no error", data, err)
		}
		comesBack(t, line, e)
	}
}

// comesBack reads a line that must be an event's.
func comesBack(t *testing.T, line []byte, want eventstore.Recorded) {
	t.Helper()
	text, ok := bytes.CutSuffix(line, []byte{'\n'})
	if !ok || bytes.ContainsAny(text, "\r\n") || !json.Valid(text) || !utf8.Valid(text) {
		t.Fatalf("line: got %.200q, want JSON in UTF-8 and one line's end", line)
	}
	got, end, err := readLine(text)
	if err != nil || end != nil {
		t.Fatalf("read %.200q: got %v, %v, want an event", text, end, err)
	}
	if what := difference(got, want); what != "" || !got.Created.Equal(want.Created) {
		t.Fatalf("read: got %v, want %v: %s", got, want, what)
	}
}

// TestEventLineIsReadable demands that JSON stands in a line as JSON.
func TestEventLineIsReadable(t *testing.T) {
	e := event(`{"amount": "12.50"}`, "", true)
	line, _ := appendEvent(nil, &e)
	for _, want := range []string{`"data":{"amount": "12.50"},`, `"metadata_base64":""`,
		`"binary":true`, `"created":"2023-11-14T22:13:20.123456789Z"`, `"revision":7`} {
		if !strings.Contains(string(line), want) {
			t.Errorf("line: got %s, want %s in it", line, want)
		}
	}
}

func TestEventLineRefuses(t *testing.T) {
	stream, kind, long := event("{}", "{}", false), event("{}", "{}", false), event("{}", "{}", false)
	stream.Stream, kind.Type = "\xff", "\xff"
	long.Stream = strings.Repeat("x", exportLineMax)
	for _, e := range []eventstore.Recorded{stream, kind, long} {
		if line, err := appendEvent([]byte("kept"), &e); err == nil || string(line) != "kept" {
			t.Errorf("write %.20q: got %.20q, %v, want an error", e.Stream, line, err)
		}
	}
}

func TestBadEventLines(t *testing.T) {
	e := event(`{"a":1}`, `{"b":2}`, false)
	line, _ := appendEvent(nil, &e)
	good := strings.TrimSpace(string(line))
	rows := []struct{ name, text, want string }{
		{"nothing", "", "no event"},
		{"no object", "7", "no event"},
		{"a part of it", good[:len(good)/2], "no event"},
		{"an unknown field", strings.Replace(good, `"type"`, `"kind"`, 1), "no event"},
		{"two of it", good + good, "something follows"},
		{"blanks behind it", good + " ", "something follows"},
		{"other data", strings.Replace(good, `{"a":1}`, `{"a":2}`, 1), "was changed"},
		{"the same data printed anew", strings.Replace(good, `{"a":1}`, `{"a": 1}`, 1), "was changed"},
		{"another revision", strings.Replace(good, `"revision":7`, `"revision":8`, 1), "was changed"},
		{"another hash", strings.Replace(good, `"hash":"`, `"hash":"00`, 1), "64 digits"},
		{"a year of five digits", strings.Replace(good, "2023-11-14T22:13:20.123456789Z",
			"9999-12-31T23:59:59-23:00", 1), "the year 10000"},
		{"no data", strings.Replace(good, `"data":{"a":1},`, ``, 1), "no data"},
		{"data twice", strings.Replace(good, `"data"`, `"data_base64":"","data"`, 1), "both data"},
		{"no metadata", strings.Replace(good, `,"metadata":{"b":2}`, ``, 1), "no metadata"},
		{"bad base64", strings.Replace(good, `"data":{"a":1}`, `"data_base64":"?"`, 1), "no event"},
	}
	for _, r := range rows {
		_, end, err := readLine([]byte(r.text))
		if err == nil || end != nil || !strings.Contains(err.Error(), r.want) {
			t.Errorf("%s: got %v, %v, want %q", r.name, end, err, r.want)
		}
	}
}

// FuzzEventLine writes and reads any event.
func FuzzEventLine(f *testing.F) {
	for i, data := range oddBytes {
		f.Add("order-1", "T", data, oddBytes[len(oddBytes)-1-i], int64(i), i%2 == 0)
	}
	f.Fuzz(func(t *testing.T, stream, kind, data, metadata string, created int64, binary bool) {
		e := event(data, metadata, binary)
		e.Stream, e.Type, e.Created = stream, kind, time.Unix(0, created)
		line, err := appendEvent(nil, &e)
		if err != nil {
			return
		}
		comesBack(t, line, e)
	})
}

// FuzzReadLine demands that no text makes the reader panic, and that what it takes is an event
// whose own line it takes too.
func FuzzReadLine(f *testing.F) {
	e := event(`{"a":1}`, "", true)
	line, _ := appendEvent(nil, &e)
	f.Add(string(line[:len(line)-1]))
	f.Add(`{"end":{"format":1,"events":2,"digest":"` + strings.Repeat("0", 64) + `"}}`)
	f.Add(`{"stream":null,"data":null}`)
	f.Fuzz(func(t *testing.T, text string) {
		got, end, err := readLine([]byte(text))
		if err != nil || end != nil {
			return
		}
		line, err := appendEvent(nil, &got)
		if err != nil {
			t.Fatalf("write what was read: got %v, want no error", err)
		}
		comesBack(t, line, got)
	})
}
