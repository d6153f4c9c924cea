package api_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/tillbook/tillbook/domain"
)

// spring is an active campaign with ten off, claimed by SPRING26 or by a code of a batch.
func (s *shop) spring(budgets string) {
	s.Helper()
	s.addKeyOf(domain.APIKey{Role: domain.RoleMarketing}, keyOf("checker"))
	s.post("/v1/campaigns", `{"id":"spring","name":"Spring","budgets":`+budgets+`}`).is(201)
	s.post("/v1/campaigns/spring/definitions", `{"id":"ten","kind":"amount_off","unit":"CNY",
		"value":{"amount":{"amount":"10.00","unit":"CNY"}},"promo_code":{"code":"spring-26"}}`).is(201)
	s.ask("checker", "POST", "/v1/campaigns/spring/approve", `{}`).send().is(200)
	s.post("/v1/campaigns/spring/activate", `{}`).is(200)
}

// batch generates codes and downloads them.
func (s *shop) batch(count int) (id string, codes []string) {
	s.Helper()
	id = s.post("/v1/campaigns/spring/codes", fmt.Sprintf(`{"definition":"ten@1","count":%d}`, count)).
		is(201).at("id")
	lines := strings.Split(strings.TrimSpace(s.post("/v1/campaigns/spring/codes/"+id+"/export", `{}`).is(200).text),
		"\n")
	if lines[0] != "code" || len(lines) != count+1 {
		s.Fatalf("got %d lines, the first of which is %q", len(lines), lines[0])
	}
	return id, lines[1:]
}

func (s *shop) claim(account, code string) answer {
	s.Helper()
	return s.post(account+"/coupons/claim", `{"code":"`+code+`"}`)
}

func TestCodesOfBatch(t *testing.T) {
	s, _ := openPeople(t)
	s.spring(`{}`)
	generate := s.ask(admin, "POST", "/v1/campaigns/spring/codes", `{"definition":"ten@1","count":1000}`)
	got := generate.send().is(201)
	if again := generate.send().is(201); again.text != got.text {
		t.Errorf("a repeat is answered with %s, want %s", again.text, got.text)
	}
	export := "/v1/campaigns/spring/codes/" + got.at("id") + "/export"
	s.post(export+"?dry_run=true", ``).is(200)
	once := s.ask(admin, "POST", export, ``)
	file := once.send().is(200)
	if sum := sha256.Sum256([]byte(file.text)); hex.EncodeToString(sum[:]) != got.at("list_hash") {
		t.Errorf("the file's hash is %x, want %s", sum, got.at("list_hash"))
	}
	seen := map[string]bool{}
	for _, line := range strings.Split(strings.TrimSpace(file.text), "\n")[1:] {
		if _, ok := domain.ReadCode(line); !ok || seen[line] {
			t.Fatalf("got the line %q", line)
		}
		seen[line] = true
	}
	if len(seen) != 1000 {
		t.Errorf("got %d codes", len(seen))
	}
	once.send().refused(409, "codes_exported")
	s.post(export, `{"x":1}`).refused(400, "unknown_field")
	s.post(export, ``).refused(409, "codes_exported")

	for body, want := range map[string]string{`{"definition":"ten@1","count":0}`: "count",
		`{"definition":"ten@1","count":1000001}`: "count", `{"definition":"ten","count":1}`: "definition"} {
		s.post("/v1/campaigns/spring/codes", body).refused(400, "malformed").has(fields{"errors.0.field": want})
	}
	s.post("/v1/campaigns/winter/codes", `{"definition":"ten@1","count":1}`).refused(404, "not_found")
	s.post("/v1/campaigns/spring/codes/"+domain.AccountID("x").String()+"/export", ``).refused(404, "not_found")
	s.get("/v1/campaigns/winter/codes").refused(404, "not_found")
}

func TestCodesNeedMasterKey(t *testing.T) {
	s := openWithAdmin(t)
	s.post("/v1/campaigns/spring/codes", `{"definition":"ten@1","count":1}`).refused(503, "no_master_key")
}

// TestClaims: a code is good once, a promo code once for each account; whatever is wrong with one, the
// answer is one.
func TestClaims(t *testing.T) {
	s, _ := openPeople(t)
	s.spring(`{}`)
	anna, bert := s.account("C-1", ""), s.account("C-2", "")
	id, codes := s.batch(3)

	claim := s.ask(admin, "POST", anna+"/coupons/claim", `{"code":"`+strings.ToLower(codes[0])+`"}`)
	got := claim.send().is(201).has(fields{"definition": "ten@1", "cause": "claim",
		"code_last4": codes[0][10:]})
	if again := claim.send().is(201); again.text != got.text {
		t.Errorf("a repeat is answered with %s, want %s", again.text, got.text)
	}
	s.claim(anna, "Spring 26").is(201).has(fields{"code_last4": "NG26"})
	s.claim(bert, "SPRING26").is(201)
	s.post("/v1/codes/void", `{"code":"`+codes[1]+`","reason":"misprinted"}`).is(200).
		has(fields{"status": "voided", "batch_id": id})
	s.post("/v1/codes/void", `{"code":"`+codes[2]+`","reason":"Not A Label"}`).refused(400, "malformed")

	for name, code := range map[string]string{"used": codes[0], "used by promo": "SPRING26",
		"void": codes[1], "unknown": "VCK3-FYRT-FA64", "mistyped": "VCK3-FYRT-FA65", "none": "!"} {
		got := s.claim(bert, code).refused(422, "code_not_usable")
		if got.at("detail") != "this code cannot be used" {
			t.Errorf("%s: got %s", name, got.text)
		}
	}
	s.post("/v1/codes/void", `{"code":"`+codes[0]+`","reason":"lost"}`).refused(422, "code_not_usable")
	s.get("/v1/campaigns/spring/codes").is(200).has(fields{"data.0.count": "3", "data.0.redeemed": "1",
		"data.0.voided": "1"})

	s.post(bert+"/freeze", `{"modes":["credit"],"reason":"x"}`).is(200)
	s.claim(bert, codes[2]).refused(422, "account_frozen")
	s.claim(bert, "unknown-1").refused(422, "account_frozen")
	s.claim(anna, codes[2]).is(201)
	s.claim("/v1/accounts/"+domain.AccountID("x").String(), codes[2]).refused(404, "not_found")
	s.postOnce("fill", anna+"/top-ups", `{"amount":{"amount":"1.00","unit":"CNY"}}`).is(201)
	s.postOnce("fill", anna+"/coupons/claim", `{"code":"SPRING26"}`).refused(422, "key_reused")
	s.post("/v1/campaigns/spring/end", `{"reason":"over"}`).is(200)
	s.claim(s.account("C-3", ""), "SPRING26").refused(422, "code_not_usable")
	s.post(anna+"/coupons/claim", `{}`).refused(400, "malformed")
	s.post(anna+"/coupons/claim", `{"code":"x","issue_channel":"x"}`).refused(400, "malformed")
}

// TestGuessing: who guesses is braked, and then learns nothing of good codes either.
func TestGuessing(t *testing.T) {
	s, _ := openPeople(t)
	s.spring(`{}`)
	anna := s.account("C-1", "")
	_, codes := s.batch(1)
	var guesses sync.WaitGroup
	for i := range 30 {
		guesses.Go(func() {
			s.ask(admin, "POST", anna+"/coupons/claim", fmt.Sprintf(`{"code":"guess%d"}`, i)).send()
		})
	}
	guesses.Wait()
	s.claim(anna, codes[0]).refused(429, "rate_limited")
	s.claim(anna, "SPRING26").refused(429, "rate_limited")
}

// TestPromoCodeAtOnce: a promo code is claimed by many at once, and no more often than its budget says.
func TestPromoCodeAtOnce(t *testing.T) {
	s, _ := openPeople(t)
	const budget, asked = 20, 60
	s.spring(fmt.Sprintf(`{"issues":%d}`, budget))
	var accounts []string
	for i := range asked {
		accounts = append(accounts, s.account(fmt.Sprint("C-", i), ""))
	}
	var granted atomic.Int32
	var all sync.WaitGroup
	for _, account := range accounts {
		all.Go(func() {
			if s.ask(admin, "POST", account+"/coupons/claim", `{"code":"SPRING26"}`).send().status == 201 {
				granted.Add(1)
			}
		})
	}
	all.Wait()
	if got := granted.Load(); got != budget {
		t.Errorf("got %d coupons, want %d", got, budget)
	}
}
