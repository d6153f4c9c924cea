package esdbserver

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"

	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/storetest"
)

func TestGroupOverLoopback(t *testing.T) {
	n := openInn(t, openEmbedded(t))
	n.append("s", 3)
	n.create("s", "g", esdb.Start{}, nil)
	a := n.subscribe("s", "g", 2)
	got := n.wants(a, "0 1")
	n.fine(a.Ack(got[0]))
	got = append(got, n.wants(a, "2")...)
	n.fine(a.Nack("try again", esdb.NackActionRetry, got[1]))
	got[1] = n.wants(a, "1/1")[0]
	n.fine(a.Nack("never mind", esdb.NackActionSkip, got[1]))
	n.fine(a.Nack("nobody knows", esdb.NackActionUnknown, got[2]))
	n.wants(a, "2/1")
	n.append("s", 1)
	n.wants(a, "3")
	b := n.subscribe("s", "g", 10)
	n.fine(a.Close())
	n.wants(b, "2/2 3/1")
	if again := n.client.CreatePersistentSubscription(n.ctx, "s", "g",
		esdb.PersistentStreamSubscriptionOptions{}); code(again) != esdb.ErrorCodeResourceAlreadyExists {
		t.Errorf("create again: got %v, want that it exists", again)
	}
	if _, err := n.client.SubscribeToPersistentSubscription(n.ctx, "s", "none",
		esdb.SubscribeToPersistentSubscriptionOptions{}); code(err) != esdb.ErrorCodeResourceNotFound {
		t.Errorf("subscribe to none: got %v, want not found", err)
	}
}

func code(err error) esdb.ErrorCode {
	failed, _ := esdb.FromError(err)
	if failed == nil {
		return -1
	}
	return failed.Code()
}

func TestGroupsOutliveTheServer(t *testing.T) {
	n := openInn(t, openEmbedded(t))
	n.append("s", 6)
	n.create("s", "g", esdb.Start{}, func(s *esdb.PersistentSubscriptionSettings) {
		s.CheckpointLowerBound, s.CheckpointUpperBound = 1, 1
	})
	n.create("s", "end", esdb.End{}, nil)
	n.append("s", 1)
	sub := n.subscribe("s", "g", 10)
	got := n.wants(sub, "0 1 2 3 4 5 6")
	n.fine(sub.Ack(got[0], got[1]))
	n.fine(sub.Nack("", esdb.NackActionPark, got[2], got[4]))
	n.comes(checkpointOfG, is(`"2"`))
	info := n.info("s", "g")
	at, parked := *info.Stats.LastCheckpointedEventRevision, info.Stats.ParkedMessagesCount
	if at != 2 || parked != 2 {
		t.Fatalf("info: got checkpoint %d with %d parked, want 2 and 2", at, parked)
	}

	n.reopen()
	n.dropped(sub, "Unavailable")
	sub = n.subscribe("s", "g", 10)
	got = n.wants(sub, "3 4 5 6")
	n.fine(sub.Ack(got...))
	n.wants(n.subscribe("s", "end", 10), "6")
	n.fine(n.client.ReplayParkedMessages(n.ctx, "s", "g", esdb.ReplayParkedMessagesOptions{StopAt: 1}))
	n.fine(sub.Ack(n.wants(sub, "2")...))
	n.comes(metastreamOf(parkedOfG), is(`{"$tb":1}`))
	if got, want := n.texts(parkedOfG), "4@s"; got != want {
		t.Errorf("parked: got %s, want %s", got, want)
	}
	if got, want := n.texts(checkpointOfG), `"6"`; !strings.HasSuffix(got, want) {
		t.Errorf("checkpoints: got %s, want %s at the end", got, want)
	}

	n.reopen()
	if info := n.info("s", "g"); info.Stats.ParkedMessagesCount > 1 {
		t.Errorf("parked: got %d, want at most 1", info.Stats.ParkedMessagesCount)
	}
	sub = n.subscribe("s", "g", 10)
	n.fine(n.client.ReplayParkedMessages(n.ctx, "s", "g", esdb.ReplayParkedMessagesOptions{}))
	n.fine(sub.Ack(n.wants(sub, "4")...))
	n.comes(metastreamOf(parkedOfG), is(`{"$tb":2}`))
	if got := n.texts(parkedOfG); got != "" {
		t.Errorf("parked: got %s, want none", got)
	}
}

func (n *inn) delete(stream, group string) error {
	return n.client.DeletePersistentSubscription(n.ctx, stream, group,
		esdb.DeletePersistentSubscriptionOptions{})
}

func TestGroupIsUpdatedAndDeleted(t *testing.T) {
	n := openInn(t, openEmbedded(t))
	n.append("s", 3)
	n.create("s", "g", esdb.Start{}, func(s *esdb.PersistentSubscriptionSettings) {
		s.CheckpointUpperBound = 1
	})
	sub := n.subscribe("s", "g", 10)
	got := n.wants(sub, "0 1 2")
	n.fine(sub.Ack(got[0]))
	n.fine(sub.Nack("", esdb.NackActionPark, got[1]))
	n.comes(checkpointOfG, is(`"1"`))
	settings := esdb.SubscriptionSettingsDefault()
	settings.ConsumerStrategyName, settings.MaxSubscriberCount = esdb.ConsumerStrategyPinned, 1
	n.fine(n.client.UpdatePersistentSubscription(n.ctx, "s", "g",
		esdb.PersistentStreamSubscriptionOptions{Settings: &settings}))
	n.dropped(sub, "Canceled desc = Subscription group g on stream s was dropped.")
	sub = n.subscribe("s", "g", 10)
	n.wants(sub, "2")
	if info := n.info("s", "g"); info.Settings.ConsumerStrategyName != esdb.ConsumerStrategyPinned ||
		info.Stats.ParkedMessagesCount != 1 {
		t.Errorf("info: got %+v, want Pinned and 1 parked", info)
	}
	if _, err := n.client.SubscribeToPersistentSubscription(n.ctx, "s", "g",
		esdb.SubscribeToPersistentSubscriptionOptions{}); err == nil {
		t.Error("a second subscriber: got none, want an error")
	}

	n.fine(n.delete("s", "g"))
	n.dropped(sub, "Canceled desc = Subscription group g on stream s was dropped.")
	err := n.delete("s", "g")
	if code(err) != esdb.ErrorCodeResourceNotFound {
		t.Errorf("delete again: got %v, want not found", err)
	}
	n.watchesNothing()
	for range 2 { // a group of the same name has nothing of the old one, now or later
		n.reopen()
		n.create("s", "g", esdb.Start{}, func(s *esdb.PersistentSubscriptionSettings) {
			s.CheckpointUpperBound = 1
		})
		sub = n.subscribe("s", "g", 10)
		got = n.wants(sub, "0 1 2")
		n.fine(sub.Nack("", esdb.NackActionPark, got[0], got[2]))
		n.comes(parkedOfG, is("2@s"))
		if info := n.info("s", "g"); info.Stats.ParkedMessagesCount != 2 {
			t.Errorf("parked: got %d, want 2", info.Stats.ParkedMessagesCount)
		}
		n.reopen()
		sub = n.subscribe("s", "g", 10)
		n.wants(sub, "1 2")
		n.fine(n.client.ReplayParkedMessages(n.ctx, "s", "g", esdb.ReplayParkedMessagesOptions{}))
		n.wants(sub, "0 2")
		n.fine(n.delete("s", "g"))
	}
}

// watchesNothing waits until no group looks at the log any more: one that is gone leaves by itself.
func (n *inn) watchesNothing() {
	n.Helper()
	tide := n.server.tide
	for {
		tide.mu.Lock()
		watched := len(tide.watchers)
		tide.mu.Unlock()
		switch {
		case watched == 0:
			return
		case n.ctx.Err() != nil:
			n.Fatalf("watched sources: got %d, want none", watched)
		}
		runtime.Gosched()
	}
}

func TestGroupsAreListed(t *testing.T) {
	n := openInn(t, storetest.NewMemory())
	n.create("a", "1", esdb.Start{}, nil)
	n.create("b/é", "2::3", esdb.End{}, nil)
	n.fine(n.client.CreatePersistentSubscriptionToAll(n.ctx, "4", esdb.PersistentAllSubscriptionOptions{}))
	name := func(infos []esdb.PersistentSubscriptionInfo, err error) string {
		n.fine(err)
		var names []string
		for _, i := range infos {
			names = append(names,
				fmt.Sprintf("%s %s from %v", i.EventSource, i.GroupName, i.Settings.StartFrom))
		}
		return strings.Join(names, ", ")
	}
	opts := esdb.ListPersistentSubscriptionsOptions{}
	all := name(n.client.ListAllPersistentSubscriptions(n.ctx, opts))
	if want := "a 1 from {}, b/é 2::3 from {}, $all 4 from {}"; all != want {
		t.Errorf("all: got %q, want %q", all, want)
	}
	got := name(n.client.ListPersistentSubscriptionsForStream(n.ctx, "a", opts))
	if want := "a 1 from {}"; got != want {
		t.Errorf("of a stream: got %q, want %q", got, want)
	}
	got = name(n.client.ListPersistentSubscriptionsToAll(n.ctx, opts))
	if want := "$all 4 from {}"; got != want {
		t.Errorf("of $all: got %q, want %q", got, want)
	}
	_, err := n.client.ListPersistentSubscriptionsForStream(n.ctx, "c", opts)
	if code(err) != esdb.ErrorCodeResourceNotFound {
		t.Errorf("of a stream without groups: got %v, want not found", err)
	}
	n.fine(n.client.RestartPersistentSubscriptionSubsystem(n.ctx,
		esdb.RestartPersistentSubscriptionSubsystemOptions{}))
	if got := name(n.client.ListAllPersistentSubscriptions(n.ctx, opts)); got != all {
		t.Errorf("after a restart: got %q, want %q", got, all)
	}
}

func TestGroupInfo(t *testing.T) {
	n := openInn(t, storetest.NewMemory())
	n.append("s", 5)
	n.create("s", "g", esdb.Revision(1), func(s *esdb.PersistentSubscriptionSettings) {
		*s = esdb.PersistentSubscriptionSettings{
			ResolveLinkTos: true, ExtraStatistics: true, MaxRetryCount: 1, CheckpointLowerBound: 2,
			CheckpointUpperBound: 3, MaxSubscriberCount: 4, LiveBufferSize: 5, ReadBatchSize: 6,
			HistoryBufferSize: 7, ConsumerStrategyName: esdb.ConsumerStrategyDispatchToSingle,
			MessageTimeout: 8, CheckpointAfter: 9,
		}
	})
	sub := n.subscribe("s", "g", 3)
	got := n.wants(sub, "1 2 3")
	n.fine(sub.Ack(got[0]))
	n.wants(sub, "4")
	i := n.info("s", "g")
	want := esdb.PersistentSubscriptionSettings{
		StartFrom: esdb.Revision(1), ResolveLinkTos: true, ExtraStatistics: true, MaxRetryCount: 1,
		CheckpointLowerBound: 2, CheckpointUpperBound: 3, MaxSubscriberCount: 4, LiveBufferSize: 5,
		ReadBatchSize: 6, HistoryBufferSize: 7,
		ConsumerStrategyName: esdb.ConsumerStrategyDispatchToSingle, MessageTimeout: 8, CheckpointAfter: 9,
	}
	if *i.Settings != want {
		t.Errorf("settings: got %+v, want %+v", *i.Settings, want)
	}
	known := i.Stats.LastKnownEventRevision
	if i.EventSource != "s" || i.GroupName != "g" || i.Status != "Live" || known == nil || *known != 4 {
		t.Errorf("info: got %+v, want s, g, live and 4 known", i)
	}
	if i.Stats.TotalItems != 4 || i.Stats.OutstandingMessagesCount != 3 || i.Stats.TotalInFlightMessages != 3 {
		t.Errorf("stats: got %+v, want 4 items and 3 outstanding", i.Stats)
	}
	if len(i.Connections) != 1 {
		t.Fatalf("connections: got %d, want 1", len(i.Connections))
	}
	c := i.Connections[0]
	if c.AvailableSlots != 0 || c.InFlightMessages != 3 || c.Username != "anonymous" || c.From == "" ||
		len(c.ExtraStatistics) != 14 {
		t.Errorf("connection: got %+v, want 3 in flight", c)
	}
}

func TestGroupOfAll(t *testing.T) {
	n := openInn(t, openEmbedded(t))
	n.appendData("kept-1", "Kept", "{}")
	n.appendData("kept-1", "Kept", "{}")
	n.append("other", 1)
	settings := esdb.SubscriptionSettingsDefault()
	settings.CheckpointUpperBound = 1
	for group, filter := range map[string]*esdb.SubscriptionFilter{
		"prefix": {Type: esdb.StreamFilterType, Prefixes: []string{"kept-", "also,this-"}},
		"regex":  {Type: esdb.StreamFilterType, Regex: "^(kept|also)"},
		"type":   {Type: esdb.EventFilterType, Prefixes: []string{"Kept"}},
	} {
		n.fine(n.client.CreatePersistentSubscriptionToAll(n.ctx, group, esdb.PersistentAllSubscriptionOptions{
			StartFrom: esdb.Start{}, Filter: filter, Settings: &settings,
		}))
		sub, err := n.client.SubscribeToPersistentSubscriptionToAll(n.ctx, group,
			esdb.SubscribeToPersistentSubscriptionOptions{})
		n.fine(err)
		got := n.wants(sub, "0 1")
		n.fine(sub.Ack(got...))
		n.comes("$persistentsubscription-$all::"+group+"-checkpoint", func(data string) bool {
			var commit, prepare uint64
			_, err := fmt.Sscanf(data, `"C:%d/P:%d"`, &commit, &prepare)
			return err == nil && commit == prepare && commit >= *got[1].Commit
		})
		n.fine(sub.Close())
	}
	n.reopen()
	n.appendData("also,this-1", "Kept", "{}")
	n.appendData("kept-2", "Kept", "{}")
	for _, group := range []string{"prefix", "regex", "type"} {
		sub, err := n.client.SubscribeToPersistentSubscriptionToAll(n.ctx, group,
			esdb.SubscribeToPersistentSubscriptionOptions{})
		n.fine(err)
		got := n.wants(sub, "0 0")
		if stream := got[0].Event.StreamID; stream != "also,this-1" {
			t.Errorf("%s: got %s, want also,this-1", group, stream)
		}
		position := got[1].OriginalEvent().Position
		if position.Commit == 0 || *got[1].Commit != position.Commit {
			t.Errorf("%s: got position %v and %v, want the same", group, position, *got[1].Commit)
		}
		n.fine(sub.Close())
	}
}

func TestGroupOfAllDoesNotGetWhatItKeeps(t *testing.T) {
	n := openInn(t, openEmbedded(t))
	settings := esdb.SubscriptionSettingsDefault()
	settings.CheckpointUpperBound = 1
	n.fine(n.client.CreatePersistentSubscriptionToAll(n.ctx, "g", esdb.PersistentAllSubscriptionOptions{
		StartFrom: esdb.End{}, Settings: &settings,
	}))
	sub, err := n.client.SubscribeToPersistentSubscriptionToAll(n.ctx, "g",
		esdb.SubscribeToPersistentSubscriptionOptions{})
	n.fine(err)
	defer sub.Close()
	for range 5 {
		n.append("s", 1)
		for stream := ""; stream != "s"; {
			e := sub.Recv().EventAppeared.Event
			if stream = e.Event.StreamID; strings.HasPrefix(stream, "$persistentsubscription-$all") {
				t.Fatalf("got %s, want nothing of the group's own", stream)
			}
			n.fine(sub.Ack(e))
		}
	}
}

func TestGroupOfLinks(t *testing.T) {
	n := openInn(t, openEmbedded(t))
	n.append("account-1", 2)
	n.append("account-2", 1)
	n.appendData("links", linkType, "1@account-1")
	n.appendData("links", linkType, "7@account-1")
	resolve := func(s *esdb.PersistentSubscriptionSettings) { s.ResolveLinkTos = true }
	n.create("links", "g", esdb.Start{}, resolve)
	n.create("$ce-account", "g", esdb.Start{}, resolve)
	n.create("$ce-account", "raw", esdb.Start{}, nil)

	sub := n.subscribe("links", "g", 10)
	got := n.wants(sub, "1 gone")
	if got[0].Event.StreamID != "account-1" || got[0].Link.StreamID != "links" {
		t.Errorf("resolved: got %+v, want the event and its link", got[0])
	}
	n.fine(sub.Nack("", esdb.NackActionPark, got...))
	n.comes("$persistentsubscription-links::g-parked", is("7@account-1"))
	n.fine(n.client.ReplayParkedMessages(n.ctx, "links", "g", esdb.ReplayParkedMessagesOptions{}))
	n.fine(sub.Ack(n.wants(sub, "1 gone")...))

	category := n.subscribe("$ce-account", "g", 10)
	got = n.wants(category, "0 1 0")
	if got[2].Event.StreamID != "account-2" || got[2].OriginalEvent().EventNumber != 2 {
		t.Errorf("category: got %+v, want account-2 under number 2", got[2])
	}
	n.fine(category.Nack("", esdb.NackActionRetry, got[1]))
	n.wants(category, "1/1")
	n.append("account-3", 1)
	n.wants(category, "0")
	n.wants(n.subscribe("$ce-account", "raw", 10), "0 1 2 3")
}

func TestSourceIsDeleted(t *testing.T) {
	n := openInn(t, openEmbedded(t))
	n.append("s", 3)
	n.create("s", "g", esdb.Start{}, nil)
	sub := n.subscribe("s", "g", 10)
	n.fine(sub.Ack(n.wants(sub, "0 1 2")...))
	_, err := n.client.DeleteStream(n.ctx, "s", esdb.DeleteStreamOptions{ExpectedRevision: esdb.Any{}})
	n.fine(err)
	n.append("s", 2)
	n.fine(sub.Ack(n.wants(sub, "3 4")...))
	_, err = n.client.TombstoneStream(n.ctx, "s", esdb.TombstoneStreamOptions{ExpectedRevision: esdb.Any{}})
	n.fine(err)
	n.dropped(sub, "Canceled desc = Subscription group g on stream s was dropped.")
}

// lateStore answers appends to one stream only when it is let: the events are there before.
type lateStore struct {
	eventstore.Indexed
	stream string
	let    chan struct{}
}

func (s lateStore) Append(ctx context.Context, stream string, expected eventstore.Revision,
	events []eventstore.Event) (eventstore.Appended, error) {
	at, err := s.Indexed.Append(ctx, stream, expected, events)
	if stream == s.stream {
		<-s.let
	}
	return at, err
}

// TestGroupIsAheadOfTheWriter delivers events that are durable before their writer knows.
func TestGroupIsAheadOfTheWriter(t *testing.T) {
	let := make(chan struct{}, 100)
	n := openInn(t, lateStore{openEmbedded(t), "s", let})
	let <- struct{}{}
	n.append("s", 1)
	resolve := func(s *esdb.PersistentSubscriptionSettings) { s.ResolveLinkTos = true }
	n.create("s", "g", esdb.Start{}, nil)
	n.create("$et-Tested", "g", esdb.Start{}, resolve)
	plain, list := n.subscribe("s", "g", 10), n.subscribe("$et-Tested", "g", 10)
	n.wants(plain, "0")
	n.wants(list, "0")
	write := func(want string) {
		var writing sync.WaitGroup
		writing.Go(func() { n.append("s", 1) })
		n.wants(plain, want)
		let <- struct{}{}
		writing.Wait()
	}
	write("1")
	n.wants(list, "1")
	_, err := n.client.DeleteStream(n.ctx, "s", esdb.DeleteStreamOptions{ExpectedRevision: esdb.Any{}})
	n.fine(err)
	n.create("s", "late", esdb.Start{}, nil)
	late := n.subscribe("s", "late", 10)
	n.info("s", "late")
	write("2") // of what was deleted nothing comes back
	n.wants(late, "2")
	var ending sync.WaitGroup
	ending.Go(func() {
		_, err := n.client.TombstoneStream(n.ctx, "s",
			esdb.TombstoneStreamOptions{ExpectedRevision: esdb.Any{}})
		if err != nil {
			n.Errorf("tombstone: got %v, want no error", err)
		}
	})
	n.dropped(plain, "Canceled")
	let <- struct{}{}
	ending.Wait()
}

func TestGroupDoesNotGetWhatIsHidden(t *testing.T) {
	n := openInn(t, aged{storetest.NewMemory()})
	for stream, metadata := range map[string]string{
		"old": `{"$maxAge":60}`, "many": `{"$maxCount":1}`, "cut": `{"$tb":1}`,
	} {
		n.appendData(stream, "Old", "{}")
		n.appendData(stream, "New", "{}")
		n.appendData(metastreamOf(stream), metadataType, metadata)
		n.create(stream, "g", esdb.Start{}, nil)
		n.wants(n.subscribe(stream, "g", 10), "1")
	}
}

func TestTimedOutEventsComeAgain(t *testing.T) {
	n := openInn(t, storetest.NewMemory())
	n.append("s", 1)
	n.create("s", "g", esdb.Start{}, func(s *esdb.PersistentSubscriptionSettings) {
		s.MessageTimeout, s.MaxRetryCount = 0, 1 // every tick is too late
	})
	sub := n.subscribe("s", "g", 10)
	n.wants(sub, "0")
	n.ticks <- time.Now()
	n.wants(sub, "0/1")
	n.ticks <- time.Now()
	stats := n.info("s", "g").Stats
	if stats.ParkedMessagesCount != 1 || stats.OutstandingMessagesCount != 0 {
		t.Errorf("stats: got %+v, want 1 parked", stats)
	}
}

func TestSlowConsumerHoldsUpNobody(t *testing.T) {
	n := openInn(t, openEmbedded(t))
	n.create("s", "g", esdb.Start{}, nil)
	n.subscribe("s", "g", 1000) // and never reads
	const batches, each = 50, 100
	for range batches {
		events := make([]esdb.EventData, each)
		for i := range events {
			events[i] = esdb.EventData{EventType: "Tested", Data: make([]byte, 4000)}
		}
		_, err := n.client.AppendToStream(n.ctx, "s",
			esdb.AppendToStreamOptions{ExpectedRevision: esdb.Any{}}, events...)
		n.fine(err)
	}
	info := n.info("s", "g")
	if *info.Stats.LastKnownEventRevision != batches*each-1 {
		t.Errorf("last: got %d, want %d", *info.Stats.LastKnownEventRevision, batches*each-1)
	}
	if held := info.Stats.ReadBufferCount + info.Stats.OutstandingMessagesCount; held > 1500 {
		t.Errorf("in memory: got %d events, want at most 1500", held)
	}
	quick := n.subscribe("s", "g", 10)
	n.fine(quick.Ack(quick.Recv().EventAppeared.Event))
}

func TestGroupOfAStreamThatALedgerOwns(t *testing.T) {
	n := openInn(t, openEmbedded(t))
	n.append("account-1", 2)
	n.shut()
	n.open(Options{Store: n.store, Owned: func(stream string) bool { return stream == "account-1" }})
	n.create("account-1", "g", esdb.Start{}, nil)
	sub := n.subscribe("account-1", "g", 10)
	n.fine(sub.Nack("", esdb.NackActionPark, n.wants(sub, "0 1")[0]))
	n.comes("$persistentsubscription-account-1::g-parked", is("0@account-1"))
	if info := n.info("account-1", "g"); info.Stats.ParkedMessagesCount != 1 {
		t.Errorf("parked: got %d, want 1", info.Stats.ParkedMessagesCount)
	}
	if _, err := n.store.Append(n.ctx, "account-1", 1, []eventstore.Event{event("Tested")}); err != nil {
		t.Fatal(err)
	}
	n.wants(sub, "2")
}

func TestServerFeaturesNameGroups(t *testing.T) {
	n := openInn(t, storetest.NewMemory())
	methods, err := featuresService{Server: n.server}.GetSupportedMethods(n.ctx, nil)
	n.fine(err)
	var names []string
	for _, m := range methods.GetMethods() {
		if m.GetServiceName() == "event_store.client.persistent_subscriptions.persistentsubscriptions" {
			names = append(names, m.GetMethodName())
		}
	}
	want := []string{
		"create", "delete", "getinfo", "list", "read", "replayparked", "restartsubsystem", "update",
	}
	if !slices.Equal(names, want) {
		t.Errorf("methods: got %v, want %v", names, want)
	}
}

// BenchmarkGroup is an event that goes through a group: read, sent, and acknowledged in tens.
func BenchmarkGroup(b *testing.B) {
	n := openInn(b, openEmbedded(b))
	events := make([]eventstore.Event, 1000)
	for end := eventstore.NoStream; int(end) < b.N; end += eventstore.Revision(len(events)) {
		for i := range events {
			events[i] = event("Tested")
			events[i].Data = make([]byte, 300)
		}
		if _, err := n.store.Append(n.ctx, "s", end, events); err != nil {
			b.Fatal(err)
		}
	}
	n.create("s", "g", esdb.Start{}, nil)
	sub := n.subscribe("s", "g", 500)
	b.ReportAllocs()
	b.ResetTimer()
	var got []*esdb.ResolvedEvent
	for range b.N {
		if got = append(got, sub.Recv().EventAppeared.Event); len(got) == 10 {
			n.fine(sub.Ack(got...))
			got = got[:0]
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}
