package main

import (
	"bytes"
	"crypto/rand"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"math/big"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	_ "modernc.org/sqlite" // to read the vault
)

// person is a service with one customer, and what nobody may find in its folder.
type person struct {
	*testing.T
	*process
	data, master string
	keys         int
}

func (p *person) start() {
	p.Helper()
	c, err := startProcess([]string{"serve", "--listen", "127.0.0.1:0", "--data", p.data, "--log-level", "error"},
		"TILLBOOK_ADMIN_KEY="+testAdminKey, masterKeyVariable+"="+p.master)
	if err != nil {
		p.Fatal(err)
	}
	p.process = c
	p.Cleanup(c.kill)
}

// ask sends a request and answers a field of what came back.
func (p *person) ask(status int, method, path, body, field string) string {
	p.Helper()
	var fields map[string]any
	if text := p.text(status, method, path, body); json.Unmarshal([]byte(text), &fields) != nil {
		p.Fatalf("%s %s: got %s, want JSON", method, path, text)
	}
	value, _ := fields[field].(string)
	return value
}

// text sends a request and answers what came back.
func (p *person) text(status int, method, path, body string) string {
	p.Helper()
	r, err := http.NewRequest(method, p.url+path, strings.NewReader(body))
	if err != nil {
		p.Fatal(err)
	}
	p.keys++
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+testAdminKey)
	if method != "GET" && path != "/v1/lookups" {
		r.Header.Set("Idempotency-Key", fmt.Sprint("k", p.keys))
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		p.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != status {
		p.Fatalf("%s %s: got %d %s, %v, want %d", method, path, answer.StatusCode, text, err, status)
	}
	return string(text)
}

// stands is the first file of the folder that holds a text, "" if none does.
func (p *person) stands(text string) (found string) {
	p.Helper()
	err := filepath.WalkDir(p.data, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		if os.IsNotExist(err) {
			return nil // the log has compacted it away
		}
		if bytes.Contains(content, []byte(text)) {
			found = path
		}
		return err
	})
	if err != nil {
		p.Fatal(err)
	}
	return found
}

// hidden fails the test where a text stands in the folder.
func (p *person) hidden(when string, texts ...string) {
	p.Helper()
	for _, text := range texts {
		if path := p.stands(text); path != "" {
			p.Errorf("%s: %s stands in %s", when, text, path)
		}
	}
}

// vaulted is what the vault has of the customer: the wrapped key, keyed hashes, sealed values.
func (p *person) vaulted() (secrets []string) {
	p.Helper()
	db, err := sql.Open("sqlite", filepath.Join(p.data, "vault.db"))
	if err != nil {
		p.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Query(`SELECT wrapped FROM customers WHERE wrapped IS NOT NULL UNION ALL
		SELECT hash FROM lookups UNION ALL SELECT sealed FROM lookups`)
	if err != nil {
		p.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var secret string
		if err := rows.Scan(&secret); err != nil {
			p.Fatal(err)
		}
		secrets = append(secrets, secret)
	}
	return secrets
}

// TestNothingPersonalRemains greps the whole data folder of a service: what is personal never stands in
// it, and once the person is erased, neither do the key and the hashes, whatever ends the process. No
// marker can be compressed.
func TestNothingPersonalRemains(t *testing.T) {
	p := &person{T: t, data: t.TempDir(),
		master: base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32))}
	number, err := rand.Int(rand.Reader, big.NewInt(1e8))
	if err != nil {
		t.Fatal(err)
	}
	mobile := fmt.Sprintf("139%08d", number)
	name, note, text := rand.Text(), rand.Text(), rand.Text()
	mail, card := strings.ToLower(rand.Text())+"@example.com", "62"+rand.Text()[:14]
	plain := []string{mobile, name, note, text, mail, card, strings.ToUpper(mail)}

	p.start()
	id := p.ask(201, "POST", "/v1/accounts", `{"customer_ref":"C-1"}`, "id")
	account, customer := "/v1/accounts/"+id, "/v1/customers/"+id
	p.ask(201, "POST", account+"/top-ups", `{"amount":{"amount":"10.00","unit":"CNY"}}`, "id")
	p.ask(200, "PUT", customer, fmt.Sprintf(`{"name":%q,"phone":%q,"email":%q,"note":%q,"birthday":"1990-02-28"}`,
		name, mobile, mail, note), "id")
	p.ask(201, "POST", account+"/credentials", fmt.Sprintf(`{"kind":"card","value":%q}`, card), "id")
	p.ask(201, "POST", account+"/credentials", fmt.Sprintf(`{"kind":"phone","value":%q}`, mobile), "id")
	p.ask(201, "POST", account+"/interactions", fmt.Sprintf(`{"kind":"complaint","text":%q}`, text), "id")
	for kind, value := range map[string]string{"card": card, "phone": mobile, "email": mail} {
		if got := p.ask(200, "POST", "/v1/lookups", fmt.Sprintf(`{%q:%q}`, kind, value), "account_id"); got != id {
			t.Errorf("%s finds %q, want %s", kind, got, id)
		}
	}
	p.ask(400, "PUT", customer, fmt.Sprintf(`{"phone":%q}`, name), "code")
	p.ask(404, "POST", "/v1/lookups", fmt.Sprintf(`{"card":%q}`, note), "code")
	p.hidden("while it serves", plain...)
	if err := p.stop(); err != nil {
		t.Fatal(err)
	}
	p.hidden("after its end", plain...)
	secrets := p.vaulted()
	if len(secrets) != 7 { // a key; phone, email and the phone's credential, each hashed and sealed
		t.Fatalf("got %d secrets in the vault", len(secrets))
	}
	for _, secret := range secrets {
		if p.stands(secret) == "" {
			t.Fatalf("%s is not found where it is", secret)
		}
	}

	p.start()
	p.ask(200, "POST", customer+"/erase", `{"reason":"asked"}`, "erased_at")
	p.hidden("when the erasure is answered", append(secrets, plain...)...)
	p.kill()
	p.hidden("after a power cut", append(secrets, plain...)...)
	p.start()
	if got := p.ask(200, "GET", customer, "", "name"); got != "" {
		t.Errorf("got %q of the erased", got)
	}
	p.ask(404, "POST", "/v1/lookups", fmt.Sprintf(`{"phone":%q}`, mobile), "code")
	if got := p.ask(200, "POST", "/v1/lookups", fmt.Sprintf(`{"card":%q}`, card), "account_id"); got != id {
		t.Errorf("the card finds %q, want the account, which stays", got)
	}
	if err := p.stop(); err != nil {
		t.Fatal(err)
	}
	p.hidden("at last", append(secrets, plain...)...)
	check := exec.Command(os.Args[0], "check", "--data", p.data)
	check.Env = append(os.Environ(), asMain+"=1")
	if report, err := check.CombinedOutput(); err != nil || !bytes.Contains(report, []byte("no differences")) {
		t.Errorf("check without the master key: %v: %s", err, report)
	}
}
