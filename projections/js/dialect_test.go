package js

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/eventstore"
)

// log makes events of lines "stream type body [| metadata [| link metadata]]". A body that is
// <text> is no JSON.
func events(lines string) []*Event {
	var all []*Event
	revisions := map[string]eventstore.Revision{}
	for line := range strings.Lines(strings.TrimSpace(lines)) {
		parts := strings.Split(strings.TrimSpace(line), " | ")
		words := strings.SplitN(parts[0]+"  ", " ", 3)
		e := &Event{}
		e.Stream, e.Type, e.Data = words[0], words[1], []byte(strings.TrimSpace(words[2]))
		e.Binary = e.Type == "$>" || strings.HasPrefix(string(e.Data), "<")
		e.Revision = revisions[e.Stream]
		revisions[e.Stream]++
		e.Position = eventstore.Position(len(all) + 1)
		e.ID = uuid.UUID{15: byte(len(all) + 1)}
		e.Created = time.Date(2026, 1, 2, 3, 4, len(all), 0, time.UTC)
		if len(parts) > 1 {
			e.Metadata = []byte(parts[1])
		}
		if len(parts) > 2 {
			e.LinkMetadata = []byte(parts[2])
		}
		all = append(all, e)
	}
	return all
}

// outcome is all that a run shows, one line each: states, results, emitted events, log, fault.
func outcome(t *testing.T, script, lines string) string {
	t.Helper()
	var b strings.Builder
	s, err := Compile("test.js", script, Limits{})
	if err != nil {
		return err.Error()
	}
	r, err := NewRunner(s, Options{Emit: true})
	if err != nil {
		return err.Error()
	}
	defer r.Close()
	var logged []string
	for _, e := range events(lines) {
		change, err := r.Handle(e)
		logged = append(logged, change.Log...)
		for _, e := range change.Emitted {
			fmt.Fprintf(&b, "%s <- %s %s", e.Stream, e.Type, e.Data)
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
