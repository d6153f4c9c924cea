package webhooks_test

import (
	"log/slog"
	"testing"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/enginetest"
)

// TestAnotherFolder: where the log has come without the file, the events of its past are not sent; those
// that follow are, after another restart, too, and so are all of a webhook that is registered then.
func TestAnotherFolder(t *testing.T) {
	s := open(t)
	r := listen(t, nil)
	w := s.hook(r)
	s.account("A", "")
	s.account("B", "")
	s.deliveries(w.ID, settled(2))
	s.end()
	s.folder = t.TempDir()
	s.start()
	s.end()
	s.account("C", "")
	s.start()
	s.deliveries(w.ID, settled(1))
	if got := r.got(); len(got) != 3 || got[2].sequence != 1 {
		t.Errorf("got %d requests, want 3", len(got))
	}
	s.end()
	second := s.hook(r)
	s.account("D", "")
	s.start()
	s.deliveries(second.ID, settled(1))
	s.deliveries(w.ID, settled(2))
}

// TestCopiedLog: in a copy of the log the same events stand at other positions; what was sent is not
// sent again.
func TestCopiedLog(t *testing.T) {
	s := open(t)
	r := listen(t, nil)
	w := s.hook(r)
	s.account("A", "")
	s.account("B", "")
	s.deliveries(w.ID, settled(2))
	s.end()
	other := enginetest.Open(t)
	filler := make([]eventstore.Event, 50)
	for i := range filler {
		filler[i] = eventstore.Event{ID: uuid.New(), Type: "Filler", Data: []byte("{}"), Metadata: []byte("{}")}
	}
	if _, err := other.Append(t.Context(), "filler", eventstore.NoStream, filler); err != nil {
		t.Fatal(err)
	}
	s.moveTo(other, func(eventstore.Recorded) bool { return true })
	s.start()
	s.account("C", "")
	s.deliveries(w.ID, settled(3))
	if got := r.got(); len(got) != 3 || got[2].sequence != 3 {
		t.Errorf("got %d requests, want 3", len(got))
	}
}

// TestOlderLog: an older copy of the log is put back, which does not hold what was sent last. What it
// holds is not sent again, and what comes is.
func TestOlderLog(t *testing.T) {
	s := open(t)
	r := listen(t, nil)
	w := s.hook(r)
	s.account("A", "")
	lost := s.account("B", "")
	s.deliveries(w.ID, settled(2))
	s.end()
	s.moveTo(enginetest.Open(t), func(e eventstore.Recorded) bool {
		return e.Stream != domain.AccountStream(lost)
	})
	told := make(lines, 10)
	s.opts.Logger = slog.New(slog.NewTextHandler(told, nil))
	s.start()
	<-told // where it begins
	s.end()
	s.account("C", "")
	s.start()
	s.deliveries(w.ID, settled(3))
	if got := r.got(); len(got) != 3 || got[2].sequence != 3 {
		t.Errorf("got %d requests, want 3", len(got))
	}
}

// lines tells of each line that is logged, as far as there is room.
type lines chan struct{}

func (l lines) Write(p []byte) (int, error) {
	select {
	case l <- struct{}{}:
	default:
	}
	return len(p), nil
}

// moveTo goes on with another log, into which some of this one's events are copied.
func (s *shop) moveTo(other eventstore.Store, wanted func(eventstore.Recorded) bool) {
	s.Helper()
	for e, err := range s.store.ReadAll(s.Context(), eventstore.Start, domain.Prefixes...) {
		if err == nil && wanted(e) {
			_, err = other.Append(s.Context(), e.Stream, e.Revision-1, []eventstore.Event{e.Event})
		}
		if err != nil {
			s.Fatal(err)
		}
	}
	s.ledger.Close()
	s.store, s.ledger = other, ledger.Open(other, ledger.Options{Shared: enginetest.Shared()})
	if err := s.ledger.Ready(s.Context()); err != nil {
		s.Fatal(err)
	}
}
