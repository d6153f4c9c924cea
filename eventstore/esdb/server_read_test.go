package esdb

import (
	"io"
	"math"
	"strconv"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"

	"github.com/tillbook/tillbook/eventstore"
)

func (p *plain) Read(r *streams.ReadReq, call streams.Streams_ReadServer) error {
	method := "read"
	if r.GetOptions().GetSubscription() != nil {
		method = "subscribe"
	}
	if err := p.ask(call.Context(), method); err != nil {
		return ignoring(err)
	}
	p.mu.Lock()
	odd := p.odd
	p.mu.Unlock()
	if odd != nil {
		return call.Send(odd)
	}
	if method == "subscribe" {
		return p.subscription(r.GetOptions(), call)
	}
	if r.GetOptions().GetAll() != nil {
		return p.readAll(r.GetOptions(), call)
	}
	return p.readStream(r.GetOptions(), call)
}

func (p *plain) readStream(o *streams.ReadReq_Options, call streams.Streams_ReadServer) error {
	at := o.GetStream()
	stream := string(at.GetStreamIdentifier().GetStreamName())
	from := eventstore.Revision(at.GetRevision())
	if at.GetEnd() != nil {
		from = eventstore.End
	}
	read := p.store.Read
	if o.GetReadDirection() == streams.ReadReq_Options_Backwards {
		read = p.store.ReadBackwards
	}
	sent := uint64(0)
	for e, err := range read(call.Context(), stream, from) {
		if err != nil {
			return err
		}
		if sent++; sent > o.GetCount() {
			return nil
		}
		if p.hold != nil {
			if err := p.hold(e); err != nil {
				return err
			}
		}
		if err := call.Send(readEvent(e)); err != nil {
			return err
		}
	}
	return nil
}

func (p *plain) readAll(o *streams.ReadReq_Options, call streams.Streams_ReadServer) error {
	prefixes := o.GetFilter().GetStreamIdentifier().GetPrefix()
	from := max(o.GetAll().GetPosition().GetCommitPosition(), 1) - 1
	if o.GetReadDirection() == streams.ReadReq_Options_Backwards {
		return p.last(prefixes, call)
	}
	sent := uint64(0)
	for at, more := eventstore.Position(from), true; more; { // to the end, as it is then
		more = false
		for e, err := range p.store.ReadAll(call.Context(), at, prefixes...) {
			if err != nil {
				return err
			}
			if sent++; sent > o.GetCount() {
				return nil
			}
			if err := call.Send(readEvent(e)); err != nil {
				return err
			}
			at, more = e.Position, true
		}
		if p.end != nil {
			p.end()
		}
	}
	return nil
}

// last sends the log's last event.
func (p *plain) last(prefixes []string, call streams.Streams_ReadServer) error {
	head, err := p.store.Head(call.Context(), prefixes...)
	if err != nil || head == eventstore.Start {
		return err
	}
	for e, err := range p.store.ReadAll(call.Context(), head-1, prefixes...) {
		if err != nil {
			return err
		}
		return call.Send(readEvent(e))
	}
	return nil
}

func (p *plain) subscription(o *streams.ReadReq_Options, call streams.Streams_ReadServer) error {
	prefixes := o.GetFilter().GetStreamIdentifier().GetPrefix()
	from := eventstore.Position(o.GetAll().GetPosition().GetCommitPosition())
	send := []*streams.ReadResp{
		{Content: &streams.ReadResp_Confirmation{
			Confirmation: &streams.ReadResp_SubscriptionConfirmation{SubscriptionId: "1"}}},
		{Content: &streams.ReadResp_Checkpoint_{Checkpoint: &streams.ReadResp_Checkpoint{
			CommitPosition: math.MaxUint64, PreparePosition: math.MaxUint64}}},
	}
	caughtUp := false
	for batch, err := range p.store.Follow(call.Context(), from, prefixes...) {
		if err != nil {
			return err
		}
		for _, e := range batch {
			if p.hold != nil {
				for _, r := range send {
					_ = call.Send(r)
				}
				send = nil
				if err := p.hold(e); err != nil {
					return err
				}
			}
			send = append(send, readEvent(e))
		}
		if len(batch) == 0 && !caughtUp {
			caughtUp = true
			send = append(send, &streams.ReadResp{
				Content: &streams.ReadResp_CaughtUp_{CaughtUp: &streams.ReadResp_CaughtUp{}}})
		}
		for _, r := range send {
			if err := call.Send(r); err != nil {
				return err
			}
		}
		send = nil
	}
	return io.ErrUnexpectedEOF
}

func readEvent(e eventstore.Recorded) *streams.ReadResp {
	content := isJSON
	if e.Binary {
		content = isBinary
	}
	high, low := bits(e.ID)
	return &streams.ReadResp{Content: &streams.ReadResp_Event{Event: &streams.ReadResp_ReadEvent{
		Event: &streams.ReadResp_ReadEvent_RecordedEvent{
			Id: structured(high, low), StreamIdentifier: identifier(e.Stream),
			StreamRevision: uint64(e.Revision),
			CommitPosition: uint64(e.Position), PreparePosition: uint64(e.Position),
			Metadata: map[string]string{"type": e.Type, "content-type": content,
				"created": strconv.FormatInt(e.Created.UnixNano()/100, 10)},
			CustomMetadata: e.Metadata, Data: e.Data,
		},
		Position: &streams.ReadResp_ReadEvent_CommitPosition{CommitPosition: uint64(e.Position)},
	}}}
}
