package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/creack/pty"

	"github.com/tillbook/tillbook/eventstore"
)

// TestBars has every verb with a bar draw it on a terminal, wide and narrow, and into a file.
func TestBars(t *testing.T) {
	many := filepath.Join(t.TempDir(), "many.csv")
	if err := os.WriteFile(many, []byte(many3000), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, columns := range []int{0, 20, 80, 132} { // 0 is a file
		t.Run(fmt.Sprint(columns), func(t *testing.T) {
			folder := t.TempDir()
			data, out := filepath.Join(folder, "data"), filepath.Join(folder, "out")
			for _, args := range [][]string{
				{"import", many},
				{"check"},
				{"export", "--out", out, "events", "tables"},
				{"projections", "rebuild"},
				{"replay", "gallery:spend-by-store-day", "--output", "json"},
				{"copy", "--from", data, "--to", filepath.Join(folder, "copy")},
				{"sql", "--as-of", "2000", "--output", "json", "SELECT 1"},
				{"export", "verify", out},
			} {
				if args[0] != "copy" {
					args = append(args, "--data", data)
				}
				if columns == 0 {
					drawsNothing(t, args)
				} else {
					drawsBar(t, columns, args)
				}
			}
		})
	}
}

var many3000 = many(3000)

// drawsNothing runs a verb whose standard error is a file.
func drawsNothing(t *testing.T, args []string) {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	runVerb(t, file, args)
	text, err := os.ReadFile(file.Name())
	if err != nil || strings.ContainsFunc(string(text), func(r rune) bool { return r < ' ' && r != '\n' }) {
		t.Errorf("%q: got %q, %v in a file, want text alone", args, text, err)
	}
}

// drawsBar runs a verb on a terminal: it draws bars, each on one line, from less than 100 % to all of it,
// and leaves the cursor where a line begins.
func drawsBar(t *testing.T, columns int, args []string) {
	t.Helper()
	window := newWindow(t, columns)
	runVerb(t, window.tty, args)
	text := window.text()
	lines, column := window.lines(text)
	if column != 0 {
		t.Errorf("%q: got the cursor in column %d of %q, want it on a fresh line", args, column, lines)
	}
	bars := slices.DeleteFunc(lines, func(line string) bool { return !strings.Contains(line, "%") })
	for _, bar := range bars {
		if !strings.Contains(bar, "100% |") {
			t.Errorf("%q: got %q left, want it full", args, bar)
		}
	}
	begun := regexp.MustCompile(` [0-9]{1,2}% \|`).MatchString(text)
	inOne := args[0] == "sql" || args[1] == "rebuild" // they fold so few events in one go
	if len(bars) == 0 || !begun && !inOne {
		t.Errorf("%q: got %d bars of %q, want some that begin below 100 %%", args, len(bars), text)
	}
}

func runVerb(t *testing.T, standardError *os.File, args []string) {
	t.Helper()
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(standardError)
	root.SetErr(standardError)
	if err := root.ExecuteContext(t.Context()); err != nil {
		t.Fatalf("%q: %v", args, err)
	}
}

// TestBar holds what a bar shows while it moves, makes room for a line, goes back for another part of the
// work, and ends in a failure.
func TestBar(t *testing.T) {
	for columns, want := range map[int][]string{
		20: {"  25% |██        |", "  75% |███████   |", "news", "  10% |█         |"},
		80: {"work   0% |                                        | (0/4, 0 it/hr) [0s:0s]",
			"work  25% |██████████                              | (1/4, 60 it/min) [1s:3s]",
			"work  75% |██████████████████████████████          | (3/4, 2 it/s) [2s:0s]",
			"news", "work  10% |████                                    | (1/10, 60 it/min) [1s:9s]"},
	} {
		window := newWindow(t, columns)
		synctest.Test(t, func(*testing.T) {
			bar := newScanBar(window.tty, "work")
			move := func(at, last eventstore.Position) { time.Sleep(time.Second); bar.to(at, last) }
			move(0, 4)
			move(1, 4)
			move(3, 4)
			move(4, 4)
			bar.clear()
			fmt.Fprintln(window.tty, "news")
			move(0, 10)
			move(1, 10)
			bar.end(errors.New("it broke"))
			bar.end(nil)
			bar.to(10, 10)
		})
		text := window.text()
		var drawn []string
		for _, line := range strings.FieldsFunc(text, func(r rune) bool { return r == '\r' || r == '\n' }) {
			if line = strings.TrimRight(line, " "); line != "" {
				drawn = append(drawn, line)
			}
		}
		if !slices.Equal(drawn, want) {
			t.Errorf("%d columns: got drawn\n%s\nwant\n%s", columns, strings.Join(drawn, "\n"),
				strings.Join(want, "\n"))
		}
		lines, column := window.lines(text)
		if column != 0 || !slices.Equal(lines, want[len(want)-2:]) {
			t.Errorf("%d columns: got %q left, the cursor in column %d", columns, lines, column)
		}
	}
}

// window is a window of a pseudo terminal.
type window struct {
	testing.TB
	tty     *os.File
	columns int
	read    chan string // what was written, when the terminal is closed
}

func newWindow(t testing.TB, columns int) *window {
	t.Helper()
	master, tty, err := pty.Open()
	if err != nil {
		t.Skipf("needs a pseudo terminal: %v", err)
	}
	if err := pty.Setsize(tty, &pty.Winsize{Rows: 24, Cols: uint16(columns)}); err != nil {
		t.Fatal(err)
	}
	w := &window{TB: t, tty: tty, columns: columns, read: make(chan string, 1)}
	go func() {
		defer master.Close()
		text, _ := io.ReadAll(master) // Linux ends it with an error
		w.read <- string(text)
	}()
	t.Cleanup(func() { tty.Close() })
	return w
}

// text closes the terminal, and is what was written to it.
func (w *window) text() string {
	w.tty.Close()
	return <-w.read
}

// lines are what the window shows of a text, without blanks at their ends, and the cursor's column.
func (w *window) lines(text string) (lines []string, column int) {
	w.Helper()
	var row []rune
	end := func() {
		lines = append(lines, strings.TrimRight(string(row), " "))
		row, column = nil, 0
	}
	for _, sign := range text {
		switch {
		case sign == '\r':
			column = 0
		case sign == '\n': // the terminal puts \r before it
			end()
		case sign < ' ':
			w.Errorf("got the sign %q in %q", sign, text)
		default:
			if column == w.columns {
				end()
			}
			for len(row) <= column {
				row = append(row, ' ')
			}
			row[column] = sign
			column++
		}
	}
	if column > 0 {
		lines = append(lines, string(row))
	}
	return lines, column
}
