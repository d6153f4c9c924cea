package main

import (
	"context"
	"errors"
	"iter"
	"strings"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/api"
	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/projections/js"
)

// liveProjections are the projections that analysts have the service run. What they are stands in the
// log; how they run is the Manager's, which answers what is read.
type liveProjections struct {
	*js.Manager
	ledger *ledger.Ledger
}

func (s *service) openLive(ctx context.Context, observed *api.Metrics) error {
	m, err := js.OpenManager(ctx, orFolder(s.cfg.readmodels, s.cfg.data), s.store, js.ManagerOptions{
		Logger: s.logger, Definitions: s.definitions, OnFault: observed.OnProjectionFault})
	if err == nil {
		s.live = &liveProjections{m, s.ledger}
		observed.ProjectionLag(m)
	}
	return err
}

// runProjections keeps the projections live until ctx ends.
func (s *service) runProjections(ctx context.Context) {
	if s.live == nil {
		<-ctx.Done()
		return
	}
	s.live.Run(ctx)
}

// running is the Manager, nil where none runs.
func (l *liveProjections) running() *js.Manager {
	if l == nil {
		return nil
	}
	return l.Manager
}

func (l *liveProjections) close() error {
	if l == nil {
		return nil
	}
	return l.Close()
}

const projectionStreams = "projection-" // and the name

// definitions yields the projections as the log defines them. An event that is not ours is told and
// passed over: it must not stop every projection.
func (s *service) definitions(ctx context.Context) iter.Seq2[js.Definitions, error] {
	return func(yield func(js.Definitions, error) bool) {
		all := map[string]*defined{}
		d := js.Definitions{}
		for batch, err := range s.store.Follow(ctx, eventstore.Start, projectionStreams) {
			if err != nil {
				yield(d, err)
				return
			}
			touched := map[string]bool{}
			for _, e := range batch {
				d.Position = e.Position
				p, err := domain.Decode(e.Type, e.Data, e.Metadata, int64(e.Revision))
				if err != nil {
					s.logger.Error("definition not read", "stream", e.Stream, "revision", e.Revision, "err", err)
					continue
				}
				name := strings.TrimPrefix(e.Stream, projectionStreams)
				if all[name] == nil {
					all[name] = &defined{name: name}
				}
				all[name].apply(p, e.Position)
				touched[name] = true
			}
			d.Changed, d.CaughtUp = nil, len(batch) == 0
			for name := range touched {
				d.Changed = append(d.Changed, all[name].live())
			}
			if !yield(d, nil) {
				return
			}
		}
	}
}

// defined is a projection, and where in the log its current version took another's place.
type defined struct {
	name string
	domain.Projection
	promoted eventstore.Position
}

func (d *defined) apply(p domain.Posted, at eventstore.Position) {
	d.Apply(p)
	switch p.Event.(type) {
	case domain.ProjectionCreated:
		d.promoted = eventstore.Start
	case domain.ProjectionPromoted:
		d.promoted = at
	}
}

func (d *defined) live() js.Live {
	l := js.Live{Name: d.name, Deleted: !d.Exists(), Enabled: d.Enabled, EnabledAt: d.EnabledAt, First: d.First,
		Current: versionOf(d.Current)}
	l.Current.EmitsAfter = d.promoted
	if d.Candidate != nil {
		candidate := versionOf(*d.Candidate)
		l.Candidate = &candidate
	}
	return l
}

func versionOf(v domain.ProjectionVersion) js.Version {
	return js.Version{Number: v.Version, Query: v.Query, Emit: v.Emit, Began: v.Began}
}

// Create makes a projection, for a caller. It is domain.ErrMalformed where the script does not compile,
// ErrReferenceUsed where the name is taken. When it returns the projection is there to be read.
func (l *liveProjections) Create(ctx context.Context, who ledger.Caller, name, query string, emit bool) error {
	if err := l.compiles(ctx, name, query); err != nil {
		return err
	}
	if !l.Room() {
		return domain.ErrLimitExceeded.Because("there are as many projections as may run")
	}
	return l.register(ctx, who, domain.CreateProjection{
		ProjectionScript: domain.ProjectionScript{Name: name, Query: query, Emit: emit}})
}

// Update has a new version built beside the one that answers, until Promote or Drop. Its errors are
// Create's, and domain.ErrNotFound.
func (l *liveProjections) Update(ctx context.Context, who ledger.Caller, name, query string, emit bool) error {
	if err := l.compiles(ctx, name, query); err != nil {
		return err
	}
	return l.register(ctx, who, domain.UpdateProjection{
		ProjectionScript: domain.ProjectionScript{Name: name, Query: query, Emit: emit}})
}

// Promote lets the version that was built beside answer. It is domain.ErrNotFound where there is no
// such projection, ErrNoCandidate where none is built.
func (l *liveProjections) Promote(ctx context.Context, who ledger.Caller, name string) error {
	return l.register(ctx, who, domain.PromoteProjection{NamedProjection: domain.NamedProjection{Name: name}})
}

// Drop gives up the version that was built beside. Its errors are Promote's.
func (l *liveProjections) Drop(ctx context.Context, who ledger.Caller, name string) error {
	return l.register(ctx, who, domain.DropProjection{NamedProjection: domain.NamedProjection{Name: name}})
}

// Enable has a projection run, and try again where a fault stopped it. It is domain.ErrNotFound where
// there is none, as are Disable, Reset and Delete.
func (l *liveProjections) Enable(ctx context.Context, who ledger.Caller, name string) error {
	return l.register(ctx, who, domain.EnableProjection{NamedProjection: domain.NamedProjection{Name: name}})
}

// Disable stops a projection, which keeps what it has.
func (l *liveProjections) Disable(ctx context.Context, who ledger.Caller, name string) error {
	return l.register(ctx, who, domain.DisableProjection{NamedProjection: domain.NamedProjection{Name: name}})
}

// Reset has the current version fold the log anew.
func (l *liveProjections) Reset(ctx context.Context, who ledger.Caller, name string) error {
	return l.register(ctx, who, domain.ResetProjection{NamedProjection: domain.NamedProjection{Name: name}})
}

// Delete ends a projection.
func (l *liveProjections) Delete(ctx context.Context, who ledger.Caller, name string) error {
	return l.register(ctx, who, domain.DeleteProjection{NamedProjection: domain.NamedProjection{Name: name}})
}

func (l *liveProjections) compiles(ctx context.Context, name, query string) error {
	err := l.Check(ctx, name, query)
	if fault := (*js.Fault)(nil); errors.As(err, &fault) {
		return domain.ErrMalformed.Field("query", fault.Error())
	}
	return err
}

// register records a command, and returns when it is in force here.
func (l *liveProjections) register(ctx context.Context, who ledger.Caller, r domain.Registration) error {
	a, err := l.ledger.Register(ctx, ledger.Registering{Registration: r, Key: uuid.NewString(), Caller: who})
	if err != nil {
		return err
	}
	return l.Wait(ctx, a.Position)
}
