package groups

import (
	"fmt"
	"time"
)

// Strategy says which subscriber gets an event.
type Strategy string

// The strategies there are.
const (
	// RoundRobin: the next subscriber that has a slot.
	RoundRobin Strategy = "RoundRobin"
	// DispatchToSingle: the same subscriber for as long as it has a slot.
	DispatchToSingle Strategy = "DispatchToSingle"
	// Pinned: always the same subscriber for one source stream; others go on while it is full.
	Pinned Strategy = "Pinned"
	// PinnedByCorrelation: as Pinned, by the $correlationId of an event's metadata where it has
	// one.
	PinnedByCorrelation Strategy = "PinnedByCorrelation"
)

// FromEnd is the Start of a group that gets what comes after its creation.
const FromEnd int64 = -1

// Settings of a group. The words are EventStoreDB's.
type Settings struct {
	Start           int64 // the place of the first event to deliver, or FromEnd
	ResolveLinks    bool
	Filter          *Filter // of All only; nil keeps everything
	ExtraStatistics bool
	Strategy        Strategy
	MessageTimeout  time.Duration // after it an event is retried; 0: at the next tick
	MaxRetries      int           // an event that was retried so often is parked
	CheckpointAfter time.Duration // the least time between checkpoints; 0: none is written by time
	MinCheckpoint   int           // events that must be finished before time writes a checkpoint
	MaxCheckpoint   int           // events after which one is written at once
	MaxSubscribers  int           // 0: no limit
	LiveBuffer      int           // told back, and unused: a group reads at its own pace
	ReadBatch       int           // a group reads on when its buffer has more room than this
	HistoryBuffer   int           // events that are kept ready beside those that subscribers have
}

// check returns *Refused where a group with these settings could not work.
func (s Settings) check(source string) error {
	switch {
	case !s.Strategy.known():
		return &Refused{fmt.Sprintf("Consumer strategy %s does not exist.", s.Strategy)}
	case s.Start < FromEnd:
		return &Refused{"Invalid Start From position: it must be -1 or greater."}
	case s.ReadBatch >= s.HistoryBuffer:
		return &Refused{"readBatchSize may not be greater than or equal to historyBufferSize"}
	case s.ReadBatch < 0:
		return &Refused{"readBatchSize may not be negative"}
	case s.Filter != nil && source != All:
		return &Refused{"only $all can be filtered"}
	}
	return nil
}

func (s Strategy) known() bool {
	switch s {
	case RoundRobin, DispatchToSingle, Pinned, PinnedByCorrelation:
		return true
	}
	return false
}

// Filter keeps the events of All whose stream or type matches: an expression found anywhere in the
// name or, where there is none, one of some prefixes.
type Filter struct {
	ByType   bool // by the event's type, not its stream's name
	Regex    string
	Prefixes []string
}
