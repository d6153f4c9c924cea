package projections

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/projections/placetest"
)

func hashed(n int) domain.HashedValue {
	return domain.HashedValue{KeyedHash: fmt.Sprintf("%064x", n), Last4: fmt.Sprintf("%04d", n)}
}

// TestCredentialsAndInteractions: what the tables show, and every way in which check finds them wrong.
func TestCredentialsAndInteractions(t *testing.T) {
	for _, row := range []struct{ name, query, detail string }{
		{"nothing", "", ""},
		{"a status", "UPDATE credentials SET status = 'active' WHERE status = 'replaced'",
			"status active, want replaced"},
		{"a hash", "UPDATE credentials SET keyed_hash = 'x' WHERE status = 'active'", "keyed_hash x, want"},
		{"a missing credential", "DELETE FROM credentials WHERE status = 'active'", "is missing"},
		{"a rating", "UPDATE interactions SET rating = 5 WHERE kind = 'complaint'", "rating 5, want 1"},
		{"a missing interaction", "DELETE FROM interactions WHERE kind = 'visit'", "is missing"},
		{"another account's", "UPDATE interactions SET account_id = '" + domain.AccountID("x").String() +
			"' WHERE kind = 'visit'", "no such account"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := newShop(t, memory(t))
			id := s.account("C-1")
			var none domain.Context
			first := s.must(id, domain.BindCredential{Kind: domain.CredentialCard, HashedValue: hashed(1)}, none)
			card := first[0].Metadata.EventID
			s.must(id, domain.BlockCredential{CredentialID: card, Reason: "lost"}, none)
			s.must(id, domain.ReplaceCredential{CredentialID: card, HashedValue: hashed(2)}, none)
			for _, kind := range []domain.InteractionKind{domain.InteractionVisit, domain.InteractionVisit} {
				s.must(id, domain.RecordInteraction{Kind: kind, Channel: "shop"}, none)
			}
			s.must(id, domain.RecordInteraction{Kind: domain.InteractionComplaint, Rating: 1, About: "T-1",
				SealedText: "SEALED", KeyID: "k"}, none)
			m := open(t, placetest.Place(t), s.store, Options{Batch: 1})
			wait(t, m)
			for n, want := range []string{"[]", "[]", fmt.Sprint([]string{id.String()})} {
				got, err := m.CredentialAccounts(t.Context(), domain.CredentialCard,
					[]string{hashed(n).KeyedHash, hashed(99).KeyedHash})
				if err != nil || fmt.Sprint(got) != want {
					t.Errorf("card %d: got %v, %v, want %s", n, got, err, want)
				}
			}
			counts, err := m.InteractionCounts(t.Context(), id)
			if got := fmt.Sprint(counts); err != nil || got != "map[complaint:1 visit:2]" {
				t.Errorf("got %s, %v", got, err)
			}
			page, err := m.Interactions(t.Context(), InteractionFilter{id}, Paging{Limit: 2})
			if err != nil || len(page.Data) != 2 || page.Data[0].Rating != 1 || page.Data[0].About != "T-1" {
				t.Fatalf("got %+v, %v", page, err)
			}
			if page, err = m.Interactions(t.Context(), InteractionFilter{id}, Paging{Cursor: page.Next}); err != nil ||
				len(page.Data) != 1 || page.Data[0].Channel != "shop" || page.Next != "" {
				t.Fatalf("got %+v, %v", page, err)
			}
			if text := dump(t, m); strings.Contains(text, "SEALED") {
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

// TestAuditOfWebhooks: who reads the audit learns where events are sent, and no secret.
func TestAuditOfWebhooks(t *testing.T) {
	s := newShop(t, memory(t))
	hook := domain.Webhook{ID: uuid.UUID{1}, URL: "https://shop.example:8443/in/T0KEN?key=T0KEN",
		Status: domain.WebhookActive, SealedSecret: "SEALED-1"}
	s.register(domain.RegisterWebhook{Webhook: hook})
	hook.SealedSecret = "SEALED-2"
	s.register(domain.ChangeWebhook{Webhook: hook, Rotate: true})
	m := open(t, placetest.Place(t), s.store, Options{})
	wait(t, m)
	page, err := m.Audit(t.Context(), AuditFilter{Type: "WebhookChanged"}, Paging{})
	if err != nil || len(page.Data) != 1 {
		t.Fatalf("got %+v, %v", page, err)
	}
	if got := string(page.Data[0].After); !strings.Contains(got, `"url":"https://shop.example:8443"`) {
		t.Errorf("got %s", got)
	}
	if text := dump(t, m); strings.Contains(text, "SEALED") || strings.Contains(text, "T0KEN") {
		t.Errorf("a webhook's secret stands in a read model: %s", text)
	}
}
