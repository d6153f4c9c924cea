package webhooks

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
)

// State is how far a delivery is.
type State string

// The states of a delivery.
const (
	Pending State = "pending" // it is sent, or sent again, at DueAt
	Done    State = "done"
	Dead    State = "dead" // the ladder's end was reached
)

// Delivery is an event on its way to a webhook.
type Delivery struct {
	Sequence int64 // dense for each webhook, from 1
	EventID  uuid.UUID
	Type     string
	Position eventstore.Position
	State    State
	Attempts int // since it was enqueued, or retried by hand
	DueAt    time.Time
	SentAt   time.Time // of the last attempt; zero: none
	Status   int       // that the receiver answered with; 0: none
	Error    string    // why the last attempt failed

	stream   string
	revision eventstore.Revision
}

// event is the event of a delivery.
func (s *Sender) event(ctx context.Context, d Delivery) (eventstore.Recorded, error) {
	e, err := s.read(ctx, d.stream, d.revision)
	if err == nil && e.ID != d.EventID {
		err = errors.New("the log does not hold the event")
	}
	return e, err
}

// Deliveries are a webhook's deliveries in a state ("": in any) with a sequence above after, at most
// limit, and the position up to which the log was looked at.
func (s *Sender) Deliveries(
	ctx context.Context, id uuid.UUID, state State, after int64, limit int,
) ([]Delivery, eventstore.Position, error) {
	var at int64
	err := s.db.QueryRowContext(ctx, "SELECT position FROM cursors WHERE webhook = ?", id.String()).
		Scan(&at)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, 0, nil // it has not begun
	}
	if err != nil {
		return nil, 0, err
	}
	all, err := s.list(ctx, "webhook = ?1 AND (?2 = '' OR state = ?2) AND sequence > ?3", limit,
		id.String(), string(state), after)
	return all, eventstore.Position(at), err
}

func (s *Sender) list(ctx context.Context, where string, limit int, args ...any) ([]Delivery, error) {
	rows, err := s.db.QueryContext(ctx, "SELECT sequence, event_id, type, stream, revision, position, "+
		"state, attempts, due_at, sent_at, status, error FROM deliveries WHERE "+where+
		fmt.Sprintf(" ORDER BY sequence LIMIT %d", limit), args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []Delivery
	for rows.Next() {
		var d Delivery
		var due, sent int64
		err := rows.Scan(&d.Sequence, &d.EventID, &d.Type, &d.stream, &d.revision, &d.Position, &d.State,
			&d.Attempts, &due, &sent, &d.Status, &d.Error)
		if err != nil {
			return nil, err
		}
		d.DueAt = time.UnixMilli(due)
		if sent > 0 {
			d.SentAt = time.UnixMilli(sent)
		}
		all = append(all, d)
	}
	return all, rows.Err()
}

// Retry makes a delivery, dead or done, due at once, at the ladder's beginning. It is
// domain.ErrNotFound for a sequence that is not kept.
func (s *Sender) Retry(ctx context.Context, id uuid.UUID, sequence int64) error {
	result, err := s.db.ExecContext(ctx, "UPDATE deliveries SET state = 'pending', attempts = 0, "+
		"due_at = ? WHERE webhook = ? AND sequence = ?", time.Now().UnixMilli(), id.String(), sequence)
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, domain.ErrNotFound.Because("this delivery is not kept"))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.running[id]; e != nil {
		signal(e.wake)
	}
	return nil
}

// Replay sends the events after a position once more, under new sequences and their own ids. A
// position that is not reached yet is refused: what lies before it would be left out.
func (s *Sender) Replay(ctx context.Context, id uuid.UUID, from eventstore.Position) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.halt(id)
	defer func() {
		if h, ok := s.ledger.Webhook(id); ok {
			s.begin(h)
		}
	}()
	at, err := s.cursor(ctx, id)
	if err != nil {
		return err
	}
	if from > at {
		return domain.ErrMalformed.Field("from_position", "the webhook has not come that far")
	}
	_, err = s.db.ExecContext(ctx, "UPDATE cursors SET position = ?, event_id = '' WHERE webhook = ?",
		int64(from), id.String())
	return err
}
