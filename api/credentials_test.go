package api_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/tillbook/tillbook/api"
	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/vault"
)

// lookUp is the account that something finds, "" if none is.
func (s *shop) lookUp(kind, value string) string {
	s.Helper()
	got := s.ask(admin, "POST", "/v1/lookups", `{"`+kind+`":"`+value+`"}`).without("Idempotency-Key").send()
	if got.status == 404 {
		return ""
	}
	return "/v1/accounts/" + got.is(200).at("account_id")
}

func (s *shop) bind(account, kind, value string) answer {
	s.Helper()
	return s.post(account+"/credentials", `{"kind":"`+kind+`","value":"`+value+`"}`)
}

// finds fails the test unless something finds an account.
func (s *shop) finds(kind, value, account string) {
	s.Helper()
	if got := s.lookUp(kind, value); got != account {
		s.Errorf("%s %s finds %q, want %q", kind, value, got, account)
	}
}

// TestCredentials: a lost card never loses the balance, and finds it no more.
func TestCredentials(t *testing.T) {
	s, _ := openPeople(t)
	anna, bert := s.account("C-1", "10"), s.account("C-2", "")
	card := s.bind(anna, "card", "6200 1234-5678").is(201).has(fields{"last4": "5678", "status": "active"}).at("id")
	s.bind(bert, "code", "abcd-efgh").is(201)
	s.bind(bert, "phone", "13800138000").is(201).has(fields{"last4": "8000"})
	s.finds("card", "620012345678", anna)
	s.finds("code", "ABCDEFGH", bert)
	s.finds("phone", "+86 138 0013 8000", bert)
	s.finds("customer_ref", "C-1", anna)
	for kind, value := range map[string]string{"card": "ABCDEFGH", "code": "620012345678", "phone": "+1234567",
		"email": "a@b.c", "customer_ref": "C-9"} {
		s.finds(kind, value, "")
	}
	for _, account := range []string{anna, bert} {
		s.bind(account, "card", "620012345678").refused(409, "credential_used")
		s.bind(account, "phone", "13800138000").refused(409, "credential_used")
	}
	block := anna + "/credentials/" + card + "/block"
	s.post(block, `{"reason":"lost"}`).is(200).has(fields{"status": "blocked"})
	s.post(block, `{"reason":"lost"}`).refused(422, "credential_not_active")
	s.finds("card", "620012345678", "")
	got := s.post(anna+"/credentials/"+card+"/replace", `{"value":"6200 8765 4321"}`).is(201).
		has(fields{"replaces": card, "kind": "card", "last4": "4321"})
	s.finds("card", "620087654321", anna)
	s.post(anna+"/credentials/"+card+"/replace", `{"value":"6200 8765 9999"}`).refused(422, "credential_not_active")
	s.get(anna + "/credentials").is(200).has(fields{"data.0.id": card, "data.0.status": "replaced",
		"data.0.reason": "lost", "data.1.id": got.at("id"), "data.1.status": "active", "data.1.last4": "4321"})
	s.get(anna + "/balances").is(200).has(fields{"balances.0.total": "10.00"})
	s.bind(bert, "card", "620012345678").is(201) // the old card is anybody's
	s.finds("card", "620012345678", bert)

	for _, body := range []string{`{"kind":"ring","value":"12345678"}`, `{"kind":"card","value":"SECRET"}`,
		`{"kind":"phone","value":"SECRET-123"}`, `{"value":"12345678"}`, `{"kind":"card"}`} {
		if got := s.post(anna+"/credentials", body).refused(400, "malformed"); strings.Contains(got.text, "SECRET") {
			t.Errorf("a value is repeated: %s", got.text)
		}
	}
	nobody := "/v1/accounts/" + domain.AccountID("nobody").String()
	s.bind(nobody, "card", "620012345678").refused(404, "not_found")
	s.post(anna+"/credentials/"+domain.AccountID("x").String()+"/replace", `{"value":"620012345678"}`).
		refused(404, "not_found")
	s.post(anna+"/credentials/"+card+"/block", `{"reason":"Anna lost it"}`).refused(400, "malformed")
}

// TestCredentialRepeat: the key's second answer is its first.
func TestCredentialRepeat(t *testing.T) {
	s, _ := openPeople(t)
	anna := s.account("C-1", "")
	ask := func(body string) answer { return s.postOnce("k", anna+"/credentials", body) }
	first := ask(`{"kind":"card","value":"6200 1234 5678"}`).is(201)
	if again := ask(`{"kind":"card","value":"620012345678"}`).is(201); again.text != first.text {
		t.Errorf("got %s, want %s", again.text, first.text)
	}
	ask(`{"kind":"card","value":"6200 1234 5679"}`).refused(422, "key_reused")
	s.ask(admin, "POST", anna+"/credentials?dry_run=true", `{"kind":"card","value":"6200 0000 0000"}`).send().is(200)
	s.finds("card", "620000000000", "")
}

// TestLookupsByProfile: what one profile says finds its account, until it says so no more; what two say
// finds neither; what was bound counts more.
func TestLookupsByProfile(t *testing.T) {
	s, _ := openPeople(t)
	anna, bert := s.account("C-1", ""), s.account("C-2", "")
	s.put(profileOf(anna), `{"phone":"13800138000","email":"Anna@Example.com"}`).is(200)
	s.finds("phone", "13800138000", anna)
	s.finds("email", "anna@example.COM", anna)
	s.put(profileOf(bert), `{"phone":"+8613800138000"}`).is(200)
	s.finds("phone", "13800138000", "")
	s.bind(bert, "phone", "13800138000").is(201)
	s.finds("phone", "13800138000", bert)
	s.put(profileOf(anna), `{"email":"new@example.com","phone":""}`).is(200)
	s.finds("email", "anna@example.com", "")
	s.finds("email", "new@example.com", anna)
	s.post(profileOf(anna)+"/erase", `{"reason":"asked"}`).is(200)
	s.finds("email", "new@example.com", "")
	s.post(profileOf(bert)+"/erase", `{"reason":"asked"}`).is(200)
	s.finds("phone", "13800138000", "")
	s.get(bert + "/credentials").is(200).has(fields{"data.0.kind": "phone", "data.0.last4": "8000"})
}

// TestStaleIndex: what the index remembers of a change that was never recorded finds nobody.
func TestStaleIndex(t *testing.T) {
	s, people := openPeople(t)
	anna := s.account("C-1", "")
	s.put(profileOf(anna), `{"phone":"13800138000"}`).is(200)
	err := people.Index(t.Context(), domain.AccountID("C-1"), "profile",
		map[string][]string{"phone": {"+8613800138000", "+8613800138001"}})
	if err != nil {
		t.Fatal(err)
	}
	s.finds("phone", "13800138000", anna)
	s.finds("phone", "13800138001", "")
}

// TestLookupFailuresAreAlike, but for the request's id, and braked.
func TestLookupFailuresAreAlike(t *testing.T) {
	var log lines
	s, people := openPeople(t)
	anna := s.account("C-1", "")
	card := s.bind(anna, "card", "620012345678").is(201).at("id")
	s.post(anna+"/credentials/"+card+"/block", `{"reason":"lost"}`).is(200)
	s.addKey(domain.APIKey{Role: domain.RolePOS})
	ask := func(body string) answer {
		return s.ask(domain.RolePOS, "POST", "/v1/lookups", body).with("X-Request-Id", "same").send()
	}
	texts := map[string]bool{}
	for _, body := range []string{`{"card":"620012345678"}`, `{"card":"x"}`, `{"code":"ABCDEFGH"}`,
		`{"phone":"+8613800138000"}`, `{"phone":"nonsense"}`, `{"email":"a@b.c"}`, `{"customer_ref":"C-2"}`,
		`{"customer_ref":"ö"}`} {
		texts[ask(body).refused(404, "not_found").text] = true
	}
	if len(texts) != 1 {
		t.Errorf("got %d answers to what is not found: %v", len(texts), texts)
	}
	for _, body := range []string{`{}`, `{"card":"620012345678","code":"ABCDEFGH"}`, `{"card":""}`} {
		ask(body).refused(400, "malformed")
	}
	for range 100 { // what is found costs nothing
		ask(`{"customer_ref":"C-1"}`).is(200)
	}
	for range 12 {
		ask(`{"card":"620000000000"}`).refused(404, "not_found")
	}
	ask(`{"card":"620000000000"}`).refused(429, "rate_limited")
	ask(`{"customer_ref":"C-1"}`).refused(429, "rate_limited")
	s.finds("customer_ref", "C-1", anna) // another key is another brake

	quiet := open(t, func(c *api.Config) {
		c.Logger, c.People = slog.New(slog.NewJSONHandler(&log, nil)), people
	})
	quiet.addKey(domain.APIKey{Role: admin})
	quiet.post("/v1/lookups", `{"card":"620012345678"}`).refused(503, "no_master_key")
	quiet.post("/v1/lookups", `{"phone":"13800138000"}`).is(404)
	log.mu.Lock()
	defer log.mu.Unlock()
	if text := log.text.Bytes(); bytes.Contains(text, []byte("620012345678")) ||
		bytes.Contains(text, []byte("13800138000")) {
		t.Errorf("the log says what was looked up: %s", text)
	}
}

// TestNoMasterKeyOfCredentials: nothing is hashed without a master key.
func TestNoMasterKeyOfCredentials(t *testing.T) {
	s := openWithAdmin(t)
	anna := s.account("C-1", "")
	s.bind(anna, "card", "620012345678").refused(503, "no_master_key")
	s.bind(anna, "phone", "13800138000").refused(503, "no_master_key")
	for _, body := range []string{`{"card":"620012345678"}`, `{"phone":"13800138000"}`, `{"email":"a@b.c"}`} {
		s.post("/v1/lookups", body).refused(503, "no_master_key")
	}
	s.finds("customer_ref", "C-1", anna)
	s.post(anna+"/interactions", `{"kind":"visit"}`).is(201)
	s.post(anna+"/interactions", `{"kind":"visit","text":"hello"}`).refused(503, "no_master_key")
	s.get(anna + "/interactions").is(200).has(fields{"data.0.kind": "visit", "counts.visit": "1"})
}

// TestRotation: cards that were bound under an older master key are found, and their repeats known.
func TestRotation(t *testing.T) {
	keys := []string{strings.Repeat("A", 43) + "=", strings.Repeat("AB", 21) + "A="}
	var s *shop
	ring := func(text string) *vault.Keyring {
		k, err := vault.NewKeyring(text)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	s = open(t, func(c *api.Config) { c.Keyring = ring(keys[0]) })
	s.addKey(domain.APIKey{Role: admin})
	anna := s.account("C-1", "")
	first := s.postOnce("k", anna+"/credentials", `{"kind":"card","value":"620012345678"}`).is(201)
	s.Server.Keyring = ring(keys[1] + "," + keys[0])
	s.finds("card", "620012345678", anna)
	again := s.postOnce("k", anna+"/credentials", `{"kind":"card","value":"620012345678"}`).is(201)
	if again.text != first.text {
		t.Errorf("got %s, want %s", again.text, first.text)
	}
	s.bind(anna, "card", "620012345678").refused(409, "credential_used")
	s.bind(s.account("C-2", ""), "card", "620012345678").refused(409, "credential_used")
}

// TestTrialsLeaveTheVault: what is only tried, or has no key to be known again by, makes nobody a key and
// puts nothing into the index.
func TestTrialsLeaveTheVault(t *testing.T) {
	s, people := openPeople(t)
	anna := s.account("C-1", "")
	phone := `{"kind":"phone","value":"13800138000"}`
	talk := `{"kind":"call","text":"hello"}`
	item := func(operation, body string) string {
		return `"operation":"` + operation + `","customer_ref":"C-1",` + body[1:]
	}
	s.ask(admin, "PUT", profileOf(anna)+"?dry_run=true", `{"phone":"13800138000"}`).send().is(200)
	for path, body := range map[string]string{"/credentials": phone, "/interactions": talk} {
		s.post(anna+path+"?dry_run=true", body).is(200)
		s.ask(admin, "POST", anna+path, body).without("Idempotency-Key").send().refused(400, "key_missing")
	}
	s.post("/v1/bulk?dry_run=true", `[{"key":"a",`+item("bind_credential", phone)+`,{"key":"b",`+
		item("interaction", talk)+`]`).is(200).has(fields{"0.status": "201", "1.status": "201"})
	s.post("/v1/bulk", `[{`+item("bind_credential", phone)+`]`).is(200).has(fields{"0.status": "400"})
	if _, err := people.Key(t.Context(), domain.AccountID("C-1")); !errors.Is(err, vault.ErrNoKey) {
		t.Errorf("got %v, want no key", err)
	}
	s.bind(anna, "phone", "13900139000").is(201)
	s.post(anna+"/credentials?dry_run=true", phone).is(200)
	if found, err := people.Find(t.Context(), "phone", "+8613800138000"); err != nil || len(found) > 0 {
		t.Errorf("got %v, %v in the index, want nothing", found, err)
	}
}

// TestBindingIsNoLookup: whoever tries to bind what may be somebody's is braked like a look-up, in bulk
// too.
func TestBindingIsNoLookup(t *testing.T) {
	s, _ := openPeople(t)
	anna, bert := s.account("C-1", ""), s.account("C-2", "")
	s.bind(anna, "card", "620012345678").is(201)
	s.finds("card", "620012345678", anna) // the read models know it
	s.addKey(domain.APIKey{Role: domain.RoleSupport})
	items := make([]string, 30)
	for i := range items {
		items[i] = fmt.Sprintf(`{"key":"k%d","operation":"bind_credential","customer_ref":"C-2",`+
			`"kind":"card","value":"620012345678"}`, i)
	}
	got := s.ask(domain.RoleSupport, "POST", "/v1/bulk?dry_run=true", "["+strings.Join(items, ",")+"]").
		send().is(200).has(fields{"0.body.code": "credential_used", "29.body.code": "rate_limited"})
	if n := strings.Count(got.text, "credential_used"); n > 2*22 { // in type and code
		t.Errorf("got %d answers", n/2)
	}
	s.ask(domain.RoleSupport, "POST", "/v1/lookups", `{"card":"620000000000"}`).send().
		refused(429, "rate_limited")
	s.bind(bert, "card", "620012349999").is(201)
}
