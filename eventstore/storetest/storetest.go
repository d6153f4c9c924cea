// Package storetest is the contract of eventstore.Store in tests, and Memory, the plainest Store.
//
// Every engine calls Run from its own tests; a sentence of eventstore.Store that no subtest holds
// is a promise nobody keeps. The subtests leave streams with fresh names behind and expect nothing
// of the rest of the log, so the store may be a server that others use too.
package storetest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/eventstore"
)

// patience bounds every subtest: what has not come by then never comes.
const patience = time.Minute

// Run holds a store to the contract. open is called once for each subtest and opens a store, empty
// or not, that nobody else closes; it registers the closing with t.Cleanup.
func Run(t *testing.T, open func(t *testing.T) eventstore.Store) {
	groups := []struct {
		name  string
		rules []rule
	}{
		{"Append", appendRules},
		{"Repeat", repeatRules},
		{"Read", readRules},
		{"ReadAll", readAllRules},
		{"Follow", followRules},
		{"Snapshot", snapshotRules},
		{"Close", closeRules},
		{"AtOnce", atOnceRules},
	}
	for _, g := range groups {
		t.Run(g.name, func(t *testing.T) {
			for _, r := range g.rules {
				t.Run(r.name, func(t *testing.T) { r.holds(newCase(t, open(t))) })
			}
		})
	}
	t.Run("Model", func(t *testing.T) { equalsModel(t, open(t)) })
}

// rule is one sentence of the contract.
type rule struct {
	name  string
	holds func(*testCase)
}

// testCase is one rule's store and a part of its log that belongs to the rule alone.
type testCase struct {
	*testing.T
	ctx    context.Context
	store  eventstore.Store
	prefix string // of every stream of this case
}

func newCase(t *testing.T, store eventstore.Store) *testCase {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return &testCase{T: t, ctx: ctx, store: store, prefix: freshPrefix()}
}

func freshPrefix() string { return "test" + uuid.NewString()[:13] + "_" }

// stream is a name of this case.
func (c *testCase) stream(name string) string { return c.prefix + name }

// append must succeed.
func (c *testCase) append(stream string, expected eventstore.Revision,
	events ...eventstore.Event) eventstore.Appended {
	c.Helper()
	got, err := c.store.Append(c.ctx, stream, expected, events)
	if err != nil {
		c.Fatalf("append to %s at %d: got %v, want no error", stream, expected, err)
	}
	if want := expected + eventstore.Revision(len(events)); got.Revision != want {
		c.Fatalf("append to %s at %d: got revision %d, want %d",
			stream, expected, got.Revision, want)
	}
	return got
}

// wrong must be refused with the stream's true revision.
func (c *testCase) wrong(stream string, expected, actual eventstore.Revision,
	events ...eventstore.Event) {
	c.Helper()
	_, err := c.store.Append(c.ctx, stream, expected, events)
	want := eventstore.WrongRevision{Stream: stream, Expected: expected, Actual: actual}
	var got *eventstore.WrongRevision
	if !errors.As(err, &got) || *got != want {
		c.Fatalf("append to %s: got %v, want %v", stream, err, &want)
	}
}

// holds compares a whole stream, read forwards, with want.
func (c *testCase) holds(stream string, want ...eventstore.Event) []eventstore.Recorded {
	c.Helper()
	got := c.collect(c.store.Read(c.ctx, stream, 0))
	c.same(got, stream, 0, want...)
	return got
}

// same compares events with neighbours of one stream, from revision first.
func (c *testCase) same(got []eventstore.Recorded, stream string, first eventstore.Revision,
	want ...eventstore.Event) {
	c.Helper()
	if len(got) != len(want) {
		c.Fatalf("events of %s: got %d, want %d", stream, len(got), len(want))
	}
	for i, e := range want {
		c.is(got[i], stream, first+eventstore.Revision(i), e)
	}
}

// is compares one event with the bytes that were given.
func (c *testCase) is(got eventstore.Recorded, stream string, revision eventstore.Revision,
	want eventstore.Event) {
	c.Helper()
	if got.Stream != stream || got.Revision != revision {
		c.Fatalf("event: got %s@%d, want %s@%d", got.Stream, got.Revision, stream, revision)
	}
	if got.ID != want.ID || got.Type != want.Type {
		c.Fatalf("%s@%d: got %s %v, want %s %v",
			stream, revision, got.Type, got.ID, want.Type, want.ID)
	}
	if got.Binary != want.Binary {
		c.Fatalf("%s@%d: got binary %v, want %v", stream, revision, got.Binary, want.Binary)
	}
	if !bytes.Equal(got.Data, want.Data) || !bytes.Equal(got.Metadata, want.Metadata) {
		c.Fatalf("%s@%d: got %.99q %.99q, want %.99q %.99q",
			stream, revision, got.Data, got.Metadata, want.Data, want.Metadata)
	}
	if got.Position == eventstore.Start || got.Created.IsZero() {
		c.Fatalf("%s@%d: got position %d, created %v, want both",
			stream, revision, got.Position, got.Created)
	}
}

// collect reads a sequence to its end, which must not be an error.
func (c *testCase) collect(
	events iter.Seq2[eventstore.Recorded, error]) []eventstore.Recorded {
	c.Helper()
	var all []eventstore.Recorded
	for e, err := range events {
		if err != nil {
			c.Fatalf("read: got %v, want no error", err)
		}
		all = append(all, e)
	}
	return all
}

// fails reads a sequence that must end with want as its last element.
func fails[E any](c *testCase, events iter.Seq2[E, error], want error) {
	c.Helper()
	var got error
	for _, err := range events {
		if got != nil {
			c.Fatalf("sequence: got an element after the error %v, want none", got)
		}
		got = err
	}
	if !errors.Is(got, want) {
		c.Fatalf("sequence: got %v, want %v", got, want)
	}
}

// someEvents are n new events, each with bytes of its own.
func someEvents(n int) []eventstore.Event {
	events := make([]eventstore.Event, n)
	for i := range events {
		id := uuid.New()
		events[i] = eventstore.Event{
			ID:       id,
			Type:     fmt.Sprintf("Tested%d", i%3),
			Data:     fmt.Appendf(nil, `{"id": "%v",  "n": %d, "text": "é\u00e9 <&>"}`, id, i),
			Metadata: fmt.Appendf(nil, `{"actor":"%v"}`, id),
		}
	}
	return events
}

// sized is a new event whose bytes count exactly size against MaxAppendBytes.
func sized(size int) eventstore.Event {
	e := eventstore.Event{ID: uuid.New(), Type: "Sized", Metadata: []byte(`{}`)}
	filler := bytes.Repeat([]byte("x"), size-2*len(e.Type)-len(e.Metadata)-2)
	e.Data, _ = json.Marshal(string(filler))
	return e
}
