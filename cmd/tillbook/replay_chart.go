package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/pflag"

	"github.com/tillbook/tillbook/projections/chart"
)

// replayChart is the picture that a replay was asked for.
type replayChart struct {
	file string
	kind string
	x    string
	y    []string
	by   string
}

func (c *replayChart) flags(f *pflag.FlagSet) {
	f.StringVar(&c.file, "chart", "", "new file *.svg to draw the answer in")
	bind(f, oneOf(&c.kind, string(chart.Line), string(chart.Line), string(chart.Bar)), "chart-kind",
		"how it is drawn")
	f.StringVar(&c.x, "x", "", "key along the chart's axis; the partition if there is none. Days\n"+
		"(2026-06-30), months (2026-06) and numbers are in their order")
	f.StringArrayVar(&c.y, "y", nil, "key that the chart draws; may be repeated; all with numbers if\n"+
		"there is none")
	f.StringVar(&c.by, "by", "", "key with a line or colour for each of its values")
}

func (c *replayChart) check() error {
	if c.file == "" && (c.x != "" || c.by != "" || len(c.y) > 0) {
		return errors.New("--x, --y and --by: want --chart FILE.svg")
	}
	if c.file != "" && filepath.Ext(c.file) != ".svg" {
		return fmt.Errorf("--chart %s: want a name that ends with .svg", c.file)
	}
	return nil
}

// draw draws the answer of a script, if a picture was asked for.
func (c *replayChart) draw(script string, result *replayResult) error {
	if c.file == "" {
		return nil
	}
	return writeWhole(c.file, func(part string) error {
		f, err := os.OpenFile(part, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		err = chart.SVG(f, result.documents, chart.Options{Kind: chart.Kind(c.kind),
			Title: chart.Title(result.name, script), X: c.x, Y: c.y, By: c.by})
		return errors.Join(err, f.Sync(), f.Close())
	})
}
