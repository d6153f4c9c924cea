package js

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/dop251/goja"
)

// Emitted is an event that a script has emitted.
type Emitted struct {
	Stream   string
	Type     string // $> for links, $@ for links to streams
	Data     []byte // JSON, or of a link the text "number@stream", or a stream's name
	Metadata []byte // a JSON object, nil if there is none
	JSON     bool   // Data is JSON
}

// emitters defines the functions that only handlers may call.
func (r *Runner) emitters() {
	for name, f := range map[string]func(goja.FunctionCall) goja.Value{
		"emit": r.emit, "linkTo": r.linkTo, "linkStreamTo": r.linkStreamTo,
		"copyTo": func(goja.FunctionCall) goja.Value { return goja.Undefined() },
	} {
		_ = r.vm.Set(name, f) // what the script has put in its place is replaced
	}
}

func (r *Runner) emit(call goja.FunctionCall) goja.Value {
	if len(call.Arguments) < 3 {
		r.wrong("emit wants a stream, an event type and a body")
	}
	e := Emitted{Stream: r.name("emit", "stream", call.Argument(0)),
		Type: r.name("emit", "event type", call.Argument(1)), JSON: true}
	e.Data = r.object("emit", "body", call.Argument(2))
	if len(call.Arguments) > 3 {
		e.Metadata = r.object("emit", "metadata", call.Argument(3))
	}
	return r.post(e)
}

func (r *Runner) linkTo(call goja.FunctionCall) goja.Value {
	if n := len(call.Arguments); n != 2 && n != 3 {
		r.wrong("linkTo wants a stream, an event and perhaps metadata")
	}
	stream := r.name("linkTo", "stream", call.Argument(0))
	event, ok := call.Argument(1).(*goja.Object)
	if !ok {
		r.wrong("linkTo wants an event, got %v", call.Argument(1))
	}
	source, isText := text(event.Get("streamId"))
	number := event.Get("sequenceNumber")
	if number == nil || !isText {
		r.wrong("linkTo wants an event with streamId and sequenceNumber")
	}
	switch number.Export().(type) {
	case int64, float64:
	default:
		r.wrong("linkTo wants an event with streamId and sequenceNumber")
	}
	e := Emitted{Stream: stream, Type: "$>",
		Data: []byte(strconv.FormatInt(number.ToInteger(), 10) + "@" + source)}
	if len(call.Arguments) == 3 {
		e.Metadata = r.object("linkTo", "metadata", call.Argument(2))
	}
	return r.post(e)
}

func (r *Runner) linkStreamTo(call goja.FunctionCall) goja.Value {
	e := Emitted{Stream: r.name("linkStreamTo", "stream", call.Argument(0)), Type: "$@",
		Data: []byte(r.name("linkStreamTo", "linked stream", call.Argument(1)))}
	if len(call.Arguments) == 3 {
		e.Metadata = r.object("linkStreamTo", "metadata", call.Argument(2))
	}
	return r.post(e)
}

// post keeps an emitted event until the handler is done.
func (r *Runner) post(e Emitted) goja.Value {
	if !r.options.Emit {
		throw(r.vm, ErrNotEmitter)
	}
	if r.options.Owns != nil && !r.options.Owns(e.Stream) {
		throw(r.vm, fmt.Errorf("%w: emits to %.100q, which is no stream of analysts", ErrForbidden, e.Stream))
	}
	if len(r.emitted) >= r.script.Limits.Emitted {
		throw(r.vm, fmt.Errorf("%w: more than %d events emitted at one", ErrMemory, r.script.Limits.Emitted))
	}
	r.emitted = append(r.emitted, e)
	return goja.Undefined()
}

func (r *Runner) wrong(format string, args ...any) {
	throw(r.vm, fmt.Errorf("%w: "+format, append([]any{ErrKind}, args...)...))
}

// name is an argument that must be a text and not blank.
func (r *Runner) name(who, what string, v goja.Value) string {
	name, ok := text(v)
	if !ok || strings.TrimSpace(name) == "" {
		r.wrong("%s wants the name of a %s, got %q", who, what, v)
	}
	return name
}

// object is the JSON of an argument that must be an object.
func (r *Runner) object(who, what string, v goja.Value) []byte {
	o, ok := v.(*goja.Object)
	if !ok {
		r.wrong("%s wants an object as %s, got %v", who, what, v)
	}
	data := newEncoder(r.vm, r.script.Limits.State).encode(o)
	if data == nil {
		r.wrong("%s wants an object as %s, got a function", who, what)
	}
	return data
}
