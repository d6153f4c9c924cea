package projections

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/projections/placetest"
)

// TestCustomers: the table shows labels and erasures, and check finds every way it can differ.
func TestCustomers(t *testing.T) {
	vip, gone := domain.AccountID("C-1"), domain.AccountID("C-2")
	for _, row := range []struct{ name, query, detail string }{
		{"nothing", "", ""},
		{"tags", "UPDATE customers SET tags = '[]' WHERE erased_at IS NULL", `tags [], want ["vip"]`},
		{"consents", "UPDATE customers SET consents = '{}' WHERE erased_at IS NULL", `want {"messages":`},
		{"an erasure", "UPDATE customers SET erased_at = NULL", "erased_at , want 2026-03-01T"},
		{"a position", "UPDATE customers SET position = 1 WHERE erased_at IS NULL", "position 1, want"},
		{"a missing customer", "DELETE FROM customers WHERE erased_at IS NULL", "is missing"},
		{"a customer too many", "INSERT INTO customers VALUES ('" + domain.AccountID("x").String() +
			"', '[]', '{}', NULL, NULL, 0, 0)", "no such customer"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := newShop(t, memory(t))
			s.account("C-1")
			s.account("C-2")
			s.register(domain.SetProfile{ID: vip, Tags: []string{"vip"},
				Consents: map[string]bool{domain.ConsentMessages: true}})
			s.register(domain.SetProfile{ID: gone, Personal: []string{"name"}, Sealed: "SEALED",
				KeyID: "k", Hash: "HASH", Tags: []string{"gone"}})
			s.register(domain.EraseCustomer{ID: gone, Reason: "asked"})
			m := open(t, placetest.Place(t), s.store, Options{Batch: 1})
			wait(t, m)
			erased, err := m.ErasedCustomers(t.Context(), 0, 10)
			if err != nil || len(erased) != 1 || erased[0].ID != gone {
				t.Fatalf("got %v, %v", erased, err)
			}
			if again, err := m.ErasedCustomers(t.Context(), erased[0].Position, 10); err != nil || len(again) > 0 {
				t.Fatalf("got %v, %v after the last", again, err)
			}
			if text := dump(t, m); strings.Contains(text, "SEALED") || strings.Contains(text, "HASH") {
				t.Errorf("sealed text stands in a read model: %s", text)
			}
			if row.query != "" {
				edit(t, m, row.query)
			}
			report, err := Check(t.Context(), opened(s.store), m, nil)
			if err != nil || report.Clean() != (row.query == "") ||
				!strings.Contains(fmt.Sprint(report.Differences), row.detail) {
				t.Errorf("got %+v, %v, want %s", report, err, row.detail)
			}
		})
	}
}
