package main

import (
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tillbook/tillbook/projections/js"
	"github.com/tillbook/tillbook/projections/js/jstest"
)

// TestReplayDialect runs every rule of the dialect over an exported file, on one core and on several.
func TestReplayDialect(t *testing.T) {
	for _, row := range jstest.Rules {
		t.Run(row.Rule, func(t *testing.T) {
			for _, cores := range []int{1, 3} {
				if got, want := replayRule(t, row, cores), resultsIn(t, row); got != want {
					t.Errorf("%s, %d cores\ngot  %s\nwant %s", row.Script, cores, got, want)
				}
			}
		})
	}
}

// replayRule is what a replay shows of a rule, in the form of jstest.Rules.
func replayRule(t *testing.T, row jstest.Rule, cores int) string {
	t.Helper()
	s, err := js.Compile("test.js", row.Script, js.Limits{})
	if err != nil {
		return err.Error()
	}
	emitted := filepath.Join(t.TempDir(), fmt.Sprintf("emitted-%d.ndjson", cores))
	run := &replayRun{script: s, cores: cores, results: true, notes: io.Discard}
	if run.emitted, err = createLines(emitted); err != nil {
		t.Fatal(err)
	}
	result, fault := run.fold(eventsOf(t, row, s))
	if err := run.emitted.finish(); err != nil {
		t.Fatal(err)
	}
	lines := linesEmitted(t, emitted)
	if fault != nil {
		return strings.Join(append(lines, fault.Error()), "\n")
	}
	for _, partition := range result.partitions() {
		lines = append(lines, fmt.Sprintf("%s=%s", partition, result.documents[partition]))
	}
	for _, line := range run.logged {
		lines = append(lines, "log "+line)
	}
	return strings.Join(lines, "\n")
}

// eventsOf are a rule's events out of a file.
func eventsOf(t *testing.T, row jstest.Rule, s *js.Script) iter.Seq2[*js.Event, error] {
	t.Helper()
	name := filepath.Join(t.TempDir(), "log.ndjson")
	out, err := createEventFile(io.Discard, location(name))
	if err != nil {
		t.Fatal(err)
	}
	if err := out.add(t.Context(), jstest.Events(row.Events)); err != nil {
		t.Fatal(err)
	}
	if err := out.flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	log, err := (&replayFrom{file: name}).open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return log.events(t.Context(), &s.Definition, newScanBar(io.Discard, "").to)
}

// linesEmitted reads what --emitted lists.
func linesEmitted(t *testing.T, name string) (lines []string) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		var e emittedLine
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		shown := strings.TrimSpace(fmt.Sprintf("%s <- %s %s", e.Stream, e.Type, cellText(notNull(e.Data))))
		if e.Metadata != nil {
			shown += " " + string(e.Metadata)
		}
		lines = append(lines, shown)
	}
	return lines
}

// resultsIn is what a rule shows, with the results alone and the shared state in its place.
func resultsIn(t *testing.T, row jstest.Rule) string {
	t.Helper()
	s, err := js.Compile("test.js", row.Script, js.Limits{})
	if err != nil {
		return row.Want
	}
	var lines, emitted []string
	own := "" // the state beside a shared one
	for line := range strings.SplitSeq(row.Want, "\n") {
		head, result, both := strings.Cut(line, " -> ")
		partition, _, _ := strings.Cut(head, "=")
		shared, isShared := strings.CutPrefix(line, "shared=")
		switch {
		case strings.Contains(line, " <- "):
			emitted = append(emitted, line)
		case isShared && s.Definition.Partitioned():
			lines = append([]string{"=" + shared}, lines...)
		case isShared && !s.Definition.Transforms:
			lines = append(lines, fmt.Sprintf("=[%s,%s]", own, shared))
		case isShared, result == "nothing":
			own = "null"
		case strings.Contains(row.Want, "\nshared=") && !s.Definition.Partitioned() && !both:
			own = line[1:]
		case both:
			lines = append(lines, partition+"="+result)
		case line != "":
			lines = append(lines, line)
		}
	}
	return strings.Join(append(emitted, lines...), "\n")
}
