package vault

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"
)

// Found is a customer who has, or had, a value.
type Found struct {
	Customer uuid.UUID
	Owner    string // as Index was told
}

// Index says which values, by kind, find a customer through one owner of them: the profile, or a
// credential. Those that the owner had before are forgotten.
func (c *Customers) Index(ctx context.Context, id uuid.UUID, owner string,
	values map[string][]string) error {
	k, err := c.Key(ctx, id)
	if err != nil {
		return err
	}
	return c.change(ctx, func(tx *sql.Tx) error {
		var lives bool // an erasure may have come between
		err := tx.QueryRowContext(ctx, "SELECT wrapped IS NOT NULL FROM customers WHERE id = ?",
			id.String()).Scan(&lives)
		if err != nil || !lives {
			return errors.Join(err, ErrErased)
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM lookups WHERE customer = ? AND owner = ?",
			id.String(), owner); err != nil {
			return err
		}
		for kind, all := range values {
			for _, value := range all {
				if err := c.point(ctx, tx, k, Found{id, owner}, kind, value); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// point lets a value find a customer.
func (c *Customers) point(ctx context.Context, tx *sql.Tx, k Key, to Found, kind, value string) error {
	hashes, err := c.keyring.Hashes(kind, value)
	if err != nil {
		return err
	}
	sealed, err := k.Seal(kind, []byte(value))
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT OR REPLACE INTO lookups VALUES (?, ?, ?, ?, ?)`,
		kind, hashes[0], to.Customer.String(), to.Owner, sealed)
	return err
}

// Find are the customers who have a value, or had it when they were last indexed: a hint, to be held
// against what is true of them now.
func (c *Customers) Find(ctx context.Context, kind, value string) (found []Found, err error) {
	if c == nil {
		return nil, ErrNoMasterKey
	}
	hashes, err := c.keyring.Hashes(kind, value)
	if err != nil {
		return nil, err
	}
	args := []any{kind}
	for _, h := range hashes {
		args = append(args, h)
	}
	rows, err := c.db.QueryContext(ctx, "SELECT DISTINCT customer, owner FROM lookups WHERE kind = ? "+
		"AND hash IN (?"+strings.Repeat(", ?", len(hashes)-1)+") LIMIT 100", args...)
	if err != nil {
		return nil, fmt.Errorf("look a customer up: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var f Found
		if err := rows.Scan(&f.Customer, &f.Owner); err != nil {
			return nil, err
		}
		found = append(found, f)
	}
	return found, rows.Err()
}

// change is a transaction.
func (c *Customers) change(ctx context.Context, work func(*sql.Tx) error) error {
	tx, err := c.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("change the vault: %w", err)
	}
	defer tx.Rollback()
	if err := work(tx); err != nil {
		return fmt.Errorf("change the vault: %w", err)
	}
	return tx.Commit()
}
