package esdbserver

import (
	"fmt"
	"math"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"

	"github.com/tillbook/tillbook/eventstore"
)

// request is what a ReadReq asks for, once it makes sense.
type request struct {
	all           bool
	stream        string // unless all
	from          uint64 // number of an event, or position; with start 0, with end of no meaning
	start, end    bool
	backwards     bool
	live          bool    // a subscription
	count         uint64  // unless live
	filter        *filter // of all; nil: none
	links         bool    // to be resolved
	textIDs       bool    // ids of events as text, not as two integers
	compatibility uint32  // of the client with messages that came later; 0 with the first
}

// number is where a stream's read begins. End is beyond every number.
func (r *request) number() int64 {
	if r.end {
		return math.MaxInt64
	}
	return int64(r.from)
}

// position is where a read of the log begins. End is beyond every position.
func (r *request) position() eventstore.Position {
	if r.end {
		return math.MaxUint64
	}
	return eventstore.Position(r.from)
}

// parseRead understands a request, whatever is missing in it, or says why it cannot.
func parseRead(options *streams.ReadReq_Options) (request, error) {
	r := request{
		backwards:     options.GetReadDirection() == streams.ReadReq_Options_Backwards,
		count:         options.GetCount(),
		links:         options.GetResolveLinks(),
		compatibility: options.GetControlOption().GetCompatibility(),
	}
	_, r.live = options.GetCountOption().(*streams.ReadReq_Options_Subscription)
	if !makesSense(options) {
		return r, invalid("The combination of %s is invalid.", combination(options))
	}
	for _, part := range []func(*streams.ReadReq_Options) error{
		r.parseIDs, r.parseOrigin, r.parseFilter,
	} {
		if err := part(options); err != nil {
			return r, err
		}
	}
	return r, nil
}

// makesSense says whether the choices of a request go together: streams are not filtered, and
// nothing is subscribed to backwards.
func makesSense(options *streams.ReadReq_Options) bool {
	_, stream := options.GetStreamOption().(*streams.ReadReq_Options_Stream)
	_, filtered := options.GetFilterOption().(*streams.ReadReq_Options_Filter)
	_, live := options.GetCountOption().(*streams.ReadReq_Options_Subscription)
	direction := options.GetReadDirection()
	return options.GetStreamOption() != nil && options.GetCountOption() != nil &&
		options.GetFilterOption() != nil && !(stream && filtered) &&
		(direction == streams.ReadReq_Options_Forwards ||
			direction == streams.ReadReq_Options_Backwards && !live)
}

// combination names the choices of a request, as EventStoreDB's refusal does.
func combination(options *streams.ReadReq_Options) string {
	stream, count, filter := "None", "None", "None"
	switch options.GetStreamOption().(type) {
	case *streams.ReadReq_Options_Stream:
		stream = "Stream"
	case *streams.ReadReq_Options_All:
		stream = "All"
	}
	switch options.GetCountOption().(type) {
	case *streams.ReadReq_Options_Count:
		count = "Count"
	case *streams.ReadReq_Options_Subscription:
		count = "Subscription"
	}
	switch options.GetFilterOption().(type) {
	case *streams.ReadReq_Options_Filter:
		filter = "Filter"
	case *streams.ReadReq_Options_NoFilter:
		filter = "NoFilter"
	}
	return fmt.Sprintf("(%s, %s, %s, %s)", stream, count, options.GetReadDirection(), filter)
}

func (r *request) parseIDs(options *streams.ReadReq_Options) error {
	switch options.GetUuidOption().GetContent().(type) {
	case *streams.ReadReq_Options_UUIDOption_Structured:
	case *streams.ReadReq_Options_UUIDOption_String_:
		r.textIDs = true
	default:
		return invalid("uuid_option is missing")
	}
	return nil
}

// parseOrigin understands what is read and from where.
func (r *request) parseOrigin(options *streams.ReadReq_Options) error {
	if _, r.all = options.GetStreamOption().(*streams.ReadReq_Options_All); r.all {
		return r.parsePosition(options.GetAll())
	}
	stream := options.GetStream()
	if r.stream = string(stream.GetStreamIdentifier().GetStreamName()); r.stream == "" {
		return invalid("stream_identifier is missing")
	}
	switch from := stream.GetRevisionOption().(type) {
	case *streams.ReadReq_Options_StreamOptions_Start:
		r.start = true
	case *streams.ReadReq_Options_StreamOptions_End:
		r.end = true
	case *streams.ReadReq_Options_StreamOptions_Revision:
		r.from, r.end = from.Revision, from.Revision == math.MaxUint64
		if !r.end && r.from > math.MaxInt64 {
			return invalid("revision %d is too large", r.from)
		}
	default:
		return invalid("revision_option is missing")
	}
	return nil
}

func (r *request) parsePosition(all *streams.ReadReq_Options_AllOptions) error {
	switch from := all.GetAllOption().(type) {
	case *streams.ReadReq_Options_AllOptions_Start:
		r.start = true
	case *streams.ReadReq_Options_AllOptions_End:
		r.end = true
	case *streams.ReadReq_Options_AllOptions_Position:
		commit, prepare := from.Position.GetCommitPosition(), from.Position.GetPreparePosition()
		if prepare > commit {
			return invalidPosition()
		}
		r.from, r.end = commit, commit == math.MaxUint64
	default:
		return invalid("all_option is missing")
	}
	return nil
}

func (r *request) parseFilter(options *streams.ReadReq_Options) error {
	if _, filtered := options.GetFilterOption().(*streams.ReadReq_Options_Filter); !filtered {
		return nil
	}
	var err error
	r.filter, err = parseFilter(options.GetFilter(), r.live)
	return err
}
