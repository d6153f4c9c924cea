package projections

import (
	"context"
	"database/sql"
	"errors"
	"strings"
)

// snapshot is a connection in a transaction that sees the tables as they are at one instant.
type snapshot struct {
	*sql.Conn
	of     *database
	beside []*sql.Conn // that see the same
}

// begin begins one.
func (d *database) begin(ctx context.Context) (*snapshot, error) {
	conn, err := d.read.Conn(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := conn.ExecContext(ctx, "BEGIN"); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return &snapshot{Conn: conn, of: d}, nil
}

// stream is a query whose rows may be read while others are asked: PostgreSQL needs a connection for
// each. Call it a few times at most.
func (s *snapshot) stream(ctx context.Context, query string) (*sql.Rows, error) {
	if !s.of.postgres {
		return s.QueryContext(ctx, query)
	}
	var same string
	if err := s.QueryRowContext(ctx, "SELECT pg_export_snapshot()").Scan(&same); err != nil {
		return nil, err
	}
	other, err := s.of.begin(ctx)
	if err != nil {
		return nil, err
	}
	s.beside = append(s.beside, other.Conn)
	_, err = other.ExecContext(ctx, "SET TRANSACTION SNAPSHOT '"+strings.ReplaceAll(same, "'", "")+"'")
	if err != nil {
		return nil, err
	}
	return other.QueryContext(ctx, query)
}

// end ends it: nothing was written.
func (s *snapshot) end(ctx context.Context) error {
	var errs []error
	for _, conn := range append(s.beside, s.Conn) {
		_, err := conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
		if err != nil {
			err = discard(conn)
		} else {
			err = conn.Close()
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
