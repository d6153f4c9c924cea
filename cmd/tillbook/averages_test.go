package main

import (
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
)

// TestAveragesAreLookedAtDaily: where tiers go by an average, each account that has had its unit is listed
// once a day of the program's zone, and the next day if the look did not come to its end; no other is.
func TestAveragesAreLookedAtDaily(t *testing.T) {
	cfg := defaultConfig()
	cfg.data, cfg.listen, cfg.webhooks = t.TempDir(), "", false
	s, err := openService(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	if err := s.ledger.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	by := ledger.Caller{Actor: "test", Role: domain.RoleAdmin}
	do := func(ref string, c domain.Command) {
		_, err := s.ledger.Do(t.Context(), ledger.Request{Account: domain.AccountID(ref), Command: c,
			Key: uuid.NewString(), Caller: by})
		if err != nil {
			t.Fatal(err)
		}
	}
	cny, _ := domain.ISOUnit("CNY")
	hundred := domain.MustMoney("100", cny).Quantity
	publish := func(metric domain.TierMetric) {
		_, err := s.ledger.Register(t.Context(), ledger.Registering{Key: uuid.NewString(), Caller: by,
			Registration: domain.PublishProgram{ID: "default", Terms: domain.Terms{Zone: "Asia/Shanghai",
				Tiers: &domain.TierRules{Metric: metric, Unit: "CNY", Downgrade: domain.DowngradeReassess,
					Window: domain.TierWindow{Kind: domain.WindowRolling, Days: 10},
					Tiers: []domain.TierTerms{{Name: "base"},
						{Name: "silver", From: hundred, Keep: hundred}}}}}})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, ref := range []string{"C-1", "C-2", "C-3"} {
		do(ref, domain.OpenAccount{CustomerRef: ref})
	}
	for _, ref := range []string{"C-1", "C-2"} {
		do(ref, domain.TopUp{Amount: domain.MustMoney("5", cny), TopUpTerms: domain.DefaultTerms()})
	}
	if err := s.models.WaitHead(t.Context()); err != nil {
		t.Fatal(err)
	}
	looks := func(at time.Time, most int) (n int) {
		s.averages(t.Context(), at, func(_ uuid.UUID, err error) bool {
			if n++; err != nil {
				t.Error(err)
			}
			return n < most
		})
		return n
	}
	publish(domain.MetricSpend)
	midnight := time.Now().AddDate(0, 0, 2).UTC().Truncate(24 * time.Hour).Add(16 * time.Hour) // there
	if n := looks(midnight, 9); n != 0 {
		t.Errorf("by spend: got %d accounts, want none", n)
	}
	publish(domain.MetricAverage)
	for i, look := range []struct {
		at         time.Time
		most, want int
	}{
		{midnight, 9, 2},
		{midnight.Add(time.Hour), 9, 0},
		{midnight.Add(24*time.Hour - 1), 9, 0},
		{midnight.Add(24 * time.Hour), 1, 1}, // and was stopped
		{midnight.Add(25 * time.Hour), 9, 2},
		{midnight.Add(26 * time.Hour), 9, 0},
	} {
		if n := looks(look.at, look.most); n != look.want {
			t.Errorf("look %d: got %d accounts, want %d", i, n, look.want)
		}
	}
}
