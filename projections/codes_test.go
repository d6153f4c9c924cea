package projections

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/projections/placetest"
)

// claimed is a shop in which four codes were claimed, one of which is redeemed, one released, one open, and
// one void.
func claimed(t *testing.T) *shop {
	s := newShop(t, memory(t))
	anna := s.account("C-1")
	s.campaigns = func(string) *domain.Campaign {
		return &domain.Campaign{ID: "spring", Status: domain.CampaignIsActive,
			Definitions: []*domain.Definition{{ID: "ten", Version: 1, Kind: domain.AmountOff, Uses: 1,
				Consideration: domain.ConsiderFree}}}
	}
	claim := func(serial uint32) (domain.CodeRef, uuid.UUID) {
		code := domain.CodeRef{BatchID: uuid.UUID{1}, Serial: serial}
		s.register(domain.RedeemCode{CodeRef: code, Campaign: "spring", Definition: "ten@1", AccountID: anna,
			Last4: "RJ2N"})
		for e, err := range s.store.Read(t.Context(), code.Stream(), 0) {
			if err != nil {
				t.Fatal(err)
			}
			return code, e.ID
		}
		return code, uuid.UUID{}
	}
	_, redeemed := claim(1)
	s.must(anna, domain.GrantCoupon{Campaign: "spring", Definition: "ten@1", Cause: domain.CouponByClaim,
		ClaimID: redeemed}, domain.Context{})
	code, released := claim(2)
	s.register(domain.ReleaseCode{CodeRef: code, Claim: released, Why: "account_frozen"})
	claim(3)
	s.register(domain.VoidCode{CodeRef: domain.CodeRef{BatchID: uuid.UUID{1}, Serial: 4},
		Campaign: "spring", Reason: "lost"})
	return s
}

// TestCodes: the table shows what became of codes, and check finds every way it can differ.
func TestCodes(t *testing.T) {
	for _, row := range []struct{ name, query, detail string }{
		{"nothing", "", ""},
		{"a status", "UPDATE codes SET status = 'claimed' WHERE status = 'redeemed'", "redeemed"},
		{"a missing claim", "DELETE FROM codes WHERE status = 'released'", "is missing"},
		{"one too many", "INSERT INTO codes SELECT '" + domain.AccountID("x").String() + `', batch_id, serial,
			campaign, definition, account_id, last4, status, reason, began_at, ended_at FROM codes LIMIT 1`,
			"should not be there"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := claimed(t)
			m := open(t, placetest.Place(t), s.store, Options{Batch: 1})
			wait(t, m)
			left, err := m.OpenClaims(t.Context(), s.now.AddDate(0, 0, 1))
			want := []domain.CodeRef{{BatchID: uuid.UUID{1}, Serial: 3}}
			if err != nil || !slices.Equal(left, want) {
				t.Errorf("got %v, %v open, want %v", left, err, want)
			}
			if left, err = m.OpenClaims(t.Context(), s.now.AddDate(0, 0, -1)); err != nil || len(left) > 0 {
				t.Errorf("got %v, %v open of yesterday", left, err)
			}
			used, _, err := m.UsedCodes(t.Context(), "spring")
			if got := used[uuid.UUID{1}]; err != nil || got != (UsedCodes{Redeemed: 2, Voided: 1}) {
				t.Errorf("got %+v, %v", got, err)
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
