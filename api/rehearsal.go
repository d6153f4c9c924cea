package api

import (
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
)

// window reads the past that a dry run is to be compared with; zero where none is asked for.
func (c *call) window() (from, to time.Time, err error) {
	if c.Query("from") == "" && c.Query("to") == "" {
		return from, to, nil
	}
	if c.Query("dry_run") != "true" {
		return from, to, domain.ErrMalformed.Field("from", "goes with dry_run=true")
	}
	for _, q := range []struct {
		name string
		into *time.Time
	}{{"from", &from}, {"to", &to}} {
		if *q.into, err = parseTime(c.Query(q.name)); err != nil {
			return from, to, domain.ErrMalformed.Field(q.name, err.Error())
		}
	}
	if !from.Before(to) {
		return from, to, domain.ErrMalformed.Field("to", "want a time after from")
	}
	return from, to, nil
}

// rehearsed answers a dry run with what the version would have given in a window of the past.
func (c *call) rehearsed(a ledger.Answer, from, to time.Time) error {
	e := a.First().Event.(domain.ProgramPublished) // a program was published, or would be
	found, err := c.s.Ledger.Rehearse(c.s.stop, e.Rules(), from, to)
	if err != nil {
		return err
	}
	o := c.out()
	o.begin('{')
	o.programPublished(a, e)
	o.open("rehearsal", '{')
	o.time("from", from)
	o.time("to", to)
	o.integer("accounts", int64(found.Accounts))
	o.open("sums", '[')
	for _, s := range found.Sums {
		o.begin('{')
		o.rehearsedSum(s)
		o.end('}')
	}
	o.end(']')
	o.open("largest", '[')
	for _, s := range found.Largest {
		o.begin('{')
		o.id("account_id", s.Account)
		o.rehearsedSum(s.RehearsedSum)
		o.end('}')
	}
	o.end(']')
	o.tierMoves(found)
	o.end('}')
	o.end('}')
	c.send(fiber.StatusOK, applicationJSON, o)
	return nil
}

// tierMoves writes who would hold another tier, and some of them.
func (o *out) tierMoves(found domain.Rehearsed) {
	o.open("tiers", '[')
	for _, m := range found.Tiers {
		o.begin('{')
		o.text("from", m.From)
		o.text("to", m.To)
		o.integer("accounts", int64(m.Accounts))
		o.end('}')
	}
	o.end(']')
	o.open("moved", '[')
	for _, m := range found.Moved {
		o.begin('{')
		o.id("account_id", m.Account)
		o.text("from", m.From)
		o.text("to", m.To)
		o.end('}')
	}
	o.end(']')
}

func (o *out) rehearsedSum(s domain.RehearsedSum) {
	o.plain("unit", s.Unit)
	o.plain("class", string(s.Class))
	o.quantity("recorded", s.Recorded)
	o.quantity("would_be", s.Would)
	o.quantity("difference", s.Difference())
}
