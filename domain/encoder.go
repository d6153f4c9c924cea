package domain

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"sync"
)

// Encoder encodes events that are appended together: into one piece of memory, and what the metadata of
// neighbours have in common is written once and copied from then on. It belongs to one goroutine.
type Encoder struct {
	memory        jsonText // empty; where it began
	free          jsonText // behind what is written, there or in memory that was added
	last          Metadata // of the event before, without what is an event's own
	about, asking jsonText // of last, as written
}

// The memory of an encoder holds a whole sale; an event's data and metadata seldom exceed eventBytes
// together.
const (
	encoderBytes = 16 << 10
	eventBytes   = 1536
)

// encoders are spare, each with its memory.
var encoders = sync.Pool{New: func() any { return newEncoder(encoderBytes) }}

func newEncoder(bytes int) *Encoder {
	memory := make(jsonText, 0, bytes)
	return &Encoder{memory: memory, free: memory}
}

// NewEncoder is an encoder without events.
func NewEncoder() *Encoder { return encoders.Get().(*Encoder) }

// Free gives e's memory to another encoder. What e encoded must not be used any more, nor e.
func (e *Encoder) Free() {
	*e = Encoder{memory: e.memory, free: e.memory}
	encoders.Put(e)
}

// Encode is what is stored of p: its type, data and metadata.
func (e *Encoder) Encode(p *Posted) (kind string, data, metadata []byte, err error) {
	if cap(e.free) < eventBytes {
		e.free = make(jsonText, 0, encoderBytes)
	}
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
