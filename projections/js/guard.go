package js

import (
	"fmt"
	"strings"

	"github.com/dop251/goja"
)

// guard puts a bound before the built-in functions that loop without looking for an interrupt, or
// that make much of little.
type guard struct {
	vm     *goja.Runtime
	limits Limits
	joins  int           // joins within joins
	pause  goja.Callable // does nothing but to look for an interrupt
}

// native is a function that is written in Go.
type native = func(goja.FunctionCall) goja.Value

func (g *guard) install() error {
	pause, err := g.vm.RunString("(function () {})")
	if err != nil {
		return err
	}
	g.pause, _ = goja.AssertFunction(pause)
	array, text := g.prototype("Array"), g.prototype("String")
	for _, name := range array.GetOwnPropertyNames() {
		g.before(array, name, func(call goja.FunctionCall) { g.length(call.This) })
	}
	for _, name := range text.GetOwnPropertyNames() {
		g.before(text, name, func(call goja.FunctionCall) { g.short(call.This) })
	}
	g.before(array, "concat", g.concatenates)
	g.set(array, "join", g.join)
	g.set(array, "toString", func(call goja.FunctionCall) goja.Value {
		return g.join(goja.FunctionCall{This: call.This})
	})
	if err := array.DefineDataPropertySymbol(goja.SymIterator, array.Get("values"),
		goja.FLAG_TRUE, goja.FLAG_TRUE, goja.FLAG_FALSE); err != nil {
		return err
	}
	g.before(text, "repeat", func(call goja.FunctionCall) {
		g.size(length(call.This), call.Argument(0).ToInteger())
	})
	for _, name := range []string{"padStart", "padEnd"} {
		g.before(text, name, func(call goja.FunctionCall) { g.size(1, call.Argument(0).ToInteger()) })
	}
	g.before(text, "concat", func(call goja.FunctionCall) { g.sum(call.Arguments) })
	for _, name := range []string{"replace", "replaceAll"} {
		g.before(text, name, func(call goja.FunctionCall) { g.replaces(call.This, call.Argument(1)) })
	}
	g.expressions()
	g.before(g.global("Array"), "from", func(call goja.FunctionCall) { g.length(call.Argument(0)) })
	g.before(g.prototype("Function"), "apply", func(call goja.FunctionCall) { g.length(call.Argument(1)) })
	g.before(g.global("Reflect"), "apply", func(call goja.FunctionCall) { g.length(call.Argument(2)) })
	g.before(g.global("Reflect"), "construct", func(call goja.FunctionCall) { g.length(call.Argument(1)) })
	g.before(g.global("String"), "raw", func(call goja.FunctionCall) {
		if o, ok := call.Argument(0).(*goja.Object); ok {
			g.length(o.Get("raw"))
		}
	})
	g.json()
	return nil
}

func (g *guard) global(name string) *goja.Object { return g.vm.Get(name).(*goja.Object) }

func (g *guard) prototype(name string) *goja.Object {
	return g.global(name).Get("prototype").(*goja.Object)
}

// before calls check ahead of a built-in function, if there is one of that name.
func (g *guard) before(object *goja.Object, name string, check func(goja.FunctionCall)) {
	if real, ok := nativeOf(object.Get(name)); ok && name != "constructor" {
		g.set(object, name, func(call goja.FunctionCall) goja.Value {
			check(call)
			return real(call)
		})
	}
}

func nativeOf(v goja.Value) (native, bool) {
	if o, ok := v.(*goja.Object); ok {
		f, ok := o.Export().(native)
		return f, ok
	}
	return nil, false
}

func (g *guard) set(object *goja.Object, name string, f native) {
	v := g.vm.ToValue(f).(*goja.Object)
	_ = v.DefineDataProperty("name", g.vm.ToValue(name), goja.FLAG_FALSE, goja.FLAG_TRUE, goja.FLAG_FALSE)
	_ = object.DefineDataProperty(name, v, goja.FLAG_TRUE, goja.FLAG_TRUE, goja.FLAG_FALSE)
}

// length refuses what has more elements than an array may.
func (g *guard) length(v goja.Value) {
	if o, ok := v.(*goja.Object); ok {
		if n := o.Get("length"); n != nil && n.ToInteger() > int64(g.limits.Array) {
			throw(g.vm, fmt.Errorf("%w: an array of more than %d", ErrMemory, g.limits.Array))
		}
	}
}

// length is that of the string that v is, 0 of anything else.
func length(v goja.Value) int64 {
	if s, ok := v.(goja.String); ok {
		return int64(s.Length())
	}
	return 0
}

func (g *guard) short(v goja.Value) { g.size(1, length(v)) }

// size refuses a string of n times times characters.
func (g *guard) size(n, times int64) {
	if limit := int64(g.limits.String); n > limit || times > limit || n*times > limit {
		throw(g.vm, fmt.Errorf("%w: a string of more than %d characters", ErrMemory, limit))
	}
}

func (g *guard) sum(texts []goja.Value) {
	n := int64(0)
	for _, text := range texts {
		n += length(text)
	}
	g.size(1, n)
}

func (g *guard) concatenates(call goja.FunctionCall) {
	n := int64(0)
	for _, v := range append([]goja.Value{call.This}, call.Arguments...) {
		g.length(v)
		if o, ok := v.(*goja.Object); ok {
			n += max(0, o.Get("length").ToInteger())
		}
	}
	if n > int64(g.limits.Array) {
		throw(g.vm, fmt.Errorf("%w: an array of more than %d", ErrMemory, g.limits.Array))
	}
}

// replaces bounds what a replacement could make of a text if every place in it matched.
func (g *guard) replaces(text, by goja.Value) {
	replacement, ok := by.(goja.String)
	if !ok {
		return
	}
	n := int64(replacement.Length())
	n += int64(strings.Count(replacement.String(), "$")) * length(text)
	if n > 1 {
		g.size(n, length(text)+1)
	}
}

// expressions bounds the texts that a RegExp is given.
func (g *guard) expressions() {
	prototype := g.prototype("RegExp")
	for _, name := range []string{"exec", "test"} {
		g.before(prototype, name, func(call goja.FunctionCall) { g.short(call.Argument(0)) })
	}
	for _, symbol := range []*goja.Symbol{goja.SymMatch, goja.SymMatchAll, goja.SymSearch, goja.SymSplit,
		goja.SymReplace} {
		real, ok := nativeOf(prototype.GetSymbol(symbol))
		if !ok {
			continue
		}
		_ = prototype.DefineDataPropertySymbol(symbol, g.vm.ToValue(func(call goja.FunctionCall) goja.Value {
			g.short(call.Argument(0))
			g.replaces(call.Argument(0), call.Argument(1))
			return real(call)
		}), goja.FLAG_TRUE, goja.FLAG_TRUE, goja.FLAG_FALSE)
	}
}
