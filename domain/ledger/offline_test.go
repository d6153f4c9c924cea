package ledger_test

import (
	"errors"
	"testing"
	"time"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
	"github.com/tillbook/tillbook/eventstore/enginetest"
)

// TestOffline posts debits after the value they took has expired: one that a till made in time while it
// was cut off passes, one made now does not, and one from too long ago is decided now, and flagged.
func TestOffline(t *testing.T) {
	began := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	watch := &clock{now: began}
	l := ledger.Open(enginetest.Open(t), ledger.Options{Now: watch.Now})
	t.Cleanup(l.Close)
	s := shop{t, l}
	s.must("open", domain.OpenAccount{CustomerRef: "C-1"})
	fill := topUp("100.00")
	fill.ExpiresAt = began.Add(time.Hour)
	s.must("fill", fill)
	watch.pass(2 * time.Hour)

	late := func(back time.Duration, channel string) domain.Context {
		return domain.Context{Channel: channel, OccurredAt: watch.Now().Add(-back)}
	}
	one := domain.Debit{Amount: yuan("1.00")}
	for _, row := range []struct {
		name   string
		where  domain.Context
		want   error
		skewed bool
	}{
		{"offline, before it expired", late(90*time.Minute, domain.ChannelOffline), nil, false},
		{"offline, after it expired", late(30*time.Minute, domain.ChannelOffline),
			domain.ErrInsufficientFunds, false},
		{"offline, too long ago", late(domain.MaxSkew+time.Hour, domain.ChannelOffline),
			domain.ErrInsufficientFunds, true},
		{"offline, to come", late(-time.Hour, domain.ChannelOffline),
			domain.ErrInsufficientFunds, false},
		{"online, dated before", late(90*time.Minute, ""), domain.ErrInsufficientFunds, false},
	} {
		a, err := s.ask(row.name, one, row.where)
		if !errors.Is(err, row.want) {
			t.Errorf("%s: got %v, want %v", row.name, err, row.want)
			continue
		}
		if got := a.First().Metadata.Skewed; got != row.skewed {
			t.Errorf("%s: got skewed %t, want %t", row.name, got, row.skewed)
		}
	}
}
