package js

import (
	"fmt"

	"github.com/dop251/goja"
)

// when takes the functions among an object's own properties, in their order.
func (c *chain) when(args []goja.Value) {
	c.def.Fold = true
	if len(args) == 0 {
		return
	}
	o, ok := args[0].(*goja.Object)
	if !ok {
		return
	}
	for _, name := range o.Keys() {
		if f, ok := c.function(name, o.Get(name)); ok {
			c.handle(f)
		}
	}
}

func (c *chain) function(name string, v goja.Value) (*function, bool) {
	call, ok := goja.AssertFunction(v)
	return &function{name, call}, ok
}

func (c *chain) onEvent(call goja.FunctionCall) goja.Value {
	name, ok := text(call.Argument(0))
	f, isFunction := c.function(name, call.Argument(1))
	if !ok || !isFunction || len(call.Arguments) != 2 {
		c.wrong("on_event wants an event type and a function")
	}
	c.handle(f)
	return goja.Undefined()
}

func (c *chain) onAny(call goja.FunctionCall) goja.Value {
	f, ok := c.function("$any", call.Argument(0))
	if !ok || len(call.Arguments) != 1 {
		c.wrong("on_any wants a function")
	}
	c.handle(f)
	return goja.Undefined()
}

// handle takes down one handler. Of a named one and $any the later decides whether all events are
// wanted.
func (c *chain) handle(f *function) {
	switch f.name {
	case "$init":
		c.init = f
	case "$initShared":
		c.shared, c.def.BiState = f, true
	case "$any":
		c.any, c.def.AllEvents = f, true
	case "$created":
		c.created = append(c.created, f)
	case "$deleted":
		if c.def.BiState {
			throw(c.vm, fmt.Errorf("%w: $deleted beside a shared state", ErrForbidden))
		}
		c.deleted, c.def.Deleted = f, true
	default:
		if _, twice := c.handlers[f.name]; twice {
			throw(c.vm, fmt.Errorf("%w: two handlers for %s", ErrForbidden, f.name))
		}
		c.def.AllEvents = false
		c.def.Events = append(c.def.Events, f.name)
		c.handlers[f.name] = f
	}
}

func (c *chain) custom(args []goja.Value) {
	c.partitionBy = c.only("partitionBy", args)
	c.def.ByCustom = true
}

func (c *chain) transform(name string, args []goja.Value) {
	f := c.only(name, args)
	c.def.Transforms, c.def.OutputState = true, true
	c.transforms = append(c.transforms, transform{*f, name == "filterBy"})
}

// only is the function that is the argument of the step called name.
func (c *chain) only(name string, args []goja.Value) *function {
	if len(args) > 0 {
		if f, ok := c.function(name, args[0]); ok {
			return f
		}
	}
	c.wrong("%s wants a function", name)
	return nil
}

func (c *chain) outputTo(args []goja.Value) {
	if len(args) != 1 && len(args) != 2 {
		c.wrong("outputTo wants a stream, and for partitions a pattern")
	}
	names := [2]string{}
	for i, arg := range args {
		name, ok := text(arg)
		if !ok {
			c.wrong("outputTo wants names of streams")
		}
		names[i] = name
	}
	c.def.ResultName, c.def.ResultPattern, c.def.Outputs = names[0], names[1], true
}
