// Package gallery holds questions that analysts ask of a ledger, as projections in EventStoreDB's
// JavaScript: each runs as it is, and is a text to start another from.
//
// A script begins with a comment: its title, then what it asks, what the answer's rows and units are,
// how to read them, what is exact and where that ends, what to change, and how to draw it. Amounts
// are decimal text throughout, added as whole numbers of the unit's smallest step.
package gallery

import (
	"embed"
	"strings"
)

//go:embed *.js
var scripts embed.FS

// Question is a script of the gallery.
type Question struct {
	Name   string // as in gallery:NAME
	Title  string // the first line of its comment
	Source string
}

// Chart is how the answer is best drawn, as flags of tillbook replay; empty where a table says more.
func (q Question) Chart() string {
	_, rest, _ := strings.Cut(q.Source, "\n// Chart:  ")
	line, _, _ := strings.Cut(rest, "\n")
	if !strings.HasPrefix(line, "--chart ") {
		return ""
	}
	return line
}

// Questions are all there are, by their names.
func Questions() []Question {
	files, _ := scripts.ReadDir(".") // what is embedded can be read
	all := make([]Question, 0, len(files))
	for _, f := range files {
		q, _ := Find(strings.TrimSuffix(f.Name(), ".js"))
		all = append(all, q)
	}
	return all
}

// Find is the question called name; false where there is none.
func Find(name string) (Question, bool) {
	source, err := scripts.ReadFile(name + ".js")
	if err != nil {
		return Question{}, false
	}
	title, _, _ := strings.Cut(strings.TrimPrefix(string(source), "// "), "\n")
	return Question{Name: name, Title: title, Source: string(source)}, true
}
