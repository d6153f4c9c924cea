package esdbserver

//lint:file-ignore SA1019 clients before 21.10 send the fields that are deprecated since.

import (
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/persistent"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"

	"github.com/tillbook/tillbook/eventstore/esdbserver/groups"
)

// keyOf names a group, or says why the request does not. A group's own streams have longer names
// than it has itself.
func keyOf(all bool, stream *shared.StreamIdentifier, group string) (groups.Key, error) {
	const longer = 64
	name := string(stream.GetStreamName())
	switch {
	case all:
		name = groups.All
	case name == "":
		return groups.Key{}, invalid("stream_option is missing")
	case !utf8.ValidString(name):
		return groups.Key{}, invalid("the stream's name is not UTF-8")
	}
	if group == "" {
		return groups.Key{}, invalid("group_name is missing")
	}
	if len(name)+len(group)+longer > nameMost {
		return groups.Key{}, invalid("the names of stream and group are too long")
	}
	return groups.Key{Source: name, Group: group}, nil
}

// parseCreate understands a CreateReq, in its present form and that of clients before 21.10, or
// says why it cannot.
func parseCreate(options *persistent.CreateReq_Options) (groups.Key, groups.Settings, error) {
	given := options.GetSettings()
	if given == nil {
		return groups.Key{}, groups.Settings{}, invalid("settings are missing")
	}
	settings := parseSettings(given)
	settings.Strategy = groups.Strategy(given.GetConsumerStrategy())
	if settings.Strategy == "" {
		settings.Strategy = groups.Strategy(given.GetNamedConsumerStrategy().String())
	}
	stream, all := options.GetStreamIdentifier(), false
	var err error
	switch of := options.GetStreamOption().(type) {
	case *persistent.CreateReq_Options_Stream:
		if of.Stream.GetStreamIdentifier() != nil {
			stream = of.Stream.GetStreamIdentifier()
		}
		settings.Start, err = createFromNumber(of.Stream)
	case *persistent.CreateReq_Options_All:
		all = true
		if settings.Start, err = createFromPosition(of.All); err == nil {
			settings.Filter, err = createFilter(of.All)
		}
	default:
		settings.Start = int64(given.GetRevision())
	}
	key, keyErr := keyFor(all, stream, options.GetGroupName())
	if err == nil {
		err = keyErr
	}
	return key, settings, err
}

// parseUpdate understands an UpdateReq as parseCreate does a CreateReq.
func parseUpdate(options *persistent.UpdateReq_Options) (groups.Key, groups.Settings, error) {
	given := options.GetSettings()
	if given == nil {
		return groups.Key{}, groups.Settings{}, invalid("settings are missing")
	}
	settings := parseSettings(given)
	settings.Strategy = groups.Strategy(given.GetNamedConsumerStrategy().String())
	stream, all := options.GetStreamIdentifier(), false
	var err error
	switch of := options.GetStreamOption().(type) {
	case *persistent.UpdateReq_Options_Stream:
		if of.Stream.GetStreamIdentifier() != nil {
			stream = of.Stream.GetStreamIdentifier()
		}
		settings.Start, err = updateFromNumber(of.Stream)
	case *persistent.UpdateReq_Options_All:
		all = true
		settings.Start, err = updateFromPosition(of.All)
	default:
		settings.Start = int64(given.GetRevision())
	}
	key, keyErr := keyFor(all, stream, options.GetGroupName())
	if err == nil {
		err = keyErr
	}
	return key, settings, err
}

// keyFor is keyOf for who changes a group: $all is no stream then.
func keyFor(all bool, stream *shared.StreamIdentifier, group string) (groups.Key, error) {
	key, err := keyOf(all, stream, group)
	if err == nil && !all && key.Source == groups.All {
		err = &groups.Refused{Reason: "$all is not a stream: ask for all"}
	}
	return key, err
}

// settingsMessage is what the settings of a CreateReq and of an UpdateReq have in common.
type settingsMessage interface {
	GetResolveLinks() bool
	GetExtraStatistics() bool
	GetMaxRetryCount() int32
	GetMinCheckpointCount() int32
	GetMaxCheckpointCount() int32
	GetMaxSubscriberCount() int32
	GetLiveBufferSize() int32
	GetReadBatchSize() int32
	GetHistoryBufferSize() int32
	GetMessageTimeoutMs() int32
	GetMessageTimeoutTicks() int64
	GetCheckpointAfterMs() int32
	GetCheckpointAfterTicks() int64
}

func parseSettings(given settingsMessage) groups.Settings {
	return groups.Settings{
		ResolveLinks:    given.GetResolveLinks(),
		ExtraStatistics: given.GetExtraStatistics(),
		MessageTimeout:  span(given.GetMessageTimeoutMs(), given.GetMessageTimeoutTicks()),
		CheckpointAfter: span(given.GetCheckpointAfterMs(), given.GetCheckpointAfterTicks()),
		MaxRetries:      int(given.GetMaxRetryCount()),
		MinCheckpoint:   int(given.GetMinCheckpointCount()),
		MaxCheckpoint:   int(given.GetMaxCheckpointCount()),
		MaxSubscribers:  int(given.GetMaxSubscriberCount()),
		LiveBuffer:      int(given.GetLiveBufferSize()),
		ReadBatch:       int(given.GetReadBatchSize()),
		HistoryBuffer:   int(given.GetHistoryBufferSize()),
	}
}

// span is a duration given in milliseconds or, else, in steps of 100 ns. It is told back in
// milliseconds, and so never longer than 24 days.
func span(milliseconds int32, ticks int64) time.Duration {
	const perMillisecond = int64(time.Millisecond / 100)
	if milliseconds == 0 {
		milliseconds = int32(min(max(ticks/perMillisecond, 0), math.MaxInt32))
	}
	return time.Duration(milliseconds) * time.Millisecond
}

// createFromNumber is where a stream's group starts. As EventStoreDB takes it, all ones are the
// end.
func createFromNumber(of *persistent.CreateReq_StreamOptions) (int64, error) {
	switch from := of.GetRevisionOption().(type) {
	case *persistent.CreateReq_StreamOptions_Start:
		return 0, nil
	case *persistent.CreateReq_StreamOptions_End:
		return groups.FromEnd, nil
	case *persistent.CreateReq_StreamOptions_Revision:
		return int64(from.Revision), nil
	}
	return 0, invalid("revision_option is missing")
}

func updateFromNumber(of *persistent.UpdateReq_StreamOptions) (int64, error) {
	switch from := of.GetRevisionOption().(type) {
	case *persistent.UpdateReq_StreamOptions_Start:
		return 0, nil
	case *persistent.UpdateReq_StreamOptions_End:
		return groups.FromEnd, nil
	case *persistent.UpdateReq_StreamOptions_Revision:
		return int64(from.Revision), nil
	}
	return 0, invalid("revision_option is missing")
}

func createFromPosition(of *persistent.CreateReq_AllOptions) (int64, error) {
	switch from := of.GetAllOption().(type) {
	case *persistent.CreateReq_AllOptions_Start:
		return 0, nil
	case *persistent.CreateReq_AllOptions_End:
		return groups.FromEnd, nil
	case *persistent.CreateReq_AllOptions_Position:
		return fromPosition(from.Position)
	}
	return 0, invalid("all_option is missing")
}

func updateFromPosition(of *persistent.UpdateReq_AllOptions) (int64, error) {
	switch from := of.GetAllOption().(type) {
	case *persistent.UpdateReq_AllOptions_Start:
		return 0, nil
	case *persistent.UpdateReq_AllOptions_End:
		return groups.FromEnd, nil
	case *persistent.UpdateReq_AllOptions_Position:
		return fromPosition(from.Position)
	}
	return 0, invalid("all_option is missing")
}

// fromPosition is where a group of $all starts: at both of all ones, the end.
func fromPosition(at interface {
	GetCommitPosition() uint64
	GetPreparePosition() uint64
}) (int64, error) {
	commit, prepare := int64(at.GetCommitPosition()), int64(at.GetPreparePosition())
	if prepare > commit || prepare < 0 && commit != prepare {
		return 0, &groups.Refused{Reason: "Invalid Start From position: C:" +
			strconv.FormatInt(commit, 10) + "/P:" + strconv.FormatInt(prepare, 10)}
	}
	return commit, nil
}

// createFilter is what a group of $all keeps. How often an unmatched event makes a checkpoint is
// the settings' matter here.
func createFilter(of *persistent.CreateReq_AllOptions) (*groups.Filter, error) {
	options := of.GetFilter()
	if options == nil {
		return nil, nil
	}
	f, expression := &groups.Filter{}, options.GetStreamIdentifier()
	switch options.GetFilter().(type) {
	case *persistent.CreateReq_AllOptions_FilterOptions_StreamIdentifier:
	case *persistent.CreateReq_AllOptions_FilterOptions_EventType:
		f.ByType, expression = true, options.GetEventType()
	default:
		return nil, invalid("the filter names neither streams nor event types")
	}
	f.Regex, f.Prefixes = expression.GetRegex(), expression.GetPrefix()
	return f, nil
}
