package api

import (
	"context"
	"errors"
	"slices"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
	"github.com/tillbook/tillbook/projections"
	"github.com/tillbook/tillbook/projections/js"
)

// projectionRoutes are about the projections that analysts have the service run. They tell of every
// store: no key that is bound to stores asks them.
func (s *Server) projectionRoutes() []*route {
	const all, one = "/v1/projections", "/v1/projections/{name}"
	write := func(method, path, id string, serve handler) *route {
		return &route{method: method, path: path, id: id, roles: analysts, query: dry, serve: serve,
			unbound: true}
	}
	get := func(path, id string, query []string, serve handler) *route {
		return &route{method: "GET", path: path, id: id, roles: analysts, query: query, serve: serve,
			unbound: true}
	}
	partition := slices.Concat(fresh, []string{"partition"})
	drawing := slices.Concat(fresh, []string{"kind", "x", "y", "by"})
	return []*route{
		write("POST", all, "createProjection", createProjection),
		write("PUT", one, "updateProjection", updateProjection),
		write("DELETE", one, "deleteProjection", changing(func(n domain.NamedProjection) domain.Registration {
			return domain.DeleteProjection{NamedProjection: n}
		})),
		write("POST", one+"/enable", "enableProjection", changing(func(n domain.NamedProjection) domain.Registration {
			return domain.EnableProjection{NamedProjection: n}
		})),
		write("POST", one+"/disable", "disableProjection", changing(func(n domain.NamedProjection) domain.Registration {
			return domain.DisableProjection{NamedProjection: n}
		})),
		write("POST", one+"/reset", "resetProjection", changing(func(n domain.NamedProjection) domain.Registration {
			return domain.ResetProjection{NamedProjection: n}
		})),
		write("POST", one+"/promote", "promoteProjection", promoteProjection),
		write("POST", one+"/drop", "dropProjection", changing(func(n domain.NamedProjection) domain.Registration {
			return domain.DropProjection{NamedProjection: n}
		})),
		get(one, "getProjection", fresh, getProjection),
		get(one+"/state", "getProjectionState", partition, getProjectionState),
		get(one+"/result", "getProjectionResult", partition, getProjectionResult),
		get(one+"/partitions", "listPartitions", paged, listPartitions),
		get(one+"/statistics", "getProjectionStatistics", fresh, getProjectionStatistics),
		get(one+"/chart.svg", "getProjectionChart", drawing, getProjectionChart),
		get(one+"/difference", "getProjectionDifference", fresh, getProjectionDifference),
	}
}

// projectionBytes bounds the body that brings a script: as JSON it may be twice as long.
const projectionBytes = 1 << 20

type projectionBody struct {
	Name  string `json:"name"`
	Query string `json:"query"`
	Emit  bool   `json:"emit"`
}

var errNotLive = domain.ErrNotFound.Because("this node runs no projections")

// live is what runs the projections.
func (c *call) live() (*js.Manager, error) {
	if c.s.Live == nil {
		return nil, errNotLive
	}
	return c.s.Live, nil
}

// script reads a projection that compiles.
func (c *call) script(name string) (s domain.ProjectionScript, err error) {
	body, err := c.body(projectionBytes)
	if err != nil {
		return s, err
	}
	var b projectionBody
	if err := decode(body, &b); err != nil {
		return s, err
	}
	if name != "" && b.Name != "" && b.Name != name {
		return s, domain.ErrMalformed.Field("name", "is not the projection of the path")
	}
	if name == "" {
		name = b.Name
	}
	live, err := c.live()
	if err != nil {
		return s, err
	}
	err = live.Check(context.Background(), name, b.Query)
	if fault := (*js.Fault)(nil); errors.As(err, &fault) {
		err = domain.ErrMalformed.Field("query", fault.Error())
	}
	return domain.ProjectionScript{Name: name, Query: b.Query, Emit: b.Emit}, err
}

func createProjection(c *call) error {
	s, err := c.script("")
	if err != nil {
		return err
	}
	if isReadModel(s.Name) {
		return domain.ErrMalformed.Field("name", "is a read model's")
	}
	_, err = c.s.Live.Status(context.Background(), s.Name)
	if errors.Is(err, js.ErrNoProjection) && !c.s.Live.Room() {
		return domain.ErrLimitExceeded.Because("there are as many projections as may run")
	}
	return c.changed(domain.CreateProjection{ProjectionScript: s})
}

func isReadModel(name string) bool {
	return name == "all" || slices.ContainsFunc(projections.Builtin(), func(p projections.Projection) bool {
		return p.Name() == name
	})
}

func updateProjection(c *call) error {
	s, err := c.script(c.Params("name"))
	if err != nil {
		return err
	}
	return c.changed(domain.UpdateProjection{ProjectionScript: s})
}

// promoteProjection refuses a version that a fault has stopped: it would answer what it had before.
func promoteProjection(c *call) error {
	live, err := c.live()
	if err != nil {
		return err
	}
	s, err := live.Status(context.Background(), c.Params("name"))
	if err == nil && s.Building != nil && s.Building.Fault != nil {
		return domain.ErrProjectionFault.Because(s.Building.Fault.Message)
	}
	return promoting(c)
}

var promoting = changing(func(n domain.NamedProjection) domain.Registration {
	return domain.PromoteProjection{NamedProjection: n}
})

// changing is the handler of a command that says no more than which projection it is about.
func changing(command func(domain.NamedProjection) domain.Registration) handler {
	return func(c *call) error {
		body, err := c.body(c.s.BodyLimit)
		if err != nil {
			return err
		}
		if len(body) > 0 {
			if err := decode(body, &struct{}{}); err != nil {
				return err
			}
		}
		return c.changed(command(domain.NamedProjection{Name: c.Params("name")}))
	}
}

// changed records a command, and answers when it is in force on this node.
func (c *call) changed(r domain.Registration) error {
	a, dryRun, err := c.registering(r)
	if err == nil && !dryRun && c.s.Live != nil {
		ctx, cancel := context.WithTimeout(c.s.stop, c.s.MaxWait)
		defer cancel()
		err = c.s.Live.Wait(ctx, a.Position)
	}
	return c.answer(a, err, dryRun)
}

func projectionPlace(a ledger.Answer) string {
	return "/v1/projections/" + a.First().Event.(domain.ProjectionCreated).Name // it is found by its type
}

func (o *out) projectionCreated(a ledger.Answer, e domain.ProjectionCreated) {
	o.projectionChanged(a, e.Name, e.Version)
}

func (o *out) projectionUpdated(a ledger.Answer, e domain.ProjectionUpdated) {
	o.projectionChanged(a, e.Name, e.Version)
}

func (o *out) projectionPromoted(a ledger.Answer, e domain.ProjectionPromoted) {
	o.projectionChanged(a, e.Name, e.Version)
}

func (o *out) projectionDropped(a ledger.Answer, e domain.ProjectionDropped) {
	o.projectionChanged(a, e.Name, e.Version)
}

func (o *out) projectionReset(a ledger.Answer, e domain.ProjectionReset) {
	o.projectionChanged(a, e.Name, e.Version)
}

func (o *out) projectionEnabled(a ledger.Answer, e domain.ProjectionEnabled) {
	o.projectionChanged(a, e.Name, 0)
}

func (o *out) projectionDisabled(a ledger.Answer, e domain.ProjectionDisabled) {
	o.projectionChanged(a, e.Name, 0)
}

func (o *out) projectionDeleted(a ledger.Answer, e domain.ProjectionDeleted) {
	o.projectionChanged(a, e.Name, 0)
}

// projectionChanged writes what became of a projection, and of which version if of one.
func (o *out) projectionChanged(a ledger.Answer, name string, version int) {
	o.text("name", name)
	o.plain("event", domain.TypeOf(a.First().Event))
	if version > 0 {
		o.integer("version", int64(version))
	}
	o.time("changed_at", a.First().Metadata.RecordedAt)
	o.integer("revision", a.First().Revision)
}
