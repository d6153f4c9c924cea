package main

import (
	"bytes"
	"fmt"
	"net/http"
	"regexp"
	"testing"

	"github.com/tillbook/tillbook/projections/placetest"
)

// counted is a projection whose state and whose stream say how many debits there were, and in which order.
const counted = `{"name":"counted","emit":true,"query":"fromAll().when({$init: () => ({n: 0}), ` +
	`DebitPosted(s, e) { s.n++; emit('analytics-counted', 'Counted', {n: s.n, debit: e.body.debit_id}); }})"}`

// TestNodesProject has two services on one log share the checkpoints of a projection that emits. The one that
// runs it is killed while all debit, and comes back. Each debit is counted once and emitted once, in the
// log's order, as by one that was never stopped; and both nodes say so.
func TestNodesProject(t *testing.T) {
	t.Setenv(envName("readmodels"), placetest.Postgres(t))
	f := newFleet(t, 2)
	if err := f.nodes[0].stop(); err != nil { // it led, being the first
		t.Fatal(err)
	}
	f.nodes[0] = f.start(f.data[0])
	f.fill()
	f.settled(0, func() (int, []byte, error) { // on the node that does not run it
		status, body, err := post(f.nodes[0], "/v1/projections", "counted", counted)
		if status == http.StatusCreated {
			status = http.StatusOK
		}
		return status, body, err
	}, func([]byte) {})
	f.elsewhere(0, true)
	f.elsewhere(1, false)
	debits := f.hammer() // which kills the one that runs it
	f.settle(debits)
	f.nodes[1] = f.start(f.data[1])
	f.elsewhere(0, false)
	f.elsewhere(1, true)

	posted := 0
	for _, d := range debits {
		if d.status == http.StatusCreated {
			posted++
		}
	}
	want := fmt.Sprintf(`"state":{"n":%d}`, posted)
	for n := range f.nodes {
		f.current(n, "/v1/projections/counted/state?", want)
	}
	f.emitted(posted)
	f.nodes[1].kill() // prove starts it again
	f.prove(debits)
}

// elsewhere waits until a node says whether another runs the projection.
func (f *fleet) elsewhere(n int, want bool) {
	f.Helper()
	text := fmt.Sprintf(`"elsewhere":%t`, want)
	var body []byte
	for range 50 {
		f.current(n, "/v1/projections/counted/statistics?", "")
		f.settled(n, func() (status int, _ []byte, err error) {
			status, body, err = send(http.MethodGet, f.nodes[n].url+"/v1/projections/counted/statistics", "", "")
			return status, body, err
		}, func([]byte) {})
		if bytes.Contains(body, []byte(text)) {
			return
		}
	}
	f.Errorf("node %d: got %s, want %s", n, body, text)
}

// current waits until a node answers with what the log holds now.
func (f *fleet) current(n int, path, want string) {
	f.Helper()
	store, done, err := location(f.log).open(f.Context(), false)
	if err != nil {
		f.Fatal(err)
	}
	defer done()
	head, err := store.Head(f.Context())
	if err != nil {
		f.Fatal(err)
	}
	f.settled(n, func() (int, []byte, error) {
		return send(http.MethodGet, fmt.Sprintf("%s%smin_position=%d&max_wait=20s", f.nodes[n].url, path, head), "", "")
	}, func(body []byte) {
		if !bytes.Contains(body, []byte(want)) {
			f.Errorf("node %d: got %s, want %s", n, body, want)
		}
	})
}

// emitted compares what the projection has emitted with the debits in the log.
func (f *fleet) emitted(posted int) {
	f.Helper()
	store, done, err := location(f.log).open(f.Context(), false)
	if err != nil {
		f.Fatal(err)
	}
	defer done()
	var want []string
	for e, err := range store.ReadAll(f.Context(), 0, "account-") {
		if err != nil {
			f.Fatal(err)
		}
		if e.Type == "DebitPosted" {
			id := debitID.FindSubmatch(e.Data)
			want = append(want, fmt.Sprintf(`{"n":%d,"debit":"%s"}`, len(want)+1, id[1]))
		}
	}
	n := 0
	for e, err := range store.Read(f.Context(), "analytics-counted", 0) {
		if err != nil {
			f.Fatal(err)
		}
		if n >= len(want) || string(e.Data) != want[n] {
			f.Fatalf("got %s as the %d. emitted of %d", e.Data, n, len(want))
		}
		n++
	}
	if n != posted || n != len(want) {
		f.Errorf("got %d emitted, want %d of %d", n, posted, len(want))
	}
}

var debitID = regexp.MustCompile(`"debit_id":"([0-9a-f-]+)"`)
