package esdbserver

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/persistent"
	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/esdbserver/groups"
)

// inn is a served store that can be shut and opened again, its clock's ticks a test's own.
type inn struct {
	testing.TB
	ctx    context.Context
	store  eventstore.Indexed
	server *Server
	ticks  chan time.Time
	client *esdb.Client
	stub   persistent.PersistentSubscriptionsClient
	shut   func()
}

func openInn(t testing.TB, store eventstore.Indexed) *inn {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	n := &inn{TB: t, ctx: ctx, store: store}
	t.Cleanup(func() { n.shut(); cancel() })
	n.open(Options{Store: store})
	return n
}

func (n *inn) open(opts Options) {
	n.Helper()
	server, err := New(opts)
	if err != nil {
		n.Fatal(err)
	}
	n.ticks = make(chan time.Time)
	server.seeded = true // tests count the events of the log
	server.groups = groups.New(groups.Options{
		Log:   groupLog{server},
		Ticks: func() (<-chan time.Time, func()) { return n.ticks, func() {} },
	})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		n.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(ln) }()
	n.server, n.client = server, n.dial(ln.Addr().String())
	conn, err := grpc.NewClient(ln.Addr().String(),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		n.Fatal(err)
	}
	n.stub = persistent.NewPersistentSubscriptionsClient(conn)
	n.shut = func() {
		if err := server.Shutdown(n.ctx); err != nil {
			n.Errorf("shutdown: got %v, want no error", err)
		}
		_ = n.client.Close()
		if err := <-served; err != nil {
			n.Errorf("serve: got %v, want no error", err)
		}
		_ = conn.Close()
	}
}

// reopen is a restart of the process, over the same store.
func (n *inn) reopen() {
	n.Helper()
	n.shut()
	n.open(Options{Store: n.store})
}

func (n *inn) dial(address string) *esdb.Client {
	return (&house{TB: n.TB}).dial(address)
}

func (n *inn) append(stream string, count int) {
	n.Helper()
	for range count {
		n.appendData(stream, "Tested", "{}")
	}
}

func (n *inn) appendData(stream, kind, data string) {
	n.Helper()
	content := esdb.ContentTypeJson
	if kind == linkType {
		content = esdb.ContentTypeBinary
	}
	_, err := n.client.AppendToStream(n.ctx, stream, esdb.AppendToStreamOptions{
		ExpectedRevision: esdb.Any{},
	}, esdb.EventData{EventID: uuid.New(), EventType: kind, ContentType: content, Data: []byte(data)})
	if err != nil {
		n.Fatalf("append to %s: got %v, want no error", stream, err)
	}
}

func (n *inn) create(stream, group string, from esdb.StreamPosition,
	change func(*esdb.PersistentSubscriptionSettings)) {
	n.Helper()
	settings := esdb.SubscriptionSettingsDefault()
	if change != nil {
		change(&settings)
	}
	n.fine(n.client.CreatePersistentSubscription(n.ctx, stream, group,
		esdb.PersistentStreamSubscriptionOptions{Settings: &settings, StartFrom: from}))
}

func (n *inn) fine(err error) {
	n.Helper()
	if err != nil {
		n.Fatalf("got %v, want no error", err)
	}
}

func (n *inn) subscribe(stream, group string, slots uint32) *esdb.PersistentSubscription {
	n.Helper()
	sub, err := n.client.SubscribeToPersistentSubscription(n.ctx, stream, group,
		esdb.SubscribeToPersistentSubscriptionOptions{BufferSize: slots})
	n.fine(err)
	n.Cleanup(func() { _ = sub.Close() })
	return sub
}

// wants receives as many events as want has words, each number of the event or gone, with /retries.
func (n *inn) wants(sub *esdb.PersistentSubscription, want string) []*esdb.ResolvedEvent {
	n.Helper()
	var got []string
	var events []*esdb.ResolvedEvent
	for range strings.Fields(want) {
		e := sub.Recv()
		if e.EventAppeared == nil {
			n.Fatalf("after %q: got dropped with %v, want %q", got, e.SubscriptionDropped.Error, want)
		}
		word := "gone"
		if event := e.EventAppeared.Event.Event; event != nil {
			word = fmt.Sprint(event.EventNumber)
		}
		if e.EventAppeared.RetryCount > 0 {
			word += fmt.Sprintf("/%d", e.EventAppeared.RetryCount)
		}
		got, events = append(got, word), append(events, e.EventAppeared.Event)
	}
	if g := strings.Join(got, " "); g != want {
		n.Fatalf("events: got %q, want %q", g, want)
	}
	return events
}

// dropped wants the subscription to end with a status.
func (n *inn) dropped(sub *esdb.PersistentSubscription, want string) {
	n.Helper()
	e := sub.Recv()
	if e.SubscriptionDropped == nil {
		n.Fatalf("got event %v, want dropped", e.EventAppeared)
	}
	if got := e.SubscriptionDropped.Error; !strings.Contains(fmt.Sprint(got), want) {
		n.Fatalf("dropped: got %v, want %s", got, want)
	}
}

// info waits until the group has done what came before this call.
func (n *inn) info(stream, group string) *esdb.PersistentSubscriptionInfo {
	n.Helper()
	opts := esdb.GetPersistentSubscriptionOptions{}
	if stream == groups.All {
		info, err := n.client.GetPersistentSubscriptionInfoToAll(n.ctx, group, opts)
		n.fine(err)
		return info
	}
	info, err := n.client.GetPersistentSubscriptionInfo(n.ctx, stream, group, opts)
	n.fine(err)
	return info
}

// comes waits until a stream has an event whose data are as wanted, and so until a group has done what
// makes it write that.
func (n *inn) comes(stream string, wanted func(data string) bool) {
	n.Helper()
	sub, err := n.client.SubscribeToStream(n.ctx, stream, esdb.SubscribeToStreamOptions{From: esdb.Start{}})
	n.fine(err)
	defer sub.Close()
	for {
		e := sub.Recv()
		if e.SubscriptionDropped != nil {
			n.Fatalf("%s: got dropped with %v, want an event", stream, e.SubscriptionDropped.Error)
		}
		if e.EventAppeared != nil && wanted(string(e.EventAppeared.Event.Data)) {
			return
		}
	}
}

func is(want string) func(string) bool { return func(data string) bool { return data == want } }

// What group g keeps of stream s.
const (
	parkedOfG     = "$persistentsubscription-s::g-parked"
	checkpointOfG = "$persistentsubscription-s::g-checkpoint"
)

// texts are the data of a stream's events, as clients read them.
func (n *inn) texts(stream string) string {
	n.Helper()
	read, err := n.client.ReadStream(n.ctx, stream, esdb.ReadStreamOptions{}, 100)
	n.fine(err)
	defer read.Close()
	var texts []string
	for {
		e, err := read.Recv()
		if err != nil {
			return strings.Join(texts, " ")
		}
		texts = append(texts, string(e.Event.Data))
	}
}
