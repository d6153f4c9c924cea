package chart

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
)

// TestSVG draws answers and reads the pictures back as XML.
func TestSVG(t *testing.T) {
	for _, row := range []struct {
		what    string
		answer  map[string]string
		options Options
		want    []string // texts of the picture
		paths   int      // at least, beside axes and grid
	}{
		{"days are time, stores are lines", map[string]string{
			"A 1": `{"store":"A","day":"2026-01-01","spent":"12.50"}`,
			"A 2": `{"store":"A","day":"2026-01-11","spent":"-2.50"}`,
			"B 1": `{"store":"B","day":"2026-01-06","spent":"1000.00"}`},
			Options{Title: "Spend", X: "day", Y: []string{"spent"}, By: "store"},
			[]string{"Spend", "day", "spent", "A", "B", "2026-01-01", "2026-01-05", "2026-01-11", "1 000"}, 2},
		{"a sole store", map[string]string{"A 1": `{"store":"A","day":"2026-01-01","spent":"12.50"}`},
			Options{X: "day", Y: []string{"spent"}, By: "store"}, []string{"day", "spent", "A"}, 0},
		{"months", map[string]string{"": `{"2026-01":{"m":"2026-01","n":1},"2026-03":{"m":"2026-03","n":2}}`},
			Options{X: "m", Y: []string{"n"}}, []string{"2026-01", "2026-02", "2026-03", "n"}, 1},
		{"bars of all numbers, by partition", map[string]string{"gold": `{"silver":3,"gold":5,"note":"x"}`,
			"silver": `{"gold":1}`, "": `{"shared":7}`}, Options{Kind: Bar},
			[]string{"partition", "gold", "silver"}, 3},
		{"a document that is no object", map[string]string{"p": `7`, "q": `"8.5"`}, Options{Kind: Bar},
			[]string{"p", "q", "value"}, 2},
		{"names that would be more", map[string]string{"<script>alert(1)</script>\x00\n": `1`,
			`" onload="x`: `2`}, Options{Kind: Bar, Title: "</text><script/>"},
			[]string{"<script>alert(1)</script>  ", `" onload="x`, "</text><script/>"}, 2},
		{"a long name", map[string]string{strings.Repeat("x", 90): `1`}, Options{Kind: Bar},
			[]string{strings.Repeat("x", 39) + "…"}, 1},
		{"the answer of a script without partitions", map[string]string{"": `{"n":7,"m":"2.50","note":"x"}`},
			Options{Kind: Bar}, []string{"partition", "all", "m", "n"}, 2},
		{"a sole number", map[string]string{"": `7`}, Options{}, []string{"all", "value"}, 0},
		{"one number", map[string]string{"": `0`, "a": "0"}, Options{}, []string{"a"}, 0},
	} {
		picture, err := drawn(row.answer, row.options)
		if err != nil {
			t.Errorf("%s: %v", row.what, err)
			continue
		}
		again, _ := drawn(row.answer, row.options)
		if !bytes.Equal(picture, again) {
			t.Errorf("%s: drawn twice, it differs", row.what)
		}
		texts, paths := read(t, picture)
		for _, want := range row.want {
			if !slices.Contains(texts, want) {
				t.Errorf("%s: got %q, want %q among them", row.what, texts, want)
			}
		}
		if paths < row.paths {
			t.Errorf("%s: got %d paths, want %d", row.what, paths, row.paths)
		}
	}
}

// TestBounds holds that a picture stays small, and says what it leaves together.
func TestBounds(t *testing.T) {
	many := map[string]string{}
	for i := range 6_000 {
		many[fmt.Sprintf("p%04d", i)] = fmt.Sprintf(`{"n":%d,"of":"s%d","one":1}`, i, i%25)
	}
	picture, err := drawn(many, Options{Kind: Bar, Y: []string{"one"}, By: "of"})
	if err != nil {
		t.Fatal(err)
	}
	texts, _ := read(t, picture)
	if !slices.Contains(texts, others) || len(picture) > 200_000 {
		t.Errorf("got %d bytes and texts %q, want others among them", len(picture), texts)
	}
	same := map[string]string{}
	for i := range 12 {
		same[fmt.Sprint(i)] = fmt.Sprintf(`{"at":"one","of":"s%02d","n":%d}`, i, i+1)
	}
	d, err := newDrawing(mustRows(t, same), Options{X: "at", Y: []string{"n"}, By: "of"})
	if err != nil || d.series[mostSeries-1].values["one"] != 1+2+3 {
		t.Errorf("got %+v %v, want the three least as others", d, err)
	}
	if _, err := drawn(many, Options{}); !errors.Is(err, ErrTooMuch) {
		t.Errorf("got %v, want %v", err, ErrTooMuch)
	}
	d, err = newDrawing(mustRows(t, many), Options{Kind: Bar, Y: []string{"one"}, By: "of"})
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, s := range d.series {
		for _, value := range s.values {
			sum += value
		}
	}
	if sum != 6_000 || len(d.series) != mostSeries || len(d.places) != mostBars {
		t.Errorf("got %v in %d series at %d places", sum, len(d.series), len(d.places))
	}
}

// TestRows holds that what partitions share is no row beside theirs, and its members are without them.
func TestRows(t *testing.T) {
	if got := mustRows(t, map[string]string{"": `{"n":1}`, "p": `{"n":2}`}); fmt.Sprint(got) !=
		"[map[n:2 partition:p]]" {
		t.Errorf("got %v, want p alone", got)
	}
	if got := mustRows(t, map[string]string{"": `{"a":{"n":1},"b":{"n":"2.50"}}`}); fmt.Sprint(got) !=
		"[map[n:1 partition:a] map[n:2.50 partition:b]]" {
		t.Errorf("got %v, want a and b", got)
	}
}

// TestRefusals holds what cannot be drawn.
func TestRefusals(t *testing.T) {
	for _, row := range []struct {
		answer  map[string]string
		options Options
		want    error
	}{
		{nil, Options{}, ErrNothing},
		{map[string]string{"p": `{"n":"many"}`}, Options{}, ErrNothing},
		{map[string]string{"p": `{"n":1}`}, Options{Y: []string{"m"}}, ErrNothing},
		{map[string]string{"p": `{"n":1}`}, Options{X: "day"}, ErrNothing},
		{map[string]string{"p": `{"n":1e300}`}, Options{}, ErrNothing},
		{map[string]string{"p": `{"n":1}`}, Options{Kind: "pie"}, ErrKind},
	} {
		if _, err := drawn(row.answer, row.options); !errors.Is(err, row.want) {
			t.Errorf("%v %+v: got %v, want %v", row.answer, row.options, err, row.want)
		}
	}
}

func drawn(answer map[string]string, o Options) ([]byte, error) {
	var out bytes.Buffer
	err := SVG(&out, documents(answer), o)
	return out.Bytes(), err
}

func documents(answer map[string]string) map[string]json.RawMessage {
	all := map[string]json.RawMessage{}
	for partition, document := range answer {
		all[partition] = json.RawMessage(document)
	}
	return all
}

func mustRows(t *testing.T, answer map[string]string) []Row {
	t.Helper()
	rows, err := Rows(documents(answer))
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// read are the texts of a picture and its number of paths. It must hold nothing but drawing.
func read(t *testing.T, picture []byte) (texts []string, paths int) {
	t.Helper()
	in := xml.NewDecoder(bytes.NewReader(picture))
	inText := false
	for {
		token, err := in.Token()
		if err == io.EOF {
			return texts, paths
		}
		if err != nil {
			t.Fatalf("%v\n%s", err, picture)
		}
		switch token := token.(type) {
		case xml.StartElement:
			inText = token.Name.Local == "text"
			switch token.Name.Local {
			case "path":
				paths++
			case "svg", "g", "text":
			default:
				t.Errorf("the picture has an element %s", token.Name.Local)
			}
			for _, a := range token.Attr {
				if strings.HasPrefix(a.Name.Local, "on") || a.Name.Local == "href" {
					t.Errorf("the picture has an attribute %s", a.Name.Local)
				}
			}
		case xml.CharData:
			if inText {
				texts = append(texts, string(token))
			}
		case xml.EndElement:
			inText = false
		}
	}
}
