package embedded

import (
	"errors"
	"iter"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/google/uuid"

	"github.com/tillbook/tillbook/eventstore"
)

// TestTwoRounds holds the sync of a round up until the next one, which rests on it, is in Pebble
// too. Nothing may be answered before the sync, nor with success when it fails.
func TestTwoRounds(t *testing.T) {
	for _, failure := range []error{nil, syscall.EIO} {
		held, ends := make(chan struct{}), make(chan error)
		disk, hold := vfs.NewMem(), atomic.Bool{} // hold the next sync
		s, err := Open("data", Options{FS: holding(disk, &hold, held, ends)})
		if err != nil {
			t.Fatalf("open: got %v, want no error", err)
		}
		first, second, other := oneEvent(), oneEvent(), oneEvent()
		answers := make(chan answered, 4)
		send := func(expected eventstore.Revision, events []eventstore.Event) {
			at, err := s.Append(t.Context(), "account-1", expected, events)
			answers <- answered{events[0].ID, at, err}
		}
		hold.Store(true)
		go send(eventstore.NoStream, first)
		<-held
		go send(0, second)                  // the next event
		go send(eventstore.NoStream, first) // a repeat
		go send(eventstore.NoStream, other) // a refusal
		for len(s.applied) == 0 {
			runtime.Gosched()
		}
		if len(answers) > 0 || s.tide.position() != eventstore.Start {
			t.Fatalf("before the sync: got %d answers, head %d, want none", len(answers),
				s.tide.position())
		}
		ends <- failure
		for range cap(answers) {
			(<-answers).check(t, failure, first[0].ID, second[0].ID)
		}
		if err := s.Close(); !errors.Is(err, failure) {
			t.Fatalf("close: got %v, want %v", err, failure)
		}
		again(t, disk, first)
	}
}

// holding is a disk that, asked to hold, says that the next sync of a WAL is held and ends it as it is told.
func holding(disk vfs.FS, hold *atomic.Bool, held chan<- struct{}, ends <-chan error) vfs.FS {
	return errorfs.Wrap(disk, errorfs.InjectorFunc(func(op errorfs.Op) error {
		sync := op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData
		if !sync || !strings.HasSuffix(op.Path, ".log") || !hold.CompareAndSwap(true, false) {
			return nil
		}
		held <- struct{}{}
		return <-ends
	}))
}

// TestReadsWhatIsDurable reads a stream while an append to it is in Pebble and not on disk.
func TestReadsWhatIsDurable(t *testing.T) {
	held, ends, hold := make(chan struct{}), make(chan error), atomic.Bool{}
	s, err := Open("data", Options{FS: holding(vfs.NewMem(), &hold, held, ends)})
	if err != nil {
		t.Fatalf("open: got %v, want no error", err)
	}
	defer s.Close()
	first, done := oneEvent(), make(chan error)
	write := func(expected eventstore.Revision, events []eventstore.Event) error {
		_, err := s.Append(t.Context(), "account-1", expected, events)
		return err
	}
	if err := write(eventstore.NoStream, first); err != nil {
		t.Fatalf("append: got %v, want no error", err)
	}
	hold.Store(true)
	go func() { done <- write(0, slices.Concat(oneEvent(), oneEvent())) }()
	<-held
	for n := uint64(0); n == 0; n, _ = s.number(indexKey(1, 2)) {
		runtime.Gosched()
	}
	for _, events := range []iter.Seq2[eventstore.Recorded, error]{
		s.Read(t.Context(), "account-1", 0), s.ReadBackwards(t.Context(), "account-1", eventstore.End),
		s.ReadBackwards(t.Context(), "account-1", 1),
	} {
		got := 0
		for e, err := range events {
			if got++; err != nil || e.ID != first[0].ID || got > 1 {
				t.Errorf("event %d: got %s@%d, %v, want the first alone", got, e.Stream, e.Revision, err)
			}
		}
		if got == 0 {
			t.Error("got no event, want the first")
		}
	}
	ends <- nil
	if err := <-done; err != nil {
		t.Errorf("append: got %v, want no error", err)
	}
}

type answered struct {
	event uuid.UUID
	at    eventstore.Appended
	err   error
}

func (a answered) check(t *testing.T, failure error, first, second uuid.UUID) {
	t.Helper()
	var wrong *eventstore.WrongRevision
	switch refused := errors.As(a.err, &wrong); {
	case failure != nil:
		if !errors.Is(a.err, failure) || refused {
			t.Errorf("answer after the failure: got %v, want %v", a.err, failure)
		}
	case a.event == first:
		if a.err != nil || a.at != (eventstore.Appended{Revision: 0, Position: 1}) {
			t.Errorf("first: got %v, %v, want 0 at 1", a.at, a.err)
		}
	case a.event == second:
		if a.err != nil || a.at != (eventstore.Appended{Revision: 1, Position: 2}) {
			t.Errorf("second: got %v, %v, want 1 at 2", a.at, a.err)
		}
	case !refused:
		t.Errorf("other: got %v, want a wrong revision", a.err)
	}
}

// again sends events once more to what is left on disk: they are there once, as the first.
func again(t *testing.T, disk vfs.FS, events []eventstore.Event) {
	t.Helper()
	s, err := Open("data", Options{FS: disk})
	if err != nil {
		t.Fatalf("open again: got %v, want no error", err)
	}
	defer s.Close()
	at, err := s.Append(t.Context(), "account-1", eventstore.NoStream, events)
	if err != nil || at != (eventstore.Appended{Revision: 0, Position: 1}) {
		t.Fatalf("append again: got %v, %v, want 0 at 1", at, err)
	}
}

func oneEvent() []eventstore.Event {
	return []eventstore.Event{{ID: uuid.New(), Type: "Written", Data: []byte("{}")}}
}
