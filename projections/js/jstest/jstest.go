// Package jstest is EventStoreDB's JavaScript dialect as a table, a row for each rule. Whatever runs
// scripts is held to it: a Runner, a replay, a live projection.
package jstest

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/storetest"
)

// Rule is a script, the events it is given, and what it makes of them.
type Rule struct {
	Rule   string // in words
	Script string
	Events string // of the log, as Events reads them
	Want   string // see Rules
}

// Events makes events of lines "stream type body [| metadata]", the n-th at position n, of the n-th
// second of a minute, its id n. A body that is <text> is no JSON.
func Events(lines string) []eventstore.Recorded {
	var all []eventstore.Recorded
	revisions := map[string]eventstore.Revision{}
	for line := range strings.Lines(strings.TrimSpace(lines)) {
		what, metadata, found := strings.Cut(strings.TrimSpace(line), " | ")
		words := strings.SplitN(what+"  ", " ", 3)
		e := eventstore.Recorded{Stream: words[0]}
		e.Type, e.Data = words[1], []byte(strings.TrimSpace(words[2]))
		e.Binary = e.Type == "$>" || strings.HasPrefix(string(e.Data), "<")
		e.Revision = revisions[e.Stream]
		revisions[e.Stream]++
		e.Position = eventstore.Position(len(all) + 1)
		e.ID = uuid.UUID{15: byte(len(all) + 1)}
		e.Created = time.Date(2026, 1, 2, 3, 4, len(all), 0, time.UTC)
		if found {
			e.Metadata = []byte(metadata)
		}
		all = append(all, e)
	}
	return all
}

// Log is a store that holds the events of lines as Events makes them, but for their positions.
func Log(lines string) (*storetest.Memory, error) {
	var at time.Time
	log := storetest.NewMemory()
	log.Now = func() time.Time { return at }
	for _, e := range Events(lines) {
		at = e.Created
		_, err := log.Append(context.Background(), e.Stream, e.Revision-1, []eventstore.Event{e.Event})
		if err != nil {
			return nil, err
		}
	}
	return log, nil
}
