package js

import (
	"errors"
	"math"
	"strings"
	"time"

	"github.com/tillbook/tillbook/eventstore"
)

// Live is a projection that a Manager keeps, as it is defined.
type Live struct {
	Name      string
	Deleted   bool // nothing below counts
	Current   Version
	Candidate *Version // built beside the current one; nil: there is none
	Enabled   bool
	EnabledAt int64 // grows whenever it is enabled: a fault of before is tried again
	First     int   // the number it was created with; what is older was of another of its name
}

// Version is one script of a projection.
type Version struct {
	Number int
	Query  string
	Emit   bool  // it may emit events; the results that outputState and outputTo ask for it writes in any case
	Began  int64 // names the folding: with another one all begins anew
	// EmitsAfter is the event after which it emits where this node knows no better: where it was
	// promoted, Start if it is the first.
	EmitsAfter eventstore.Position
}

// Never is an EmitsAfter behind every event: such a version writes nothing.
const Never = eventstore.Position(math.MaxInt64)

// AnalystsPrefix begins the streams that every projection may emit to. Beside them each may emit to
// those that begin with $projections-NAME-.
const AnalystsPrefix = "analytics-"

// longestStream bounds the name of a stream that is emitted to, in bytes.
const longestStream = 512

// OwnsStream reports whether the projection of a name may emit to a stream.
func OwnsStream(name, stream string) bool {
	own := strings.HasPrefix(stream, AnalystsPrefix) || strings.HasPrefix(stream, "$projections-"+name+"-")
	return own && len(stream) <= longestStream
}

// LiveState says what a version does.
type LiveState string

// The states of a version. One that is faulted stands at its last checkpoint.
const (
	LiveRunning LiveState = "running"
	LiveStopped LiveState = "stopped"
	LiveFaulted LiveState = "faulted"
)

// Statistics are a version's numbers.
type Statistics struct {
	Version    int
	Emit       bool
	State      LiveState
	Fault      *LiveFault // nil: it has none
	Position   eventstore.Position
	Checkpoint eventstore.Position // from where it goes on after a restart
	Lag        uint64              // positions between it and the last event that it could read
	Since      int64               // events that its handlers were given since the Manager was opened or it began anew
	Busy       time.Duration       // what they took
	Buffered   int                 // events that were read and wait for their handlers
	Pending    int                 // events it emits, results among them, that wait to be written
	Writing    bool                // some of these are being written
	Due        bool                // a checkpoint waits until they are
	Events     int64               // that its handlers were given
	Emitted    int64               // events that it wrote, results among them, and that were not there already
	PerSecond  int64               // events handled in the last second
	Partitions int
	Elsewhere  bool     // another node runs it: all this is as its last checkpoint has it
	Bytes      int64    // of all states as JSON
	Log        []string // the last lines that the script has logged since it was opened here, at most 100
}

// LiveFault is why a version stopped, and when.
type LiveFault struct {
	Line, Column int       // of the script, from 1; 0: none can be named
	Handler      string    // empty while the script was compiled
	Event        string    // revision@stream; empty: none
	Message      string    //
	At           time.Time //
	Enabled      int64     // EnabledAt as it was: a later one has it tried again
}

// Status is a projection as it runs here.
type Status struct {
	Live
	Answers  Statistics  // of the current version
	Building *Statistics // of the candidate; nil: there is none
}

// The errors of a Manager's readers.
var (
	ErrNoProjection = errors.New("there is no such projection")
	ErrNoCandidate  = errors.New("no new version of the projection is being built")
	ErrStarting     = errors.New("the projection is not there yet")
)
