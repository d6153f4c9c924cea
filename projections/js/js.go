// Package js runs projections that are written in EventStoreDB's JavaScript: fromAll,
// foreachStream, when, transformBy and the rest, as its servers 24.2 to 26.0 understand them.
//
// Its promise: the same script over the same events gives the same states, results, emitted events
// and faults, on any machine, on one core or on all, whether it ran through or was stopped and
// restored between any two events. A script sees events and nothing else: no file, no network, no
// process, no clock, no chance.
//
//	Compile   reads a script once and says what it wants (Definition)
//	Runner    folds events into partition states, on one goroutine
//	Parallel  does the same with a Runner per core
//	Events    reads what the script wants out of an eventstore.Store
//
// What a script keeps outside its state, in variables of its own, is kept by no snapshot, and each
// core has its own: a script that wants the promise above keeps everything in its state.
//
// Limits stop what a script should not do. Bounded are the time of every call, the heap's growth
// during one (sampled, and of the whole process: it is a rough guard), call depth, strings, arrays,
// nesting of JSON, the size of a state, and logged and emitted events. Not bounded is native
// recursion over chains that a script builds link by link (millions of prototypes or bound
// functions): who lets strangers write scripts runs them in a process of its own.
package js

import "time"

// Limits bound what a script may use. A zero field means the default.
type Limits struct {
	Compile time.Duration // for the script's own statements; 500 ms as in EventStoreDB
	Handler time.Duration // for each call of a function of the script; 250 ms as in EventStoreDB
	Memory  int64         // growth of the process's heap during one call, in bytes; 256 MiB
	Source  int           // length of the script, in bytes; 256 KiB
	State   int           // one partition's state as JSON, in bytes; 8 MiB
	String  int           // length of a string that a built-in function makes; 8 Mi characters
	Array   int           // length of an array that a built-in function is given or makes; 1 Mi
	Depth   int           // calls within calls; 2,000
	Emitted int           // events that one event may emit; 1,000
	Log     int           // lines of log that one event may write; 100, each cut at 1 KiB
	Live    int           // partitions whose states are kept as objects beside their JSON; 1,000
}

// withDefaults is l with a value in every field.
func (l Limits) withDefaults() Limits {
	return Limits{
		Compile: or(l.Compile, 500*time.Millisecond),
		Handler: or(l.Handler, 250*time.Millisecond),
		Memory:  or(l.Memory, 256<<20),
		Source:  or(l.Source, 256<<10),
		State:   or(l.State, 8<<20),
		String:  or(l.String, 8<<20),
		Array:   or(l.Array, 1<<20),
		Depth:   or(l.Depth, 2_000),
		Emitted: or(l.Emitted, 1_000),
		Log:     or(l.Log, 100),
		Live:    or(l.Live, 1_000),
	}
}

func or[T comparable](value, fallback T) T {
	var zero T
	if value == zero {
		return fallback
	}
	return value
}
