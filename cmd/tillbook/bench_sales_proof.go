package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/valyala/fasthttp"
)

// couponsUsed adds up, over accounts, the coupons that they have and the uses of these.
type couponsUsed struct {
	granted, used []int64 // by account
}

func (u *couponsUsed) sum() (granted, used int64) {
	for i := range u.granted {
		granted, used = granted+u.granted[i], used+u.used[i]
	}
	return granted, used
}

// couponsOf reads the live coupons of every account of the books.
func (b *books) couponsOf(into *couponsUsed) workload {
	into.granted, into.used = make([]int64, len(b.paths)), make([]int64, len(b.paths))
	return workload{status: fasthttp.StatusOK,
		ask: func(c *connection, n int64) { b.get(c, b.paths[n]+"/coupons") },
		took: func(c *connection, n int64) error {
			var a struct{ Data []struct{ Used int64 } }
			if err := json.Unmarshal(c.response.Body(), &a); err != nil {
				return err
			}
			into.granted[n] = int64(len(a.Data))
			for _, coupon := range a.Data {
				into.used[n] += coupon.Used
			}
			return nil
		},
	}
}

// proveShop holds the shop to its answers: each sale took its price and a use of each of its coupons, a
// capped budget has lost exactly what was redeemed of it, every claim that was answered granted one
// coupon, and a rush for too few coupons grants these and no more.
func (c *contender) proveShop(ctx context.Context) (proofs []string, err error) {
	s := c.shop
	moved, err := s.prove(ctx, c.counting(s.books))
	if err != nil {
		return nil, err
	}
	var sold couponsUsed
	if err := c.each(ctx, s.books, s.couponsOf(&sold)); err != nil {
		return nil, err
	}
	for i := range sold.used {
		if want := saleCoupons * s.taken[i].Load(); sold.used[i] != want {
			return nil, fmt.Errorf("%s: got %d uses of coupons, want %d", s.paths[i], sold.used[i], want)
		}
	}
	_, used := sold.sum()
	sales := s.successes()
	reserved, err := c.reserved(ctx)
	if want := saleCoupons * s.capped.Load(); err == nil && reserved != want {
		err = fmt.Errorf("the capped budget has lost %d uses, want %d", reserved, want)
	}
	if err != nil {
		return nil, err
	}
	proofs = append(proofs, fmt.Sprintf(
		"%s: %s moved = %d sales of %s, %d coupons used = %d a sale, budget used = %d redemptions",
		c.title(), moved, sales, cents(salePrice), used, saleCoupons, reserved))
	claims, err := c.proveClaims(ctx)
	return append(proofs, claims), err
}

// proveClaims has every claimer want one of too few coupons, at once, and counts what all of them have.
func (c *contender) proveClaims(ctx context.Context) (string, error) {
	s, before := c.shop, c.shop.claimers.successes()
	w := s.claim(nil, rushCampaign)
	w.refusal = fasthttp.StatusUnprocessableEntity
	l := load{address: c.address, connections: rushConnections, requests: int64(len(s.claimers.paths)),
		work: w}
	t, err := l.run(ctx)
	if err != nil {
		return "", fmt.Errorf("rush for coupons: %w", err)
	}
	if t.successes != int64(s.rushed()) {
		return "", fmt.Errorf("of %d coupons a rush was granted %d", s.rushed(), t.successes)
	}
	var claimed couponsUsed
	if err := c.each(ctx, s.claimers, s.claimers.couponsOf(&claimed)); err != nil {
		return "", err
	}
	for i, got := range claimed.granted {
		if want := s.claimers.taken[i].Load(); got != want {
			return "", fmt.Errorf("%s: got %d coupons, want %d", s.claimers.paths[i], got, want)
		}
	}
	return fmt.Sprintf("%s: %d claims granted = coupons held; of %d coupons %d claims at once got %d",
		c.title(), before, s.rushed(), len(s.claimers.paths), t.successes), nil
}

// rushConnections are those of a rush.
const rushConnections = 256

// reserved is how many uses the capped campaign's budget has given, as one more sale's reservations say.
// That sale is taken off again: it is not in the books either.
func (c *contender) reserved(ctx context.Context) (int64, error) {
	s, api := c.shop, c.client()
	from, err := c.position(ctx, s.paths[0]+"/balances")
	if err != nil {
		return 0, err
	}
	serial := s.serial.Add(1)
	err = api.do(ctx, http.MethodPost, s.paths[0]+"/checkouts", string(s.appendKey(nil, serial)),
		json.RawMessage(s.saleBody(0, cappedCampaign, serial)), nil)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet,
		fmt.Sprintf("%s/v1/events?type=BudgetReserved&from_position=%d", api.base, from), nil)
	if err != nil {
		return 0, err
	}
	r.Header.Set("Authorization", s.bearer)
	answer, err := api.http.Do(r)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	left, seen := int64(0), 0
	for lines := bufio.NewScanner(answer.Body); seen < saleCoupons; {
		if !lines.Scan() {
			return 0, fmt.Errorf("the feed of reservations ended: %w", lines.Err())
		}
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue
		}
		var e struct {
			Data struct{ Left struct{ Redemptions int64 } }
		}
		if err := json.Unmarshal([]byte(data), &e); err != nil {
			return 0, err
		}
		left, seen = e.Data.Left.Redemptions, seen+1
	}
	return shopBudget - left - saleCoupons, nil
}
