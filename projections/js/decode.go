package js

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"unicode/utf8"

	"github.com/dop251/goja"
)

// deepest bounds the nesting of JSON that is read or written.
const deepest = 500

// keptKeys bounds the property names that a decoder remembers.
const keptKeys = 10_000

var errJSON = errors.New("this is not JSON")

// decoder makes values of JSON text. It is quicker than JSON.parse, because it makes neither tokens
// nor copies of names. It belongs to one Runtime.
type decoder struct {
	vm   *goja.Runtime
	keys map[string]string
	b    []byte
	i    int
}

func newDecoder(vm *goja.Runtime) *decoder {
	return &decoder{vm: vm, keys: map[string]string{}}
}

// decode is the value that b holds. errJSON if it holds anything else, or is nested too deeply.
func (d *decoder) decode(b []byte) (goja.Value, error) {
	d.b, d.i = b, 0
	v, ok := d.value(0)
	if !ok || d.peek() != 0 || d.i < len(d.b) {
		return nil, errJSON
	}
	return v, nil
}

// peek is the next byte that is not blank, 0 at the end.
func (d *decoder) peek() byte {
	for d.i < len(d.b) {
		switch c := d.b[d.i]; c {
		case ' ', '\t', '\n', '\r':
			d.i++
		default:
			return c
		}
	}
	return 0
}

func (d *decoder) value(depth int) (goja.Value, bool) {
	switch c := d.peek(); {
	case depth > deepest:
		return nil, false
	case c == '"':
		text, ok := d.text()
		if !ok {
			return nil, false
		}
		return d.vm.ToValue(string(text)), true
	case c == '{':
		return d.object(depth)
	case c == '[':
		return d.array(depth)
	case c == 't':
		return d.vm.ToValue(true), d.word("true")
	case c == 'f':
		return d.vm.ToValue(false), d.word("false")
	case c == 'n':
		return goja.Null(), d.word("null")
	default:
		return d.number()
	}
}

func (d *decoder) word(word string) bool {
	if !bytes.HasPrefix(d.b[d.i:], []byte(word)) {
		return false
	}
	d.i += len(word)
	return true
}

func (d *decoder) object(depth int) (goja.Value, bool) {
	object := d.vm.NewObject()
	for first := true; ; first = false {
		more, ok := d.more('}', first)
		if !ok || !more {
			return object, ok
		}
		if d.peek() != '"' {
			return nil, false
		}
		raw, ok := d.text()
		if !ok {
			return nil, false
		}
		key := d.key(raw)
		if d.peek() != ':' {
			return nil, false
		}
		d.i++
		value, ok := d.value(depth + 1)
		if !ok {
			return nil, false
		}
		if key == "__proto__" {
			_ = object.DefineDataProperty(key, value, goja.FLAG_TRUE, goja.FLAG_TRUE, goja.FLAG_TRUE)
		} else {
			_ = object.Set(key, value) // a new plain object refuses nothing
		}
	}
}

func (d *decoder) array(depth int) (goja.Value, bool) {
	var items []any
	for first := true; ; first = false {
		more, ok := d.more(']', first)
		if !ok {
			return nil, false
		}
		if !more {
			return d.vm.NewArray(items...), true
		}
		value, ok := d.value(depth + 1)
		if !ok {
			return nil, false
		}
		items = append(items, value)
	}
}

// more reports whether another element follows, and steps over what opens, parts or ends them.
func (d *decoder) more(end byte, first bool) (more, ok bool) {
	if first {
		d.i++
	}
	switch c := d.peek(); {
	case c == end:
		d.i++
		return false, true
	case first:
		return true, true
	case c == ',':
		d.i++
		return d.peek() != end, d.peek() != end
	default:
		return false, false
	}
}

// key is a property's name, made once however often it comes.
func (d *decoder) key(raw []byte) string {
	if kept, ok := d.keys[string(raw)]; ok {
		return kept
	}
	if len(d.keys) >= keptKeys {
		clear(d.keys)
	}
	key := string(raw)
	d.keys[key] = key
	return key
}

// text reads a string. It is part of the input where nothing in it is escaped.
func (d *decoder) text() ([]byte, bool) {
	start := d.i + 1
	for i := start; i < len(d.b); i++ {
		switch c := d.b[i]; {
		case c == '"':
			d.i = i + 1
			return d.b[start:i], true
		case c < ' ':
			return nil, false
		case c == '\\' || c >= utf8.RuneSelf:
			return d.escaped(start)
		}
	}
	return nil, false
}

// escaped reads a string that begins at start and is not plain ASCII.
func (d *decoder) escaped(start int) ([]byte, bool) {
	end := start
	for ; end < len(d.b) && d.b[end] != '"'; end++ {
		if d.b[end] == '\\' {
			end++
		}
	}
	if end >= len(d.b) {
		return nil, false
	}
	var text string
	if err := json.Unmarshal(d.b[start-1:end+1], &text); err != nil {
		return nil, false
	}
	d.i = end + 1
	return []byte(text), true
}

// number reads a number as JSON writes them: whole ones that a float holds exactly stay whole.
func (d *decoder) number() (goja.Value, bool) {
	start, whole, n := d.i, true, int64(0)
	for ; d.i < len(d.b); d.i++ {
		c := d.b[d.i]
		if '0' <= c && c <= '9' {
			if d.i-start < 16 {
				n = n*10 + int64(c-'0')
			}
			continue
		}
		if bytes.IndexByte([]byte("+-.eE"), c) < 0 {
			break
		}
		whole = whole && c == '-' && d.i == start
	}
	raw := d.b[start:d.i]
	negative := len(raw) > 0 && raw[0] == '-'
	if whole && len(raw) <= 15 && n != 0 && leading(raw, negative) != '0' {
		if negative {
			n = -n
		}
		return d.vm.ToValue(n), true
	}
	if !json.Valid(raw) {
		return nil, false
	}
	f, err := strconv.ParseFloat(string(raw), 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return nil, false
	}
	return d.vm.ToValue(f), true
}

func leading(raw []byte, negative bool) byte {
	if negative {
		return raw[1]
	}
	return raw[0]
}
