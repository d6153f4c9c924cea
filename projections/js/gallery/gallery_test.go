package gallery

import (
	"regexp"
	"strings"
	"testing"

	"github.com/tillbook/tillbook/projections/js"
)

// TestQuestions holds every script to what the package says of it: it compiles, its comment has all
// parts, and it shares the text of its arithmetic with the others.
func TestQuestions(t *testing.T) {
	all := Questions()
	if len(all) != 10 {
		t.Errorf("got %d questions, want 10", len(all))
	}
	arithmetic := regexp.MustCompile(`(?s)\n(// plus adds.*?\n}\n)`)
	shared := ""
	for _, q := range all {
		s, err := js.Compile(q.Name+".js", q.Source, js.Limits{})
		if err != nil {
			t.Error(err)
			continue
		}
		if s.Definition.Emits || !s.Definition.Partitioned() {
			t.Errorf("%s: got %+v, want partitions and nothing emitted", q.Name, s.Definition)
		}
		for _, part := range []string{"Asks", "Answer", "Read", "Exact", "Change", "Chart"} {
			if !strings.Contains(q.Source, "\n// "+part+":") {
				t.Errorf("%s: its comment has no %s", q.Name, part)
			}
		}
		for i, line := range strings.Split(q.Source, "\n") {
			if len(line) > 110 {
				t.Errorf("%s:%d has %d columns", q.Name, i+1, len(line))
			}
		}
		if text := arithmetic.FindString(q.Source); text != "" {
			if shared != "" && text != shared {
				t.Errorf("%s adds in a way of its own", q.Name)
			}
			shared = text
		}
	}
	if _, ok := Find("../gallery"); ok {
		t.Error("found what is no question")
	}
}

// TestPlus holds the arithmetic of the scripts to decimal text, and to its bound.
func TestPlus(t *testing.T) {
	q, _ := Find("top-up-ladder")
	_, sums, _ := strings.Cut(q.Source, "\n// plus adds")
	for _, row := range []struct{ a, b, want string }{
		{"0", "12.50", `"12.50"`},
		{"0.05", "-0.06", `"-0.01"`},
		{"0.10", "0.20", `"0.30"`},
		{"-1.00", "1.00", `"0.00"`},
		{"999", "1", `"1000"`},
		{"0", "0.001", `"0.001"`},
		{"90071992547409.90", "0.01", `"90071992547409.91"`},
		{"90071992547409.91", "0.01", "2^53"},
		{"0", "90071992547409.93", "2^53"},
	} {
		text := `fromAll().when({A: () => plus("` + row.a + `", "` + row.b + `")});` + "\n// plus adds" + sums
		if got := answer(t, text); !strings.Contains(got, row.want) {
			t.Errorf("%s + %s: got %s, want %s", row.a, row.b, got, row.want)
		}
	}
}

// answer is the state, or the fault, after one event A.
func answer(t *testing.T, source string) string {
	t.Helper()
	s, err := js.Compile("test.js", source, js.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := js.NewRunner(s, js.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	e := &js.Event{}
	e.Stream, e.Type, e.Data = "a-1", "A", []byte("{}")
	if _, err := r.Handle(e); err != nil {
		return err.Error()
	}
	state, _ := r.State("")
	return string(state)
}

// TestExpired folds an expiry, and an extension that brings a part of it back, at their lot's ages.
func TestExpired(t *testing.T) {
	q, _ := Find("breakage-curve")
	s, err := js.Compile(q.Name, q.Source, js.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := js.NewRunner(s, js.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for _, row := range []struct{ kind, day, data string }{
		{"TopUpPosted", "2024-01-31", `"lots":[{"id":"a","class":"principal","face":"9.00"},
			{"id":"b","class":"bonus","face":"5.00"}],"moves":[{"lot":"a","amount":"9.00"}]`},
		{"LotExpired", "2024-03-01", `"moves":[{"lot":"a","amount":"-9.00"},{"lot":"b","amount":"-5.00"}]`},
		{"LotExtended", "2030-01-01", `"moves":[{"lot":"a","amount":"2.50"}]`},
	} {
		e := &js.Event{}
		e.Stream, e.Type = "account-1", row.kind
		e.Data = []byte(`{"amount":{"amount":"1.00","unit":"CNY"},` + row.data + `}`)
		e.Metadata = []byte(`{"business_date":"` + row.day + `"}`)
		if _, err := r.Handle(e); err != nil {
			t.Fatal(err)
		}
	}
	shared, _ := r.Shared()
	for _, want := range []string{`"age":"00","issued":"9.00","used":"0.00","expired":"0.00"`,
		`"age":"01","issued":"9.00","used":"0.00","expired":"9.00"`, // the 31st to the 1st after next
		`"age":"23","issued":"9.00","used":"0.00","expired":"9.00"`,
		`"age":"24","issued":"9.00","used":"0.00","expired":"6.50"`} {
		if !strings.Contains(string(shared), want) {
			t.Errorf("got %s, want %s", shared, want)
		}
	}
}
