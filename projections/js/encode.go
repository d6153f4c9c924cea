package js

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"unicode/utf8"

	"github.com/dop251/goja"
)

// encoder writes values as JSON, within a size. It belongs to one Runtime, and runs code of the
// script where an object has getters or a toJSON: call it where such code is guarded.
//
// It writes what JSON.stringify writes: members that are undefined, functions or symbols are left
// out, NaN and the infinities become null.
type encoder struct {
	vm      *goja.Runtime
	limit   int // bytes
	out     []byte
	objects *goja.Object // Object.prototype
	arrays  *goja.Object // Array.prototype
	seen    map[*goja.Object]struct{}

	// plain says of what was written last that reading it gives the same again: plain objects and
	// lists, each in one place, and no member that was left out or changed.
	plain bool

	replace goja.Callable   // of JSON.stringify; nil for none
	only    map[string]bool // of JSON.stringify; nil for all
	indent  string
}

func newEncoder(vm *goja.Runtime, limit int) *encoder {
	prototype := func(name string) *goja.Object {
		return vm.Get(name).(*goja.Object).Get("prototype").(*goja.Object)
	}
	return &encoder{vm: vm, limit: limit, objects: prototype("Object"), arrays: prototype("Array"),
		seen: map[*goja.Object]struct{}{}}
}

// encode is v as JSON, nil if v is undefined. The result is valid until the next call. It throws
// ErrState where v is larger than the limit, and ErrKind where v is nested too deeply or holds itself.
func (e *encoder) encode(v goja.Value) []byte {
	e.out, e.plain = e.out[:0], true
	clear(e.seen)
	if !e.value("", v, 0) {
		return nil
	}
	e.bound()
	return e.out
}

func (e *encoder) bound() {
	if len(e.out) > e.limit {
		throw(e.vm, fmt.Errorf("%w: more than %d bytes of JSON", ErrState, e.limit))
	}
}

// value writes v, unless it is something that JSON leaves out.
func (e *encoder) value(key string, v goja.Value, depth int) bool {
	e.bound()
	v = e.replaced(key, v)
	if o, ok := v.(*goja.Object); ok {
		return e.object(o, depth)
	}
	return e.primitive(v)
}

// replaced is what a toJSON or a replacer makes of v.
func (e *encoder) replaced(key string, v goja.Value) goja.Value {
	if o, ok := v.(*goja.Object); ok {
		if toJSON, ok := goja.AssertFunction(o.Get("toJSON")); ok {
			e.plain = false
			v = must(toJSON(o, e.vm.ToValue(key)))
		}
	}
	if e.replace != nil {
		v = must(e.replace(goja.Undefined(), e.vm.ToValue(key), v))
	}
	return v
}

// must passes on what code of the script has thrown.
func must(v goja.Value, err error) goja.Value {
	if err != nil {
		panic(err)
	}
	return v
}

func (e *encoder) primitive(v goja.Value) bool {
	switch x := v.Export().(type) {
	case string:
		e.out = appendText(e.out, x)
	case int64:
		e.out = strconv.AppendInt(e.out, x, 10)
	case float64:
		if math.IsNaN(x) || math.IsInf(x, 0) {
			e.plain = false
			e.out = append(e.out, "null"...)
		} else {
			e.plain = e.plain && (x != 0 || !math.Signbit(x))
			e.out = append(e.out, v.String()...) // as JavaScript writes it
		}
	case bool:
		e.out = strconv.AppendBool(e.out, x)
	case *big.Int:
		throw(e.vm, fmt.Errorf("%w: JSON holds no BigInt", ErrKind))
	default:
		if !goja.IsNull(v) { // undefined, or a symbol
			e.plain = false
			return false
		}
		e.out = append(e.out, "null"...)
	}
	return true
}

func (e *encoder) object(o *goja.Object, depth int) bool {
	if depth > deepest {
		throw(e.vm, fmt.Errorf("%w: nested more than %d deep, or holds itself", ErrKind, deepest))
	}
	if _, ok := e.seen[o]; ok {
		e.plain = false // two places share an object: once read they will not
	}
	e.seen[o] = struct{}{}
	switch o.ClassName() {
	case "Function", "AsyncFunction", "GeneratorFunction":
		e.plain = false
		return false
	case "Number", "Boolean", "String":
		e.plain = false
		return e.primitive(o.Get("valueOf").(*goja.Object).Export().(func(goja.FunctionCall) goja.Value)(
			goja.FunctionCall{This: o}))
	case "Array":
		e.plain = e.plain && o.Prototype() == e.arrays
		e.array(o, depth)
	default:
		e.plain = e.plain && o.Prototype() == e.objects && o.ClassName() == "Object"
		e.members(o, depth)
	}
	return true
}

func (e *encoder) members(o *goja.Object, depth int) {
	e.out = append(e.out, '{')
	some := false
	for _, key := range o.Keys() {
		if e.only != nil && !e.only[key] {
			continue
		}
		before := len(e.out)
		if some {
			e.out = append(e.out, ',')
		}
		e.line(depth + 1)
		e.out = append(appendText(e.out, key), ':')
		if e.indent != "" {
			e.out = append(e.out, ' ')
		}
		v := o.Get(key)
		if v == nil {
			v = goja.Undefined()
		}
		if !e.value(key, v, depth+1) {
			e.out = e.out[:before]
			continue
		}
		some = true
	}
	if some {
		e.line(depth)
	}
	e.out = append(e.out, '}')
}

func (e *encoder) array(o *goja.Object, depth int) {
	e.out = append(e.out, '[')
	length := int(o.Get("length").ToInteger())
	for i := range length {
		if i > 0 {
			e.out = append(e.out, ',')
		}
		e.line(depth + 1)
		key := strconv.Itoa(i)
		v := o.Get(key)
		if v == nil {
			v = goja.Undefined()
		}
		if !e.value(key, v, depth+1) {
			e.out = append(e.out, "null"...)
		}
	}
	if length > 0 {
		e.line(depth)
	}
	e.out = append(e.out, ']')
}

// line begins a line where the text is indented.
func (e *encoder) line(depth int) {
	if e.indent == "" {
		return
	}
	e.out = append(e.out, '\n')
	for range depth {
		e.out = append(e.out, e.indent...)
	}
}

// appendText writes s as a JSON string, as JSON.stringify does.
func appendText(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		b = append(b, s[start:i]...)
		start = i + 1
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		case '\b':
			b = append(b, '\\', 'b')
		case '\f':
			b = append(b, '\\', 'f')
		default:
			b = append(b, fmt.Sprintf("\\u%04x", c)...)
		}
	}
	b = append(b, s[start:]...)
	if !utf8.ValidString(s) {
		b = []byte(string([]rune(string(b))))
	}
	return append(b, '"')
}
