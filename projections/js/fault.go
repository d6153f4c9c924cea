package js

import (
	"errors"
	"fmt"
	"strings"

	"github.com/dop251/goja"
	"github.com/dop251/goja/parser"
)

// Why a script was stopped. A *Fault wraps one of them, unless the script itself threw.
var (
	ErrTime       = errors.New("took too long")
	ErrMemory     = errors.New("used too much memory")
	ErrState      = errors.New("state is too large")
	ErrKind       = errors.New("wrong kind of value")
	ErrForbidden  = errors.New("not allowed")
	ErrCallDepth  = errors.New("calls are nested too deeply")
	ErrNotEmitter = errors.New("emits events, which this projection may not")
)

// Fault is an error of a script: where, on which event, and what.
type Fault struct {
	Script       string // its file
	Line, Column int    // from 1; 0 where no line of the script can be named
	Handler      string // event type, $init, partitionBy and so on; empty while it compiles
	Event        string // revision@stream; empty where there is none
	Message      string // what happened
	Err          error  // one of this package's errors, or nil if the script threw
}

// Error is FILE.js:12:5 in handler "DebitPosted", event 3@account-1: message.
func (f *Fault) Error() string {
	var b strings.Builder
	b.WriteString(f.Script)
	if f.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", f.Line, f.Column)
	}
	if f.Handler != "" {
		fmt.Fprintf(&b, " in handler %q", f.Handler)
	}
	if f.Event != "" {
		fmt.Fprintf(&b, ", event %s", f.Event)
	}
	return b.String() + ": " + f.Message
}

func (f *Fault) Unwrap() error { return f.Err }

// refusal is how Go code that a script has called throws one of this package's errors.
type refusal struct{ err error }

// throw stops the script with a TypeError that it may catch.
func throw(vm *goja.Runtime, err error) { panic(vm.NewGoError(refusal{err})) }

func (r refusal) Error() string { return r.err.Error() }
func (r refusal) Unwrap() error { return r.err }

// faultOf is err, which a call into the script has returned, with its place.
func faultOf(script string, err error) *Fault {
	f := &Fault{Script: script}
	if known := (*Fault)(nil); errors.As(err, &known) {
		*f = *known
		return f
	}
	var (
		thrown      *goja.Exception
		interrupted *goja.InterruptedError
		overflow    *goja.StackOverflowError
		syntax      *goja.CompilerSyntaxError
		list        parser.ErrorList
		place       *placed
	)
	switch {
	case errors.As(err, &interrupted):
		f.Err, _ = interrupted.Value().(error)
		f.place(interrupted.Stack())
		f.Message = fmt.Sprint(interrupted.Value())
	case errors.As(err, &overflow):
		f.Err, f.Message = ErrCallDepth, ErrCallDepth.Error()
		f.place(overflow.Stack())
	case errors.As(err, &thrown):
		f.place(thrown.Stack())
		f.Message = message(thrown)
		if r := (refusal{}); errors.As(err, &r) {
			f.Err, f.Message = r.err, r.err.Error()
		}
	case errors.As(err, &syntax):
		if syntax.File != nil {
			at := syntax.File.Position(syntax.Offset)
			f.Line, f.Column = at.Line, at.Column
		}
		f.Message = syntax.Message
	case errors.As(err, &list) && len(list) > 0:
		f.Line, f.Column = list[0].Position.Line, list[0].Position.Column
		f.Message = list[0].Message
	case errors.As(err, &place):
		f.Line, f.Column = place.line, place.column
		f.Err, f.Message = place.err, place.err.Error()
	default:
		f.Err, f.Message = err, err.Error()
	}
	return f
}

// place takes the first frame that is a line of the script.
func (f *Fault) place(stack []goja.StackFrame) {
	for _, frame := range stack {
		if frame.SrcName() == f.Script {
			at := frame.Position()
			f.Line, f.Column = at.Line, at.Column
			return
		}
	}
}

// longestMessage bounds what of a thrown value is told, in bytes.
const longestMessage = 500

// message is what was thrown, as text.
func message(thrown *goja.Exception) string {
	value := thrown.Value()
	text := ""
	if o, ok := value.(*goja.Object); ok {
		text = describe(o)
	} else if value != nil {
		text = value.String()
	}
	if len(text) > longestMessage {
		text = strings.ToValidUTF8(text[:longestMessage], "") + "…"
	}
	return text
}

// describe reads the plain properties of an error. Where they are getters of the script it runs them.
func describe(o *goja.Object) (text string) {
	defer func() {
		if recover() != nil {
			text = "an object was thrown that cannot be read"
		}
	}()
	var parts []string
	for _, name := range []string{"name", "message"} {
		if v := o.Get(name); v != nil && !goja.IsUndefined(v) {
			if _, isObject := v.(*goja.Object); !isObject {
				parts = append(parts, v.String())
			}
		}
	}
	if len(parts) == 0 {
		return "an object was thrown that is no Error"
	}
	return strings.Join(parts, ": ")
}
