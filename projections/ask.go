package projections

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tillbook/tillbook/eventstore"
)

// Answer takes what a question is answered. An error of its own ends the answer and is Ask's.
type Answer interface {
	// Columns comes first, once.
	Columns(names []string) error
	// Row is nil for NULL, and else an int64, a float64, a bool, a time.Time, a string or bytes. Whoever
	// wants to keep the slice copies it.
	Row(values []any) error
}

// Ask answers a question in the SQL of the database that holds the tables, from tables that stand at one
// place in the log, which it answers. It changes nothing: the connection is its own and reads only.
// ErrNoQuestion, ErrTimeLimit, *Fault where the question is wrong, and the context's error.
func (m *Models) Ask(ctx context.Context, question string, limit time.Duration, answer Answer) (
	eventstore.Position, error,
) {
	d, free, err := m.take()
	if err != nil {
		return 0, err
	}
	defer free()
	if err := isQuestion(question, d.postgres); err != nil {
		return 0, err
	}
	within, cancel := context.WithTimeoutCause(ctx, limit, ErrTimeLimit)
	defer cancel()
	at, err := d.ask(within, question, answer)
	if cause := context.Cause(within); err != nil && cause != nil {
		return 0, cause
	}
	return at, err
}

func (d *database) ask(ctx context.Context, question string, answer Answer) (eventstore.Position, error) {
	pool, err := d.asked(ctx)
	if err != nil {
		return 0, err
	}
	defer pool.Close()
	pool.SetMaxOpenConns(1)
	conn, err := pool.Conn(ctx)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	begin, answering := "BEGIN", sqliteAnswer
	if d.postgres {
		begin, answering = beginnings["BEGIN"], postgresAnswer
	}
	if _, err := conn.ExecContext(ctx, begin); err != nil {
		return 0, err
	}
	at, err := readCheckpoint(ctx, conn)
	if err != nil {
		return 0, err
	}
	return at.position, answering(ctx, conn, question, answer)
}

// asked is a connection for one question, which nothing can be written through.
func (d *database) asked(ctx context.Context) (*sql.DB, error) {
	if s, ok := d.shelf.(*schemas); ok {
		return s.asked(ctx, d.name), nil
	}
	return sql.Open("sqlite", sourceOf(d.name)+"&mode=ro&_pragma=query_only(1)&_defensive=1")
}

// answerRows hands rows on.
func answerRows(rows *sql.Rows, answer Answer) (err error) {
	defer func() { err = errors.Join(err, rows.Close()) }()
	names, err := rows.Columns()
	if err != nil {
		return err
	}
	if err := answer.Columns(names); err != nil {
		return err
	}
	values, to := make([]any, len(names)), make([]any, len(names))
	for i := range values {
		to[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(to...); err != nil {
			return err
		}
		if err := answer.Row(values); err != nil {
			return err
		}
	}
	return rows.Err()
}

func lineAndColumn(line, column int) string { return fmt.Sprintf("line %d, column %d", line, column) }

// trimReason is a database's message without what it says to programs.
func trimReason(text string) string {
	text = strings.TrimPrefix(text, "SQL logic error: ")
	if i := strings.LastIndex(text, " ("); i > 0 && strings.HasSuffix(text, ")") {
		text = text[:i]
	}
	return text
}
