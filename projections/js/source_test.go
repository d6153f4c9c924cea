package js

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/storetest"
)

// plain hides what a store offers beside streams.
type plain struct{ eventstore.Store }

// storeOf holds the events of a few lines.
func storeOf(t *testing.T, lines string) eventstore.Store {
	t.Helper()
	store := storetest.NewMemory()
	for _, e := range events(lines) {
		e.ID = uuid.New()
		_, err := store.Append(t.Context(), e.Stream, e.Revision-1, []eventstore.Event{e.Event})
		if err != nil {
			t.Fatal(err)
		}
	}
	return store
}

const mixed = `a-1 A {}
b-1 B {}
$sys A {}
$$a-1 $metadata {}
$$$sys $metadata {}
a-2 B {}
plain A {}
links $> 0@b-1 | {"$o":"b-9"}
links $> 9@b-1
a-1 C {}
links D {}
aa-1 A {}
snapshot-a-1-0 SnapshotPart {}
$$snapshot-a-1-0 $metadata {}`

// sources are what scripts read of mixed.
var sources = []struct{ script, want string }{
	{`fromAll()`, `0@a-1 0@b-1 0@$$a-1 0@a-2 0@plain 1@a-1 2@links 0@aa-1`},
	{`options({$includeLinks: true}); fromAll()`,
		`0@a-1 0@b-1 0@$$a-1 0@a-2 0@plain 0@links 1@links 1@a-1 2@links 0@aa-1`},
	{`fromStream("a-1")`, `0@a-1 1@a-1`},
	{`fromStream("nothing")`, ``},
	{`fromStream("$sys")`, `0@$sys`},
	{`fromStreams("a-2", "a-1", "b-1")`, `0@a-1 0@b-1 0@a-2 1@a-1`},
	{`fromStreams("a-1", "a-1")`, `0@a-1 1@a-1`},
	{`fromStream("links")`, `0@b-1/{"$o":"b-9"} 2@links`},
	{`fromCategory("a")`, `0@a-1 0@a-2 1@a-1`},
	{`fromStream("$ce-a")`, `0@a-1 0@a-2 1@a-1`},
	{`fromCategory(["b", "aa"])`, `0@b-1 0@aa-1`},
	{`fromStream("$et-B")`, `0@b-1 0@a-2`},
	{`fromStream("snapshot-a-1-0")`, `0@snapshot-a-1-0`},
	{`fromStreams("$et-A", "a-1", "$ce-aa")`, `0@a-1 0@plain 1@a-1 0@aa-1`},
}

func TestEvents(t *testing.T) {
	store := storeOf(t, mixed)
	for _, row := range sources {
		s := compiled(t, row.script)
		for name, store := range map[string]eventstore.Store{"indexed": store, "plain": plain{store}} {
			all := read(t, store, s, eventstore.Start)
			if got := names(all); got != row.want {
				t.Errorf("%s, %s:\ngot  %s\nwant %s", row.script, name, got, row.want)
			}
			for i, e := range all { // from behind each of them
				if got, want := names(read(t, store, s, e.Position)), names(all[i+1:]); got != want {
					t.Errorf("%s, %s, behind %v:\ngot  %s\nwant %s", row.script, name, e, got, want)
				}
			}
		}
		var scanned []*Event
		for e, err := range Scan(t.Context(), store, &s.Definition, eventstore.Start) {
			if err != nil {
				t.Fatal(err)
			}
			scanned = append(scanned, e)
		}
		if got := names(scanned); got != row.want {
			t.Errorf("%s, scanned:\ngot  %s\nwant %s", row.script, got, row.want)
		}
		if got := names(followed(t, store, s)); got != row.want {
			t.Errorf("%s, followed:\ngot  %s\nwant %s", row.script, got, row.want)
		}
	}
}

func names(all []*Event) string {
	var some []string
	for _, e := range all {
		name := e.String()
		if e.LinkMetadata != nil {
			name += "/" + string(e.LinkMetadata)
		}
		some = append(some, name)
	}
	return strings.Join(some, " ")
}

func read(t *testing.T, store eventstore.Store, s *Script, after eventstore.Position) []*Event {
	t.Helper()
	var all []*Event
	for e, err := range Events(t.Context(), store, &s.Definition, after) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	if !slices.IsSortedFunc(all, func(a, b *Event) int { return int(a.Position) - int(b.Position) }) {
		t.Errorf("%v is not in the order of the log", names(all))
	}
	return all
}

func followed(t *testing.T, store eventstore.Store, s *Script) []*Event {
	t.Helper()
	var all []*Event
	for b, err := range Follow(t.Context(), store, &s.Definition, eventstore.Start) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b.Events...)
		if b.CaughtUp {
			break
		}
	}
	return all
}

// TestEventsPassOnErrors ends a reading with the store's error.
func TestEventsPassOnErrors(t *testing.T) {
	store := storeOf(t, mixed)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, script := range []string{`fromAll()`, `fromStreams("a-1", "b-1")`, `fromCategory("a")`} {
		var last error
		for _, err := range Events(ctx, store, &compiled(t, script).Definition, eventstore.Start) {
			last = err
		}
		if last == nil {
			t.Errorf("%s: got no error", script)
		}
	}
}
