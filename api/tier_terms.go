package api

import (
	"context"
	"fmt"

	"github.com/tillbook/tillbook/domain"
)

// tiersBody are a program's tiers as callers write them: thresholds as text.
type tiersBody struct {
	Metric     domain.TierMetric `json:"metric"`
	Unit       string            `json:"unit"`
	Categories []string          `json:"categories"`
	Window     domain.TierWindow `json:"window"`
	Downgrade  domain.Downgrade  `json:"downgrade"`
	GraceDays  int               `json:"grace_days"`
	Tiers      []tierBody        `json:"tiers"`
}

type tierBody struct {
	Name     string `json:"name"`
	From     string `json:"from"`
	Keep     string `json:"keep"`
	Benefits struct {
		PointsRate string              `json:"points_rate"`
		Discount   string              `json:"discount"`
		Coupons    []domain.TierCoupon `json:"coupons"`
		Text       map[string]string   `json:"text"`
	} `json:"benefits"`
}

// tiers reads rules of tiers, nil of none.
func (r *reading) tiers(b *tiersBody) *domain.TierRules {
	if b == nil {
		return nil
	}
	rules := &domain.TierRules{Metric: b.Metric, Unit: b.Unit, Window: b.Window, Downgrade: b.Downgrade,
		GraceDays: b.GraceDays}
	for i, category := range b.Categories {
		rules.Categories = append(rules.Categories,
			r.word(fmt.Sprint("terms.tiers.categories.", i), category))
	}
	unit := domain.Unit{}
	if b.Metric != domain.MetricVisits {
		known, err := r.s.Ledger.Unit(context.Background(), b.Unit)
		if err != nil {
			r.fail(domain.ErrUnknownUnit, "terms.tiers.unit", "is no currency and no registered unit")
			return rules
		}
		unit = known
	}
	for i, t := range b.Tiers {
		at := fmt.Sprintf("terms.tiers.tiers.%d.", i)
		terms := domain.TierTerms{Name: t.Name, From: r.threshold(at+"from", t.From, unit),
			Keep: r.threshold(at+"keep", t.Keep, unit)}
		terms.Benefits.Coupons, terms.Benefits.Text = t.Benefits.Coupons, t.Benefits.Text
		if rate := t.Benefits.PointsRate; rate != "" {
			terms.Benefits.PointsRate = r.percent(at+"benefits.points_rate", rate)
		}
		if discount := t.Benefits.Discount; discount != "" {
			terms.Benefits.Discount = r.percent(at+"benefits.discount", discount)
		}
		rules.Tiers = append(rules.Tiers, terms)
	}
	return rules
}

// threshold reads what a tier takes, at its unit's scale; "" is nothing.
func (r *reading) threshold(field, text string, unit domain.Unit) domain.Quantity {
	if text == "" {
		return domain.Quantity{}
	}
	return r.figure(field, text, unit).Quantity
}
