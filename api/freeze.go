package api

import (
	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
)

var freezers = []domain.Role{domain.RoleSupport, domain.RoleAdmin}

type freezeBody struct {
	Modes  []domain.FreezeMode `json:"modes"`
	Reason string              `json:"reason"`
	Until  string              `json:"until"`
	post
}

var freeze = operation{name: "freeze", roles: freezers, parse: func(
	r *reading, _ *target, body []byte,
) domain.Command {
	var b freezeBody
	if !r.decode(body, &b) {
		return nil
	}
	r.freezing(b.Modes, b.Reason)
	r.about(b.post)
	return domain.FreezeAccount{Modes: b.Modes, Reason: b.Reason, Until: r.time("until", b.Until)}
}}

var unfreeze = operation{name: "unfreeze", roles: freezers, parse: func(
	r *reading, _ *target, body []byte,
) domain.Command {
	var b struct {
		Modes  []domain.FreezeMode `json:"modes"`
		Reason string              `json:"reason"`
		post
	}
	if !r.decode(body, &b) {
		return nil
	}
	if len(b.Modes) == 0 {
		b.Modes = nil
	}
	r.freezing(b.Modes, b.Reason)
	r.about(b.post)
	return domain.UnfreezeAccount{Modes: b.Modes, Reason: b.Reason}
}}

// freezing checks what freezing and unfreezing share; the rest is the domain's.
func (r *reading) freezing(modes []domain.FreezeMode, reason string) {
	if len(modes) > 4 {
		r.malformed("modes", "want at most 4")
	}
	r.text("reason", reason, reasonBytes)
}

func (o *out) frozen(a ledger.Answer, e domain.AccountFrozen) {
	o.time("until", e.Until)
	o.freezing(a, "frozen", e.Modes, e.Reason)
}

func (o *out) unfrozen(a ledger.Answer, e domain.AccountUnfrozen) {
	o.freezing(a, "unfrozen", e.Modes, e.Reason)
}

func (o *out) freezing(a ledger.Answer, what string, modes []domain.FreezeMode, reason string) {
	o.id("id", a.First().Metadata.OperationID)
	o.id("account_id", a.Account)
	o.open(what, '[')
	for _, m := range modes {
		o.quote(string(m))
	}
	o.end(']')
	o.text("reason", reason)
	o.ending(a)
}
