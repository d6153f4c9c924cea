package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/tillbook/tillbook/projections"
)

// tellSchema prints what the read models' tables mean: all of them, or those that are named.
func tellSchema(out io.Writer, names []string, output string) error {
	all, err := projections.BuiltinTables()
	if err != nil {
		return err
	}
	tables := all
	if len(names) > 0 {
		tables = nil
	}
	for _, name := range names {
		i := slices.IndexFunc(all, func(t projections.Described) bool {
			return strings.EqualFold(t.Name, name)
		})
		if i < 0 {
			return fmt.Errorf("there is no table %.40q: tillbook sql --schema shows them all", name)
		}
		tables = append(tables, all[i])
	}
	switch output {
	case formCSV, formNDJSON:
		return fmt.Errorf("--schema --output %s: want table or json", output)
	case formJSON:
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		return e.Encode(tables)
	}
	for i, t := range tables {
		if i > 0 {
			fmt.Fprintln(out)
		}
		if err := tellTable(out, t); err != nil {
			return err
		}
	}
	return nil
}

// tellTable prints a table's columns, one a line.
func tellTable(out io.Writer, t projections.Described) error {
	kind := "table"
	if t.View {
		kind = "view"
	}
	fmt.Fprintf(out, "%s %s: %s\n", kind, t.Name, t.Meaning)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, c := range t.Columns {
		null := ""
		switch {
		case c.Key:
			null = "key"
		case c.Null:
			null = "or NULL"
		}
		fmt.Fprintf(w, "  %s\t%s\t%s\t%s\n", c.Name, c.Type, null, c.Meaning)
	}
	return w.Flush()
}
