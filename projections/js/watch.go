package js

import (
	"fmt"
	"runtime/metrics"
	"sync"
	"time"

	"github.com/dop251/goja"
)

// tick is how often a watch looks.
const tick = 5 * time.Millisecond

// idleTicks is how many looks in a row may find nothing running before a watch goes to sleep.
const idleTicks = 100

// heapMetric is what the heap's objects take, swept or not.
const heapMetric = "/memory/classes/heap/objects:bytes"

// watch interrupts calls into a Runtime that take too long or too much memory. A goroutine of its
// own looks every few milliseconds, so a call that is shorter costs no more than two locks.
type watch struct {
	vm     *goja.Runtime
	memory int64
	wake   chan struct{} // one slot: a call has begun while the goroutine slept
	stop   chan struct{}
	done   chan struct{}

	mu      sync.Mutex // guards all below
	call    int64      // number of the call that runs, or ran last
	limit   time.Duration
	running bool
	asleep  bool
	stopped bool // the call was interrupted
}

func newWatch(vm *goja.Runtime, memory int64) *watch {
	w := &watch{vm: vm, memory: memory, asleep: true, wake: make(chan struct{}, 1),
		stop: make(chan struct{}), done: make(chan struct{})}
	go w.run()
	return w
}

// close ends the goroutine and waits for it.
func (w *watch) close() {
	close(w.stop)
	<-w.done
}

// begin starts a call that may take as long as limit.
func (w *watch) begin(limit time.Duration) {
	w.mu.Lock()
	w.call++
	w.limit, w.running, w.stopped = limit, true, false
	if w.asleep {
		w.asleep = false
		w.wake <- struct{}{} // the slot is free: the goroutine emptied it before it slept
	}
	w.mu.Unlock()
}

// end ends the call, and takes back an interrupt that came too late for it.
func (w *watch) end() {
	w.mu.Lock()
	w.running = false
	if w.stopped {
		w.vm.ClearInterrupt()
	}
	w.mu.Unlock()
}

func (w *watch) run() {
	defer close(w.done)
	for {
		select {
		case <-w.stop:
			return
		case <-w.wake:
		}
		if !w.look() {
			return
		}
	}
}

// sighting is a call that was seen before.
type sighting struct {
	call int64
	last time.Time
	took time.Duration
	heap int64 // when it was first seen
}

// again counts the time since the call was last seen. A look that comes late says that the whole
// process had to wait, which is no fault of the call.
func (s *sighting) again(now time.Time) {
	s.took += min(now.Sub(s.last), 4*tick)
	s.last = now
}

// look watches until nothing has run for a while; false if the watch is to stop.
func (w *watch) look() bool {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	sample := []metrics.Sample{{Name: heapMetric}}
	var seen sighting
	for idle := 0; ; {
		select {
		case <-w.stop:
			return false
		case now := <-ticker.C:
			metrics.Read(sample)
			heap := int64(sample[0].Value.Uint64())
			w.mu.Lock()
			switch {
			case !w.running:
				idle++
				if idle > idleTicks {
					w.asleep = true
					w.mu.Unlock()
					return true
				}
			case w.call != seen.call:
				idle, seen = 0, sighting{call: w.call, last: now, heap: heap}
			default:
				seen.again(now)
				w.judge(seen.took, heap-seen.heap)
			}
			w.mu.Unlock()
		}
	}
}

// judge interrupts the call if it is beyond a limit.
func (w *watch) judge(took time.Duration, grown int64) {
	switch {
	case w.stopped:
	case took >= w.limit:
		w.stopped = true
		w.vm.Interrupt(fmt.Errorf("%w: more than %v", ErrTime, w.limit))
	case grown > w.memory:
		w.stopped = true
		w.vm.Interrupt(fmt.Errorf("%w: more than %d MiB in one call", ErrMemory, w.memory>>20))
	}
}
