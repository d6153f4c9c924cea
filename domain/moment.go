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
	Decided  time.Time // the instant the rules are asked at; see Instant
	Seed     Seed

	Actor, Role, OnBehalfOf string
	CorrelationID           string
	IdempotencyKey          string
	Context                 Context
	Place                   Store    // the registered store of Context, or UnregisteredStore
	Program                 *Program // that rules the account at Decided; nil: DefaultProgram
	Present                 *Program // that rules it at Recorded, which tiers go by; nil: Program

	// Campaigns looks up a campaign as it stands, nil where there is none of that id. A nil one knows
	// none.
	Campaigns func(id string) *Campaign

	// Budgets looks up what is reserved of a campaign's budgets, false where that is not known. A nil one
	// knows of none.
	Budgets func(campaign string) (Budget, bool)

	// Reservations of campaigns' budgets that were made for this command, see Draft.reserve.
	Reservations []Reservation

	// Earlier is what the same command was decided to be before they were made, nil where that is not
	// known. It may be changed by Decide.
	Earlier *Unreserved

	// Beside are coupons that a dry run takes as granted before, none of which the account has.
	Beside []CouponGranted

	// Settled is the merge that absorbed the account, where the shell knows that it stands: that the
	// survivor has taken it in.
	Settled uuid.UUID

	// Found is what this account's log holds under a name, newest first; nil finds nothing. The
	// shell answers from memory unless the name was used. Of EventName it is the event itself.
	Found func(Name) []Posted

	// Candidates is how many events Found may find under a name at most, asked without reading any; nil
	// knows of no bound.
	Candidates func(Name) int
}

// Instant is when the rules are asked about what is recorded at an instant: then, or at occurred_at of
// an import, or of an item that a till posts late.
func (c Context) Instant(recorded time.Time) time.Time {
	late := recorded.Sub(c.OccurredAt)
	switch {
	case c.OccurredAt.IsZero():
		return recorded
	case c.Channel == ChannelImport, c.Channel == ChannelOffline && late > 0 && late <= MaxSkew:
		return c.OccurredAt
	}
	return recorded
}

// program are the rules.
func (m *Moment) program() *Program {
	if m.Program == nil {
		return &defaultProgram
	}
	return m.Program
}

// first is the event that used a name first, if any did.
func (m *Moment) first(n Name) (Posted, bool) {
	if found := m.found(n); len(found) > 0 {
		return found[len(found)-1], true
	}
	return Posted{}, false
}

// last is the event that used a name last, if any did.
func (m *Moment) last(n Name) (Posted, bool) {
	if found := m.found(n); len(found) > 0 {
		return found[0], true
	}
	return Posted{}, false
}

func (m *Moment) found(n Name) []Posted {
	if m.Found == nil || n.Value == "" {
		return nil
	}
	return m.Found(n)
}

// occurred is when the caller says it happened; now, unless it says.
func (m *Moment) occurred() time.Time {
	if m.Context.OccurredAt.IsZero() {
		return m.Recorded
	}
	return m.Context.OccurredAt
}

// toUTC brings the instants to what is written of them: in UTC, without a monotonic reading.
func (m *Moment) toUTC() {
	m.Recorded, m.Decided = m.Recorded.UTC().Round(0), m.Decided.UTC().Round(0)
	m.Context.OccurredAt = m.Context.OccurredAt.UTC().Round(0)
}

// metadata is the part that all events of one command share.
func (m *Moment) metadata() Metadata {
	c, occurred := &m.Context, m.occurred()
	date := c.BusinessDate
	if date == "" {
		date = m.Place.BusinessDate(occurred)
	}
	skew := m.Recorded.Sub(occurred).Abs()
	program := ProgramVersion
	if m.Program != nil {
		program = m.Program.Name()
	}
	return Metadata{
		Schema: 1,
		Actor:  m.Actor, Role: m.Role, OnBehalfOf: m.OnBehalfOf,
		Channel: c.Channel, Store: c.Store, Entity: m.Place.Entity, Terminal: c.Terminal,
		Shift: c.Shift, Operator: c.Operator,
		OccurredAt: occurred, RecordedAt: m.Recorded, BusinessDate: date,
		Skewed:        skew > MaxSkew && c.Channel != ChannelImport,
		CorrelationID: m.CorrelationID, Reference: c.Reference(),
		IdempotencyKey: m.IdempotencyKey, ProgramVersion: program,
	}
}

// stamp completes the metadata of one command's events, which share the rest: each gets its id, and
// the first business event names the operation and causes the others.
func (m *Moment) stamp(posted []Posted, business int) {
	if len(posted) == 0 {
		return
	}
	operation := newID(posted[business].Revision, m.Seed, 0)
	for i := range posted {
		p, meta := &posted[i], &posted[i].Metadata
		meta.EventID, meta.OperationID = newID(p.Revision, m.Seed, 0), operation
		if i != business {
			meta.CausedBy = operation
		}
		if e, ok := p.Event.(happener); ok && !e.happened().IsZero() {
			meta.OccurredAt, meta.Skewed = e.happened(), false
			meta.BusinessDate = m.Place.BusinessDate(meta.OccurredAt)
		}
	}
}

// happener is an event that happened at an instant of its own, however late it is written.
type happener interface{ happened() time.Time }

// ChannelOffline marks operations of a till that was cut off: the rules are asked at occurred_at, where
// that is no further back than MaxSkew.
const ChannelOffline = "offline"

// ChannelImport marks operations that were brought in from another system with their own times.
const ChannelImport = "import"

// SystemActor is the actor of what the service does by itself, such as the sweeper.
const SystemActor = "system"

// noID is the absence of an id.
var noID uuid.UUID
