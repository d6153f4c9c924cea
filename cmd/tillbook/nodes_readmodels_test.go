package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/tillbook/tillbook/projections/placetest"
)

// TestNodesOnPostgres has two services on one log share the read models of a PostgreSQL database: the lead
// goes from one to the other when the one stops, and back when the other is killed while all debit; a
// rebuild of one serves both; the database goes away and comes back. In the end the tables hold what the
// log does.
func TestNodesOnPostgres(t *testing.T) {
	server := placetest.NewServer(t)
	t.Setenv(envName("readmodels"), server.URL)
	f := newFleet(t, 2)
	if err := f.nodes[0].stop(); err != nil { // it led, being the first
		t.Fatal(err)
	}
	f.nodes[0] = f.start(f.data[0])
	f.fill()
	debits := f.hammer() // which kills the one that leads now
	f.settle(debits)
	f.nodes[1] = f.start(f.data[1])
	f.listed()

	f.verb("projections", "rebuild", "--data", f.data[1])
	f.listed()
	f.serves(server, 2)

	server.Stop()
	for n, c := range f.nodes {
		status, body, err := send(http.MethodGet, c.url+"/v1/accounts", "", "")
		if err != nil || status != http.StatusServiceUnavailable {
			t.Errorf("node %d without its database: got %d %s, %v, want 503", n, status, body, err)
		}
	}
	if status, body, err := post(f.nodes[0], "/v1/accounts", "alone", `{"customer_ref":"A-1"}`); err != nil ||
		status != http.StatusCreated {
		t.Errorf("a post without the database: got %d %s, %v, want 201", status, body, err)
	}
	server.Start()
	f.listed()
	if out := f.verb("check", "--data", f.data[0], "--eventstore", f.log); !regexp.MustCompile(
		`compared up to position \d+: no differences`).MatchString(out) {
		t.Errorf("check: got %s, want that all was compared", out)
	}
	f.nodes[1].kill() // prove starts it again
	f.prove(debits)
	f.serves(server, 2)
}

// listed waits until each node's lists show what is posted now.
func (f *fleet) listed() {
	f.Helper()
	for n, c := range f.nodes {
		f.settled(n, func() (int, []byte, error) {
			return send(http.MethodGet, c.url+"/v1/projections", "", "")
		}, func(body []byte) {
			head := regexp.MustCompile(`"head":"(\d+)"`).FindSubmatch(body)
			if head == nil {
				f.Fatalf("node %d: no head in %s", n, body)
			}
			f.settled(n, func() (int, []byte, error) {
				return send(http.MethodGet, fmt.Sprintf("%s/v1/accounts?max_wait=20s&min_position=%s", c.url,
					head[1]), "", "")
			}, func([]byte) {})
		})
	}
}

// settled asks a node until it answers with something else than 503, and tells the answer.
func (f *fleet) settled(n int, ask func() (int, []byte, error), then func(body []byte)) {
	f.Helper()
	for tries := 0; ; tries++ {
		status, body, err := ask()
		if status == http.StatusOK {
			then(body)
			return
		}
		if status != http.StatusServiceUnavailable || tries == 200 {
			f.Fatalf("node %d: got %d %s, %v, want 200", n, status, body, err)
		}
	}
}

// verb runs a verb of the binary, and answers what it printed.
func (f *fleet) verb(args ...string) string {
	f.Helper()
	c := exec.Command(os.Args[0], args...)
	c.Env = append(os.Environ(), asMain+"=1")
	out, err := c.CombinedOutput()
	if err != nil {
		f.Fatalf("%s: %v\n%s", args[0], err, out)
	}
	return string(out)
}

// serves waits until one generation of the tables is left: as soon as every node has adopted it.
func (f *fleet) serves(server *placetest.Server, generation int) {
	f.Helper()
	conn, err := pgx.Connect(context.Background(), server.URL)
	if err != nil {
		f.Fatal(err)
	}
	defer conn.Close(context.Background())
	var names string
	for range 200 {
		err := conn.QueryRow(context.Background(), `SELECT coalesce(string_agg(nspname, ' '), ''), pg_sleep(0.05)::text
			FROM pg_namespace WHERE nspname LIKE 'readmodels%'`).Scan(&names, nil)
		if err != nil {
			f.Fatal(err)
		}
		if regexp.MustCompile(fmt.Sprintf(`^readmodels_\w+_%04d$`, generation)).MatchString(names) {
			return
		}
	}
	f.Errorf("got tables %s, want the generation %d alone", names, generation)
}
