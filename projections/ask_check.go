package projections

import (
	"context"
	"database/sql"
	"errors"
)

// explain makes SQLite read a question without answering it.
const explain = "EXPLAIN "

// CheckQuestion says what is wrong with a question to SQLite, as far as that can be told without the
// rows: ErrNoQuestion or *Fault. So nobody waits for tables in vain.
func CheckQuestion(ctx context.Context, question string) error {
	if err := isQuestion(question, false); err != nil {
		return err
	}
	if first, _, _ := statement(question); first[0] == "EXPLAIN" {
		return nil
	}
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		return err
	}
	defer db.Close()
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	made := ownTables
	for _, p := range Builtin() {
		made += p.Tables()
	}
	if _, err := conn.ExecContext(ctx, made); err != nil {
		return err
	}
	err = sqliteAnswer(ctx, conn, explain+question, unheard{})
	if fault, ok := errors.AsType[*Fault](err); ok {
		fault.SQL, fault.Offset = question, fault.Offset-len(explain)
	}
	return err
}

// unheard is an Answer that nobody wants.
type unheard struct{}

func (unheard) Columns([]string) error { return nil }
func (unheard) Row([]any) error        { return nil }
