package domain

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
)

// Encoder encodes events that are appended together: into one piece of memory, and what the metadata of
// neighbours have in common is written once and copied from then on. It belongs to one goroutine.
type Encoder struct {
	free          jsonText // behind what is written
	last          Metadata // of the event before, without what is an event's own
	about, asking jsonText // of last, as written
}

// What the data and metadata of an event seldom exceed together: of a debit, and of each of a sale's.
const (
	encodedBytes = 1536
	memberBytes  = 1152
)

// NewEncoder is an encoder of so many events.
func NewEncoder(events int) *Encoder {
	return &Encoder{free: make(jsonText, 0, max(encodedBytes, events*memberBytes))}
}

// Encode is what is stored of p: its type, data and metadata.
func (e *Encoder) Encode(p *Posted) (kind string, data, metadata []byte, err error) {
	if a, ok := p.Event.(appender); ok {
		data = a.appendJSON(e.free)
		e.free = data[len(data):]
	} else if data, err = json.Marshal(p.Event); err != nil {
		return "", nil, nil, fmt.Errorf("encode %T: %w", p.Event, err)
	}
	metadata = e.metadata(&p.Metadata)
	e.free = metadata[len(metadata):]
	return TypeOf(p.Event), slices.Clip(data), slices.Clip(metadata), nil
}

func (e *Encoder) metadata(m *Metadata) jsonText {
	if common := m.common(); e.about == nil || common != e.last {
		e.last, e.about, e.asking = common, nil, nil
	}
	b := append(e.free, '{').id("event_id", m.EventID)
	from := len(b)
	if e.about == nil {
		b = m.appendAbout(b)
		e.about = b[from:]
	} else {
		b = append(b, e.about...)
	}
	b = b.id("operation_id", m.OperationID).optionalID("caused_by", m.CausedBy)
	from = len(b)
	if e.asking == nil {
		b = m.appendAsking(b)
		e.asking = b[from:]
	} else {
		b = append(b, e.asking...)
	}
	return append(b.hash("prev_hash", m.PrevHash), '}')
}

// common is m without what is each event's own.
func (m *Metadata) common() Metadata {
	c := *m
	c.EventID, c.OperationID, c.CausedBy, c.PrevHash = noID, noID, noID, Hash{}
	return c
}

// appendAbout appends the members between the event's id and its operation's.
func (m *Metadata) appendAbout(b jsonText) jsonText {
	b = strconv.AppendInt(b.key("schema"), int64(m.Schema), 10)
	b = b.text("actor", m.Actor).text("role", m.Role).optional("on_behalf_of", m.OnBehalfOf)
	b = b.optional("channel", m.Channel).optional("store", m.Store).optional("entity", m.Entity)
	b = b.optional("terminal", m.Terminal).optional("shift", m.Shift).optional("operator", m.Operator)
	b = b.time("occurred_at", m.OccurredAt).time("recorded_at", m.RecordedAt).yes("skewed", m.Skewed)
	return b.text("business_date", m.BusinessDate)
}

// appendAsking appends the members between what caused the event and the hash before it.
func (m *Metadata) appendAsking(b jsonText) jsonText {
	b = b.optional("correlation_id", m.CorrelationID)
	if r := m.Reference; !r.IsZero() {
		b = append(b.key("reference"), '{').optional("store", r.Store).optional("terminal", r.Terminal)
		b = append(b.text("pos_txn_id", r.PosTxnID).text("leg", r.Leg), '}')
	}
	return b.optional("idempotency_key", m.IdempotencyKey).optional("program_version", m.ProgramVersion)
}
