package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
	"github.com/tillbook/tillbook/eventstore/embedded"
)

// restart is what a service does that starts on a log in which one account has all the events, as
// a process leaves it that is killed. Times are in seconds.
type restart struct {
	Events    int64   `json:"events"`
	Built     float64 `json:"built_per_second"` // through the ledger, without HTTP
	OpenLog   float64 `json:"open_log"`
	Listening float64 `json:"listening"` // from the start of the process
	Ready     float64 `json:"ready"`
	First     float64 `json:"first_debit"`
	Second    float64 `json:"second_debit"`
	MemoryMB  float64 `json:"memory_mb"`
}

func (r *restart) String() string {
	ms := func(s float64) string { return fmt.Sprintf("%.1f ms", s*1e3) }
	return fmt.Sprintf("restart on one account with %d events (written at %.0f/s): log open in %s; "+
		"listens after %s, ready after %s; first debit %s, second %s; RSS %.0f MB", r.Events, r.Built,
		ms(r.OpenLog), ms(r.Listening), ms(r.Ready), ms(r.First), ms(r.Second), r.MemoryMB)
}

// reopen writes the events and starts a service on them.
func (b *bench) reopen(ctx context.Context, dir string) (*restart, error) {
	b.say("writing %d events to one account", b.events)
	r := &restart{Events: b.events}
	data, spare := filepath.Join(dir, "restart"), filepath.Join(dir, "spare")
	if err := errors.Join(os.Mkdir(data, 0o700), os.Mkdir(spare, 0o700)); err != nil {
		return nil, err
	}
	key := newBooks("restart", "", 1)
	if err := r.build(ctx, key.customer(0), filepath.Join(dir, "built"), data, spare); err != nil {
		return nil, fmt.Errorf("write %d events: %w", b.events, err)
	}
	began := time.Now()
	store, err := openLog(spare, embedded.Options{})
	if err != nil {
		return nil, err
	}
	r.OpenLog = time.Since(began).Seconds()
	if err := store.Close(); err != nil {
		return nil, err
	}
	return r, r.serve(ctx, b, data)
}

// builders debit one account at once, so that a round of the ledger is full.
const builders = 1024

// build writes the events in one folder, and leaves in others what is on its disk before it closes.
func (r *restart) build(ctx context.Context, customer, work string, left ...string) (err error) {
	store, err := openLog(work, embedded.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	l := ledger.Open(store, ledger.Options{})
	defer l.Close()
	id := domain.AccountID(customer)
	do := func(serial int64, c domain.Command) error {
		_, err := l.Do(ctx, ledger.Request{Account: id, Command: c, Caller: caller,
			Key: "restart-" + strconv.FormatInt(serial, 10)})
		return err
	}
	err = do(-2, domain.OpenAccount{CustomerRef: customer})
	if err == nil {
		err = do(-1, domain.TopUp{Amount: benchFill, TopUpTerms: domain.DefaultTerms()})
	}
	if err != nil {
		return err
	}
	began := time.Now()
	debit := func(serial int64) error { return do(serial, domain.Debit{Amount: cents(1)}) }
	if err := r.debits(debit); err != nil {
		return err
	}
	r.Built = float64(r.Events) / time.Since(began).Seconds()
	for _, data := range left {
		err = errors.Join(err, store.Checkpoint(filepath.Join(data, logFolder)))
	}
	return err
}

// debits calls f once for every event that is still to be written, from many goroutines.
func (r *restart) debits(f func(serial int64) error) error {
	var wait sync.WaitGroup
	var serial atomic.Int64
	var failed atomic.Pointer[error]
	for range builders {
		wait.Go(func() {
			for n := serial.Add(1); n <= r.Events-2 && failed.Load() == nil; n = serial.Add(1) {
				if err := f(n); err != nil {
					failed.Store(&err)
				}
			}
		})
	}
	wait.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	return nil
}

// serve starts the service and times what its first callers wait for.
func (r *restart) serve(ctx context.Context, b *bench, data string) (err error) {
	b.say("starting on %d events", r.Events)
	began := time.Now()
	c, err := b.serve(ctx, data, "off")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	r.Listening = c.child.began.Seconds()
	for ready := false; !ready; {
		if ctx.Err() != nil || time.Since(began) > grace {
			return errors.Join(errors.New("the service is not ready"), ctx.Err())
		}
		ready = c.client().do(ctx, http.MethodGet, "/readyz", "", nil, nil) == nil
	}
	r.Ready = time.Since(began).Seconds()
	path := newBooks("restart", "", 1).paths[0] + "/debits"
	for serial, took := range []*float64{&r.First, &r.Second} {
		key := fmt.Sprintf("%s-%d", c.books.run, serial)
		began := time.Now()
		body := json.RawMessage(c.books.debitBody(int64(serial)))
		err := c.client().do(ctx, http.MethodPost, path, key, body, nil)
		if err != nil {
			return fmt.Errorf("debit after the restart: %w", err)
		}
		*took = time.Since(began).Seconds()
	}
	r.MemoryMB = float64(c.usage().memory) / (1 << 20)
	return nil
}
