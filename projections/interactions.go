package projections

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
)

// interactions is one row an interaction with a customer, without what was said. A view counts them by
// account and kind.
type interactions struct{}

// Name is interactions.
func (interactions) Name() string { return "interactions" }

// Version is 1.
func (interactions) Version() int { return 1 }

// Tables are interactions and its view.
func (interactions) Tables() string {
	return `
CREATE TABLE interactions ( -- one row an interaction with a customer
	account_id  TEXT NOT NULL,
	id          TEXT NOT NULL,
	kind        TEXT NOT NULL, -- visit, call, message, feedback or complaint
	channel     TEXT,
	rating      INTEGER,       -- 1 to 5; NULL: none
	about       TEXT,          -- what it was about, in words
	occurred_at TEXT NOT NULL,
	recorded_at TEXT NOT NULL,
	position    INTEGER NOT NULL,
	PRIMARY KEY (account_id, id)
) STRICT, WITHOUT ROWID;

CREATE VIEW interaction_counts AS -- one row an account and kind of interaction
-- account_id TEXT KEY: id of the account
-- kind TEXT KEY: visit, call, message, feedback or complaint
-- count INTEGER NOT NULL: how many there were
-- rated INTEGER NOT NULL: how many of them have a rating
-- ratings INTEGER NOT NULL: the sum of the ratings
-- last_at TEXT NOT NULL: when the last of them happened
SELECT account_id, kind, count(*) AS count, count(rating) AS rated, coalesce(sum(rating), 0) AS ratings,
	max(occurred_at) AS last_at
FROM interactions GROUP BY account_id, kind;
`
}

// Indexes is by when.
func (interactions) Indexes() string {
	return `CREATE INDEX interactions_by_position ON interactions (account_id, position);`
}

var interactionColumns = []string{"account_id", "id", "kind", "channel", "rating", "about", "occurred_at",
	"recorded_at", "position"}

// Apply adds a row for each interaction.
func (interactions) Apply(ctx context.Context, tx *Tx, events []Event) error {
	var rows [][]any
	for _, e := range events {
		if e.Type != "InteractionRecorded" {
			continue
		}
		decoded, err := e.Decoded()
		if err != nil {
			tx.Damaged(e, err.Error())
			continue
		}
		i := decoded.(domain.InteractionRecorded) // by its type
		rows = append(rows, append([]any{e.Account.String(), i.InteractionID.String()},
			interactionRow(i, e.Metadata, e.Position)...))
	}
	return tx.Insert(ctx, "interactions", interactionColumns, len(rows), func(values []any, i int) []any {
		return append(values, rows[i]...)
	})
}

// interactionRow are the columns behind the key.
func interactionRow(e domain.InteractionRecorded, m domain.Metadata, at eventstore.Position) []any {
	var rating any
	if e.Rating > 0 {
		rating = e.Rating
	}
	return []any{string(e.Kind), Null(e.Channel), rating, Null(e.About), NullTime(m.OccurredAt),
		NullTime(m.RecordedAt), int64(at)}
}

// Interaction is a row of interactions. What was said is in the event alone.
type Interaction struct {
	ID         uuid.UUID
	Kind       domain.InteractionKind
	Channel    string
	Rating     int // 0: none
	About      string
	OccurredAt time.Time
	RecordedAt time.Time
	position   eventstore.Position
}

// InteractionFilter says whose are wanted.
type InteractionFilter struct {
	Account uuid.UUID `json:"account_id"`
}

// Interactions lists an account's interactions, the newest first.
func (m *Models) Interactions(ctx context.Context, f InteractionFilter, p Paging) (
	Page[Interaction], error,
) {
	return interactionList.read(ctx, m, f, p)
}

var interactionList = list[InteractionFilter, eventstore.Position, Interaction]{
	name: "interactions",
	query: func(f InteractionFilter, after *eventstore.Position, limit int) (string, []any) {
		var w where
		w.and("account_id = ?", f.Account.String())
		if after != nil {
			w.and("position < ?", int64(*after))
		}
		return "SELECT id, kind, channel, rating, about, occurred_at, recorded_at, position FROM " +
			"interactions" + w.text + " ORDER BY position DESC LIMIT ?", append(w.args, limit)
	},
	scan: func(row func(...any) error) (i Interaction, at eventstore.Position, err error) {
		var channel, about, occurred, recorded sql.NullString
		var rating sql.NullInt64
		err = row(&i.ID, &i.Kind, &channel, &rating, &about, &occurred, &recorded, &i.position)
		if err != nil {
			return i, 0, err
		}
		i.Channel, i.About, i.Rating = channel.String, about.String, int(rating.Int64)
		if i.OccurredAt, err = ReadTime(occurred); err != nil {
			return i, 0, err
		}
		i.RecordedAt, err = ReadTime(recorded)
		return i, i.position, err
	},
}

// InteractionCounts are how many interactions of each kind an account has; kinds without any are absent.
func (m *Models) InteractionCounts(ctx context.Context, account uuid.UUID) (
	counts map[domain.InteractionKind]int64, err error,
) {
	counts = map[domain.InteractionKind]int64{}
	_, err = m.view(ctx, func(q querier) error {
		rows, err := q.QueryContext(ctx, "SELECT kind, count FROM interaction_counts WHERE account_id = ?",
			account.String())
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var kind domain.InteractionKind
			var n int64
			if err := rows.Scan(&kind, &n); err != nil {
				return err
			}
			counts[kind] = n
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("count interactions: %w", err)
	}
	return counts, nil
}

// interactionRows are the rows that an account's events should have made, by id.
type interactionRows map[string][]string

func (rows interactionRows) note(p domain.Posted, at eventstore.Position) {
	e, ok := p.Event.(domain.InteractionRecorded)
	if !ok {
		return
	}
	var row []string
	for _, value := range interactionRow(e, p.Metadata, at) {
		row = append(row, shownValue(value))
	}
	rows[e.InteractionID.String()] = row
}
