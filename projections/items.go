package projections

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
)

// Item is a row about one thing that an account's events begin and go on with by its id, such as a
// withdrawal: its columns as texts, by name; one that is NULL is not there.
type Item map[string]string

// ID is the thing's id.
func (i Item) ID() uuid.UUID { return uuid.MustParse(i["id"]) } // as it was written

// Time is a column's instant, zero for none.
func (i Item) Time(column string) time.Time {
	t, err := ReadTime(sql.NullString{String: i[column], Valid: i[column] != ""})
	if err != nil {
		return time.Time{} // it was written by at
	}
	return t
}

// at sets a column to an instant.
func (i Item) at(column string, t time.Time) { i.set(column, text(NullTime(t))) }

// set sets a column; to NULL, if value is empty.
func (i Item) set(column, value string) {
	if value == "" {
		delete(i, column)
	} else {
		i[column] = value
	}
}

// money sets the columns unit and amount.
func (i Item) money(m domain.Money) {
	i["unit"], i["amount"] = m.Unit(), m.Quantity.String()
}

// items is a projection with one row for each such thing.
type items struct {
	name, tables, indexes string
	columns               []string // beside account_id and id
	types                 []string // of the events that it folds
	// id is the thing that an event is about, none where it is about none, and whether it begins it.
	id func(domain.Event) (id uuid.UUID, begins bool)
	// each is in id's place where an event may be about several of them; begins holds for all.
	each func(e domain.Event, m *domain.Metadata) (ids []uuid.UUID, begins bool)
	// fold lets an event happen to a row.
	fold func(row Item, e domain.Event, m *domain.Metadata)
	// stands are the columns that an account's state knows of what is open, by id: what Check trusts.
	stands func(*domain.Account) map[uuid.UUID]Item
}

type itemKey struct{ account, id uuid.UUID }

// Name is the table's.
func (p *items) Name() string { return p.name }

// Version is 1.
func (*items) Version() int { return 1 }

// Tables is the one table.
func (p *items) Tables() string { return p.tables }

// Indexes is what only queries need.
func (p *items) Indexes() string { return p.indexes }

func (p *items) table() *Table[itemKey, Item] {
	return &Table[itemKey, Item]{
		Name: p.name, Columns: slices.Concat([]string{"account_id", "id"}, p.columns),
		Keys:   func(k itemKey) []any { return []any{k.account.String(), k.id.String()} },
		Values: func(i *Item) []any { return p.values(*i) },
		Scan: func(row func(...any) error, k *itemKey, i *Item) error {
			err := p.scan(func(to ...any) error { return row(append([]any{&k.account}, to...)...) }, i)
			k.id = i.ID()
			return err
		},
	}
}

func (p *items) values(i Item) []any {
	values := make([]any, len(p.columns))
	for n, column := range p.columns {
		values[n] = Null(i[column])
	}
	return values
}

// scan reads id and the columns.
func (p *items) scan(row func(...any) error, i *Item) error {
	texts, to := make([]sql.NullString, 1+len(p.columns)), make([]any, 1+len(p.columns))
	for n := range texts {
		to[n] = &texts[n]
	}
	if err := row(to...); err != nil {
		return err
	}
	*i = Item{"id": texts[0].String}
	for n, column := range p.columns {
		i.set(column, texts[1+n].String)
	}
	return nil
}

// folds reports whether an event may be one of those it folds: a debit that is a standing charge is.
func (p *items) folds(e *Event) bool {
	return slices.Contains(p.types, e.Type) &&
		(e.Type != "DebitPosted" || e.Body.Mandate != uuid.UUID{})
}

// Apply begins rows and goes on with them.
func (p *items) Apply(ctx context.Context, tx *Tx, events []Event) error {
	rows := p.table().In(tx)
	about := map[int]domain.Event{}
	for n := range events {
		e := &events[n]
		if !p.folds(e) {
			continue
		}
		decoded, err := e.Decoded()
		if err != nil {
			tx.Damaged(*e, err.Error())
			continue
		}
		about[n] = decoded
		ids, begins := p.about(decoded, &e.Metadata)
		for _, id := range ids {
			if begins {
				rows.Add(itemKey{e.Account, id}, Item{"id": id.String()})
			} else {
				rows.Want(itemKey{e.Account, id})
			}
		}
	}
	if err := rows.Load(ctx); err != nil {
		return err
	}
	for n := range events {
		decoded, ok := about[n]
		if !ok {
			continue
		}
		ids, _ := p.about(decoded, &events[n].Metadata)
		for _, id := range ids {
			row := rows.Change(itemKey{events[n].Account, id})
			if row == nil {
				tx.Damaged(events[n], fmt.Sprintf("%s %s never began", p.name, id))
				continue
			}
			p.fold(*row, decoded, &events[n].Metadata)
		}
	}
	return rows.Write(ctx)
}

// about is the things that an event is about, and whether it begins them.
func (p *items) about(e domain.Event, m *domain.Metadata) (ids []uuid.UUID, begins bool) {
	if p.each != nil {
		return p.each(e, m)
	}
	id, begins := p.id(e)
	return []uuid.UUID{id}, begins
}

// OfAccount names the account whose rows are wanted.
type OfAccount struct {
	Account uuid.UUID `json:"account"`
}

// list is the rows of an account, the newest first: ids begin with their event's revision.
func (p *items) list(ctx context.Context, m *Models, f OfAccount, paging Paging) (Page[Item], error) {
	return list[OfAccount, uuid.UUID, Item]{
		name: p.name,
		query: func(f OfAccount, after *uuid.UUID, limit int) (string, []any) {
			var w where
			w.and("account_id = ?", f.Account.String())
			if after != nil {
				w.and("id < ?", after.String())
			}
			return "SELECT id, " + strings.Join(p.columns, ", ") + " FROM " + p.name + w.text +
				" ORDER BY id DESC LIMIT ?", append(w.args, limit)
		},
		scan: func(row func(...any) error) (Item, uuid.UUID, error) {
			var i Item
			err := p.scan(row, &i)
			return i, i.ID(), err
		},
	}.read(ctx, m, f, paging)
}
