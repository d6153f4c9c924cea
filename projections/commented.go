package projections

import (
	"fmt"
	"strings"
)

// commented are the statements by which PostgreSQL says of tables, views and columns what Describe does.
func commented(all []Described) string {
	var b strings.Builder
	for _, t := range all {
		kind := "TABLE"
		if t.View {
			kind = "VIEW"
		}
		fmt.Fprintf(&b, "COMMENT ON %s %s IS %s;\n", kind, t.Name, quoted(t.Meaning))
		for _, c := range t.Columns {
			fmt.Fprintf(&b, "COMMENT ON COLUMN %s.%s IS %s;\n", t.Name, c.Name, quoted(c.Meaning))
		}
	}
	return b.String()
}

// quoted is a text as SQL has it.
func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }
