package api

import (
	"context"
	"strconv"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
	"github.com/tillbook/tillbook/projections"
)

func (s *Server) mandateRoutes() []*route {
	const one = account + "/mandates/{mandate_id}"
	post := func(path, id string, op operation) *route {
		return &route{method: "POST", path: path, id: id, roles: op.roles, query: dry, serve: write(op)}
	}
	return []*route{
		post(account+"/mandates", "setMandate", setMandate),
		post(one+"/end", "endMandate", endMandate),
		{method: "GET", path: account + "/mandates", id: "listMandates", roles: readers,
			query: paged, serve: listMandates},
		{method: "GET", path: one, id: "getMandate", roles: readers, query: fresh, serve: getMandate},
	}
}

var setMandate = operation{name: "set_mandate", roles: makers, parse: func(
	r *reading, _ *target, body []byte,
) domain.Command {
	var b struct {
		Amount      *amount         `json:"amount"`
		Cap         *amount         `json:"cap"`
		Calendar    domain.Calendar `json:"calendar"`
		Starts      string          `json:"starts"`
		Ends        string          `json:"ends"`
		Description string          `json:"description"`
		post
	}
	if !r.decode(body, &b) {
		return nil
	}
	r.about(b.post)
	s := domain.SetMandate{Amount: r.money("amount", b.Amount), Cap: r.someMoney("cap", b.Cap),
		Calendar: b.Calendar, Starts: r.time("starts", b.Starts), Ends: r.time("ends", b.Ends),
		Description: r.text("description", b.Description, reasonBytes)}
	if b.Cap == nil {
		s.Cap = s.Amount
	}
	if s.Calendar.At == "" {
		s.Calendar.At = "00:00"
	}
	if s.Calendar.Zone == "" {
		s.Calendar.Zone = "UTC"
	}
	return s
}}

var endMandate = operation{name: "end_mandate", roles: makers,
	ids: []string{"mandate_id"}, parse: func(r *reading, t *target, body []byte) domain.Command {
		return domain.EndMandate{MandateID: t.ids["mandate_id"], Reason: r.reason(body)}
	}}

func (o *out) mandate(a ledger.Answer, e domain.MandateSet) {
	o.mandateFacts(a, e, projections.MandateActive)
	o.time("next_at", e.NextAt)
	o.ending(a)
}

func (o *out) mandateFacts(a ledger.Answer, e domain.MandateSet, status string) {
	o.id("id", e.MandateID)
	o.id("account_id", a.Account)
	o.plain("status", status)
	o.money("amount", e.Amount)
	o.money("cap", e.Cap)
	o.calendar(e.Calendar)
	o.time("starts", e.Starts)
	o.time("ends", e.Ends)
	o.some("description", e.Description)
}

func (o *out) calendar(c domain.Calendar) {
	o.open("calendar", '{')
	o.plain("every", c.Every)
	if c.Day > 0 {
		o.integer("day", int64(c.Day))
	}
	o.plain("at", c.At)
	o.text("zone", c.Zone)
	o.end('}')
}

func (o *out) mandateEnded(a ledger.Answer, e domain.MandateEnded) {
	o.id("id", e.MandateID)
	o.id("account_id", a.Account)
	o.plain("status", projections.MandateEnded)
	o.text("reason", e.Reason)
	o.ending(a)
}

// getMandate reads a mandate: an active one with what is tried next.
func getMandate(c *call) error {
	return getOperation(c, "mandate_id", func(o *out, a ledger.Answer, e domain.MandateSet) error {
		name := domain.MandateName(e.MandateID)
		last, _, err := c.s.Ledger.Last(context.Background(), a.Account, name)
		if err != nil {
			return err
		}
		if end, ok := last.Event.(domain.MandateEnded); ok {
			o.mandateFacts(a, e, projections.MandateEnded)
			o.text("reason", end.Reason)
			o.ending(a)
			return nil
		}
		o.mandateFacts(a, e, projections.MandateActive)
		v, err := c.s.Ledger.Account(context.Background(), a.Account)
		if err != nil {
			return err
		}
		for _, m := range v.Mandates() {
			if m.ID == e.MandateID {
				o.integer("failed", int64(m.Failed))
				o.time("period", m.Period)
				o.time("next_at", m.NextAt)
			}
		}
		o.ending(a)
		return nil
	})
}

// listMandates lists an account's mandates, the newest first, from the read model.
func listMandates(c *call) error {
	return listItems(c, (*projections.Models).Mandates, func(o *out, i projections.Item) {
		o.plain("status", i["status"])
		o.sum("amount", i["amount"], i["unit"])
		o.sum("cap", i["cap"], i["unit"])
		o.raw("calendar", []byte(i["calendar"]))
		o.some("description", i["description"])
		for _, name := range []string{"charged", "failed"} {
			n, _ := strconv.ParseInt(i[name], 10, 64) // a whole number, by its column
			o.integer(name, n)
		}
		o.time("period", i.Time("period"))
		o.time("next_at", i.Time("next_at"))
		o.time("set_at", i.Time("set_at"))
		o.time("ended_at", i.Time("ended_at"))
		o.some("reason", i["reason"])
	})
}
