package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
)

// saleRounds is how often the service of TestSalesSIGKILL is killed.
const saleRounds = 3

// TestSalesSIGKILL kills the service at random moments under claims of a promo code with a budget, sales
// with those coupons, of capped redemptions and discounts, and claims of single-use codes. Each is there
// once, with the answer first given; the campaign has reserved what was committed, and what died.
func TestSalesSIGKILL(t *testing.T) {
	m := &marketplace{person: &person{T: t, data: t.TempDir(), master: testMasterKey}}
	m.start()
	openAccounts(t, m.process)
	m.open()
	for round := range saleRounds {
		m.retry()
		m.sellUntilKilled(round, 100+rand.IntN(200))
		m.start()
	}
	m.retry()
	for _, e := range m.errands {
		again := *e
		if err := again.ask(m.process); err != nil || !bytes.Equal(again.answer, e.answer) {
			t.Fatalf("repeat of %s: got %s, %v, want %s", e.key, again.answer, err, e.answer)
		}
	}
	if err := m.stop(); err != nil {
		t.Fatal(err)
	}
	check := exec.Command(os.Args[0], "check", "--data", m.data)
	check.Env = append(os.Environ(), asMain+"=1")
	if out, err := check.CombinedOutput(); err != nil {
		t.Errorf("check: %v\n%s", err, out)
	}
	m.prove()
}

// marketplace is a service with a campaign, and what its callers mean to happen once.
type marketplace struct {
	*person
	codes   []string
	errands []*errand
}

// errand is one request of a caller.
type errand struct {
	path, key, body string
	answer          []byte // nil until it was acknowledged
}

func (e *errand) ask(c *process) error {
	status, body, err := post(c, e.path, e.key, e.body)
	if err == nil && status != http.StatusCreated {
		err = fmt.Errorf("got %d %s", status, body)
	}
	if err == nil {
		e.answer = body
	}
	return err
}

// id is the id that the answer gives.
func (e *errand) id() string {
	var told struct{ ID string }
	_ = json.Unmarshal(e.answer, &told)
	return told.ID
}

func (m *marketplace) open() {
	m.Helper()
	checker := m.ask(201, "POST", "/v1/keys", `{"name":"checker","role":"approver"}`, "key")
	m.ask(201, "POST", "/v1/campaigns", `{"id":"spring","name":"Spring","budgets":{"issues":9000,
		"redemptions":9000,"discount":{"amount":"9000.00","unit":"CNY"}}}`, "id")
	m.ask(201, "POST", "/v1/campaigns/spring/definitions", `{"id":"off","kind":"amount_off","unit":"CNY",
		"value":{"amount":{"amount":"0.07","unit":"CNY"}},"promo_code":{"code":"SPRING-26","per_account":1000}}`,
		"id")
	r, err := http.NewRequest("POST", m.url+"/v1/campaigns/spring/approve", strings.NewReader("{}"))
	if err != nil {
		m.Fatal(err)
	}
	r.Header = http.Header{"Authorization": {"Bearer " + checker}, "Idempotency-Key": {"approve"},
		"Content-Type": {"application/json"}}
	answer, err := http.DefaultClient.Do(r)
	if err != nil || answer.StatusCode != http.StatusOK {
		m.Fatalf("approve: got %v, %v", answer, err)
	}
	answer.Body.Close()
	m.ask(200, "POST", "/v1/campaigns/spring/activate", "{}", "id")
	batch := m.ask(201, "POST", "/v1/campaigns/spring/codes", `{"definition":"off@1","count":1000}`, "id")
	file := m.text(200, "POST", "/v1/campaigns/spring/codes/"+batch+"/export", "")
	m.codes = strings.Fields(file)[1:]
}

// retry asks again for what was not answered.
func (m *marketplace) retry() {
	m.Helper()
	for _, e := range m.errands {
		if e.answer != nil {
			continue
		}
		if err := e.ask(m.process); err != nil {
			m.Fatalf("retry of %s: %v", e.key, err)
		}
	}
}

// sellUntilKilled has callers claim and buy until so much was answered, and kills the service under them.
func (m *marketplace) sellUntilKilled(round, after int) {
	var mu sync.Mutex // of errands and answers
	var wait sync.WaitGroup
	answers, was := 0, m.process
	ask := func(e *errand) bool {
		mu.Lock()
		m.errands = append(m.errands, e)
		mu.Unlock()
		if e.ask(was) != nil {
			return false // the service is gone
		}
		mu.Lock()
		defer mu.Unlock()
		if answers++; answers == after {
			go was.kill()
		}
		return true
	}
	for caller := range killCallers {
		wait.Go(func() {
			for i := 0; ; i++ {
				account, key := accountPath((caller+i)%killAccounts), fmt.Sprintf("%d-%d-%d", round, caller, i)
				claim := &errand{path: account + "/coupons/claim", key: "claim-" + key, body: `{"code":"SPRING-26"}`}
				if !ask(claim) {
					return
				}
				sale := &errand{path: account + "/checkouts", key: "sale-" + key, body: fmt.Sprintf(
					`{"lines":[{"product":"tea","unit_price":{"amount":"1.00","unit":"CNY"}}],
					"coupons":[%q],"stored_value":"rest"}`, claim.id())}
				if !ask(sale) {
					return
				}
				mu.Lock()
				code := m.codes[0]
				m.codes = m.codes[1:]
				mu.Unlock()
				if !ask(&errand{path: account + "/coupons/claim", key: "code-" + key,
					body: fmt.Sprintf(`{"code":%q}`, code)}) {
					return
				}
			}
		})
	}
	wait.Wait()
	was.kill()
}

// prove holds the log to the errands: each has one event, and every reservation one end at most. What has
// none belonged to those who died.
func (m *marketplace) prove() {
	m.Helper()
	store, done, err := openForReading(m.Context(), place{data: m.data})
	if err != nil {
		m.Fatal(err)
	}
	defer done()
	budget, posted, ends := domain.NewBudget(), map[string]int{}, map[uuid.UUID]int{}
	open := 0
	for e, err := range store.ReadAll(m.Context(), 0, "campaign-", "account-") {
		if err != nil {
			m.Fatal(err)
		}
		p, err := domain.Decode(e.Type, e.Data, e.Metadata, int64(e.Revision))
		if err == nil && e.Stream == domain.CampaignStream("spring") {
			err = budget.Apply(p)
		}
		if err != nil {
			m.Fatal(err)
		}
		switch about := p.Event.(type) {
		case domain.BudgetReserved:
			open++
		case domain.BudgetReleased:
			open--
			ends[about.ReservationID]++
		case domain.Committing:
			open--
			ends[about.Reserved()]++
		}
		switch p.Event.(type) {
		case domain.CouponGranted, domain.CheckoutPosted:
			posted[p.Metadata.IdempotencyKey]++
		case domain.CouponRedeemed:
			posted["uses"]++
		}
	}
	sales := 0
	for _, e := range m.errands {
		if posted[e.key] != 1 {
			m.Errorf("%s is posted %d times, want once", e.key, posted[e.key])
		}
		if strings.HasPrefix(e.key, "sale-") {
			sales++
		}
	}
	for id, n := range ends {
		if n != 1 {
			m.Errorf("reservation %s has %d ends", id, n)
		}
	}
	granted := int64(len(m.errands) - sales)
	reserved := budget.Issued + budget.Redeemed
	m.Logf("%d granted, %d sold, %d reserved by those who died", granted, sales, open)
	if posted["uses"] != sales || budget.Issued < granted || budget.Redeemed < int64(sales) ||
		reserved != granted+int64(sales)+int64(open) || open > saleRounds*killCallers {
		m.Errorf("got %d issued for %d, %d redeemed for %d, %d open", budget.Issued, granted, budget.Redeemed,
			sales, open)
	}
}
