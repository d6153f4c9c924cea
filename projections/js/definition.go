package js

import "strings"

// Definition is what a script wants: from where, in which partitions, and what it makes of it.
type Definition struct {
	All        bool     // fromAll
	Streams    []string // fromStream(s); of several categories, their $ce- streams
	Categories []string // fromCategory of one

	ByStream bool // foreachStream
	ByCustom bool // partitionBy

	AllEvents bool     // every event type, and not only Events
	Events    []string // event types that have a handler, in the script's order
	Fold      bool     // there was a when
	Deleted   bool     // $deleted: wants to know of streams that were deleted
	BiState   bool     // a shared state beside each partition's

	Transforms     bool   // transformBy, filterBy: the result is not the state
	OutputState    bool   // the result is to be written, in EventStoreDB
	Outputs        bool   // and here: outputState or outputTo was asked for, not a transform alone
	ResultName     string // of outputTo or options; empty for the default
	ResultPattern  string // of outputTo for partitions, {0} standing for one; empty for the default
	IncludeLinks   bool
	ReorderEvents  bool
	ProcessingLag  int  // milliseconds
	Emits          bool // the script names emit, linkTo, linkStreamTo or copyTo
	DefinesSources bool // any of from…
}

// Partitioned reports whether there is a state per partition, rather than one.
func (d *Definition) Partitioned() bool { return d.ByStream || d.ByCustom }

// Wants reports whether events of a type are handed to the script.
func (d *Definition) Wants(eventType string) bool {
	if d.AllEvents {
		return true
	}
	for _, name := range d.Events {
		if name == eventType {
			return true
		}
	}
	return false
}

// ResultStream is where the projection called name writes the results of a partition, the empty
// one being the whole.
func (d *Definition) ResultStream(name, partition string) string {
	if partition == "" {
		return or(d.ResultName, "$projections-"+name+"-result")
	}
	pattern := or(d.ResultPattern, "$projections-"+name+"-{0}-result")
	return strings.ReplaceAll(pattern, "{0}", partition)
}
