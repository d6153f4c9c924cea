package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/esdbserver"
	"github.com/tillbook/tillbook/projections"
	"github.com/tillbook/tillbook/projections/js"
)

// clientProjections are the service's projections as EventStoreDB's clients manage them. Continuous ones
// are those of REST and the command line; the others live here alone.
type clientProjections struct {
	live    *liveProjections
	passing *passing
}

// inForce bounds how long a change may take to be in force.
const inForce = 10 * time.Second

// enter waits until the projections are known. The context is for a call that waits further, until a
// change is in force: no longer than that may take, nor than the service runs.
func (c *clientProjections) enter(ctx context.Context) (context.Context, func(), error) {
	ctx, cancel := context.WithTimeout(ctx, inForce)
	stop := context.AfterFunc(c.passing.life, cancel)
	err := c.live.Wait(ctx, eventstore.Start)
	if err == nil {
		err = c.passing.Wait(ctx, eventstore.Start)
	}
	return ctx, func() { stop(); cancel() }, clientError(err)
}

// userOf is a client's user as the ledger knows who acts.
func userOf(name string) ledger.Caller {
	return ledger.Caller{Actor: "esdb:" + name, Role: domain.RoleAnalyst}
}

// Create is esdbserver.Projections'.
func (c *clientProjections) Create(ctx context.Context, caller string, p esdbserver.Projection) error {
	ctx, done, err := c.enter(ctx)
	defer done()
	if err != nil {
		return err
	}
	if !domain.IsProjectionName(p.Name) {
		return &esdbserver.BadProjection{
			Reason: "Projection name: want 1 to 64 of [A-Za-z0-9._-], no dot or dash first"}
	}
	if p.Name == "all" || slices.ContainsFunc(projections.Builtin(), func(m projections.Projection) bool {
		return m.Name() == p.Name
	}) {
		return &esdbserver.BadProjection{Reason: "Projection name: it is a read model's"}
	}
	if p.Mode == esdbserver.Continuous {
		if _, taken := c.passing.find(p.Name); taken {
			return esdbserver.ErrProjectionExists
		}
		return clientError(c.live.Create(ctx, userOf(caller), p.Name, p.Query, p.Emit))
	}
	if _, err := c.live.Status(ctx, p.Name); !errors.Is(err, js.ErrNoProjection) {
		return cmp.Or(clientError(err), esdbserver.ErrProjectionExists)
	}
	return clientError(c.passing.create(ctx, p.Mode, p.Name, p.Query))
}

// Update is esdbserver.Projections'. EventStoreDB has one version of a projection: the new one answers
// at once, and takes the place of one that was being built beside.
func (c *clientProjections) Update(ctx context.Context, caller, name, query string, emit *bool) error {
	ctx, done, err := c.enter(ctx)
	defer done()
	if err != nil {
		return err
	}
	if _, ok := c.passing.find(name); ok {
		return clientError(c.passing.update(ctx, name, query))
	}
	was, err := c.live.Status(ctx, name)
	if err != nil {
		return clientError(err)
	}
	emits := was.Current.Emit
	if emit != nil {
		emits = *emit
	}
	if err := c.live.Update(ctx, userOf(caller), name, query, emits); err != nil {
		return clientError(err)
	}
	return clientError(c.live.Promote(ctx, userOf(caller), name))
}

// Delete is esdbserver.Projections'.
func (c *clientProjections) Delete(ctx context.Context, caller, name string) error {
	ctx, done, err := c.enter(ctx)
	defer done()
	if err != nil {
		return err
	}
	all, err := c.Statuses(ctx, name)
	if err != nil {
		return err
	}
	if all[0].State == esdbserver.ProjectionRunning {
		return esdbserver.ErrProjectionRuns
	}
	if _, ok := c.passing.find(name); ok {
		return clientError(c.passing.delete(ctx, name))
	}
	return clientError(c.live.Delete(ctx, userOf(caller), name))
}

// Enable is esdbserver.Projections'.
func (c *clientProjections) Enable(ctx context.Context, caller, name string) error {
	return c.change(ctx, caller, name, c.live.Enable, c.passing.enable)
}

// Disable is esdbserver.Projections'.
func (c *clientProjections) Disable(ctx context.Context, caller, name string) error {
	return c.change(ctx, caller, name, c.live.Disable, c.passing.disable)
}

// Reset is esdbserver.Projections'.
func (c *clientProjections) Reset(ctx context.Context, caller, name string) error {
	return c.change(ctx, caller, name, c.live.Reset, c.passing.reset)
}

func (c *clientProjections) change(ctx context.Context, caller, name string,
	live func(context.Context, ledger.Caller, string) error, passing func(context.Context, string) error,
) error {
	ctx, done, err := c.enter(ctx)
	defer done()
	if err != nil {
		return err
	}
	if _, ok := c.passing.find(name); ok {
		return clientError(passing(ctx, name))
	}
	return clientError(live(ctx, userOf(caller), name))
}

// Restart is esdbserver.Projections'.
func (c *clientProjections) Restart(ctx context.Context, caller string) error {
	ctx, done, err := c.enter(ctx)
	defer done()
	if err != nil {
		return err
	}
	for _, name := range c.passing.names() {
		if err := c.passing.delete(ctx, name); err != nil && !errors.Is(err, esdbserver.ErrNoProjection) {
			return clientError(err)
		}
	}
	all, err := c.live.List(ctx)
	if err != nil {
		return clientError(err)
	}
	for _, s := range all {
		if s.Enabled && s.Answers.State == js.LiveFaulted {
			err := c.live.Enable(ctx, userOf(caller), s.Name)
			if err != nil && !errors.Is(err, domain.ErrNotFound) {
				return clientError(err)
			}
		}
	}
	return nil
}

// State is esdbserver.Projections'.
func (c *clientProjections) State(ctx context.Context, name, partition string) ([]byte, error) {
	ctx, done, err := c.enter(ctx)
	defer done()
	if err != nil {
		return nil, err
	}
	a, err := c.of(name).State(ctx, name, partition)
	return a.JSON, clientError(err)
}

// Result is esdbserver.Projections'.
func (c *clientProjections) Result(ctx context.Context, name, partition string) ([]byte, error) {
	ctx, done, err := c.enter(ctx)
	defer done()
	if err != nil {
		return nil, err
	}
	a, err := c.of(name).Result(ctx, name, partition)
	return a.JSON, clientError(err)
}

// of is who runs a projection of a name.
func (c *clientProjections) of(name string) *js.Manager {
	if _, ok := c.passing.find(name); ok {
		return c.passing.Manager
	}
	return c.live.Manager
}

// Statuses is esdbserver.Projections'.
func (c *clientProjections) Statuses(ctx context.Context, name string) (
	[]esdbserver.ProjectionStatus, error,
) {
	ctx, done, err := c.enter(ctx)
	defer done()
	if err != nil {
		return nil, err
	}
	if name != "" {
		s, err := c.of(name).Status(ctx, name)
		if err != nil {
			return nil, clientError(err)
		}
		return []esdbserver.ProjectionStatus{c.status(s)}, nil
	}
	all, err := c.live.List(ctx)
	if err != nil {
		return nil, clientError(err)
	}
	more, err := c.passing.List(ctx)
	if err != nil {
		return nil, clientError(err)
	}
	statuses := make([]esdbserver.ProjectionStatus, 0, len(all)+len(more))
	for _, s := range append(all, more...) {
		statuses = append(statuses, c.status(s))
	}
	slices.SortFunc(statuses, func(a, b esdbserver.ProjectionStatus) int {
		return cmp.Compare(a.Name, b.Name)
	})
	return statuses, nil
}

func (c *clientProjections) status(s js.Status) esdbserver.ProjectionStatus {
	a := s.Answers
	t := esdbserver.ProjectionStatus{
		Name: s.Name, Mode: esdbserver.Continuous, Version: int64(a.Version - s.First), Epoch: s.Current.Began,
		Position: a.Position, Head: a.Position + eventstore.Position(a.Lag), Partitions: a.Partitions,
		Events: a.Since, Busy: a.Busy, Buffered: a.Buffered, Pending: a.Pending, Writing: a.Writing, Due: a.Due,
		State: esdbserver.ProjectionRunning,
	}
	q, passes := c.passing.find(s.Name)
	if passes {
		t.Mode = q.mode
	} else {
		t.Checkpoint = a.Checkpoint
	}
	switch {
	case a.Fault != nil:
		t.State, t.Fault = esdbserver.ProjectionFaulted, faultText(s.Name, a.Fault)
	case passes && q.reached:
		t.State = esdbserver.ProjectionCompleted
	case a.State == js.LiveStopped:
		t.State = esdbserver.ProjectionStopped
	}
	return t
}

// faultText says where a script stopped and why, as a js.Fault does.
func faultText(name string, f *js.LiveFault) string {
	fault := js.Fault{Script: name + ".js", Line: f.Line, Column: f.Column, Handler: f.Handler,
		Event: f.Event, Message: f.Message}
	return fault.Error()
}

// clientError is an error in the words of esdbserver.
func clientError(err error) error {
	var fault *js.Fault
	var refused *domain.Refusal
	switch {
	case errors.Is(err, js.ErrNoProjection), errors.Is(err, domain.ErrNotFound):
		return esdbserver.ErrNoProjection
	case errors.Is(err, domain.ErrReferenceUsed):
		return esdbserver.ErrProjectionExists
	case errors.Is(err, js.ErrStarting), errors.Is(err, ledger.ErrStopping):
		return esdbserver.ErrProjectionsStarting
	case errors.As(err, &fault):
		return &esdbserver.ProjectionFault{Reason: fault.Error()}
	case errors.As(err, &refused):
		return &esdbserver.BadProjection{Reason: reasonOf(refused)}
	}
	return err
}

// reasonOf is a refusal's detail and what it says of fields.
func reasonOf(r *domain.Refusal) string {
	reasons := []string{r.Detail}
	for _, f := range r.Fields {
		reasons = append(reasons, fmt.Sprintf("%s: %s", f.Field, f.Detail))
	}
	return strings.Join(reasons, "; ")
}

// isServiceOwned reports whether a stream is the service's: clients of its log may read and not write it.
// What projections emit is among them.
func isServiceOwned(stream string) bool {
	name := strings.TrimPrefix(stream, "$$")
	return domain.Owns(stream) || strings.HasPrefix(name, js.AnalystsPrefix) ||
		strings.HasPrefix(name, "$projections-")
}
