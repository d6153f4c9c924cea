package esdbserver

import (
	"math"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"
)

// behind is how many events may wait for a live subscription. One that finds more has fallen
// behind: it catches up as it did at its start, and says so when it has.
const behind = 512

// follow answers a stream, or a list, as a subscription, until its caller leaves, the server stops,
// or the stream gets a tombstone.
//
// While it catches up it shows what a reader may see. Live it shows every event, whatever $maxCount
// and $tb say by the time it is read.
func (r *reading) follow(from series) error {
	// Watched first: what is written after the view wakes the watcher.
	w, err := r.tide.watch(r.ctx, from.key())
	if err != nil {
		return err
	}
	defer r.tide.leave(w)
	v, err := from.view(r.ctx)
	if err != nil {
		return err
	}
	if err := r.confirm(); err != nil {
		return err
	}
	after := r.after(v.last)
	for {
		for it, err := range r.upwards(from, v, after+1) {
			if err == nil {
				err = r.send(it)
			}
			if err != nil {
				return err
			}
		}
		after = max(after, v.last) // what the view left out is not for later
		if err := r.caughtUp(); err != nil {
			return err
		}
		if after, err = r.live(from, w, after); err != nil {
			return err
		}
		if v, err = from.view(r.ctx); err != nil {
			return err
		}
	}
}

// after is the number of the event that a subscription begins after; last is the series' last one.
func (r *reading) after(last int64) int64 {
	switch {
	case r.start:
		return -1
	case r.end:
		return last
	}
	return min(r.number(), math.MaxInt64-1) // no event has the number after it
}

// live answers events as they come, from the one after a number on. It returns with the number of
// the last one when it has fallen behind.
func (r *reading) live(from series, w *watcher, after int64) (int64, error) {
	for {
		// A view may be older than what woke nobody, so this begins by reading.
		sent := 0
		for it, err := range from.read(r.ctx, after+1) {
			if sent == behind {
				return after, nil
			}
			if err == nil {
				err = r.send(it)
			}
			if err == nil && it.event.Type == tombstoneType {
				err = streamDeleted(r.ctx, r.stream)
			}
			if err != nil {
				return after, err
			}
			after = it.number
			sent++
		}
		if err := r.wait(w); err != nil {
			return after, err
		}
	}
}

// wait returns when the watcher was woken, or with the reason why the call ends.
func (r *reading) wait(w *watcher) error {
	select {
	case <-w.woken:
		return nil
	case <-r.ctx.Done():
		return r.ctx.Err()
	}
}

func (r *reading) confirm() error {
	return r.out.Send(&streams.ReadResp{Content: &streams.ReadResp_Confirmation{
		Confirmation: &streams.ReadResp_SubscriptionConfirmation{SubscriptionId: uuid.NewString()},
	}})
}

func (r *reading) caughtUp() error {
	return r.out.Send(&streams.ReadResp{Content: &streams.ReadResp_CaughtUp_{
		CaughtUp: &streams.ReadResp_CaughtUp{},
	}})
}
