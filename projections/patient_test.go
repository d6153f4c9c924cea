package projections

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/projections/placetest"
)

// TestPatient: models whose database is away at the start say so, tell the log why but not the password,
// and are there when the database is.
func TestPatient(t *testing.T) {
	relay, store := placetest.NewRelay(t), memory(t)
	busyShop(t, store)
	log := &lines{}
	options := Options{Log: slog.New(slog.NewTextHandler(log, nil))}
	if _, err := Open(t.Context(), relay.URL, store, options); err == nil {
		t.Error("got models without a database, want an error of who is not patient")
	}
	options.Patient = true
	m := inTime(t, relay.URL, store, options)
	if err := m.Opened(); err != ErrAway {
		t.Errorf("got %v, want ErrAway", err)
	}
	if _, err := m.Accounts(t.Context(), AccountFilter{}, Paging{}); !errors.Is(err, ErrAway) {
		t.Errorf("a list: got %v, want ErrAway", err)
	}
	if err := m.Rebuild(t.Context(), nil); !errors.Is(err, ErrAway) {
		t.Errorf("a rebuild: got %v, want ErrAway", err)
	}
	relay.Start()
	wait(t, m)
	if err := m.Opened(); err != nil {
		t.Errorf("got %v, want it opened", err)
	}
	clean(t, m)
	said := log.String()
	if !strings.Contains(said, "connection refused") || strings.Contains(said, placetest.RelayPassword) {
		t.Errorf("got the log %s, want why, without the password", said)
	}
}

// TestPatientOfFaults: a database that does not exist is waited for, an address that is none is not; who
// closes the models does not wait.
func TestPatientOfFaults(t *testing.T) {
	place, log := placetest.Postgres(t), &lines{}
	options := Options{Log: slog.New(slog.NewTextHandler(log, nil)), Patient: true}
	m := inTime(t, strings.Replace(place, "/test_", "/none_", 1), memory(t), options)
	if err := m.Opened(); err != ErrAway {
		t.Errorf("got %v, want ErrAway", err)
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	if said := log.String(); !strings.Contains(said, "does not exist") {
		t.Errorf("got the log %s, want that the database does not exist", said)
	}
	if _, err := Open(t.Context(), "postgres://host:port/", nil, options); err == nil {
		t.Error("got models at no address")
	}
}

// inTime opens models and does not wait for anything.
func inTime(t *testing.T, place string, store eventstore.Store, options Options) *Models {
	t.Helper()
	m, err := Open(t.Context(), place, store, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

// lines is a log that may be read while it is written.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
