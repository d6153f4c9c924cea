package js

import (
	"fmt"
	"strings"

	"github.com/dop251/goja"
)

// longestLine bounds a line of log, in bytes.
const longestLine = 1 << 10

// logbook keeps the first lines that were logged since it was last read, and counts the others.
type logbook struct {
	limit int
	lines []string
	lost  int
}

func (l *logbook) add(line string) {
	if len(l.lines) >= l.limit {
		l.lost++
		return
	}
	if len(line) > longestLine {
		line = strings.ToValidUTF8(line[:longestLine], "") + "…"
	}
	l.lines = append(l.lines, line)
}

func (l *logbook) take() []string {
	lines := l.lines
	if l.lost > 0 {
		lines = append(lines, fmt.Sprintf("(%d more lines)", l.lost))
	}
	l.lines, l.lost = nil, 0
	return lines
}

// logs is log(...): texts as they are, objects as JSON.
func (r *Runner) logs(call goja.FunctionCall) goja.Value {
	var parts []string
	for _, v := range call.Arguments {
		if o, ok := v.(*goja.Object); ok {
			parts = append(parts, string(newEncoder(r.vm, r.script.Limits.State).encode(o)))
		} else {
			parts = append(parts, v.String())
		}
	}
	if len(parts) > 0 {
		r.log.add(strings.Join(parts, " "))
	}
	return goja.Undefined()
}
