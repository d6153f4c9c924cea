package groups

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/eventstore"
)

// home is groups over a log, and a clock that only a test moves.
type home struct {
	*memLog
	*Groups
	ctx   context.Context
	now   atomic.Int64 // nanoseconds
	ticks chan time.Time
}

func openHome(t testing.TB) *home {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	h := &home{memLog: newMemLog(t), ctx: ctx}
	h.now.Store(1e18)
	h.open()
	t.Cleanup(func() { h.Close() })
	return h
}

// open starts groups as a new process would.
func (h *home) open() {
	h.ticks = make(chan time.Time)
	h.Groups = New(Options{
		Log: h.memLog, Now: h.clock,
		Ticks: func() (<-chan time.Time, func()) { return h.ticks, func() {} },
	})
	h.Start(h.ctx)
}

func (h *home) clock() time.Time { return time.Unix(0, h.now.Load()) }

// reopen is what a restart of the process is to groups.
func (h *home) reopen() {
	h.Close()
	h.open()
}

var key = Key{"s", "g"}

func (h *home) create(key Key, change func(*Settings)) {
	h.Helper()
	s := settings()
	if change != nil {
		change(&s)
	}
	if err := h.Create(h.ctx, key, s, "tester"); err != nil {
		h.Fatalf("create %s: got %v, want none", key.ID(), err)
	}
}

func (h *home) subscribe(key Key, slots int) *Subscriber {
	h.Helper()
	s, err := h.Subscribe(h.ctx, key, ClientInfo{Slots: slots, Name: "tester"})
	if err != nil {
		h.Fatalf("subscribe to %s: got %v, want none", key.ID(), err)
	}
	return s
}

// next are the numbers of the next n events.
func (h *home) next(s *Subscriber, n int) []Delivery {
	h.Helper()
	var all []Delivery
	for range n {
		d, err := s.Next(h.ctx)
		if err != nil {
			h.Fatalf("next after %d: got %v, want none", len(all), err)
		}
		all = append(all, d)
	}
	return all
}

// wants reads as many events as want names, by their numbers: of the event, not of what led to it.
func (h *home) wants(s *Subscriber, want string) []uuid.UUID {
	h.Helper()
	var got []string
	var ids []uuid.UUID
	for _, d := range h.next(s, len(strings.Fields(want))) {
		word := "gone"
		if d.Record != nil {
			word = fmt.Sprint(d.Record.Revision)
		}
		if d.Retries > 0 {
			word += fmt.Sprintf("/%d", d.Retries)
		}
		got, ids = append(got, word), append(ids, d.ID())
	}
	if g := strings.Join(got, " "); g != want {
		h.Fatalf("deliveries: got %q, want %q", g, want)
	}
	return ids
}

func (h *home) ack(s *Subscriber, ids ...uuid.UUID) {
	h.Helper()
	if err := s.Ack(h.ctx, ids...); err != nil {
		h.Fatalf("ack: got %v, want none", err)
	}
}

func (h *home) nack(s *Subscriber, action Action, ids ...uuid.UUID) {
	h.Helper()
	if err := s.Nack(h.ctx, action, "no reason", ids...); err != nil {
		h.Fatalf("nack: got %v, want none", err)
	}
}

// pass lets time pass, once the groups have done what they were told before.
func (h *home) pass(after time.Duration) {
	for _, g := range h.Groups.groups {
		_ = g.do(h.ctx, func() {})
	}
	h.now.Add(int64(after))
}

// tick lets the only group there is notice that time has passed.
func (h *home) tick(after time.Duration) {
	h.pass(after)
	h.ticks <- h.clock()
	h.pass(0)
}

// info waits until the group has done what it was told before.
func (h *home) info(key Key) Info {
	h.Helper()
	i, err := h.Info(h.ctx, key)
	if err != nil {
		h.Fatalf("info of %s: got %v, want none", key.ID(), err)
	}
	return i
}

func (h *home) ended(s *Subscriber, want error) {
	h.Helper()
	if d, err := s.Next(h.ctx); !errors.Is(err, want) {
		h.Fatalf("next: got %v, %v, want %v", d, err, want)
	}
}

func TestFromTheStartToLive(t *testing.T) {
	h := openHome(t)
	h.fill("s", 30)
	h.fill("other", 2)
	h.create(key, nil)
	s := h.subscribe(key, 100)
	h.next(s, 30)
	for i := 30; i < 40; i++ {
		h.fill("s", 1)
		h.fill("other", 1)
		h.wants(s, fmt.Sprint(i))
	}
}

func TestMoreThanTheBuffer(t *testing.T) {
	h := openHome(t)
	h.fill("s", 200)
	h.create(key, func(s *Settings) { s.ReadBatch, s.HistoryBuffer = 2, 5 })
	if i := h.info(key); i.Buffered > 5 {
		t.Fatalf("buffered: got %d, want at most 5", i.Buffered)
	}
	s := h.subscribe(key, 3)
	for i := range 200 {
		h.ack(s, h.wants(s, fmt.Sprint(i))...)
	}
}

func TestFromANumber(t *testing.T) {
	h := openHome(t)
	h.fill("s", 5)
	h.create(key, func(s *Settings) { s.Start = 3 })
	h.wants(h.subscribe(key, 9), "3 4")
	later := Key{"s", "later"}
	h.create(later, func(s *Settings) { s.Start = 6 })
	h.fill("s", 3)
	h.wants(h.subscribe(later, 9), "6 7")
}

func TestFromTheEndKeepsWhatComesAfterwards(t *testing.T) {
	h := openHome(t)
	h.fill("s", 5)
	h.create(key, func(s *Settings) { s.Start = FromEnd })
	h.fill("s", 2)
	h.reopen() // nobody had connected, and there is no checkpoint
	h.fill("s", 1)
	s := h.subscribe(key, 9)
	h.wants(s, "5 6 7")
	if i := h.info(key); i.StartFrom != "-1" || i.LastCheckpoint != "" || i.LastKnown != "7" {
		t.Errorf("info: got %q, %q and %q, want -1, none and 7", i.StartFrom, i.LastCheckpoint, i.LastKnown)
	}
}

func TestRestartGoesOnAfterTheCheckpoint(t *testing.T) {
	h := openHome(t)
	h.fill("s", 5)
	h.create(key, func(s *Settings) { s.MaxCheckpoint = 2 })
	s := h.subscribe(key, 9)
	ids := h.wants(s, "0 1 2 3 4")
	h.ack(s, ids[0], ids[1], ids[3])
	if i := h.info(key); i.LastCheckpoint != "1" {
		t.Fatalf("checkpoint: got %q, want 1", i.LastCheckpoint)
	}
	h.reopen()
	h.ended(s, ErrNotReady)
	s = h.subscribe(key, 9)
	h.wants(s, "2 3 4")
	if got, want := h.texts("$persistentsubscription-s::g-checkpoint"), `["1"]`; got != want {
		t.Errorf("checkpoint stream: got %s, want %s", got, want)
	}
	if got, want := h.texts("$$$persistentsubscription-s::g-checkpoint"), `[{"$maxCount":2}]`; got != want {
		t.Errorf("its metadata: got %s, want %s", got, want)
	}
}

func TestCheckpointByTime(t *testing.T) {
	h := openHome(t)
	h.fill("s", 3)
	h.create(key, func(s *Settings) { s.MinCheckpoint = 1 })
	s := h.subscribe(key, 9)
	ids := h.wants(s, "0 1 2")
	h.ack(s, ids[0])
	h.tick(2 * time.Second)
	if i := h.info(key); i.LastCheckpoint != "0" {
		t.Errorf("checkpoint: got %q, want 0", i.LastCheckpoint)
	}
}

func TestCheckpointThatCannotBeWritten(t *testing.T) {
	h := openHome(t)
	h.fill("s", 3)
	h.create(key, func(s *Settings) { s.MinCheckpoint, s.MaxCheckpoint = 1, 2 })
	s := h.subscribe(key, 9)
	ids := h.wants(s, "0 1 2")
	h.fail("append $persistentsubscription-s::g-checkpoint", errBroken)
	h.ack(s, ids[0], ids[1])
	if i := h.info(key); i.LastCheckpoint != "" {
		t.Fatalf("checkpoint: got %q, want none", i.LastCheckpoint)
	}
	h.fail("append $persistentsubscription-s::g-checkpoint", nil)
	h.tick(2 * time.Second)
	if i := h.info(key); i.LastCheckpoint != "1" {
		t.Errorf("checkpoint: got %q, want 1", i.LastCheckpoint)
	}
}

func TestTimeoutsAreRetriedElsewhere(t *testing.T) {
	h := openHome(t)
	h.fill("s", 1)
	h.create(key, nil)
	asleep := h.subscribe(key, 1)
	<-asleep.ready
	awake := h.subscribe(key, 1)
	h.tick(30 * time.Second) // asleep never fetched it, and has its turn once more
	h.tick(30 * time.Second)
	h.wants(awake, "0/2")
	h.info(key)
	if got := len(asleep.queue); got != 0 {
		t.Errorf("deliveries that were not taken back: got %d, want 0", got)
	}
}

func TestParkedEventsAreKeptAndReplayed(t *testing.T) {
	h := openHome(t)
	h.fill("s", 4)
	h.create(key, nil)
	s := h.subscribe(key, 9)
	ids := h.wants(s, "0 1 2 3")
	h.nack(s, Park, ids[1], ids[2], ids[3])
	h.ack(s, ids[0])
	if i := h.info(key); i.Parked != 3 || i.Outstanding != 0 {
		t.Fatalf("parked: got %d with %d outstanding, want 3 and 0", i.Parked, i.Outstanding)
	}
	const parked = "$persistentsubscription-s::g-parked"
	if got, want := h.texts(parked), "[1@s 2@s 3@s]"; got != want {
		t.Errorf("parked stream: got %s, want %s", got, want)
	}
	checkParkedLink(t, h, parked)

	h.reopen() // 0 was acknowledged but not checkpointed: it comes again, as do the others
	if i := h.info(key); i.Parked > 3 {
		t.Fatalf("parked: got %d, want at most 3", i.Parked)
	}
	s = h.subscribe(key, 9)
	h.ack(s, h.wants(s, "0 1 2 3")...)
	stopAt := int64(2)
	if err := h.Replay(h.ctx, key, &stopAt); err != nil {
		t.Fatalf("replay: got %v, want none", err)
	}
	again := h.wants(s, "1 2")
	if i := h.info(key); i.Parked != 1 {
		t.Errorf("parked while two are replayed: got %d, want 1", i.Parked)
	}
	h.ack(s, again[0])
	h.tick(time.Second)
	h.info(key)
	if got, want := h.texts(parked), "[2@s 3@s]"; got != want {
		t.Errorf("parked stream: got %s, want %s", got, want)
	}

	h.reopen() // one replay was not finished: it is parked still
	if err := h.Replay(h.ctx, key, nil); err != nil {
		t.Fatalf("replay: got %v, want none", err)
	}
	s = h.subscribe(key, 2)
	h.ack(s, h.wants(s, "2 3")...)
	h.info(key)
	if got, want := h.texts(parked), "[]"; got != want {
		t.Errorf("parked stream: got %s, want %s", got, want)
	}
}

// checkParkedLink wants the first parked event to say of itself what EventStoreDB's does.
func checkParkedLink(t *testing.T, h *home, stream string) {
	t.Helper()
	for e := range h.Read(h.memLog.ctx, stream, 0, false) {
		var metadata struct {
			Added                   time.Time
			Reason                  string
			SubscriptionEventNumber int64
		}
		if err := json.Unmarshal(e.Record.Metadata, &metadata); err != nil {
			t.Fatal(err)
		}
		got := fmt.Sprint(e.Record.Type, metadata.Added.Unix(), metadata.Reason,
			metadata.SubscriptionEventNumber)
		want := fmt.Sprint("$>", h.clock().Unix(), "Client explicitly NAK'ed message.\nno reason", 1)
		if got != want {
			t.Errorf("parked: got %s, want %s", got, want)
		}
		return
	}
}

func TestParkingThatFailsDeliversAgain(t *testing.T) {
	h := openHome(t)
	h.fill("s", 1)
	h.create(key, nil)
	s := h.subscribe(key, 1)
	h.fail("append $persistentsubscription-s::g-parked", errBroken)
	h.nack(s, Park, h.wants(s, "0")...)
	ids := h.wants(s, "0/1")
	h.fail("append $persistentsubscription-s::g-parked", nil)
	h.nack(s, Park, ids...)
	if i := h.info(key); i.Parked != 1 {
		t.Errorf("parked: got %d, want 1", i.Parked)
	}
}

func TestTruncationThatFailsIsTriedAgain(t *testing.T) {
	h := openHome(t)
	h.fill("s", 1)
	h.create(key, nil)
	s := h.subscribe(key, 1)
	h.nack(s, Park, h.wants(s, "0")...)
	h.info(key)
	if err := h.Replay(h.ctx, key, nil); err != nil {
		t.Fatal(err)
	}
	const parked = "$persistentsubscription-s::g-parked"
	h.fail("append $$"+parked, errBroken)
	h.ack(s, h.wants(s, "0")...)
	h.info(key)
	h.fail("append $$"+parked, nil)
	h.tick(time.Second)
	if got, want := h.texts(parked), "[]"; got != want {
		t.Errorf("parked: got %s, want %s", got, want)
	}
}

func TestLongReasonsAreCut(t *testing.T) {
	h := openHome(t)
	h.fill("s", 1)
	h.create(key, nil)
	s := h.subscribe(key, 1)
	long := "x" + strings.Repeat("é", 1<<20) // the cut falls within a letter
	if err := s.Nack(h.ctx, Park, long, h.wants(s, "0")...); err != nil {
		t.Fatal(err)
	}
	h.info(key)
	last, err := h.Last(h.ctx, "$persistentsubscription-s::g-parked")
	if err != nil || last == nil {
		t.Fatalf("parked: got %v, %v, want one", last, err)
	}
	metadata := string(last.Record.Metadata)
	if len(metadata) > reasonBytes+200 || strings.Contains(metadata, `\ufffd`) {
		t.Errorf("metadata: got %d bytes, want a short text", len(metadata))
	}
}

func TestMetadataOfOthersStays(t *testing.T) {
	h := openHome(t)
	const operators = `{"$acl":{"$r":"$ops"}}`
	own := eventstore.Event{ID: uuid.New(), Type: metadataType, Data: []byte(operators)}
	if _, err := h.Append(h.ctx, metastream+configStream, own); err != nil {
		t.Fatal(err)
	}
	h.create(key, nil)
	got, want := h.texts(metastream+configStream), `[{"$acl":{"$r":"$ops"},"$maxCount":2}]`
	if got != want {
		t.Errorf("metadata: got %s, want %s", got, want)
	}
}

func TestManyAreParkedAtOnce(t *testing.T) {
	h := openHome(t)
	const n = 3*parksAtOnce + 7
	h.fill("s", n)
	h.create(key, func(s *Settings) { s.MaxRetries, s.HistoryBuffer = 0, 50 })
	s := h.subscribe(key, n)
	h.next(s, n)
	h.tick(time.Minute)
	if i := h.info(key); i.Parked != n || i.Outstanding != 0 {
		t.Fatalf("parked: got %d with %d outstanding, want %d and 0", i.Parked, i.Outstanding, n)
	}
	if err := h.Replay(h.ctx, key, nil); err != nil {
		t.Fatalf("replay: got %v, want none", err)
	}
	for _, d := range h.next(s, n) {
		h.ack(s, d.ID())
	}
	if i := h.info(key); i.Parked != 0 || i.Retrying != 0 {
		t.Errorf("parked: got %d, and %d to retry, want none", i.Parked, i.Retrying)
	}
}

func TestLinksAreFollowed(t *testing.T) {
	h := openHome(t)
	h.fill("s", 3)
	for _, to := range []string{"1@s", "9@s", "2@s"} {
		link := eventstore.Event{ID: uuid.New(), Type: linkType, Data: []byte(to)}
		if _, err := h.Append(h.ctx, "links", link); err != nil {
			t.Fatal(err)
		}
	}
	links := Key{"links", "g"}
	h.create(links, func(s *Settings) { s.ResolveLinks = true })
	s := h.subscribe(links, 9)
	h.nack(s, Park, h.wants(s, "1 gone 2")...)
	h.info(links)
	const parked = "$persistentsubscription-links::g-parked"
	if got, want := h.texts(parked), "[1@s 9@s 2@s]"; got != want {
		t.Errorf("parked: got %s, want %s", got, want)
	}
	if err := h.Replay(h.ctx, links, nil); err != nil {
		t.Fatal(err)
	}
	h.ack(s, h.wants(s, "1 gone 2")...)
	h.info(links)
	if got, want := h.texts(parked), "[]"; got != want {
		t.Errorf("parked: got %s, want %s", got, want)
	}
}

func TestGroupOfTheWholeLog(t *testing.T) {
	h := openHome(t)
	h.fill("s", 2)
	h.fill("other", 1)
	all := Key{All, "g"}
	h.create(all, func(s *Settings) {
		s.MaxCheckpoint, s.Filter = 1, &Filter{Prefixes: []string{"s", stateStream}}
	})
	s := h.subscribe(all, 9)
	ids := h.wants(s, "0 1")
	h.ack(s, ids[0])
	if i := h.info(all); i.LastCheckpoint != "C:3/P:3" || i.StartFrom != "C:0/P:0" {
		t.Errorf("checkpoint: got %s from %s, want C:3/P:3 from C:0/P:0", i.LastCheckpoint, i.StartFrom)
	}
	h.nack(s, Park, ids[1]) // the group never gets what it keeps itself
	h.fill("s", 1)
	h.wants(s, "2")
	h.reopen()
	s = h.subscribe(all, 9)
	h.wants(s, "2")
	s2 := settings()
	if err := h.Update(h.ctx, all, s2, "tester"); err != nil {
		t.Fatalf("update: got %v, want none", err)
	}
	h.ended(s, ErrDropped)
	h.fill("other", 1)
	h.fill("s", 1)
	h.wants(h.subscribe(all, 9), "2 3") // its filter has stayed
}

func TestUpdate(t *testing.T) {
	h := openHome(t)
	h.fill("s", 3)
	h.create(key, func(s *Settings) { s.MaxCheckpoint = 1 })
	s := h.subscribe(key, 9)
	h.ack(s, h.wants(s, "0 1 2")[:2]...)
	changed := settings()
	changed.MaxSubscribers, changed.Strategy = 1, Pinned
	if err := h.Update(h.ctx, key, changed, "tester"); err != nil {
		t.Fatalf("update: got %v, want none", err)
	}
	h.ended(s, ErrDropped)
	s = h.subscribe(key, 9)
	h.wants(s, "2") // after the checkpoint, whatever start was asked for
	if _, err := h.Subscribe(h.ctx, key, ClientInfo{Slots: 1}); !errors.Is(err, ErrFull) {
		t.Errorf("a second subscriber: got %v, want %v", err, ErrFull)
	}
	h.reopen()
	if i := h.info(key); i.Settings != changed {
		t.Errorf("settings: got %+v, want %+v", i.Settings, changed)
	}
	if err := h.Update(h.ctx, Key{"s", "none"}, changed, ""); !errors.Is(err, ErrNotFound) {
		t.Errorf("update of none: got %v, want %v", err, ErrNotFound)
	}
}

func TestUpdateAtTheEndStaysAtTheOldEnd(t *testing.T) {
	h := openHome(t)
	h.fill("s", 2)
	h.create(key, func(s *Settings) { s.Start = FromEnd })
	h.fill("s", 2)
	changed := settings()
	changed.Start = FromEnd
	if err := h.Update(h.ctx, key, changed, ""); err != nil {
		t.Fatalf("update: got %v, want none", err)
	}
	h.reopen()
	h.wants(h.subscribe(key, 9), "2 3")
	changed.Start = 1
	if err := h.Update(h.ctx, key, changed, ""); err != nil {
		t.Fatalf("update: got %v, want none", err)
	}
	h.wants(h.subscribe(key, 9), "1 2 3")
}

func TestDelete(t *testing.T) {
	h := openHome(t)
	h.fill("s", 3)
	h.create(key, func(s *Settings) { s.MaxCheckpoint = 1 })
	s := h.subscribe(key, 9)
	ids := h.wants(s, "0 1 2")
	h.ack(s, ids[0])
	h.nack(s, Park, ids[1])
	if err := h.Delete(h.ctx, key, "tester"); err != nil {
		t.Fatalf("delete: got %v, want none", err)
	}
	h.ended(s, ErrDropped)
	if _, err := h.Subscribe(h.ctx, key, ClientInfo{Slots: 1}); !errors.Is(err, ErrNotFound) {
		t.Errorf("subscribe: got %v, want %v", err, ErrNotFound)
	}
	if err := h.Delete(h.ctx, key, "tester"); !errors.Is(err, ErrNotFound) {
		t.Errorf("a second delete: got %v, want %v", err, ErrNotFound)
	}
	h.reopen()
	h.create(key, func(s *Settings) { s.MaxCheckpoint = 1 })
	if i := h.info(key); i.Parked != 0 || i.LastCheckpoint != "" {
		t.Errorf("a new group: got %d parked, checkpoint %q, want none", i.Parked, i.LastCheckpoint)
	}
	s = h.subscribe(key, 9)
	h.ack(s, h.wants(s, "0 1 2")[0])
	h.info(key)
	h.reopen()
	h.wants(h.subscribe(key, 9), "1 2")
}

// TestOldCheckpointStaysHidden dies between bringing the stream back and writing to it, twice.
func TestOldCheckpointStaysHidden(t *testing.T) {
	h := openHome(t)
	h.fill("s", 3)
	every := func(s *Settings) { s.MaxCheckpoint = 1 }
	h.create(key, every)
	s := h.subscribe(key, 9)
	h.ack(s, h.wants(s, "0 1 2")...)
	if err := h.Delete(h.ctx, key, ""); err != nil {
		t.Fatal(err)
	}
	h.create(key, every)
	h.fail("append $persistentsubscription-s::g-checkpoint", errBroken)
	for range 2 {
		s = h.subscribe(key, 9)
		h.ack(s, h.wants(s, "0 1 2")...)
		h.info(key)
		h.reopen()
	}
	h.wants(h.subscribe(key, 9), "0 1 2")
}

func TestConfigurationKeepsEverything(t *testing.T) {
	full := Settings{
		Start: 7, ResolveLinks: true, ExtraStatistics: true, Strategy: PinnedByCorrelation,
		MessageTimeout: 1 * time.Millisecond, MaxRetries: 2, CheckpointAfter: 3 * time.Millisecond,
		MinCheckpoint: 4, MaxCheckpoint: 5, MaxSubscribers: 6, LiveBuffer: 7, ReadBatch: 8, HistoryBuffer: 9,
	}
	end := settings()
	end.Start = FromEnd
	entries := []entry{{Key{"s", "g"}, full, 7}, {Key{"s", "end"}, end, 42}, {Key{All, "end"}, end, 43}}
	for _, f := range []Filter{
		{Regex: "^a,b$"}, {ByType: true, Regex: "x"}, {Prefixes: []string{"a,b", "c"}},
		{ByType: true, Prefixes: []string{"T"}},
	} {
		filtered := settings()
		filtered.Filter = &f
		entries = append(entries, entry{Key{All, "f"}, filtered, 0})
	}
	for _, e := range entries {
		data, err := json.Marshal(e.config())
		if err != nil {
			t.Fatal(err)
		}
		var c configEntry
		if err := json.Unmarshal(data, &c); err != nil {
			t.Fatal(err)
		}
		if got, err := c.entry(); err != nil || !reflect.DeepEqual(got, e) {
			t.Errorf("%s: got %+v, %v, want %+v", data, got, err, e)
		}
	}
}

// TestConfigurationOfEventStoreDB is one as its own server writes it.
func TestConfigurationOfEventStoreDB(t *testing.T) {
	var c configEntry
	err := json.Unmarshal([]byte(`{"stream":"$all","group":"g","filter":{"context":"streamid","type":"prefix",
		"data":"a,b","isAllStream":true},"resolveLinkTos":true,"extraStatistics":false,"messageTimeout":30000,
		"startFrom":-9223372036854775808,"startPosition":"C:5/P:4","liveBufferSize":500,
		"historyBufferSize":500,"maxRetryCount":10,"readBatchSize":20,"preferRoundRobin":false,
		"checkPointAfter":2000,"minCheckPointCount":10,"maxCheckPointCount":1000,"maxSubscriberCount":0,
		"namedConsumerStrategy":"RoundRobin"}`), &c)
	if err != nil {
		t.Fatal(err)
	}
	want := settings()
	want.Start, want.ResolveLinks, want.Filter = 5, true, &Filter{Prefixes: []string{"a", "b"}}
	if got, err := c.entry(); err != nil || !reflect.DeepEqual(got, entry{Key{All, "g"}, want, 5}) {
		t.Errorf("entry: got %+v, %v, want %+v", got, err, want)
	}
}

func TestDeleteThatFailsLeavesTheGroup(t *testing.T) {
	h := openHome(t)
	h.fill("s", 1)
	h.create(key, nil)
	h.fail("append "+configStream, errBroken)
	if err := h.Delete(h.ctx, key, ""); !errors.Is(err, errBroken) {
		t.Fatalf("delete: got %v, want %v", err, errBroken)
	}
	h.wants(h.subscribe(key, 9), "0")
	if err := h.Create(h.ctx, Key{"s", "h"}, settings(), ""); !errors.Is(err, errBroken) {
		t.Fatalf("create: got %v, want %v", err, errBroken)
	}
	if err := h.Update(h.ctx, key, settings(), ""); !errors.Is(err, errBroken) {
		t.Fatalf("update: got %v, want %v", err, errBroken)
	}
	h.fail("append "+configStream, nil)
	if _, err := h.Info(h.ctx, Key{"s", "h"}); !errors.Is(err, ErrNotFound) {
		t.Errorf("info: got %v, want %v", err, ErrNotFound)
	}
	h.create(Key{"s", "h"}, nil)
}

func TestWhatIsRefused(t *testing.T) {
	h := openHome(t)
	h.fill("s", 1)
	h.create(key, nil)
	rows := []struct {
		name   string
		key    Key
		change func(*Settings)
	}{
		{"no stream", Key{"", "g"}, nil},
		{"no group", Key{"s", ""}, nil},
		{"an unknown strategy", Key{"s", "x"}, func(s *Settings) { s.Strategy = "Best" }},
		{"a start before the end of all", Key{"s", "x"}, func(s *Settings) { s.Start = -2 }},
		{"a batch as large as the buffer", Key{"s", "x"}, func(s *Settings) { s.ReadBatch = s.HistoryBuffer }},
		{"a negative batch", Key{"s", "x"}, func(s *Settings) { s.ReadBatch = -1 }},
		{"a filter on a stream", Key{"s", "x"}, func(s *Settings) { s.Filter = &Filter{} }},
		{"a filter that cannot be", Key{All, "x"}, func(s *Settings) { s.Filter = &Filter{Regex: "("} }},
		{"a start beyond the log", Key{All, "x"}, func(s *Settings) { s.Start = 1 << 40 }},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			s := settings()
			if r.change != nil {
				r.change(&s)
			}
			var refused *Refused
			if err := h.Create(h.ctx, r.key, s, ""); !errors.As(err, &refused) {
				t.Errorf("create: got %v, want a refusal", err)
			}
		})
	}
	if err := h.Create(h.ctx, key, settings(), ""); !errors.Is(err, ErrExists) {
		t.Errorf("create again: got %v, want %v", err, ErrExists)
	}
	if err := h.Create(h.ctx, Key{"s:", ":g"}, settings(), ""); err != nil {
		t.Errorf("another name: got %v, want none", err)
	}
	if err := h.Create(h.ctx, Key{"a::b", "c"}, settings(), ""); err != nil {
		t.Errorf("a stream with colons: got %v, want none", err)
	}
	if err := h.Create(h.ctx, Key{"a", "b::c"}, settings(), ""); !errors.Is(err, ErrExists) {
		t.Errorf("a group of the same streams: got %v, want %v", err, ErrExists)
	}
	if _, err := h.Info(h.ctx, Key{"a", "b::c"}); !errors.Is(err, ErrNotFound) {
		t.Errorf("its info: got %v, want %v", err, ErrNotFound)
	}
	var refused *Refused
	if _, err := h.Subscribe(h.ctx, key, ClientInfo{}); !errors.As(err, &refused) {
		t.Errorf("subscribe without slots: got %v, want a refusal", err)
	}
	before := int64(-1)
	if err := h.Replay(h.ctx, key, &before); !errors.As(err, &refused) {
		t.Errorf("replay up to -1: got %v, want a refusal", err)
	}
}

func TestList(t *testing.T) {
	h := openHome(t)
	for _, k := range []Key{{"b", "1"}, {"a", "2"}, {"b", "3"}, {All, "4"}} {
		h.create(k, nil)
	}
	rows := []struct{ source, want string }{
		{"", "b::1 a::2 b::3 $all::4"}, {"b", "b::1 b::3"}, {All, "$all::4"},
	}
	for _, r := range rows {
		infos, err := h.List(h.ctx, r.source)
		var got []string
		for _, i := range infos {
			got = append(got, Key{i.Source, i.Group}.ID())
		}
		if g := strings.Join(got, " "); err != nil || g != r.want {
			t.Errorf("groups of %q: got %q, %v, want %q", r.source, g, err, r.want)
		}
	}
	if _, err := h.List(h.ctx, "c"); !errors.Is(err, ErrNotFound) {
		t.Errorf("groups of none: got %v, want %v", err, ErrNotFound)
	}
}

func TestInfo(t *testing.T) {
	h := openHome(t)
	h.fill("s", 5)
	h.create(key, func(s *Settings) { s.ExtraStatistics = true })
	s := h.subscribe(key, 3)
	ids := h.wants(s, "0 1 2")
	h.pass(7 * time.Millisecond)
	h.ack(s, ids[0])
	h.pass(time.Second)
	i := h.info(key)
	got := fmt.Sprint(i.Status, i.Buffered, i.Outstanding, i.Total, i.Counted, i.LastKnown, i.StartFrom,
		len(i.Clients), i.Clients[0].Name, i.Clients[0].Free, i.Clients[0].Held, i.Clients[0].Total)
	if want := fmt.Sprint("Live", 1, 3, 4, 4, "4", "0", 1, "tester", 0, 3, 4); got != want {
		t.Errorf("info: got %s, want %s", got, want)
	}
	latency := fmt.Sprint(i.Clients[0].Latency)
	if want := "[{Mean 7} {Median 7} {Fastest 7}"; !strings.HasPrefix(latency, want) {
		t.Errorf("latency: got %s, want %s…", latency, want)
	}
	h.pass(2 * time.Second)
	h.ack(s, ids[1])
	h.pass(2 * time.Second)
	if i = h.info(key); i.Counted != 1 || i.Total != 5 {
		t.Errorf("counted: got %d of %d, want 1 of 5", i.Counted, i.Total)
	}
}

func TestSourceThatCannotBeRead(t *testing.T) {
	h := openHome(t)
	h.fill("s", 1)
	h.create(key, nil)
	s := h.subscribe(key, 9)
	h.wants(s, "0")
	h.fail("read s", errBroken)
	h.fill("s", 1)
	h.ended(s, ErrDropped)
	if _, err := h.Subscribe(h.ctx, key, ClientInfo{Slots: 1}); !errors.Is(err, ErrDropped) {
		t.Fatalf("subscribe: got %v, want %v", err, ErrDropped)
	}
	h.fail("read s", nil)
	h.tick(time.Second)
	h.info(key)
	h.wants(h.subscribe(key, 9), "0/1 1")
}

func TestGroupThatCannotLoadTriesAgain(t *testing.T) {
	for _, call := range []string{
		"watch s", "read $persistentsubscription-s::g-checkpoint", "read $persistentsubscription-s::g-parked",
	} {
		t.Run(call, func(t *testing.T) {
			h := openHome(t)
			h.fill("s", 1)
			h.fail(call, errBroken)
			h.create(key, nil)
			if i := h.info(key); i.Status != "NotReady" {
				t.Fatalf("status: got %s, want NotReady", i.Status)
			}
			h.fail(call, nil)
			h.tick(time.Second)
			h.info(key)
			h.wants(h.subscribe(key, 9), "0")
		})
	}
}

func TestConfigurationThatCannotBeRead(t *testing.T) {
	h := openHome(t)
	h.create(key, nil)
	bad := eventstore.Event{ID: uuid.New(), Type: configType, Data: []byte("nonsense")}
	if _, err := h.Append(h.ctx, configStream, bad); err != nil {
		t.Fatal(err)
	}
	h.reopen()
	var refused *Refused
	if err := h.Create(h.ctx, Key{"s", "h"}, settings(), ""); !errors.As(err, &refused) {
		t.Fatalf("create: got %v, want a refusal: it would forget the other groups", err)
	}
	if err := h.Restart(h.ctx); !errors.As(err, &refused) {
		t.Fatalf("restart: got %v, want a refusal", err)
	}
	good := bad
	good.ID, good.Data = uuid.New(), []byte(`{"version":"2","entries":[`+
		`{"stream":"s","group":"g","startPosition":"0","historyBufferSize":9,"namedConsumerStrategy":"Best"},`+
		`{"stream":"s","group":"h","startPosition":"1","historyBufferSize":9,`+
		`"namedConsumerStrategy":"Pinned"}]}`)
	if _, err := h.Append(h.ctx, configStream, good); err != nil {
		t.Fatal(err)
	}
	if err := h.Restart(h.ctx); err != nil {
		t.Fatalf("restart: got %v, want none", err)
	}
	h.fill("s", 2)
	h.wants(h.subscribe(Key{"s", "h"}, 9), "1")
	if _, err := h.Info(h.ctx, key); !errors.Is(err, ErrNotFound) {
		t.Errorf("a group of no strategy: got %v, want %v", err, ErrNotFound)
	}
	h.create(Key{"s", "i"}, nil)
	last, err := h.Last(h.ctx, configStream)
	if err != nil || !strings.Contains(string(last.Record.Data), "Best") {
		t.Errorf("configuration: got %s, %v, want the group that could not be started kept",
			last.Record.Data, err)
	}
}

func TestRestart(t *testing.T) {
	h := openHome(t)
	h.fill("s", 1)
	h.create(key, nil)
	s := h.subscribe(key, 9)
	h.wants(s, "0")
	if err := h.Restart(h.ctx); err != nil {
		t.Fatalf("restart: got %v, want none", err)
	}
	h.ended(s, ErrDropped)
	h.wants(h.subscribe(key, 9), "0")
}

func TestBeforeTheStartAndAfterTheEnd(t *testing.T) {
	h := openHome(t)
	h.fill("s", 1)
	h.create(key, nil)
	s := h.subscribe(key, 9)
	h.wants(s, "0")
	h.Close()
	h.ended(s, ErrNotReady)
	idle := New(Options{Log: h.memLog})
	for _, g := range []*Groups{h.Groups, idle} {
		if _, err := g.Info(h.ctx, key); !errors.Is(err, ErrNotReady) {
			t.Errorf("info: got %v, want %v", err, ErrNotReady)
		}
		if err := g.Restart(h.ctx); !errors.Is(err, ErrNotReady) {
			t.Errorf("restart: got %v, want %v", err, ErrNotReady)
		}
	}
	if err := s.Ack(h.ctx); !errors.Is(err, ErrNotReady) {
		t.Errorf("ack: got %v, want %v", err, ErrNotReady)
	}
	s.Close()
	h.Start(h.ctx)
	if _, err := h.Info(h.ctx, key); !errors.Is(err, ErrNotReady) {
		t.Errorf("info after the end: got %v, want %v", err, ErrNotReady)
	}
}

func TestWhoAnswersForWhatItNeverTook(t *testing.T) {
	h := openHome(t)
	h.fill("s", 100)
	h.create(key, nil)
	s := h.subscribe(key, 2)
	var known []uuid.UUID
	for e := range h.Read(h.ctx, "s", 0, false) {
		known = append(known, e.ID())
	}
	for h.info(key).Outstanding < 2 {
		runtime.Gosched() // until the group knows of it, an answer is passed over
	}
	h.ack(s, known[0])
	for h.info(key).Outstanding > 0 {
		runtime.Gosched()
	}
	h.ended(s, ErrDropped)
	h.wants(h.subscribe(key, 1), "1/1")
}

func TestGoroutinesEnd(t *testing.T) {
	before := runtime.NumGoroutine()
	h := openHome(t)
	for i := range 50 {
		h.create(Key{"s", fmt.Sprint(i)}, nil)
	}
	for i := range 50 {
		h.subscribe(Key{"s", fmt.Sprint(i)}, 1)
	}
	for i := range 25 {
		if err := h.Delete(h.ctx, Key{"s", fmt.Sprint(i)}, ""); err != nil {
			t.Fatal(err)
		}
	}
	h.Close()
	for runtime.NumGoroutine() > before && t.Context().Err() == nil {
		runtime.Gosched() // what has said that it is done is counted a little longer
	}
}

func TestAPanicEndsItsGroupAlone(t *testing.T) {
	h := openHome(t)
	h.fill("s", 1)
	h.create(key, nil)
	h.create(Key{"s", "h"}, nil)
	s := h.subscribe(key, 9)
	h.wants(s, "0")
	g, err := h.lookup(key)
	if err != nil {
		t.Fatal(err)
	}
	if err := g.do(h.ctx, func() { panic("test") }); err != nil {
		t.Errorf("do: got %v, want none", err)
	}
	h.ended(s, ErrDropped)
	h.wants(h.subscribe(Key{"s", "h"}, 9), "0")
	if err := h.Restart(h.ctx); err != nil {
		t.Fatal(err)
	}
	h.wants(h.subscribe(key, 9), "0")
}
