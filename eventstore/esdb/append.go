package esdb

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/tillbook/tillbook/eventstore"
)

// Append is eventstore.Store's. Where the outcome is unknown or the server is not there, the same
// bytes are sent again at the same revision until ctx ends: a server that has them already answers as
// the first time. ErrOutcomeUnknown says that ctx ended in between. *eventstore.Damaged says that
// the stream was deleted; where it names a revision, the events were written there, behind the gap.
func (s *Store) Append(
	ctx context.Context, stream string, expected eventstore.Revision, events []eventstore.Event,
) (eventstore.Appended, error) {
	options, err := at(stream, expected)
	if err != nil {
		return eventstore.Appended{}, err
	}
	begun := time.Now()
	d := &delivery{store: s, lane: (*node).lane, stream: stream, expected: expected}
	appended, size, err := d.run(ctx, options, events)
	if err != nil {
		return eventstore.Appended{}, err
	}
	if want := expected + eventstore.Revision(len(events)); appended.Revision != want {
		return eventstore.Appended{}, &eventstore.Damaged{Stream: stream, Revision: appended.Revision,
			Reason: fmt.Sprintf("deleted: events for %d were numbered on from there", want)}
	}
	s.onCommit(1, len(events), size, time.Since(begun))
	return appended, nil
}

// delivery is one append, over all its tries.
type delivery struct {
	store    *Store
	lane     func(*node) *lane
	stream   string
	expected eventstore.Revision
	chunks   [][]byte
	unknown  bool // an earlier try may have written
}

// run encodes the events and sends them until there is an answer or ctx ends. size is what counts
// against MaxAppendBytes.
func (d *delivery) run(
	ctx context.Context, options *streams.BatchAppendReq_Options, events []eventstore.Event,
) (appended eventstore.Appended, size int, err error) {
	if err := d.store.begin(ctx, &d.store.appends); err != nil {
		return appended, 0, err
	}
	defer d.store.appends.Done()
	if d.chunks, size, err = encode(options, events); err != nil {
		return appended, size, err
	}
	appended, err = d.try(ctx)
	if isLost(err) {
		appended, err = d.again(ctx, err)
	}
	if err == nil && appended.Position == eventstore.Start { // a repeat that the server cannot place
		appended.Position, err = d.store.positionOf(ctx, d.stream, appended.Revision)
		d.unknown = d.unknown || err != nil
	}
	return appended, size, d.verdict(err)
}

// again tries until there is an answer or ctx ends.
func (d *delivery) again(ctx context.Context, last error) (eventstore.Appended, error) {
	ctx, cancel := until(ctx, d.store.drained, eventstore.ErrClosed)
	defer cancel()
	pause := d.store.pauses()
	for {
		if err := pause.wait(ctx); err != nil {
			return eventstore.Appended{}, fmt.Errorf("%w, last: %w", err, last)
		}
		appended, err := d.try(ctx)
		if isLost(err) {
			last = err
			continue
		}
		if err != nil && errors.Is(err, ended(ctx)) {
			err = fmt.Errorf("%w, last: %w", err, last)
		}
		return appended, err
	}
}

// verdict is err as the caller gets it, who knows what was to be appended where. Once the outcome is
// unknown only success and a wrong revision tell: every other answer leaves it as unknown as before.
func (d *delivery) verdict(err error) error {
	_, wrong := errors.AsType[*eventstore.WrongRevision](err)
	if wrong || err == nil || !d.unknown {
		return err
	}
	return fmt.Errorf("%w: %w", eventstore.ErrOutcomeUnknown, err)
}

// try sends the append once.
func (d *delivery) try(ctx context.Context) (eventstore.Appended, error) {
	c := d.store.leader
	n, err := c.enter(ctx)
	if err != nil {
		return eventstore.Appended{}, err
	}
	defer n.leave()
	appended, err := d.fly(ctx, d.lane(n))
	if lost, ok := errors.AsType[*lost](err); ok {
		d.unknown = d.unknown || !lost.idle
		c.failed(n, lost)
	} else if ctx.Err() == nil {
		c.worked(n)
	}
	return appended, err
}

// fly is a try on a lane.
func (d *delivery) fly(ctx context.Context, l *lane) (eventstore.Appended, error) {
	f := newFlight(d.chunks)
	select {
	case l.queue <- f:
	case <-ctx.Done():
		return eventstore.Appended{}, ended(ctx)
	}
	select {
	case landing := <-f.landed:
		if landing.err != nil {
			return eventstore.Appended{}, landing.err
		}
		return d.answer(landing.answer)
	case <-ctx.Done():
		d.unknown = d.unknown || !f.callOff()
		return eventstore.Appended{}, ended(ctx)
	}
}

// answer is what the server says of the append.
func (d *delivery) answer(a *streams.BatchAppendResp) (eventstore.Appended, error) {
	if ok := a.GetSuccess(); ok != nil {
		return eventstore.Appended{
			Revision: eventstore.Revision(ok.GetCurrentRevision()),
			Position: eventstore.Position(ok.GetPosition().GetCommitPosition()),
		}, nil
	}
	refusal := a.GetError()
	if refusal == nil {
		return eventstore.Appended{}, &lost{err: errors.New("the server answered nothing")}
	}
	var details *anypb.Any
	if all := refusal.GetDetails(); len(all) > 0 {
		details = all[0]
	}
	return eventstore.Appended{}, d.refused(
		codes.Code(refusal.GetCode()), refusal.GetMessage(), details)
}

// refused sorts the refusals of a BatchAppend. The code OK comes with appends that the server did not
// look at, because it is busy or not ready.
func (d *delivery) refused(code codes.Code, message string, details *anypb.Any) error {
	var wrong shared.WrongExpectedVersion
	var tooBig shared.MaximumAppendSizeExceeded
	switch {
	case details.MessageIs(&wrong) && details.UnmarshalTo(&wrong) == nil:
		actual := eventstore.NoStream
		if _, ok := wrong.GetCurrentStreamRevisionOption().(*shared.WrongExpectedVersion_CurrentStreamRevision); ok {
			actual = eventstore.Revision(wrong.GetCurrentStreamRevision())
		}
		return &eventstore.WrongRevision{Stream: d.stream, Expected: d.expected, Actual: actual}
	case details.MessageIs(&tooBig) && details.UnmarshalTo(&tooBig) == nil:
		return fmt.Errorf("%w: the server takes %d bytes at once",
			eventstore.ErrTooLarge, tooBig.GetMaxAppendSize())
	case details.MessageIs(&shared.StreamDeleted{}):
		return deleted(d.stream)
	case details.MessageIs(&shared.AccessDenied{}):
		return errors.New("the server denies this user access")
	case details.MessageIs(&shared.BadRequest{}), code == codes.InvalidArgument:
		return fmt.Errorf("the server does not take the events: %s", message)
	}
	return &lost{err: fmt.Errorf("the server answered %v: %s", code, message), idle: code == codes.OK}
}
