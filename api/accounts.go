package api

import (
	"errors"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
)

var openAccount = operation{name: "open", roles: tills, parse: func(
	r *reading, t *target, body []byte,
) domain.Command {
	var b struct {
		CustomerRef string `json:"customer_ref"`
		post
	}
	b.CustomerRef = t.customerRef
	if !r.decode(body, &b) {
		return nil
	}
	if b.CustomerRef == "" {
		r.malformed("customer_ref", "is required")
		return nil
	}
	var refusal *domain.Refusal
	if errors.As(domain.CheckCustomerRef(b.CustomerRef), &refusal) {
		r.malformed("customer_ref", refusal.Fields[0].Detail)
	}
	r.about(b.post)
	t.account = domain.AccountID(b.CustomerRef)
	return domain.OpenAccount{CustomerRef: b.CustomerRef}
}}

func (o *out) opening(a ledger.Answer, e domain.AccountOpened) {
	if e.Kind == domain.KindBearer {
		o.voucher(a, e)
		return
	}
	o.id("id", e.AccountID)
	o.plain("customer_ref", e.CustomerRef)
	o.plain("kind", e.Kind)
	o.plain("status", string(domain.Open))
	o.time("opened_at", a.First().Metadata.RecordedAt)
	o.skewed(a.First().Metadata)
	o.integer("revision", a.Last().Revision)
}

// account writes an account as it stands, as the next element. The program is the one that rules it now.
func (o *out) account(v ledger.View, program string) {
	o.begin('{')
	o.id("id", v.ID())
	o.plain("customer_ref", v.CustomerRef())
	o.plain("kind", v.Kind())
	o.plain("status", string(v.Status(v.At)))
	if survivor, ok := v.Survivor(); ok {
		o.id("survivor_id", survivor)
	}
	o.open("freezes", '[')
	for _, f := range v.FrozenModes(v.At) {
		o.begin('{')
		o.plain("mode", string(f.Mode))
		o.time("until", f.Until)
		o.end('}')
	}
	o.end(']')
	o.open("receivables", '[')
	for _, r := range v.Receivables() {
		o.begin('{')
		o.id("id", r.ID)
		o.owedFor(r.Cause, r.SourceID)
		o.money("outstanding", r.Outstanding)
		o.end('}')
	}
	o.end(']')
	o.plain("program", program)
	o.time("opened_at", v.OpenedAt())
	o.time("last_recorded_at", v.LastRecorded())
	o.integer("revision", v.Revision())
	o.position("as_of_position", uint64(v.Position))
	o.end('}')
}

func getAccount(c *call) error {
	v, err := c.view()
	if err != nil {
		return err
	}
	o := c.out()
	o.account(v, c.programOf(v))
	return c.ok(o)
}
