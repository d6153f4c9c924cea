package api

import (
	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
)

type extendBody struct {
	ExpiresAt string `json:"expires_at"`
	Reason    string `json:"reason"`
	post
}

// extendLot is for finance and admins: what comes back to life is owed again.
var extendLot = operation{name: "extend", roles: auditors, ids: []string{"lot_id"}, parse: func(
	r *reading, t *target, body []byte,
) domain.Command {
	var b extendBody
	if !r.decode(body, &b) {
		return nil
	}
	r.about(b.post)
	return domain.ExtendLot{LotID: t.ids["lot_id"], ExpiresAt: r.time("expires_at", b.ExpiresAt),
		Reason: r.text("reason", b.Reason, reasonBytes)}
}}

func (o *out) extension(a ledger.Answer, e domain.LotExtended) {
	o.id("id", a.First().Metadata.OperationID)
	o.id("account_id", a.Account)
	o.id("lot_id", e.Lot)
	o.time("from", e.From)
	o.time("to", e.To)
	o.boolean("reactivated", e.Reactivated)
	o.money("amount", e.Amount)
	o.text("reason", e.Reason)
	o.tail(a)
}
