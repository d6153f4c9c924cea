package projections

import (
	"fmt"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
)

// termsOf are the rules of the programs: one goes by what is spent in the last days, one by visits in a month.
var termsOf = map[string]string{
	"default": `{"zone":"Asia/Shanghai","expiry":{"bonus":{"days":10},"cashback":{"days":3}},
		"ladder":[{"id":"ten","from":{"amount":"100.00","unit":"CNY"},"percent":"10"}],
		"cashback":[{"id":"two","unit":"CNY","percent":"2"}],
		"points":[{"id":"one","points":{"amount":"1","unit":"PTS"},"per":{"amount":"1.00","unit":"CNY"},
			"expiry":{"days":20},"categories":{"food":"2.5"},"limits":{"per_sale":{"amount":"90","unit":"PTS"}},
			"spend":{"points":{"amount":"10","unit":"PTS"},"worth":{"amount":"0.10","unit":"CNY"}},
			"conversions":[{"id":"cash","into":"credit","points":{"amount":"10","unit":"PTS"},
				"credit":{"amount":"0.10","unit":"CNY"}},{"id":"mug","into":"gift",
				"points":{"amount":"20","unit":"PTS"},"gift":"mug"},{"id":"ten","into":"coupon",
				"points":{"amount":"30","unit":"PTS"},"campaign":"shop","definition":"amount"}]}],
		"tiers":{"metric":"spend","unit":"CNY","window":{"kind":"rolling","days":30},
			"downgrade":"reassess","grace_days":5,"tiers":[{"name":"plain"},
			{"name":"gold","from":"60","keep":"30","benefits":{"discount":"5","coupons":[
				{"campaign":"shop","definition_id":"percent","each":"period"}]}}]},
		"reminders":[7,1],"dormancy":[4,15],
		"approvals":[{"unit":"CNY","unreferenced_refund":{"amount":"50.00","unit":"CNY"}}]}`,
	"club": `{"zone":"UTC","expiry":{"principal":{"days":40},"promo":{"end_of":"month"}},
		"points":[{"id":"slow","points":{"amount":"1","unit":"PTS"},"per":{"amount":"2.00","unit":"CNY"},
			"pending_days":2}],
		"tiers":{"metric":"visits","window":{"kind":"calendar","of":"month"},"downgrade":"one_down",
			"tiers":[{"name":"plain"},{"name":"silver","from":"1"},{"name":"gold","from":"3"}]},
		"dormancy":[10],"approvals":[{"unit":"CNY","withdrawal":{"amount":"20.00","unit":"CNY"},
			"adjustment":{"amount":"5.00","unit":"CNY"}}]}`,
}

// definitions are those of a campaign's coupons: each sort once, by name.
var definitions = map[string]string{
	"amount": `"kind":"amount_off","value":{"amount":{"amount":"5.00","unit":"CNY"}},
		"validity":{"days":15},"uses":2,"on_return":{"restore":"full_only","expired":"grace_days","days":3,
		"min_spend":"keep"}`,
	"percent": `"kind":"percent_off","value":{"percent":"20"},"cap":{"amount":"9.00","unit":"CNY"},
		"validity":{"days":5},"uses":1,"consideration":"earned"`,
	"threshold": `"kind":"threshold_off","value":{"amount":{"amount":"10.00","unit":"CNY"}},"uses":1,
		"restrictions":{"min_spend":{"amount":"20.00","unit":"CNY"}},"validity":{},
		"on_return":{"restore":"full_only","expired":"forfeit","min_spend":"reprice"}`,
	"cake": `"kind":"exchange","value":{"products":["cake"],"get":1},"uses":1,"validity":{"days":2}`,
}

var definitionNames = []string{"amount", "percent", "threshold", "cake"}

func (c *chronicle) define(campaign, name string) domain.DefineCoupon {
	return domain.DefineCoupon{CampaignID: campaign, Definition: fromJSON[domain.Definition](c,
		`{"definition_id":"`+name+`","unit":"CNY","stacking":{"group":"common"},`+definitions[name]+`}`)}
}

// campaign makes one that gives.
func (c *chronicle) campaign(id string) {
	terms := domain.CampaignTerms{Name: id, Partner: "bank-7", Budgets: domain.Budgets{Issues: 60,
		Redemptions: 40, Discount: yuan("300.00")}, CostShare: yuan("37.50").Quantity}
	c.must("CampaignDrafted", c.put(domain.DraftCampaign{ID: id, CampaignTerms: terms}))
	for _, name := range definitionNames {
		c.must("CouponDefined", c.put(c.define(id, name)))
	}
	c.approve(id)
	c.must("CampaignActivated", c.put(domain.ActivateCampaign{ID: id}))
}

// approve has somebody approve a campaign who made no part of it.
func (c *chronicle) approve(id string) {
	approve := domain.ApproveCampaign{ID: id}
	c.tell(approve, approve.Stream(), func(key string) (ledger.Answer, error) {
		q := c.registering(approve, key)
		q.Caller.Actor = "boss"
		a, err := c.Register(c.Context(), q)
		c.allow(id, c.CatchUp(c.Context()))
		return a, err
	})
}

func (c *chronicle) grant(r *rapid.T) (ledger.View, domain.GrantCoupon) {
	return c.some(r), domain.GrantCoupon{Campaign: "shop", Cause: domain.CouponByAPI,
		Definition: evenly(r, definitionNames, "definition")}
}

// ofCoupon asks for something of a coupon.
func ofCoupon(name string, weight int, command func(c *chronicle, coupon uuid.UUID) domain.Command) move {
	return move{name, weight, func(c *chronicle, r *rapid.T) {
		if owner, coupon, ok := owned(c, r, (*domain.Account).Coupons); ok {
			c.ask(owner, command(c, coupon.ID), c.somewhere(r))
		}
	}}
}

// voucherMoves are of coupons, codes, points and tiers.
var voucherMoves = []move{
	{"grant a coupon", 4, func(c *chronicle, r *rapid.T) {
		v, grant := c.grant(r)
		c.ask(v.ID(), grant, domain.Context{})
	}},
	{"grant on an occasion", 1, func(c *chronicle, r *rapid.T) {
		c.occasion(evenly(r, c.accounts, "account"), fmt.Sprint("spend@", c.asked))
	}},
	{"claim a code", 2, func(c *chronicle, r *rapid.T) {
		c.claim(evenly(r, c.accounts, "account"),
			between(r, uint32(0), 9, "serial"))
	}},
	ofCoupon("reserve a coupon", 2, func(_ *chronicle, coupon uuid.UUID) domain.Command {
		return domain.ReserveCoupon{CouponID: coupon, OrderRef: "o-1"}
	}),
	ofCoupon("release a coupon", 2, func(_ *chronicle, coupon uuid.UUID) domain.Command {
		return domain.ReleaseCoupon{CouponID: coupon, OrderRef: "o-1"}
	}),
	ofCoupon("extend a coupon", 1, func(c *chronicle, coupon uuid.UUID) domain.Command {
		return domain.ExtendCoupon{CouponID: coupon, ValidUntil: c.now.AddDate(0, 2, 0), Reason: "closed"}
	}),
	ofCoupon("revoke a coupon", 1, func(_ *chronicle, coupon uuid.UUID) domain.Command {
		return domain.RevokeCoupon{CouponID: coupon, Reason: "wrong"}
	}),
	ofCoupon("recycle a coupon", 1, func(_ *chronicle, coupon uuid.UUID) domain.Command {
		return domain.RecycleCoupon{CouponID: coupon, Reason: "unused"}
	}),
	{"give points", 3, func(c *chronicle, r *rapid.T) {
		c.ask(c.some(r).ID(), domain.EarnPoints{Amount: ptsUnit.Steps(between(r, int64(1), 90, "points")),
			Reason: "prize", ExpiresAt: c.ends(r)}, c.somewhere(r))
	}},
	{"convert points", 2, func(c *chronicle, r *rapid.T) {
		c.ask(c.some(r).ID(), evenly(r, []domain.ConvertPoints{
			{Amount: ptsUnit.Steps(20), Into: domain.IntoCredit},
			{Amount: ptsUnit.Steps(20), Into: domain.IntoGift},
			{Amount: ptsUnit.Steps(30), Into: domain.IntoCoupon}}, "into"), c.somewhere(r))
	}},
	{"override a tier", 1, func(c *chronicle, r *rapid.T) {
		c.ask(c.some(r).ID(), domain.OverrideTier{Tier: "gold", Reason: "friend",
			Until: evenly(r, []time.Time{{}, c.now.AddDate(0, 0, 7)}, "until")}, domain.Context{})
	}},
	{"end an override", 1, func(c *chronicle, r *rapid.T) {
		c.ask(c.some(r).ID(), domain.EndTierOverride{Reason: "no friend"}, domain.Context{})
	}},
}

func (c *chronicle) occasion(account uuid.UUID, name string) {
	campaign, err := c.Campaign(c.Context(), "shop")
	if err != nil {
		c.Fatal(err)
	}
	occasion := ledger.Occasion{Account: account, Name: name}
	c.tell(occasion, domain.AccountStream(account), func(string) (ledger.Answer, error) {
		_, err := c.GrantOn(c.Context(), campaign, campaign.Definitions[0], []ledger.Occasion{occasion})
		return ledger.Answer{}, err
	})
}

// batchOfCodes is the batch whose codes are claimed and voided.
var batchOfCodes = domain.CodeBatch{ID: uuid.UUID{7}, Definition: "amount@1", Count: 10, KeyID: "k1"}

func (c *chronicle) claim(account uuid.UUID, serial uint32) ledger.Answer {
	redeem := domain.RedeemCode{CodeRef: domain.CodeRef{BatchID: batchOfCodes.ID, Serial: serial},
		Campaign: "shop", Definition: "amount@1", Last4: "RJ2N"}
	return c.tell(redeem, domain.AccountStream(account), func(key string) (ledger.Answer, error) {
		return c.ClaimCode(c.Context(), c.request(account, nil, key, domain.Context{}), redeem)
	})
}

// saleMoves are whole sales, and gift vouchers.
var saleMoves = []move{
	{"check out", 6, func(c *chronicle, r *rapid.T) {
		v := c.some(r)
		c.ask(v.ID(), drawSale(r, v), c.somewhere(r))
	}},
	{"return goods", 4, func(c *chronicle, r *rapid.T) {
		p, ok := c.earlier(r, "CheckoutPosted")
		if !ok {
			return
		}
		back := domain.ReturnCheckout{CheckoutID: p.Metadata.EventID, Reason: "stale"}
		for _, l := range p.Event.(domain.CheckoutPosted).Lines {
			if qty := between(r, 0, l.Qty, "back"); qty > 0 {
				back.Lines = append(back.Lines, domain.ReturnLine{N: l.N, Qty: qty})
			}
		}
		c.ask(p.account, back, c.somewhere(r))
	}},
	{"sell a gift voucher", 1, func(c *chronicle, r *rapid.T) {
		c.sellVoucher(money(r, 50), c.somewhere(r))
	}},
	{"redeem a gift voucher", 2, func(c *chronicle, r *rapid.T) {
		if p, ok := c.earlier(r, "AccountOpened"); ok && p.Event.(domain.AccountOpened).Kind == domain.KindBearer {
			c.redeemVoucher(p.account, c.some(r).ID())
		}
	}},
}

func (c *chronicle) sellVoucher(amount domain.Money, where domain.Context) uuid.UUID {
	sale := domain.SellVoucher{HashedValue: c.hashed(), VoucherTerms: domain.VoucherTerms{Amount: amount,
		Payments: []domain.Payment{{Method: "cash", Reference: fmt.Sprint("V-", c.asked), Amount: amount}}}}
	id := domain.BearerID(sale.KeyedHash)
	c.ask(id, sale, where)
	return id
}

func (c *chronicle) redeemVoucher(bearer, into uuid.UUID) ledger.Answer {
	return c.ask(bearer, domain.SendTransfer{To: into, All: true, Kind: domain.TransferRedeem,
		Amount: cny.Zero()}, domain.Context{})
}

// drawSale is a sale of a few lines, paid by coupons, points, stored value and cash.
func drawSale(r *rapid.T, v ledger.View) domain.Checkout {
	s := domain.Checkout{Rest: true,
		OrderRef: evenly(r, []string{"", "o-1"}, "order")}
	for n := range between(r, 1, 3, "lines") {
		s.Lines = append(s.Lines, domain.CartLine{N: n + 1, Qty: between(r, 1, 3, "qty"),
			Product:   evenly(r, []string{"cake", "tea", "cup"}, "product"),
			Category:  evenly(r, []string{"", "food"}, "category"),
			UnitPrice: money(r, 20)})
	}
	coupon, has := oneOf(r, v.Coupons(), "coupon")
	switch used := between(r, 0, 3, "coupons"); {
	case used == 1 && has:
		s.Coupons = []uuid.UUID{coupon.ID}
	case used > 1:
		s.Best = true
	}
	if between(r, 0, 2, "with points") == 0 {
		s.Points = ptsUnit.Steps(10)
	}
	if between(r, 0, 2, "with cash") == 0 {
		s.External = []domain.Payment{{Method: "cash", Amount: yuan("1.23")}}
	}
	return s
}
