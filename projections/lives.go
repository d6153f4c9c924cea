package projections

import (
	"context"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
)

// lives is a table whose rows begin with one event and end with another, in whatever stream.
type lives[R any] struct {
	table *Table[uuid.UUID, R]
	about func(*Event) (domain.Event, bool, error) // an event, decoded, where it is about a row
	ended func(domain.Event) uuid.UUID             // the row that it ends, zero where it ends none
	fold  func(lifeRows[R], domain.Event, *Event) bool
	loose string // what is wrong with an event that does not follow from the rows, as fold reports
}

// lifeRows are rows that can be added to and changed.
type lifeRows[R any] interface {
	Add(uuid.UUID, R)
	Change(uuid.UUID) *R
}

func (l *lives[R]) apply(ctx context.Context, tx *Tx, events []Event) error {
	rows := l.table.In(tx)
	about := map[int]domain.Event{}
	for i := range events {
		decoded, ok, err := l.about(&events[i])
		if err != nil {
			tx.Damaged(events[i], err.Error())
		}
		if !ok {
			continue
		}
		about[i] = decoded
		if id := l.ended(decoded); id != uuid.Nil {
			rows.Want(id)
		}
	}
	if len(about) == 0 {
		return nil
	}
	if err := rows.Load(ctx); err != nil {
		return err
	}
	for i := range events {
		if about[i] != nil && !l.fold(rows, about[i], &events[i]) {
			tx.Damaged(events[i], l.loose)
		}
	}
	return rows.Write(ctx)
}
