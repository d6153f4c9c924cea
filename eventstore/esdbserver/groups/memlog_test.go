package groups

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/storetest"
)

// memLog is what a server makes of a store for its groups, over the plainest store: $tb hides events,
// links are followed, and what groups on $all keep is not in $all.
type memLog struct {
	testing.TB
	ctx   context.Context
	store *storetest.Memory

	mu     sync.Mutex
	broken map[string]error // by what must fail: "read s", "append s"
}

func newMemLog(t testing.TB) *memLog {
	return &memLog{
		TB: t, ctx: t.Context(), store: storetest.NewMemory(), broken: map[string]error{},
	}
}

// fail lets a call fail until it is called with nil.
func (l *memLog) fail(call string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.broken[call] = err
}

func (l *memLog) check(call string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.broken[call]
}

var errBroken = errors.New("the medium is broken")

func (l *memLog) Read(ctx context.Context, source string, from int64,
	resolve bool) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		if err := l.check("read " + source); err != nil {
			yield(Event{}, err)
			return
		}
		for e, err := range l.events(ctx, source, from) {
			found := Event{Record: &e}
			if err == nil && resolve && e.Type == linkType {
				found = Event{Record: l.target(string(e.Data)), Link: &e}
			}
			if !yield(found, err) {
				return
			}
		}
	}
}

// events are those that are shown.
func (l *memLog) events(ctx context.Context, source string,
	from int64) iter.Seq2[eventstore.Recorded, error] {
	if source != All {
		from = max(from, l.truncatedBefore(source))
		return l.store.Read(ctx, source, eventstore.Revision(from))
	}
	return func(yield func(eventstore.Recorded, error) bool) {
		for e, err := range l.store.ReadAll(ctx, eventstore.Position(max(from, 1)-1)) {
			if err == nil && strings.HasPrefix(e.Stream, stateStream+All) {
				continue
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

func (l *memLog) target(link string) *eventstore.Recorded {
	number, stream, _ := strings.Cut(link, "@")
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < l.truncatedBefore(stream) {
		return nil
	}
	for e := range l.store.Read(l.ctx, stream, eventstore.Revision(n)) {
		return &e
	}
	return nil
}

// truncatedBefore is the $tb of a stream.
func (l *memLog) truncatedBefore(stream string) int64 {
	if strings.HasPrefix(stream, metastream) {
		return l.last(stream)
	}
	for e := range l.store.ReadBackwards(l.ctx, metastream+stream, eventstore.End) {
		var metadata struct {
			TruncateBefore int64 `json:"$tb"`
		}
		if json.Unmarshal(e.Data, &metadata) == nil {
			return metadata.TruncateBefore
		}
		break
	}
	return 0
}

// last is the number of a stream's last event, hidden or not.
func (l *memLog) last(stream string) int64 {
	for e := range l.store.ReadBackwards(l.ctx, stream, eventstore.End) {
		return int64(e.Revision)
	}
	return -1
}

func (l *memLog) Last(ctx context.Context, source string) (*Event, error) {
	var last *Event
	for e, err := range l.Read(ctx, source, 0, false) {
		if err != nil {
			return nil, err
		}
		last = &e
	}
	return last, nil
}

// Append keeps the rule that who writes to a deleted stream, or metadata of one, brings it back empty.
func (l *memLog) Append(ctx context.Context, stream string, events ...eventstore.Event) (int64, error) {
	if err := l.check("append " + stream); err != nil {
		return 0, err
	}
	original := strings.TrimPrefix(stream, metastream)
	deleted := l.truncatedBefore(original) == math.MaxInt64
	at, err := l.store.Append(ctx, stream, eventstore.Revision(l.last(stream)), events)
	if err != nil || !deleted {
		return int64(at.Revision), err
	}
	metadata := []byte(`{}`)
	if stream != original {
		metadata = events[len(events)-1].Data
	}
	back := systemEvent(metadataType, bringBack(l.TB, metadata, l.last(original)), nil)
	if stream == original {
		back.Data = bringBack(l.TB, metadata, int64(at.Revision)-int64(len(events)))
	}
	_, err = l.store.Append(ctx, metastream+original, eventstore.Revision(l.last(metastream+original)),
		[]eventstore.Event{back})
	return int64(at.Revision), err
}

func bringBack(t testing.TB, metadata []byte, last int64) []byte {
	all := map[string]any{}
	if err := json.Unmarshal(metadata, &all); err != nil {
		t.Error(err)
	}
	all["$tb"] = last + 1
	data, err := json.Marshal(all)
	if err != nil {
		t.Error(err)
	}
	return data
}

func (l *memLog) Watch(ctx context.Context, source string) (<-chan struct{}, func(), error) {
	if err := l.check("watch " + source); err != nil {
		return nil, nil, err
	}
	head, err := l.store.Head(ctx)
	if err != nil {
		return nil, nil, err
	}
	woken := make(chan struct{}, 1)
	following, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for batch := range l.store.Follow(following, head) {
			if len(batch) > 0 {
				select {
				case woken <- struct{}{}:
				default:
				}
			}
		}
	}()
	return woken, func() { stop(); <-done }, nil
}

func (l *memLog) Filter(f Filter) (func(*eventstore.Recorded) bool, error) {
	if f.Regex != "" {
		return nil, &Refused{"no expressions here"}
	}
	return matcher(&f), nil
}

// fill writes n events to a stream.
func (l *memLog) fill(stream string, n int) {
	l.Helper()
	for range n {
		e := eventstore.Event{ID: uuid.New(), Type: "T", Data: []byte("{}")}
		if _, err := l.Append(l.ctx, stream, e); err != nil {
			l.Fatalf("append to %s: got %v, want none", stream, err)
		}
	}
}

// texts are the data of a stream's events that are shown.
func (l *memLog) texts(stream string) string {
	l.Helper()
	var texts []string
	for e, err := range l.Read(l.ctx, stream, 0, false) {
		if err != nil {
			l.Fatal(err)
		}
		texts = append(texts, string(e.Original().Data))
	}
	return fmt.Sprint(texts)
}
