package ledger_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/enginetest"
)

// patient asks again with the same key while the ledger is busy.
func (s shop) patient(ref, key string, c domain.Command) (ledger.Answer, error) {
	a, err := s.askOf(ref, key, c)
	for errors.Is(err, ledger.ErrBusy) {
		a, err = s.askOf(ref, key, c)
	}
	return a, err
}

// TestSalesOnLittleBudget: forty accounts, each at two nodes at once, buy with coupons of a budget for ten
// sales. No more than ten get it; where they ask again, since a try that lost may have held the last of
// it, as many as there are. Goods that come back make room for as many others.
func TestSalesOnLittleBudget(t *testing.T) {
	const accounts, most = 40, 10
	store := enginetest.Open(t)
	m := market{T: t, nodes: []shop{node(t, store), node(t, store)}}
	m.nodes[0].offer("one", domain.Budgets{Redemptions: 100, Discount: yuan("105.00")}, yuanOff("10.00"))
	for i := range accounts {
		m.nodes[0].openAs(nth(i))
		m.nodes[0].mustOf(nth(i), "fill", topUp("1000.00"))
		m.coupons = append(m.coupons, m.nodes[0].couponOf(nth(i), "one"))
	}
	if err := m.nodes[1].CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	for round := range 4 {
		m.sales()
		b, n := m.nodes[round%2].reservedNow(store, "one"), len(m.sold())-m.back
		if b.Redeemed != int64(n) || n > most || round%2 == 1 && n < most {
			t.Fatalf("got %d sales whose goods did not come back, %s, want %d", n, counted(b), most)
		}
		if round == 1 {
			m.bringBack(4)
		}
	}
}

// market is a number of accounts that buy at several nodes, each with a coupon of its own.
type market struct {
	*testing.T
	nodes   []shop
	coupons []uuid.UUID
	sale    [40]atomic.Pointer[uuid.UUID]
	back    int // sales of which the goods came back
}

func (m *market) sales() {
	var wait sync.WaitGroup
	for i, coupon := range m.coupons {
		for _, s := range m.nodes {
			wait.Go(func() {
				a, err := s.patient(nth(i), "sale", sale(coupon))
				if err == nil {
					id := a.First().Metadata.EventID
					m.sale[i].Store(&id)
				} else if !errors.Is(err, domain.ErrBudgetExhausted) {
					m.Errorf("%s: %v", nth(i), err)
				}
			})
		}
	}
	wait.Wait()
}

// sold are the accounts that have bought.
func (m *market) sold() (all []int) {
	for i := range m.sale {
		if m.sale[i].Load() != nil {
			all = append(all, i)
		}
	}
	return all
}

// bringBack has goods of so many sales come back, at both nodes at once.
func (m *market) bringBack(sales int) {
	var wait sync.WaitGroup
	m.back += sales
	for _, i := range m.sold()[:sales] {
		back := domain.ReturnCheckout{CheckoutID: *m.sale[i].Load(), Lines: []domain.ReturnLine{{N: 1, Qty: 2}}}
		for _, s := range m.nodes {
			wait.Go(func() {
				if _, err := s.patient(nth(i), "return", back); err != nil {
					m.Errorf("%s: %v", nth(i), err)
				}
			})
		}
	}
	wait.Wait()
}

// TestOneCouponAtTwoTills: sixteen sales want one coupon at once at two nodes; one has it.
func TestOneCouponAtTwoTills(t *testing.T) {
	store := enginetest.Open(t)
	nodes := []shop{node(t, store), node(t, store)}
	coupon := openCapped(nodes[0])[0]
	if err := nodes[1].CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	var won atomic.Int32
	var wait sync.WaitGroup
	for i := range 16 {
		wait.Go(func() {
			_, err := nodes[i%2].patient("C-1", fmt.Sprint("sale ", i), sale(coupon))
			for errors.Is(err, domain.ErrBudgetExhausted) { // others hold it until they have lost
				_, err = nodes[i%2].patient("C-1", fmt.Sprint("sale ", i), sale(coupon))
			}
			if err == nil {
				won.Add(1)
			} else if !errors.Is(err, domain.ErrCouponUsed) {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if got := nodes[1].available(); won.Load() != 1 || got != "910.00" {
		t.Errorf("got %d sales and %s left, want one of 90.00", won.Load(), got)
	}
	nodes[0].wantExact(store, "C-1", "C-2")
}

// TestStoredConflict: a store may tell of a conflict with the very events that it has stored. The answer
// is found again then, and what it committed stands.
func TestStoredConflict(t *testing.T) {
	store := &faulty{Store: enginetest.Open(t)}
	s := open(t, store)
	s.openAs("C-1")
	spring(s, domain.Budgets{Issues: 9})
	store.cutAt(1, true, &eventstore.WrongRevision{})
	if a := s.must("k", five); !a.Replayed {
		t.Error("the grant is not found again")
	}
	if n := s.issued(store); n != 1 || s.coupons("C-1") != 1 {
		t.Errorf("got %d issued and %d held, want 1", n, s.coupons("C-1"))
	}
}

// TestGiftVoucherAtTwoTills: a gift voucher is redeemed at once at two nodes, into two accounts; one gets
// all of it.
func TestGiftVoucherAtTwoTills(t *testing.T) {
	store := enginetest.Open(t)
	nodes := []shop{node(t, store), node(t, store)}
	pairOf(nodes[0], false)
	value := domain.HashedValue{KeyedHash: strings.Repeat("0", 64), Last4: "0001"}
	voucher := domain.BearerID(value.KeyedHash)
	_, err := nodes[0].Do(t.Context(), ledger.Request{Account: voucher, Key: "sell", Command: domain.SellVoucher{
		VoucherTerms: domain.VoucherTerms{Amount: yuan("50.00")}, HashedValue: value}})
	if err != nil {
		t.Fatal(err)
	}
	var won atomic.Int32
	var wait sync.WaitGroup
	for i := range 8 {
		wait.Go(func() {
			_, err := nodes[i%2].Do(t.Context(), ledger.Request{Account: voucher, Key: fmt.Sprint(i),
				Command: domain.SendTransfer{To: domain.AccountID(fmt.Sprint("C-", 1+i%2)),
					Kind: domain.TransferRedeem, Amount: yuan("0.00"), All: true}})
			if err == nil {
				won.Add(1)
			} else if !errors.Is(err, domain.ErrInsufficientFunds) {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	got := nodes[1].totals("C-1", "C-2")
	if won.Load() != 1 || got != "C-1 open 150.00, C-2 open 0.00, " && got != "C-1 open 100.00, C-2 open 50.00, " {
		t.Errorf("got %d redeemed and %s, want one", won.Load(), got)
	}
}
