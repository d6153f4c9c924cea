package eventstore_test

import (
	"slices"
	"testing"

	"github.com/tillbook/tillbook/eventstore"
)

// TestListsOf has a row for every kind of name that a stream can have.
func TestListsOf(t *testing.T) {
	kind := eventstore.List{By: eventstore.ByType, Name: "T"}
	streams := eventstore.List{By: eventstore.Streams}
	of := func(name string) eventstore.List {
		return eventstore.List{By: eventstore.ByCategory, Name: name}
	}
	rows := []struct {
		stream   string
		revision eventstore.Revision
		want     []eventstore.List
	}{
		{"account-1", 0, []eventstore.List{kind, of("account"), streams}},
		{"account-1", 1, []eventstore.List{kind, of("account")}},
		{"account-1-2", 1, []eventstore.List{kind, of("account")}},
		{"account-", 1, []eventstore.List{kind, of("account")}},
		{"account", 0, []eventstore.List{kind, streams}},
		{"-account", 1, []eventstore.List{kind}},
		{"", 1, []eventstore.List{kind}},
		{"a$-1", 1, []eventstore.List{kind, of("a$")}},
		{"$account-1", 0, nil},
		{"$", 0, nil},
		{"$$account-1", 0, []eventstore.List{kind}},
		{"$$", 0, []eventstore.List{kind}},
		{"$$$account-1", 0, nil},
	}
	for _, r := range rows {
		if got := eventstore.ListsOf(r.stream, r.revision, "T"); !slices.Equal(got, r.want) {
			t.Errorf("%s@%d: got %v, want %v", r.stream, r.revision, got, r.want)
		}
	}
}
