package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// usage is what a process has used since it began, as Linux tells under /proc; all zero where
// nobody tells.
type usage struct {
	cpu     time.Duration // user and system
	written int64         // bytes that it caused to be written to the disk
	memory  int64         // bytes resident now
}

// since is what was used after an earlier look at the same process; memory is what it is now.
func (u usage) since(before usage) usage {
	return usage{u.cpu - before.cpu, u.written - before.written, u.memory}
}

// and is what two processes used.
func (u usage) and(other usage) usage {
	return usage{u.cpu + other.cpu, u.written + other.written, u.memory + other.memory}
}

// tick is the unit of /proc/PID/stat: USER_HZ, 100 a second on every machine Go runs on.
const tick = 10 * time.Millisecond

func usageOf(pid int) usage {
	dir := fmt.Sprintf("/proc/%d/", pid)
	stat, err := os.ReadFile(dir + "stat")
	if err != nil {
		return usage{}
	}
	var u usage
	// The name, in parentheses, may hold anything: fields are counted from behind it, state first.
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	if len(fields) > 12 {
		u.cpu = time.Duration(number(fields[11])+number(fields[12])) * tick
	}
	u.written = labelled(dir+"io", "write_bytes:")
	u.memory = labelled(dir+"status", "VmRSS:") << 10
	return u
}

// labelled is the number behind a label that begins a line of a file.
func labelled(file, label string) int64 {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, label); ok && len(strings.Fields(rest)) > 0 {
			return number(strings.Fields(rest)[0])
		}
	}
	return 0
}

func number(text string) int64 {
	n, _ := strconv.ParseInt(text, 10, 64) // the kernel's own words
	return n
}
