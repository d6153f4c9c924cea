package main

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/tillbook/tillbook/domain"
)

// TestErasureKilled kills the service between the steps of an erasure: when the vault has destroyed the
// customer's key and the log knows nothing, and when the log knows and the vault does not know that. The
// service starts again, beside another one, and ends the erasure without being asked; it is recorded
// once, has one answer, and nothing personal remains.
func TestErasureKilled(t *testing.T) {
	for _, stored := range []bool{false, true} {
		t.Run(fmt.Sprintf("stored %t", stored), func(t *testing.T) {
			t.Parallel() // it waits for what resumes it, most of the time
			f := newSeveredFleet(t, false)
			p := &person{T: t, process: f.start(), data: f.data[0], master: testMasterKey}
			path, name := "/v1/customers/"+domain.AccountID("K-0").String(), rand.Text()
			p.ask(200, "PUT", path, fmt.Sprintf(`{"name":%q,"phone":"13900139000"}`, name), "id")
			secrets := append(p.vaulted(), name, "13900139000")
			if len(secrets) != 5 { // a key; the phone, hashed and sealed
				t.Fatalf("got %d secrets", len(secrets))
			}
			dead := f.log.end(p.process, 1, stored)
			if status, body, err := f.erase(0, path); err == nil {
				t.Fatalf("killed, and yet answered %d %s", status, body)
			}
			<-dead
			p.hidden("between the steps", secrets...)

			f.startOn(p.data)
			f.start()
			for _, node := range f.nodes[1:] {
				f.erased(node, path)
			}
			f.answeredErased(path)
			f.counts(map[string]int{"PersonalDataErased": 1})
			f.clean()
			for _, p.data = range f.data {
				p.hidden("at last", secrets...)
			}
			f.unwritten(secrets)
		})
	}
}

func (f *severedFleet) erase(node int, path string) (int, []byte, error) {
	return post(f.nodes[node], path+"/erase", "k", `{"reason":"asked"}`)
}

// erased waits until a node says that the customer is erased, and shows nothing of them.
func (f *severedFleet) erased(c *process, path string) {
	f.Helper()
	var body []byte
	for range 10 {
		var told struct {
			Name     *string
			ErasedAt string `json:"erased_at"`
		}
		status, text, err := send(http.MethodGet, c.url+path, "", "")
		if err != nil || status != http.StatusOK || json.Unmarshal(text, &told) != nil || told.Name != nil {
			f.Fatalf("customer: got %d %s, %v", status, text, err)
		}
		if told.ErasedAt != "" {
			return
		}
		body = text
		f.grown(c)
	}
	f.Fatalf("the customer is not erased: %s", body)
}

// answeredErased sends the key again, to both nodes that live.
func (f *severedFleet) answeredErased(path string) {
	f.Helper()
	var answers [2][]byte
	for i := range answers {
		status, text, err := f.erase(i+1, path)
		if err != nil || status != http.StatusOK {
			f.Errorf("node %d: got %d %s, %v", i+1, status, text, err)
		}
		answers[i] = text
	}
	if !bytes.Equal(answers[0], answers[1]) {
		f.Errorf("one node answers %s, the other %s", answers[0], answers[1])
	}
}

// unwritten checks that no event of the log holds a secret.
func (f *severedFleet) unwritten(secrets []string) {
	f.Helper()
	for e, err := range f.log.ReadAll(f.Context(), 0) {
		if err != nil {
			f.Fatal(err)
		}
		for _, secret := range secrets {
			if bytes.Contains(e.Data, []byte(secret)) || bytes.Contains(e.Metadata, []byte(secret)) {
				f.Errorf("%s stands in %s %d", secret, e.Stream, e.Revision)
			}
		}
	}
}

// TestErasuresSIGKILL kills the service with its own log while many customers are erased, several times:
// at any step of the vault's and of the log's. All are erased once, with the answer first given, and
// nothing personal remains in the folder.
func TestErasuresSIGKILL(t *testing.T) {
	p := &person{T: t, data: t.TempDir(), master: testMasterKey}
	p.start()
	openAccounts(t, p.process)
	var secrets []string
	paths := make([]string, killAccounts)
	for i := range paths {
		paths[i] = fmt.Sprint("/v1/customers/", domain.AccountID(fmt.Sprint("K-", i)))
		secrets = append(secrets, rand.Text())
		p.ask(200, "PUT", paths[i], fmt.Sprintf(`{"name":%q,"phone":"1390013900%d"}`, secrets[i], i), "id")
	}
	secrets = append(secrets, p.vaulted()...)
	answers := make([][]byte, len(paths))
	for _, after := range []int{1, 3, 6} {
		p.eraseUntilKilled(paths, answers, after)
		p.start()
	}
	for i, path := range paths {
		status, text, err := post(p.process, path+"/erase", "k", `{"reason":"asked"}`)
		if err != nil || status != http.StatusOK || answers[i] != nil && !bytes.Equal(text, answers[i]) {
			t.Errorf("%s: got %d %s, %v, want %s", path, status, text, err, answers[i])
		}
	}
	if err := p.stop(); err != nil {
		t.Fatal(err)
	}
	p.hidden("at last", secrets...)
	file := filepath.Join(t.TempDir(), "log.ndjson")
	p.tillbook("check", "--data", p.data)
	p.tillbook("export", "events", "--data", p.data, file)
	log, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got := bytes.Count(log, []byte(`"PersonalDataErased"`)); got != len(paths) {
		t.Errorf("got %d erasures recorded, want %d", got, len(paths))
	}
	for _, secret := range secrets {
		if bytes.Contains(log, []byte(secret)) {
			t.Errorf("%s stands in the export", secret)
		}
	}
}

// eraseUntilKilled erases all customers at once, and kills the service after so many answers.
func (p *person) eraseUntilKilled(paths []string, answers [][]byte, after int) {
	p.Helper()
	var mu sync.Mutex
	var wait sync.WaitGroup
	answered, dead := 0, p.process
	for i, path := range paths {
		wait.Go(func() {
			status, text, err := post(dead, path+"/erase", "k", `{"reason":"asked"}`)
			if err != nil {
				return // the service is gone
			}
			mu.Lock()
			defer mu.Unlock()
			if status != http.StatusOK || answers[i] != nil && !bytes.Equal(text, answers[i]) {
				p.Errorf("%s: got %d %s, want %s", path, status, text, answers[i])
			}
			answers[i] = text
			if answered++; answered == after {
				dead.kill()
			}
		})
	}
	wait.Wait()
	dead.kill()
}

func (p *person) tillbook(args ...string) {
	p.Helper()
	c := exec.Command(os.Args[0], args...)
	c.Env = append(os.Environ(), asMain+"=1")
	if out, err := c.CombinedOutput(); err != nil {
		p.Errorf("%s: %v\n%s", args, err, out)
	}
}
