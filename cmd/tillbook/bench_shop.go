package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
)

// shop is what whole sales need on one server: buyers with stored value, points and coupons of two
// campaigns, and claimers of promo codes. All connections of a load use it at once.
type shop struct {
	*books                            // of the buyers; a sale takes salePrice
	claimers *books                   // what these took is coupons
	coupons  [2][][saleCoupons]string // ids by campaign and buyer
	capped   atomic.Int64             // sales with coupons of the capped campaign

	tenPoints string // as a request has them
}

// The campaigns of a shop. Sales use coupons of the first, or of the second, whose caps they never
// reach; claims are of the third, and of the last in a rush.
const (
	openCampaign = iota
	cappedCampaign
	claimCampaign
	rushCampaign
)

// salePrice is what stored value pays of a sale, in cents; see saleBody.
const salePrice = 46_70

// saleCoupons is how many coupons a sale uses.
const saleCoupons = 3

// mostBuyers bounds the buyers: a program lists them all.
const mostBuyers = 10_000

// shopBudget is more than a bench can take of any budget.
const shopBudget = 1_000_000_000_000

func newShop(key string, accounts int) *shop {
	accounts = min(accounts, mostBuyers)
	s := &shop{books: newBooks(rand.Text(), key, accounts),
		claimers: newBooks(rand.Text(), key, accounts)}
	s.price, s.tenPoints = salePrice, s.points(10)
	for i := range s.coupons {
		s.coupons[i] = make([][saleCoupons]string, accounts)
	}
	return s
}

// program is the id of the buyers' program, and the beginning of the campaigns' ids.
func (s *shop) program() string { return "b" + strings.ToLower(s.run) }

func (s *shop) campaign(which int) string { return fmt.Sprint(s.program(), "-", which) }

// code is the promo code of a campaign.
func (s *shop) code(which int) string { return fmt.Sprint(s.run, which) }

// points are so many of a unit of the shop's own.
func (s *shop) points(amount int) string {
	return fmt.Sprintf(`{"amount":"%d","unit":"P%s"}`, amount, s.run[:15])
}

// rushed is how many coupons there are in a rush: one for every tenth claimer.
func (s *shop) rushed() int { return max(1, len(s.claimers.paths)/10) }

// register makes the points, the program that they are earned and spent by, and the campaigns.
func (s *shop) register(ctx context.Context, c *client) error {
	checker := *c
	var made struct{ Key string }
	err := s.send(ctx, c, "/v1/keys", `{"name":"bench","role":"approver"}`, &made)
	if err != nil {
		return err
	}
	checker.key = made.Key
	ids := make([]string, len(s.paths))
	for i, path := range s.paths {
		ids[i] = `"` + strings.TrimPrefix(path, "/v1/accounts/") + `"`
	}
	unit := fmt.Sprintf(`{"code":"P%s","kind":"points","scale":0,"name":"Bench"}`, s.run[:15])
	if err := s.send(ctx, c, "/v1/units", unit, nil); err != nil {
		return err
	}
	terms := fmt.Sprintf(`{"points":[{"id":"one","points":%s,"per":{"amount":"10.00","unit":"CNY"},
		"spend":{"points":%[1]s,"worth":{"amount":"0.01","unit":"CNY"}}}]}`, s.points(1))
	err = s.send(ctx, c, "/v1/programs", fmt.Sprintf(`{"id":%q,"accounts":[%s],"terms":%s}`,
		s.program(), strings.Join(ids, ","), terms), nil)
	for which := openCampaign; which <= rushCampaign && err == nil; which++ {
		err = s.launch(ctx, c, &checker, which)
	}
	return err
}

// launch drafts a campaign with its definitions and has it run.
func (s *shop) launch(ctx context.Context, c, checker *client, which int) error {
	budgets, code := `{}`, ""
	switch which {
	case cappedCampaign:
		budgets = fmt.Sprintf(`{"redemptions":%d,"discount":{"amount":"%[1]d.00","unit":"CNY"}}`,
			shopBudget)
	case claimCampaign, rushCampaign:
		issues := shopBudget
		if which == rushCampaign {
			issues = s.rushed()
		}
		budgets = fmt.Sprintf(`{"issues":%d}`, issues)
		code = fmt.Sprintf(`"promo_code":{"code":%q,"per_account":1000},`, s.code(which))
	}
	id := s.campaign(which)
	err := s.send(ctx, c, "/v1/campaigns",
		fmt.Sprintf(`{"id":%q,"name":"Bench","budgets":%s}`, id, budgets), nil)
	for k, gives := range saleDefinitions {
		if err != nil || code != "" && k > 0 {
			break
		}
		err = s.send(ctx, c, "/v1/campaigns/"+id+"/definitions", fmt.Sprintf(`{"id":"c%d",%s,%s
			"unit":"CNY","uses":1000,"stacking":{"group":"always"},"validity":{"days":365}}`,
			k, gives, code), nil)
	}
	if err == nil {
		err = s.send(ctx, checker, "/v1/campaigns/"+id+"/approve", `{}`, nil)
	}
	if err == nil {
		err = s.send(ctx, c, "/v1/campaigns/"+id+"/activate", `{}`, nil)
	}
	return err
}

// saleDefinitions are what the coupons of a sale give: together 13.20 of 60.00.
var saleDefinitions = [saleCoupons]string{
	`"kind":"amount_off","value":{"amount":{"amount":"3.00","unit":"CNY"}}`,
	`"kind":"threshold_off","value":{"amount":{"amount":"5.00","unit":"CNY"}},
		"restrictions":{"min_spend":{"amount":"50.00","unit":"CNY"}}`,
	`"kind":"percent_off","value":{"percent":"10"}`,
}

// send posts what a shop needs once.
func (s *shop) send(ctx context.Context, c *client, path, body string, into any) error {
	key := s.appendKey(nil, s.serial.Add(1))
	if err := c.do(ctx, "POST", path, string(key), json.RawMessage(body), into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
