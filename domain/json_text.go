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
	return append(AppendID(append(b, '"'), id), '"')
}

// AppendID appends id in its canonical form. Events and answers are full of ids.
func AppendID(b []byte, id uuid.UUID) []byte {
	const digits = "0123456789abcdef"
	for i, x := range id {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			b = append(b, '-')
		}
		b = append(b, digits[x>>4], digits[x&15])
	}
	return b
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
	var text [24]byte // 19 digits at most, and a point
	at, left := len(text), max(q.steps, -q.steps)
	for digits := 0; left > 0 || digits <= int(q.scale); digits++ { // 5 of scale 2 is 0.05
		if digits > 0 && digits == int(q.scale) {
			at--
			text[at] = '.'
		}
		at--
		text[at] = '0' + byte(left%10)
		left /= 10
	}
	if q.steps < 0 {
		at--
		text[at] = '-'
	}
	return append(b, text[at:]...)
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
