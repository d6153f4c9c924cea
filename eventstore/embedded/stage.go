package embedded

import (
	"encoding/binary"
	"fmt"

	"github.com/tillbook/tillbook/eventstore"
)

// decide stages an append, unless one that it follows was refused.
func (c *committer) decide(r *round, p *pending) (eventstore.Appended, error) {
	if p.sequence == nil {
		return c.stage(r, p)
	}
	if p.sequence.refused {
		return eventstore.Appended{}, errEarlier
	}
	appended, err := c.stage(r, p)
	p.sequence.refused = err != nil
	return appended, err
}

// stage adds an append's events to the round's batch, or says why not.
func (c *committer) stage(r *round, p *pending) (eventstore.Appended, error) {
	stream, err := c.stream(p.stream)
	if err != nil {
		return eventstore.Appended{}, fmt.Errorf("append to %s: %w", p.stream, err)
	}
	if stream.revision == p.expected {
		return c.add(r, p, stream)
	}
	again, err := c.repeated(p, stream)
	if err != nil {
		return eventstore.Appended{}, fmt.Errorf("append to %s: %w", p.stream, err)
	}
	if again != nil {
		return *again, nil
	}
	return eventstore.Appended{}, &eventstore.WrongRevision{
		Stream: p.stream, Expected: p.expected, Actual: stream.revision,
	}
}

// stream is where the named one ends, with what the rounds under way have added.
func (c *committer) stream(name string) (*head, error) {
	if stream := c.heads.get(name); stream != nil {
		return stream, nil
	}
	stream, err := c.look.head(name)
	if err != nil {
		return nil, err
	}
	return c.heads.put(name, stream), nil
}

// add writes an append's records at the end of its stream.
func (c *committer) add(r *round, p *pending, stream *head) (eventstore.Appended, error) {
	if r.batch == nil {
		r.batch = c.store.db.NewBatchWithSize(r.bytes + len(r.appends)*recordOverhead)
	}
	if stream.id == 0 {
		stream.id = streamID(c.last + 1)
		id := binary.AppendUvarint(nil, uint64(stream.id))
		if err := r.batch.Set(nameKey(p.stream), id, nil); err != nil {
			return eventstore.Appended{}, err
		}
	}
	for _, record := range p.records {
		c.last++
		stream.revision++
		if err := r.set(c.last, record); err != nil {
			return eventstore.Appended{}, err
		}
	}
	r.index = append(r.index, place{stream.id, run{stream.revision, c.last}})
	p.earlier = stream.newestOf(c.number)
	stream.newest, stream.round = p, c.number
	r.events, r.written = r.events+len(p.records), r.written+len(p.buffer)
	return eventstore.Appended{Revision: stream.revision, Position: c.last}, nil
}

// recordOverhead is about what a batch needs for one record beside its bytes: two keys, their
// lengths and kinds.
const recordOverhead = 48

// set writes one record straight into the batch's memory.
func (r *round) set(at eventstore.Position, record []byte) error {
	log := r.batch.SetDeferred(logKeySize, len(record))
	appendLogKey(log.Key[:0], at)
	copy(log.Value, record)
	return log.Finish()
}

// setIndex writes the appends' places behind all records: keys that come in order cost Pebble less
// to insert, and those of the log do.
func (r *round) setIndex() error {
	for _, e := range r.index {
		var at [binary.MaxVarintLen64]byte
		size := binary.PutUvarint(at[:], uint64(e.at))
		index := r.batch.SetDeferred(indexKeySize, size)
		appendIndexKey(index.Key[:0], e.id, e.last)
		copy(index.Value, at[:size])
		if err := index.Finish(); err != nil {
			return err
		}
	}
	return nil
}

// repeated answers an append whose very events follow its expected revision; nil where they do not.
func (c *committer) repeated(p *pending, stream *head) (*eventstore.Appended, error) {
	events := eventstore.Revision(len(p.records))
	if p.expected < eventstore.NoStream || p.expected > stream.revision-events {
		return nil, nil
	}
	var at eventstore.Appended
	for i, record := range p.records {
		at.Revision = p.expected + 1 + eventstore.Revision(i)
		written, err := c.record(p.stream, stream, &at)
		if err != nil {
			return nil, err
		}
		if recordID(written) != recordID(record) {
			return nil, nil
		}
	}
	return &at, nil
}

// record is the stream's record at a revision and sets its position. What is not of this round is
// in the database, durable or not.
func (c *committer) record(name string, stream *head, at *eventstore.Appended) ([]byte, error) {
	for p := stream.newestOf(c.number); p != nil; p = p.earlier {
		if own := at.Revision - p.expected - 1; own >= 0 {
			at.Position = p.answer.Position - eventstore.Position(p.answer.Revision-at.Revision)
			return p.records[own], nil
		}
	}
	return c.look.record(name, stream.id, at)
}
