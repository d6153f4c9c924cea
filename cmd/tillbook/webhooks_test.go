package main

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tillbook/tillbook/domain"
)

// receiver keeps which events it was sent, and under which sequences.
type receiver struct {
	*httptest.Server
	mu        sync.Mutex
	requests  int
	sequences map[string]map[int]bool // by webhook-id
	arrived   chan struct{}           // one for each request, as far as there is room
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{sequences: map[string]map[int]bool{}, arrived: make(chan struct{}, 1000)}
	r.Server = httptest.NewServer(http.HandlerFunc(r.receive))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) receive(_ http.ResponseWriter, req *http.Request) {
	if _, err := io.Copy(io.Discard, req.Body); err != nil {
		return // cut off: not received
	}
	id := req.Header.Get("webhook-id")
	n, _ := strconv.Atoi(req.Header.Get("Tillbook-Sequence"))
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests++
	if r.sequences[id] == nil {
		r.sequences[id] = map[int]bool{}
	}
	r.sequences[id][n] = true
	select {
	case r.arrived <- struct{}{}:
	default:
	}
}

// got are the requests and the sequences under which an event came.
func (r *receiver) got(id string) (requests int, sequences []int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.requests, slices.Sorted(maps.Keys(r.sequences[id]))
}

func (r *receiver) has(events []string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, id := range events {
		if r.sequences[id] == nil {
			return false
		}
	}
	return true
}

// TestWebhooksKilled kills the service, several times, while it sends events. Whatever was committed
// arrives at least once, under one id and one sequence, which follow the log; a rebuild of the read
// models sends nothing.
func TestWebhooksKilled(t *testing.T) {
	t.Run("embedded", func(t *testing.T) { killWhileSending(t) })
	t.Run("esdb", func(t *testing.T) {
		_, address := startStandIn(t, t.TempDir())
		killWhileSending(t, "--eventstore", address)
	})
}

func killWhileSending(t *testing.T, store ...string) {
	r := newReceiver(t)
	data := t.TempDir()
	for round := range 4 {
		c := sendingService(t, data, store...)
		if round == 0 {
			status, body, err := post(c, "/v1/webhooks", "hook", fmt.Sprintf(`{"url":%q}`, r.URL))
			if status != http.StatusCreated {
				t.Fatalf("register: got %d %s, %v", status, body, err)
			}
			openAccounts(t, c)
		}
		debitWhileSending(t, c, r, round)
		c.kill()
	}
	c := sendingService(t, data, store...)
	events := committed(t, c, marked(t, c, "last"))
	arrive(t, r, events)
	sent := 0
	for i, id := range events {
		var got []int
		if sent, got = r.got(id); !slices.Equal(got, []int{i + 1}) {
			t.Fatalf("event %d: got sequences %v, want %d", i, got, i+1)
		}
	}
	t.Logf("%d requests for %d events", sent, len(events))
	rebuildAll(t, c)
	events = committed(t, c, marked(t, c, "after"))
	arrive(t, r, events)
	n, got := r.got(events[len(events)-1])
	if n != sent+1 || !slices.Equal(got, []int{len(events)}) {
		t.Errorf("got %d requests after the rebuild, want 1; sequences %v", n-sent, got)
	}
	if err := c.stop(); err != nil {
		t.Fatalf("stop: %v", err)
	}
	check := exec.Command(os.Args[0], append([]string{"check", "--data", data}, store...)...)
	check.Env = append(os.Environ(), asMain+"=1")
	if out, err := check.CombinedOutput(); err != nil {
		t.Errorf("check: %v\n%s", err, out)
	}
}

func sendingService(t *testing.T, data string, store ...string) *process {
	t.Helper()
	c, err := startProcess(append([]string{"serve", "--listen", "127.0.0.1:0", "--data", data,
		"--log-level", "error", "--webhook-private=true"}, store...), "TILLBOOK_ADMIN_KEY="+testAdminKey,
		masterKeyVariable+"="+base64.StdEncoding.EncodeToString(make([]byte, 32)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.kill)
	return c
}

// debitWhileSending debits until some events more have arrived.
func debitWhileSending(t *testing.T, c *process, r *receiver, round int) {
	t.Helper()
	enough := make(chan struct{})
	var wait sync.WaitGroup
	for caller := range 4 {
		wait.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-enough:
					return
				default:
				}
				d := &debited{account: i % killAccounts, key: fmt.Sprintf("w%d-%d-%d", round, caller, i)}
				if err := d.ask(c); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for range 60 + 20*round {
		<-r.arrived
	}
	close(enough)
	wait.Wait()
}

// marked posts a debit and is its position.
func marked(t *testing.T, c *process, key string) string {
	t.Helper()
	path := fmt.Sprintf("%s/v1/accounts/%s/debits", c.url, domain.AccountID("K-0"))
	body := strings.NewReader(`{"amount":{"amount":"0.01","unit":"CNY"}}`)
	req, err := http.NewRequest(http.MethodPost, path, body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+testAdminKey)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", key)
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusCreated {
		t.Fatalf("got %d", answer.StatusCode)
	}
	return answer.Header.Get("Tillbook-Position")
}

// committed are the ids of the events that a webhook of everything gets, in the log's order, as the
// live feed tells them.
func committed(t *testing.T, c *process, last string) []string {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, c.url+"/v1/events?from_position=0", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+testAdminKey)
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	lines := bufio.NewScanner(answer.Body)
	lines.Buffer(nil, 1<<20)
	var ids []string
	hooked := false
	for lines.Scan() {
		text, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue
		}
		var e struct {
			Position, Stream string
			Metadata         struct {
				EventID string `json:"event_id"`
			}
		}
		if err := json.Unmarshal([]byte(text), &e); err != nil {
			t.Fatal(err)
		}
		switch {
		case strings.HasPrefix(e.Stream, "webhook-"):
			hooked = true
		case hooked && !strings.HasPrefix(e.Stream, "key-"):
			ids = append(ids, e.Metadata.EventID)
		}
		if e.Position == last {
			return ids
		}
	}
	t.Fatalf("the feed ended before %s: %v", last, lines.Err())
	return nil
}

// arrive waits until all of the events have.
func arrive(t *testing.T, r *receiver, events []string) {
	t.Helper()
	late := time.After(60 * time.Second)
	for !r.has(events) {
		select {
		case <-r.arrived:
		case <-late:
			t.Fatalf("got %d of %d events", len(r.sequences), len(events))
		}
	}
}

// rebuildAll rebuilds the read models and waits until the new ones serve.
func rebuildAll(t *testing.T, c *process) {
	t.Helper()
	status, body, err := post(c, "/v1/projections/all/rebuild", "", "")
	if status != http.StatusAccepted {
		t.Fatalf("rebuild: got %d %s, %v", status, body, err)
	}
	for range time.Tick(5 * time.Millisecond) {
		_, body, err = send(http.MethodGet, c.url+"/v1/projections", "", "")
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(body), `"rebuilding":true`) {
			return
		}
	}
}
