package domain

import (
	"encoding/json"
	"strings"
	"testing"
)

// selection reads a filter as callers write it.
func selection(t testing.TB, text string) Selection {
	t.Helper()
	var s Selection
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestDefineSegment(t *testing.T) {
	const gold = `{"field":"tier","op":"eq","value":"gold"}`
	nested := func(n int) string { return strings.Repeat(`{"not":`, n) + gold + strings.Repeat(`}`, n) }
	many := func(n int) string { return `{"any":[` + strings.Repeat(gold+",", n-1) + gold + `]}` }
	for _, c := range []struct{ name, id, called, filter, then string }{
		{"defines", "vip", "VIP", gold, "SegmentDefined"},
		{"an id", "VIP", "", "{}", "malformed id"},
		{"a name", "vip", "", "{}", "malformed name"},
		{"control characters", "vip", "a\nb", gold, "malformed name"},
		{"nothing", "vip", "VIP", "{}", "malformed filter"},
		{"two forms", "vip", "VIP", `{"all":[` + gold + `],"field":"tier"}`, "malformed filter"},
		{"an empty list", "vip", "VIP", `{"all":[]}`, "malformed filter"},
		{"an operator beside a list", "vip", "VIP", `{"all":[` + gold + `],"op":"eq"}`,
			"malformed filter"},
		{"depth", "vip", "VIP", nested(7), "SegmentDefined"},
		{"too deep", "vip", "VIP", nested(8), "malformed filter.not.not.not.not.not.not.not.not"},
		{"parts", "vip", "VIP", many(99), "SegmentDefined"},
		{"too many parts", "vip", "VIP", many(100), "malformed filter"},
		{"a field", "vip", "VIP", `{"field":"balance; DROP","op":"eq","value":"1"}`,
			"malformed filter.field"},
		{"an operator", "vip", "VIP", `{"field":"recency","op":"= 1 OR 1","value":"1"}`,
			"malformed filter.op"},
		{"an order of what has none", "vip", "VIP", `{"field":"tag","op":"lt","value":"a"}`,
			"malformed filter.op"},
		{"a number", "vip", "VIP", `{"field":"recency","op":"le","value":30}`, "SegmentDefined"},
		{"a text of a number", "vip", "VIP", `{"field":"recency","op":"le","value":"30 "}`,
			"malformed filter.value"},
		{"an amount", "vip", "VIP", `{"field":"balance","op":"ge","value":"1e3","unit":"CNY"}`,
			"malformed filter.value"},
		{"no unit", "vip", "VIP", `{"field":"balance","op":"ge","value":"1.00"}`, "malformed filter.unit"},
		{"a unit too many", "vip", "VIP", `{"field":"recency","op":"ge","value":"1","unit":"CNY"}`,
			"malformed filter.unit"},
		{"a window", "vip", "VIP",
			`{"field":"spend","op":"ge","value":"1.00","unit":"CNY","from":"2026-01-01","to":"2026-12-31"}`,
			"SegmentDefined"},
		{"two windows", "vip", "VIP",
			`{"field":"spend","op":"ge","value":"1.00","unit":"CNY","days":3,"to":"2026-12-31"}`,
			"malformed filter.from"},
		{"no day", "vip", "VIP", `{"field":"frequency","op":"ge","value":"1","to":"2026-13-31"}`,
			"malformed filter.to"},
		{"a window of none", "vip", "VIP", `{"field":"recency","op":"ge","value":"1","days":3}`,
			"malformed filter.days"},
		{"a score", "vip", "VIP", `{"field":"rfm_r","op":"in","values":[4,5]}`, "SegmentDefined"},
		{"no score", "vip", "VIP", `{"field":"rfm_r","op":"in","values":[4,6]}`,
			"malformed filter.values.1"},
		{"in a value", "vip", "VIP", `{"field":"rfm_r","op":"in","value":"4","values":["4"]}`,
			"malformed filter.value"},
		{"a kind", "vip", "VIP", `{"field":"interactions","op":"eq","value":"0","kind":"sms"}`,
			"malformed filter.kind"},
		{"an instant", "vip", "VIP", `{"field":"opened_at","op":"ge","value":"2026-01-01"}`,
			"malformed filter.value"},
	} {
		var h history
		s := Segment{ID: c.id, Name: c.called, Filter: selection(t, c.filter)}
		if got := h.tell(t, DefineSegment{s}); got != c.then {
			t.Errorf("%s: got %s, want %s", c.name, got, c.then)
		}
	}
}

func TestChangeSegment(t *testing.T) {
	s := Segment{ID: "vip", Name: "VIP", Filter: selection(t, `{"field":"tag","op":"eq","value":"vip"}`)}
	var h history
	if got := h.tell(t, ChangeSegment{s}); got != "not_found" {
		t.Errorf("a change of nothing: got %s", got)
	}
	h.tell(t, DefineSegment{s})
	if got := h.tell(t, DefineSegment{s}); !strings.HasPrefix(got, "reference_used") {
		t.Errorf("defined twice: got %s", got)
	}
	if got := DifferingRegistration(h[0], DefineSegment{s}); len(got) > 0 {
		t.Errorf("a repeat differs in %v", got)
	}
	s.Filter.Value = "gold"
	if got := DifferingRegistration(h[0], DefineSegment{s}); len(got) != 1 || got[0] != "filter" {
		t.Errorf("got %v differing, want the filter", got)
	}
	if got := h.tell(t, ChangeSegment{s}); got != "SegmentChanged" {
		t.Errorf("changed: got %s", got)
	}
	if now := SegmentOf(h); now.Filter.Value != "gold" || now.Revision != 1 || SegmentOf(nil) != nil {
		t.Errorf("got %+v", now)
	}
}
