package esdbserver

import (
	"context"
	"errors"
	"time"

	"github.com/tillbook/tillbook/eventstore"
)

// Projections are who keeps projections, asked for by EventStoreDB's clients. caller is the user that
// asks, "anonymous" where nobody has to say who it is. All methods may be called at once.
//
// Errors, by errors.Is and errors.As: ErrNoProjection, ErrProjectionExists, ErrProjectionRuns,
// ErrProjectionsStarting, *BadProjection, *ProjectionFault, the store's, and the context's own.
type Projections interface {
	// Create makes a projection and has it run. A one-time one has no name in the protocol: its own
	// was drawn for it.
	Create(ctx context.Context, caller string, p Projection) error
	// Update has another script answer under a projection's name. It begins at the log's start. emit
	// nil leaves what it was.
	Update(ctx context.Context, caller, name, query string, emit *bool) error
	// Delete ends a projection, which must be stopped, completed or faulted. What it emitted stays.
	Delete(ctx context.Context, caller, name string) error
	// Enable has a projection run, or try again where a fault stopped it.
	Enable(ctx context.Context, caller, name string) error
	// Disable stops a projection, which keeps what it has.
	Disable(ctx context.Context, caller, name string) error
	// Reset has a projection fold the log anew.
	Reset(ctx context.Context, caller, name string) error
	// Restart ends transient and one-time projections, and has those that are faulted try again.
	Restart(ctx context.Context, caller string) error

	// State is the state of a partition as JSON, the empty one being that of a projection that has
	// but one; nil where there is none.
	State(ctx context.Context, name, partition string) ([]byte, error)
	// Result is what a projection makes of a partition's state, likewise.
	Result(ctx context.Context, name, partition string) ([]byte, error)
	// Statuses tells of one projection or, without a name, of all, by name.
	Statuses(ctx context.Context, name string) ([]ProjectionStatus, error)
}

// ProjectionMode says how long a projection goes on, in EventStoreDB's word.
type ProjectionMode string

// The modes of projections.
const (
	Continuous ProjectionMode = "Continuous" // for ever
	Transient  ProjectionMode = "Transient"  // as long as the service runs
	OneTime    ProjectionMode = "OneTime"    // to the head of the log, and is gone with the service
)

// Projection is one that is to be made.
type Projection struct {
	Name  string
	Mode  ProjectionMode
	Query string // the script
	Emit  bool   // it may emit events
}

// ProjectionState says what a projection does, in EventStoreDB's word.
type ProjectionState string

// The states of projections.
const (
	ProjectionRunning   ProjectionState = "Running"
	ProjectionStopped   ProjectionState = "Stopped"
	ProjectionCompleted ProjectionState = "Completed" // a one-time one that has come to the head
	ProjectionFaulted   ProjectionState = "Faulted"
)

// ProjectionStatus is how a projection stands.
type ProjectionStatus struct {
	Name       string
	Mode       ProjectionMode
	State      ProjectionState
	Fault      string              // why it is faulted, and where
	Version    int64               // of its script, from 0
	Epoch      int64               // grows whenever it begins anew
	Position   eventstore.Position // of the last event that it has looked at
	Head       eventstore.Position // of the last event that it could look at
	Checkpoint eventstore.Position // from where it goes on after a restart; Start: there is none
	Partitions int

	// Since the service was started or it began anew:
	Events int64         // that its handlers were given
	Busy   time.Duration // what they took

	Buffered int  // events that were read and wait for their handlers
	Pending  int  // events it emits that wait to be written
	Writing  bool // some of these are being written
	Due      bool // a checkpoint waits until they are
}

// Why Projections refuses, beside *BadProjection and *ProjectionFault.
var (
	ErrNoProjection        = errors.New("there is no such projection")
	ErrProjectionExists    = errors.New("there is a projection of this name")
	ErrProjectionRuns      = errors.New("the projection is neither stopped nor faulted")
	ErrProjectionsStarting = errors.New("the projections are not known yet")
)

// BadProjection is what is wrong with a projection's name or script.
type BadProjection struct{ Reason string }

func (e *BadProjection) Error() string { return e.Reason }

// ProjectionFault is what a script did wrong when it was asked for a state or a result, and where.
type ProjectionFault struct{ Reason string }

func (e *ProjectionFault) Error() string { return e.Reason }
