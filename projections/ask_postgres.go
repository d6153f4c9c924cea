package projections

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// The states of PostgreSQL's errors that mean something here.
const (
	stateReadOnly = "25006"
	stateSeveral  = "42601" // of a syntax error too, which has a position
	stateWrong    = "42"    // what is wrong with a question begins with it
)

// asked is a connection for one question, as its user has it, whose transactions only read. SQL is not
// translated. The server gives up a question whose asker is gone.
func (s *schemas) asked(ctx context.Context, schema string) *sql.DB {
	config := s.config.Copy()
	config.RuntimeParams["search_path"] = schema
	config.RuntimeParams["application_name"] = "tillbook sql"
	config.RuntimeParams["default_transaction_read_only"] = "on"
	if end, ok := ctx.Deadline(); ok {
		most := max(time.Until(end), 0) + time.Second // ctx comes first, and says it better
		config.RuntimeParams["statement_timeout"] = strconv.FormatInt(most.Milliseconds(), 10)
	}
	return stdlib.OpenDB(*config)
}

// postgresAnswer answers a question in the transaction of conn. The extended protocol takes one statement.
func postgresAnswer(ctx context.Context, conn *sql.Conn, question string, answer Answer) error {
	rows, err := conn.QueryContext(ctx, question)
	if err == nil {
		err = answerRows(rows, answer)
	}
	wrong, ok := errors.AsType[*pgconn.PgError](err)
	switch {
	case !ok:
		return err
	case wrong.Code == stateReadOnly || wrong.Code == stateSeveral && wrong.Position == 0:
		return ErrNoQuestion
	case strings.HasPrefix(wrong.Code, stateWrong):
		return &Fault{question, byteOf(question, int(wrong.Position)), wrong.Message}
	}
	return err
}

// byteOf is where the n-th character of a text begins, counted from 1; −1 for none.
func byteOf(text string, n int) int {
	for i := range text {
		if n--; n == 0 {
			return i
		}
	}
	if n == 1 {
		return len(text)
	}
	return -1
}
