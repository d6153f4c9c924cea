package projections

import (
	"context"
	"database/sql"
	"fmt"
	"hash/crc32"

	"github.com/tillbook/tillbook/eventstore"
)

// The advisory locks on a schema of PostgreSQL.
const (
	useOf    = 1 // shared by who has it open
	leadOf   = 2 // of who writes into it
	makingOf = 3 // of who makes its tables
)

// lockOf is a lock's key in SQL.
func lockOf(kind int, schema string) string {
	return fmt.Sprintf("%d, %d", kind, int32(crc32.ChecksumIEEE([]byte(schema))))
}

// waitToLead returns when conn alone may write into d. The lock ends with conn.
func waitToLead(ctx context.Context, d *database, conn *sql.Conn) error {
	if !d.postgres {
		return nil // one process has the folder
	}
	_, err := conn.ExecContext(ctx, "SELECT pg_advisory_lock("+lockOf(leadOf, d.name)+")")
	return err
}

// leadAlone is waitToLead of tables that are new. It is ErrRebuilding where somebody writes into them, or
// did.
func leadAlone(ctx context.Context, d *database, conn *sql.Conn) error {
	if !d.postgres {
		return nil
	}
	var alone bool
	err := conn.QueryRowContext(ctx, "SELECT pg_try_advisory_lock("+lockOf(leadOf, d.name)+")").Scan(&alone)
	if err != nil {
		return err
	}
	at, err := readCheckpoint(ctx, conn)
	if err == nil && (!alone || at.position != eventstore.Start) {
		err = ErrRebuilding
	}
	return err
}

// lockToCreate holds others off until tx, which makes the tables, ends.
func lockToCreate(ctx context.Context, tx *sql.Tx, schema string) error {
	_, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock("+lockOf(makingOf, schema)+")")
	return err
}

// commits is the channel on which PostgreSQL tells that a generation, whose name it carries, has moved on
// or begun to serve.
const commits = "tillbook_readmodels"

// tell tells it, when the transaction in which it is called commits.
func tell(ctx context.Context, x executor, d *database) error {
	_, err := x.ExecContext(ctx, "SELECT pg_notify('"+commits+"', ?)", d.name)
	return err
}
