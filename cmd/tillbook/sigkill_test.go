package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"testing"

	"github.com/tillbook/tillbook/domain"
)

// The size of TestSIGKILL: its accounts, its callers at once, how often the service is killed, and
// after how many answers each time.
const (
	killAccounts = 10
	killCallers  = 16
	killRounds   = 4
	killAfter    = 400
)

// debited is one debit that a caller means to happen once.
type debited struct {
	account int
	key     string
	answer  []byte // nil until it was acknowledged
}

// TestSIGKILL kills the service under load, several times, starts it again on its folder, and retries
// what was not answered. Every debit is there exactly once, every answer is the one first given, and
// the books add up.
func TestSIGKILL(t *testing.T) {
	t.Run("embedded", func(t *testing.T) { killAndRetry(t) })
	t.Run("esdb", func(t *testing.T) {
		_, address := startStandIn(t, t.TempDir())
		killAndRetry(t, "--eventstore", address)
	})
}

func killAndRetry(t *testing.T, store ...string) {
	data := t.TempDir()
	var debits []*debited
	for round := range killRounds {
		c := killableService(t, data, store...)
		if round == 0 {
			openAccounts(t, c)
		}
		retryUnanswered(t, c, debits)
		debits = append(debits, debitUntilKilled(t, c, round)...)
	}
	c := killableService(t, data, store...)
	retryUnanswered(t, c, debits)
	wantSameAnswers(t, c, debits)
	wantBalances(t, c, debits)
	if err := c.stop(); err != nil {
		t.Fatalf("stop: %v", err)
	}
	check := exec.Command(os.Args[0], append([]string{"check", "--data", data}, store...)...)
	check.Env = append(os.Environ(), asMain+"=1")
	if out, err := check.CombinedOutput(); err != nil {
		t.Errorf("check: %v\n%s", err, out)
	}
}

func killableService(t *testing.T, data string, store ...string) *process {
	t.Helper()
	c, err := startProcess(append([]string{"serve", "--listen", "127.0.0.1:0", "--data", data,
		"--log-level", "error"}, store...), "TILLBOOK_ADMIN_KEY="+testAdminKey)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.kill)
	return c
}

func openAccounts(t *testing.T, c *process) {
	t.Helper()
	for i := range killAccounts {
		ref := fmt.Sprintf("K-%d", i)
		path := "/v1/accounts"
		if status, body, err := post(c, path, ref, fmt.Sprintf(`{"customer_ref":%q}`, ref)); status != 201 {
			t.Fatalf("open %s: got %d %s, %v", ref, status, body, err)
		}
		path = fmt.Sprintf("/v1/accounts/%s/top-ups", domain.AccountID(ref))
		text := `{"amount":{"amount":"100000.00","unit":"CNY"},"bonus":{"amount":"30000.00","unit":"CNY"}}`
		if status, body, err := post(c, path, "fill", text); status != 201 {
			t.Fatalf("fill %s: got %d %s, %v", ref, status, body, err)
		}
	}
}

// debitUntilKilled has callers debit until enough was answered, kills the service under them, and
// answers what they tried.
func debitUntilKilled(t *testing.T, c *process, round int) []*debited {
	t.Helper()
	tried := make([][]*debited, killCallers)
	answered := make(chan struct{}, killCallers)
	var wait sync.WaitGroup
	for caller := range killCallers {
		wait.Go(func() {
			for i := 0; ; i++ {
				d := &debited{account: (caller + i) % killAccounts,
					key: fmt.Sprintf("%d-%d-%d", round, caller, i)}
				tried[caller] = append(tried[caller], d)
				if err := d.ask(c); err != nil {
					return // the service is gone
				}
				answered <- struct{}{}
			}
		})
	}
	done := make(chan struct{})
	go func() { wait.Wait(); close(done) }()
	for n := 0; n < killAfter*(round+1)/2; n++ {
		select {
		case <-answered:
		case <-done:
			t.Fatalf("round %d: the callers ended after %d answers", round, n)
		}
	}
	c.kill()
	for {
		select {
		case <-answered:
			continue
		case <-done:
		}
		break
	}
	var all []*debited
	for _, of := range tried {
		all = append(all, of...)
	}
	return all
}

// ask sends the debit and keeps its answer.
func (d *debited) ask(c *process) error {
	path := fmt.Sprintf("/v1/accounts/%s/debits", domain.AccountID(fmt.Sprintf("K-%d", d.account)))
	status, body, err := post(c, path, d.key, `{"amount":{"amount":"0.07","unit":"CNY"}}`)
	if err != nil {
		return err
	}
	if status != http.StatusCreated {
		return fmt.Errorf("got %d %s", status, body)
	}
	d.answer = body
	return nil
}

func retryUnanswered(t *testing.T, c *process, debits []*debited) {
	t.Helper()
	for _, d := range debits {
		if d.answer == nil {
			if err := d.ask(c); err != nil {
				t.Fatalf("retry of %s: %v", d.key, err)
			}
		}
	}
}

func wantSameAnswers(t *testing.T, c *process, debits []*debited) {
	t.Helper()
	for _, d := range debits {
		again := *d
		if err := again.ask(c); err != nil || !bytes.Equal(again.answer, d.answer) {
			t.Fatalf("repeat of %s: got %s, %v, want %s", d.key, again.answer, err, d.answer)
		}
	}
}

func wantBalances(t *testing.T, c *process, debits []*debited) {
	t.Helper()
	spent := make([]int, killAccounts)
	for _, d := range debits {
		spent[d.account] += 7
	}
	for i, cents := range spent {
		left := 13_000_000 - cents
		want := fmt.Sprintf(`"total":"%d.%02d"`, left/100, left%100)
		path := fmt.Sprintf("%s/v1/accounts/%s/balances", c.url, domain.AccountID(fmt.Sprintf("K-%d", i)))
		status, body, err := send(http.MethodGet, path, "", "")
		if err != nil || status != http.StatusOK || !bytes.Contains(body, []byte(want)) {
			t.Errorf("account %d: got %d %s, %v, want %s", i, status, body, err, want)
		}
	}
}

func post(c *process, path, key, body string) (int, []byte, error) {
	return send(http.MethodPost, c.url+path, key, body)
}

func send(method, url, key, body string) (int, []byte, error) {
	r, err := http.NewRequest(method, url, bytes.NewReader([]byte(body)))
	if err != nil {
		return 0, nil, err
	}
	r.Header.Set("Authorization", "Bearer "+testAdminKey)
	r.Header.Set("Content-Type", "application/json")
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	return answer.StatusCode, text, err
}
