package embedded

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/tillbook/tillbook/eventstore"
)

// The bounds of one commit. As many appends again may wait in the queue.
const (
	roundAppends = 1024
	roundBytes   = 4 << 20
)

// commitRounds is the committer: the one goroutine that writes events. It takes all appends that
// wait, commits them together, and answers; meanwhile the next ones queue. It ends when the queue
// is closed and empty.
func (s *Store) commitRounds() {
	defer close(s.committed)
	for first := range s.queue {
		s.commit(s.gather(first))
	}
}

// gather takes the appends that wait, up to a round's bounds. The callers of the last round have
// just been answered: it lets them run until no more come, so that they share this round.
func (s *Store) gather(first *pending) []*pending {
	appends, bytes := append(make([]*pending, 0, len(s.queue)+1), first), first.bytes
	for waited := false; len(appends) < roundAppends && bytes < roundBytes; {
		select {
		case p, open := <-s.queue:
			if !open {
				return appends
			}
			appends, bytes, waited = append(appends, p), bytes+p.bytes, false
		default:
			if waited {
				return appends
			}
			waited = true
			runtime.Gosched()
		}
	}
	return appends
}

// round is the events of one commit.
type round struct {
	store    *Store
	batch    *pebble.Batch
	look     lookup
	last     eventstore.Position // of the last event in batch
	streams  map[string]*staged
	outcomes []outcome
	events   int
	bytes    int
}

// staged is a stream as it will stand after the round.
type staged struct {
	head
	before  eventstore.Revision   // the last revision that is in the database
	records [][]byte              // the round's own, after before
	at      []eventstore.Position // of records
}

// commit writes a round and answers its appends. Refusals wait for the commit too: what they say
// about a stream may rest on events of this very round.
func (s *Store) commit(appends []*pending) {
	began := time.Now()
	r := &round{
		store: s, batch: s.db.NewBatch(), look: lookup{store: s}, last: s.tide.position(),
		streams:  make(map[string]*staged, len(appends)),
		outcomes: make([]outcome, len(appends)),
	}
	err := s.medium.stopped()
	for i, p := range appends {
		if err == nil {
			r.outcomes[i].appended, r.outcomes[i].err = r.stage(p)
		} else {
			r.outcomes[i].err = err
		}
	}
	r.look.close()
	if r.events > 0 {
		r.write(len(appends), began)
	}
	_ = r.batch.Close() // it only gives memory back
	for i, p := range appends {
		p.outcome <- r.outcomes[i]
	}
}

// write makes the batch durable and then visible.
func (r *round) write(appends int, began time.Time) {
	s := r.store
	err := s.db.Apply(r.batch, pebble.Sync)
	if err == nil {
		err = s.medium.failure()
	}
	if err != nil {
		s.medium.freeze(err)
		r.fail(err)
		return
	}
	// At this point the events are on disk.
	for name, stream := range r.streams {
		s.heads.put(name, stream.head)
	}
	s.tide.rise(r.last)
	if s.onCommit != nil {
		s.onCommit(appends, r.events, r.bytes, time.Since(began))
	}
}

// fail turns the answers of a round whose commit failed. What was to be written may be found when
// the folder is opened again; what was refused is not written, but why may no longer be true.
func (r *round) fail(cause error) {
	for i := range r.outcomes {
		o := &r.outcomes[i]
		if o.err == nil {
			o.err = fmt.Errorf("%w: %w", eventstore.ErrOutcomeUnknown, cause)
		} else {
			o.err = r.store.medium.stopped()
		}
		o.appended = eventstore.Appended{}
	}
}

// stage adds an append's events to the batch, or says why not.
func (r *round) stage(p *pending) (eventstore.Appended, error) {
	stream, err := r.stream(p.stream)
	if err != nil {
		return eventstore.Appended{}, fmt.Errorf("append to %s: %w", p.stream, err)
	}
	if stream.revision == p.expected {
		return r.add(p, stream)
	}
	again, err := r.repeated(p, stream)
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

// stream is the named one as the round has left it so far.
func (r *round) stream(name string) (*staged, error) {
	if stream, ok := r.streams[name]; ok {
		return stream, nil
	}
	at, ok := r.store.heads.get(name)
	if !ok {
		var err error
		if at, err = r.look.head(name); err != nil {
			return nil, err
		}
	}
	stream := &staged{head: at, before: at.revision}
	r.streams[name] = stream
	return stream, nil
}

// add writes an append's records at the end of its stream.
func (r *round) add(p *pending, stream *staged) (eventstore.Appended, error) {
	if stream.id == 0 {
		stream.id = streamID(r.last + 1)
		id := binary.AppendUvarint(nil, uint64(stream.id))
		if err := r.batch.Set(nameKey(p.stream), id, nil); err != nil {
			return eventstore.Appended{}, err
		}
	}
	for _, record := range p.records {
		r.last++
		stream.revision++
		if err := r.set(stream, record); err != nil {
			return eventstore.Appended{}, err
		}
		stream.at = append(stream.at, r.last)
	}
	stream.records = append(stream.records, p.records...)
	r.events, r.bytes = r.events+len(p.records), r.bytes+p.bytes
	return eventstore.Appended{Revision: stream.revision, Position: r.last}, nil
}

// set writes one record and its place in the index, straight into the batch's memory.
func (r *round) set(stream *staged, record []byte) error {
	log := r.batch.SetDeferred(logKeySize, len(record))
	appendLogKey(log.Key[:0], r.last)
	copy(log.Value, record)
	if err := log.Finish(); err != nil {
		return err
	}
	var at [binary.MaxVarintLen64]byte
	size := binary.PutUvarint(at[:], uint64(r.last))
	index := r.batch.SetDeferred(indexKeySize, size)
	appendIndexKey(index.Key[:0], stream.id, stream.revision)
	copy(index.Value, at[:size])
	return index.Finish()
}

// repeated answers an append whose very events follow its expected revision; nil where they do not.
func (r *round) repeated(p *pending, stream *staged) (*eventstore.Appended, error) {
	events := eventstore.Revision(len(p.records))
	if p.expected < eventstore.NoStream || p.expected > stream.revision-events {
		return nil, nil
	}
	var at eventstore.Appended
	for i, record := range p.records {
		at.Revision = p.expected + 1 + eventstore.Revision(i)
		written, err := r.record(p.stream, stream, &at)
		if err != nil {
			return nil, err
		}
		if recordID(written) != recordID(record) {
			return nil, nil
		}
	}
	return &at, nil
}

// record is the stream's record at a revision and sets its position.
func (r *round) record(name string, stream *staged, at *eventstore.Appended) ([]byte, error) {
	if own := at.Revision - stream.before - 1; own >= 0 {
		at.Position = stream.at[own]
		return stream.records[own], nil
	}
	return r.look.record(name, stream.id, at)
}
