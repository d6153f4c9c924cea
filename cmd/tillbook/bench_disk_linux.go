package main

import (
	"syscall"
	"time"
)

// pause blocks its thread, as a sync does: what time.Sleep is asked for an idle process rounds up to
// whole milliseconds.
func pause(d time.Duration) {
	for end := time.Now().Add(d); d > 0; d = time.Until(end) { // a signal ends it early
		rest := syscall.NsecToTimespec(int64(d))
		_ = syscall.Nanosleep(&rest, nil)
	}
}
