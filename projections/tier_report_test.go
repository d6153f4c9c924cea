package projections

import (
	"slices"
	"testing"
	"time"

	"github.com/tillbook/tillbook/domain"
)

// TestTierReportCountsWhatIsHeld: a change that was recorded later counts, even where it began earlier than
// the one before it, as that of a sale that a till brings late.
func TestTierReportCountsWhatIsHeld(t *testing.T) {
	day := func(day int) time.Time { return time.Date(2026, 3, day, 12, 0, 0, 0, time.UTC) }
	sale := func(c *chronicle, at time.Time) {
		c.must("DebitPosted", c.ask(c.accounts[1], domain.Debit{Amount: yuan("1.00")},
			domain.Context{OccurredAt: at, Channel: domain.ChannelOffline}))
	}
	gold := func(c *chronicle) {
		c.must("TierOverridden", c.ask(c.accounts[1], domain.OverrideTier{Tier: "gold", Reason: "friend"},
			domain.Context{}))
	}
	over := func(c *chronicle) {
		c.must("TierOverrideEnded", c.ask(c.accounts[1], domain.EndTierOverride{Reason: "no friend"},
			domain.Context{}))
	}
	for _, test := range []struct {
		name  string
		tells func(c *chronicle)
		on    map[int]string // by day of March: the tier that one account holds, "" the first
	}{
		{"a visit makes silver at once", func(c *chronicle) {
			c.now = day(8)
			sale(c, c.now)
		}, map[int]string{7: "", 9: "silver", 20: "silver"}},
		{"a visit of the 8th that is told on the 10th makes silver since the 8th", func(c *chronicle) {
			c.now = day(10)
			sale(c, day(8))
		}, map[int]string{7: "", 9: "silver", 20: "silver"}},
		{"gold was given from the 5th to the 10th", func(c *chronicle) {
			c.now = day(5)
			gold(c)
			c.now = day(10)
			over(c)
		}, map[int]string{4: "", 6: "gold", 11: ""}},
		{"gold ended on the 10th, and a visit of the 9th is told on the 11th", func(c *chronicle) {
			c.now = day(5)
			gold(c)
			c.now = day(10)
			over(c)
			c.now = day(11)
			sale(c, day(9))
		}, map[int]string{4: "", 6: "gold", 12: "silver", 20: "silver"}},
		{"two visits of the 8th are told on the 10th, when one made silver on the 9th", func(c *chronicle) {
			c.now = day(9)
			sale(c, c.now)
			c.now = day(10)
			sale(c, day(8))
			sale(c, day(8))
		}, map[int]string{8: "", 10: "gold", 20: "gold"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			store := memory(t)
			c := newChronicle(t, store)
			defer c.Close()
			c.found()
			test.tells(c)
			m := open(t, t.TempDir(), store, Options{})
			for on, want := range test.on {
				r, err := m.TierReport(t.Context(), day(on), time.Time{})
				if err != nil {
					t.Fatal(err)
				}
				got := ""
				for _, count := range r.Counts {
					if count.Rank > 0 && count.Members > 0 {
						got += count.Tier
					}
				}
				if got != want {
					t.Errorf("March %d: got %q, want %q", on, got, want)
				}
			}
		})
	}
}

// TestTierReportMovesWhoMoved: who holds at the end what was held at the beginning has not moved, whatever was
// held between. The first tier is one, under whatever name.
func TestTierReportMovesWhoMoved(t *testing.T) {
	store := memory(t)
	c := newChronicle(t, store)
	defer c.Close()
	c.found()
	began, who := c.now, c.accounts[1]
	c.now = c.now.AddDate(0, 0, 1)
	c.must("TierOverridden", c.ask(who, domain.OverrideTier{Tier: "gold", Reason: "friend"}, domain.Context{}))
	gold := c.now
	c.now = c.now.AddDate(0, 0, 1)
	c.must("TierOverrideEnded", c.ask(who, domain.EndTierOverride{Reason: "no friend"}, domain.Context{}))
	m := open(t, t.TempDir(), store, Options{})
	for _, row := range []struct {
		name     string
		from, at time.Time
		want     []TierMove
	}{
		{"up", began, gold, []TierMove{{"", "gold", 1}}},
		{"down", gold, c.now, []TierMove{{"gold", "", 1}}},
		{"up and down", began, c.now, nil},
	} {
		r, err := m.TierReport(t.Context(), row.at, row.from)
		if err != nil || !slices.Equal(r.Moves, row.want) {
			t.Errorf("%s: got %v, %v, want %v", row.name, r.Moves, err, row.want)
		}
	}
}

// TestTierReportCountsMembers: a voucher that spent its way to a tier is no member, and takes no member's
// place in the first.
func TestTierReportCountsMembers(t *testing.T) {
	store := memory(t)
	c := newChronicle(t, store)
	defer c.Close()
	c.found()
	began, members := c.now, int64(len(c.accounts))
	voucher := c.sellVoucher(yuan("25.00"), domain.Context{})
	c.now = c.now.AddDate(0, 0, 1)
	c.must("TierOverridden", c.ask(voucher, domain.OverrideTier{Tier: "gold", Reason: "sold"},
		domain.Context{}))
	r, err := open(t, t.TempDir(), store, Options{}).TierReport(t.Context(), c.now, began)
	if want := []TierCount{{Members: members}}; err != nil || !slices.Equal(r.Counts, want) || len(r.Moves) > 0 {
		t.Errorf("got %v, and %v moved, %v, want %v", r.Counts, r.Moves, err, want)
	}
}
