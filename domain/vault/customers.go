package vault

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"github.com/google/uuid"
	_ "modernc.org/sqlite" // the driver "sqlite"
)

// Errors of Customers, by errors.Is.
var (
	// ErrErased: the customer's key was destroyed, for good.
	ErrErased = errors.New("the customer's personal data was erased")
	// ErrNoKey: this vault never had a key of the customer.
	ErrNoKey = errors.New("this vault has no key of the customer")
)

// Customers are the keys of customers, and what finds a customer by phone or email. They live in one
// SQLite file in the data folder, vault.db, and nowhere else: not in the log, nor in what is derived
// from it. A key is random, and stands there sealed with a master key.
//
// An erasure overwrites what it deletes, and truncates the write-ahead log, before Erase returns. What
// a disk, a snapshot or a copy of the file keeps of older blocks is beyond it.
//
// All methods may be called at once. A nil Customers answers ErrNoMasterKey.
type Customers struct {
	keyring *Keyring
	db      *sql.DB // of one connection: whatever runs, runs alone
}

const customersFile = "vault.db"

const customersTables = `
CREATE TABLE IF NOT EXISTS customers (
	id      TEXT PRIMARY KEY,
	master  TEXT,             -- the id of the master key that sealed it
	wrapped TEXT,             -- the customer's key, sealed; NULL: destroyed
	erasure TEXT              -- what Erase was given, until Erased
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS customers_by_master ON customers (master);

CREATE TABLE IF NOT EXISTS lookups (
	kind     TEXT NOT NULL,   -- phone or email
	hash     TEXT NOT NULL,   -- keyed by a master key
	customer TEXT NOT NULL,
	owner    TEXT NOT NULL,   -- what of the customer has the value: see Index
	sealed   TEXT NOT NULL,   -- the value, sealed with the customer's key, to be hashed anew
	PRIMARY KEY (kind, hash, customer, owner)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS lookups_by_customer ON lookups (customer);
`

// A commit is on disk before it returns: an event must not outlive the key that sealed it. Temporary
// tables stay in memory, as they hold what may be erased later.
const customersPragmas = "_pragma=busy_timeout(5000)&_pragma=journal_mode(wal)&_pragma=synchronous(full)" +
	"&_pragma=secure_delete(1)&_pragma=temp_store(memory)&_txlock=immediate"

// OpenCustomers opens the keys of a data folder, and makes the file where there is none. Without a
// Keyring there are none to open, and the answer is nil.
func OpenCustomers(ctx context.Context, folder string, keyring *Keyring) (*Customers, error) {
	if keyring == nil {
		return nil, nil
	}
	path, err := filepath.Abs(filepath.Join(folder, customersFile))
	if err != nil {
		return nil, err
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the vault: %w", err)
	}
	if err := file.Close(); err != nil {
		return nil, fmt.Errorf("open the vault: %w", err)
	}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+customersPragmas)
	if err != nil {
		return nil, fmt.Errorf("open the vault: %w", err)
	}
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(ctx, customersTables); err != nil {
		return nil, errors.Join(fmt.Errorf("open the vault %s: %w", path, err), db.Close())
	}
	return &Customers{keyring, db}, nil
}

// Close closes the file.
func (c *Customers) Close() error {
	if c == nil {
		return nil
	}
	return c.db.Close()
}

// Key is a customer's own key. It must not be kept: an erasure ends it.
type Key struct{ key }

// ID is the id of the key: the first 8 hexadecimal digits of its SHA-256.
func (k Key) ID() string { return k.id }

// Seal seals a text for a purpose: it opens for the same purpose alone.
func (k Key) Seal(purpose string, plain []byte) (string, error) { return k.seal(purpose, plain) }

// Open is the text that Seal sealed for a purpose; ErrSealed for everything else.
func (k Key) Open(purpose, sealed string) ([]byte, error) { return k.open(purpose, sealed) }

// Hash is a keyed hash of a value for a purpose, which says nothing once the key is destroyed.
func (k Key) Hash(purpose, value string) (string, error) { return k.hash(purpose, value) }

// Key is a customer's key: ErrNoKey where there never was one here, ErrErased where there is none any
// more.
func (c *Customers) Key(ctx context.Context, id uuid.UUID) (Key, error) {
	if c == nil {
		return Key{}, ErrNoMasterKey
	}
	var wrapped sql.NullString
	err := c.db.QueryRowContext(ctx, "SELECT wrapped FROM customers WHERE id = ?", id.String()).
		Scan(&wrapped)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return Key{}, ErrNoKey
	case err != nil:
		return Key{}, fmt.Errorf("read a customer's key: %w", err)
	case !wrapped.Valid:
		return Key{}, ErrErased
	}
	return c.unwrap(id, wrapped.String)
}

// NewKey is Key, and makes one where there never was one.
func (c *Customers) NewKey(ctx context.Context, id uuid.UUID) (Key, error) {
	k, err := c.Key(ctx, id)
	if !errors.Is(err, ErrNoKey) {
		return k, err
	}
	bytes := make([]byte, 32)
	_, _ = rand.Read(bytes) // it never fails: crypto/rand ends the process instead
	wrapped, err := c.keyring.Seal(keyPurpose(id), bytes)
	if err != nil {
		return Key{}, err
	}
	_, err = c.db.ExecContext(ctx, `INSERT INTO customers (id, master, wrapped) VALUES (?, ?, ?)
		ON CONFLICT (id) DO NOTHING`, id.String(), c.keyring.ID(), wrapped)
	if err != nil {
		return Key{}, fmt.Errorf("write a customer's key: %w", err)
	}
	return c.Key(ctx, id) // somebody else may have made one
}

// TrialKey is Key, and where there never was one a key that is kept nowhere: for what is only tried.
func (c *Customers) TrialKey(ctx context.Context, id uuid.UUID) (Key, error) {
	k, err := c.Key(ctx, id)
	if !errors.Is(err, ErrNoKey) {
		return k, err
	}
	bytes := make([]byte, 32)
	_, _ = rand.Read(bytes) // as in NewKey
	return Key{newKey(bytes)}, nil
}

func (c *Customers) unwrap(id uuid.UUID, wrapped string) (Key, error) {
	bytes, err := c.keyring.Open(keyPurpose(id), wrapped)
	if err != nil {
		return Key{}, fmt.Errorf("open a customer's key: %w", err)
	}
	return Key{newKey(bytes)}, nil
}

func keyPurpose(id uuid.UUID) string { return "customer/" + id.String() }
