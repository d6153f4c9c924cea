package projections

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"runtime"
	"sync"
)

// writer runs the statements of a Tx, in their order, on a goroutine of its own: while one core writes,
// another folds what is to be written next. Its methods belong to the Tx's goroutine.
type writer struct {
	conn    *sql.Conn
	jobs    chan execution
	spare   chan []driver.NamedValue // parameters to use again
	pending sync.WaitGroup           // statements that have not run
	ended   chan struct{}
	alone   bool                   // there is one core: what is written runs at once
	made    map[string]driver.Stmt // the goroutine's
	failed  error                  // the goroutine's while any are pending
}

type execution struct {
	ctx   context.Context
	query string
	args  []driver.NamedValue
}

// waitingStatements bounds the statements that wait: of 64 rows of history, which are the largest, some
// 12 MiB.
const waitingStatements = 64

func newWriter(conn *sql.Conn) *writer {
	w := &writer{conn: conn, jobs: make(chan execution, waitingStatements),
		spare: make(chan []driver.NamedValue, waitingStatements), ended: make(chan struct{}),
		made: map[string]driver.Stmt{}, alone: runtime.GOMAXPROCS(0) == 1}
	go w.run()
	return w
}

// run ends with close.
func (w *writer) run() {
	defer close(w.ended)
	for s := range w.jobs {
		if w.failed == nil {
			w.failed = w.exec(s)
		}
		select {
		case w.spare <- s.args[:0]:
		default:
		}
		w.pending.Done()
	}
}

// exec goes around database/sql, which would copy every parameter: statements here have thousands.
func (w *writer) exec(s execution) error {
	return w.conn.Raw(func(conn any) error {
		made, ok := w.made[s.query]
		if !ok {
			var err error
			made, err = conn.(driver.ConnPrepareContext).PrepareContext(s.ctx, s.query)
			if err != nil {
				return fmt.Errorf("prepare %.60q: %w", s.query, err)
			}
			w.made[s.query] = made
		}
		if _, err := made.(driver.StmtExecContext).ExecContext(s.ctx, s.args); err != nil {
			return fmt.Errorf("%.60q: %w", s.query, err)
		}
		return nil
	})
}

// write lets a statement run, some time before drain returns.
func (w *writer) write(ctx context.Context, query string, args []any) error {
	var values []driver.NamedValue
	select {
	case values = <-w.spare:
	default:
	}
	for i, arg := range args {
		value, err := parameter(arg)
		if err != nil {
			return fmt.Errorf("parameter %d of %.60q: %w", i+1, query, err)
		}
		values = append(values, driver.NamedValue{Ordinal: i + 1, Value: value})
	}
	if w.alone {
		err := w.exec(execution{ctx, query, values})
		w.spare <- values[:0]
		return err
	}
	w.pending.Add(1)
	w.jobs <- execution{ctx, query, values}
	return nil
}

// drain returns when all statements have run: the first error since it was called last. Those behind it
// did not run.
func (w *writer) drain() error {
	w.pending.Wait()
	err := w.failed
	w.failed = nil
	return err
}

// close ends the goroutine and its statements.
func (w *writer) close() {
	close(w.jobs)
	<-w.ended
	_ = w.conn.Raw(func(any) error {
		for _, s := range w.made {
			s.Close()
		}
		return nil
	})
}
