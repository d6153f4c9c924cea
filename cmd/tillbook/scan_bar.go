package main

import (
	"fmt"
	"io"
	"os"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/tillbook/tillbook/eventstore"
)

// scanBar shows how far a scan of the log is: a bar with rate and time left on a terminal, nothing
// elsewhere.
type scanBar struct{ bar *progressbar.ProgressBar }

func newScanBar(out io.Writer, what string) *scanBar {
	file, ok := out.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return &scanBar{}
	}
	return &scanBar{progressbar.NewOptions64(-1, progressbar.OptionSetWriter(out),
		progressbar.OptionSetDescription(what), progressbar.OptionShowCount(),
		progressbar.OptionShowIts(), progressbar.OptionSetPredictTime(true),
		progressbar.OptionClearOnFinish())}
}

// to moves the bar. Positions have gaps, so it shows places in the log, not events.
func (p *scanBar) to(at, head eventstore.Position) {
	if p.bar == nil {
		return
	}
	p.bar.ChangeMax64(int64(max(head, at)))
	_ = p.bar.Set64(int64(at)) // a bar that cannot be drawn stops nothing
}

func (p *scanBar) end() {
	if p.bar != nil {
		_ = p.bar.Finish()
		fmt.Fprintln(os.Stderr)
		p.bar = nil
	}
}
