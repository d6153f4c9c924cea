package esdbserver

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/projections"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	grpcmeta "google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/tillbook/tillbook/eventstore/storetest"
)

// study is a served store whose projections are asked for by the official client and, where that one
// cannot say it, by the bare protocol.
type study struct {
	*house
	kept   *replays
	client *esdb.ProjectionClient
	stub   projections.ProjectionsClient
}

const (
	counts = `fromCategory("s").when({$init: () => ({n: 0}), Happened: (s) => { s.n++ }}).outputState()`
	byFor  = `fromCategory("s").foreachStream().when({$init: () => ({n: 0}), $any: (s) => { s.n++ }})
		.filterBy((s) => s.n > 1).transformBy((s) => ({twice: s.n * 2})).outputState()`
	faulty = "fromAll().when({\n  Happened: () => { throw new Error('no') }\n})"
)

func openStudy(t *testing.T) *study {
	kept := newReplays(storetest.NewMemory())
	h := openHouseOf(t, Options{Store: kept.store.(*storetest.Memory), Projections: kept})
	return &study{h, kept, esdb.NewProjectionClientFromExistingClient(h.client),
		projections.NewProjectionsClient(h.conn)}
}

var plain = esdb.GenericProjectionOptions{}

func (s *study) create(name, query string) {
	s.Helper()
	s.fine(s.client.Create(s.ctx, name, query, esdb.CreateProjectionOptions{}))
}

func (s *study) fine(err error) {
	s.Helper()
	if err != nil {
		s.Fatalf("got %v, want no error", err)
	}
}

// is compares a state or a result, as JSON.
func (s *study) is(got *structpb.Value, err error, want string) {
	s.Helper()
	s.fine(err)
	text, err := protojson.Marshal(got)
	if plain := strings.ReplaceAll(string(text), " ", ""); err != nil || plain != want {
		s.Errorf("got %s, %v, want %s", plain, err, want)
	}
}

func (s *study) status(name string) *esdb.ProjectionStatus {
	s.Helper()
	got, err := s.client.GetStatus(s.ctx, name, plain)
	s.fine(err)
	return got
}

func (s *study) state(name, partition string) (*structpb.Value, error) {
	return s.client.GetState(s.ctx, name, esdb.GetStateProjectionOptions{Partition: partition})
}

func (s *study) result(name, partition string) (*structpb.Value, error) {
	return s.client.GetResult(s.ctx, name, esdb.GetResultProjectionOptions{Partition: partition})
}

// A projection's life, by the official client's calls.
func TestProjectionLife(t *testing.T) {
	s := openStudy(t)
	s.fill("s-1", 3, "Happened")
	s.create("counts", counts)
	got, err := s.state("counts", "")
	s.is(got, err, `{"n":3}`)
	got, err = s.result("counts", "")
	s.is(got, err, `{"n":3}`)
	was := s.status("counts")
	if was.Status != "Running" || was.Mode != "Continuous" || was.EffectiveName != "counts" ||
		was.Progress != 100 || was.Position != "C:9/P:9" || was.PartitionsCached != 1 ||
		was.EventsProcessedAfterRestart != 3 || was.Version != 0 || was.LastCheckpoint != "" {
		t.Errorf("status: got %+v", was)
	}

	s.fine(s.client.Disable(s.ctx, "counts", plain))
	s.fill("s-1", 1, "Happened")
	if got := s.status("counts"); got.Status != "Stopped" || got.LastCheckpoint != "C:9/P:9" {
		t.Errorf("status: got %+v, want stopped at 9", got)
	}
	got, err = s.state("counts", "")
	s.is(got, err, `{"n":3}`)
	s.fine(s.client.Enable(s.ctx, "counts", plain))
	got, err = s.state("counts", "")
	s.is(got, err, `{"n":4}`)

	s.fine(s.client.Reset(s.ctx, "counts", esdb.ResetProjectionOptions{}))
	s.fine(s.client.Update(s.ctx, "counts", byFor, esdb.UpdateProjectionOptions{}))
	if got := s.status("counts"); got.Version != 1 || got.Epoch != 1 {
		t.Errorf("version and epoch: got %d and %d, want 1 and 1", got.Version, got.Epoch)
	}
	got, err = s.result("counts", "s-1")
	s.is(got, err, `{"twice":8}`)
	got, err = s.state("counts", "s-2")
	s.is(got, err, `{}`)

	s.fine(s.client.Abort(s.ctx, "counts", plain))
	s.fine(s.client.Delete(s.ctx, "counts", esdb.DeleteProjectionOptions{
		DeleteStateStream: true, DeleteCheckpointStream: true,
	}))
	if _, err := s.client.GetStatus(s.ctx, "counts", plain); !failsBy(err, esdb.ErrorCodeResourceNotFound) {
		t.Errorf("status of a deleted one: got %v, want not found", err)
	}
}

// What the server itself keeps runs, as EventStoreDB's projections of the same names, and is at the head.
func TestSystemProjections(t *testing.T) {
	s := openStudy(t)
	s.fill("s-1", 3, "Happened")
	for _, name := range systemProjections {
		got := s.status(name)
		if got.Status != "Running" || got.Mode != "Continuous" || got.Progress != 100 || got.Position != "C:9/P:9" {
			t.Errorf("%s: got %+v, want it at the head", name, got)
		}
	}
	for _, name := range missingProjections {
		if _, err := s.client.GetStatus(s.ctx, name, plain); !failsBy(err, esdb.ErrorCodeResourceNotFound) {
			t.Errorf("%s: got %v, want not found", name, err)
		}
	}
}

// What waits is told in the protocol's words.
func TestProjectionDetails(t *testing.T) {
	d := detailsOf(ProjectionStatus{Name: "x", Events: 7, Busy: 1500 * time.Millisecond, Buffered: 3, Pending: 4,
		Writing: true, Due: true, Position: 5, Head: 10})
	if d.EventsProcessedAfterRestart != 7 || d.CoreProcessingTime != 1500 || d.BufferedEvents != 3 ||
		d.WritePendingEventsAfterCheckpoint != 4 || d.WritesInProgress != 1 || d.CheckpointStatus != "Requested" ||
		d.Progress != 50 {
		t.Errorf("got %+v", d)
	}
	if d := detailsOf(ProjectionStatus{}); d.WritesInProgress != 0 || d.CheckpointStatus != "" {
		t.Errorf("got %+v, want nothing that waits", d)
	}
}

// failsBy reports whether a call failed by a code. The client wraps the errors of some calls only.
func failsBy(err error, code esdb.ErrorCode) bool {
	var failed *esdb.Error
	return errors.As(err, &failed) && failed.Code() == code
}

// Emit is what a client says, and stays what it was where it says nothing.
func TestProjectionEmit(t *testing.T) {
	s := openStudy(t)
	s.fine(s.client.Create(s.ctx, "e", counts, esdb.CreateProjectionOptions{Emit: true}))
	no := false
	for _, row := range []struct {
		emit *bool
		want bool
	}{{nil, true}, {&no, false}, {nil, false}} {
		s.fine(s.client.Update(s.ctx, "e", counts, esdb.UpdateProjectionOptions{Emit: row.emit}))
		if got := s.kept.all["e"].Emit; got != row.want {
			t.Errorf("after an update with emit %v: got %v, want %v", row.emit, got, row.want)
		}
	}
}

// What a fault stops says where and by what.
func TestProjectionFault(t *testing.T) {
	s := openStudy(t)
	s.create("faulty", faulty)
	s.fill("s-1", 1, "Happened")
	want := `faulty.js:2:27 in handler "Happened", event 0@s-1: Error: no`
	if got := s.status("faulty"); got.Status != "Faulted" || got.StateReason != want {
		t.Errorf("got %s: %s, want Faulted: %s", got.Status, got.StateReason, want)
	}
	if _, err := s.state("faulty", ""); status.Code(err) != codes.FailedPrecondition {
		t.Errorf("state: got %v, want a failed precondition", err)
	}
}

// Each mode is made by its own option and listed by its own option.
func TestProjectionModes(t *testing.T) {
	s := openStudy(t)
	s.create("c", counts)
	s.create("b", counts)
	for _, o := range []*projections.CreateReq_Options{
		{Mode: &projections.CreateReq_Options_OneTime{OneTime: &shared.Empty{}}},
		{Mode: &projections.CreateReq_Options_Transient_{
			Transient: &projections.CreateReq_Options_Transient{Name: "t"}}},
	} {
		o.Query = counts
		_, err := s.stub.Create(s.ctx, &projections.CreateReq{Options: o})
		s.fine(err)
	}
	all, err := s.client.ListAll(s.ctx, plain)
	s.fine(err)
	if len(all) != 4+len(systemProjections) {
		t.Errorf("all: got %d, want 4 and the system's", len(all))
	}
	continuous, err := s.client.ListContinuous(s.ctx, plain)
	s.fine(err)
	var names []string
	for _, p := range continuous {
		names = append(names, p.Name)
	}
	if got, want := strings.Join(names, " "), "$by_category $by_event_type $streams b c"; got != want {
		t.Errorf("continuous: got %s, want %s", got, want)
	}
	once := s.list(&projections.StatisticsReq_Options_OneTime{OneTime: &shared.Empty{}})
	if !strings.HasSuffix(once, ":OneTime:Completed") || len(once) != 36+len(":OneTime:Completed") {
		t.Errorf("one-time: got %s, want one of a drawn name that is completed", once)
	}
	transient := &projections.StatisticsReq_Options_Transient{Transient: &shared.Empty{}}
	if got := s.list(transient); got != "t:Transient:Running" {
		t.Errorf("transient: got %s, want t", got)
	}
	s.fine(s.client.RestartSubsystem(s.ctx, plain))
	if got := s.list(transient); got != "" {
		t.Errorf("transient after a restart: got %s, want none", got)
	}
}

// list is what statistics say, one word for each projection.
func (s *study) list(mode any) string {
	s.Helper()
	o := &projections.StatisticsReq_Options{}
	switch mode := mode.(type) {
	case *projections.StatisticsReq_Options_OneTime:
		o.Mode = mode
	case *projections.StatisticsReq_Options_Transient:
		o.Mode = mode
	}
	call, err := s.stub.Statistics(s.ctx, &projections.StatisticsReq{Options: o})
	s.fine(err)
	var words []string
	for {
		answer, err := call.Recv()
		if errors.Is(err, io.EOF) {
			return strings.Join(words, " ")
		}
		s.fine(err)
		d := answer.GetDetails()
		words = append(words, fmt.Sprintf("%s:%s:%s", d.GetName(), d.GetMode(), d.GetStatus()))
	}
}

// Every refusal has its code, and its kind in the trailer. No request reaches a panic.
func TestProjectionRefusals(t *testing.T) {
	s := openStudy(t)
	s.create("there", counts)
	of := func(name, query string) *projections.CreateReq {
		return &projections.CreateReq{Options: &projections.CreateReq_Options{
			Query: query, Mode: &projections.CreateReq_Options_Continuous_{
				Continuous: &projections.CreateReq_Options_Continuous{Name: name},
			},
		}}
	}
	tracking := of("tracking", counts)
	tracking.Options.GetContinuous().TrackEmittedStreams = true
	update := &projections.UpdateReq{Options: &projections.UpdateReq_Options{Name: "there", Query: "from("}}
	emitted := &projections.DeleteReq{Options: &projections.DeleteReq_Options{
		Name: "there", DeleteEmittedStreams: true}}
	running := &projections.DeleteReq{Options: &projections.DeleteReq_Options{Name: "there"}}
	for _, row := range []struct {
		call string
		req  proto.Message
		want string
	}{
		{"Create", of("there", counts), "AlreadyExists/projection-exists"},
		{"Create", of("bad", "fromAll().whenever({})"), "InvalidArgument/: bad.js:1:"},
		{"Create", of("bad2", "fromAll("), "InvalidArgument/: bad2.js:1:9"},
		{"Create", of(" ", counts), "InvalidArgument/"},
		{"Create", tracking, "Unimplemented/"},
		{"Create", &projections.CreateReq{}, "InvalidArgument/"},
		{"Create", &projections.CreateReq{Options: &projections.CreateReq_Options{
			Mode: &projections.CreateReq_Options_Transient_{}}}, "InvalidArgument/"},
		{"Update", &projections.UpdateReq{}, "InvalidArgument/"},
		{"Update", update, "InvalidArgument/: there.js:1:6"},
		{"Delete", emitted, "Unimplemented/"},
		{"Delete", running, "FailedPrecondition/projection-runs"},
		{"Delete", &projections.DeleteReq{}, "NotFound/projection-not-found"},
		{"Enable", &projections.EnableReq{}, "NotFound/projection-not-found"},
		{"Disable", &projections.DisableReq{}, "NotFound/projection-not-found"},
		{"Reset", &projections.ResetReq{}, "NotFound/projection-not-found"},
		{"State", &projections.StateReq{}, "NotFound/projection-not-found"},
		{"Result", &projections.ResultReq{}, "NotFound/projection-not-found"},
		{"Create", of("$by_category", counts), "FailedPrecondition/system-projection"},
		{"Disable", &projections.DisableReq{Options: &projections.DisableReq_Options{Name: "$by_category"}},
			"FailedPrecondition/system-projection: System projection '$by_category' cannot be changed: the server"},
		{"Enable", &projections.EnableReq{Options: &projections.EnableReq_Options{Name: "$by_correlation_id"}},
			"FailedPrecondition/system-projection: System projection '$by_correlation_id' cannot be changed: this"},
		{"Enable", &projections.EnableReq{Options: &projections.EnableReq_Options{Name: "$streams"}}, "OK/"},
	} {
		var trailer grpcmeta.MD
		err := s.conn.Invoke(s.ctx, "/event_store.client.projections.Projections/"+row.call, row.req,
			&shared.Empty{}, grpc.Trailer(&trailer))
		got := status.Code(err).String() + "/" + strings.Join(trailer.Get(exceptionKey), ",") + ": " +
			status.Convert(err).Message()
		if !strings.HasPrefix(got, row.want) {
			t.Errorf("%s %v: got %s, want %s", row.call, row.req, got, row.want)
		}
	}
	name := &projections.StatisticsReq_Options_Name{Name: "none"}
	call, err := s.stub.Statistics(s.ctx, &projections.StatisticsReq{
		Options: &projections.StatisticsReq_Options{Mode: name}})
	s.fine(err)
	if _, err := call.Recv(); status.Code(err) != codes.NotFound {
		t.Errorf("statistics: got %v, want not found", err)
	}
}

// Who is no analyst may look and change nothing; in plain text nobody is asked.
func TestProjectionPermissions(t *testing.T) {
	kept := newReplays(storetest.NewMemory())
	config, _ := certificate(t)
	n := serve(t, Options{
		Store: kept.store.(*storetest.Memory), Projections: kept, TLS: config,
		Users:   map[string]string{"anna": "a", "till": "t"},
		Analyst: func(user string) bool { return user == "anna" },
	})
	anna := esdb.NewProjectionClientFromExistingClient(
		n.connect(t, "esdb://anna:a@%s?tlsverifycert=false"))
	till := esdb.NewProjectionClientFromExistingClient(
		n.connect(t, "esdb://till:t@%s?tlsverifycert=false"))
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := anna.Create(ctx, "p", counts, esdb.CreateProjectionOptions{}); err != nil {
		t.Fatal(err)
	}
	if kept.last != "anna" {
		t.Errorf("who created it: got %q, want anna", kept.last)
	}
	for name, err := range map[string]error{
		"create":  till.Create(ctx, "q", counts, esdb.CreateProjectionOptions{}),
		"update":  till.Update(ctx, "p", byFor, esdb.UpdateProjectionOptions{}),
		"delete":  till.Delete(ctx, "p", esdb.DeleteProjectionOptions{}),
		"enable":  till.Enable(ctx, "p", plain),
		"disable": till.Disable(ctx, "p", plain),
		"abort":   till.Abort(ctx, "p", plain),
		"reset":   till.Reset(ctx, "p", esdb.ResetProjectionOptions{}),
		"restart": till.RestartSubsystem(ctx, plain),
	} {
		if status.Code(err) != codes.PermissionDenied {
			t.Errorf("%s: got %v, want permission denied", name, err)
		}
	}
	if _, err := till.GetState(ctx, "p", esdb.GetStateProjectionOptions{}); err != nil {
		t.Errorf("state: got %v, want no error", err)
	}
	all, err := till.ListAll(ctx, plain)
	if err != nil || len(all) != 1+len(systemProjections) || all[len(all)-1].Version != 0 {
		t.Errorf("list: got %v, %v, want p as it was", all, err)
	}
	stranger := esdb.NewProjectionClientFromExistingClient(n.connect(t, "esdb://%s?tlsverifycert=false"))
	if _, err := stranger.ListAll(ctx, plain); !failsBy(err, esdb.ErrorCodeAccessDenied) {
		t.Errorf("list by a stranger: got %v, want access denied", err)
	}

	s := openStudy(t)
	header := "Basic " + base64.StdEncoding.EncodeToString([]byte("till:t"))
	s.ctx = grpcmeta.AppendToOutgoingContext(s.ctx, "authorization", header)
	s.create("p", counts)
	if s.kept.last != "anonymous" {
		t.Errorf("who created it in plain text: got %q, want anonymous", s.kept.last)
	}
}

// Where there are no projections clients learn that there are none.
func TestNoProjections(t *testing.T) {
	h := openHouse(t, storetest.NewMemory())
	client := esdb.NewProjectionClientFromExistingClient(h.client)
	if err := client.Enable(h.ctx, "p", plain); status.Code(err) != codes.Unimplemented {
		t.Errorf("got %v, want unimplemented", err)
	}
}

// Clients find every call among those that are supported.
func TestProjectionFeatures(t *testing.T) {
	s := openStudy(t)
	supported, err := featuresService{Server: s.server}.GetSupportedMethods(s.ctx, nil)
	s.fine(err)
	var got []string
	for _, m := range supported.GetMethods() {
		if m.GetServiceName() == "event_store.client.projections.projections" {
			got = append(got, m.GetMethodName())
		}
	}
	want := "create delete disable enable reset restartsubsystem result state statistics update"
	if strings.Join(got, " ") != want {
		t.Errorf("got %v, want %s", got, want)
	}
}

// A document is told as it is, but for digits that no double has; one that is too large is not.
func TestValueOf(t *testing.T) {
	for document, want := range map[string]string{
		``:                                `{}`,
		`null`:                            `null`,
		`{"a":[1,-2.5,"x",true,null,{}]}`: `{"a":[1,-2.5,"x",true,null,{}]}`,
		`"\ud800"`:                        `"�"`,
		`9007199254740993`:                `9007199254740992`,
		`[[],{"":0}]`:                     `[[],{"":0}]`,
	} {
		value, err := valueOf([]byte(document))
		text, _ := protojson.Marshal(value)
		if got := strings.ReplaceAll(string(text), " ", ""); err != nil || got != want {
			t.Errorf("%s: got %s, %v, want %s", document, got, err, want)
		}
	}
	if value, err := valueOf([]byte(`1e999`)); err != nil || !math.IsInf(value.GetNumberValue(), 1) {
		t.Errorf("1e999: got %v, %v, want infinity", value, err)
	}
	for _, document := range []string{"{", "[1,]x", "1 2", `{"a"}`, "nul"} {
		if _, err := valueOf([]byte(document)); err == nil {
			t.Errorf("%s: got no error, want one", document)
		}
	}
	many := "[" + strings.Repeat("1,", valuesMost-2) + "1]"
	if _, err := valueOf([]byte(many)); err != nil {
		t.Errorf("%d values: got %v, want no error", valuesMost, err)
	}
	if _, err := valueOf([]byte("[1," + many[1:])); !errors.Is(err, errTooMany) {
		t.Errorf("one value more: got %v, want %v", err, errTooMany)
	}
}
