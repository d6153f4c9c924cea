package api

import (
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
)

// termsBody are the terms of a program as callers write them: amounts and percentages as text.
type termsBody struct {
	Zone      string                         `json:"zone"`
	Draw      domain.Draw                    `json:"draw"`
	Ladder    []stepBody                     `json:"ladder"`
	Cashback  []cashbackBody                 `json:"cashback"`
	Expiry    map[domain.Class]domain.Expiry `json:"expiry"`
	OnExpired domain.OnExpired               `json:"on_refund_expired"`
	Holds     domain.HoldTerms               `json:"holds"`
	Limits    []limitsBody                   `json:"limits"`
	Points    []pointsBody                   `json:"points"`
	Reminders []int                          `json:"reminders"`
	Dormancy  []int                          `json:"dormancy"`
	Approvals []approvalBody                 `json:"approvals"`
	Tiers     *tiersBody                     `json:"tiers"`
}

// whomBody says when, where and for whom a step or a rule holds.
type whomBody struct {
	Begins   string       `json:"begins"`
	Ends     string       `json:"ends"`
	Scope    domain.Scope `json:"scope"`
	Accounts []string     `json:"accounts"`
}

type stepBody struct {
	ID          string  `json:"id"`
	From        *amount `json:"from"`
	Percent     string  `json:"percent"`
	Fixed       *amount `json:"fixed"`
	Cap         *amount `json:"cap"`
	FirstTopUp  bool    `json:"first_top_up"`
	PerCustomer int     `json:"per_customer"`
	whomBody
}

type cashbackBody struct {
	ID      string  `json:"id"`
	Unit    string  `json:"unit"`
	Percent string  `json:"percent"`
	Minimum *amount `json:"minimum"`
	Cap     *amount `json:"cap"`
	whomBody
}

type limitsBody struct {
	Unit        string          `json:"unit"`
	MinTopUp    *amount         `json:"min_top_up"`
	MaxTopUp    *amount         `json:"max_top_up"`
	MaxBalance  *amount         `json:"max_balance"`
	MaxDebit    *amount         `json:"max_debit"`
	MaxDebitDay *amount         `json:"max_debit_day"`
	Velocity    domain.Velocity `json:"velocity"`
}

type approvalBody struct {
	Unit               string  `json:"unit"`
	Withdrawal         *amount `json:"withdrawal"`
	Adjustment         *amount `json:"adjustment"`
	UnreferencedRefund *amount `json:"unreferenced_refund"`
}

// terms reads terms. Whether they make sense together is for the decision to say.
func (r *reading) terms(b termsBody) domain.Terms {
	t := domain.Terms{Zone: b.Zone, Draw: b.Draw, Expiry: b.Expiry, OnExpired: b.OnExpired,
		Holds: b.Holds, Reminders: b.Reminders, Dormancy: b.Dormancy,
		Tiers: r.tiers(b.Tiers)}
	for i, s := range b.Ladder {
		t.Ladder = append(t.Ladder, r.step(fmt.Sprintf("terms.ladder.%d.", i), s))
	}
	for i, c := range b.Cashback {
		t.Cashback = append(t.Cashback, r.cashback(fmt.Sprintf("terms.cashback.%d.", i), c))
	}
	for i, l := range b.Limits {
		at := fmt.Sprintf("terms.limits.%d.", i)
		t.Limits = append(t.Limits, domain.Limits{
			Unit: r.unitCode(at+"unit", l.Unit), MinTopUp: r.someMoney(at+"min_top_up", l.MinTopUp),
			MaxTopUp:    r.someMoney(at+"max_top_up", l.MaxTopUp),
			MaxBalance:  r.someMoney(at+"max_balance", l.MaxBalance),
			MaxDebit:    r.someMoney(at+"max_debit", l.MaxDebit),
			MaxDebitDay: r.someMoney(at+"max_debit_day", l.MaxDebitDay), Velocity: l.Velocity,
		})
	}
	for i, p := range b.Points {
		t.Points = append(t.Points, r.pointsRule(fmt.Sprintf("terms.points.%d.", i), p))
	}
	for i, a := range b.Approvals {
		at := fmt.Sprintf("terms.approvals.%d.", i)
		t.Approvals = append(t.Approvals, domain.Approval{
			Unit:               r.unitCode(at+"unit", a.Unit),
			Withdrawal:         r.someMoney(at+"withdrawal", a.Withdrawal),
			Adjustment:         r.someMoney(at+"adjustment", a.Adjustment),
			UnreferencedRefund: r.someMoney(at+"unreferenced_refund", a.UnreferencedRefund),
		})
	}
	return t
}

func (r *reading) step(at string, s stepBody) domain.LadderStep {
	step := domain.LadderStep{
		ID: s.ID, From: r.money(at+"from", s.From), Fixed: r.someMoney(at+"fixed", s.Fixed),
		Cap: r.someMoney(at+"cap", s.Cap), FirstTopUp: s.FirstTopUp, PerCustomer: s.PerCustomer,
		Begins: r.time(at+"begins", s.Begins), Ends: r.time(at+"ends", s.Ends), Scope: s.Scope,
		Accounts: r.ids(at+"accounts", s.Accounts),
	}
	if s.Percent != "" {
		step.Percent = r.percent(at+"percent", s.Percent)
	}
	return step
}

func (r *reading) cashback(at string, c cashbackBody) domain.CashbackRule {
	return domain.CashbackRule{
		ID: c.ID, Unit: r.unitCode(at+"unit", c.Unit), Percent: r.percent(at+"percent", c.Percent),
		Minimum: r.someMoney(at+"minimum", c.Minimum), Cap: r.someMoney(at+"cap", c.Cap),
		Begins: r.time(at+"begins", c.Begins), Ends: r.time(at+"ends", c.Ends), Scope: c.Scope,
		Accounts: r.ids(at+"accounts", c.Accounts),
	}
}

// unitCode reads the code of a unit that there is.
func (r *reading) unitCode(field, code string) string {
	if code == "" {
		r.malformed(field, "is required")
	} else {
		r.unit(field, code)
	}
	return code
}

func (r *reading) percent(field, text string) domain.Quantity {
	q, err := domain.ParsePercent(text)
	if err != nil {
		r.malformed(field, `want more than 0, at most 100, with at most 4 fraction digits: "12.5"`)
	}
	return q
}

// ids reads a list of accounts.
func (r *reading) ids(field string, texts []string) (ids []uuid.UUID) {
	ids = slices.Grow(ids, len(texts)) // none stays nil
	for i, text := range texts {
		id, ok := parseID(text)
		if !ok {
			r.id(fmt.Sprint(field, ".", i), text)
		}
		ids = append(ids, id)
	}
	return ids
}
