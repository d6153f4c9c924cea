package main

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
)

// cdnowTiers are tiers by the dollars of a calendar year.
const cdnowTiers = `{"terms":{"zone":"UTC","tiers":{"metric":"spend","unit":"USD",
	"window":{"kind":"calendar","of":"year"},"downgrade":"reassess",
	"tiers":[{"name":"普通"},{"name":"银卡","from":"100.00"},{"name":"金卡","from":"300.00"},
		{"name":"钻石","from":"1000.00"}]}}}`

// publish publishes a version of the program that rules everyone.
func (o office) publish(program string) {
	o.Helper()
	c, done, err := connect(o.Context(), o.place())
	if err != nil {
		o.Fatal(err)
	}
	defer done()
	err = c.do(o.Context(), "POST", "/v1/programs/default/versions", "tiers", rawJSON(program), nil)
	if err != nil {
		o.Fatal(err)
	}
}

// rawJSON is JSON as it stands.
type rawJSON string

func (r rawJSON) MarshalJSON() ([]byte, error) { return []byte(r), nil }

// endTiers has the service's sweeper end what periods of tiers are over by now, until none is left.
func (o office) endTiers() {
	o.Helper()
	cfg := defaultConfig()
	cfg.data, cfg.eventstore, cfg.listen, cfg.webhooks = o.data(), o.log, "", false
	s, err := openService(o.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		o.Fatal(err)
	}
	defer s.close()
	ctx, cancel := context.WithCancel(o.Context())
	defer cancel()
	s.ledger.RunSweeper(ctx, time.Millisecond,
		func(ctx context.Context, by time.Time) iter.Seq2[uuid.UUID, error] {
			return func(yield func(uuid.UUID, error) bool) {
				if ctx.Err() != nil {
					return // the sweeper may look once more after it was told to end
				}
				if err := s.models.WaitHead(ctx); err != nil {
					o.Error(err)
					cancel()
					return
				}
				left := false
				for id, err := range s.models.DueTiers(ctx, by, by) {
					if left = true; err != nil {
						o.Error(err)
						cancel()
					}
					if !yield(id, err) {
						return
					}
				}
				if !left {
					cancel()
				}
			}
		})
}

// wantTiers wants so many members of each tier at an instant, as the report of tiers says.
func (o office) wantTiers(at, want string) {
	o.Helper()
	c, done, err := connect(o.Context(), o.place())
	if err != nil {
		o.Fatal(err)
	}
	defer done()
	var report struct {
		Data []struct {
			Tier    string `json:"tier"`
			Members int64  `json:"members"`
		} `json:"data"`
	}
	path := "/v1/reports/tiers?at=" + url.QueryEscape(at)
	if err := c.do(o.Context(), "GET", path, "", nil, &report); err != nil {
		o.Fatal(err)
	}
	var got []string
	for _, count := range report.Data {
		got = append(got, fmt.Sprint(count.Tier, " ", count.Members))
	}
	if all := strings.Join(got, ", "); all != want {
		o.Errorf("tiers at %s: got %s, want %s", at, all, want)
	}
}

// wantCDNOWTiers ends the years whose purchases were imported, and wants the tiers that each of them
// left, by its own spend alone.
func (o office) wantCDNOWTiers() {
	o.Helper()
	o.endTiers()
	o.wantTiers("1997-12-31T23:59:59Z", "钻石 102, 金卡 1075, 银卡 4043, 普通 18350")
	o.wantTiers("1999-01-01T00:00:00Z", "钻石 23, 金卡 228, 银卡 1053, 普通 22266")
	o.wantTiers("2000-01-01T00:00:00Z", fmt.Sprintf("普通 %d", cdnowCustomers))
	exact := domain.AccountID("CD-02144") // who spent 100.00 in 1997
	for _, e := range o.events() {
		if first, ok := e.Event.(domain.TierChanged); ok && e.stream == domain.AccountStream(exact) {
			if first.To != "银卡" || first.Value.String() != "100.00" {
				o.Errorf("customer 02144: got %+v, want 银卡 by 100.00", first)
			}
			return
		}
	}
	o.Error("customer 02144 reached no tier")
}
