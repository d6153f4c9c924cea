package vault

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/google/uuid"
)

// rewrapped is how many customers one transaction of Rewrap takes.
const rewrapped = 200

// Rewrap seals with the first master key what older ones sealed, and hashes anew what they hashed, some
// customers at a time; whatever else is asked goes on between. It answers how many customers' keys it
// sealed, and fails, after all others, where some open with no master key. When it has succeeded,
// nothing in the vault needs the older master keys any more.
func (c *Customers) Rewrap(ctx context.Context) (sealed int, err error) {
	if c == nil {
		return 0, nil
	}
	closed, after := 0, ""
	for {
		var done, failed int
		err := c.change(ctx, func(tx *sql.Tx) (err error) {
			done, failed, after, err = c.rewrapSome(ctx, tx, after)
			return err
		})
		sealed, closed = sealed+done, closed+failed
		if err != nil {
			return sealed, err
		}
		if done+failed == 0 {
			break
		}
	}
	if sealed > 0 {
		err = c.scrub(ctx)
	}
	if err == nil && closed > 0 {
		err = fmt.Errorf("%d customers' keys: %w", closed, ErrSealed)
	}
	return sealed, err
}

// rewrapSome takes the next customers after an id.
func (c *Customers) rewrapSome(ctx context.Context, tx *sql.Tx, after string) (
	done, failed int, last string, err error,
) {
	wrapped, err := texts(ctx, tx, `SELECT id, wrapped FROM customers
		WHERE master <> ? AND id > ? ORDER BY id LIMIT ?`, 2, c.keyring.ID(), after, rewrapped)
	if err != nil {
		return 0, 0, after, err
	}
	for _, row := range wrapped {
		last = row[0]
		id, err := uuid.Parse(row[0])
		if err != nil {
			return done, failed, last, err
		}
		k, err := c.unwrap(id, row[1])
		if err != nil {
			failed++
			continue
		}
		if err := c.rewrap(ctx, tx, id, k); err != nil {
			return done, failed, last, err
		}
		done++
	}
	return done, failed, last, nil
}

// rewrap seals one customer's key, and hashes what finds the customer.
func (c *Customers) rewrap(ctx context.Context, tx *sql.Tx, id uuid.UUID, k Key) error {
	again, err := c.keyring.Seal(keyPurpose(id), k.bytes)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "UPDATE customers SET master = ?, wrapped = ? WHERE id = ?",
		c.keyring.ID(), again, id.String()); err != nil {
		return err
	}
	lookups, err := texts(ctx, tx, "SELECT kind, owner, sealed FROM lookups WHERE customer = ?", 3,
		id.String())
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "DELETE FROM lookups WHERE customer = ?", id.String()); err != nil {
		return err
	}
	for _, row := range lookups {
		value, err := k.Open(row[0], row[2])
		if err != nil {
			return err
		}
		if err := c.point(ctx, tx, k, Found{id, row[1]}, row[0], string(value)); err != nil {
			return err
		}
	}
	return nil
}

// texts are all rows of a query of so many texts.
func texts(ctx context.Context, tx *sql.Tx, query string, columns int, args ...any) (
	all [][]string, err error,
) {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		row, to := make([]string, columns), make([]any, columns)
		for i := range row {
			to[i] = &row[i]
		}
		if err := rows.Scan(to...); err != nil {
			return nil, err
		}
		all = append(all, row)
	}
	return all, rows.Err()
}
