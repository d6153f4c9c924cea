package chart

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"
)

// drawing is what is to be drawn: the values of every series at every place of the axis.
type drawing struct {
	scale  scale
	places []place
	series []series
}

// place is one on the axis.
type place struct {
	name string
	at   float64 // seconds since 1970, the number, or how many come before
}

// series are values of one colour, by the name of the place. What is absent is not drawn.
type series struct {
	name   string
	values map[string]float64
}

// scale is what an axis counts.
type scale int

const (
	names scale = iota
	days        // YYYY-MM-DD
	months
	numbers
)

// newDrawing reads rows. ErrNothing where no row has both, ErrTooMuch where a line has too many
// points.
func newDrawing(rows []Row, o Options) (*drawing, error) {
	x := cmp.Or(o.X, Partition)
	if x == Partition && len(rows) == 1 && rows[0][x] == "" {
		rows[0][x] = unnamed
	}
	rows = slices.DeleteFunc(rows, func(r Row) bool { return r[x] == "" })
	keys := o.Y
	if len(keys) == 0 {
		keys = numeric(rows, x, o.By)
	}
	d := &drawing{}
	all := map[string]map[string]float64{}
	seen := map[string]bool{}
	for _, row := range rows {
		for _, key := range keys {
			value, ok := number(row[key])
			if !ok {
				continue
			}
			name := seriesName(row, key, len(keys), o.By)
			if all[name] == nil {
				all[name] = map[string]float64{}
			}
			all[name][row[x]] += value
			if !seen[row[x]] {
				seen[row[x]] = true
				d.places = append(d.places, place{name: row[x]})
			}
		}
	}
	if len(d.places) == 0 {
		return nil, fmt.Errorf("%w: no row has %q and a number in one of %q", ErrNothing, x, keys)
	}
	for _, name := range seriesOrder(all, keys, o.By) {
		d.series = append(d.series, series{name, all[name]})
	}
	d.place(o.Kind)
	d.gather()
	if o.Kind == Bar {
		d.shorten()
	} else if len(d.places) > mostPoints {
		return nil, fmt.Errorf("%w: %d places along %q, %d at most", ErrTooMuch, len(d.places), x,
			mostPoints)
	}
	return d, nil
}

// numeric are the keys under which every row that has something has a number.
func numeric(rows []Row, but ...string) []string {
	holds := map[string]bool{}
	for _, row := range rows {
		for key, cell := range row {
			if cell == "" {
				continue
			}
			_, ok := number(cell)
			was, known := holds[key]
			holds[key] = ok && (was || !known)
		}
	}
	return slices.DeleteFunc(slices.Sorted(maps.Keys(holds)), func(key string) bool {
		return !holds[key] || key == Partition || slices.Contains(but, key)
	})
}

func seriesName(row Row, key string, keys int, by string) string {
	switch {
	case by == "":
		return key
	case keys == 1:
		return row[by]
	}
	return row[by] + " " + key
}

// seriesOrder is that of the keys, or of the names.
func seriesOrder(all map[string]map[string]float64, keys []string, by string) []string {
	if by != "" {
		return slices.Sorted(maps.Keys(all))
	}
	return slices.DeleteFunc(slices.Compact(slices.Clone(keys)), func(key string) bool {
		return all[key] == nil
	})
}

// place finds out what the axis counts, and puts the places in its order. Bars have names.
func (d *drawing) place(kind Kind) {
	for _, s := range []struct {
		scale scale
		read  func(string) (float64, bool)
	}{{days, reading(time.DateOnly)}, {months, reading("2006-01")}, {numbers, number}} {
		if d.read(s.read) {
			d.scale = s.scale
			slices.SortStableFunc(d.places, func(a, b place) int { return cmp.Compare(a.at, b.at) })
			break
		}
	}
	if kind == Bar || d.scale == names {
		d.scale = names
		for i := range d.places {
			d.places[i].at = float64(i)
		}
	}
}

// read reads the names of all places; false where one is something else.
func (d *drawing) read(as func(string) (float64, bool)) bool {
	for i := range d.places {
		at, ok := as(d.places[i].name)
		if !ok {
			return false
		}
		d.places[i].at = at
	}
	return true
}

func reading(layout string) func(string) (float64, bool) {
	return func(name string) (float64, bool) {
		at, err := time.Parse(layout, name)
		return float64(at.Unix()), err == nil
	}
}

// gather sums the series beyond those with the largest values.
func (d *drawing) gather() {
	if len(d.series) <= mostSeries {
		return
	}
	ranked := slices.Clone(d.series)
	slices.SortStableFunc(ranked, func(a, b series) int { return cmp.Compare(b.size(), a.size()) })
	rest := series{others, map[string]float64{}}
	for _, s := range ranked[mostSeries-1:] {
		for name, value := range s.values {
			rest.values[name] += value
		}
		d.series = slices.DeleteFunc(d.series, func(other series) bool { return other.name == s.name })
	}
	d.series = append(d.series, rest)
}

// size is how much of a series there is, whatever its sign.
func (s series) size() float64 {
	sum := 0.0
	for _, name := range slices.Sorted(maps.Keys(s.values)) { // floats add up differently otherwise
		sum += math.Abs(s.values[name])
	}
	return sum
}

// shorten sums the bars beyond those that fit.
func (d *drawing) shorten() {
	if len(d.places) <= mostBars {
		return
	}
	rest := d.places[mostBars-1:]
	for _, s := range d.series {
		sum := 0.0
		for _, p := range rest {
			sum += s.values[p.name]
			delete(s.values, p.name)
		}
		s.values[others] = sum
	}
	d.places = append(d.places[:mostBars-1:mostBars-1], place{others, mostBars - 1})
}
