package groups

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/tillbook/tillbook/eventstore"
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
	// PinnedByCorrelation: as Pinned, by the $correlationId of an event's metadata where it has one.
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
	case s.Filter != nil:
		_, err := s.Filter.compile()
		return err
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

// Filter keeps the events of All whose stream or type matches. Regex, a RE2 expression found anywhere
// in the name, comes before Prefixes.
type Filter struct {
	ByType   bool // by the event's type, not its stream's name
	Regex    string
	Prefixes []string
}

// compile makes a filter's test; *Refused where its expression cannot be understood.
func (f *Filter) compile() (func(*eventstore.Recorded) bool, error) {
	if f == nil {
		return func(*eventstore.Recorded) bool { return true }, nil
	}
	matches := func(name string) bool { return begins(name, f.Prefixes) }
	if f.Regex != "" {
		expression, err := regexp.Compile(f.Regex)
		if err != nil {
			return nil, &Refused{fmt.Sprintf("filter: %v", err)}
		}
		matches = expression.MatchString
	}
	return func(e *eventstore.Recorded) bool {
		if f.ByType {
			return matches(e.Type)
		}
		return matches(e.Stream)
	}, nil
}

func begins(name string, prefixes []string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(name, p) {
			return true
		}
	}
	return false
}
