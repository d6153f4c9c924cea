package projections

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"github.com/tillbook/tillbook/domain"
)

// scanner reads the fields it is asked for out of one JSON text and steps over the rest, so that a
// rebuild does not pay for what no table holds. It reads what encoding/json wrote, and any other
// JSON; what is no JSON it refuses wherever it has to look. The first error sticks, and ends every
// loop.
//
//	for s.open('{'); s.more('}'); {
//		switch string(s.key()) {
//		case "unit":
//			unit = s.text()
//		default:
//			s.skip(0)
//		}
//	}
type scanner struct {
	b     []byte
	i     int
	names *names
	first bool // the loop that was opened last has yielded nothing yet
	err   error
}

// deepest bounds the nesting of what is stepped over.
const deepest = 64

func (s *scanner) fail(what string) {
	if s.err == nil {
		s.err = fmt.Errorf("byte %d: %s", s.i, what)
	}
}

// peek is the next byte that is not blank, 0 at the end or after an error.
func (s *scanner) peek() byte {
	for s.err == nil && s.i < len(s.b) {
		switch c := s.b[s.i]; c {
		case ' ', '\t', '\n', '\r':
			s.i++
		default:
			return c
		}
	}
	return 0
}

// open begins an object or a list.
func (s *scanner) open(c byte) {
	if s.peek() != c {
		s.fail("want " + string(c))
		return
	}
	s.i++
	s.first = true
}

// more reports whether another field or element follows, and reads the end if none does.
func (s *scanner) more(end byte) bool {
	first := s.first
	s.first = false
	switch c := s.peek(); {
	case s.err != nil:
		return false
	case c == end:
		s.i++
		return false
	case first:
		return true
	case c != ',':
		s.fail("want , or " + string(end))
		return false
	}
	s.i++
	return true
}

// key reads a field's name and the colon.
func (s *scanner) key() []byte {
	key := s.raw()
	if s.peek() != ':' {
		s.fail("want :")
		return nil
	}
	s.i++
	return key
}

// raw reads a string. It is part of the text where nothing in it is escaped.
func (s *scanner) raw() []byte {
	if s.peek() != '"' {
		s.fail("want a string")
		return nil
	}
	start := s.i
	for i := start + 1; ; i++ {
		n := bytes.IndexByte(s.b[i:], '"')
		if n < 0 {
			s.fail("a string does not end")
			return nil
		}
		i += n
		slashes := 0
		for s.b[i-1-slashes] == '\\' {
			slashes++
		}
		if slashes%2 == 0 {
			s.i = i + 1
			break
		}
	}
	plain := s.b[start+1 : s.i-1]
	if bytes.IndexByte(plain, '\\') < 0 && utf8.Valid(plain) {
		return plain
	}
	var text string
	if err := json.Unmarshal(s.b[start:s.i], &text); err != nil {
		s.fail(err.Error())
		return nil
	}
	return []byte(text)
}

// text reads a string that may be kept.
func (s *scanner) text() string { return string(s.raw()) }

// names keeps texts and figures that many events have in common, so that each is made once. It
// belongs to one goroutine.
type names struct {
	texts   map[string]string
	figures map[string]domain.Quantity // a Quantity never changes
}

// keptNames bounds each of the maps of names.
const keptNames = 10_000

func newNames() *names {
	return &names{map[string]string{}, map[string]domain.Quantity{}}
}

// name is text for what few different texts stand in.
func (s *scanner) name() string {
	raw := s.raw()
	if kept, ok := s.names.texts[string(raw)]; ok {
		return kept
	}
	if len(s.names.texts) >= keptNames {
		clear(s.names.texts)
	}
	text := string(raw)
	s.names.texts[text] = text
	return text
}

// quantity reads a figure.
func (s *scanner) quantity(to *domain.Quantity) {
	raw := s.raw()
	if kept, ok := s.names.figures[string(raw)]; ok {
		*to = kept
		return
	}
	if s.err != nil {
		return
	}
	if err := to.UnmarshalText(raw); err != nil {
		s.fail(err.Error())
		return
	}
	if len(s.names.figures) >= keptNames {
		clear(s.names.figures)
	}
	s.names.figures[string(raw)] = *to
}

// null reads a null, if one comes.
func (s *scanner) null() bool {
	if s.peek() == 'n' {
		s.word("null")
		return true
	}
	return false
}

// boolean reads true or false.
func (s *scanner) boolean() bool {
	if s.peek() == 't' {
		s.word("true")
		return true
	}
	s.word("false")
	return false
}

// integer reads a whole number of at most 9 digits.
func (s *scanner) integer() int {
	s.peek()
	start, n := s.i, 0
	for s.i < len(s.b) && s.i-start < 9 && '0' <= s.b[s.i] && s.b[s.i] <= '9' {
		n = n*10 + int(s.b[s.i]-'0')
		s.i++
	}
	if s.i == start {
		s.fail("want a whole number")
	}
	return n
}

func (s *scanner) word(word string) {
	if s.err == nil && !bytes.HasPrefix(s.b[s.i:], []byte(word)) {
		s.fail("want " + word)
		return
	}
	s.i += len(word)
}

// into reads a string into what can be read from one.
func (s *scanner) into(to interface{ UnmarshalText([]byte) error }) {
	text := s.raw()
	if s.err != nil {
		return
	}
	if err := to.UnmarshalText(text); err != nil {
		s.fail(err.Error())
	}
}

// skip steps over a value.
func (s *scanner) skip(depth int) {
	if depth > deepest {
		s.fail("nested too deeply")
		return
	}
	switch c := s.peek(); {
	case c == '"':
		s.raw()
	case c == '{':
		for s.open('{'); s.more('}'); {
			s.key()
			s.skip(depth + 1)
		}
	case c == '[':
		for s.open('['); s.more(']'); {
			s.skip(depth + 1)
		}
	case c == 't', c == 'f':
		s.boolean()
	case c == 'n':
		s.word("null")
	case c == '-', '0' <= c && c <= '9':
		for s.i < len(s.b) && bytes.IndexByte([]byte("+-.0123456789eE"), s.b[s.i]) >= 0 {
			s.i++
		}
	default:
		s.fail("want a value")
	}
}

// end checks that nothing follows, and answers the first error.
func (s *scanner) end() error {
	if s.peek() != 0 || s.i < len(s.b) {
		s.fail("something follows the end")
	}
	return s.err
}
