package projections

import (
	"context"
	"database/sql"
	"errors"
	"reflect"

	"modernc.org/libc"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// The limits of a connection that is asked: nothing is attached, which VACUUM INTO would do too, and no
// value is larger than any that the tables hold.
const (
	mostAttached = 0
	longestValue = 64 << 20
)

// sqliteAnswer answers a question on a connection of its own. The driver heeds the end of ctx no longer
// once it has the first row, so SQLite is interrupted here.
func sqliteAnswer(ctx context.Context, conn *sql.Conn, question string, answer Answer) error {
	if _, err := sqlite.Limit(conn, sqlite3.SQLITE_LIMIT_ATTACHED, mostAttached); err != nil {
		return err
	}
	if _, err := sqlite.Limit(conn, sqlite3.SQLITE_LIMIT_LENGTH, longestValue); err != nil {
		return err
	}
	db, err := sqliteHandle(conn)
	if err != nil {
		return err
	}
	done := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(done)
		interrupt(db)
	})
	defer func() {
		if !stop() {
			<-done // conn, and so db, is open until then
		}
	}()
	// The end of ctx would close the rows, which waits for the statement that has to be interrupted.
	rows, err := conn.QueryContext(context.WithoutCancel(ctx), question)
	if err == nil {
		err = answerRows(rows, answer)
	}
	return sqliteFault(err, question, db)
}

// sqliteHandle is the connection as SQLite's library has it, which the driver does not show.
func sqliteHandle(conn *sql.Conn) (db uintptr, err error) {
	return db, conn.Raw(func(c any) error {
		field := reflect.Indirect(reflect.ValueOf(c)).FieldByName("db")
		if !field.IsValid() || field.Kind() != reflect.Uintptr {
			return errors.New("the driver of SQLite has no handle")
		}
		db = uintptr(field.Uint())
		return nil
	})
}

func interrupt(db uintptr) {
	tls := libc.NewTLS()
	defer tls.Close()
	sqlite3.Xsqlite3_interrupt(tls, db)
}

// sqliteFault says what is wrong with a question, and where.
func sqliteFault(err error, question string, db uintptr) error {
	wrong, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return err
	}
	switch wrong.Code() & 0xff {
	case sqlite3.SQLITE_READONLY:
		return ErrNoQuestion
	case sqlite3.SQLITE_ERROR:
		tls := libc.NewTLS()
		defer tls.Close()
		return &Fault{question, int(sqlite3.Xsqlite3_error_offset(tls, db)), trimReason(wrong.Error())}
	}
	return err
}
