package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/tillbook/tillbook/domain"
)

// killGranted is how many accounts each job of TestJobsSIGKILL serves, in several steps, beside those that
// are debited meanwhile.
const killGranted = 600

// TestJobsSIGKILL kills the service with its own log under load, in the middle of jobs that grant to many
// accounts and of one that revokes; each job ends by itself, with one grant for each account.
func TestJobsSIGKILL(t *testing.T) {
	g := &granter{T: t, data: t.TempDir()}
	g.Cleanup(func() { g.kill() })
	g.start()
	openAccounts(t, g.process)
	g.open()
	jobs := make([]string, 3)
	for i, reached := range []int{0, killGranted / 2, killGranted - 1} {
		jobs[i] = g.killedIn(i, reached, "/v1/grants", g.grant())
	}
	want := jobTold{ID: jobs[2], State: "completed", Count: killGranted, Done: killGranted}
	want.Total.Amount, want.Uncollected.Amount = fmt.Sprintf("%d.00", killGranted), "0.00"
	for _, want.ID = range jobs {
		g.ended(want)
	}
	want.ID = g.killedIn(3, 100, "/v1/jobs/"+jobs[2]+"/revoke", `{"reason":"wrong"}`)
	g.ended(want)
	g.prove()
}

// granter is a service whose accounts are granted to: G-0 and so on.
type granter struct {
	*testing.T
	*process
	data string
}

func (g *granter) start() { g.Helper(); g.process = killableService(g.T, g.data) }

func (g *granter) open() {
	g.Helper()
	var wait sync.WaitGroup
	for caller := range killCallers {
		wait.Go(func() {
			for i := caller; i < killGranted; i += killCallers {
				ref := fmt.Sprint("G-", i)
				status, body, err := post(g.process, "/v1/accounts", ref, fmt.Sprintf(`{"customer_ref":%q}`, ref))
				if status != http.StatusCreated {
					g.Errorf("open %s: got %d %s, %v", ref, status, body, err)
				}
			}
		})
	}
	wait.Wait()
}

func (g *granter) grant() string {
	refs := make([]string, killGranted)
	for i := range refs {
		refs[i] = fmt.Sprintf(`"G-%d"`, i)
	}
	return fmt.Sprintf(`{"accounts":[%s],"amount":{"amount":"1.00","unit":"CNY"},"cause":"promo",
		"reason":"spring"}`, strings.Join(refs, ","))
}

// killedIn starts the n-th job while callers debit other accounts, kills the service once the job
// has reached an account, starts it again, and answers the job's id.
func (g *granter) killedIn(n, reached int, path, body string) string {
	g.Helper()
	was := g.process
	var wait sync.WaitGroup
	for caller := range killCallers {
		wait.Go(func() {
			for i := 0; ; i++ {
				d := &debited{account: (caller + i) % killAccounts, key: fmt.Sprintf("%d-%d-%d", n, caller, i)}
				if d.ask(was) != nil {
					return // the service is gone
				}
			}
		})
	}
	first := g.started(n, path, body)
	waitForRevision(g.T, was, fmt.Sprint("G-", reached), n, nil)
	was.kill()
	wait.Wait()
	g.start()
	if again := g.started(n, path, body); again != first {
		g.Fatalf("job %d: got %s, want %s", n, again, first)
	}
	return first
}

func (g *granter) started(n int, path, body string) string {
	g.Helper()
	status, text, err := post(g.process, path, fmt.Sprint("job-", n), body)
	var told jobTold
	if err != nil || status != http.StatusCreated || json.Unmarshal(text, &told) != nil {
		g.Fatalf("%s: got %d %s, %v", path, status, text, err)
	}
	return told.ID
}

// ended waits for the end of a job, and checks what it says then.
func (g *granter) ended(want jobTold) {
	g.Helper()
	var got jobTold
	for looks := 0; got.State != "completed"; looks++ {
		status, text, err := send(http.MethodGet, fmt.Sprintf("%s/v1/jobs/%s", g.url, want.ID), "", "")
		if err != nil || status != http.StatusOK || json.Unmarshal(text, &got) != nil || looks > 200 {
			g.Fatalf("job: got %d %s, %v", status, text, err)
		}
		var head struct {
			Position uint64 `json:"as_of_position"`
		}
		_ = json.Unmarshal(text, &head)
		if got.State == "running" { // wait for the log to grow
			_, _, _ = send(http.MethodGet, fmt.Sprintf("%s%s?min_position=%d&max_wait=2s", g.url,
				accountPath(0), head.Position+1), "", "")
		}
	}
	if got != want {
		g.Errorf("got %+v, want %+v", got, want)
	}
}

// prove checks that each account has three grants, of which one was revoked, and the folder.
func (g *granter) prove() {
	g.Helper()
	for i := range killGranted {
		path := "/v1/accounts/" + domain.AccountID(fmt.Sprint("G-", i)).String()
		for of, want := range map[string]string{path: `"revision":4`, path + "/balances": `"total":"2.00"`} {
			status, body, err := send(http.MethodGet, g.url+of, "", "")
			if err != nil || status != http.StatusOK || !bytes.Contains(body, []byte(want)) {
				g.Fatalf("%s: got %d %s, %v, want %s", of, status, body, err, want)
			}
		}
	}
	if err := g.stop(); err != nil {
		g.Fatal(err)
	}
	check := exec.Command(os.Args[0], "check", "--data", g.data)
	check.Env = append(os.Environ(), asMain+"=1")
	if out, err := check.CombinedOutput(); err != nil {
		g.Errorf("check: %v\n%s", err, out)
	}
}
