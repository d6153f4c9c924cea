package js

import (
	"fmt"

	"github.com/dop251/goja"
)

// Script is a projection that was read and found sound. It never changes and may be run by many
// Runners at once.
type Script struct {
	Name       string // its file, as faults name it
	Source     string
	Definition Definition
	Limits     Limits   // with a value in every field
	Log        []string // what its own statements have logged

	program *goja.Program
}

// Compile reads a script and runs its own statements once, to learn what it wants. name is what
// errors call it by. Every error is a *Fault.
func Compile(name, source string, limits Limits) (*Script, error) {
	s := &Script{Name: name, Source: source, Limits: limits.withDefaults()}
	program, emits, err := parse(name, source, s.Limits)
	if err != nil {
		return nil, faultOf(name, err)
	}
	s.program = program
	r, err := NewRunner(s, Options{})
	if err != nil {
		return nil, err
	}
	defer r.Close()
	s.Definition, s.Log = r.chain.def, r.said
	s.Definition.Emits = emits
	if err := s.Definition.check(); err != nil {
		return nil, faultOf(name, err)
	}
	return s, nil
}

// check refuses what is well formed and makes no sense.
func (d *Definition) check() error {
	switch {
	case !d.DefinesSources:
		return fmt.Errorf("%w: the script names no source, such as fromAll()", ErrKind)
	case d.Deleted && !d.ByStream:
		return fmt.Errorf("%w: $deleted goes with foreachStream() only", ErrForbidden)
	}
	return nil
}
