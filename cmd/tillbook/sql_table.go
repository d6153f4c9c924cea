package main

import (
	"bufio"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

// tableSheet is columns under their names, for people: it keeps all rows until the end, to know how wide
// they are. NULL is NULL; the text NULL has quotes, and so has one that ends in blanks or holds signs that
// would move the cursor.
type tableSheet struct {
	w    *bufio.Writer
	rows [][]string // the first are the names
	text []bool     // of columns that hold something else than numbers
}

func (s *tableSheet) Columns(names []string) error {
	row := make([]string, len(names))
	for i, name := range names {
		row[i] = plain(name)
	}
	s.rows, s.text = append(s.rows, row), make([]bool, len(names))
	return nil
}

var numeral = regexp.MustCompile(`^[-+]?[0-9.]+(e[-+]?[0-9]+)?$`)

func (s *tableSheet) Row(values []any) error {
	row := make([]string, len(values))
	for i, v := range values {
		c, _ := cellOf(v)
		if !c.Valid {
			row[i] = "NULL"
			continue
		}
		row[i] = plain(c.String)
		s.text[i] = s.text[i] || !numeral.MatchString(c.String)
	}
	s.rows = append(s.rows, row)
	return nil
}

// plain is a text that stays in its cell.
func plain(text string) string {
	if text == "NULL" || strings.TrimSpace(text) != text || strings.ContainsFunc(text, unshown) {
		return strconv.Quote(text)
	}
	return text
}

func unshown(r rune) bool { return r == utf8.RuneError || !strconv.IsPrint(r) }

func (s *tableSheet) end() error {
	if len(s.rows) == 0 {
		return s.w.Flush()
	}
	widths := make([]int, len(s.text))
	for _, row := range s.rows {
		for i, text := range row {
			widths[i] = max(widths[i], uniseg.StringWidth(text))
		}
	}
	for n, row := range s.rows {
		var line strings.Builder
		for i, text := range row {
			blanks := strings.Repeat(" ", widths[i]-uniseg.StringWidth(text))
			if !s.text[i] {
				text, blanks = blanks+text, ""
			}
			line.WriteString(text + blanks + "  ")
		}
		s.w.WriteString(strings.TrimRight(line.String(), " ") + "\n")
		if n == 0 {
			for i, width := range widths {
				s.w.WriteString(strings.Repeat("-", width))
				if i < len(widths)-1 {
					s.w.WriteString("  ")
				}
			}
			s.w.WriteByte('\n')
		}
	}
	return s.w.Flush()
}
