package api

import (
	"errors"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/tillbook/tillbook/domain"
)

// TestLongLists: what a list that is too long costs does not grow with it.
func TestLongLists(t *testing.T) {
	for _, c := range []struct {
		name, element string
		read          func(text string) (int, error)
	}{
		{"operations of a shift", "{}", func(text string) (int, error) {
			var b closeShiftBody
			err := decode([]byte(`{"operations":`+text+`}`), &b)
			return len(b.Operations), err
		}},
		{"totals of a shift", "{}", func(text string) (int, error) {
			var b closeShiftBody
			err := decode([]byte(`{"totals":`+text+`}`), &b)
			return len(b.Totals), err
		}},
		{"items of a batch", "0", func(text string) (int, error) {
			var b batchBody
			err := decode([]byte(`{"items":`+text+`}`), &b)
			return len(b.Items), err
		}},
		{"items in bulk", "0", func(text string) (int, error) {
			var items list[jsontext.Value]
			err := decode([]byte(text), &items)
			return len(items), err
		}},
	} {
		text := "[" + strings.Repeat(c.element+",", 2<<20) + c.element + "]"
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		n, err := c.read(text)
		runtime.ReadMemStats(&after)
		if n != listKept || err != nil {
			t.Errorf("%s: got %d, %v", c.name, n, err)
		}
		if mb := (after.TotalAlloc - before.TotalAlloc) >> 20; mb > 100 {
			t.Errorf("%s: took %d MiB", c.name, mb)
		}
	}
}

// TestLists reads lists as encoding/json does, and says where they are none.
func TestLists(t *testing.T) {
	for body, want := range map[string]string{
		`{}`: "", `{"totals":null}`: "", `{"totals":[]}`: "", `{"totals":[{"type":"debit"}]}`: "",
		`{"totals":{}}`: "totals", `{"totals":"x"}`: "totals", `{"totals":[1]}`: "totals.0",
		`{"totals":[{},{"tip":1}]}`:                          "totals.1.tip",
		`{"totals":[{},{"amount":{"unit":1}}]}`:              "totals.1.amount.unit",
		`{"operations":[{"leg":"1","leg":"2"}]}`:             "operations.0.leg",
		`{"operations":[{}`:                                  "none",
		`{"operations":[{},]}`:                               "none",
		`{"operations":[{}]]`:                                "none",
		`{"operations":[{"amount":{"amount":"1","x":"2"}}]}`: "operations.0.amount.x",
	} {
		var b closeShiftBody
		err := decode([]byte(body), &b)
		var refusal *domain.Refusal
		switch got := errors.As(err, &refusal); {
		case want == "" && err != nil, want != "" && !got:
			t.Errorf("%s: got %v", body, err)
		case want == "none" && len(refusal.Fields) > 0,
			want != "" && want != "none" && (len(refusal.Fields) != 1 || refusal.Fields[0].Field != want):
			t.Errorf("%s: got %+v, want %s", body, refusal.Fields, want)
		}
	}
}

// TestLargeBodies: a key has some places, all keys together have some more, and each is given back.
func TestLargeBodies(t *testing.T) {
	s := &Server{large: make(chan struct{}, largeOfKey+1)}
	var first, second atomic.Int32
	var given []func()
	for i := range largeOfKey + 1 {
		done, err := s.place(&first)
		if (err == nil) != (i < largeOfKey) {
			t.Errorf("place %d: got %v", i, err)
		}
		if err == nil {
			given = append(given, done)
		}
	}
	done, err := s.place(&second)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []*atomic.Int32{&second, nil} {
		if _, err := s.place(key); err == nil {
			t.Error("got a place, want none")
		}
	}
	if got := problemOf(errManyLarge); got.code != "busy" || !got.class.retryable {
		t.Errorf("got %+v", got)
	}
	for _, done := range append(given, done) {
		done()
	}
	if len(s.large) != 0 || first.Load() != 0 || second.Load() != 0 {
		t.Errorf("got %d, %d and %d left, want none", len(s.large), first.Load(), second.Load())
	}
}
