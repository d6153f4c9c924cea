package main

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/tillbook/tillbook/eventstore"
)

// reporter tells of rows that are not in the ledger.
type reporter interface {
	report(*badRow)
	close() error
}

// newReporter writes to a file, as its name ends (.csv; else NDJSON), or to standard error. The
// file must not be the one that is imported.
func newReporter(path, imported string, standardError io.Writer) (reporter, error) {
	if path == "" {
		return textReport{standardError}, nil
	}
	if isSameFile(path, imported) {
		return nil, fmt.Errorf("--errors: %s is the file to import", path)
	}
	f, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("--errors: %w", err)
	}
	out := bufio.NewWriter(f) // it keeps its first error until it is flushed
	if filepath.Ext(path) != ".csv" {
		return &fileReport{file: f, out: out, write: writeJSON(out)}, nil
	}
	return &fileReport{file: f, out: out, write: writeCSV(out)}, nil
}

func isSameFile(a, b string) bool {
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(infoA, infoB)
}

type textReport struct{ out io.Writer }

func (t textReport) report(b *badRow) { fmt.Fprintln(t.out, b) }
func (t textReport) close() error     { return nil }

type fileReport struct {
	file  *os.File
	out   *bufio.Writer
	write func(*badRow)
}

func (f *fileReport) report(b *badRow) { f.write(b) }

func (f *fileReport) close() error {
	if err := errors.Join(f.out.Flush(), f.file.Close()); err != nil {
		return fmt.Errorf("--errors: %w", err)
	}
	return nil
}

func writeCSV(out io.Writer) func(*badRow) {
	write := func(fields ...string) {
		w := csv.NewWriter(out)
		_ = w.Write(fields)
		w.Flush()
	}
	write("line", "code", "detail")
	return func(b *badRow) { write(strconv.Itoa(b.line), b.code, b.detail) }
}

func writeJSON(out io.Writer) func(*badRow) {
	lines := json.NewEncoder(out)
	return func(b *badRow) {
		_ = lines.Encode(struct {
			Line   int    `json:"line"`
			Code   string `json:"code"`
			Detail string `json:"detail"`
		}{b.line, b.code, b.detail})
	}
}

// progress shows how far an import is: a bar on a terminal, else a line now and then. results.mu
// guards it.
type progress struct {
	out         io.Writer
	total, done int64
	bar         *scanBar // nil: lines
	began, said time.Time
}

// linesEvery is the time between two lines.
const linesEvery = 5 * time.Second

func newProgress(out io.Writer, total int64) *progress {
	p := &progress{out: out, total: total, began: time.Now(), said: time.Now()}
	if isTerminal(out) {
		p.bar = newBar(out, "import", "rows")
	}
	return p
}

func (p *progress) add() {
	p.done++
	if p.bar != nil {
		p.bar.to(eventstore.Position(p.done), eventstore.Position(p.total))
		return
	}
	if p.done%256 == 0 && time.Since(p.said) >= linesEvery {
		p.said = time.Now()
		rate := float64(p.done) / time.Since(p.began).Seconds()
		left := time.Duration(float64(p.total-p.done) / rate * float64(time.Second))
		fmt.Fprintf(p.out, "%d of %d rows, %.0f rows/s, %s left\n", p.done, p.total, rate,
			left.Round(time.Second))
	}
}

// clear makes room for a line of text.
func (p *progress) clear() {
	if p.bar != nil {
		p.bar.clear()
	}
}

// end ends the bar's line.
func (p *progress) end(err error) {
	if p.bar != nil {
		p.bar.end(err)
	}
}

// rate is how many rows a second were settled since the begin.
func (p *progress) rate() float64 { return float64(p.done) / time.Since(p.began).Seconds() }
