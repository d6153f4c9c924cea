package js

import (
	"fmt"
	"strings"

	"github.com/dop251/goja"
)

// deepestJoin bounds lists within lists whose text is asked for.
const deepestJoin = 100

// join is Array.prototype.join within the limits of strings.
func (g *guard) join(call goja.FunctionCall) goja.Value {
	g.length(call.This)
	list := call.This.ToObject(g.vm)
	separator := ","
	if v := call.Argument(0); !goja.IsUndefined(v) {
		separator = v.String()
	}
	g.joins++
	defer func() { g.joins-- }()
	if g.joins > deepestJoin {
		throw(g.vm, fmt.Errorf("%w: lists are nested more than %d deep", ErrMemory, deepestJoin))
	}
	must(g.pause(goja.Undefined()))
	var b strings.Builder
	n := int64(0)
	if v := list.Get("length"); v != nil {
		n = v.ToInteger()
	}
	for i := range n {
		if i > 0 {
			b.WriteString(separator)
		}
		if v := list.Get(fmt.Sprint(i)); v != nil && !goja.IsUndefined(v) && !goja.IsNull(v) {
			b.WriteString(v.ToString().String())
		}
		g.size(1, int64(b.Len()))
	}
	return g.vm.ToValue(b.String())
}

// json puts this package's reader and writer in the place of JSON's.
func (g *guard) json() {
	object, decoder := g.global("JSON"), newDecoder(g.vm)
	g.set(object, "parse", func(call goja.FunctionCall) goja.Value {
		g.short(call.Argument(0))
		v, err := decoder.decode([]byte(call.Argument(0).String()))
		if err != nil {
			panic(g.vm.NewTypeError(err.Error()))
		}
		return v
	})
	g.set(object, "stringify", g.stringify)
}

func (g *guard) stringify(call goja.FunctionCall) goja.Value {
	e := newEncoder(g.vm, g.limits.String)
	if o, ok := call.Argument(1).(*goja.Object); ok {
		e.replace, ok = goja.AssertFunction(o)
		if !ok && o.ClassName() == "Array" {
			g.length(o)
			e.only = map[string]bool{}
			for i := range o.Get("length").ToInteger() {
				e.only[o.Get(fmt.Sprint(i)).String()] = true
			}
		}
	}
	if indent, ok := text(call.Argument(2)); ok {
		e.indent = indent[:min(len(indent), 10)]
	} else if v := call.Argument(2); !goja.IsUndefined(v) {
		e.indent = strings.Repeat(" ", int(min(max(v.ToInteger(), 0), 10)))
	}
	text := e.encode(call.Argument(0))
	if text == nil {
		return goja.Undefined()
	}
	return g.vm.ToValue(string(text))
}
