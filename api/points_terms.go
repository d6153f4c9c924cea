package api

import (
	"fmt"
	"maps"
	"slices"

	"github.com/tillbook/tillbook/domain"
)

// pointsBody is a rule of points as callers write it.
type pointsBody struct {
	ID          string            `json:"id"`
	Points      *amount           `json:"points"`
	Per         *amount           `json:"per"`
	Tiers       map[string]string `json:"tiers"`
	Categories  map[string]string `json:"categories"`
	Campaigns   []campaignTimes   `json:"campaigns"`
	Minimum     *amount           `json:"minimum"`
	Begins      string            `json:"begins"`
	Ends        string            `json:"ends"`
	Scope       domain.Scope      `json:"scope"`
	PendingDays int               `json:"pending_days"`
	Expiry      domain.Expiry     `json:"expiry"`
	Limits      pointsLimits      `json:"limits"`
	Spend       *spendBody        `json:"spend"`
	Conversions []conversionBody  `json:"conversions"`
}

type campaignTimes struct {
	ID     string `json:"id"`
	Times  string `json:"times"`
	Begins string `json:"begins"`
	Ends   string `json:"ends"`
}

type pointsLimits struct {
	Sale  *amount `json:"sale"`
	Day   *amount `json:"day"`
	Month *amount `json:"month"`
	Over  string  `json:"over"`
}

type spendBody struct {
	Points *amount `json:"points"`
	Worth  *amount `json:"worth"`
	Step   *amount `json:"step"`
	Share  string  `json:"share"`
}

type conversionBody struct {
	ID         string      `json:"id"`
	Into       domain.Into `json:"into"`
	Points     *amount     `json:"points"`
	Credit     *amount     `json:"credit"`
	Campaign   string      `json:"campaign"`
	Definition string      `json:"definition"`
	Gift       string      `json:"gift"`
}

// pointsRule reads a rule of points. Whether it makes sense is for the decision to say.
func (r *reading) pointsRule(at string, b pointsBody) domain.PointsRule {
	rule := domain.PointsRule{
		ID: b.ID, Points: r.points(at+"points", b.Points), Per: r.money(at+"per", b.Per),
		Tiers: r.timesBy(at+"tiers", b.Tiers), Categories: r.timesBy(at+"categories", b.Categories),
		Minimum: r.someMoney(at+"minimum", b.Minimum),
		Begins:  r.time(at+"begins", b.Begins), Ends: r.time(at+"ends", b.Ends), Scope: b.Scope,
		PendingDays: b.PendingDays, Expiry: b.Expiry,
		Limits: domain.PointsLimits{Sale: r.somePoints(at+"limits.sale", b.Limits.Sale),
			Day:   r.somePoints(at+"limits.day", b.Limits.Day),
			Month: r.somePoints(at+"limits.month", b.Limits.Month), Over: b.Limits.Over},
	}
	for i, c := range b.Campaigns {
		at := fmt.Sprintf("%scampaigns.%d.", at, i)
		rule.Campaigns = append(rule.Campaigns, domain.PointsCampaign{ID: c.ID,
			Times:  r.times(at+"times", c.Times),
			Begins: r.time(at+"begins", c.Begins), Ends: r.time(at+"ends", c.Ends)})
	}
	if s := b.Spend; s != nil {
		rule.Spend = &domain.PointsSpend{Points: r.points(at+"spend.points", s.Points),
			Worth: r.money(at+"spend.worth", s.Worth), Step: r.somePoints(at+"spend.step", s.Step)}
		if s.Share != "" {
			rule.Spend.Share = r.percent(at+"spend.share", s.Share)
		}
	}
	for i, c := range b.Conversions {
		at := fmt.Sprintf("%sconversions.%d.", at, i)
		rule.Conversions = append(rule.Conversions, domain.Conversion{ID: c.ID, Into: c.Into,
			Points: r.points(at+"points", c.Points), Credit: r.someMoney(at+"credit", c.Credit),
			Campaign: c.Campaign, Definition: c.Definition, Gift: c.Gift})
	}
	return rule
}

// timesBy reads how often as many there are, by a name.
func (r *reading) timesBy(field string, texts map[string]string) map[string]domain.Quantity {
	if len(texts) == 0 {
		return nil
	}
	all := make(map[string]domain.Quantity, len(texts))
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		all[name] = r.times(field+"."+name, texts[name])
	}
	return all
}

func (r *reading) times(field, text string) domain.Quantity {
	q, err := domain.ParseTimes(text)
	if err != nil {
		r.malformed(field, `want 0 to 100, with at most 4 fraction digits: "1.5"`)
	}
	return q
}
