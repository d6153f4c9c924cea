package projections

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/projections/placetest"
)

// TestAuditBeforeAndAfter has one row for each kind of before and after.
func TestAuditBeforeAndAfter(t *testing.T) {
	const key, freezes = `"key_id":"00000000-0000-0000-0000-000000000001","name":"till"`, `{"freezes":`
	stands := func(total, available, held string) string {
		return `{"total":"` + total + `","available":"` + available + `","held":"` + held + `"}`
	}
	store := memory(t)
	s := newShop(t, store)
	s.register(domain.CreateKey{APIKey: domain.APIKey{ID: uuid.UUID{15: 1}, Name: "till",
		Role: domain.RolePOS, Hash: domain.Hash{1}, Last4: "abcd"}})
	s.register(domain.RevokeKey{ID: uuid.UUID{15: 1}})
	id := s.account("C-1")
	s.must(id, topUp("100.00", ""), till("S1", "1"))
	jpy, _ := domain.ISOUnit("JPY")
	s.must(id, domain.TopUp{Amount: domain.MustMoney("500", jpy), TopUpTerms: domain.DefaultTerms()},
		till("S1", "2"))
	s.must(id, domain.PlaceHold{Amount: yuan("10.00"), TTLSeconds: 600}, till("S1", "3"))
	until := s.now.Add(time.Hour).Truncate(time.Second)
	freeze := func(reason string, end time.Time, modes ...domain.FreezeMode) {
		s.must(id, domain.FreezeAccount{Modes: modes, Reason: reason, Until: end}, domain.Context{})
	}
	freeze("lost", time.Time{}, domain.FreezeDebit)
	freeze("police", until, domain.FreezeLegal)
	freeze("longer", until, domain.FreezeDebit)
	s.must(id, domain.UnfreezeAccount{Modes: []domain.FreezeMode{domain.FreezeLegal}, Reason: "done"},
		domain.Context{})
	s.must(id, domain.UnfreezeAccount{Reason: "found"}, domain.Context{})
	late := till("S1", "4")
	late.OccurredAt = s.now.Add(-domain.MaxSkew - time.Hour)
	s.must(id, topUp("1.00", ""), late)

	end := until.Format(time.RFC3339)
	debit, legal := `{"mode":"debit"}`, `{"mode":"legal","until":"`+end+`"}`
	longer := `{"mode":"debit","until":"` + end + `"}`
	want := []struct{ kind, before, after string }{
		{"APIKeyCreated", "", "{" + key + `,"role":"pos","last4":"abcd"}`},
		{"APIKeyRevoked", "{" + key + `,"role":"pos","last4":"abcd"}`,
			`{"key_id":"00000000-0000-0000-0000-000000000001"}`},
		{"AccountOpened", "", `{"account_id":"` + domain.AccountID("C-1").String() +
			`","kind":"member","customer_ref":"C-1"}`},
		{"TopUpPosted", stands("0.00", "0.00", "0.00"), stands("100.00", "100.00", "0.00")},
		{"TopUpPosted", stands("0", "0", "0"), stands("500", "500", "0")},
		{"HoldPlaced", stands("100.00", "100.00", "0.00"), stands("100.00", "90.00", "10.00")},
		{"AccountFrozen", freezes + "[]}", freezes + "[" + debit + `],"reason":"lost"}`},
		{"AccountFrozen", freezes + "[" + debit + "]}",
			freezes + "[" + debit + "," + legal + `],"reason":"police"}`},
		{"AccountFrozen", freezes + "[" + debit + "," + legal + "]}",
			freezes + "[" + legal + "," + longer + `],"reason":"longer"}`},
		{"AccountUnfrozen", freezes + "[" + legal + "," + longer + "]}",
			freezes + "[" + longer + `],"reason":"done"}`},
		{"AccountUnfrozen", freezes + "[" + longer + "]}", freezes + `[],"reason":"found"}`},
		{"TopUpPosted", stands("100.00", "90.00", "10.00"), stands("101.00", "91.00", "10.00")},
	}
	for _, batch := range []int{1, 3, 1000} {
		m := open(t, placetest.Place(t), store, Options{Batch: batch})
		got := auditPages(t, m, AuditFilter{})
		if len(got) != len(want) {
			t.Fatalf("got %d events, want %d", len(got), len(want))
		}
		for i, w := range want {
			a := got[i]
			if a.Type != w.kind || string(a.Before) != w.before || string(a.After) != w.after {
				t.Errorf("event %d: got %s\n%s\n%s\nwant %s\n%s\n%s", i, a.Type, a.Before, a.After,
					w.kind, w.before, w.after)
			}
			if last := i == len(want)-1; a.Skewed != last {
				t.Errorf("event %d: got skewed %t, want %t", i, a.Skewed, last)
			}
		}
		clean(t, m)
		if strings.Contains(dump(t, m), `"hash"`) {
			t.Error("the tables show the hash of a key")
		}
	}
}
