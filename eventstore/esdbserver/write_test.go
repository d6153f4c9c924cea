package esdbserver

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/storetest"
)

// Many clients at one stream get places of their own, in one append of many.
func TestManyWritersOfOneStream(t *testing.T) {
	eachStore(t, func(t *testing.T, h *house) {
		const writers, writes = 16, 20
		var seen [writers * writes]atomic.Int32
		var all sync.WaitGroup
		for range writers {
			all.Go(func() {
				for range writes {
					number, err := strconv.Atoi(h.one("hot", expectAny)) // the position is looked at there
					if err != nil {
						t.Errorf("append: got %v, want a number", err)
						return
					}
					seen[number].Add(1)
				}
			})
		}
		all.Wait()
		for i := range seen {
			if n := seen[i].Load(); n != 1 {
				t.Errorf("number %d: got %d answers, want 1", i, n)
			}
		}
	})
}

// Of many who expect the same number one succeeds, also where they are decided together.
func TestManyExpectTheSame(t *testing.T) {
	eachStore(t, func(t *testing.T, h *house) {
		var won atomic.Int32
		var all sync.WaitGroup
		p := &play{house: h}
		for i := range 32 {
			all.Go(func() {
				kind := []eventstore.Event{event("Happened")}
				switch word := byAppend(p, "s", expectNone, kind); {
				case word == "0":
					won.Add(1)
				case word != "wrong/0":
					t.Errorf("writer %d: got %s, want wrong/0", i, word)
				}
			})
		}
		all.Wait()
		if won.Load() != 1 || h.count("s") != 1 {
			t.Errorf("got %d winners and %d events, want 1 and 1", won.Load(), h.count("s"))
		}
	})
}

// hooked is a store whose appends a test looks at first.
type hooked struct {
	eventstore.Indexed
	before     atomic.Pointer[hook]
	unreadable atomic.Bool // reading it backwards panics
}

// hook carries out an append, or not.
type hook func(stream string, do func() (eventstore.Appended, error)) (eventstore.Appended, error)

func (s *hooked) ReadBackwards(ctx context.Context, stream string,
	from eventstore.Revision) iter.Seq2[eventstore.Recorded, error] {
	if s.unreadable.Load() {
		panic("a bug")
	}
	return s.Indexed.ReadBackwards(ctx, stream, from)
}

func (s *hooked) Append(ctx context.Context, stream string, expected eventstore.Revision,
	events []eventstore.Event) (eventstore.Appended, error) {
	do := func() (eventstore.Appended, error) { return s.Indexed.Append(ctx, stream, expected, events) }
	if before := s.before.Load(); before != nil {
		return (*before)(stream, do)
	}
	return do()
}

func (s *hooked) hook(before hook) { s.before.Store(&before) }

// held is a store whose appends wait until they are let go, and a house on it.
func held(t *testing.T) (h *house, arrived chan string, letGo chan struct{}) {
	store := &hooked{Indexed: openEmbedded(t)}
	h = openHouse(t, store)
	arrived, letGo = make(chan string, 100), make(chan struct{})
	store.hook(func(stream string, do func() (eventstore.Appended, error)) (eventstore.Appended, error) {
		arrived <- stream
		<-letGo
		return do()
	})
	return h, arrived, letGo
}

// queue puts writes into their lines, in their order.
func (h *house) queue(writes ...*write) {
	for _, w := range writes {
		w.done = make(chan *write, 1)
		if w.ctx == nil {
			w.ctx = h.ctx
		}
		h.server.submit(w)
	}
}

// appending is a write of new events.
func appending(stream string, expected int64, kinds ...string) *write {
	w := &write{stream: stream, target: stream, expected: expected}
	for _, kind := range kinds {
		w.events = append(w.events, event(kind))
	}
	return w
}

// became is what became of a write.
func (w *write) became() string {
	<-w.done
	var wrong *wrongVersion
	switch {
	case errors.As(w.err, &wrong):
		return fmt.Sprintf("wrong/%d", wrong.current)
	case w.err != nil:
		return w.err.Error()
	}
	return fmt.Sprintf("%d at %d", w.last, w.position)
}

// Writes that wait for one stream are decided in their order and appended together: each sees
// what those before it have made of the stream, and its own answer only.
func TestWritesThatWaitAreDecidedTogether(t *testing.T) {
	h, arrived, letGo := held(t)
	talk := h.talk()
	a, b, c := event("A"), event("B"), event("C")
	rows := []struct {
		expected int64
		events   []eventstore.Event
		want     string
	}{
		{expectNone, []eventstore.Event{a}, "0"},
		{expectNone, []eventstore.Event{a}, "0"},                  // a repeat of what is in the log by then
		{expectNone, []eventstore.Event{b}, "wrong/0"},            // another
		{expectAny, []eventstore.Event{b, c}, "2"},                // new
		{expectAny, []eventstore.Event{b}, "1"},                   // a repeat of what is not there yet
		{0, []eventstore.Event{b, c}, "2"},                        // the same, by the number
		{0, []eventstore.Event{c}, "wrong/2"},                     // not in this order
		{expectAny, []eventstore.Event{c, event("D")}, "wrong/2"}, // half of it
		{2, []eventstore.Event{a}, "3"},                           // an id again, at the head
		{expectExists, nil, "3/gone"},
		{expectExists, []eventstore.Event{event("E")}, "4"},
	}
	ids := map[uuid.UUID]int{}
	for i, row := range rows {
		id := uuid.New()
		ids[id] = i
		talk.say(chunk(id, batchOptions("s", row.expected), true, row.events...))
		if i == 0 {
			<-arrived
		}
	}
	talk.say(chunk(uuid.New(), &streams.BatchAppendReq_Options{}, true))
	if _, word := talk.hear(); !strings.HasPrefix(word, "bad") { // at this point all others are in line
		t.Fatalf("got %s, want a refusal", word)
	}
	close(letGo)
	for range rows {
		id, word := talk.hear()
		if want := rows[ids[id]].want; word != want {
			t.Errorf("row %d: got %s, want %s", ids[id], word, want)
		}
	}
	if n := len(arrived); n != 1 {
		t.Errorf("appends after the first: got %d, want 1", n)
	}
}

// A line with deletions, metadata and appends gives each what it would have got alone. Positions of
// the embedded store count events.
func TestDeletionsInLine(t *testing.T) {
	h, arrived, letGo := held(t)
	about := appending("$$s", 1, metadataType)
	about.events[0].Data = []byte(`{"$maxCount":5}`)
	writes := []*write{
		appending("s", expectNone, "A", "B"),
		newDeletion("s", 0),
		newDeletion("s", 1),
		appending("s", expectNone, "C"),
		appending("s", expectNone, "D"),
		about,
		newDeletion("s", expectAny),
		appending("s", expectAny, "E"),
		newTombstone("s", 3),
		appending("s", expectAny, "F"),
		newDeletion("s", expectAny),
	}
	h.queue(writes[0])
	<-arrived
	h.queue(writes[1:]...)
	close(letGo)
	for i, want := range []string{
		"1 at 2", "wrong/1", "0 at 3", "2 at 5", "wrong/2", "2 at 6", "3 at 7", "3 at 9", "4 at 10",
		errDeleted.Error(), errDeleted.Error(),
	} {
		if got := writes[i].became(); got != want {
			t.Errorf("write %d: got %s, want %s", i, got, want)
		}
	}
	for i, want := range []string{
		`{"$tb":9223372036854775807}`, `{"$tb":2}`, `{"$maxCount":5}`,
		`{"$tb":9223372036854775807}`, `{"$tb":3}`,
	} {
		if got := h.at("$$s", int64(i)); got == nil || string(got.Data) != want {
			t.Errorf("metadata %d: got %v, want %s", i, got, want)
		}
	}
}

// A write whose caller has gone before it was decided is not done.
func TestWriteOfACallerWhoHasGone(t *testing.T) {
	h, arrived, letGo := held(t)
	first := appending("s", expectAny, "First")
	h.queue(first)
	<-arrived
	gone := appending("s", expectAny, "Gone")
	var cancel context.CancelFunc
	gone.ctx, cancel = context.WithCancel(h.ctx)
	h.queue(gone)
	cancel()
	talk, late := h.talk(), uuid.New()
	options := batchOptions("s", expectAny)
	options.DeadlineOption = &streams.BatchAppendReq_Options_Deadline{Deadline: durationpb.New(time.Microsecond)}
	talk.say(chunk(late, options, true, event("Late")))
	if id, word := talk.hear(); id != late || word != "late" {
		t.Errorf("a write past its deadline: got %s, want late", word)
	}
	close(letGo)
	for i, want := range []string{"0 at 1", context.Canceled.Error()} {
		if got := []*write{first, gone}[i].became(); got != want {
			t.Errorf("write %d: got %s, want %s", i, got, want)
		}
	}
	talk.say(chunk(late, batchOptions("s", expectAny), true, event("Next")))
	if _, word := talk.hear(); word != "1" {
		t.Errorf("next: got %s, want 1", word)
	}
	if held := h.server.waiting.Load(); held != 0 {
		t.Errorf("bytes held: got %d, want 0", held)
	}
}

// Who cannot wait for a write does not; what becomes of it he does not know.
func TestDeadlineOfAnAppend(t *testing.T) {
	h, arrived, letGo := held(t)
	defer close(letGo)
	ctx, cancel := context.WithTimeout(h.ctx, 50*time.Millisecond)
	defer cancel()
	err := put(ctx, h.client, "s")
	var e *esdb.Error
	if !errors.As(err, &e) || e.Code() != esdb.ErrorCodeDeadlineExceeded {
		t.Errorf("got %v, want the deadline exceeded", err)
	}
	<-arrived
}

// An append whose outcome is unknown is sent again; if it stays unknown the caller learns that, and
// the next one begins with what is in the log.
func TestUnknownOutcome(t *testing.T) {
	store := &hooked{Indexed: openEmbedded(t)}
	h := openHouse(t, store)
	one := func(want string, expected int64) {
		t.Helper()
		if got := h.one("s", expected); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	one("0", expectNone)
	tries := 0
	store.hook(func(_ string, do func() (eventstore.Appended, error)) (eventstore.Appended, error) {
		at, err := do()
		if tries++; tries == 1 {
			return eventstore.Appended{}, fmt.Errorf("slow disk: %w", eventstore.ErrOutcomeUnknown)
		}
		return at, err
	})
	one("1", 0)
	if tries != 2 || h.count("s") != 2 {
		t.Errorf("got %d tries and %d events, want 2 and 2", tries, h.count("s"))
	}
	store.hook(func(_ string, do func() (eventstore.Appended, error)) (eventstore.Appended, error) {
		_, _ = do()
		return eventstore.Appended{}, eventstore.ErrOutcomeUnknown
	})
	one("Aborted", expectAny)
	store.before.Store(nil)
	one("3", 2)
	tries = 0
	store.hook(func(string, func() (eventstore.Appended, error)) (eventstore.Appended, error) {
		if tries++; tries == 1 {
			return eventstore.Appended{}, eventstore.ErrOutcomeUnknown
		}
		return eventstore.Appended{}, errors.New("the disk is gone") // which says nothing of the first
	})
	one("Aborted", expectAny)
	if n := h.count("s"); n != 4 {
		t.Errorf("events: got %d, want 4", n)
	}
}

// What an append of the store says, and what the client hears.
func TestStoreFailures(t *testing.T) {
	for name, row := range map[string]struct {
		err  error
		want codes.Code
	}{
		"closed":   {eventstore.ErrClosed, codes.Unavailable},
		"damaged":  {&eventstore.Damaged{Stream: "s", Reason: "rot"}, codes.DataLoss},
		"any":      {errors.New("no space left"), codes.Unknown},
		"conflict": {&eventstore.WrongRevision{Stream: "s"}, codes.Aborted},
		"unknown":  {eventstore.ErrOutcomeUnknown, codes.Aborted},
	} {
		store := &hooked{Indexed: storetest.NewMemory()}
		h := openHouse(t, store)
		again := event("Again")
		p := &play{house: h}
		store.hook(func(string, func() (eventstore.Appended, error)) (eventstore.Appended, error) {
			return eventstore.Appended{}, row.err
		})
		_, _, err := h.post(appendOptions("s", expectAny), proposal(again))
		if status.Code(err) != row.want {
			t.Errorf("%s: got %v, want %s", name, err, row.want)
		}
		if got := h.entomb("other", expectAny); got != row.want.String() {
			t.Errorf("%s: tombstone: got %s, want %s", name, got, row.want)
		}
		talk := h.talk()
		talk.say(chunk(uuid.New(), batchOptions("s", expectAny), true, again))
		resp, err := talk.Recv()
		code := codes.Code(resp.GetError().GetCode())
		if err != nil || code != row.want || len(resp.GetError().GetDetails()) != 1 {
			t.Errorf("%s: batch: got %v, %v, want %s", name, resp, err, row.want)
		}
		store.before.Store(nil)
		for i, e := range []eventstore.Event{event("Other"), again, again} {
			want := fmt.Sprint(min(i, 1)) // what failed is no repeat, and what was done is
			if got := byAppend(p, "s", expectAny, []eventstore.Event{e}); got != want {
				t.Errorf("%s: append %d afterwards: got %s, want %s", name, i, got, want)
			}
		}
	}
}

// Who writes to the store behind the server's back is noticed by the next append.
func TestForeignWriter(t *testing.T) {
	eachStore(t, func(t *testing.T, h *house) {
		one := func(want string, expected int64) {
			t.Helper()
			if got := h.one("s", expected); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		}
		foreign := func(stream string, after eventstore.Revision, data string) {
			t.Helper()
			e := event("Foreign")
			e.Data = []byte(data)
			if _, err := h.store.Append(h.ctx, stream, after, []eventstore.Event{e}); err != nil {
				t.Fatal(err)
			}
		}
		one("0", expectNone)
		foreign("s", 0, "{}")
		one("2", expectAny)
		foreign("s", 2, "{}")
		one("wrong/3", 2)
		foreign("$$s", eventstore.NoStream, "{}")
		if got := h.delete("s", 3); got != "ok" {
			t.Errorf("deletion: got %s, want ok", got)
		}
		foreign("$$s", 1, `{"$tb":9223372036854775807,"k":1}`)
		one("4", expectNone)
		if got := h.at("$$s", 3); got == nil || string(got.Data) != `{"k":1,"$tb":4}` {
			t.Errorf("metadata of the stream that came back: got %v", got)
		}
	})
}

// A panic within a write or a call is that caller's alone.
func TestPanics(t *testing.T) {
	store := &hooked{Indexed: openEmbedded(t)}
	h := openHouse(t, store)
	store.hook(func(string, func() (eventstore.Appended, error)) (eventstore.Appended, error) {
		panic("a bug")
	})
	if got := h.one("s", expectAny); got != "Internal" {
		t.Errorf("append: got %s, want Internal", got)
	}
	if got := h.delete("s", expectAny); got != "wrong/none" {
		t.Errorf("delete: got %s, want wrong/none", got)
	}
	talk := h.talk()
	talk.say(chunk(uuid.New(), batchOptions("s", expectAny), true, event("Happened")))
	if resp, err := talk.Recv(); err != nil || codes.Code(resp.GetError().GetCode()) != codes.Internal {
		t.Errorf("batch: got %v, %v, want Internal", resp, err)
	}
	store.before.Store(nil)
	store.unreadable.Store(true)
	h.call(ofStream("other", fromStart)).expect("Internal")
	if got := h.entomb("other", expectAny); got != "Internal" {
		t.Errorf("tombstone: got %s, want Internal", got)
	}
	store.unreadable.Store(false)
	if got := h.one("s", expectAny); got != "0" {
		t.Errorf("afterwards: got %s, want 0", got)
	}
}

// Who waits too long for room is told so; the room comes back.
func TestTooBusy(t *testing.T) {
	h := openHouse(t, openEmbedded(t))
	h.server.waiting.Add(waitingMost)
	if got := h.one("s", expectAny); got != "Unavailable" {
		t.Errorf("append: got %s, want Unavailable", got)
	}
	talk := h.talk()
	talk.say(chunk(uuid.New(), batchOptions("s", expectAny), true, event("Happened")))
	if resp, err := talk.Recv(); err != nil || codes.Code(resp.GetError().GetCode()) != codes.Unavailable {
		t.Errorf("batch: got %v, %v, want Unavailable", resp, err)
	}
	if got := h.server.waiting.Add(-waitingMost); got != 0 {
		t.Errorf("bytes held: got %d, want 0", got)
	}
	for i := range batchUnfinished + 1 {
		id := uuid.NewSHA1(uuid.Nil, fmt.Append(nil, i))
		talk.say(chunk(id, batchOptions("s", expectAny), false, event("Happened")))
	}
	if resp, err := talk.Recv(); err != nil || codes.Code(resp.GetError().GetCode()) != codes.Unavailable {
		t.Errorf("one unfinished write too many: got %v, %v, want Unavailable", resp, err)
	}
	if err := talk.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if _, word := talk.hear(); word != "EOF" {
		t.Errorf("end: got %s, want EOF", word)
	}
	if got := h.server.waiting.Load(); got != 0 {
		t.Errorf("bytes held: got %d, want 0", got)
	}
}

// What is remembered of recent events is looked up before it is believed.
func TestRecentIsAHint(t *testing.T) {
	eachStore(t, func(t *testing.T, h *house) {
		h.fill("s", 2, "Happened")
		p, e := &play{house: h}, event("New")
		for _, number := range []int64{0, 7} {
			h.server.recent.remove(h.server.recentKey("s", e.ID))
			h.server.recent.add(h.server.recentKey("s", e.ID), number)
			want := strconv.Itoa(h.count("s"))
			if got := byAppend(p, "s", expectAny, []eventstore.Event{e}); got != want {
				t.Errorf("remembered at %d: got %s, want %s", number, got, want)
			}
		}
	})
}

// Writes that wait are appended together as far as one append holds them.
func TestLargeWritesInLine(t *testing.T) {
	h, arrived, letGo := held(t)
	writes := []*write{appending("s", expectAny, "First")}
	h.queue(writes...)
	<-arrived
	for range 5 {
		w := appending("s", expectAny, "Large")
		w.events[0].Data = make([]byte, 400<<10)
		w.bytes = w.events[0].Size()
		writes = append(writes, w)
	}
	h.queue(writes[1:]...)
	close(letGo)
	for i, w := range writes {
		if got, want := w.became(), fmt.Sprintf("%d at %d", i, i+1); got != want {
			t.Errorf("write %d: got %s, want %s", i, got, want)
		}
	}
	if n := len(arrived); n != 3 {
		t.Errorf("appends after the first: got %d, want 3 for 2, 2 and 1 writes", n)
	}
}

// The place of a repeat is told while it can be read, by $maxAge too.
func TestRepeatOfWhatIsTooOld(t *testing.T) {
	h := openHouse(t, aged{openEmbedded(t)})
	p, events := &play{house: h}, []eventstore.Event{event("Old")}
	for _, row := range []struct{ metadata, want string }{
		{`{}`, "0"}, {`{"$maxAge":7200}`, "0"}, {`{"$maxAge":1800}`, "0/gone"},
	} {
		h.describe("s", row.metadata)
		if got := byAppend(p, "s", expectNone, events); got != row.want {
			t.Errorf("%s: got %s, want %s", row.metadata, got, row.want)
		}
	}
}

// A shelf forgets what was not used, and nothing that is wrong comes back.
func TestShelfIsBounded(t *testing.T) {
	h := &shelf{lines: map[string]*line{}}
	const used = "used"
	h.put(used, streamState{last: 7})
	for i := range 100_000 {
		h.put(fmt.Sprintf("stream-%d", i), streamState{last: int64(i)})
		if st, ok, _ := h.look(used); !ok || st.last != 7 {
			t.Fatalf("after %d others: got %v, %v, want the state in use", i, st, ok)
		}
	}
	if n := len(h.young) + len(h.old); n > 2*shelfBytes/stateBytes {
		t.Errorf("states: got %d, want at most %d", n, 2*shelfBytes/stateBytes)
	}
	if _, ok, _ := h.look("stream-0"); ok {
		t.Error("a state not used for long: got one, want none")
	}
	h.drop(used)
	st, ok, changes := h.look(used)
	if ok {
		t.Errorf("a dropped state: got %v, want none", st)
	}
	h.put(used, streamState{last: 8})
	h.learn(used, streamState{last: 7}, changes) // read before the change
	if st, _, _ := h.look(used); st.last != 8 {
		t.Errorf("a state learnt too late: got %d, want 8", st.last)
	}
}

// What was appended lately is remembered, in bounded room, and the first place of it counts.
func TestRecentIsBounded(t *testing.T) {
	var r recent
	keys := make([]recentKey, 3*recentKept*recentParts)
	for i := range keys {
		keys[i] = recentKey{uuid.New(), 1}
		r.add(keys[i], int64(i))
		r.add(keys[i], 0)
	}
	kept := 0
	for i, k := range keys {
		if at, ok := r.number(k); ok {
			kept++
			if at != int64(i) {
				t.Fatalf("event %d: got %d", i, at)
			}
		}
	}
	if most := 2 * recentKept * recentParts; kept > most || kept < recentKept*recentParts {
		t.Errorf("kept: got %d, want at most %d and at least half of it", kept, most)
	}
	oldest, last := 0, keys[len(keys)-1]
	for i, k := range keys {
		if _, ok := r.number(k); ok {
			oldest = i
			break
		}
	}
	r.add(keys[oldest], 0)
	if at, _ := r.number(keys[oldest]); at != int64(oldest) {
		t.Errorf("added again: got %d, want its first place %d", at, oldest)
	}
	if _, ok := r.number(recentKey{last.id, 2}); ok {
		t.Error("the same id in another stream: got a number, want none")
	}
	r.remove(last)
	if _, ok := r.number(last); ok {
		t.Error("removed: got a number, want none")
	}
}

// Shutdown lets writes finish, ends what would go on for ever, and leaves nothing behind.
func TestShutdown(t *testing.T) {
	h, arrived, letGo := held(t)
	sub := h.call(ofStream("s", fromStart), live)
	sub.expect("confirmed caught-up")
	talk := h.talk()
	first := uuid.New()
	talk.say(chunk(first, batchOptions("b", expectAny), true, event("Happened")))
	<-arrived
	word := make(chan string)
	go func() { word <- h.one("s", expectAny) }()
	<-arrived
	ended := make(chan error)
	go func() { ended <- h.server.Shutdown(h.ctx) }()
	sub.expect("Unavailable")
	close(letGo)
	if id, got := talk.hear(); id != first || got != "0" {
		t.Errorf("a batch's write under way: got %s, want 0", got)
	}
	if _, err := talk.Recv(); status.Code(err) != codes.Unavailable {
		t.Errorf("the batch: got %v, want Unavailable", err)
	}
	if got := <-word; got != "0" {
		t.Errorf("an append under way: got %s, want 0", got)
	}
	if err := <-ended; err != nil {
		t.Errorf("shutdown: got %v, want no error", err)
	}
	if err := h.server.Shutdown(h.ctx); err != nil {
		t.Errorf("shutdown again: got %v, want no error", err)
	}
	if names := slices.Collect(func(yield func(string) bool) {
		for i := range h.server.shelves {
			for name := range h.server.shelves[i].lines {
				yield(name)
			}
		}
	}); len(names) != 0 {
		t.Errorf("lines: got %v, want none", names)
	}
}

// A Shutdown that cannot wait cuts writes off; their callers do not know what became of them.
func TestShutdownWithoutPatience(t *testing.T) {
	store := &waitingStore{Indexed: openEmbedded(t), arrived: make(chan struct{})}
	h := openHouse(t, store)
	failed := make(chan error)
	go func() {
		_, _, err := h.post(appendOptions("s", expectAny), proposal(event("Happened")))
		failed <- err
	}()
	<-store.arrived
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := h.server.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("shutdown: got %v, want the context's error", err)
	}
	if err := <-failed; err == nil {
		t.Error("append: got no error, want one")
	}
}

// waitingStore appends nothing until it is told to stop.
type waitingStore struct {
	eventstore.Indexed
	arrived chan struct{}
}

func (s *waitingStore) Append(ctx context.Context, _ string, _ eventstore.Revision,
	_ []eventstore.Event) (eventstore.Appended, error) {
	close(s.arrived)
	<-ctx.Done()
	return eventstore.Appended{}, fmt.Errorf("%w: %w", eventstore.ErrOutcomeUnknown, ctx.Err())
}
