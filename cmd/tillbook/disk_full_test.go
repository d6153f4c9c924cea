package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/tillbook/tillbook/domain"
)

// TestDiskFull lets the log's file reach its largest size, as on a full disk: the service ends by itself
// with an error, what it had answered is there when it starts again, and what it had not is there once after
// a retry.
func TestDiskFull(t *testing.T) {
	data := t.TempDir()
	small := exec.Command("sh", "-c", `ulimit -f 256; exec "$0" "$@"`, os.Args[0],
		"serve", "--listen", "127.0.0.1:0", "--data", data, "--followers=false", "--log-level", "error")
	c, err := startCommand(small, "TILLBOOK_ADMIN_KEY="+testAdminKey)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.kill)
	if status, body, err := post(c, "/v1/accounts", "open", `{"customer_ref":"F-1"}`); status != 201 {
		t.Fatalf("open: got %d %s, %v", status, body, err)
	}
	path := fmt.Sprintf("/v1/accounts/%s/top-ups", domain.AccountID("F-1"))
	word := strings.Repeat("x", 60)
	text := fmt.Sprintf(`{"amount":{"amount":"1.00","unit":"CNY"},"operator":%q,"shift":%q}`, word, word)
	answered := 0
	for ; ; answered++ {
		status, _, err := post(c, path, fmt.Sprint("key-", answered), text)
		if status != 201 || err != nil {
			break
		}
	}
	forgotten := time.AfterFunc(time.Minute, func() { _ = c.cmd.Process.Kill() })
	c.ended.Do(func() { c.err = c.cmd.Wait() })
	forgotten.Stop()
	if c.err == nil || c.err.Error() != "exit status 1" {
		t.Errorf("the service's end: got %v, want exit status 1", c.err)
	}

	c = killableService(t, data)
	for i := range answered + 1 {
		if status, body, err := post(c, path, fmt.Sprint("key-", i), text); status != 201 {
			t.Fatalf("again: got %d %s, %v", status, body, err)
		}
	}
	total := fmt.Sprintf(`"total":"%d.00"`, answered+1)
	_, body, err := send("GET", strings.Replace(c.url+path, "/top-ups", "/balances", 1), "", "")
	if err != nil || !strings.Contains(string(body), total) {
		t.Errorf("after %d answers: got %s, %v, want %s", answered, body, err, total)
	}
}
