package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/valyala/fasthttp"
)

// load is a closed loop: each connection, kept alive, sends its next request when it has the answer
// to its last one. So a slow answer delays what comes after it, and percentiles are those of the
// requests that were sent, not of those that an open crowd would have sent meanwhile.
type load struct {
	address     string
	connections int
	requests    int64         // in all; 0 goes on until duration is over
	duration    time.Duration // with requests, ignored
	work        workload

	begun atomic.Int64
	end   time.Time
}

// workload makes requests and looks at their answers. All connections call it at once.
type workload struct {
	status  int                                // of a success
	refusal int                                // of an answer that is none, and no failure either; may be 0
	choice  choice                             // of accounts; nil for work that needs none
	ask     func(c *connection, n int64)       // fills c.request, the load's n-th from 0
	took    func(c *connection, n int64) error // sees each success; may be nil
}

// connection is one client of a load. It belongs to its goroutine.
type connection struct {
	pick     func() int
	request  fasthttp.Request
	response fasthttp.Response
	account  int // that the request under way is about
	tally
}

// tally is what a load has seen.
type tally struct {
	successes int64
	busy      int64 // answers 503; the same request was sent again
	latency   *hdrhistogram.Histogram
	took      time.Duration
}

// Latencies are kept in nanoseconds with three digits, from one microsecond to a minute.
func newTally() tally {
	return tally{latency: hdrhistogram.New(1_000, int64(time.Minute), 3)}
}

// add makes u part of t. Both ran at the same time, so took is the longer.
func (t *tally) add(u tally) {
	t.successes, t.busy, t.took = t.successes+u.successes, t.busy+u.busy, max(t.took, u.took)
	t.latency.Merge(u.latency)
}

// grace bounds a load beyond its duration, and how often one request is sent again.
const (
	grace    = time.Minute
	mostBusy = 1_000
)

// run is the load from first request to last answer. A request that is answered with anything but
// success or 503 ends it.
func (l *load) run(ctx context.Context) (tally, error) {
	began := time.Now()
	l.end = began.Add(l.duration)
	if l.requests > 0 {
		l.end = began.Add(10 * time.Minute)
	}
	ctx, cancel := context.WithDeadline(ctx, l.end.Add(grace))
	defer cancel()
	var mu sync.Mutex
	var wait sync.WaitGroup
	sum, failures := newTally(), []error(nil)
	for range l.connections {
		wait.Go(func() {
			t, err := l.connect(ctx)
			if err != nil {
				cancel() // one failure ends all
			}
			mu.Lock()
			defer mu.Unlock()
			t.took = time.Since(began)
			sum.add(t)
			failures = append(failures, err)
		})
	}
	wait.Wait()
	return sum, firstCause(failures)
}

// firstCause is a failure that is not the end of the others' context, where there is one.
func firstCause(failures []error) (first error) {
	for _, err := range failures {
		if err != nil && (first == nil || errors.Is(first, context.Canceled)) {
			first = err
		}
	}
	return first
}

// connect is one connection's share of the load.
func (l *load) connect(ctx context.Context) (tally, error) {
	c := &connection{tally: newTally()}
	if l.work.choice != nil {
		c.pick = l.work.choice(rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())))
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", l.address)
	if err != nil {
		return c.tally, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	in, out := bufio.NewReaderSize(conn, 16<<10), bufio.NewWriterSize(conn, 4<<10)
	for time.Now().Before(l.end) {
		n := l.begun.Add(1) - 1
		if l.requests > 0 && n >= l.requests {
			break
		}
		if err := c.exchange(l.work, n, in, out); err != nil {
			if ctx.Err() != nil {
				err = ctx.Err()
			}
			return c.tally, err
		}
	}
	return c.tally, nil
}

// exchange sends one request until it is answered with something else than 503.
func (c *connection) exchange(w workload, n int64, in *bufio.Reader, out *bufio.Writer) error {
	w.ask(c, n)
	began := time.Now()
	for range mostBusy {
		if err := errors.Join(c.request.Write(out), out.Flush()); err != nil {
			return err
		}
		if err := c.response.Read(in); err != nil {
			return err
		}
		if c.response.ConnectionClose() {
			return fmt.Errorf("%s: the server does not keep the connection", c.request.RequestURI())
		}
		switch status := c.response.StatusCode(); status {
		case w.status:
			c.successes++
			most := c.latency.HighestTrackableValue()
			err := c.latency.RecordValue(min(int64(time.Since(began)), most))
			if err != nil || w.took == nil {
				return err
			}
			return w.took(c, n)
		case w.refusal:
			return nil
		case fasthttp.StatusServiceUnavailable:
			c.busy++
		default:
			return fmt.Errorf("%s %s answered %d: %.300s",
				c.request.Header.Method(), c.request.Header.RequestURI(), status, c.response.Body())
		}
	}
	return fmt.Errorf("%s was answered 503 %d times", c.request.Header.RequestURI(), mostBusy)
}
