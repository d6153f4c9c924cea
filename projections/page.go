package projections

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/tillbook/tillbook/eventstore"
)

// ErrCursor: a cursor that no page gave, or one of another list or filter.
var ErrCursor = errors.New("the cursor is not one of this list")

// The bounds of a page.
const (
	DefaultLimit = 50
	MaxLimit     = 1000
)

// Paging says which part of a list is wanted.
type Paging struct {
	Cursor string // Page.Next of the page before; empty: from the start
	Limit  int    // DefaultLimit when 0; at most MaxLimit are answered
}

// Page is a part of a list, as it was when the tables held the log up to AsOf.
type Page[T any] struct {
	Data []T                 `json:"data"`           // never nil
	Next string              `json:"next,omitempty"` // empty: this is the last
	AsOf eventstore.Position `json:"as_of_position,string"`
}

// cursor is what an opaque cursor carries: the list, its filter, and the key of the last row shown.
type cursor struct {
	List   string          `json:"l"`
	Filter json.RawMessage `json:"f"`
	After  []any           `json:"a"`
}

// NewCursor is an opaque cursor: the name of the list, its filter, and the key of the last row that
// was shown. What a filter holds is written as JSON. A cursor is no secret and no proof.
func NewCursor(list string, filter any, after ...any) (string, error) {
	f, err := json.Marshal(filter)
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(cursor{list, f, after})
	return base64.RawURLEncoding.EncodeToString(text), err
}

// ReadCursor reads what NewCursor made for that list: the filter into filter, the key into after,
// each to be given as a pointer. ErrCursor for anything else.
func ReadCursor(text, list string, filter any, after ...any) error {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return ErrCursor
	}
	var keys []json.RawMessage
	c := struct {
		List   string             `json:"l"`
		Filter json.RawMessage    `json:"f"`
		After  *[]json.RawMessage `json:"a"`
	}{After: &keys}
	if json.Unmarshal(raw, &c) != nil || c.List != list || len(keys) != len(after) ||
		json.Unmarshal(c.Filter, filter) != nil {
		return ErrCursor
	}
	for i, key := range keys {
		if json.Unmarshal(key, after[i]) != nil {
			return ErrCursor
		}
	}
	return nil
}

// list is one request for a page: F is its filter, K the key of its rows.
type list[F comparable, K, T any] struct {
	name  string
	query func(filter F, after *K, limit int) (string, []any) // after nil: from the start
	scan  func(row func(...any) error) (T, K, error)

	view func(context.Context, func(context.Context, querier) error) (eventstore.Position, error)
}

// read answers a page. The filter of a cursor holds; another one beside it is ErrCursor.
func (l list[F, K, T]) read(ctx context.Context, m *Models, filter F, p Paging) (Page[T], error) {
	limit := min(p.Limit, MaxLimit)
	if limit <= 0 {
		limit = DefaultLimit
	}
	var after *K
	if p.Cursor != "" {
		var carried, none F
		after = new(K)
		if err := ReadCursor(p.Cursor, l.name, &carried, after); err != nil {
			return Page[T]{}, err
		}
		if filter != none && filter != carried {
			return Page[T]{}, ErrCursor
		}
		filter = carried
	}
	page := Page[T]{Data: []T{}}
	var last K
	var err error
	if l.view == nil {
		l.view = m.lightly
	}
	page.AsOf, err = l.view(ctx, func(ctx context.Context, q querier) error {
		query, args := l.query(filter, after, limit+1)
		rows, err := q.QueryContext(ctx, query, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		more := false
		for rows.Next() && !more {
			row, key, err := l.scan(rows.Scan)
			switch {
			case err != nil:
				return err
			case len(page.Data) == limit:
				more = true
			default:
				page.Data, last = append(page.Data, row), key
			}
		}
		if more {
			page.Next, err = NewCursor(l.name, filter, last)
		}
		return errors.Join(err, rows.Err())
	})
	if err != nil {
		return Page[T]{}, fmt.Errorf("list %s: %w", l.name, err)
	}
	return page, nil
}

// view runs queries that all see the tables at one position of the log, which it answers. It is
// ErrStale while the tables are another log's.
func (m *Models) view(ctx context.Context, work func(querier) error) (eventstore.Position, error) {
	return m.look(ctx, func(s *snapshot, serves bool) error {
		if !serves {
			return ErrStale
		}
		return work(s)
	})
}

// lightly is view of what is read by an index.
func (m *Models) lightly(ctx context.Context, work func(context.Context, querier) error) (
	eventstore.Position, error,
) {
	return m.view(ctx, func(q querier) error { return work(ctx, q) })
}

// look is view, also of tables that are another log's; they stand at Start.
func (m *Models) look(
	ctx context.Context, work func(s *snapshot, serves bool) error,
) (at eventstore.Position, err error) {
	d, free, err := m.take()
	if err != nil {
		return 0, err
	}
	defer free()
	defer func() {
		if d.postgres {
			err = away(err)
		}
	}()
	s, err := d.begin(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, s.end(ctx)) }()
	stands, err := readCheckpoint(ctx, s)
	if err != nil {
		return 0, err
	}
	serves := m.serves(d)
	if !serves {
		stands.position = eventstore.Start
	}
	return stands.position, work(s, serves)
}

// serves reports whether d's checkpoint is one of this log.
func (m *Models) serves(d *database) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return d != m.current || !m.stale
}

// where joins conditions that hold together, with their parameters.
type where struct {
	text string
	args []any
}

func (w *where) and(condition string, args ...any) {
	if w.text == "" {
		w.text = " WHERE " + condition
	} else {
		w.text += " AND " + condition
	}
	w.args = append(w.args, args...)
}

// same adds column = value, unless value is empty.
func (w *where) same(column, value string) {
	if value != "" {
		w.and(column+" = ?", value)
	}
}
