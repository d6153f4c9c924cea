package projections

import (
	"context"
	"fmt"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
)

// State says what a projection is doing.
type State string

// The states.
const (
	Live       State = "live"        // it holds the log's end, or did a moment ago
	CatchingUp State = "catching_up" // it is behind
	Stale      State = "stale"       // it does not follow from this log; another is being built
	Idle       State = "idle"        // it is only read here
)

// Info describes a projection as it serves.
type Info struct {
	Name       string              `json:"name"`
	Version    int                 `json:"version"`
	Position   eventstore.Position `json:"position,string"`
	Head       eventstore.Position `json:"head,string"` // the ledger's last event
	Rows       int64               `json:"rows"`
	State      State               `json:"state"`
	Rebuilding bool                `json:"rebuilding"` // another is being built beside it
}

// Lag is how far the projection is behind the log. Positions have gaps, so it says little more than
// whether it is.
func (i Info) Lag() uint64 { return uint64(i.Head - min(i.Position, i.Head)) }

// List describes all projections. It counts their rows, which takes time that grows with them.
func (m *Models) List(ctx context.Context) ([]Info, error) {
	head, err := m.store.Head(ctx, domain.Prefixes...)
	if err != nil {
		return nil, fmt.Errorf("list projections: %w", err)
	}
	var infos []Info
	at, err := m.look(ctx, func(q *snapshot, _ bool) error {
		for _, p := range m.opts.Projections {
			i := Info{Name: p.Name(), Version: p.Version(), Head: head,
				Rebuilding: len(m.rebuilding) > 0}
			err := q.QueryRowContext(ctx, "SELECT count(*) FROM "+p.Name()).Scan(&i.Rows)
			if err != nil {
				return err
			}
			infos = append(infos, i)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list projections: %w", err)
	}
	for i := range infos {
		infos[i].Position = at
		infos[i].State = m.state(at, head)
	}
	return infos, nil
}

func (m *Models) state(at, head eventstore.Position) State {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.opts.ReadOnly:
		return Idle
	case m.stale:
		return Stale
	case at >= head || m.caughtUp:
		return Live
	}
	return CatchingUp
}

// DamagedEvent is an event in a ledger stream that the projections passed over.
type DamagedEvent struct {
	Position eventstore.Position `json:"position,string"`
	Stream   string              `json:"stream"`
	Revision eventstore.Revision `json:"revision"`
	Type     string              `json:"type"`
	Reason   string              `json:"reason"`
}

// Damaged lists the events that were passed over, in the order of the log.
func (m *Models) Damaged(ctx context.Context, p Paging) (Page[DamagedEvent], error) {
	return damagedList.read(ctx, m, struct{}{}, p)
}

var damagedList = list[struct{}, int64, DamagedEvent]{
	name: "damaged",
	query: func(_ struct{}, after *int64, limit int) (string, []any) {
		if after == nil {
			after = new(int64)
		}
		return `SELECT position, stream, revision, type, reason FROM damaged
			WHERE position > ? ORDER BY position LIMIT ?`, []any{*after, limit}
	},
	scan: func(row func(...any) error) (DamagedEvent, int64, error) {
		var d DamagedEvent
		err := row(&d.Position, &d.Stream, &d.Revision, &d.Type, &d.Reason)
		return d, int64(d.Position), err
	},
}
