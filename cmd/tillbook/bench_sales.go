package main

import (
	"encoding/json"
	"fmt"

	"github.com/valyala/fasthttp"
)

// sell is a whole sale to the account that the distribution chooses: three lines, three coupons of the
// campaign, points, and stored value for the rest.
func (s *shop) sell(of choice, campaign int) workload {
	return workload{status: fasthttp.StatusCreated, choice: of,
		ask: func(c *connection, _ int64) {
			c.account = c.pick()
			serial := s.serial.Add(1)
			s.post(c, s.paths[c.account]+"/checkouts", serial, s.saleBody(c.account, campaign, serial))
		},
		took: func(c *connection, _ int64) error {
			s.taken[c.account].Add(1)
			if campaign == cappedCampaign {
				s.capped.Add(1)
			}
			return nil
		},
	}
}

// saleBody is a sale of 60.00: the coupons leave 46.80, points pay 0.10 of it, stored value salePrice.
func (s *shop) saleBody(account, campaign int, serial int64) []byte {
	body := append(make([]byte, 0, 768), `{"stored_value":"rest","store":"S1","terminal":"T1",`...)
	body = append(body, `"pos_txn_id":"`...)
	body = append(s.appendKey(body, serial), `",`...)
	return s.appendCart(body, account, campaign)
}

// appendCart appends the members that a sale and a quote have in common, and the end of the object.
func (s *shop) appendCart(to []byte, account, campaign int) []byte {
	to = append(to, `"lines":[{"product":"tea","category":"drinks","qty":2,`...)
	to = append(to, `"unit_price":{"amount":"12.00","unit":"CNY"}},`...)
	to = append(to, `{"product":"cake","unit_price":{"amount":"28.50","unit":"CNY"}},`...)
	to = append(to, `{"product":"bun","qty":3,"unit_price":{"amount":"2.50","unit":"CNY"}}],`...)
	to = append(to, `"points":`...)
	to = append(to, s.tenPoints...)
	to = append(to, `,"coupons":["`...)
	for i, id := range s.coupons[campaign][account] {
		if i > 0 {
			to = append(to, `","`...)
		}
		to = append(to, id...)
	}
	return append(to, `"]}`...)
}

// quote asks what the sale would cost the account that the distribution chooses.
func (s *shop) quote(of choice) workload {
	return workload{status: fasthttp.StatusOK, choice: of, ask: func(c *connection, _ int64) {
		c.account = c.pick()
		body := append(make([]byte, 0, 768), `{"account_id":"`...)
		body = append(body, s.paths[c.account][len("/v1/accounts/"):]...)
		body = s.appendCart(append(body, `",`...), c.account, openCampaign)
		s.post(c, "/v1/quotes", s.serial.Add(1), body)
	}}
}

// claim claims a coupon with a campaign's promo code for the account that the distribution chooses, or
// where there is none for one account a request.
func (s *shop) claim(of choice, campaign int) workload {
	body := fmt.Appendf(nil, `{"code":%q}`, s.code(campaign))
	return workload{status: fasthttp.StatusCreated, choice: of,
		ask: func(c *connection, n int64) {
			c.account = int(n)
			if of != nil {
				c.account = c.pick()
			}
			s.post(c, s.claimers.paths[c.account]+"/coupons/claim", s.serial.Add(1), body)
		},
		took: func(c *connection, _ int64) error { s.claimers.taken[c.account].Add(1); return nil },
	}
}

// givePoints gives every buyer more points than a bench can spend.
func (s *shop) givePoints() workload {
	body := fmt.Appendf(nil, `{"amount":%s,"reason":"bench"}`, s.points(1_000_000_000))
	return workload{status: fasthttp.StatusCreated, ask: func(c *connection, n int64) {
		s.post(c, s.paths[n]+"/points", s.serial.Add(1), body)
	}}
}

// grant grants every buyer the coupon of one definition.
func (s *shop) grant(campaign, definition int) workload {
	body := fmt.Appendf(nil, `{"campaign":%q,"definition":"c%d"}`, s.campaign(campaign), definition)
	return workload{status: fasthttp.StatusCreated,
		ask: func(c *connection, n int64) {
			s.post(c, s.paths[n]+"/coupons", s.serial.Add(1), body)
		},
		took: func(c *connection, n int64) error {
			var granted struct{ ID string }
			err := json.Unmarshal(c.response.Body(), &granted)
			s.coupons[campaign][n][definition] = granted.ID
			return err
		},
	}
}
