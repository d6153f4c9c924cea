package projections

import (
	"context"
	"encoding/json"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
)

// history is one row an event: what happened, to which account, who did it, when and where, and the
// balance before and after. Two views read it: operations, one row an operation; audit, one row an
// event with what stood before and what stands after. Its Apply reads the table accounts, which must
// come after it, as it is before the batch.
type history struct{}

// Name is history.
func (history) Name() string { return "history" }

// Version is 4.
func (history) Version() int { return 4 }

// Tables are history, its views, and history_pages.
func (history) Tables() string {
	return `
CREATE TABLE history ( -- one row an event: what happened, where, by whom, and the balance around it
	position       INTEGER PRIMARY KEY, -- the event's place in the log
	stream         TEXT NOT NULL,       -- such as account-<uuid>
	revision       INTEGER NOT NULL,    -- its number in the stream, from 0
	event_id       TEXT NOT NULL,
	type           TEXT NOT NULL,       -- such as DebitPosted
	operation_id   TEXT NOT NULL,       -- the event_id of the operation's first business event
	operation      TEXT,                -- kind of the operation, on that first event alone
	status         TEXT,                -- posted, declined or cancelled (a tombstone), likewise
	code           TEXT,                -- why it was declined
	cancels        TEXT,                -- the operation_id of an operation that a cancel undid here
	actor          TEXT,                -- who: an API key's id, or a part of the service
	role           TEXT,                -- the API key's, that it used
	on_behalf_of   TEXT,                -- for whom the actor did it
	channel        TEXT,
	store          TEXT,                -- where; with terminal, pos_txn_id and leg the reference
	entity         TEXT,                -- the store's legal entity at that time
	terminal       TEXT,
	operator       TEXT,
	shift          TEXT,
	pos_txn_id     TEXT,
	leg            TEXT,
	occurred_at    TEXT,                -- UTC, nine digits after the point, as all instants here
	recorded_at    TEXT NOT NULL,
	skewed         INTEGER NOT NULL DEFAULT 0, -- 1: occurred_at is far from recorded_at; else 0
	business_date  TEXT,                -- YYYY-MM-DD
	unit           TEXT,
	amount         TEXT,                -- not signed; of a decline what was asked for
	balance_before TEXT,                -- total in the unit, where the event moves value
	balance_after  TEXT,                -- likewise, as the event left it
	available_after TEXT,               -- the part of balance_after that could be spent then
	held_after     TEXT,                -- the part of it that holds pinned
	freezes_before TEXT,                -- JSON as in accounts, where the event is about freezes
	freezes_after  TEXT,                -- likewise, as the event left them
	detail         TEXT,                -- data of an event that moves no value, as JSON
	settled        TEXT,                -- kind of the operation, where a till answers for the event
	settled_amount TEXT,                -- as the customer saw it, where that is not amount
	account_id     TEXT GENERATED ALWAYS AS
		(CASE WHEN stream LIKE 'account-%' THEN substr(stream, 9) END) VIRTUAL
) STRICT;

-- The first and last instants of each stretch of history: a time range is found by position.
CREATE TABLE history_pages ( -- one row a stretch of history: a time range is found by position
	first_position INTEGER PRIMARY KEY, -- of its first event
	last_position  INTEGER NOT NULL, -- of its last event
	first_recorded TEXT NOT NULL, -- the least recorded_at of the stretch
	last_recorded  TEXT NOT NULL, -- the greatest
	events         INTEGER NOT NULL -- how many it has
) STRICT;
` + historyViews
}

// historyViews are operations and audit.
const historyViews = `
CREATE VIEW operations AS -- one row an operation on an account, declined ones included
-- kind TEXT NOT NULL: of the operation: debit, top_up, …
-- status TEXT NOT NULL: posted, declined or cancelled, as it stands now
SELECT h.operation_id, h.account_id, h.operation AS kind,
	CASE WHEN h.status = 'posted' AND EXISTS (SELECT 1 FROM history c
		WHERE c.cancels = h.operation_id AND c.stream = h.stream) THEN 'cancelled'
		ELSE h.status END AS status,
	h.code, h.store, h.terminal, h.pos_txn_id, h.leg, h.unit, h.amount,
	h.occurred_at, h.recorded_at, h.business_date, h.actor, h.stream, h.revision, h.position
FROM history h WHERE h.operation IS NOT NULL;

CREATE VIEW audit AS -- one row an event, with what stood before it and what stands after it
-- before TEXT: JSON: the balance, the freezes, or the definition that the event replaced
-- after TEXT: JSON: the same as the event left it, or the event's data
SELECT h.position, h.stream, h.account_id, h.revision, h.event_id, h.type, h.operation_id,
	h.actor, h.role, h.on_behalf_of, h.operator,                     -- who
	h.recorded_at, h.occurred_at, h.business_date,                   -- when
	h.channel, h.store, h.entity, h.terminal, h.shift, h.pos_txn_id, h.leg, -- from where
	h.code, h.skewed, h.unit, h.amount,                              -- what
	CASE WHEN h.balance_after IS NOT NULL THEN coalesce(
			(SELECT '{"total":"' || p.balance_after || '","available":"' || p.available_after ||
				'","held":"' || p.held_after || '"}' FROM history p
			WHERE p.stream = h.stream AND p.revision < h.revision AND p.unit = h.unit
				AND p.balance_after IS NOT NULL ORDER BY p.revision DESC LIMIT 1),
			'{"total":"' || h.balance_before || '","available":"' || h.balance_before ||
				'","held":"' || h.balance_before || '"}') -- zero, the unit's
		WHEN h.freezes_after IS NOT NULL THEN '{"freezes":' || h.freezes_before || '}'
		WHEN h.account_id IS NULL AND h.revision > 0 THEN (SELECT p.detail FROM history p
			WHERE p.stream = h.stream AND p.revision = h.revision - 1) END AS before,
	CASE WHEN h.balance_after IS NOT NULL THEN '{"total":"' || h.balance_after ||
			'","available":"' || h.available_after || '","held":"' || h.held_after || '"}'
		WHEN h.freezes_after IS NOT NULL THEN '{"freezes":' || h.freezes_after ||
			',"reason":' || json_quote(h.detail ->> '$.reason') || '}'
		ELSE h.detail END AS after
FROM history h;
`

// Indexes are by stream, reference, actor, store and type, and by terminal of what settlement shows.
func (history) Indexes() string {
	return `
CREATE UNIQUE INDEX history_by_stream ON history (stream, revision);
CREATE INDEX history_by_reference ON history (pos_txn_id, store, terminal, leg)
	WHERE pos_txn_id IS NOT NULL AND operation IS NOT NULL;
CREATE INDEX history_by_cancelled ON history (cancels) WHERE cancels IS NOT NULL;
CREATE INDEX history_by_actor ON history (actor);
CREATE INDEX history_by_store ON history (store);
CREATE INDEX history_by_type ON history (type);
CREATE INDEX history_settled ON history (store, terminal, position) WHERE settled IS NOT NULL;
`
}

var historyColumns = []string{
	"position", "stream", "revision", "event_id", "type", "operation_id", "operation", "status",
	"code", "cancels", "actor", "role", "on_behalf_of", "channel", "store", "entity", "terminal",
	"operator", "shift", "pos_txn_id", "leg", "occurred_at", "recorded_at", "skewed", "business_date",
	"unit", "amount", "balance_before", "balance_after", "available_after", "held_after",
	"freezes_before", "freezes_after", "detail", "settled", "settled_amount",
}

// Apply adds a row for each event.
func (history) Apply(ctx context.Context, tx *Tx, events []Event) error {
	frozen, err := freezesBefore(ctx, tx, events)
	if err != nil {
		return err
	}
	if err := addToPages(ctx, tx, events); err != nil { // which reads: before there is much to write
		return err
	}
	return tx.Insert(ctx, "history", historyColumns, len(events), func(values []any, i int) []any {
		return historyRow(values, &events[i], frozen)
	})
}

// historyRow appends an event's columns, and takes frozen past it.
func historyRow(args []any, e *Event, frozen freezes) []any {
	m, b := &e.Metadata, &e.Body
	operation := string(e.OperationKind())
	id := any(e.ID.String())
	of := id
	if m.OperationID != e.ID {
		of = m.OperationID.String()
	}
	recorded := NullTime(m.RecordedAt)
	occurred := recorded
	if !m.OccurredAt.Equal(m.RecordedAt) {
		occurred = NullTime(m.OccurredAt)
	}
	args = append(args,
		int64(e.Position), e.Stream, int64(e.Revision), id, e.Type, of,
		Null(operation), Null(operationStatus(e, operation)),
		Null(b.Code), NullID(e.Cancels()),
		Null(m.Actor), Null(m.Role), Null(m.OnBehalfOf), Null(m.Channel), Null(m.Store),
		Null(m.Entity), Null(m.Terminal), Null(m.Operator), Null(m.Shift),
		Null(m.Reference.PosTxnID), Null(m.Reference.Leg),
		occurred, recorded, Flag(m.Skewed), Null(m.BusinessDate), Null(b.Unit))
	switch {
	case b.Valued:
		before := b.Total
		for _, move := range b.Moves {
			before = before.Sub(move.Amount)
		}
		args = append(args, b.Amount.String(), before.String(), b.Total.String(),
			b.Available.String(), b.Held.String(), nil, nil, nil)
		return appendSettled(args, e)
	case e.Type == "OperationDeclined" && b.Unit != "":
		args = append(args, b.Requested.String())
	case b.Unit != "":
		args = append(args, b.Amount.String())
	default:
		args = append(args, nil)
	}
	before, after := frozen.pass(e)
	return append(args, nil, nil, nil, nil, before, after, detail(e), nil, nil)
}

func operationStatus(e *Event, operation string) string {
	switch {
	case operation == "":
		return ""
	case e.Type == "OperationDeclined":
		return "declined"
	case e.Type == "ReferenceCancelled":
		return "cancelled"
	}
	return "posted"
}

// detail is the event's data as stored, without what proves that someone knows a secret, and without
// what is sealed or hashed of a person.
func detail(e *Event) string {
	if sealing[e.Type] {
		return unsealed(e.Data)
	}
	if e.Type != "APIKeyCreated" {
		return string(e.Data)
	}
	var k struct {
		domain.APIKey
		Hash *struct{} `json:"hash,omitempty"` // hides the key's own, and is never set
	}
	if json.Unmarshal(e.Data, &k.APIKey) != nil {
		return "{}"
	}
	shown, err := json.Marshal(k)
	if err != nil {
		return "{}"
	}
	return string(shown)
}

// pageEvents is how many events a row of history_pages stands for, at the most.
const pageEvents = 4096

// addToPages extends the last stretch by a batch, or begins new ones.
func addToPages(ctx context.Context, tx *Tx, events []Event) error {
	for len(events) > 0 {
		first, room, err := lastPage(ctx, tx)
		if err != nil {
			return err
		}
		if room <= 0 {
			first, room = events[0].Position, pageEvents
		}
		n := min(room, len(events))
		least, greatest := events[0].Metadata.RecordedAt, events[0].Metadata.RecordedAt
		for _, e := range events[:n] {
			if at := e.Metadata.RecordedAt; at.Before(least) {
				least = at
			} else if at.After(greatest) {
				greatest = at
			}
		}
		err = tx.Exec(ctx, `INSERT INTO history_pages VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (first_position) DO UPDATE SET last_position = excluded.last_position,
			first_recorded = CASE WHEN excluded.first_recorded < history_pages.first_recorded
				THEN excluded.first_recorded ELSE history_pages.first_recorded END,
			last_recorded = CASE WHEN excluded.last_recorded > history_pages.last_recorded
				THEN excluded.last_recorded ELSE history_pages.last_recorded END,
			events = history_pages.events + excluded.events`,
			int64(first), int64(events[n-1].Position), NullTime(least), NullTime(greatest), n)
		if err != nil {
			return err
		}
		events = events[n:]
	}
	return nil
}

// lastPage is where the last stretch begins, and how many events more it takes.
func lastPage(ctx context.Context, tx *Tx) (first eventstore.Position, room int, err error) {
	rows, err := tx.Query(ctx, `SELECT first_position, ? - events FROM history_pages
		ORDER BY first_position DESC LIMIT 1`, pageEvents)
	if err != nil {
		return 0, 0, err
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(&first, &room); err != nil {
			return 0, 0, err
		}
	}
	return first, room, rows.Err()
}
