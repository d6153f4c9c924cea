package chart

import (
	"cmp"
	"math"
	"strconv"
	"strings"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	_ "gonum.org/v1/plot/vg/vgsvg" // the only form that is written
)

// The size of a picture.
const (
	width  = 24 * vg.Centimeter
	height = 14 * vg.Centimeter
)

// plot is the drawing with its axes and legend.
func (d *drawing) plot(o Options) (*plot.Plot, error) {
	p := plot.New()
	p.Title.Text = label(o.Title)
	p.X.Label.Text = label(cmp.Or(o.X, Partition))
	p.Y.Tick.Marker = whole{}
	p.Legend.Top = true
	for _, style := range []*text.Style{&p.Title.TextStyle, &p.X.Label.TextStyle, &p.Y.Label.TextStyle,
		&p.X.Tick.Label, &p.Y.Tick.Label, &p.Legend.TextStyle} {
		style.Font.Variant = "Sans"
	}
	p.Add(plotter.NewGrid())
	legend := len(d.series) > 1 || o.By != ""
	switch {
	case o.By != "" && len(o.Y) == 1:
		p.Y.Label.Text = label(o.Y[0])
	case len(d.series) == 1:
		p.Y.Label.Text = label(d.series[0].name)
	}
	for i := range d.series {
		thumbnail, err := d.add(p, o.Kind, i)
		if err != nil {
			return nil, err
		}
		if legend {
			p.Legend.Add(label(d.series[i].name), thumbnail)
		}
	}
	d.axis(p)
	p.Y.Min, p.Y.Max = math.Min(p.Y.Min, 0), math.Max(p.Y.Max, 0)
	if legend {
		p.Y.Max += (p.Y.Max - p.Y.Min) * 0.05 * float64(len(d.series)) // room for the legend
	}
	return p, nil
}

// add draws a series.
func (d *drawing) add(p *plot.Plot, kind Kind, i int) (plot.Thumbnailer, error) {
	s := d.series[i]
	if kind == Bar {
		values := make(plotter.Values, len(d.places))
		for j, place := range d.places {
			values[j] = s.values[place.name]
		}
		wide := vg.Length(0.7) * (width - 3*vg.Centimeter) / vg.Length(len(d.places)*len(d.series))
		bars, err := plotter.NewBarChart(values, wide)
		if err != nil {
			return nil, err
		}
		bars.Color, bars.LineStyle.Width = plotutil.DarkColors[i%len(plotutil.DarkColors)], 0
		bars.Offset = wide * (vg.Length(i) - vg.Length(len(d.series)-1)/2)
		p.Add(bars)
		return bars, nil
	}
	var points plotter.XYs
	for _, place := range d.places {
		if value, ok := s.values[place.name]; ok {
			points = append(points, plotter.XY{X: place.at, Y: value})
		}
	}
	line, dots, err := plotter.NewLinePoints(points)
	if err != nil {
		return nil, err
	}
	line.Color = plotutil.DarkColors[i%len(plotutil.DarkColors)]
	line.Width = vg.Points(1.2)
	line.Dashes = plotutil.Dashes(i / len(plotutil.DarkColors))
	dots.Color, dots.Radius, dots.Shape = line.Color, vg.Points(1.8), draw.CircleGlyph{}
	p.Add(line)
	if len(points) <= mostBars {
		p.Add(dots)
	}
	return line, nil
}

// axis writes the places below the picture.
func (d *drawing) axis(p *plot.Plot) {
	switch d.scale {
	case names:
		p.X.Tick.Marker = d.named()
		p.X.Min, p.X.Max = -0.5, float64(len(d.places))-0.5
		if len(d.places) > 8 {
			p.X.Tick.Label.Rotation = math.Pi / 4
			p.X.Tick.Label.XAlign, p.X.Tick.Label.YAlign = text.XRight, text.YCenter
		}
	case days, months:
		p.X.Tick.Marker = dates{d.places[0].at, d.places[len(d.places)-1].at, d.scale}
		p.X.Padding = vg.Points(8)
	}
}

// named are the names of places, of at most as many as fit.
func (d *drawing) named() plot.ConstantTicks {
	every := 1 + (len(d.places)-1)/mostBars
	var ticks plot.ConstantTicks
	for i, place := range d.places {
		tick := plot.Tick{Value: place.at}
		if i%every == 0 {
			tick.Label = label(place.name)
		}
		ticks = append(ticks, tick)
	}
	return ticks
}

// dates are ticks at days, or at the first days of months, from the first to the last.
type dates struct {
	first, last float64
	scale       scale
}

// Ticks is that of plot.Ticker: at most ten, the same number of days or months apart.
func (t dates) Ticks(_, _ float64) []plot.Tick {
	from, to := time.Unix(int64(t.first), 0).UTC(), time.Unix(int64(t.last), 0).UTC()
	layout, next := time.DateOnly, func(n int) time.Time { return from.AddDate(0, 0, n) }
	steps := int(to.Sub(from).Hours()/24) + 1
	if t.scale == months || steps > 300 {
		layout = "2006-01"
		begin := time.Date(from.Year(), from.Month(), 1, 0, 0, 0, 0, time.UTC)
		next = func(n int) time.Time { return begin.AddDate(0, n, 0) }
		steps = 12*(to.Year()-from.Year()) + int(to.Month()-from.Month()) + 1
	}
	every := 1 + (steps-1)/10
	var ticks []plot.Tick
	for n := 0; n < steps; n += every {
		at := next(n)
		if !at.Before(from) {
			ticks = append(ticks, plot.Tick{Value: float64(at.Unix()), Label: at.Format(layout)})
		}
	}
	return ticks
}

// whole are the usual ticks with their numbers written out, thousands apart.
type whole struct{}

// Ticks is that of plot.Ticker.
func (whole) Ticks(low, high float64) []plot.Tick {
	ticks := plot.DefaultTicks{}.Ticks(low, high)
	for i := range ticks {
		if ticks[i].Label != "" {
			ticks[i].Label = grouped(ticks[i].Value)
		}
	}
	return ticks
}

// grouped is a number with blanks between its thousands.
func grouped(f float64) string {
	whole, rest, _ := strings.Cut(strconv.FormatFloat(math.Round(f*1e6)/1e6, 'f', -1, 64), ".")
	for i := len(whole) - 3; i > 0 && whole[i-1] != '-'; i -= 3 {
		whole = whole[:i] + " " + whole[i:]
	}
	if rest != "" {
		return whole + "." + rest
	}
	return whole
}
