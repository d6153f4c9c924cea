package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
)

// Registering is a registration with everything that stands around it.
type Registering struct {
	Registration  domain.Registration
	Key           string
	Caller        Caller
	CorrelationID string
	DryRun        bool
	Context       domain.Context // of what happens at a place; else none
}

// Register answers a registration as Do answers a command. Its stream is short, and read whole, but for
// a campaign's.
func (l *Ledger) Register(ctx context.Context, q Registering) (Answer, error) {
	stream := q.Registration.Stream()
	if id := strings.TrimPrefix(stream, campaignStream); id != stream {
		return l.registerCampaign(q, id)
	}
	if err := l.begin(); err != nil {
		return Answer{}, err
	}
	defer l.end()
	for range attempts {
		a, err := l.register(ctx, q)
		if !isConflict(err) {
			return a, err
		}
	}
	return Answer{}, ErrBusy
}

// begin counts a registration among the commands that Close waits for.
func (l *Ledger) begin() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopping {
		return ErrStopping
	}
	l.registering++
	return nil
}

func (l *Ledger) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.registering--
	l.idle.Broadcast()
}

func (l *Ledger) register(ctx context.Context, q Registering) (Answer, error) {
	before, hash, err := l.past(ctx, q.Registration.Stream())
	if err != nil {
		return Answer{}, err
	}
	for _, e := range before { // another node may have written them just now
		l.registry.set(q.Registration.Stream(), e.Posted)
	}
	for _, e := range before {
		if q.Key != "" && e.Metadata.IdempotencyKey == q.Key {
			return registered(before, e, q.Registration)
		}
	}
	place, err := l.storeOf(ctx, q.Context.Store)
	if err != nil {
		return Answer{}, err
	}
	m := l.registeringMoment(q, before)
	m.Place = place
	events, err := domain.Register(posted(before), q.Registration, m)
	var done *domain.Done
	if errors.As(err, &done) {
		return Answer{Events: []domain.Posted{done.Original}, Replayed: true,
			Position: before[done.Original.Revision].position}, nil
	}
	if err != nil {
		return Answer{}, err
	}
	if q.DryRun {
		return Answer{Events: events}, nil
	}
	return l.appendRegistration(ctx, q.Registration.Stream(), events, hash)
}

// registered answers a registration whose key is e's with what it posted.
func registered(before []located, e located, r domain.Registration) (Answer, error) {
	if differing := domain.DifferingRegistration(e.Posted, r); len(differing) > 0 {
		refusal := domain.ErrKeyReused.By(e.Posted)
		for _, name := range differing {
			refusal = refusal.Field(name, "differs from the request this key answered")
		}
		return Answer{}, refusal.Because(domain.ErrKeyReused.Detail)
	}
	a := Answer{Replayed: true}
	for _, p := range before {
		if p.Metadata.OperationID == e.Metadata.OperationID {
			a.Events, a.Position = append(a.Events, p.Posted), p.position
		}
	}
	return a, nil
}

func posted(before []located) []domain.Posted {
	events := make([]domain.Posted, len(before))
	for i, e := range before {
		events[i] = e.Posted
	}
	return events
}

func (l *Ledger) registeringMoment(q Registering, before []located) domain.Moment {
	m := domain.Moment{
		Recorded: l.now(), Seed: seed(), Actor: q.Caller.Actor, Role: string(q.Caller.Role),
		OnBehalfOf: q.Caller.OnBehalfOf, CorrelationID: q.CorrelationID, IdempotencyKey: q.Key,
		Context: q.Context,
	}
	if n := len(before); n > 0 && m.Recorded.Before(before[n-1].Metadata.RecordedAt) {
		m.Recorded = before[n-1].Metadata.RecordedAt
	}
	m.Decided = m.Recorded
	return m
}

// past is a registry stream's whole history, and the hash of its last event.
func (l *Ledger) past(ctx context.Context, stream string) ([]located, domain.Hash, error) {
	var before []located
	var hash domain.Hash
	for e, err := range l.store.Read(ctx, stream, 0) {
		if err != nil {
			return nil, hash, fmt.Errorf("read %s: %w", stream, err)
		}
		p, err := l.decode(e)
		if err != nil {
			return nil, hash, err
		}
		if p.Metadata.PrevHash != hash {
			return nil, hash, l.damaged(e, fmt.Errorf("prev_hash is not %s", hash))
		}
		before = append(before, located{p, e.Position})
		hash = link(e)
	}
	return before, hash, nil
}

func (l *Ledger) appendRegistration(
	ctx context.Context, stream string, posted []domain.Posted, hash domain.Hash,
) (Answer, error) {
	encoder := domain.NewEncoder()
	defer encoder.Free()
	events, _, err := chained(encoder, nil, stream, hash, posted)
	if err != nil {
		return Answer{}, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.opts.Timeout)
	defer cancel()
	appended, err := retryUnknown(ctx, func() (eventstore.Appended, error) {
		return l.store.Append(ctx, stream, eventstore.Revision(posted[0].Revision-1), events)
	})
	if err != nil {
		return Answer{}, fmt.Errorf("append to %s: %w", stream, err)
	}
	for _, p := range posted {
		l.registry.set(stream, p)
	}
	return Answer{Events: posted, Position: appended.Position}, nil
}

// chained encodes events of a stream behind others, each linked to the one before it, the first to hash,
// and answers the last one's hash. Their bytes are the encoder's.
func chained(
	encoder *domain.Encoder, to []eventstore.Event, stream string, hash domain.Hash, posted []domain.Posted,
) (events []eventstore.Event, last domain.Hash, err error) {
	to = slices.Grow(to, len(posted))
	for i := range posted {
		p := &posted[i]
		p.Metadata.PrevHash = hash
		kind, data, metadata, err := encoder.Encode(p)
		if err != nil {
			return nil, hash, err
		}
		hash = domain.Link(stream, p.Revision, p.Metadata.EventID, kind, data, metadata)
		to = append(to, eventstore.Event{ID: p.Metadata.EventID, Type: kind, Data: data,
			Metadata: metadata})
	}
	return to, hash, nil
}

// isRegistry tells a registry's stream, which is held in memory, from a shift's and the like.
func isRegistry(stream string) bool {
	return slices.ContainsFunc(registries, func(prefix string) bool {
		return strings.HasPrefix(stream, prefix)
	})
}
