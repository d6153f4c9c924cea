package groups

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Where the groups there are is written down: each event of configType holds all of them.
const (
	configStream  = "$persistentSubscriptionConfig"
	configType    = "$PersistentConfig"
	configVersion = "2"
)

// Key names a group.
type Key struct {
	Source string // All or a stream
	Group  string
}

// ID is the group's name in streams and confirmations.
func (k Key) ID() string { return k.Source + "::" + k.Group }

// entry is a group as it was created or last updated.
type entry struct {
	Key
	Settings Settings
	from     int64 // the place of the first event to deliver where there is no checkpoint
}

// config is the JSON of configStream, in EventStoreDB's words.
type config struct {
	Version   string        `json:"version"`
	Updated   time.Time     `json:"updated"`
	UpdatedBy string        `json:"updatedBy"`
	Entries   []configEntry `json:"entries"`
}

// configEntry is one group. resumeFrom is ours: without it a group that starts at the end would,
// after a restart, miss what came before its first checkpoint.
type configEntry struct {
	Stream                string        `json:"stream"`
	Group                 string        `json:"group"`
	Filter                *configFilter `json:"filter"`
	ResolveLinkTos        bool          `json:"resolveLinkTos"`
	ExtraStatistics       bool          `json:"extraStatistics"`
	MessageTimeout        int64         `json:"messageTimeout"` // milliseconds
	StartPosition         string        `json:"startPosition"`
	LiveBufferSize        int           `json:"liveBufferSize"`
	HistoryBufferSize     int           `json:"historyBufferSize"`
	MaxRetryCount         int           `json:"maxRetryCount"`
	ReadBatchSize         int           `json:"readBatchSize"`
	CheckPointAfter       int64         `json:"checkPointAfter"` // milliseconds
	MinCheckPointCount    int           `json:"minCheckPointCount"`
	MaxCheckPointCount    int           `json:"maxCheckPointCount"`
	MaxSubscriberCount    int           `json:"maxSubscriberCount"`
	NamedConsumerStrategy string        `json:"namedConsumerStrategy"`
	ResumeFrom            *int64        `json:"resumeFrom,omitempty"`
}

// configFilter is a filter. prefixes are ours: EventStoreDB keeps them joined by commas in data,
// and there may be commas in them.
type configFilter struct {
	Context     string   `json:"context"` // streamid or eventtype
	Type        string   `json:"type"`    // regex or prefix
	Data        string   `json:"data"`
	IsAllStream bool     `json:"isAllStream"`
	Prefixes    []string `json:"prefixes,omitempty"`
}

// readConfig is the entries that were last written, none where there never were any.
func readConfig(ctx context.Context, log Log) ([]configEntry, error) {
	last, err := log.Last(ctx, configStream)
	if err != nil || last == nil {
		return nil, err
	}
	var c config
	if err := json.Unmarshal(last.Record.Data, &c); err != nil {
		return nil, fmt.Errorf("%s at %d: %w", configStream, last.Record.Revision, err)
	}
	return c.Entries, nil
}

// writeConfig writes all entries, in the name of who wanted the change. What one append may hold
// bounds them, at some 2,000 groups: eventstore.ErrTooLarge, and nothing is written.
func writeConfig(ctx context.Context, o Options, by string, entries []configEntry) error {
	data, err := json.Marshal(config{configVersion, o.Now(), by, entries})
	if err == nil {
		err = keepTwo(ctx, o.Log, configStream)
	}
	if err == nil {
		_, err = o.Log.Append(ctx, configStream, systemEvent(configType, data, nil))
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", configStream, err)
	}
	return nil
}

func (e entry) config() configEntry {
	s := e.Settings
	return configEntry{
		Stream:                e.Source,
		Group:                 e.Group,
		Filter:                s.Filter.config(),
		ResolveLinkTos:        s.ResolveLinks,
		ExtraStatistics:       s.ExtraStatistics,
		MessageTimeout:        s.MessageTimeout.Milliseconds(),
		StartPosition:         formatPlace(e.Source, s.Start),
		LiveBufferSize:        s.LiveBuffer,
		HistoryBufferSize:     s.HistoryBuffer,
		MaxRetryCount:         s.MaxRetries,
		ReadBatchSize:         s.ReadBatch,
		CheckPointAfter:       s.CheckpointAfter.Milliseconds(),
		MinCheckPointCount:    s.MinCheckpoint,
		MaxCheckPointCount:    s.MaxCheckpoint,
		MaxSubscriberCount:    s.MaxSubscribers,
		NamedConsumerStrategy: string(s.Strategy),
		ResumeFrom:            &e.from,
	}
}

// entry reads a group back; an error says why it cannot work.
func (c configEntry) entry() (entry, error) {
	start, err := parsePlace(c.Stream, c.StartPosition)
	if err != nil {
		return entry{}, err
	}
	e := entry{Key: Key{c.Stream, c.Group}, from: max(start, 0), Settings: Settings{
		Start:           start,
		ResolveLinks:    c.ResolveLinkTos,
		Filter:          c.Filter.filter(),
		ExtraStatistics: c.ExtraStatistics,
		Strategy:        Strategy(c.NamedConsumerStrategy),
		MessageTimeout:  time.Duration(c.MessageTimeout) * time.Millisecond,
		MaxRetries:      c.MaxRetryCount,
		CheckpointAfter: time.Duration(c.CheckPointAfter) * time.Millisecond,
		MinCheckpoint:   c.MinCheckPointCount,
		MaxCheckpoint:   c.MaxCheckPointCount,
		MaxSubscribers:  c.MaxSubscriberCount,
		LiveBuffer:      c.LiveBufferSize,
		ReadBatch:       c.ReadBatchSize,
		HistoryBuffer:   c.HistoryBufferSize,
	}}
	if c.ResumeFrom != nil {
		e.from = max(*c.ResumeFrom, 0)
	}
	return e, e.Settings.check(c.Stream)
}

func (f *Filter) config() *configFilter {
	if f == nil {
		return nil
	}
	c := &configFilter{Context: "streamid", Type: "regex", Data: f.Regex, IsAllStream: true}
	if f.ByType {
		c.Context = "eventtype"
	}
	if f.Regex == "" {
		c.Type, c.Data, c.Prefixes = "prefix", strings.Join(f.Prefixes, ","), f.Prefixes
	}
	return c
}

func (c *configFilter) filter() *Filter {
	if c == nil {
		return nil
	}
	f := &Filter{ByType: c.Context == "eventtype"}
	switch {
	case c.Type == "regex":
		f.Regex = c.Data
	case c.Prefixes != nil:
		f.Prefixes = c.Prefixes
	default:
		f.Prefixes = strings.Split(c.Data, ",")
	}
	return f
}
