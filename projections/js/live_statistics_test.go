package js

import (
	"context"
	"strings"
	"testing"

	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/storetest"
)

// gated is a store in which nothing is emitted before gate is closed.
type gated struct {
	*storetest.Memory
	reached, gate chan struct{}
}

func (g gated) Append(ctx context.Context, stream string, expected eventstore.Revision,
	events []eventstore.Event) (eventstore.Appended, error) {
	if strings.HasPrefix(stream, AnalystsPrefix) {
		select {
		case g.reached <- struct{}{}:
		default:
		}
		<-g.gate
	}
	return g.Memory.Append(ctx, stream, expected, events)
}

// TestLiveStatistics: the numbers tell what waits while nothing can be written, and what was done since
// the start.
func TestLiveStatistics(t *testing.T) {
	store := gated{storetest.NewMemory(), make(chan struct{}, 1), make(chan struct{})}
	r := newRig(t, store)
	r.stop()
	r.options = ManagerOptions{Every: 1}
	r.begin()
	r.append(lines(0, 5))
	r.create("x", `fromAll().when({A(s, e) { for (let i = 0; i < 150; i++) emit("analytics-x", "X", {i}); }})`, true)
	<-store.reached
	s, err := r.m.Status(t.Context(), "x")
	if err != nil {
		t.Fatal(err)
	}
	a := s.Answers
	if a.Since < 1 || a.Since > 2 || a.Buffered != 5-int(a.Since) || a.Pending != 150*int(a.Since) {
		t.Errorf("got %+v, want 150 events pending for each handled, and the rest of 5 buffered", a)
	}
	if !a.Writing || !a.Due || a.Busy <= 0 || a.Checkpoint != eventstore.Start {
		t.Errorf("got %+v, want a checkpoint that waits for what is written", a)
	}
	close(store.gate)
	a = r.settled("x").Answers
	if a.Since != 5 || a.Events != 5 || a.Buffered != 0 || a.Pending != 0 || a.Writing || a.Due || a.Emitted != 750 {
		t.Errorf("got %+v, want 5 events and 750 written, and nothing that waits", a)
	}
	r.define("x", func(l *Live) { l.Enabled = false })
	if a = r.settled("x").Answers; a.Since != 5 || a.Busy <= 0 {
		t.Errorf("got %+v once stopped, want it as it was", a)
	}
	r.define("x", func(l *Live) { l.Enabled, l.Current.Began = true, 7 })
	if a = r.settled("x").Answers; a.Since != 5 || a.Emitted != 0 {
		t.Errorf("got %+v, want 5 events since it began anew, and nothing written twice", a)
	}
	r.restart()
	if a = r.settled("x").Answers; a.Since != 0 || a.Events != 5 || a.Busy != 0 || a.Checkpoint != a.Position {
		t.Errorf("got %+v after a restart, want all 5 events of before", a)
	}
}
