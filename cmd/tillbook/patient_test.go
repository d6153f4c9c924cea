package main

import (
	"bytes"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/tillbook/tillbook/projections/placetest"
)

// TestStartWithoutReadModels starts a service while PostgreSQL is away: it posts and answers what needs no
// list, says what is missing, and serves all as soon as the database is there.
func TestStartWithoutReadModels(t *testing.T) {
	relay := placetest.NewRelay(t)
	t.Setenv(envName("readmodels"), relay.URL)
	c := killableService(t, t.TempDir())
	openAccounts(t, c)
	ask := func(path string) (int, string) {
		status, body, err := send(http.MethodGet, c.url+path, "", "")
		if err != nil {
			t.Fatal(err)
		}
		return status, string(body)
	}
	for _, path := range []string{"/readyz", "/v1/accounts", "/v1/projections"} {
		if status, body := ask(path); status != http.StatusServiceUnavailable ||
			!strings.Contains(body, `"detail":"the read models' database is away"`) {
			t.Errorf("%s without the database: got %d %s, want 503 and why", path, status, body)
		}
	}
	for _, path := range []string{"/livez", "/v1/accounts?customer_ref=K-0"} {
		if status, body := ask(path); status != http.StatusOK {
			t.Errorf("%s without the database: got %d %s, want 200", path, status, body)
		}
	}
	verb := exec.Command(os.Args[0], "sql", "SELECT 1", "--data", t.TempDir())
	verb.Env = append(os.Environ(), asMain+"=1")
	if out, err := verb.CombinedOutput(); err == nil || !bytes.Contains(out, []byte("connection refused")) ||
		bytes.Contains(out, []byte(placetest.RelayPassword)) {
		t.Errorf("tillbook sql without the database: got %s, %v, want why it fails", out, err)
	}
	relay.Start()
	for _, path := range []string{"/v1/accounts?min_position=4&max_wait=20s", "/readyz", "/v1/projections"} {
		if status, body := ask(path); status != http.StatusOK {
			t.Errorf("%s in the end: got %d %s, want 200", path, status, body)
		}
	}
}
