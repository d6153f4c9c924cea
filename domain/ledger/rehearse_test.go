package ledger

import (
	"fmt"
	"testing"
	"time"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/enginetest"
)

var yuan, _ = domain.ISOUnit("CNY")

func money(amount string) domain.Money { return domain.MustMoney(amount, yuan) }

// past is a ledger on a clock that stands where the test puts it.
type past struct {
	*testing.T
	*Ledger
	now  time.Time
	keys int
}

func newPast(t *testing.T, store eventstore.Store) *past {
	p := &past{T: t, now: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)}
	p.Ledger = Open(store, Options{Now: func() time.Time { return p.now }})
	t.Cleanup(p.Close)
	if err := p.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *past) do(customer string, c domain.Command, where domain.Context) domain.Posted {
	p.Helper()
	p.keys++
	a, err := p.Do(p.Context(), Request{Account: domain.AccountID(customer), Command: c,
		Key: fmt.Sprint("k", p.keys), Context: where, Caller: Caller{Actor: "test", Role: "admin"}})
	if err != nil {
		p.Fatal(err)
	}
	return a.First()
}

func (p *past) topUp(customer, amount string, edits ...func(*domain.TopUp)) domain.Posted {
	p.Helper()
	t := domain.TopUp{Amount: money(amount), TopUpTerms: domain.DefaultTerms()}
	for _, edit := range edits {
		edit(&t)
	}
	return p.do(customer, t, domain.Context{})
}

// version is what a version of a program becomes, published or not.
func (p *past) version(publish bool, id string, terms domain.Terms) *domain.Program {
	p.Helper()
	p.keys++
	a, err := p.Register(p.Context(), Registering{
		Registration: domain.PublishProgram{ID: id, Terms: terms}, Key: fmt.Sprint("p", p.keys),
		Caller: Caller{Actor: "test"}, DryRun: !publish})
	if err != nil {
		p.Fatal(err)
	}
	return a.First().Event.(domain.ProgramPublished).Rules()
}

func (p *past) check(v *domain.Program, atOnce int, want string) {
	p.Helper()
	from := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	got, err := p.rehearse(p.Context(), v, from, from.AddDate(0, 0, 1), atOnce)
	if err != nil {
		p.Fatal(err)
	}
	text := fmt.Sprint(got.Accounts)
	for _, s := range got.Sums {
		text += fmt.Sprintf(" %s %s-%s", s.Class, s.Would, s.Recorded)
	}
	for _, a := range got.Largest {
		for i := range 9 {
			if a.Account == domain.AccountID(fmt.Sprint("C-", i)) {
				text += fmt.Sprintf(" C-%d %s", i, a.Difference())
			}
		}
	}
	if text != want {
		p.Errorf("%d at once: got %s, want %s", atOnce, text, want)
	}
}

func bonusStep(id, from, fixed string, edits ...func(*domain.LadderStep)) domain.LadderStep {
	s := domain.LadderStep{ID: id, From: money(from), Fixed: money(fixed)}
	for _, edit := range edits {
		edit(&s)
	}
	return s
}

// TestRehearse compares what a ladder would have given with what was given, in a window and for those
// whom it would have ruled.
func TestRehearse(t *testing.T) {
	p := newPast(t, enginetest.Open(t))
	for i := range 9 {
		p.do(fmt.Sprint("C-", i), domain.OpenAccount{CustomerRef: fmt.Sprint("C-", i)}, domain.Context{})
	}
	percent, _ := domain.ParsePercent("10")
	p.version(true, "default", domain.Terms{Ladder: []domain.LadderStep{bonusStep("s", "100", "10")}})
	p.topUp("C-1", "100") // the day before
	reversed := p.topUp("C-2", "50")
	p.now = p.now.AddDate(0, 0, 1)
	p.do("C-2", domain.ReverseTopUp{TopUpID: reversed.Metadata.EventID, Cause: domain.CauseError},
		domain.Context{})
	p.topUp("C-1", "100")
	p.topUp("C-2", "500")
	p.topUp("C-3", "50")
	p.topUp("C-4", "500", func(t *domain.TopUp) { t.Bonus = money("1") })
	p.topUp("C-5", "500", func(t *domain.TopUp) { t.NoBonus = true })
	p.do("C-6", domain.TopUp{Amount: money("500"), TopUpTerms: domain.DefaultTerms()},
		domain.Context{Channel: domain.ChannelImport, OccurredAt: p.now})
	p.do("C-3", domain.Debit{Amount: money("20")}, domain.Context{})
	p.now = p.now.AddDate(0, 0, 1)
	p.topUp("C-7", "500") // the day after
	vip := p.version(true, "default", domain.Terms{Ladder: []domain.LadderStep{bonusStep("s", "100", "10")}})

	for _, atOnce := range []int{1000, 1, 2} {
		p.check(vip, atOnce, "0") // as it was
		p.check(p.version(false, "default", domain.Terms{}), atOnce,
			"2 bonus 0.00-20.00 C-2 -10.00 C-1 -10.00")
		p.check(p.version(false, "default", domain.Terms{Ladder: []domain.LadderStep{
			bonusStep("s", "50", "5"), bonusStep("l", "500", "70"),
		}}), atOnce, "3 bonus 80.00-20.00 C-2 60.00 C-3 5.00 C-1 -5.00")
		first := bonusStep("f", "10", "7", func(s *domain.LadderStep) { s.FirstTopUp = true })
		p.check(p.version(false, "default", domain.Terms{Ladder: []domain.LadderStep{first}}), atOnce,
			"3 bonus 14.00-20.00 C-1 -10.00 C-3 7.00 C-2 -3.00")
		p.check(p.version(false, "default", domain.Terms{Ladder: []domain.LadderStep{
			bonusStep("s", "100", "10")}, Cashback: []domain.CashbackRule{{ID: "c", Unit: "CNY",
			Percent: percent}}}), atOnce, "1 cashback 2.00-0.00 C-3 2.00")
	}
}

// TestRehearseLooksBack: a step that a customer may have once is had again when its top-up was reversed.
func TestRehearseLooksBack(t *testing.T) {
	p := newPast(t, enginetest.Open(t))
	p.do("C-1", domain.OpenAccount{CustomerRef: "C-1"}, domain.Context{})
	p.now = p.now.AddDate(0, 0, 1)
	once := bonusStep("s", "100", "10", func(s *domain.LadderStep) { s.PerCustomer = 1 })
	v := p.version(false, "default", domain.Terms{Ladder: []domain.LadderStep{once}})
	first := p.topUp("C-1", "100")
	p.topUp("C-1", "100")
	p.check(v, 1, "1 bonus 10.00-0.00 C-1 10.00")
	p.do("C-1", domain.ReverseTopUp{TopUpID: first.Metadata.EventID, Cause: domain.CauseError},
		domain.Context{})
	p.topUp("C-1", "100")
	p.check(v, 1, "1 bonus 20.00-0.00 C-1 20.00")
}
