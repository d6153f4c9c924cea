package projections

import (
	"errors"
	"slices"
	"strings"
)

// Errors of Ask, by errors.Is.
var (
	// ErrNoQuestion: the text would do something else than answer rows.
	ErrNoQuestion = errors.New("want one SELECT, WITH, VALUES or EXPLAIN: nothing can be changed here")
	// ErrTimeLimit: the answer took too long.
	ErrTimeLimit = errors.New("the answer took longer than its time limit")
)

// Fault is where a question is wrong.
type Fault struct {
	SQL    string
	Offset int // in bytes; negative: unknown
	Reason string
}

// Error names the line and the column, both from 1, and shows the place.
func (f *Fault) Error() string {
	if f.Offset < 0 || f.Offset > len(f.SQL) {
		return f.Reason
	}
	before := f.SQL[:f.Offset]
	start := strings.LastIndexByte(before, '\n') + 1
	line, _, _ := strings.Cut(f.SQL[start:], "\n")
	column := len([]rune(before[start:]))
	return lineAndColumn(strings.Count(before, "\n")+1, column+1) + ": " + f.Reason +
		"\n  " + strings.Map(plainSpace, line) + "\n  " + strings.Repeat(" ", column) + "^"
}

// isQuestion refuses whatever is not one statement that asks. The database refuses it too, all the same:
// this is what it does not look at, and says it better.
func isQuestion(text string, postgres bool) error {
	if strings.ContainsRune(text, 0) {
		return ErrNoQuestion
	}
	first, more, err := statement(text)
	if err != nil {
		return err
	}
	switch {
	case len(first) == 0:
		return ErrNoQuestion
	case postgres && slices.Contains([]string{"EXPLAIN", "SHOW", "TABLE"}, first[0]):
		return nil // its transaction reads only; that it is one statement the server sees to
	case more && !postgres:
		return ErrNoQuestion
	case first[0] == "EXPLAIN": // it runs a PRAGMA that it explains
		first = slices.DeleteFunc(first[1:], func(w string) bool { return w == "QUERY" || w == "PLAN" })
	}
	if len(first) == 0 || !slices.Contains([]string{"SELECT", "WITH", "VALUES"}, first[0]) {
		return ErrNoQuestion
	}
	return nil
}

// firstWords is as many as EXPLAIN QUERY PLAN SELECT.
const firstWords = 4

// statement reads SQL as SQLite splits it: the first words, in capitals, and whether anything follows the
// statement's end. Comments within comments are refused, as databases do not agree on their ends.
func statement(text string) (first []string, more bool, err error) {
	ended := false
	for text != "" {
		n := tokenSize(text)
		token := text[:n]
		text = text[n:]
		switch {
		case strings.HasPrefix(token, "/*") && strings.Contains(token[2:], "/*"):
			return nil, false, ErrNoQuestion
		case isBlank(token):
		case token == ";":
			ended = true
		case ended:
			more = true
		case len(first) < firstWords && token != "(":
			first = append(first, strings.ToUpper(token))
		}
	}
	return first, more, nil
}

func isBlank(token string) bool {
	return strings.TrimSpace(token) == "" || strings.HasPrefix(token, "--") || strings.HasPrefix(token, "/*")
}

// closings end what a sign opens; doubled, the sign is a part of it.
var closings = map[byte]byte{'\'': '\'', '"': '"', '`': '`', '[': ']'}

// tokenSize is the length of a text's first token; a token without an end goes to the text's.
func tokenSize(text string) int {
	switch {
	case strings.HasPrefix(text, "--"):
		return through(text, 2, "\n")
	case strings.HasPrefix(text, "/*"):
		return through(text, 2, "*/")
	case isWord(text[0]):
		n := 1
		for n < len(text) && isWord(text[n]) {
			n++
		}
		return n
	}
	end, quoted := closings[text[0]]
	if !quoted {
		return 1
	}
	n := through(text, 1, string(end))
	for end != ']' && n < len(text) && text[n] == end {
		n = through(text, n+1, string(end))
	}
	return n
}

func isWord(c byte) bool {
	return c == '_' || c >= 0x80 || '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z'
}

// through is where the next end ends, at or behind from.
func through(text string, from int, end string) int {
	if i := strings.Index(text[from:], end); i >= 0 {
		return from + i + len(end)
	}
	return len(text)
}

// plainSpace keeps a line on its line.
func plainSpace(r rune) rune {
	if r < ' ' || r == 0x7f {
		return ' '
	}
	return r
}
