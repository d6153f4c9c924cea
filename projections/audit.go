package projections

import (
	"context"
	"database/sql"
	"encoding/json"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
)

// OperationFilter names operations by the caller's own reference. Store and terminal are part of
// it: empty, they name references without them.
type OperationFilter struct {
	Store    string    `json:"store"`
	Terminal string    `json:"terminal"`
	PosTxnID string    `json:"pos_txn_id"`
	Leg      string    `json:"leg"`              // empty: every leg
	Account  uuid.UUID `json:"account,omitzero"` // zero: every account
}

// OperationEntry is an operation: where its answer stands in the log.
type OperationEntry struct {
	OperationID uuid.UUID           `json:"operation_id"` // the id of its first business event
	AccountID   uuid.UUID           `json:"account_id"`
	Kind        domain.Operation    `json:"kind"`
	Status      string              `json:"status"` // posted, declined or cancelled
	Revision    eventstore.Revision `json:"revision"`
	Position    eventstore.Position `json:"position,string"`
	Leg         string              `json:"leg"`
	RecordedAt  time.Time           `json:"recorded_at"`
}

// Operations lists the operations of a reference, oldest first. An operation that a cancel undid is
// cancelled, and so is the tombstone of a cancel that found nothing to undo.
func (m *Models) Operations(ctx context.Context, f OperationFilter,
	p Paging) (Page[OperationEntry], error) {
	return operationList.read(ctx, m, f, p)
}

var operationList = list[OperationFilter, int64, OperationEntry]{
	name: "operations",
	query: func(f OperationFilter, after *int64, limit int) (string, []any) {
		var w where
		w.and("pos_txn_id = ? AND store IS NOT DISTINCT FROM ? AND terminal IS NOT DISTINCT FROM ?",
			f.PosTxnID, Null(f.Store), Null(f.Terminal))
		w.same("leg", f.Leg)
		if f.Account != (uuid.UUID{}) {
			w.and("stream = ?", domain.AccountStream(f.Account))
		}
		if after != nil {
			w.and("position > ?", *after)
		}
		return `SELECT operation_id, account_id, kind, status, revision, position, leg, recorded_at
			FROM operations` + w.text + " ORDER BY position LIMIT ?", append(w.args, limit)
	},
	scan: func(row func(...any) error) (OperationEntry, int64, error) {
		var o OperationEntry
		var leg, recorded sql.NullString
		err := row(&o.OperationID, &o.AccountID, &o.Kind, &o.Status, &o.Revision, &o.Position, &leg,
			&recorded)
		if err != nil {
			return o, 0, err
		}
		o.Leg = leg.String
		o.RecordedAt, err = ReadTime(recorded)
		return o, int64(o.Position), err
	},
}

// AuditFilter says which events are wanted. Empty fields do not filter.
type AuditFilter struct {
	Account  uuid.UUID           `json:"account,omitzero"`
	Actor    string              `json:"actor,omitempty"`
	Type     string              `json:"type,omitempty"`
	Store    string              `json:"store,omitempty"`
	From     time.Time           `json:"from,omitzero"`      // recorded at or after
	To       time.Time           `json:"to,omitzero"`        // recorded before
	Position eventstore.Position `json:"position,omitempty"` // after it
}

// AuditEntry is an event: who, when, from where, what, and what stood before and after. Before and
// After are JSON objects, nil where there is nothing to say:
//
//	of value              {"total":"…","available":"…","held":"…"}, the balance in the event's unit;
//	                      before is what the value event before left, zeros where there is none
//	of a freeze           {"freezes":[{"mode":"debit","until":"…"}]}, those that have ended and were
//	                      not lifted among them; after has the event's "reason" too
//	of a store, or a key  the data of the event before and of this one, without a key's hash
//	of anything else      after is the event's data
type AuditEntry struct {
	Position     eventstore.Position `json:"position,string"`
	Stream       string              `json:"stream"`
	AccountID    uuid.UUID           `json:"account_id,omitzero"`
	Revision     eventstore.Revision `json:"revision"`
	EventID      uuid.UUID           `json:"event_id"`
	Type         string              `json:"type"`
	OperationID  uuid.UUID           `json:"operation_id"`
	Actor        string              `json:"actor"`
	Role         string              `json:"role"`
	OnBehalfOf   string              `json:"on_behalf_of,omitempty"`
	Operator     string              `json:"operator,omitempty"`
	RecordedAt   time.Time           `json:"recorded_at"`
	OccurredAt   time.Time           `json:"occurred_at"`
	BusinessDate string              `json:"business_date"`
	Channel      string              `json:"channel,omitempty"`
	Store        string              `json:"store,omitempty"`
	Entity       string              `json:"entity,omitempty"`
	Terminal     string              `json:"terminal,omitempty"`
	Shift        string              `json:"shift,omitempty"`
	PosTxnID     string              `json:"pos_txn_id,omitempty"`
	Leg          string              `json:"leg,omitempty"`
	Code         string              `json:"code,omitempty"`
	Skewed       bool                `json:"skewed,omitempty"` // domain.Metadata.Skewed
	Amount       *Amount             `json:"amount,omitempty"`
	Before       json.RawMessage     `json:"before,omitempty"`
	After        json.RawMessage     `json:"after,omitempty"`
}

// Amount is an amount as the API prints it.
type Amount struct {
	Amount string `json:"amount"`
	Unit   string `json:"unit"`
}

// Audit lists events in the order of the log.
func (m *Models) Audit(ctx context.Context, f AuditFilter, p Paging) (Page[AuditEntry], error) {
	f.From, f.To = f.From.UTC(), f.To.UTC() // comparable with what a cursor carries
	return auditList.read(ctx, m, f, p)
}

var auditColumns = []string{"position", "stream", "account_id", "revision", "event_id", "type",
	"operation_id", "actor", "role", "on_behalf_of", "operator", "recorded_at", "occurred_at",
	"business_date", "channel", "store", "entity", "terminal", "shift", "pos_txn_id", "leg", "code",
	"skewed", "unit", "amount", "before", "after"}

var auditList = list[AuditFilter, int64, AuditEntry]{
	name: "audit",
	query: func(f AuditFilter, after *int64, limit int) (string, []any) {
		var w where
		order := "position"
		if f.Account != (uuid.UUID{}) {
			w.and("stream = ?", domain.AccountStream(f.Account))
			order = "revision" // the same order, and that of the index by stream
		}
		w.same("actor", f.Actor)
		w.same("type", f.Type)
		w.same("store", f.Store)
		// recorded_at has no index: history_pages narrows it to a range of positions.
		if !f.From.IsZero() {
			w.and("recorded_at >= ? AND position >= (SELECT min(first_position) "+
				"FROM history_pages WHERE last_recorded >= ?)", NullTime(f.From), NullTime(f.From))
		}
		if !f.To.IsZero() {
			w.and("recorded_at < ? AND position <= (SELECT max(last_position) "+
				"FROM history_pages WHERE first_recorded < ?)", NullTime(f.To), NullTime(f.To))
		}
		if f.Position != eventstore.Start {
			w.and("position > ?", int64(f.Position))
		}
		switch {
		case after != nil && order == "revision":
			w.and("revision > (SELECT revision FROM history WHERE position = ?)", *after)
		case after != nil:
			w.and("position > ?", *after)
		}
		return "SELECT " + columnList(auditColumns) + " FROM audit" + w.text +
			" ORDER BY " + order + " LIMIT ?", append(w.args, limit)
	},
	scan: scanAudit,
}

func scanAudit(row func(...any) error) (AuditEntry, int64, error) {
	var a AuditEntry
	var account, recorded, occurred, unit, amount, before, after sql.NullString
	texts := make([]sql.NullString, 13)
	err := row(&a.Position, &a.Stream, &account, &a.Revision, &a.EventID, &a.Type, &a.OperationID,
		&texts[0], &texts[1], &texts[2], &texts[3], &recorded, &occurred, &texts[4], &texts[5],
		&texts[6], &texts[7], &texts[8], &texts[9], &texts[10], &texts[11], &texts[12],
		&a.Skewed, &unit, &amount, &before, &after)
	if err != nil {
		return a, 0, err
	}
	for i, to := range []*string{&a.Actor, &a.Role, &a.OnBehalfOf, &a.Operator, &a.BusinessDate,
		&a.Channel, &a.Store, &a.Entity, &a.Terminal, &a.Shift, &a.PosTxnID, &a.Leg, &a.Code} {
		*to = texts[i].String
	}
	if account.Valid {
		if err := a.AccountID.UnmarshalText([]byte(account.String)); err != nil {
			return a, 0, err
		}
	}
	if amount.Valid {
		a.Amount = &Amount{amount.String, unit.String}
	}
	a.Before, a.After = shown(before), shown(after)
	if a.RecordedAt, err = ReadTime(recorded); err != nil {
		return a, 0, err
	}
	a.OccurredAt, err = ReadTime(occurred)
	return a, int64(a.Position), err
}

// shown is what stood before or after, nil for nothing.
func shown(text sql.NullString) json.RawMessage {
	if !text.Valid {
		return nil
	}
	return json.RawMessage(text.String)
}

func columnList(columns []string) string { return strings.Join(columns, ", ") }
