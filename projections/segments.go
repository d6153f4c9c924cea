package projections

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
)

// segments is one row a segment: what it selects, not whom.
type segments struct{}

// Name is segments.
func (segments) Name() string { return "segments" }

// Version is 1.
func (segments) Version() int { return 1 }

// Tables is segments.
func (segments) Tables() string {
	return `
CREATE TABLE segments ( -- one row a segment
	id         TEXT PRIMARY KEY,
	name       TEXT NOT NULL,    -- as people call it
	filter     TEXT NOT NULL,    -- JSON, as the event has it
	defined_at TEXT NOT NULL,    -- when it was defined
	changed_at TEXT NOT NULL,    -- when it was changed last
	revision   INTEGER NOT NULL, -- of the segment's last event
	position   INTEGER NOT NULL  -- its place in the log
) STRICT, WITHOUT ROWID;
`
}

// Indexes are none: there are few.
func (segments) Indexes() string { return `` }

// SegmentEntry is a row of segments.
type SegmentEntry struct {
	domain.Segment
	position eventstore.Position
}

var segmentTable = &Table[string, SegmentEntry]{
	Name:    "segments",
	Columns: []string{"id", "name", "filter", "defined_at", "changed_at", "revision", "position"},
	Keys:    func(id string) []any { return []any{id} },
	Values: func(s *SegmentEntry) []any {
		filter, _ := json.Marshal(s.Filter) // plain fields
		return []any{s.Name, string(filter), NullTime(s.DefinedAt), NullTime(s.ChangedAt), s.Revision,
			int64(s.position)}
	},
	Scan: func(row func(...any) error, id *string, s *SegmentEntry) error {
		var filter string
		var defined, changed sql.NullString
		err := row(id, &s.Name, &filter, &defined, &changed, &s.Revision, &s.position)
		if err != nil {
			return err
		}
		s.ID = *id
		if err := json.Unmarshal([]byte(filter), &s.Filter); err != nil {
			return err
		}
		if s.DefinedAt, err = ReadTime(defined); err != nil {
			return err
		}
		s.ChangedAt, err = ReadTime(changed)
		return err
	},
}

// segmentOf is the segment whose stream it is.
func segmentOf(stream string) (string, bool) {
	id, ok := strings.CutPrefix(stream, "segment-")
	return id, ok && domain.IsSegmentID(id)
}

// segmentRows are where segments are folded: a table's rows, or those that a check expects.
type segmentRows interface {
	Add(string, SegmentEntry)
	Change(string) *SegmentEntry
}

// foldSegment lets an event of a segment's stream happen to its row.
func foldSegment(rows segmentRows, e *Event, id string) error {
	decoded, err := e.Decoded()
	if err != nil {
		return err
	}
	if rows.Change(id) == nil {
		rows.Add(id, SegmentEntry{})
	}
	s := rows.Change(id)
	s.Apply(domain.Posted{Event: decoded, Metadata: e.Metadata, Revision: int64(e.Revision)})
	s.ID, s.position = id, e.Position
	return nil
}

// Apply folds what segments' streams say.
func (segments) Apply(ctx context.Context, tx *Tx, events []Event) error {
	rows := segmentTable.In(tx)
	for i := range events {
		if id, ok := segmentOf(events[i].Stream); ok {
			rows.Want(id)
		}
	}
	if err := rows.Load(ctx); err != nil {
		return err
	}
	for i := range events {
		if id, ok := segmentOf(events[i].Stream); ok {
			if err := foldSegment(rows, &events[i], id); err != nil {
				tx.Damaged(events[i], err.Error())
			}
		}
	}
	return rows.Write(ctx)
}

// Segments lists all segments by id.
func (m *Models) Segments(ctx context.Context, p Paging) (Page[SegmentEntry], error) {
	return segmentList.read(ctx, m, struct{}{}, p)
}

var segmentList = list[struct{}, string, SegmentEntry]{
	name: "segments",
	query: func(_ struct{}, after *string, limit int) (string, []any) {
		if after == nil {
			after = new(string)
		}
		return "SELECT " + columnList(segmentTable.Columns) +
			" FROM segments WHERE id > ? ORDER BY id LIMIT ?", []any{*after, limit}
	},
	scan: func(row func(...any) error) (SegmentEntry, string, error) {
		var id string
		var s SegmentEntry
		err := segmentTable.Scan(row, &id, &s)
		return s, id, err
	},
}

// ErrSlowSelection says that a selection was given up, as it took longer than Options.SelectionTime: a filter
// reads as many accounts as there are, and may read them many times.
var ErrSlowSelection = errors.New("the selection takes longer than it may: ask for less, or later")

// heavily is view for a query of a selection.
func (m *Models) heavily(ctx context.Context, work func(context.Context, querier) error) (
	eventstore.Position, error,
) {
	ctx, stop := context.WithTimeoutCause(ctx, m.opts.SelectionTime, ErrSlowSelection)
	defer stop()
	asOf, err := m.view(ctx, func(q querier) error { return work(ctx, q) })
	if err != nil && context.Cause(ctx) == ErrSlowSelection {
		err = ErrSlowSelection // whatever the database calls it
	}
	return asOf, err
}

// CountSelected is how many accounts a selection holds at an instant. Days are those of at's zone. It is
// ErrSlowSelection where that takes too long, as are Selected, InSegment and Members.
func (m *Models) CountSelected(ctx context.Context, s domain.Selection, at time.Time) (
	n int64, asOf eventstore.Position, err error,
) {
	query, args := selected("count(*)", s, at)
	asOf, err = m.heavily(ctx, func(ctx context.Context, q querier) error {
		return q.QueryRowContext(ctx, query, args...).Scan(&n)
	})
	if err != nil {
		return 0, 0, fmt.Errorf("count a selection: %w", err)
	}
	return n, asOf, nil
}

// Selected are the accounts that a selection holds at an instant, by id, behind one, at most limit.
func (m *Models) Selected(ctx context.Context, s domain.Selection, at time.Time, after uuid.UUID,
	limit int) (accounts []uuid.UUID, err error,
) {
	query, args := selected("a.id", s, at)
	_, err = m.heavily(ctx, func(ctx context.Context, q querier) error {
		return eachID(ctx, q, query+" AND a.id > ? ORDER BY a.id LIMIT ?", func(id uuid.UUID) {
			accounts = append(accounts, id)
		}, append(args, after.String(), limit)...)
	})
	if err != nil {
		return nil, fmt.Errorf("list a selection: %w", err)
	}
	return accounts, nil
}

// InSegment reports whether a segment holds an account at an instant, whose zone tells the days. It is
// domain.ErrNotFound where there is no such segment.
func (m *Models) InSegment(ctx context.Context, account uuid.UUID, segment string, at time.Time) (
	in bool, err error,
) {
	_, err = m.heavily(ctx, func(ctx context.Context, q querier) error {
		var filter string
		err := q.QueryRowContext(ctx, "SELECT filter FROM segments WHERE id = ?", segment).Scan(&filter)
		if err == sql.ErrNoRows {
			return domain.ErrNotFound.Because("there is no such segment")
		}
		var s domain.Selection
		if err == nil {
			err = json.Unmarshal([]byte(filter), &s)
		}
		if err != nil {
			return err
		}
		query, args := selected("1", s, at)
		return q.QueryRowContext(ctx, "SELECT EXISTS ("+query+" AND a.id = ?)",
			append(args, account.String())...).Scan(&in)
	})
	if err != nil {
		return false, fmt.Errorf("look into segment %.32s: %w", segment, err)
	}
	return in, nil
}

// MemberFilter names a segment as it was, and when it is asked.
type MemberFilter struct {
	Segment  string    `json:"segment"`
	Revision int64     `json:"revision"`
	At       time.Time `json:"at"`
}

// Members lists the accounts that a segment holds, by id. A cursor goes on as the first page began, at
// its instant; it is ErrCursor once the segment has changed.
func (m *Models) Members(ctx context.Context, s domain.Segment, at time.Time, p Paging) (
	Page[AccountEntry], error,
) {
	f := MemberFilter{s.ID, s.Revision, at.UTC()}
	if p.Cursor != "" {
		var carried MemberFilter
		err := ReadCursor(p.Cursor, memberList, &carried, new(uuid.UUID))
		if err != nil || carried.Segment != s.ID || carried.Revision != s.Revision {
			return Page[AccountEntry]{}, ErrCursor
		}
		f = carried
		at = f.At.In(at.Location())
	}
	return list[MemberFilter, uuid.UUID, AccountEntry]{
		name: memberList,
		view: m.heavily,
		query: func(_ MemberFilter, after *uuid.UUID, limit int) (string, []any) {
			if after == nil {
				after = new(uuid.UUID)
			}
			query, args := selected(memberColumns, s.Filter, at)
			return query + " AND a.id > ? ORDER BY a.id LIMIT ?", append(args, after.String(), limit)
		},
		scan: func(row func(...any) error) (AccountEntry, uuid.UUID, error) {
			a, err := scanMember(row)
			return a, a.ID, err
		},
	}.read(ctx, m, f, p)
}

const (
	memberList    = "members"
	memberColumns = "a.id, a.customer_ref, a.status, a.opened_at, a.revision"
)

func scanMember(row func(...any) error) (a AccountEntry, err error) {
	var opened sql.NullString
	if err = row(&a.ID, &a.CustomerRef, &a.Status, &opened, &a.Revision); err != nil {
		return a, err
	}
	a.OpenedAt, err = ReadTime(opened)
	return a, err
}
