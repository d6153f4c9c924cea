package domain

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
)

// Event is a fact of the catalogue. Its Go type's name is its stored name, its JSON what is stored.
type Event interface{ event() }

// Reference is the caller's own name for an operation, unique per account and kind of operation,
// for ever. A Reference without PosTxnID is none.
type Reference struct {
	Store    string `json:"store,omitempty"`
	Terminal string `json:"terminal,omitempty"`
	PosTxnID string `json:"pos_txn_id"`
	Leg      string `json:"leg"` // default 1
}

// IsZero reports that there is no reference.
func (r Reference) IsZero() bool { return r.PosTxnID == "" }

// Metadata stands beside every event: who did it, where, when, why, and the link to the event
// before it in its stream.
type Metadata struct {
	EventID        uuid.UUID `json:"event_id"`
	Schema         int       `json:"schema"`
	Actor          string    `json:"actor"` // an API key's id, or the part of the service that acted
	Role           string    `json:"role"`
	OnBehalfOf     string    `json:"on_behalf_of,omitempty"`
	Channel        string    `json:"channel,omitempty"`
	Store          string    `json:"store,omitempty"`
	Entity         string    `json:"entity,omitempty"` // the store's legal entity at that time
	Terminal       string    `json:"terminal,omitempty"`
	Shift          string    `json:"shift,omitempty"`
	Operator       string    `json:"operator,omitempty"`
	OccurredAt     time.Time `json:"occurred_at"`
	RecordedAt     time.Time `json:"recorded_at"`
	Skewed         bool      `json:"skewed,omitempty"` // occurred_at is further away than MaxSkew
	BusinessDate   string    `json:"business_date"`
	OperationID    uuid.UUID `json:"operation_id"`
	CausedBy       uuid.UUID `json:"caused_by,omitzero"` // the operation's first business event
	CorrelationID  string    `json:"correlation_id,omitempty"`
	Reference      Reference `json:"reference,omitzero"`
	IdempotencyKey string    `json:"idempotency_key,omitempty"`
	ProgramVersion string    `json:"program_version,omitempty"`
	PrevHash       Hash      `json:"prev_hash"`
}

// Posted is an event with its metadata and its number in its stream.
type Posted struct {
	Event    Event
	Metadata Metadata
	Revision int64
}

// Operation names what a caller asked for, such as "debit". It is the kind in references.
type Operation string

// Context is what a caller says of itself with every post. All of it may be empty.
type Context struct {
	Store        string    `json:"store,omitempty"`
	Terminal     string    `json:"terminal,omitempty"`
	PosTxnID     string    `json:"pos_txn_id,omitempty"`
	Leg          string    `json:"leg,omitempty"`
	Shift        string    `json:"shift,omitempty"`
	Operator     string    `json:"operator,omitempty"`
	Channel      string    `json:"channel,omitempty"`
	OccurredAt   time.Time `json:"occurred_at,omitzero"`
	BusinessDate string    `json:"business_date,omitempty"` // YYYY-MM-DD
}

// Reference is the operation's own name as c gives it.
func (c Context) Reference() Reference {
	if c.PosTxnID == "" {
		return Reference{}
	}
	r := Reference{Store: c.Store, Terminal: c.Terminal, PosTxnID: c.PosTxnID, Leg: c.Leg}
	if r.Leg == "" {
		r.Leg = "1"
	}
	return r
}

// check refuses what cannot be written or told apart: control characters, of which one separates
// the parts of a Name, text that is not UTF-8, and years that RFC 3339 cannot write.
func (c *Context) check() error {
	for _, f := range []struct{ name, value string }{
		{"store", c.Store}, {"terminal", c.Terminal}, {"pos_txn_id", c.PosTxnID}, {"leg", c.Leg},
		{"shift", c.Shift}, {"operator", c.Operator}, {"channel", c.Channel},
	} {
		if !printable(f.value) {
			return ErrMalformed.Field(f.name, "want printable UTF-8")
		}
	}
	if year := c.OccurredAt.UTC().Year(); year < 1 || year > 9999 {
		return ErrMalformed.Field("occurred_at", "want a year from 1 to 9999")
	}
	if c.BusinessDate == "" {
		return nil
	}
	if _, err := time.Parse(time.DateOnly, c.BusinessDate); err != nil {
		return ErrMalformed.Field("business_date", "want YYYY-MM-DD")
	}
	return nil
}

// printable reports whether s is UTF-8 without control characters.
func printable(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x7f {
			return utf8.ValidString(s) && strings.IndexFunc(s, unicode.IsControl) < 0
		}
	}
	return true // nearly all there is
}

// context is the part of the request's context that a repeat is compared by, as m recorded it.
func (m Metadata) context() Context {
	return Context{
		Store: m.Store, Terminal: m.Terminal,
		PosTxnID: m.Reference.PosTxnID, Leg: m.Reference.Leg,
	}
}
