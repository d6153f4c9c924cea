package js

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dop251/goja"
)

// after says what may follow each step: every step replaces what the one before it allowed.
var after = map[string][]string{
	"fromStream":    {"when", "partitionBy", "outputState"},
	"fromStreams":   {"when", "partitionBy", "outputState"},
	"fromAll":       {"when", "partitionBy", "outputState", "foreachStream"},
	"fromCategory":  {"when", "partitionBy", "outputState", "foreachStream"},
	"foreachStream": {"when"},
	"partitionBy":   {"when"},
	"when": {"transformBy", "filterBy", "outputState", "outputTo",
		"$defines_state_transform"},
	"outputState": {"transformBy", "filterBy", "outputTo"},
	"transformBy": {"transformBy", "filterBy", "outputState", "outputTo"},
	"filterBy":    {"transformBy", "filterBy", "outputState", "outputTo"},
	"outputTo":    {},
}

// starts are the functions that only the script's own statements may call.
var starts = []string{"options", "fromAll", "fromStream", "fromStreams", "fromCategory", "fromCategories",
	"on_event", "on_any"}

// function is a function of the script.
type function struct {
	name string
	call goja.Callable
}

// transform is a transformBy or, if filter is set, a filterBy.
type transform struct {
	function
	filter bool
}

// chain takes down what a script says of itself while its statements run.
type chain struct {
	vm     *goja.Runtime
	object *goja.Object // what fromAll and its like return
	steps  map[string]goja.Value
	def    Definition

	handlers             map[string]*function
	any, init, shared    *function
	deleted, partitionBy *function
	created              []*function
	transforms           []transform
}

func newChain(vm *goja.Runtime) *chain {
	c := &chain{vm: vm, object: vm.NewObject(), handlers: map[string]*function{},
		def: Definition{AllEvents: true}}
	step := func(name string, take func([]goja.Value)) func(goja.FunctionCall) goja.Value {
		return func(call goja.FunctionCall) goja.Value {
			take(call.Arguments)
			c.allow(after[name])
			return c.object
		}
	}
	globals := map[string]func(goja.FunctionCall) goja.Value{
		"options":        func(call goja.FunctionCall) goja.Value { return c.options(call.Argument(0)) },
		"on_event":       c.onEvent,
		"on_any":         c.onAny,
		"fromAll":        step("fromAll", func([]goja.Value) { c.from(); c.def.All = true }),
		"fromStream":     step("fromStream", c.stream),
		"fromStreams":    step("fromStreams", c.streams),
		"fromCategory":   step("fromCategory", c.category),
		"fromCategories": step("fromCategory", c.category),
	}
	for _, name := range starts {
		_ = vm.Set(name, globals[name]) // a new global object refuses nothing
	}
	methods := map[string]func([]goja.Value){
		"when":          c.when,
		"partitionBy":   c.custom,
		"foreachStream": func([]goja.Value) { c.def.ByStream = true },
		"outputState":   func([]goja.Value) { c.def.OutputState, c.def.Outputs = true, true },
		"outputTo":      c.outputTo,
		"transformBy":   func(args []goja.Value) { c.transform("transformBy", args) },
		"filterBy":      func(args []goja.Value) { c.transform("filterBy", args) },
	}
	c.steps = map[string]goja.Value{"$defines_state_transform": vm.ToValue(
		func(goja.FunctionCall) goja.Value {
			c.def.Transforms, c.def.OutputState = true, true
			return goja.Undefined()
		})}
	for name, take := range methods {
		c.steps[name] = vm.ToValue(step(name, take))
	}
	return c
}

// allow leaves exactly these steps to follow.
func (c *chain) allow(steps []string) {
	for name := range c.steps {
		if !slices.Contains(steps, name) {
			_ = c.object.Delete(name)
		}
	}
	for _, name := range steps {
		_ = c.object.DefineDataProperty(name, c.steps[name], goja.FLAG_TRUE, goja.FLAG_TRUE, goja.FLAG_FALSE)
	}
}

// close takes the functions away that only the script's statements may call.
func (c *chain) close() {
	for _, name := range starts {
		_ = c.vm.GlobalObject().Delete(name)
	}
	c.allow(nil)
}

// from marks that the script has a source.
func (c *chain) from() { c.def.DefinesSources = true }

func (c *chain) stream(args []goja.Value) {
	c.from()
	name, ok := "", false
	if len(args) > 0 {
		name, ok = text(args[0])
	}
	if !ok {
		c.wrong("fromStream wants a stream's name")
	}
	c.def.Streams = append(c.def.Streams, name)
}

func (c *chain) streams(args []goja.Value) {
	c.from()
	c.def.Streams = append(c.def.Streams, c.texts("fromStreams", args)...)
}

// category is fromCategory of one name; several are the streams that list them.
func (c *chain) category(args []goja.Value) {
	if len(args) == 0 {
		return
	}
	c.from()
	if _, ok := text(args[0]); ok && len(args) == 1 {
		c.def.Categories = append(c.def.Categories, args[0].String())
		return
	}
	for _, name := range c.texts("fromCategory", args) {
		c.def.Streams = append(c.def.Streams, "$ce-"+name)
	}
}

// texts are strings that stand in a list or one by one.
func (c *chain) texts(who string, args []goja.Value) []string {
	if len(args) > 0 {
		if list, ok := args[0].(*goja.Object); ok && list.ClassName() == "Array" {
			args = nil
			for i := range list.Get("length").ToInteger() {
				args = append(args, list.Get(fmt.Sprint(i)))
			}
		}
	}
	var all []string
	for _, arg := range args {
		name, ok := text(arg)
		if !ok {
			c.wrong("%s wants names, got %v", who, arg)
		}
		all = append(all, name)
	}
	return all
}

// text is the string that v is.
func text(v goja.Value) (string, bool) {
	if v == nil {
		return "", false
	}
	if _, ok := v.(*goja.Object); ok {
		return "", false
	}
	s, ok := v.Export().(string)
	return s, ok
}

func (c *chain) wrong(format string, args ...any) {
	throw(c.vm, fmt.Errorf("%w: "+format, append([]any{ErrKind}, args...)...))
}

func (c *chain) options(v goja.Value) goja.Value {
	o, ok := v.(*goja.Object)
	if !ok {
		return goja.Undefined()
	}
	for _, key := range o.Keys() {
		c.option(key, o.Get(key))
	}
	return goja.Undefined()
}

func (c *chain) option(key string, v goja.Value) {
	flags := map[string]*bool{"$includelinks": &c.def.IncludeLinks,
		"reorderevents": &c.def.ReorderEvents, "bistate": &c.def.BiState}
	name := strings.ToLower(key)
	if flag, ok := flags[name]; ok {
		if *flag, ok = v.Export().(bool); !ok {
			c.wrong("option %s wants true or false", key)
		}
		return
	}
	switch name {
	case "processinglag":
		if _, isText := text(v); isText || v.ExportType() == nil || goja.IsUndefined(v) {
			c.wrong("option %s wants a number", key)
		}
		c.def.ProcessingLag = int(v.ToInteger())
	case "resultstreamname":
		stream, ok := text(v)
		if !ok {
			c.wrong("option %s wants a stream's name", key)
		}
		c.def.ResultName = stream
	default:
		throw(c.vm, fmt.Errorf("%w: option %s is unknown", ErrForbidden, key))
	}
}
