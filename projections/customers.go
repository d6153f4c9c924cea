package projections

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/url"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
)

// customers is one row a customer with a profile, or who was erased: labels, and nothing personal.
type customers struct{}

// Name is customers.
func (customers) Name() string { return "customers" }

// Version is 2.
func (customers) Version() int { return 2 }

// Tables is customers.
func (customers) Tables() string {
	return `
CREATE TABLE customers ( -- one row a member whose profile was ever set
	id         TEXT PRIMARY KEY, -- the member account's
	tags       TEXT NOT NULL,    -- JSON: a list of labels
	consents   TEXT NOT NULL,    -- JSON: label to {"granted_at"} or {"withdrawn_at"}
	changed_at TEXT,             -- NULL: there never was a profile
	erased_at  TEXT,             -- NULL: not erased
	revision   INTEGER NOT NULL, -- of the customer's last event
	position   INTEGER NOT NULL  -- its place in the log
) STRICT, WITHOUT ROWID;
`
}

// Indexes is what looks for the erased, and for those who may be told of what they are given.
func (customers) Indexes() string {
	return `CREATE INDEX customers_erased ON customers (position) WHERE erased_at IS NOT NULL;
	CREATE INDEX customers_consenting ON customers (position) WHERE ` + consents + `;`
}

type customerRow struct {
	domain.Customer
	position eventstore.Position
}

var customerTable = &Table[uuid.UUID, customerRow]{
	Name:    "customers",
	Columns: []string{"id", "tags", "consents", "changed_at", "erased_at", "revision", "position"},
	Keys:    func(id uuid.UUID) []any { return []any{id.String()} },
	Values: func(c *customerRow) []any {
		tags, _ := json.Marshal(append([]string{}, c.Tags...)) // labels
		consents, _ := json.Marshal(c.Consents)                // labels and instants
		return []any{string(tags), string(consents), NullTime(c.ChangedAt), NullTime(c.ErasedAt),
			c.Revision, int64(c.position)}
	},
	Scan: func(row func(...any) error, id *uuid.UUID, c *customerRow) error {
		var tags, consents string
		var changed, erased sql.NullString
		err := row(id, &tags, &consents, &changed, &erased, &c.Revision, &c.position)
		if err != nil {
			return err
		}
		c.ID = *id
		if err := json.Unmarshal([]byte(tags), &c.Tags); err != nil {
			return err
		}
		if err := json.Unmarshal([]byte(consents), &c.Consents); err != nil {
			return err
		}
		if c.ChangedAt, err = ReadTime(changed); err != nil {
			return err
		}
		c.ErasedAt, err = ReadTime(erased)
		return err
	},
}

// Apply folds what customers' streams say.
func (customers) Apply(ctx context.Context, tx *Tx, events []Event) error {
	rows := customerTable.In(tx)
	return foldRare(ctx, tx, rows, events, "customer-", func(e *Event, id uuid.UUID) error {
		decoded, err := e.Decoded()
		if err != nil {
			return err
		}
		if rows.Row(id) == nil {
			rows.Add(id, customerRow{Customer: domain.CustomerOf(id, nil)})
		}
		c := rows.Change(id)
		c.Apply(domain.Posted{Event: decoded, Metadata: e.Metadata, Revision: int64(e.Revision)})
		c.Sealed, c.position = nil, e.Position // what is sealed is no read model's
		return nil
	})
}

// sealing are the types of event that hold what is sealed, or hashed of a person.
var sealing = map[string]bool{
	"CredentialBound":     true,
	"CredentialReplaced":  true,
	"InteractionRecorded": true,
	"ProfileChanged":      true,
	"WebhookChanged":      true,
	"WebhookRegistered":   true,
}

// unsealed is an event's data without what is sealed, or hashed of a person: no read model has it. Of a
// webhook's URL scheme and host are left: the rest may be a secret.
func unsealed(data []byte) string {
	var fields map[string]json.RawMessage
	if json.Unmarshal(data, &fields) != nil {
		return "{}"
	}
	for _, name := range []string{"sealed", "request_hash", "sealed_text", "text_hash", "keyed_hash",
		"sealed_secret", "sealed_before"} {
		delete(fields, name)
	}
	if text, ok := fields["url"]; ok {
		fields["url"] = hostOf(text)
	}
	shown, err := json.Marshal(fields)
	if err != nil {
		return "{}"
	}
	return string(shown)
}

// hostOf is a URL, as JSON, without what follows its host.
func hostOf(text json.RawMessage) json.RawMessage {
	var full string
	_ = json.Unmarshal(text, &full) // what is no text has no host
	u, err := url.Parse(full)
	if err != nil {
		return json.RawMessage("null")
	}
	short, err := json.Marshal((&url.URL{Scheme: u.Scheme, Host: u.Host}).String())
	if err != nil {
		return json.RawMessage("null")
	}
	return short
}

// ErasedCustomer is one whose personal data the log calls erased, at that place.
type ErasedCustomer struct {
	ID       uuid.UUID
	Position eventstore.Position
}

// ErasedCustomers are those who were erased after a place in the log, in its order, at most limit.
func (m *Models) ErasedCustomers(ctx context.Context, after eventstore.Position, limit int) (
	erased []ErasedCustomer, err error,
) {
	_, err = m.view(ctx, func(q querier) error {
		rows, err := q.QueryContext(ctx, `SELECT id, position FROM customers
			WHERE erased_at IS NOT NULL AND position > ? ORDER BY position LIMIT ?`, int64(after),
			min(limit, MaxLimit))
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var e ErasedCustomer
			if err := rows.Scan(&e.ID, &e.Position); err != nil {
				return err
			}
			erased = append(erased, e)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("list erased customers: %w", err)
	}
	return erased, nil
}

// other verifies a stream that is no account's, and compares the rows that come from it.
func (c *checker) other(ctx context.Context, stream string, events int64) error {
	if id, ok := streamID(stream, "customer-"); ok {
		return c.customer(ctx, id, events)
	}
	if id, ok := streamID(stream, "job-"); ok {
		return c.job(ctx, id, events)
	}
	return c.stream(ctx, stream, events, nil)
}

// customer verifies a customer's stream and compares the row.
func (c *checker) customer(ctx context.Context, id uuid.UUID, events int64) error {
	want := customerRow{Customer: domain.CustomerOf(id, nil)}
	stream, differences := domain.CustomerStream(id), c.report.Count
	err := c.stream(ctx, stream, events, func(p domain.Posted, position eventstore.Position) error {
		if position <= c.report.Position {
			want.Apply(p)
			want.position = position
		}
		return nil
	})
	if err != nil || c.tables == nil || want.Revision < 0 || c.report.Count > differences {
		return err
	}
	wanted := map[string][]string{id.String(): {}}
	for _, value := range customerTable.Values(&want) {
		wanted[id.String()] = append(wanted[id.String()], shownValue(value))
	}
	return c.compareRows(ctx, "customers", id, wanted)
}
