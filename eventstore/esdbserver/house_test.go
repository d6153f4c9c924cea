package esdbserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/embedded"
	"github.com/tillbook/tillbook/eventstore/storetest"
)

// patience bounds every test: what has not come by then never comes.
const patience = time.Minute

// house is a served store and two who call it: the official client, and the bare protocol.
type house struct {
	testing.TB
	ctx    context.Context
	server *Server
	store  eventstore.Indexed
	client *esdb.Client
	conn   *grpc.ClientConn
	stub   streams.StreamsClient
}

// eachStore runs a test over the plainest store and the real one.
func eachStore(t *testing.T, test func(t *testing.T, h *house)) {
	t.Run("memory", func(t *testing.T) { test(t, openHouse(t, storetest.NewMemory())) })
	t.Run("embedded", func(t *testing.T) { test(t, openHouse(t, openEmbedded(t))) })
}

func openEmbedded(t testing.TB) eventstore.Indexed {
	store, err := embedded.Open("data", embedded.Options{FS: vfs.NewMem(), MemTableBytes: 8 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Errorf("close: got %v, want no error", err)
		}
	})
	return store
}

func openHouse(t testing.TB, store eventstore.Indexed) *house {
	return openHouseOf(t, Options{Store: store})
}

func openHouseOf(t testing.TB, opts Options) *house {
	server, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	server.seeded = true // tests count the events of the log
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(ln) }()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	h := &house{TB: t, ctx: ctx, server: server, store: opts.Store}
	t.Cleanup(func() {
		ended, cut := context.WithCancel(context.Background())
		cut() // nobody is waited for
		_ = server.Shutdown(ended)
		<-served
		cancel()
	})
	h.client = h.dial(ln.Addr().String())
	conn, err := grpc.NewClient(ln.Addr().String(),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	h.conn, h.stub = conn, streams.NewStreamsClient(conn)
	return h
}

func (h *house) dial(address string) *esdb.Client {
	config, err := esdb.ParseConnectionString("esdb://" + address + "?tls=false")
	if err != nil {
		h.Fatal(err)
	}
	config.Logger = esdb.NoopLogging()
	client, err := esdb.NewClient(config)
	if err != nil {
		h.Fatal(err)
	}
	h.Cleanup(func() { _ = client.Close() })
	return client
}

// event is a new one.
func event(kind string) eventstore.Event {
	return eventstore.Event{
		ID: uuid.New(), Type: kind, Data: []byte(`{"n":1}`), Metadata: []byte(`{"m":2}`),
	}
}

// append writes events at the end of a stream, as the official client does.
func (h *house) append(stream string, events ...eventstore.Event) {
	h.Helper()
	proposed := make([]esdb.EventData, len(events))
	for i, e := range events {
		proposed[i] = esdb.EventData{
			EventID: e.ID, EventType: e.Type, Data: e.Data, Metadata: e.Metadata,
			ContentType: esdb.ContentTypeJson,
		}
		if e.Binary {
			proposed[i].ContentType = esdb.ContentTypeBinary
		}
	}
	_, err := h.client.AppendToStream(h.ctx, stream, esdb.AppendToStreamOptions{}, proposed...)
	if err != nil {
		h.Fatalf("append to %s: got %v, want no error", stream, err)
	}
}

// fill writes n events of a type.
func (h *house) fill(stream string, n int, kind string) {
	h.Helper()
	events := make([]eventstore.Event, n)
	for i := range events {
		events[i] = event(kind)
	}
	if n > 0 {
		h.append(stream, events...)
	}
}

// describe sets a stream's metadata.
func (h *house) describe(stream, metadata string) {
	h.Helper()
	e := event(metadataType)
	e.Data = []byte(metadata)
	h.append(metastreamOf(stream), e)
}

func (h *house) softDelete(stream string) {
	h.Helper()
	if _, err := h.client.DeleteStream(h.ctx, stream, esdb.DeleteStreamOptions{}); err != nil {
		h.Fatalf("delete %s: got %v, want no error", stream, err)
	}
}

func (h *house) tombstone(stream string) {
	h.Helper()
	_, err := h.client.TombstoneStream(h.ctx, stream, esdb.TombstoneStreamOptions{})
	if err != nil {
		h.Fatalf("tombstone %s: got %v, want no error", stream, err)
	}
}

// link writes a link to a stream's event.
func (h *house) link(stream, data string) {
	h.Helper()
	e := event(linkType)
	e.Data, e.Binary = []byte(data), true
	h.append(stream, e)
}

// ask is a request that makes sense, changed by changes.
func ask(changes ...func(*streams.ReadReq_Options)) *streams.ReadReq {
	o := &streams.ReadReq_Options{
		CountOption:  &streams.ReadReq_Options_Count{Count: math.MaxUint64},
		FilterOption: &streams.ReadReq_Options_NoFilter{},
		UuidOption: &streams.ReadReq_Options_UUIDOption{
			Content: &streams.ReadReq_Options_UUIDOption_Structured{},
		},
	}
	for _, change := range changes {
		change(o)
	}
	return &streams.ReadReq{Options: o}
}

type change = func(*streams.ReadReq_Options)

// The places a request may begin at.
const (
	fromStart = -1
	fromEnd   = -2
)

// ofStream reads a stream from a number.
func ofStream(name string, from int64) change {
	return func(o *streams.ReadReq_Options) {
		s := &streams.ReadReq_Options_StreamOptions{
			StreamIdentifier: &shared.StreamIdentifier{StreamName: []byte(name)},
		}
		switch from {
		case fromStart:
			s.RevisionOption = &streams.ReadReq_Options_StreamOptions_Start{}
		case fromEnd:
			s.RevisionOption = &streams.ReadReq_Options_StreamOptions_End{}
		default:
			s.RevisionOption = &streams.ReadReq_Options_StreamOptions_Revision{
				Revision: uint64(from),
			}
		}
		o.StreamOption = &streams.ReadReq_Options_Stream{Stream: s}
	}
}

// ofAll reads the log from a position.
func ofAll(from int64) change {
	return func(o *streams.ReadReq_Options) {
		a := &streams.ReadReq_Options_AllOptions{}
		switch from {
		case fromStart:
			a.AllOption = &streams.ReadReq_Options_AllOptions_Start{}
		case fromEnd:
			a.AllOption = &streams.ReadReq_Options_AllOptions_End{}
		default:
			a.AllOption = &streams.ReadReq_Options_AllOptions_Position{
				Position: &streams.ReadReq_Options_Position{
					CommitPosition: uint64(from), PreparePosition: uint64(from),
				},
			}
		}
		o.StreamOption = &streams.ReadReq_Options_All{All: a}
	}
}

func backwards(o *streams.ReadReq_Options) { o.ReadDirection = streams.ReadReq_Options_Backwards }

func withLinks(o *streams.ReadReq_Options) { o.ResolveLinks = true }

func live(o *streams.ReadReq_Options) {
	o.CountOption = &streams.ReadReq_Options_Subscription{}
}

func atMost(n uint64) change {
	return func(o *streams.ReadReq_Options) {
		o.CountOption = &streams.ReadReq_Options_Count{Count: n}
	}
}

// call begins a Read that ends with the test.
func (h *house) call(changes ...change) *transcript {
	h.Helper()
	ctx, cancel := context.WithCancel(h.ctx)
	h.Cleanup(cancel)
	call, err := h.stub.Read(ctx, ask(changes...))
	if err != nil {
		h.Fatalf("read: got %v, want no error", err)
	}
	return &transcript{house: h, call: call, stop: cancel, word: eventNumber}
}

// transcript is a call written down, one word for each answer: the number of an event or what else
// is said of one, and the names of other messages.
type transcript struct {
	*house
	call streams.Streams_ReadClient
	stop context.CancelFunc
	word func(*streams.ReadResp_ReadEvent) string

	ended bool
}

func eventNumber(e *streams.ReadResp_ReadEvent) string {
	original := e.GetEvent()
	if e.GetLink() != nil {
		original = e.GetLink()
	}
	if original.GetStreamRevision() == math.MaxInt64 {
		return "tombstone"
	}
	return fmt.Sprint(original.GetStreamRevision())
}

func (c *transcript) next() string {
	resp, err := c.call.Recv()
	c.ended = err != nil
	switch {
	case errors.Is(err, io.EOF):
		return "end"
	case err != nil:
		exception := ""
		if values := c.call.Trailer().Get(exceptionKey); len(values) > 0 {
			exception = "/" + values[0]
		}
		return status.Code(err).String() + exception
	}
	switch content := resp.GetContent().(type) {
	case *streams.ReadResp_Event:
		return c.word(content.Event)
	case *streams.ReadResp_Confirmation:
		if _, err := uuid.Parse(content.Confirmation.GetSubscriptionId()); err != nil {
			return "confirmed badly"
		}
		return "confirmed"
	case *streams.ReadResp_CaughtUp_:
		return "caught-up"
	case *streams.ReadResp_Checkpoint_:
		if content.Checkpoint.GetCommitPosition() != content.Checkpoint.GetPreparePosition() {
			return "checkpoint badly"
		}
		return fmt.Sprintf("checkpoint:%d", content.Checkpoint.GetCommitPosition())
	case *streams.ReadResp_StreamNotFound_:
		return "not-found:" + string(content.StreamNotFound.GetStreamIdentifier().GetStreamName())
	case *streams.ReadResp_FirstStreamPosition:
		return fmt.Sprintf("first:%d", content.FirstStreamPosition)
	case *streams.ReadResp_LastStreamPosition:
		return fmt.Sprintf("last:%d", content.LastStreamPosition)
	}
	return fmt.Sprintf("%T", resp.GetContent())
}

// expect compares the next answers with words.
func (c *transcript) expect(words string) {
	c.Helper()
	want := strings.Fields(words)
	got := make([]string, 0, len(want))
	for i := range want {
		got = append(got, c.next())
		if got[i] != want[i] {
			c.Fatalf("answers: got %s, want %s", strings.Join(got, " "), words)
		}
	}
}

// rest are all answers to the end of the call.
func (c *transcript) rest() string {
	var words []string
	for !c.ended {
		words = append(words, c.next())
	}
	return strings.Join(words, " ")
}
