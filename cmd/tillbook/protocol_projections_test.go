package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	official "github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/projections"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/tillbook/tillbook/domain"
)

// analystsTools are an official client at a service's projections, and the bare protocol for what it
// cannot say.
type analystsTools struct {
	*testing.T
	ctx     context.Context
	service *process
	client  *official.ProjectionClient
	stub    projections.ProjectionsClient
}

func openTools(t *testing.T, c *process) *analystsTools {
	t.Helper()
	address := string(regexp.MustCompile(`esdb://\S+`).Find(c.output))
	config, err := official.ParseConnectionString(address)
	if err != nil {
		t.Fatal(err)
	}
	config.Logger = official.NoopLogging()
	client, err := official.NewProjectionClient(config)
	if err != nil {
		t.Fatal(err)
	}
	host, _, _ := strings.Cut(strings.TrimPrefix(address, "esdb://"), "?")
	conn, err := grpc.NewClient(host, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(func() {
		_, _ = client.Close(), conn.Close()
		cancel()
	})
	return &analystsTools{t, ctx, c, client, projections.NewProjectionsClient(conn)}
}

var asIs = official.GenericProjectionOptions{}

func (a *analystsTools) fine(err error) {
	a.Helper()
	if err != nil {
		a.Fatalf("got %v, want no error", err)
	}
}

func (a *analystsTools) refused(what string, err error, want codes.Code, message string) {
	a.Helper()
	if s := status.Convert(err); s.Code() != want || !strings.Contains(s.Message(), message) {
		a.Errorf("%s: got %v, want %s with %q", what, err, want, message)
	}
}

// status asks until a projection is in a state and has handled its events.
func (a *analystsTools) status(name, state string, events int64) *official.ProjectionStatus {
	a.Helper()
	for {
		got, err := a.client.GetStatus(a.ctx, name, asIs)
		a.fine(err)
		if got.Status == state && got.EventsProcessedAfterRestart == events {
			return got
		}
		if a.ctx.Err() != nil {
			a.Fatalf("%s: got %+v, want %s after %d events", name, got, state, events)
		}
	}
}

func (a *analystsTools) state(name, partition, want string) {
	a.Helper()
	got, err := a.client.GetState(a.ctx, name, official.GetStateProjectionOptions{Partition: partition})
	a.is(got, err, want)
}

func (a *analystsTools) result(name, partition, want string) {
	a.Helper()
	got, err := a.client.GetResult(a.ctx, name, official.GetResultProjectionOptions{Partition: partition})
	a.is(got, err, want)
}

func (a *analystsTools) is(got *structpb.Value, err error, want string) {
	a.Helper()
	a.fine(err)
	text, _ := protojson.Marshal(got)
	if plain := strings.ReplaceAll(string(text), " ", ""); plain != want {
		a.Errorf("got %s, want %s", plain, want)
	}
}

// list are the names of the projections of a mode, without those that the server always runs.
func (a *analystsTools) list(o *projections.StatisticsReq_Options) (names []string) {
	a.Helper()
	call, err := a.stub.Statistics(a.ctx, &projections.StatisticsReq{Options: o})
	a.fine(err)
	for {
		answer, err := call.Recv()
		if errors.Is(err, io.EOF) {
			return names
		}
		a.fine(err)
		if name := answer.GetDetails().GetName(); !strings.HasPrefix(name, "$") {
			names = append(names, name)
		}
	}
}

const (
	filled = `fromCategory("account").when({$init: () => ({n: 0}), TopUpPosted: (s) => { s.n++ }}).outputState()`
	spent  = `fromCategory("account").foreachStream().when({$init: () => ({spent: 0}),
	  DebitPosted: (s, e) => { s.spent += Number(e.body.amount.amount) }})
	  .transformBy((s) => ({cents: Math.round(s.spent * 100)})).outputState()`
	tells = `fromCategory("account").when({TopUpPosted: (s, e) => {
	  emit("analytics-filled", "Filled", {of: e.streamId}); linkTo("$projections-tells-all", e) }})`
)

// TestClientsManageProjections has the official client at a ledger's projections: what it makes are the
// projections of REST, and outlive a restart.
func TestClientsManageProjections(t *testing.T) {
	data := t.TempDir()
	c := killableService(t, data, "--esdb-listen", "127.0.0.1:0")
	openAccounts(t, c)
	a := openTools(t, c)
	a.fine(a.client.Create(a.ctx, "filled", filled, official.CreateProjectionOptions{}))
	a.status("filled", "Running", killAccounts)
	a.state("filled", "", fmt.Sprintf(`{"n":%d}`, killAccounts))
	a.refused("create again", a.client.Create(a.ctx, "filled", filled, official.CreateProjectionOptions{}),
		codes.AlreadyExists, "filled")
	a.refused("delete a running one", a.client.Delete(a.ctx, "filled", official.DeleteProjectionOptions{}),
		codes.FailedPrecondition, "stopped")
	a.refused("create what does not compile",
		a.client.Create(a.ctx, "bad", "fromAll(", official.CreateProjectionOptions{}),
		codes.InvalidArgument, "bad.js:1:9")
	a.refused("create under a read model's name",
		a.client.Create(a.ctx, "balances", filled, official.CreateProjectionOptions{}),
		codes.InvalidArgument, "read model")
	a.refused("enable what is not there", a.client.Enable(a.ctx, "none", asIs), codes.NotFound, "none")

	a.fine(a.client.Disable(a.ctx, "filled", asIs))
	if got := a.status("filled", "Stopped", killAccounts); got.LastCheckpoint != got.Position || got.Version != 0 {
		t.Errorf("stopped: got %+v, want its checkpoint where it stands, and version 0", got)
	}
	a.fine(a.client.Update(a.ctx, "filled", spent, official.UpdateProjectionOptions{}))
	a.fine(a.client.Enable(a.ctx, "filled", asIs))
	a.fine(a.client.Reset(a.ctx, "filled", official.ResetProjectionOptions{}))
	account := a.debit("K-0")
	a.status("filled", "Running", 1)
	a.result("filled", account, `{"cents":7}`)
	a.state("filled", "account-none", `{}`)

	a.fine(c.stop())
	c = killableService(t, data, "--esdb-listen", "127.0.0.1:0")
	a = openTools(t, c)
	a.status("filled", "Running", 0) // what it had handled before is no more than its state
	a.result("filled", account, `{"cents":7}`)
	if got, err := a.client.GetStatus(a.ctx, "filled", asIs); err != nil || got.Version != 1 {
		t.Errorf("version after an update: got %+v, %v, want 1", got, err)
	}
	a.fine(a.client.Abort(a.ctx, "filled", asIs))
	a.fine(a.client.Delete(a.ctx, "filled", official.DeleteProjectionOptions{}))
	_, err := a.client.GetState(a.ctx, "filled", official.GetStateProjectionOptions{})
	a.refused("state of a deleted one", err, codes.NotFound, "filled")
}

// debit takes 0.07 from an account, and answers its stream.
func (a *analystsTools) debit(ref string) string {
	a.Helper()
	stream := domain.AccountStream(domain.AccountID(ref))
	path := "/v1/accounts/" + strings.TrimPrefix(stream, "account-") + "/debits"
	code, answer, err := post(a.service, path, uuid.NewString(), `{"amount":{"amount":"0.07","unit":"CNY"}}`)
	if err != nil || code != http.StatusCreated {
		a.Fatalf("debit of %s: got %d %s, %v, want 201", ref, code, answer, err)
	}
	return stream
}

// TestPassingProjections are those that are gone with the service: a one-time one stops at the head, and
// goes on to the new one when it is enabled.
func TestPassingProjections(t *testing.T) {
	data := t.TempDir()
	c := killableService(t, data, "--esdb-listen", "127.0.0.1:0")
	openAccounts(t, c)
	a := openTools(t, c)
	transient := &projections.CreateReq_Options_Transient_{
		Transient: &projections.CreateReq_Options_Transient{Name: "while"}}
	create := func(o *projections.CreateReq_Options) error {
		_, err := a.stub.Create(a.ctx, &projections.CreateReq{Options: o})
		return err
	}
	a.fine(create(&projections.CreateReq_Options{Query: filled, Mode: transient}))
	a.refused("create again", create(&projections.CreateReq_Options{Query: filled, Mode: transient}),
		codes.AlreadyExists, "while")
	a.refused("create a continuous one of its name",
		a.client.Create(a.ctx, "while", filled, official.CreateProjectionOptions{}), codes.AlreadyExists, "while")
	a.refused("what does not compile", create(&projections.CreateReq_Options{Query: "x(", Mode: transient}),
		codes.InvalidArgument, "while.js:1")
	oneTime := &projections.CreateReq_Options_OneTime{OneTime: &shared.Empty{}}
	counts := `fromCategory("account").when({$init: () => ({n: 0}), DebitPosted: (s) => { s.n++ }})`
	a.debit("K-0")
	a.fine(create(&projections.CreateReq_Options{Query: counts, Mode: oneTime}))

	once := a.list(&projections.StatisticsReq_Options{Mode: &projections.StatisticsReq_Options_OneTime{}})
	if len(once) != 1 {
		t.Fatalf("one-time projections: got %v, want one", once)
	}
	a.status(once[0], "Completed", 1)
	a.debit("K-0")
	a.status("while", "Running", killAccounts)
	a.state("while", "", fmt.Sprintf(`{"n":%d}`, killAccounts))
	a.state(once[0], "", `{"n":1}`)
	a.fine(a.client.Enable(a.ctx, once[0], asIs))
	a.status(once[0], "Completed", 2)
	a.fine(a.client.Reset(a.ctx, "while", official.ResetProjectionOptions{}))
	a.status("while", "Running", killAccounts)
	a.fine(a.client.Update(a.ctx, "while", counts, official.UpdateProjectionOptions{}))
	if got := a.status("while", "Running", 2); got.Version != 1 || got.Mode != "Transient" {
		t.Errorf("updated: got %+v, want version 1, transient", got)
	}
	a.fine(a.client.Disable(a.ctx, "while", asIs))
	a.status("while", "Stopped", 2)
	a.fine(a.client.Delete(a.ctx, "while", official.DeleteProjectionOptions{}))
	a.fine(create(&projections.CreateReq_Options{Query: filled, Mode: transient}))
	a.status("while", "Running", killAccounts)

	a.fine(a.client.RestartSubsystem(a.ctx, asIs))
	if got := a.list(&projections.StatisticsReq_Options{}); len(got) != 0 {
		t.Errorf("after a restart of the subsystem: got %v, want none", got)
	}
	a.fine(create(&projections.CreateReq_Options{Query: filled, Mode: transient}))
	a.fine(c.stop())
	c = killableService(t, data, "--esdb-listen", "127.0.0.1:0")
	a = openTools(t, c)
	if got := a.list(&projections.StatisticsReq_Options{}); len(got) != 0 {
		t.Errorf("after a restart of the service: got %v, want none", got)
	}
}

// TestClientsReadWhatIsEmitted: what projections emit clients read and follow by its links, and do not
// write; a fault says where, and goes when the subsystem is restarted after its cause has.
func TestClientsReadWhatIsEmitted(t *testing.T) {
	c := killableService(t, t.TempDir(), "--esdb-listen", "127.0.0.1:0")
	a := openTools(t, c)
	a.fine(a.client.Create(a.ctx, "tells", tells, official.CreateProjectionOptions{Emit: true}))
	a.fine(a.client.Create(a.ctx, "silent", tells, official.CreateProjectionOptions{}))
	openAccounts(t, c)
	a.status("tells", "Running", killAccounts)
	if got := a.status("silent", "Faulted", 0); !strings.Contains(got.StateReason, `handler "TopUpPosted"`) {
		t.Errorf("fault: got %q, want its handler", got.StateReason)
	}
	client := a.client.Client()
	event := official.EventData{EventID: uuid.New(), EventType: "Theirs", ContentType: official.ContentTypeJson}
	for _, stream := range []string{"analytics-filled", "analytics-new", "$projections-tells-all"} {
		_, err := client.AppendToStream(a.ctx, stream, official.AppendToStreamOptions{}, event)
		a.denied(stream, err)
	}
	for len(types(a.ctx, t, client, "$projections-tells-all")) < killAccounts {
		if a.ctx.Err() != nil {
			t.Fatal("links are missing")
		}
	}
	links, err := client.ReadStream(a.ctx, "$projections-tells-all",
		official.ReadStreamOptions{ResolveLinkTos: true}, 1)
	a.fine(err)
	defer links.Close()
	first, err := links.Recv()
	a.fine(err)
	if first.Event == nil || first.Event.EventType != "TopUpPosted" {
		t.Errorf("behind the first link: got %+v, want TopUpPosted", first.Event)
	}
	yes := true
	a.fine(a.client.Update(a.ctx, "silent", tells, official.UpdateProjectionOptions{Emit: &yes}))
	a.fine(a.client.RestartSubsystem(a.ctx, asIs))
}

func (a *analystsTools) denied(stream string, err error) {
	a.Helper()
	known, ok := official.FromError(err)
	if ok || known.Code() != official.ErrorCodeAccessDenied {
		a.Errorf("append to %s: got %v, want access denied", stream, err)
	}
}

// Without names every user is an analyst; a name that no user has is a mistake.
func TestAnalystsAmong(t *testing.T) {
	users := map[string]string{"anna": "a", "bob": "b", "till": "t"}
	if is, err := analystsAmong(users, ""); is != nil || err != nil {
		t.Errorf("no names: got a rule or %v, want neither", err)
	}
	is, err := analystsAmong(users, "anna,bob")
	if err != nil || !is("anna") || !is("bob") || is("till") || is("") {
		t.Errorf("anna,bob: got others or %v", err)
	}
	for _, names := range []string{"nobody", "anna,", "anna, bob"} {
		if _, err := analystsAmong(users, names); err == nil {
			t.Errorf("%q: got no error, want one", names)
		}
	}
}
