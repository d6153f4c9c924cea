package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/tillbook/tillbook/domain"
)

// The size of TestSIGKILLUpload: the items of a till's batch, of which every tenth is an overdraft.
const uploadItems = 2_000

// TestSIGKILLUpload kills the service in the middle of a till's batch, again and again further on, and
// sends the same batch until it is answered. Every item is posted once, every exception raised once,
// the answer stays, and the books add up.
func TestSIGKILLUpload(t *testing.T) {
	t.Run("embedded", func(t *testing.T) { killUploads(t) })
	t.Run("esdb", func(t *testing.T) {
		_, address := startStandIn(t, t.TempDir())
		killUploads(t, "--eventstore", address)
	})
}

func killUploads(t *testing.T, store ...string) {
	data := t.TempDir()
	c := killableService(t, data, store...)
	openAccounts(t, c)
	if status, body, err := post(c, "/v1/accounts", "poor", `{"customer_ref":"POOR"}`); status != 201 {
		t.Fatalf("open: got %d %s, %v", status, body, err)
	}
	batch := tillBatch()
	for _, after := range []int{1, 40, 120} {
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, _, _ = post(c, "/v1/batches", "batch", batch) // killed in between, most often
		}()
		waitForRevision(t, c, "K-0", after, done)
		c.kill()
		<-done
		c = killableService(t, data, store...)
	}
	first := uploaded(t, c, batch)
	if again := uploaded(t, c, batch); !bytes.Equal(again, first) {
		t.Error("a repeat of the batch is not the same")
	}
	wantUploaded(t, c, first)
	if err := c.stop(); err != nil {
		t.Fatalf("stop: %v", err)
	}
	check := exec.Command(os.Args[0], append([]string{"check", "--data", data}, store...)...)
	check.Env = append(os.Environ(), asMain+"=1")
	if out, err := check.CombinedOutput(); err != nil {
		t.Errorf("check: %v\n%s", err, out)
	}
}

// tillBatch is a batch of debits of 0.07 on nine accounts in turn, and of an account that has nothing.
func tillBatch() string {
	at := time.Now().UTC().Format(time.RFC3339)
	var items []string
	for i := range uploadItems {
		ref := fmt.Sprint("K-", i%killAccounts)
		if i%killAccounts == killAccounts-1 {
			ref = "POOR"
		}
		items = append(items, fmt.Sprintf(`{"seq":%d,"operation":"debit","customer_ref":%q,`+
			`"amount":{"amount":"0.07","unit":"CNY"},"pos_txn_id":"%d","occurred_at":%q}`, i+1, ref, i, at))
	}
	return `{"store":"S1","terminal":"T1","items":[` + strings.Join(items, ",") + `]}`
}

// waitForRevision returns when an account has come as far, or the batch was answered before.
func waitForRevision(t *testing.T, c *process, ref string, revision int, done <-chan struct{}) {
	t.Helper()
	path := fmt.Sprintf("%s/v1/accounts/%s", c.url, domain.AccountID(ref))
	for {
		select {
		case <-done:
			return
		default:
		}
		_, body, err := send(http.MethodGet, path, "", "")
		var account struct{ Revision int }
		if err != nil || json.Unmarshal(body, &account) != nil {
			t.Fatalf("read %s: %s, %v", ref, body, err)
		}
		if account.Revision > revision {
			return
		}
	}
}

func uploaded(t *testing.T, c *process, batch string) []byte {
	t.Helper()
	status, body, err := post(c, "/v1/batches", "batch", batch)
	if err != nil || status != http.StatusOK {
		t.Fatalf("upload: got %d %s, %v", status, body, err)
	}
	return body
}

// wantUploaded checks the answer, the accounts, what is owed, and the exceptions.
func wantUploaded(t *testing.T, c *process, answer []byte) {
	t.Helper()
	const each = uploadItems / killAccounts
	posted, overdrawn := bytes.Count(answer, []byte(`"posted"`)), bytes.Count(answer, []byte(`"overdraft"`))
	if posted != uploadItems-each || overdrawn != each {
		t.Errorf("got %d posted and %d overdrafts", posted, overdrawn)
	}
	wants := func(path, want string, times int) {
		status, body, err := send(http.MethodGet, c.url+path, "", "")
		if err != nil || status != http.StatusOK || bytes.Count(body, []byte(want)) != times {
			t.Errorf("%s: got %d %.2000s, %v, want %d of %s", path, status, body, err, times, want)
		}
	}
	for i := range killAccounts - 1 {
		left := 13_000_000 - 7*each
		path := fmt.Sprintf("/v1/accounts/%s/balances", domain.AccountID(fmt.Sprint("K-", i)))
		wants(path, fmt.Sprintf(`"total":"%d.%02d"`, left/100, left%100), 1)
	}
	wants("/v1/accounts/"+domain.AccountID("POOR").String(), `"outstanding":{"amount":"0.07"`, each)
	wants("/v1/operations?store=S1&terminal=T1&pos_txn_id=0&max_wait=20s", `"kind":"debit"`, 1) // and waits
	wants("/v1/exceptions?limit=1000", `"kind":"overdraft"`, each)
}
