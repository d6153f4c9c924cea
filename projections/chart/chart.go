// Package chart draws the answer of a projection as a picture in SVG.
//
// Its promise: the same answer and options give the same bytes; whatever names and values an answer
// holds, the picture is well-formed XML with nothing in it that runs; and its size is bounded.
//
// Amounts become floats here, and only here: a picture needs no more than they hold.
package chart

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
)

// Kind is how values are drawn.
type Kind string

// The kinds there are.
const (
	Line Kind = "line" // points along an axis of days, months, numbers or names
	Bar  Kind = "bar"  // bars side by side, named
)

// Options say what is drawn of an answer.
type Options struct {
	Kind  Kind     // Line where it is empty
	Title string   // above the picture
	X     string   // the key along the axis; empty for the partition
	Y     []string // the keys of the values; none for all that hold numbers
	By    string   // a line or colour for each value of this key; empty for none
}

// Bounds of a picture: what comes beyond them is summed as "others".
const (
	mostSeries = 10
	mostBars   = 40
	mostPoints = 5_000 // along the axis of lines; more are refused
	mostLabel  = 40    // characters
	others     = "others"
)

// unnamed is what the sole partition is called that has no name.
const unnamed = "all"

// The errors of SVG, each with more behind it.
var (
	ErrNothing = errors.New("there is nothing to draw")
	ErrTooMuch = errors.New("there is too much to draw")
	ErrKind    = errors.New("the kind of a chart is line or bar")
)

// SVG writes the answer's picture: a JSON document for each partition, as Rows reads them.
func SVG(to io.Writer, answer map[string]json.RawMessage, o Options) error {
	if o.Kind == "" {
		o.Kind = Line
	}
	if o.Kind != Line && o.Kind != Bar {
		return fmt.Errorf("%w, not %q", ErrKind, o.Kind)
	}
	rows, err := Rows(answer)
	if err != nil {
		return err
	}
	d, err := newDrawing(rows, o)
	if err != nil {
		return err
	}
	p, err := d.plot(o)
	if err != nil {
		return err
	}
	picture, err := p.WriterTo(width, height, "svg")
	if err != nil {
		return err
	}
	_, err = picture.WriteTo(to)
	return err
}

// Title is what a script calls itself: the comment in its first line, or else its name.
func Title(name, source string) string {
	line, _, _ := strings.Cut(source, "\n")
	if title, ok := strings.CutPrefix(line, "// "); ok {
		return strings.TrimSpace(title)
	}
	return name
}

// label is a name as it can be drawn: one line of printable text, not long.
func label(name string) string {
	clean := []rune(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || r == unicode.ReplacementChar {
			return ' '
		}
		return r
	}, name))
	if len(clean) > mostLabel {
		clean = append(clean[:mostLabel-1], '…')
	}
	return string(clean)
}
