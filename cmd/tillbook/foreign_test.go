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
	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/esdb"
)

// TestForeignEvents writes, as others who share an EventStoreDB may, into a ledger's stream and beside
// it. The one account says so and stands still; all others, the read models and check go on.
func TestForeignEvents(t *testing.T) {
	_, address := startStandIn(t, t.TempDir())
	data := t.TempDir()
	c := killableService(t, data, "--eventstore", address)
	openAccounts(t, c)
	store, err := esdb.Open(t.Context(), esdb.Options{Address: address})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	foreign := eventstore.Event{ID: uuid.New(), Type: "Theirs", Data: []byte(`{}`), Metadata: []byte(`{}`)}
	stream := domain.AccountStream(domain.AccountID("K-0"))
	at, err := store.Append(t.Context(), stream, 1, []eventstore.Event{foreign})
	if err == nil {
		foreign.ID = uuid.New()
		_, err = store.Append(t.Context(), "theirs-1", eventstore.NoStream, []eventstore.Event{foreign})
	}
	if err != nil {
		t.Fatal(err)
	}

	body := `{"amount":{"amount":"0.07","unit":"CNY"}}`
	for account, want := range map[string]int{"K-0": 503, "K-1": 201} {
		path := fmt.Sprintf("/v1/accounts/%s/debits", domain.AccountID(account))
		status, answer, err := post(c, path, "k", body)
		if err != nil || status != want {
			t.Errorf("debit of %s: got %d %s, %v, want %d", account, status, answer, err, want)
		}
		if want == 503 && (!strings.Contains(string(answer), `"code":"stream_damaged"`) ||
			!strings.Contains(string(answer), stream)) {
			t.Errorf("debit of %s: got %s, want stream_damaged and %s", account, answer, stream)
		}
	}
	list := fmt.Sprintf("%s/v1/accounts?min_position=%d&max_wait=10s", c.url, at.Position)
	if status, answer, err := send(http.MethodGet, list, "", ""); err != nil || status != 200 {
		t.Errorf("accounts behind the foreign event: got %d %s, %v, want 200", status, answer, err)
	}
	_, metrics, err := send(http.MethodGet, c.url+"/metrics", "", "")
	if err != nil || regexp.MustCompile(`(?m)^tillbook_damaged_total [1-9]`).Find(metrics) == nil {
		t.Errorf("metric tillbook_damaged_total: want at least 1 (%v)", err)
	}
}

// TestProtocolBesideALedger has an official client at a service's own log: the ledger's streams it reads
// and never writes, its own are its own.
func TestProtocolBesideALedger(t *testing.T) {
	c := killableService(t, t.TempDir(), "--esdb-listen", "127.0.0.1:0")
	openAccounts(t, c)
	address := regexp.MustCompile(`esdb://\S+`).Find(c.output)
	config, err := official.ParseConnectionString(string(address))
	if err != nil {
		t.Fatal(err)
	}
	config.Logger = official.NoopLogging()
	theirs, err := official.NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()

	ours := domain.AccountStream(domain.AccountID("K-0"))
	event := official.EventData{EventID: uuid.New(), EventType: "Theirs",
		ContentType: official.ContentTypeJson, Data: []byte(`{}`)}
	writes := map[string]func() error{
		"append": func() error {
			_, err := theirs.AppendToStream(ctx, ours, official.AppendToStreamOptions{}, event)
			return err
		},
		"append to a stream of the catalogue that nobody has written": func() error {
			_, err := theirs.AppendToStream(ctx, "campaign-1", official.AppendToStreamOptions{}, event)
			return err
		},
		"delete": func() error {
			_, err := theirs.DeleteStream(ctx, ours, official.DeleteStreamOptions{})
			return err
		},
		"tombstone": func() error {
			_, err := theirs.TombstoneStream(ctx, ours, official.TombstoneStreamOptions{})
			return err
		},
		"metadata": func() error {
			var m official.StreamMetadata
			m.SetMaxCount(1)
			_, err := theirs.SetStreamMetadata(ctx, ours, official.AppendToStreamOptions{}, m)
			return err
		},
	}
	for name, write := range writes {
		err := write()
		var known *official.Error
		if !errors.As(err, &known) || known.Code() != official.ErrorCodeAccessDenied {
			t.Errorf("%s: got %v, want access denied", name, err)
		}
	}
	if _, err := theirs.AppendToStream(ctx, "theirs-1", official.AppendToStreamOptions{}, event); err != nil {
		t.Errorf("append to a stream of their own: %v", err)
	}
	if got := types(ctx, t, theirs, ours); strings.Join(got, " ") != "AccountOpened TopUpPosted" {
		t.Errorf("stream of the ledger: got %v, want it as the ledger wrote it", got)
	}
	if status, answer, err := post(c, fmt.Sprintf("/v1/accounts/%s/debits", domain.AccountID("K-0")), "k",
		`{"amount":{"amount":"0.07","unit":"CNY"}}`); status != 201 {
		t.Errorf("debit afterwards: got %d %s, %v, want 201", status, answer, err)
	}
}

// types are the types of a stream's events.
func types(ctx context.Context, t *testing.T, c *official.Client, stream string) (all []string) {
	t.Helper()
	events, err := c.ReadStream(ctx, stream, official.ReadStreamOptions{}, 100)
	if err != nil {
		t.Fatal(err)
	}
	defer events.Close()
	for {
		e, err := events.Recv()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e.OriginalEvent().EventType)
	}
}
