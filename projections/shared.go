package projections

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Shared are tables that processes share in a schema of a PostgreSQL database: all of them read, and one at
// a time, the one that leads, writes. All methods may be called at once.
type Shared struct {
	schemas *schemas
	schema  string
	tables  string
	pool    *sql.DB
}

// NewShared is for tables of a schema, whose SQL, as all that is asked, is written as SQLite has it. It does
// not connect. Its error says what is wrong with the URL.
func NewShared(url, schema, tables string) (*Shared, error) {
	all, err := newSchemas(url, nil)
	if err != nil {
		return nil, err
	}
	s := &Shared{all, schema, tables, all.pool(schema)}
	s.pool.SetMaxOpenConns(readers + 1) // one leads, or waits for it
	return s, nil
}

// Read lets work ask the tables, as they are at one instant. Its error is work's, or ErrAway.
func (s *Shared) Read(ctx context.Context, work func(*sql.Tx) error) error {
	tx, err := s.pool.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err == nil {
		defer tx.Rollback()
		err = work(tx)
	}
	return away(err)
}

// Lead makes the tables where there are none, and returns when this process alone may write them: at once,
// when the one that leads ends or loses its connection, or when ctx ends.
func (s *Shared) Lead(ctx context.Context) (*Lead, error) {
	conn, err := s.pool.Conn(ctx)
	if err != nil {
		return nil, away(err)
	}
	if err = s.create(ctx, conn); err == nil {
		_, err = conn.ExecContext(ctx, "SELECT pg_advisory_lock("+lockOf(leadOf, s.schema)+")")
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lead %s: %w", s.schema, away(err)), discard(conn))
	}
	return &Lead{schema: s.schema, conn: conn}, nil
}

func (s *Shared) create(ctx context.Context, conn *sql.Conn) error {
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := lockToCreate(ctx, tx, s.schema); err != nil {
		return err
	}
	for _, statement := range []string{"CREATE SCHEMA IF NOT EXISTS " + s.schema, s.tables} {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// Close closes the connections. A Lead has ended.
func (s *Shared) Close() error { return errors.Join(s.pool.Close(), s.schemas.close()) }

// Lead is the right to write shared tables, alone. It is that of a connection, by which all is written: the
// server gives it to another no sooner than nothing can come by that connection any more. All methods may
// be called at once.
type Lead struct {
	schema string

	mu   sync.Mutex // held while something goes by conn
	conn *sql.Conn
}

// leadTime is how long one transaction of who leads may take, and leaseTime how long the server may take to
// say that it leads.
const (
	leadTime  = 30 * time.Second
	leaseTime = 5 * time.Second
)

// Write runs work in one transaction.
func (l *Lead) Write(work func(*sql.Tx) error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), leadTime)
	defer cancel()
	tx, err := l.conn.BeginTx(ctx, nil)
	if err != nil {
		return away(err)
	}
	defer tx.Rollback()
	if err := work(tx); err != nil {
		return away(err)
	}
	return away(tx.Commit())
}

// Holds is nil while the server answers the connection that leads, and ErrAway for good when it does not.
func (l *Lead) Holds() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), leaseTime)
	defer cancel()
	if _, err := l.conn.ExecContext(ctx, "SELECT 1"); err != nil {
		return fmt.Errorf("%w: %w", ErrAway, err)
	}
	return nil
}

// End lets another lead.
func (l *Lead) End() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	// The server ends a connection some time after it was closed, but a lock at once. If it does not, the
	// connection is gone already.
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_, _ = l.conn.ExecContext(ctx, "SELECT pg_advisory_unlock("+lockOf(leadOf, l.schema)+")")
	return discard(l.conn)
}
