package domain

import (
	"time"

	"github.com/google/uuid"
)

// MaxSkew is how far occurred_at may lie from recorded_at before the event is flagged as skewed.
const MaxSkew = 72 * time.Hour

// Moment is everything a decision needs that is not in the account: the time, the randomness, who
// asks, and what the log holds under the names the command looks up. The shell fills it, so that a
// decision has no clock, no chance and no I/O.
type Moment struct {
	Recorded time.Time // max(now, the stream's last recorded_at)
	Decided  time.Time // the instant the rules are asked at: Recorded, or occurred_at of an import
	Seed     Seed

	Actor, Role, OnBehalfOf string
	CorrelationID           string
	IdempotencyKey          string
	Context                 Context
	Place                   Store // the registered store of Context, or UnregisteredStore

	// Found is what this account's log holds under a name, newest first; nil finds nothing. The
	// shell answers from memory unless the name was used. Of EventName it is the event itself.
	Found func(Name) []Posted
}

// first is the event that used a name first, if any did.
func (m Moment) first(n Name) (Posted, bool) {
	if found := m.found(n); len(found) > 0 {
		return found[len(found)-1], true
	}
	return Posted{}, false
}

// last is the event that used a name last, if any did.
func (m Moment) last(n Name) (Posted, bool) {
	if found := m.found(n); len(found) > 0 {
		return found[0], true
	}
	return Posted{}, false
}

func (m Moment) found(n Name) []Posted {
	if m.Found == nil || n.Value == "" {
		return nil
	}
	return m.Found(n)
}

// occurred is when the caller says it happened; now, unless it says.
func (m Moment) occurred() time.Time {
	if m.Context.OccurredAt.IsZero() {
		return m.Recorded
	}
	return m.Context.OccurredAt
}

// utc is m with its instants as they are written: in UTC, without a monotonic reading.
func (m Moment) utc() Moment {
	m.Recorded, m.Decided = m.Recorded.UTC().Round(0), m.Decided.UTC().Round(0)
	m.Context.OccurredAt = m.Context.OccurredAt.UTC().Round(0)
	return m
}

// metadata is the part that all events of one command share.
func (m Moment) metadata() Metadata {
	c, occurred := m.Context, m.occurred()
	date := c.BusinessDate
	if date == "" {
		date = m.Place.BusinessDate(occurred)
	}
	skew := m.Recorded.Sub(occurred).Abs()
	return Metadata{
		Schema: 1,
		Actor:  m.Actor, Role: m.Role, OnBehalfOf: m.OnBehalfOf,
		Channel: c.Channel, Store: c.Store, Entity: m.Place.Entity, Terminal: c.Terminal,
		Shift: c.Shift, Operator: c.Operator,
		OccurredAt: occurred, RecordedAt: m.Recorded, BusinessDate: date,
		Skewed:        skew > MaxSkew && c.Channel != ChannelImport,
		CorrelationID: m.CorrelationID, Reference: c.Reference(),
		IdempotencyKey: m.IdempotencyKey, ProgramVersion: ProgramVersion,
	}
}

// stamp gives each event of one command its id and its metadata; the first business event names the
// operation and causes the rest.
func (m Moment) stamp(shared Metadata, events []Event, next int64, business int) []Posted {
	shared.OperationID = newID(next+int64(business), m.Seed, 0)
	posted := make([]Posted, len(events))
	for i, e := range events {
		meta := shared
		meta.EventID = newID(next+int64(i), m.Seed, 0)
		if i != business {
			meta.CausedBy = meta.OperationID
		}
		if e, ok := e.(happener); ok && !e.happened().IsZero() {
			meta.OccurredAt, meta.Skewed = e.happened(), false
			meta.BusinessDate = m.Place.BusinessDate(meta.OccurredAt)
		}
		posted[i] = Posted{Event: e, Metadata: meta, Revision: next + int64(i)}
	}
	return posted
}

// happener is an event that happened at an instant of its own, however late it is written.
type happener interface{ happened() time.Time }

// ChannelImport marks operations that were brought in from another system with their own times.
const ChannelImport = "import"

// SystemActor is the actor of what the service does by itself, such as the sweeper.
const SystemActor = "system"

// noID is the absence of an id.
var noID uuid.UUID
