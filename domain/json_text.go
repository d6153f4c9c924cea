package domain

import (
	"encoding/hex"
	"encoding/json"
	"strconv"
	"time"

	"github.com/google/uuid"
)

// jsonText is JSON being written by hand: metadata and the events of the hot path, which every debit
// writes, at a fraction of the cost of reflection. What it writes is what encoding/json writes of the
// same value, byte for byte; a property test holds it to that.
type jsonText []byte

// key begins a member.
func (b jsonText) key(name string) jsonText {
	if n := len(b); n > 0 && b[n-1] != '{' {
		b = append(b, ',')
	}
	b = append(b, '"')
	b = append(b, name...)
	return append(b, `":`...)
}

func (b jsonText) text(name, value string) jsonText {
	b = b.key(name)
	for i := range len(value) {
		if c := value[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			escaped, err := json.Marshal(value)
			if err != nil {
				panic(err) // a string always has a JSON form
			}
			return append(b, escaped...)
		}
	}
	b = append(b, '"')
	b = append(b, value...)
	return append(b, '"')
}

// optional writes a text that is not empty: omitempty.
func (b jsonText) optional(name, value string) jsonText {
	if value == "" {
		return b
	}
	return b.text(name, value)
}

func (b jsonText) id(name string, id uuid.UUID) jsonText { return b.key(name).quotedID(id) }

func (b jsonText) quotedID(id uuid.UUID) jsonText {
	b = append(b, '"')
	var text [36]byte
	hex.Encode(text[:8], id[:4])
	hex.Encode(text[9:13], id[4:6])
	hex.Encode(text[14:18], id[6:8])
	hex.Encode(text[19:23], id[8:10])
	hex.Encode(text[24:], id[10:])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	return append(append(b, text[:]...), '"')
}

func (b jsonText) hash(name string, h Hash) jsonText {
	return append(hex.AppendEncode(append(b.key(name), '"'), h[:]), '"')
}

func (b jsonText) time(name string, t time.Time) jsonText {
	b = append(b.key(name), '"')
	return append(t.AppendFormat(b, time.RFC3339Nano), '"')
}

// yes writes true, or nothing: omitempty.
func (b jsonText) yes(name string, value bool) jsonText {
	if !value {
		return b
	}
	return append(b.key(name), "true"...)
}

func (b jsonText) integer(name string, n int) jsonText {
	return strconv.AppendInt(b.key(name), int64(n), 10)
}

// optionalID writes an id that is one: omitzero.
func (b jsonText) optionalID(name string, id uuid.UUID) jsonText {
	if id == noID {
		return b
	}
	return b.id(name, id)
}

// optionalTime writes an instant that is one: omitzero.
func (b jsonText) optionalTime(name string, t time.Time) jsonText {
	if t.IsZero() {
		return b
	}
	return b.time(name, t)
}

// optionalQuantity writes a figure that is not zero: omitzero.
func (b jsonText) optionalQuantity(name string, q Quantity) jsonText {
	if q.IsZero() {
		return b
	}
	return b.quantity(name, q)
}

// optionalMoney writes an amount that is not zero: omitzero.
func (b jsonText) optionalMoney(name string, m Money) jsonText {
	if m.IsZero() {
		return b
	}
	return b.money(name, m)
}

// list writes an array of what writes itself.
func list[T appender](b jsonText, name string, all []T) jsonText {
	if b = b.key(name); all == nil {
		return append(b, "null"...)
	}
	b = append(b, '[')
	for i, x := range all {
		if i > 0 {
			b = append(b, ',')
		}
		b = x.appendJSON(b)
	}
	return append(b, ']')
}

// optionalList writes a list that is not empty: omitempty.
func optionalList[T appender](b jsonText, name string, all []T) jsonText {
	if len(all) == 0 {
		return b
	}
	return list(b, name, all)
}

// reflected writes a member that is rare enough for encoding/json.
func (b jsonText) reflected(name string, value any) jsonText {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err) // plain fields always have a JSON form
	}
	return append(b.key(name), text...)
}

func (b jsonText) quantity(name string, q Quantity) jsonText {
	return append(q.append(append(b.key(name), '"')), '"')
}

func (b jsonText) money(name string, m Money) jsonText {
	b = append(b.key(name), '{')
	return append(b.quantity("amount", m.Quantity).text("unit", m.unit), '}')
}

// append appends String.
func (q Quantity) append(b []byte) []byte {
	if q.wide != nil {
		return append(b, q.wide.StringFixed(q.scale)...)
	}
	n, scale := q.steps, int(q.scale)
	if n < 0 {
		b, n = append(b, '-'), -n
	}
	var digits [24]byte
	text := strconv.AppendInt(digits[:0], n, 10)
	for len(text) <= scale { // 5 of scale 2 is 0.05
		text = append(text[:1], text...)
		text[0] = '0'
	}
	point := len(text) - scale
	b = append(b, text[:point]...)
	if scale > 0 {
		b = append(append(b, '.'), text[point:]...)
	}
	return b
}

// numbers appends a member that is a list of numbers, unless there are none.
func (b jsonText) numbers(name string, all []int) jsonText {
	if len(all) == 0 {
		return b
	}
	b = append(b.key(name), '[')
	for i, n := range all {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, int64(n), 10)
	}
	return append(b, ']')
}
