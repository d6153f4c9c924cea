package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/embedded"
	"github.com/tillbook/tillbook/eventstore/enginetest"
)

// severed is a log that ends a process at one of its appends to accounts, jobs and customers, before the
// events are stored or after. It is served by EventStoreDB's protocol, so the process is the real one.
type severed struct {
	eventstore.Indexed
	mu     sync.Mutex
	victim *process      // nil: nobody is to end
	left   int           // appends to take before
	stored bool          // the victim's last append is stored
	dead   chan struct{} // closed when the victim has ended
}

var errSevered = errors.New("the client has ended")

func (s *severed) Append(
	ctx context.Context, stream string, expected eventstore.Revision, events []eventstore.Event,
) (eventstore.Appended, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	kind, _, _ := strings.Cut(stream, "-")
	if s.victim == nil || !slices.Contains([]string{"account", "job", "customer"}, kind) {
		return s.Indexed.Append(ctx, stream, expected, events)
	}
	if s.left--; s.left > 0 {
		return s.Indexed.Append(ctx, stream, expected, events)
	}
	victim := s.victim
	s.victim = nil
	if s.stored {
		if _, err := s.Indexed.Append(context.WithoutCancel(ctx), stream, expected, events); err != nil {
			return eventstore.Appended{}, err
		}
	}
	victim.kill()
	close(s.dead)
	return eventstore.Appended{}, errSevered
}

// end has the victim end at its n-th append from now. What it answers is closed then.
func (s *severed) end(victim *process, n int, stored bool) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.victim, s.left, s.stored, s.dead = victim, n, stored, make(chan struct{})
	return s.dead
}

// TestTransferKilled kills the service at every step of a transfer and of a merge. Two others start on
// its log, at once, and bring it to its one end without being asked; then the key gets the answer from
// both, and the books are clean.
func TestTransferKilled(t *testing.T) {
	const transfer = `{"to_customer_ref":"K-1","amount":{"amount":"40.00","unit":"CNY"},"kind":"gift"}`
	for _, row := range []struct {
		name, path, body string
		frozen           bool
		steps            int
		want             [2]string // what both hold once it has begun
	}{
		{"transfer received", "/transfers", transfer, false, 2, [2]string{"60.00", "50.00"}},
		{"transfer returned", "/transfers", transfer, true, 3, [2]string{"100.00", "10.00"}},
		{"merge taken in", "/merge", `{"into_customer_ref":"K-1"}`, false, 2, [2]string{"0.00", "110.00"}},
		{"merge refused", "/merge", `{"into_customer_ref":"K-1"}`, true, 3, [2]string{"100.00", "10.00"}},
	} {
		for n := 1; n <= row.steps; n++ {
			for _, stored := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, append %d stored %t", row.name, n, stored), func(t *testing.T) {
					t.Parallel() // it waits for the resumers, most of the time
					f := newSeveredFleet(t, row.frozen)
					f.log.end(f.start(), n, stored)
					if status, body, err := f.post(0, row.path, row.body); err == nil {
						t.Fatalf("killed, and yet answered %d %s", status, body)
					}
					f.start()
					f.start()
					if n > 1 || stored {
						f.await(row.want)
					}
					f.answered(row.path, row.body, map[bool]int{false: 201, true: 422}[row.frozen])
					f.await(row.want)
					f.clean()
				})
			}
		}
	}
}

// severedFleet is several services on one severed log, of two accounts.
type severedFleet struct {
	*testing.T
	log     *severed
	address string
	nodes   []*process
	data    []string
}

func newSeveredFleet(t *testing.T, frozen bool) *severedFleet {
	t.Helper()
	store, err := embedded.Open(t.TempDir(), embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	f := &severedFleet{T: t, log: &severed{Indexed: store}}
	f.address = enginetest.Serve(t, f.log)
	c := f.start()
	for i, cents := range []string{"100.00", "10.00"} {
		ref := fmt.Sprintf("K-%d", i)
		f.must(c, "/v1/accounts", ref, fmt.Sprintf(`{"customer_ref":%q}`, ref))
		f.must(c, accountPath(i)+"/top-ups", "fill", fmt.Sprintf(
			`{"amount":{"amount":%q,"unit":"CNY"}}`, cents))
	}
	if frozen {
		f.must(c, accountPath(1)+"/freeze", "freeze", `{"modes":["credit"],"reason":"x"}`)
	}
	f.nodes, f.data = nil, nil
	if err := c.stop(); err != nil {
		t.Fatal(err)
	}
	return f
}

func accountPath(i int) string {
	return "/v1/accounts/" + domain.AccountID(fmt.Sprintf("K-%d", i)).String()
}

func (f *severedFleet) start() *process {
	f.Helper()
	return f.startOn(f.TempDir())
}

func (f *severedFleet) startOn(data string) *process {
	f.Helper()
	c, err := startProcess([]string{"serve", "--listen", "127.0.0.1:0", "--data", data, "--eventstore",
		f.address, "--sweep-every", "1s", "--log-level", "error"}, "TILLBOOK_ADMIN_KEY="+testAdminKey,
		masterKeyVariable+"="+testMasterKey)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(c.kill)
	f.nodes, f.data = append(f.nodes, c), append(f.data, data)
	return c
}

func (f *severedFleet) must(c *process, path, key, body string) {
	f.Helper()
	if status, text, err := post(c, path, key, body); err != nil || status >= 300 {
		f.Fatalf("%s: got %d %s, %v", path, status, text, err)
	}
}

func (f *severedFleet) post(node int, path, body string) (int, []byte, error) {
	return post(f.nodes[node], accountPath(0)+path, "k", body)
}

// await waits until the accounts hold what is wanted. Each look waits for the log to grow.
func (f *severedFleet) await(want [2]string) {
	f.Helper()
	var got [2]string
	for range 10 {
		for i := range got {
			got[i] = f.total(i)
		}
		if got == want {
			return
		}
		f.grown(f.nodes[1])
	}
	f.Fatalf("the accounts hold %s, want %s", got, want)
}

func (f *severedFleet) total(i int) string {
	f.Helper()
	status, body, err := send(http.MethodGet, f.nodes[1].url+accountPath(i)+"/balances", "", "")
	if err != nil || status != http.StatusOK {
		f.Fatalf("balances: got %d %s, %v", status, body, err)
	}
	_, rest, _ := bytes.Cut(body, []byte(`"total":"`))
	total, _, _ := bytes.Cut(rest, []byte(`"`))
	return string(total)
}

// answered asks the two that live again for the answer of the key, at once: it is the same.
func (f *severedFleet) answered(path, body string, want int) {
	f.Helper()
	var answers [2][]byte
	var wait sync.WaitGroup
	for i := range answers {
		wait.Go(func() {
			status, text, err := f.post(i+1, path, body)
			if err != nil || status != want && (status != 200 || path != "/merge" || want != 201) {
				f.Errorf("node %d: got %d %s, %v, want %d", i+1, status, text, err, want)
			}
			answers[i] = text
		})
	}
	wait.Wait()
	if !bytes.Equal(answers[0], answers[1]) {
		f.Errorf("one node answers %s, the other %s", answers[0], answers[1])
	}
}

// clean stops the services and checks the log and what they made of it.
func (f *severedFleet) clean() {
	f.Helper()
	for i, c := range f.nodes[1:] {
		if err := c.stop(); err != nil {
			f.Errorf("stop: %v", err)
		}
		check := exec.Command(os.Args[0], "check", "--data", f.data[i+1], "--eventstore", f.address)
		check.Env = append(os.Environ(), asMain+"=1")
		if out, err := check.CombinedOutput(); err != nil {
			f.Errorf("check: %v\n%s", err, out)
		}
	}
}

// TestTransfersSIGKILL kills the service with its own log, several times, while callers send value round
// in a ring; each key gets one answer in the end, and no value is lost or made.
func TestTransfersSIGKILL(t *testing.T) {
	r := &ring{T: t, data: t.TempDir(), answers: map[sending][]byte{}}
	for round := range killRounds {
		c := killableService(t, r.data)
		if round == 0 {
			openAccounts(t, c)
		}
		r.repeat(c)
		r.sendUntilKilled(c, round)
	}
	c := killableService(t, r.data)
	r.repeat(c)
	r.repeat(c)
	r.prove(c)
}

// ring is a service whose accounts send value to the next one each.
type ring struct {
	*testing.T
	data    string
	mu      sync.Mutex
	answers map[sending][]byte // nil: it was not answered
}

// sending is one transfer that a caller means to happen once.
type sending struct {
	from int
	key  string
}

func (r *ring) send(c *process, s sending) ([]byte, error) {
	path := fmt.Sprintf("/v1/accounts/%s/transfers", domain.AccountID(fmt.Sprintf("K-%d", s.from)))
	status, body, err := post(c, path, s.key, fmt.Sprintf(
		`{"to_customer_ref":"K-%d","amount":{"amount":"1.00","unit":"CNY"},"kind":"family"}`,
		(s.from+1)%killAccounts))
	if err == nil && status != http.StatusCreated {
		err = fmt.Errorf("got %d %s", status, body)
	}
	return body, err
}

// repeat sends everything again: what was answered gets its answer, the rest its first.
func (r *ring) repeat(c *process) {
	r.Helper()
	for s, was := range r.answers {
		body, err := r.send(c, s)
		if err != nil || was != nil && !bytes.Equal(body, was) {
			r.Fatalf("repeat of %s: got %s, %v, want %s", s.key, body, err, was)
		}
		r.answers[s] = body
	}
}

// sendUntilKilled has callers send until enough was answered, and kills the service under them.
func (r *ring) sendUntilKilled(c *process, round int) {
	var wait sync.WaitGroup
	var kill sync.Once
	for caller := range killCallers {
		wait.Go(func() {
			for i := 0; ; i++ {
				s := sending{(caller + i) % killAccounts, fmt.Sprintf("%d-%d-%d", round, caller, i)}
				body, err := r.send(c, s)
				r.mu.Lock()
				r.answers[s] = nil
				if err == nil {
					r.answers[s] = body
				}
				enough := len(r.answers) >= killAfter/4*(round+1)
				r.mu.Unlock()
				if enough {
					kill.Do(c.kill)
				}
				if err != nil {
					return // the service is gone
				}
			}
		})
	}
	wait.Wait()
}

// prove compares what the accounts hold with what they sent and got, and checks the folder.
func (r *ring) prove(c *process) {
	r.Helper()
	var cents [killAccounts]int
	for s := range r.answers {
		cents[s.from] -= 100
		cents[(s.from+1)%killAccounts] += 100
	}
	for i, moved := range cents {
		held := 13_000_000 + moved
		want := fmt.Sprintf(`"total":"%d.%02d"`, held/100, held%100)
		status, body, err := send(http.MethodGet, c.url+accountPath(i)+"/balances", "", "")
		if err != nil || status != http.StatusOK || !bytes.Contains(body, []byte(want)) {
			r.Errorf("account %d: got %d %s, %v, want %s", i, status, body, err, want)
		}
	}
	if err := c.stop(); err != nil {
		r.Fatal(err)
	}
	check := exec.Command(os.Args[0], "check", "--data", r.data)
	check.Env = append(os.Environ(), asMain+"=1")
	if out, err := check.CombinedOutput(); err != nil {
		r.Errorf("check: %v\n%s", err, out)
	}
}
