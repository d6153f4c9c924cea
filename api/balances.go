package api

import (
	"context"
	"time"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
	"github.com/tillbook/tillbook/projections"
)

func getBalances(c *call) error {
	v, err := c.view()
	if err != nil {
		return err
	}
	at, axis, err := c.past(v.At)
	if err != nil {
		return err
	}
	o := c.out()
	o.begin('{')
	o.id("account_id", v.ID())
	o.open("balances", '[')
	if at.IsZero() {
		at = v.At
		for _, b := range v.Balances(at) {
			o.balance(b)
		}
	} else if err := c.balancesAt(o, v, at, axis); err != nil {
		return err
	}
	o.end(']')
	o.asked(at, axis)
	o.position("as_of_position", uint64(v.Position))
	o.end('}')
	return c.ok(o)
}

// balancesAt writes balances of the past. What was available is known on the recorded axis alone.
func (c *call) balancesAt(o *out, v ledger.View, at time.Time, axis projections.Axis) error {
	was, err := projections.At(context.Background(), c.s.Store, v.ID(), at, axis)
	if err != nil {
		return err
	}
	if was.Account != nil {
		for _, b := range was.Account.Balances(at) {
			o.balance(b)
		}
		return nil
	}
	for _, b := range was.Balances {
		o.begin('{')
		o.plain("unit", b.Unit)
		o.quantity("total", b.Total)
		o.byClass(b.ByClass)
		o.end('}')
	}
	return nil
}

// lotsKey is what a cursor over lots carries beside the place.
type lotsKey struct {
	Account string           `json:"account"`
	State   string           `json:"state"`
	At      time.Time        `json:"at,omitzero"`
	Axis    projections.Axis `json:"axis"`
}

func getLots(c *call) error {
	v, err := c.view()
	if err != nil {
		return err
	}
	at, axis, err := c.past(v.At)
	if err != nil {
		return err
	}
	paging, err := c.paging()
	if err != nil {
		return err
	}
	asked := lotsKey{v.ID().String(), c.Query("state", "open"), at, axis}
	if asked.State != "open" && asked.State != "all" {
		return domain.ErrMalformed.Field("state", "want open or all")
	}
	from := 0
	if paging.Cursor != "" {
		carried := lotsKey{}
		if err := projections.ReadCursor(paging.Cursor, "lots", &carried, &from); err != nil {
			return err
		}
		if carried != asked || from < 0 {
			return projections.ErrCursor
		}
	}
	lots, err := c.lotsAt(v, at, axis)
	if err != nil {
		return err
	}
	o := c.out()
	o.begin('{')
	o.id("account_id", v.ID())
	if at.IsZero() {
		o.asked(v.At, axis)
	} else {
		o.asked(at, axis)
	}
	o.open("data", '[')
	shown, i := 0, min(from, len(lots))
	for ; i < len(lots) && shown < paging.Limit; i++ {
		if asked.State == "all" || !lots[i].Remaining.IsZero() {
			o.lot(lots[i])
			shown++
		}
	}
	next := ""
	if i < len(lots) {
		if next, err = projections.NewCursor("lots", asked, i); err != nil {
			return err
		}
	}
	o.page(next, v.Position)
	return c.ok(o)
}

// lotsAt are the account's lots, now or as they were. On the effective axis nothing is held.
func (c *call) lotsAt(v ledger.View, at time.Time, axis projections.Axis) ([]*domain.Lot, error) {
	if at.IsZero() {
		return v.Lots(), nil
	}
	was, err := projections.At(context.Background(), c.s.Store, v.ID(), at, axis)
	if err != nil {
		return nil, err
	}
	if was.Account != nil {
		return was.Account.Lots(), nil
	}
	var lots []*domain.Lot
	for _, l := range was.Lots {
		lots = append(lots, &domain.Lot{LotOpened: l.LotOpened, Unit: l.Unit,
			Remaining: l.Remaining, Held: l.Remaining.Zero()})
	}
	return lots, nil
}
