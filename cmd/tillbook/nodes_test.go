package main

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
)

// The size of TestNodes: few accounts and little value in each, so that all nodes fight for them and
// the last debits are declined.
const (
	hotAccounts = 3
	hotCallers  = 12  // each sends a key through two nodes at once
	hotDebits   = 120 // of each caller
	hotFill     = 3_000
	hotCents    = 7
)

// TestNodes has several services on one log debit the same accounts at once, kills one of them in the
// middle, and finds the books exact: nothing overdrawn, no key used twice, one answer for each.
func TestNodes(t *testing.T) {
	for _, count := range []int{2, 3} {
		t.Run(fmt.Sprint(count), func(t *testing.T) {
			f := newFleet(t, count)
			f.fill()
			debits := f.hammer()
			f.settle(debits)
			f.prove(debits)
		})
	}
}

// startStandIn starts a log by EventStoreDB's protocol and its address.
func startStandIn(t testing.TB, data string, args ...string) (*process, string) {
	t.Helper()
	all := append([]string{"eventstore", "--listen", "127.0.0.1:0", "--data", data,
		"--log-level", "error"}, args...)
	c, err := startProcess(all)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.kill)
	return c, "esdb://" + strings.TrimPrefix(c.url, "http://") + "?tls=false"
}

// fleet is several services on one log.
type fleet struct {
	*testing.T
	log   string // its address
	nodes []*process
	data  []string
}

func newFleet(t *testing.T, count int) *fleet {
	t.Helper()
	_, address := startStandIn(t, t.TempDir())
	f := &fleet{T: t, log: address}
	for i := range count {
		data := filepath.Join(t.TempDir(), fmt.Sprint("node", i))
		f.data = append(f.data, data)
		f.nodes = append(f.nodes, f.start(data))
	}
	return f
}

func (f *fleet) start(data string) *process {
	f.Helper()
	c, err := startProcess([]string{"serve", "--listen", "127.0.0.1:0", "--data", data,
		"--eventstore", f.log, "--log-level", "error"}, "TILLBOOK_ADMIN_KEY="+testAdminKey)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(c.kill)
	return c
}

func (f *fleet) fill() {
	f.Helper()
	for i := range hotAccounts {
		ref := fmt.Sprintf("K-%d", i)
		if status, body, err := post(f.nodes[0], "/v1/accounts", ref,
			fmt.Sprintf(`{"customer_ref":%q}`, ref)); status != 201 {
			f.Fatalf("open %s: got %d %s, %v", ref, status, body, err)
		}
		path := fmt.Sprintf("/v1/accounts/%s/top-ups", domain.AccountID(ref))
		text := fmt.Sprintf(`{"amount":{"amount":"%d.%02d","unit":"CNY"}}`, hotFill/100, hotFill%100)
		if status, body, err := post(f.nodes[len(f.nodes)-1], path, "fill", text); status != 201 {
			f.Fatalf("fill %s: got %d %s, %v", ref, status, body, err)
		}
	}
}

// contested is a debit that was sent through several nodes.
type contested struct {
	account int
	key     string
	mu      sync.Mutex
	status  int
	answer  []byte // nil until a node answered
}

// ask sends it through a node. An answer for good must be the one that another node gave.
func (d *contested) ask(c *process) error {
	path := fmt.Sprintf("/v1/accounts/%s/debits", domain.AccountID(fmt.Sprintf("K-%d", d.account)))
	text := fmt.Sprintf(`{"amount":{"amount":"0.%02d","unit":"CNY"}}`, hotCents)
	status, body, err := post(c, path, d.key, text)
	if err != nil || status == http.StatusServiceUnavailable {
		return nil // gone, or too busy: the answer is unknown, and asked for again in the end
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if status != http.StatusCreated && !bytes.Contains(body, []byte(`"insufficient_funds"`)) {
		return fmt.Errorf("%s: got %d %s, want 201 or a decline", d.key, status, body)
	}
	if d.answer != nil && (d.status != status || status == 201 && !bytes.Equal(d.answer, body)) {
		return fmt.Errorf("%s: got %d %s, want %d %s", d.key, status, body, d.status, d.answer)
	}
	d.status, d.answer = status, body
	return nil
}

// hammer debits through all nodes at once; when a third of the debits is through, one node is killed.
func (f *fleet) hammer() []*contested {
	f.Helper()
	var all []*contested
	var wait sync.WaitGroup
	var sent atomic.Int64
	for caller := range hotCallers {
		var mine []*contested
		for i := range hotDebits {
			mine = append(mine, &contested{account: (caller + i) % hotAccounts,
				key: fmt.Sprintf("%d-%d", caller, i)})
		}
		all = append(all, mine...)
		wait.Go(func() {
			for i, d := range mine {
				var both sync.WaitGroup
				for n := range 2 {
					both.Go(func() {
						if err := d.ask(f.nodes[(caller+i+n)%len(f.nodes)]); err != nil {
							f.Error(err)
						}
					})
				}
				both.Wait()
				if sent.Add(1) == hotCallers*hotDebits/3 {
					f.nodes[1].kill()
				}
			}
		})
	}
	wait.Wait()
	return all
}

// settle asks a node that is alive for every answer; a debit has one, given before or not.
func (f *fleet) settle(debits []*contested) {
	f.Helper()
	for _, d := range debits {
		for tries := 0; ; tries++ {
			if err := d.ask(f.nodes[0]); err != nil {
				f.Fatal(err)
			}
			if d.answer != nil {
				break
			}
			if tries == 100 {
				f.Fatalf("%s: no answer in %d tries", d.key, tries)
			}
		}
	}
}

// prove compares the balances that every node tells with what was answered, and checks the log.
func (f *fleet) prove(debits []*contested) {
	f.Helper()
	f.nodes[1] = f.start(f.data[1]) // it comes back, and knows what it missed
	left := make([]int, hotAccounts)
	for i := range left {
		left[i] = hotFill
	}
	for _, d := range debits {
		if d.status == http.StatusCreated {
			left[d.account] -= hotCents
		}
	}
	for n, c := range f.nodes {
		for i, cents := range left {
			if cents < 0 || cents >= hotCents {
				f.Errorf("account %d: got %d cents left, want less than a debit's %d", i, cents, hotCents)
			}
			want := fmt.Sprintf(`"total":"%d.%02d"`, cents/100, cents%100)
			path := fmt.Sprintf("%s/v1/accounts/%s/balances", c.url, domain.AccountID(fmt.Sprintf("K-%d", i)))
			status, body, err := send(http.MethodGet, path, "", "")
			if err != nil || status != http.StatusOK || !bytes.Contains(body, []byte(want)) {
				f.Errorf("node %d, account %d: got %d %s, %v, want %s", n, i, status, body, err, want)
			}
		}
	}
	for n, c := range f.nodes {
		if err := c.stop(); err != nil {
			f.Errorf("stop node %d: %v", n, err)
		}
		check := exec.Command(os.Args[0], "check", "--data", f.data[n], "--eventstore", f.log)
		check.Env = append(os.Environ(), asMain+"=1")
		if out, err := check.CombinedOutput(); err != nil {
			f.Errorf("check of node %d: %v\n%s", n, err, out)
		}
	}
}

// TestLogGone takes the log away from a service and gives it back. Meanwhile every answer that needs it
// says so and asks to be sent again; afterwards the same requests are answered.
func TestLogGone(t *testing.T) {
	t.Parallel() // it waits for time limits, most of the time
	data := t.TempDir()
	log, address := startStandIn(t, data)
	c := killableService(t, t.TempDir(), "--eventstore", address)
	openAccounts(t, c)
	path := fmt.Sprintf("/v1/accounts/%s", domain.AccountID("K-0"))
	requests := []struct {
		method, path, body string
		want               int // while the log is there
	}{
		{"POST", path + "/debits", `{"amount":{"amount":"0.07","unit":"CNY"}}`, 201},
		{"GET", path + "/balances", "", 200},
		{"GET", path + "/history", "", 200},
		{"GET", "/v1/units/HAIRCUT", "", 404},
		{"GET", "/readyz", "", 200},
	}
	all := func(check func(i int, status int, body []byte, err error)) {
		var wait sync.WaitGroup
		for i, r := range requests {
			wait.Go(func() {
				status, body, err := send(r.method, c.url+r.path, "gone", r.body)
				check(i, status, body, err)
			})
		}
		wait.Wait()
	}
	log.kill()
	all(func(i, status int, body []byte, err error) {
		if err != nil || status != 503 || !bytes.Contains(body, []byte(`"retryable":true`)) {
			t.Errorf("%s without a log: got %d %s, %v, want 503", requests[i].path, status, body, err)
		}
	})
	startStandIn(t, data, "--listen", strings.TrimPrefix(log.url, "http://"))
	all(func(i, status int, body []byte, err error) {
		for tries := 0; tries < 20 && err == nil && status == 503; tries++ { // each waits for the log
			status, body, err = send(requests[i].method, c.url+requests[i].path, "gone", requests[i].body)
		}
		if err != nil || status != requests[i].want {
			t.Errorf("%s with its log back: got %d %s, %v, want %d", requests[i].path, status, body, err,
				requests[i].want)
		}
	})
	status, body, err := send("GET", c.url+path+"/balances", "", "")
	if err != nil || status != 200 || !bytes.Contains(body, []byte(`"total":"129999.93"`)) {
		t.Errorf("balance: got %d %s, %v, want one debit taken", status, body, err)
	}
}

// TestFirstKeyOnce has two services register the same first admin key before either has heard of the
// other's.
func TestFirstKeyOnce(t *testing.T) {
	_, address := startStandIn(t, t.TempDir())
	here, there := openOn(t, t.TempDir(), address), openOn(t, t.TempDir(), address)
	for _, s := range []*service{here, there} {
		if err := s.register(t.Context(), testAdminKey, "first", domain.RoleAdmin); err != nil {
			t.Fatal(err)
		}
	}
	keys := 0
	for _, err := range here.store.ReadAll(t.Context(), eventstore.Start, "key-") {
		if keys++; err != nil {
			t.Fatal(err)
		}
	}
	if keys != 1 {
		t.Errorf("keys: got %d, want 1", keys)
	}
}

func openOn(t *testing.T, data, address string) *service {
	t.Helper()
	cfg := defaultConfig()
	cfg.listen, cfg.data, cfg.eventstore = "", data, address
	s, err := openService(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	return s
}

// TestStartWithoutLog starts a service that has read models while its log is away: it waits, and
// serves once the log is there.
func TestStartWithoutLog(t *testing.T) {
	t.Parallel() // it waits for time limits, most of the time
	data, own := t.TempDir(), t.TempDir()
	log, address := startStandIn(t, data)
	c := killableService(t, own, "--eventstore", address)
	openAccounts(t, c)
	if status, body, err := send("GET", c.url+"/v1/accounts?prefix=K&min_position=4&max_wait=20s", "",
		""); err != nil || status != 200 {
		t.Fatalf("the read models: got %d %s, %v, want 200", status, body, err)
	}
	c.kill()
	log.kill()
	late := time.AfterFunc(8*time.Second, func() { // longer than a read is tried again
		startStandIn(t, data, "--listen", strings.TrimPrefix(log.url, "http://"))
	})
	defer late.Stop()
	killableService(t, own, "--eventstore", address)
}
