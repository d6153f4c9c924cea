package main

import (
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/tillbook/tillbook/eventstore"
)

// scanBar shows how far a scan of the log is: a bar with rate and time left on a terminal, nothing
// elsewhere. One goroutine at a time may use it.
type scanBar struct {
	out      io.Writer
	bar      *progressbar.ProgressBar // nil: no terminal, or the end was shown
	at, last eventstore.Position
}

// wideBar is from how many columns on there is room for more than the bar and its percent.
const wideBar = 80

func newScanBar(out io.Writer, what string) *scanBar { return newBar(out, what, "it") }

// newBar is one that counts in a unit of its own.
func newBar(out io.Writer, what, unit string) *scanBar {
	file, ok := out.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return &scanBar{}
	}
	options := []progressbar.Option{progressbar.OptionSetWriter(out), progressbar.OptionSetPredictTime(false),
		progressbar.OptionThrottle(100 * time.Millisecond)}
	if width, _, err := term.GetSize(int(file.Fd())); err != nil || width == 0 || width >= wideBar {
		options = append(options, progressbar.OptionSetDescription(what), progressbar.OptionShowCount(),
			progressbar.OptionShowIts(), progressbar.OptionSetItsString(unit),
			progressbar.OptionSetPredictTime(true))
	}
	return &scanBar{out: out, bar: progressbar.NewOptions64(1, options...)}
}

// to moves the bar. Positions have gaps, so it shows places in the log, not events. Where at goes back,
// another part of the work begins. The end is shown by end alone: what comes behind may fail.
func (p *scanBar) to(at, last eventstore.Position) {
	if p.bar == nil {
		return
	}
	if at < p.at {
		p.clear()
		p.bar.Reset()
	}
	if at < last {
		if last != p.last {
			p.bar.ChangeMax64(int64(last))
		}
		_ = p.bar.Set64(int64(at)) // a bar that cannot be drawn stops nothing
	}
	p.at, p.last = at, last
}

// clear makes room for a line of text.
func (p *scanBar) clear() {
	if p.bar != nil {
		_ = p.bar.Clear()
	}
}

// end ends the line: the bar is full where the work was done, and stays where it was where err says why
// not. Only its first call counts.
func (p *scanBar) end(err error) {
	if p.bar == nil {
		return
	}
	if err == nil && p.last > 0 {
		p.bar.ChangeMax64(int64(p.last))
		_ = p.bar.Finish()
	}
	if p.bar.IsStarted() {
		_, _ = io.WriteString(p.out, "\n")
	}
	p.bar = nil
}
