package api

import (
	"encoding/json"
	"fmt"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
)

// definitionBytes bounds a definition's text: terms in many languages are long.
const definitionBytes = 512 << 10

type definitionBody struct {
	ID            string               `json:"id"`
	Kind          domain.CouponKind    `json:"kind"`
	Unit          string               `json:"unit"`
	Value         couponValueBody      `json:"value"`
	Cap           *amount              `json:"cap"`
	Uses          int                  `json:"uses"`
	Validity      validityBody         `json:"validity"`
	Restrictions  restrictionsBody     `json:"restrictions"`
	Stacking      domain.Stacking      `json:"stacking"`
	Consideration domain.Consideration `json:"consideration"`
	OnReturn      domain.OnReturn      `json:"on_return"`
	Trigger       *triggerBody         `json:"trigger"`
	PromoCode     *promoBody           `json:"promo_code"`
	TermsText     map[string]string    `json:"terms_text"`
	Title         map[string]string    `json:"title"`
}

type couponValueBody struct {
	Amount     *amount  `json:"amount"`
	Percent    string   `json:"percent"`
	Products   []string `json:"products"`
	Categories []string `json:"categories"`
	Buy        int      `json:"buy"`
	Get        int      `json:"get"`
}

type validityBody struct {
	From      string `json:"from"`
	Until     string `json:"until"`
	AfterDays int    `json:"after_days"`
	Days      int    `json:"days"`
}

type restrictionsBody struct {
	MinSpend      *amount        `json:"min_spend"`
	Basis         domain.Basis   `json:"basis"`
	Products      []string       `json:"products"`
	Categories    []string       `json:"categories"`
	NotProducts   []string       `json:"not_products"`
	NotCategories []string       `json:"not_categories"`
	Scope         domain.Scope   `json:"scope"`
	Hours         []domain.Hours `json:"hours"`
	Tiers         []string       `json:"tiers"`
	Segments      []string       `json:"segments"`
	FirstOrder    bool           `json:"first_order"`
	HolderOnly    bool           `json:"holder_only"`
}

type triggerBody struct {
	On     domain.TriggerEvent `json:"on"`
	Tier   string              `json:"tier"`
	Days   int                 `json:"days"`
	Amount *amount             `json:"amount"`
}

// defineCoupon adds a definition, or a version of one, to the campaign of the path.
func defineCoupon(c *call) error {
	body, err := c.body(definitionBytes)
	if err != nil {
		return err
	}
	r := &reading{s: c.s, who: c.who}
	var b definitionBody
	if !r.decode(body, &b) {
		return r.err()
	}
	d := domain.DefineCoupon{CampaignID: c.Params("campaign_id"), Definition: r.definition(&b)}
	if err := r.err(); err != nil {
		return err
	}
	a, dryRun, err := c.registering(d)
	return c.answer(a, err, dryRun)
}

// definition reads a definition. Whether it makes sense is for the decision to say.
func (r *reading) definition(b *definitionBody) domain.Definition {
	d := domain.Definition{
		ID: b.ID, Kind: b.Kind, Unit: r.currency("unit", b.Unit), Cap: r.someMoney("cap", b.Cap),
		Uses: b.Uses, Stacking: b.Stacking, Consideration: b.Consideration, OnReturn: b.OnReturn,
		TermsText: b.TermsText, Title: b.Title,
		Value: domain.CouponValue{Amount: r.someMoney("value.amount", b.Value.Amount),
			Products: b.Value.Products, Categories: b.Value.Categories,
			Buy: b.Value.Buy, Get: b.Value.Get},
		Validity: domain.Validity{From: r.time("validity.from", b.Validity.From),
			Until:     r.time("validity.until", b.Validity.Until),
			AfterDays: b.Validity.AfterDays, Days: b.Validity.Days},
		Restrictions: r.restrictions(&b.Restrictions),
		PromoCode:    r.promoCode(b.PromoCode),
	}
	if b.Value.Percent != "" {
		d.Value.Percent = r.percent("value.percent", b.Value.Percent)
	}
	if t := b.Trigger; t != nil {
		d.Trigger = &domain.Trigger{On: t.On, Tier: t.Tier, Days: t.Days,
			Amount: r.someMoney("trigger.amount", t.Amount)}
	}
	return d
}

func (r *reading) restrictions(b *restrictionsBody) domain.Restrictions {
	for i, segment := range b.Segments {
		r.word(fmt.Sprint("restrictions.segments.", i), segment)
	}
	return domain.Restrictions{
		MinSpend: r.someMoney("restrictions.min_spend", b.MinSpend), Basis: b.Basis,
		Products: b.Products, Categories: b.Categories,
		NotProducts: b.NotProducts, NotCategories: b.NotCategories,
		Scope: b.Scope, Hours: b.Hours, Tiers: b.Tiers, Segments: b.Segments,
		FirstOrder: b.FirstOrder, HolderOnly: b.HolderOnly,
	}
}

// currency reads the code of a currency.
func (r *reading) currency(field, code string) string {
	if code == "" {
		r.malformed(field, "is required")
		return ""
	}
	if unit, ok := r.unit(field, code); ok && unit.Kind != domain.Currency {
		r.malformed(field, "is no currency")
	}
	return code
}

func (o *out) couponDefined(a ledger.Answer, e domain.CouponDefined) {
	o.plain("campaign_id", e.CampaignID)
	o.plain("status", string(domain.CampaignIsDraft))
	o.name("definition")
	o.definition(&e.Definition)
	o.campaignTail(a)
}

func definitionPlace(a ledger.Answer) string {
	return "/v1/campaigns/" + a.First().Event.(domain.CouponDefined).CampaignID // it is found by its type
}

// definition writes a version of a definition as it is stored, without the hash of its code.
func (o *out) definition(d *domain.Definition) {
	shown := *d
	if d.PromoCode != nil {
		shown.PromoCode = &domain.PromoCode{Last4: d.PromoCode.Last4, PerAccount: d.PromoCode.PerAccount}
	}
	text, err := json.Marshal(shown)
	if err != nil {
		panic(fmt.Errorf("api: a definition has no JSON: %w", err)) // plain fields always have one
	}
	o.b = append(o.b, text...)
}
