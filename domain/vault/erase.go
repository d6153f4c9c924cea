package vault

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/google/uuid"
)

// Erasure is one whose key is destroyed, and of which Erased was not called yet.
type Erasure struct {
	Customer uuid.UUID
	Request  string // as Erase was given it
}

// Erase destroys a customer's key and everything that finds the customer, for good: no key is made
// again. It remembers the first request until Erased, so that what follows an erasure is resumed after
// a crash. To erase again does no harm.
func (c *Customers) Erase(ctx context.Context, id uuid.UUID, request string) error {
	if c == nil {
		return ErrNoMasterKey
	}
	err := c.change(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO customers (id, erasure) VALUES (?1, ?2)
			ON CONFLICT (id) DO UPDATE SET master = NULL, wrapped = NULL,
			erasure = coalesce(erasure, ?2)`, id.String(), request)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "DELETE FROM lookups WHERE customer = ?", id.String())
		return err
	})
	if err != nil {
		return err
	}
	return c.scrub(ctx)
}

// Erased ends an erasure: all that follows it was done.
func (c *Customers) Erased(ctx context.Context, id uuid.UUID) error {
	if c == nil {
		return ErrNoMasterKey
	}
	_, err := c.db.ExecContext(ctx, "UPDATE customers SET erasure = NULL WHERE id = ?", id.String())
	return err
}

// Erasing are the erasures that were not ended.
func (c *Customers) Erasing(ctx context.Context) (all []Erasure, err error) {
	if c == nil {
		return nil, nil
	}
	rows, err := c.db.QueryContext(ctx,
		"SELECT id, erasure FROM customers WHERE master IS NULL AND erasure IS NOT NULL")
	if err != nil {
		return nil, fmt.Errorf("list erasures: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var e Erasure
		if err := rows.Scan(&e.Customer, &e.Request); err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return all, rows.Err()
}

// scrub leaves nothing in the files of what was deleted or replaced: secure_delete overwrote it in
// its page, and older pages go with the write-ahead log.
func (c *Customers) scrub(ctx context.Context) error {
	var busy, frames, moved int
	err := c.db.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &frames, &moved)
	if err == nil && busy != 0 {
		err = errors.New("another process reads it")
	}
	if err != nil {
		return fmt.Errorf("truncate the vault's write-ahead log: %w", err)
	}
	return nil
}
