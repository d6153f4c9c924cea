package api

import (
	"errors"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
)

type storeBody struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Zone   string `json:"zone"`
	DayCut string `json:"day_cut"`
	Entity string `json:"entity"`
	Status string `json:"status"`
}

// setStore registers a store, or says what is true of it from now on. PUT names it in the path.
func setStore(c *call) error {
	body, err := c.body(c.s.BodyLimit)
	if err != nil {
		return err
	}
	b := storeBody{Zone: "UTC", DayCut: "00:00", Status: "open"}
	if err := decode(body, &b); err != nil {
		return err
	}
	if id := c.Params("store_id"); id != "" {
		if b.ID != "" && b.ID != id {
			return domain.ErrMalformed.Field("id", "is not the store of the path")
		}
		b.ID = id
	}
	a, dryRun, err := c.registering(domain.SetStore{Store: domain.Store(b)})
	return c.answer(a, err, dryRun)
}

func (o *out) storeRegistered(_ ledger.Answer, e domain.StoreRegistered) { o.store(e.Store) }
func (o *out) storeChanged(_ ledger.Answer, e domain.StoreChanged)       { o.store(e.Store) }

func storePlace(a ledger.Answer) string {
	return "/v1/stores/" + a.First().Event.(domain.StoreRegistered).ID // it is found by its type
}

func (o *out) store(s domain.Store) {
	o.text("id", s.ID)
	o.text("name", s.Name)
	o.text("zone", s.Zone)
	o.text("day_cut", s.DayCut)
	o.text("entity", s.Entity)
	o.text("status", s.Status)
}

type unitBody struct {
	Code  string          `json:"code"`
	Kind  domain.UnitKind `json:"kind"`
	Scale int32           `json:"scale"`
	Name  string          `json:"name"`
}

func registerUnit(c *call) error {
	body, err := c.body(c.s.BodyLimit)
	if err != nil {
		return err
	}
	var b unitBody
	if err := decode(body, &b); err != nil {
		return err
	}
	a, dryRun, err := c.registering(domain.RegisterUnit(b))
	return c.answer(a, err, dryRun)
}

func (o *out) unitRegistered(_ ledger.Answer, e domain.UnitRegistered) { o.unit(e.Unit) }

func unitPlace(a ledger.Answer) string {
	return "/v1/units/" + a.First().Event.(domain.UnitRegistered).Code // it is found by its type
}

func (o *out) unit(u domain.Unit) {
	o.plain("code", u.Code)
	o.plain("kind", string(u.Kind))
	o.integer("scale", int64(u.Scale))
	o.text("name", u.Name)
}

func listUnits(c *call) error { return registered(c, c.s.Ledger.Units, (*out).unit) }

func getUnit(c *call) error {
	u, err := c.s.Ledger.Unit(c.UserContext(), c.Params("code"))
	if errors.Is(err, domain.ErrUnknownUnit) {
		return domain.ErrNotFound.Because("there is no such unit")
	}
	if err != nil {
		return err
	}
	o := c.out()
	o.begin('{')
	o.unit(u)
	o.end('}')
	return c.ok(o)
}
