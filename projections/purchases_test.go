package projections

import (
	"context"
	"fmt"
	"testing"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/projections/placetest"
)

// TestPurchases: what is bought counts once, however it is paid, and less what came back.
func TestPurchases(t *testing.T) {
	store := memory(t)
	s := newShop(t, store)
	id := s.account("C-1")
	s.must(id, topUp("100.00", ""), till("S1", "1"))
	debit := s.must(id, domain.Debit{Amount: yuan("12.50")}, till("S1", "2"))
	s.must(id, domain.Refund{DebitID: debit[0].Metadata.EventID, Amount: yuan("2.50")}, till("S1", "3"))
	sale := s.must(id, domain.Checkout{StoredValue: yuan("15.00"),
		External: []domain.Payment{{Method: "cash", Amount: yuan("5.00")}},
		Lines:    []domain.CartLine{{N: 1, Product: "tea", Qty: 2, UnitPrice: yuan("10.00")}},
	}, till("S1", "4"))
	s.must(id, domain.ReturnCheckout{CheckoutID: sale[0].Metadata.EventID,
		Lines: []domain.ReturnLine{{N: 1, Qty: 1}}}, till("S1", "5"))
	s.must(id, domain.Checkout{StoredValue: yuan("7.00"),
		Lines: []domain.CartLine{{N: 1, Product: "tea", Qty: 1, UnitPrice: yuan("7.00")}},
	}, till("S1", "6"))
	s.must(id, domain.Cancel{}, till("S1", "6"))
	m := open(t, placetest.Place(t), store, Options{})
	var sales, amount int64
	_, err := m.view(context.Background(), func(q querier) error {
		return q.QueryRowContext(context.Background(),
			"SELECT sum(sales), sum(amount) FROM purchases").Scan(&sales, &amount)
	})
	if got := fmt.Sprint(sales, " ", amount, " ", err); got != "2 2000 <nil>" {
		t.Errorf("got %s, want 2 sales of 20.00 in all", got)
	}
	clean(t, m)
}
