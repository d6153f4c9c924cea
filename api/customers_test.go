package api_test

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/tillbook/tillbook/api"
	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
	"github.com/tillbook/tillbook/domain/vault"
)

// openPeople is openWithAdmin with a master key and a vault.
func openPeople(t *testing.T) (*shop, *vault.Customers) {
	t.Helper()
	keys, err := vault.NewKeyring(base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{1}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	people, err := vault.OpenCustomers(t.Context(), t.TempDir(), keys)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = people.Close() })
	codes, err := vault.OpenCodes(t.TempDir(), keys, func(secret []byte) func(uint32) string {
		return domain.NewCodes(secret).At
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = codes.Close() })
	s := open(t, func(c *api.Config) { c.Keyring, c.People, c.Codes = keys, people, codes })
	s.addKey(domain.APIKey{Role: admin})
	return s, people
}

// profileOf is the path of an account's customer.
func profileOf(account string) string {
	return strings.Replace(account, "/v1/accounts/", "/v1/customers/", 1)
}

func (s *shop) put(path, body string) answer {
	s.Helper()
	return s.ask(admin, "PUT", path, body).send()
}

// TestProfile: a change names what changes; what is read is the sum.
func TestProfile(t *testing.T) {
	s, _ := openPeople(t)
	path := profileOf(s.account("C-1", ""))
	s.get(path).is(200).has(fields{"name": "", "tags": "[]", "revision": "-1", "changed_at": ""})
	s.put(path, `{"name":"Anna","phone":"138 0013 8000","email":"A@B.c","birthday":"1990-02-28",
		"note":"likes window seats","tags":["vip"],"consents":{"messages":true}}`).is(200).
		has(fields{"changed": `["birthday","consents","email","name","note","phone","tags"]`, "revision": "0"})
	s.get(path).is(200).has(fields{"name": "Anna", "phone": "+8613800138000", "email": "a@b.c",
		"birthday": "1990-02-28", "note": "likes window seats", "tags": `["vip"]`})
	s.put(path, `{"name":"Anne","note":"","phone":null,"consents":{"messages":false,"marketing":true}}`).is(200)
	got := s.get(path).is(200).has(fields{"name": "Anne", "note": "", "phone": "+8613800138000",
		"tags": `["vip"]`, "revision": "1"})
	if got.at("consents.messages.withdrawn_at") == "" || got.at("consents.marketing.granted_at") == "" {
		t.Errorf("got %s", got.text)
	}
	for body, field := range map[string]string{
		`{"phone":"SECRET"}`: "phone", `{"email":"SECRET"}`: "email", `{"birthday":"SECRET"}`: "birthday",
		`{"name":"SECRET` + strings.Repeat("x", 100) + `"}`: "name", `{"tags":["SECRET"]}`: "tags",
		`{"consents":{"SECRET":true}}`: "consents", `{"note":"SECRET\u0000"}`: "note",
	} {
		got := s.put(path, body).refused(400, "malformed").has(fields{"errors.0.field": field})
		if strings.Contains(got.text, "SECRET") {
			t.Errorf("%s is repeated: %s", field, got.text)
		}
	}
	s.put(path, `{}`).refused(400, "malformed")
	s.put(path, `{"age":1}`).refused(400, "unknown_field")
	s.put(profileOf("/v1/accounts/"+domain.AccountID("nobody").String()), `{"name":"A"}`).
		refused(404, "not_found")
	s.ask(admin, "PUT", path+"?dry_run=true", `{"name":"Other"}`).send().is(200)
	s.get(path).is(200).has(fields{"name": "Anne", "revision": "1"})
}

// TestProfileRepeat: a repeat is told by a keyed hash, as the text is sealed anew each time.
func TestProfileRepeat(t *testing.T) {
	s, _ := openPeople(t)
	path := profileOf(s.account("C-1", ""))
	ask := func(body string) answer {
		return s.ask(admin, "PUT", path, body).with("Idempotency-Key", "same").send()
	}
	first := ask(`{"name":"Anna","phone":"13800138000"}`).is(200)
	again := ask(`{"phone":"+86 138-0013-8000","name":"Anna"}`).is(200)
	if again.text != first.text || again.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("got %s, want %s", again.text, first.text)
	}
	ask(`{"name":"Anna","phone":"13800138001"}`).refused(422, "key_reused")
	ask(`{"name":"Anna"}`).refused(422, "key_reused")
	s.get(path).is(200).has(fields{"phone": "+8613800138000", "revision": "0"})
}

// TestProfileRoles: who plans campaigns sees and sets labels; the rest is for those who talk to people.
func TestProfileRoles(t *testing.T) {
	s, _ := openPeople(t)
	s.addKey(domain.APIKey{Role: domain.RoleMarketing})
	s.addKey(domain.APIKey{Role: domain.RoleSupport})
	path := profileOf(s.account("C-1", ""))
	s.ask(domain.RoleSupport, "PUT", path, `{"name":"Anna","consents":{"marketing":true}}`).send().is(200)
	s.ask(domain.RoleSupport, "GET", path, "").send().is(200).has(fields{"name": "Anna"})
	s.ask(domain.RoleMarketing, "PUT", path, `{"tags":["vip"]}`).send().is(200)
	got := s.ask(domain.RoleMarketing, "GET", path, "").send().is(200).has(fields{"tags": `["vip"]`})
	if strings.Contains(got.text, "Anna") || strings.Contains(got.text, "name") {
		t.Errorf("got %s", got.text)
	}
	for _, body := range []string{`{"name":"A"}`, `{"name":""}`, `{"tags":[],"consents":{"marketing":true}}`} {
		s.ask(domain.RoleMarketing, "PUT", path, body).send().refused(403, "forbidden")
	}
}

// TestErase: the person is gone, the account stays.
func TestErase(t *testing.T) {
	s, people := openPeople(t)
	account := s.account("C-1", "10")
	path := profileOf(account)
	s.put(path, `{"name":"Anna","phone":"13800138000","tags":["vip"],"consents":{"messages":true}}`).is(200)
	s.post(path+"/erase", `{"reason":"Anna wants it"}`).refused(400, "malformed")
	s.post(path+"/erase", `{}`).refused(400, "malformed")
	s.get(path).is(200).has(fields{"name": "Anna"})
	s.ask(admin, "POST", path+"/erase?dry_run=true", `{"reason":"asked"}`).send().is(200)
	s.get(path).is(200).has(fields{"name": "Anna"})
	first := s.postOnce("e", path+"/erase", `{"reason":"asked"}`).is(200)
	for _, key := range []string{"e", "another"} {
		if again := s.postOnce(key, path+"/erase", `{"reason":"asked"}`).is(200); again.text != first.text {
			t.Errorf("got %s, want %s", again.text, first.text)
		}
	}
	s.get(path).is(200).has(fields{"name": "", "phone": "", "tags": "[]", "consents": "{}",
		"erased_at": first.at("erased_at")})
	s.put(path, `{"name":"Anna"}`).refused(422, "customer_erased")
	s.put(path, `{"tags":["vip"]}`).refused(422, "customer_erased")
	if found, err := people.Find(t.Context(), "phone", "+8613800138000"); err != nil || len(found) > 0 {
		t.Errorf("got %v, %v", found, err)
	}
	s.get(account + "/balances").is(200).has(fields{"balances.0.total": "10.00"})
	s.post(profileOf("/v1/accounts/"+domain.AccountID("nobody").String())+"/erase", `{"reason":"x"}`).
		refused(404, "not_found")
}

// TestNoMasterKey: without a vault, or where it has not the key, nothing is sealed and nothing opens;
// labels need none.
func TestNoMasterKey(t *testing.T) {
	s := openWithAdmin(t)
	path := profileOf(s.account("C-1", ""))
	s.put(path, `{"name":"Anna"}`).refused(503, "no_master_key")
	s.post(path+"/erase", `{"reason":"asked"}`).refused(503, "no_master_key")
	s.put(path, `{"tags":["vip"]}`).is(200)
	s.get(path).is(200).has(fields{"tags": `["vip"]`, "name": ""})

	elsewhere, _ := openPeople(t)
	path = profileOf(elsewhere.account("C-1", ""))
	_, err := elsewhere.ledger.Register(t.Context(), registering(domain.SetProfile{
		ID: domain.AccountID("C-1"), Personal: []string{"name"}, Sealed: "v1.x.y", KeyID: "x", Hash: "h"}))
	if err != nil {
		t.Fatal(err)
	}
	elsewhere.get(path).refused(503, "no_master_key")
	elsewhere.put(path, `{"name":"Anna"}`).refused(503, "no_master_key")
	elsewhere.post(path+"/erase", `{"reason":"asked"}`).refused(503, "no_master_key")
}

func registering(r domain.Registration) ledger.Registering {
	return ledger.Registering{Registration: r, Caller: ledger.Caller{Actor: "test", Role: admin}}
}

// TestErasureUnderWay: between the end of a customer's key and its record there is nothing to show.
func TestErasureUnderWay(t *testing.T) {
	s, people := openPeople(t)
	account := s.account("C-1", "")
	s.put(profileOf(account), `{"name":"Anna"}`).is(200)
	if err := people.Erase(t.Context(), domain.AccountID("C-1"), "k"); err != nil {
		t.Fatal(err)
	}
	s.get(profileOf(account)).is(200).has(fields{"name": "", "erased_at": ""})
}
