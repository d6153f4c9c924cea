package js

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/projections/js/jstest"
)

// two is a log of three events in two streams.
const two = "a-1 A {\"n\":1}\na-2 B {\"n\":2}\na-1 A {\"n\":3}"

// events are jstest's.
func events(lines string) (all []*Event) {
	for _, e := range jstest.Events(lines) {
		all = append(all, &Event{Recorded: e})
	}
	return all
}

// outcome is all that a run over a log shows, one line each: states, results, emitted events, log, fault.
func outcome(t *testing.T, script, lines string) string {
	t.Helper()
	var b strings.Builder
	s, err := Compile("test.js", script, Limits{})
	if err != nil {
		return err.Error()
	}
	r, err := NewRunner(s, Options{Emit: true, Results: "test"})
	if err != nil {
		return err.Error()
	}
	defer r.Close()
	store, err := jstest.Log(lines)
	if err != nil {
		t.Fatal(err)
	}
	var logged []string
	for e, err := range Events(t.Context(), store, &s.Definition, eventstore.Start) {
		if err != nil {
			t.Fatal(err)
		}
		change, err := r.Handle(e)
		logged = append(logged, change.Log...)
		for _, e := range change.Emitted {
			b.WriteString(strings.TrimSpace(fmt.Sprintf("%s <- %s %s", e.Stream, e.Type, e.Data)))
			if e.Metadata != nil {
				fmt.Fprintf(&b, " %s", e.Metadata)
			}
			b.WriteString("\n")
		}
		if err != nil {
			return b.String() + err.Error()
		}
	}
	for _, p := range r.Partitions() {
		state, err := r.State(p)
		if err != nil {
			return b.String() + err.Error()
		}
		fmt.Fprintf(&b, "%s=%s", p, state)
		result, err := r.Result(p)
		if err != nil {
			return b.String() + "\n" + err.Error()
		}
		if string(result) != string(state) {
			fmt.Fprintf(&b, " -> %s", or(string(result), "nothing"))
		}
		b.WriteString("\n")
	}
	if shared, _ := r.Shared(); shared != nil {
		fmt.Fprintf(&b, "shared=%s\n", shared)
	}
	for _, line := range append(s.Log, logged...) {
		fmt.Fprintf(&b, "log %s\n", line)
	}
	return strings.TrimSpace(b.String())
}

func definition(t *testing.T, script string) string {
	t.Helper()
	s, err := Compile("test.js", script, Limits{})
	if err != nil {
		return err.Error()
	}
	all := map[string]any{}
	text, _ := json.Marshal(s.Definition)
	_ = json.Unmarshal(text, &all)
	for name, v := range all {
		if v == nil || v == false || v == "" || v == 0.0 || name == "DefinesSources" {
			delete(all, name)
		}
	}
	text, _ = json.Marshal(all)
	return strings.ReplaceAll(string(text), `"`, "")
}

func TestDialect(t *testing.T) {
	for _, row := range jstest.Rules {
		t.Run(row.Rule, func(t *testing.T) {
			if got := outcome(t, row.Script, row.Events); got != row.Want {
				t.Errorf("%s\ngot  %s\nwant %s", row.Script, got, row.Want)
			}
		})
	}
}
