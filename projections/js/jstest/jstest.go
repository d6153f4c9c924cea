// Package jstest is EventStoreDB's JavaScript dialect as a table, a row for each rule. Whatever runs
// scripts is held to it: a Runner, a replay, a live projection.
package jstest

import (
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/eventstore"
)

// Rule is a script, the events it is given, and what it makes of them.
type Rule struct {
	Rule   string // in words
	Script string
	Events string // as Events reads them
	Want   string // see Rules
}

// Event is an event of a rule, with the metadata of the link that led to it; nil if there was none.
type Event struct {
	eventstore.Recorded
	LinkMetadata []byte
}

// Events makes events of lines "stream type body [| metadata [| link metadata]]", the n-th at position
// n. A body that is <text> is no JSON.
func Events(lines string) []Event {
	var all []Event
	revisions := map[string]eventstore.Revision{}
	for line := range strings.Lines(strings.TrimSpace(lines)) {
		parts := strings.Split(strings.TrimSpace(line), " | ")
		words := strings.SplitN(parts[0]+"  ", " ", 3)
		e := Event{}
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
