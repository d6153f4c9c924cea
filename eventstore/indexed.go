package eventstore

import (
	"context"
	"iter"
	"strings"
)

// Indexed is a Store that also reads its log backwards and numbers the events that share something:
// what EventStoreDB's protocol offers beside streams.
type Indexed interface {
	Store

	// ReadAllBackwards yields the log's events with a position smaller than before, the latest
	// first, as far as they were durable when the read began. prefixes are ReadAll's.
	ReadAllBackwards(ctx context.Context, before Position, prefixes ...string) iter.Seq2[Recorded, error]

	// ReadList yields the events of a list in log order from its from-th one upwards, counted from
	// 0, up to the head as it was when the read began. An event's number in a list never changes. A
	// list that nothing belongs to is empty.
	ReadList(ctx context.Context, list List, from int64) iter.Seq2[Recorded, error]

	// ReadListBackwards yields the events of a list from its from-th one downwards to its first. From
	// beyond its end it starts at the last one.
	ReadListBackwards(ctx context.Context, list List, from int64) iter.Seq2[Recorded, error]

	// ListLength is the number of events in a list that were durable when it was asked.
	ListLength(ctx context.Context, list List) (int64, error)
}

// List names the events that share something, in log order.
type List struct {
	By   ListKind
	Name string // the category or type; empty for Streams
}

// ListKind says what the events of a list share.
type ListKind byte

// The lists there are. System streams, whose names begin with $, are in none of them, except that
// the metastreams of other streams ($$name) are listed by type.
const (
	ByCategory ListKind = 'c' // streams named category, a dash, and anything
	ByType     ListKind = 't' // events of one type
	Streams    ListKind = 's' // the first event of every stream
)

// ListsOf are the lists that an event belongs to, by its stream, revision and type.
func ListsOf(stream string, revision Revision, kind string) []List {
	system := strings.HasPrefix(stream, "$")
	if system && (!strings.HasPrefix(stream, "$$") || strings.HasPrefix(stream, "$$$")) {
		return nil
	}
	lists := []List{{ByType, kind}}
	if system {
		return lists
	}
	if category, _, ok := strings.Cut(stream, "-"); ok && category != "" {
		lists = append(lists, List{ByCategory, category})
	}
	if revision == 0 {
		lists = append(lists, List{By: Streams})
	}
	return lists
}
