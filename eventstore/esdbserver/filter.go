package esdbserver

import (
	"regexp"
	"slices"
	"strings"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"

	"github.com/tillbook/tillbook/eventstore"
)

// defaultWindow is how many events are looked at between two checkpoints where a client does not
// say.
const defaultWindow = 32

// maxPattern bounds a regular expression, in bytes.
const maxPattern = 4 << 10

// filter picks events of the log by their stream's name or their type. A nil filter takes all.
type filter struct {
	byType   bool
	pattern  *regexp.Regexp // nil: by prefixes
	prefixes []string
	interval uint64 // events looked at between two checkpoints of a subscription
}

// parseFilter understands a filter; live demands what a subscription's checkpoints need.
func parseFilter(options *streams.ReadReq_Options_FilterOptions, live bool) (*filter, error) {
	window := uint64(defaultWindow)
	switch w := options.GetWindow().(type) {
	case *streams.ReadReq_Options_FilterOptions_Count:
	case *streams.ReadReq_Options_FilterOptions_Max:
		window = uint64(w.Max)
	default:
		return nil, invalid("the filter's window is missing")
	}
	f := &filter{interval: window * uint64(options.GetCheckpointIntervalMultiplier())}
	if live && f.interval == 0 {
		return nil, invalid("the filter's window and checkpoint interval must not be 0")
	}
	expression := options.GetStreamIdentifier()
	switch options.GetFilter().(type) {
	case *streams.ReadReq_Options_FilterOptions_StreamIdentifier:
	case *streams.ReadReq_Options_FilterOptions_EventType:
		f.byType, expression = true, options.GetEventType()
	default:
		return nil, invalid("the filter names neither streams nor event types")
	}
	var err error
	f.pattern, err = parsePattern(expression.GetRegex())
	f.prefixes = expression.GetPrefix()
	return f, err
}

// parsePattern compiles a regular expression, nil for an empty one. EventStoreDB takes .NET's; here
// they are RE2's, which lack what needs more than linear time.
func parsePattern(pattern string) (*regexp.Regexp, error) {
	if pattern == "" {
		return nil, nil
	}
	if len(pattern) > maxPattern {
		return nil, invalid("the filter's regular expression is longer than %d bytes", maxPattern)
	}
	compiled, err := regexp.Compile(pattern)
	if err != nil {
		return nil, invalid("the filter's regular expression is not supported: %v "+
			"(lookaround and backreferences of .NET are not)", err)
	}
	return compiled, nil
}

// passes says whether an event of the log is to be delivered.
func (f *filter) passes(e *eventstore.Recorded) bool {
	if hidden(e.Stream) {
		return false
	}
	if f == nil {
		return true
	}
	text := e.Stream
	if f.byType {
		text = e.Type
	}
	if f.pattern != nil {
		return f.pattern.MatchString(text)
	}
	return slices.ContainsFunc(f.prefixes, func(prefix string) bool {
		return strings.HasPrefix(text, prefix)
	})
}

// streams are the prefixes of the streams that may pass, none where any may: a store can skip the
// others unread.
func (f *filter) streams() []string {
	if f == nil || f.byType || f.pattern != nil {
		return nil
	}
	return f.prefixes
}
