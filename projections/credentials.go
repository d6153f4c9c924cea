package projections

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
)

// credentials is one row a credential, those that are over included: what finds an account by a keyed
// hash of a card or a code.
type credentials struct{}

// Name is credentials.
func (credentials) Name() string { return "credentials" }

// Version is 1.
func (credentials) Version() int { return 1 }

// Tables is credentials.
func (credentials) Tables() string {
	return `
CREATE TABLE credentials ( -- one row a credential that was ever bound
	account_id TEXT NOT NULL,
	id         TEXT NOT NULL,
	kind       TEXT NOT NULL, -- card, phone or code
	keyed_hash TEXT NOT NULL, -- of the value, in hexadecimal
	last4      TEXT NOT NULL, -- the value's last four signs
	status     TEXT NOT NULL, -- active, blocked or replaced
	reason     TEXT,          -- why it was blocked
	replaces   TEXT,          -- the credential before it
	bound_at   TEXT NOT NULL, -- when it was bound
	ended_at   TEXT,          -- NULL: active
	PRIMARY KEY (account_id, id)
) STRICT, WITHOUT ROWID;
`
}

// Indexes is what lookups ask.
func (credentials) Indexes() string {
	return `CREATE INDEX credentials_by_hash ON credentials (keyed_hash) WHERE status = 'active';`
}

type credentialKey struct{ account, id uuid.UUID }

var credentialTable = &Table[credentialKey, domain.Credential]{
	Name: "credentials",
	Columns: []string{"account_id", "id", "kind", "keyed_hash", "last4", "status", "reason", "replaces",
		"bound_at", "ended_at"},
	Keys: func(k credentialKey) []any { return []any{k.account.String(), k.id.String()} },
	Values: func(c *domain.Credential) []any {
		return []any{string(c.Kind), c.KeyedHash, c.Last4, string(c.Status), Null(c.Reason),
			NullID(c.Replaces), NullTime(c.BoundAt), NullTime(c.EndedAt)}
	},
	Scan: func(row func(...any) error, k *credentialKey, c *domain.Credential) error {
		var reason, replaces, bound, ended sql.NullString
		err := row(&k.account, &k.id, &c.Kind, &c.KeyedHash, &c.Last4, &c.Status, &reason, &replaces,
			&bound, &ended)
		if err != nil {
			return err
		}
		c.ID, c.Reason = k.id, reason.String
		if replaces.Valid {
			if err := c.Replaces.UnmarshalText([]byte(replaces.String)); err != nil {
				return err
			}
		}
		if c.BoundAt, err = ReadTime(bound); err != nil {
			return err
		}
		c.EndedAt, err = ReadTime(ended)
		return err
	},
}

// Apply binds, blocks and replaces.
func (credentials) Apply(ctx context.Context, tx *Tx, events []Event) error {
	rows := credentialTable.In(tx)
	decoded := map[int]domain.Event{} // those about credentials
	for i, e := range events {
		if !strings.HasPrefix(e.Type, "Credential") {
			continue
		}
		event, err := e.Decoded()
		if err != nil {
			tx.Damaged(e, err.Error())
			continue
		}
		decoded[i] = event
		rows.Want(credentialKey{e.Account, credentialOf(event)})
	}
	if len(decoded) == 0 {
		return nil
	}
	if err := rows.Load(ctx); err != nil {
		return err
	}
	for i, e := range events {
		if decoded[i] == nil {
			continue
		}
		change := func(id uuid.UUID) *domain.Credential { return rows.Change(credentialKey{e.Account, id}) }
		add := func(c domain.Credential) { rows.Add(credentialKey{e.Account, c.ID}, c) }
		if !foldCredential(decoded[i], e.Metadata.RecordedAt, change, add) {
			tx.Damaged(e, "it is about a credential that is not bound")
		}
	}
	return rows.Write(ctx)
}

// credentialOf is the credential that an event ends; zero where it ends none.
func credentialOf(e domain.Event) uuid.UUID {
	switch e := e.(type) {
	case domain.CredentialBlocked:
		return e.CredentialID
	case domain.CredentialReplaced:
		return e.Replaces
	}
	return uuid.UUID{}
}

// foldCredential makes an event part of credentials, and reports whether it follows from them.
func foldCredential(e domain.Event, at time.Time, change func(uuid.UUID) *domain.Credential,
	add func(domain.Credential)) bool {
	ended := change(credentialOf(e))
	switch e := e.(type) {
	case domain.CredentialBound:
		add(domain.Credential{ID: e.CredentialID, Kind: e.Kind, KeyedHash: e.KeyedHash, Last4: e.Last4,
			Status: domain.CredentialActive, BoundAt: at})
		return true
	case domain.CredentialBlocked:
		if ended != nil {
			ended.Status, ended.Reason, ended.EndedAt = domain.CredentialOff, e.Reason, at
		}
	case domain.CredentialReplaced:
		if ended != nil {
			ended.Status, ended.EndedAt = domain.CredentialGivenUp, at
			add(domain.Credential{ID: e.CredentialID, Kind: e.Kind, KeyedHash: e.KeyedHash, Last4: e.Last4,
				Status: domain.CredentialActive, Replaces: e.Replaces, BoundAt: at})
		}
	}
	return ended != nil
}

// CredentialAccounts are the accounts that an active credential with one of the hashes finds, each
// once: a hint, to be held against the account.
func (m *Models) CredentialAccounts(ctx context.Context, kind domain.CredentialKind, hashes []string) (
	accounts []uuid.UUID, err error,
) {
	_, err = m.view(ctx, func(q querier) error {
		for _, hash := range hashes {
			err := eachID(ctx, q, `SELECT DISTINCT account_id FROM credentials WHERE keyed_hash = ?
				AND status = 'active' AND kind = ? LIMIT 100`, func(id uuid.UUID) {
				accounts = append(accounts, id)
			}, hash, string(kind))
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("look a credential up: %w", err)
	}
	return accounts, nil
}

// credentialRows are an account's credentials as its events tell of them; its state forgets old ones.
type credentialRows map[uuid.UUID]*domain.Credential

func (rows credentialRows) note(p domain.Posted) {
	foldCredential(p.Event, p.Metadata.RecordedAt,
		func(id uuid.UUID) *domain.Credential { return rows[id] },
		func(c domain.Credential) { rows[c.ID] = &c })
}

func (rows credentialRows) wanted() map[string][]string {
	wanted := map[string][]string{}
	for id, c := range rows {
		var row []string
		for _, value := range credentialTable.Values(c) {
			row = append(row, shownValue(value))
		}
		wanted[id.String()] = row
	}
	return wanted
}
