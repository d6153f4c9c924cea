package groups

import (
	"testing"
	"time"
)

func TestDelivery(t *testing.T) {
	runRules(t, []rule{
		{"events go out in order, as far as there are slots", nil, `
			read 0 1 2
			join a 2        -> a<0 a<1
			ack a 0         -> a<2
			ack a 1 2
			read 3          -> a<3`},
		{"events that were there before the client are not lost", nil, `
			read 0
			read 1
			join a 10       -> a<0 a<1`},
		{"an answer frees one slot, once", nil, `
			join a 1
			read 0 1 2      -> a<0
			ack a 0         -> a<1
			ack a 0
			ack a 7`},
		{"an unknown nack retries", nil, `
			join a 1
			read 0 1        -> a<0
			nack a unknown 0 -> a<0/1
			ack a 0         -> a<1`},
		{"a retry comes before what was never sent", nil, `
			join a 1
			read 0 1        -> a<0
			nack a retry 0  -> a<0/1`},
		{"retries come in the order of the source", nil, `
			join a 3
			read 0 1 2 3    -> a<0 a<1 a<2
			nack a retry 2 0 1 -> a<0/1 a<1/1 a<2/1
			nack a retry 1 0 -> a<0/2 a<1/2`},
		{"a skipped event is finished", func(s *Settings) { s.MaxCheckpoint = 1 }, `
			join a 1
			read 0 1        -> a<0
			nack a skip 0   -> a<1 at 0`},
		{"stop changes nothing", func(s *Settings) { s.MaxCheckpoint = 1 }, `
			join a 1
			read 0 1        -> a<0
			nack a stop 0
			leave a
			join b 1        -> b<0/1`},
		{"a parked event frees its slot", nil, `
			join a 1
			read 0 1        -> a<0
			nack a park 0   -> a<1 park 0`},
		{"what cannot be parked is delivered again", nil, `
			join a 2
			read 0          -> a<0
			nack a park 0   -> park 0
			unparked        -> a<0/1`},
		{"the last retry is followed by parking", func(s *Settings) { s.MaxRetries = 2 }, `
			join a 1
			read 0          -> a<0
			nack a retry 0  -> a<0/1
			nack a retry 0  -> a<0/2
			nack a retry 0  -> park 0`},
		{"no retries at all parks at once", func(s *Settings) { s.MaxRetries = 0 }, `
			join a 1
			read 0          -> a<0
			nack a unknown 0 -> park 0`},
		{"any client may answer", nil, `
			join a 1
			join b 1
			read 0 1 2      -> a<0 b<1
			ack b 0         -> a<2`},
		{"of two events with one id, a client means its own", nil, `
			join a 1
			join b 1
			read 0 1#0 2    -> a<0 b<1
			ack b 0         -> b<2
			leave b
			leave a
			join c 9        -> c<0/1 c<2/1`},
		{"and of its own the earlier one", nil, `
			join a 2
			read 0 1#0 2    -> a<0 a<1
			ack a 0         -> a<2
			leave a
			join c 9        -> c<1/1 c<2/1`},
	})
}

func TestTimeouts(t *testing.T) {
	runRules(t, []rule{
		{"nothing happens before its time", nil, `
			join a 1
			read 0          -> a<0
			tick 29s`},
		{"an event that timed out is delivered again", nil, `
			join a 1
			join b 1
			read 0          -> a<0
			tick 30s        -> a-0 b<0/1`},
		{"only what timed out", nil, `
			join a 3
			read 0          -> a<0
			wait 10s
			read 1          -> a<1
			tick 20s        -> a-0 a<0/1
			tick 10s        -> a-1 a<1/1
			tick 20s        -> a-0 a<0/2`},
		{"an answered one does not", nil, `
			join a 1
			read 0          -> a<0
			ack a 0
			tick 30s`},
		{"too many parks", func(s *Settings) { s.MaxRetries = 1 }, `
			join a 2
			read 0 1        -> a<0 a<1
			tick 30s        -> a-0 a-1 a<0/1 a<1/1
			tick 30s        -> a-0 a-1 park 0 park 1`},
		{"a timeout frees the slot", func(s *Settings) { s.MaxRetries = 0 }, `
			join a 1
			read 0 1        -> a<0
			tick 30s        -> a-0 a<1 park 0`},
		{"no timeout is the next tick", func(s *Settings) { s.MessageTimeout = 0 }, `
			join a 1
			read 0          -> a<0
			tick 0s         -> a-0 a<0/1`},
		{"an answer that comes while the event waits to be retried is too late", nil, `
			join a 1
			read 0          -> a<0
			tick 30s        -> a-0 a<0/1
			leave a
			ack a 0
			join b 1        -> b<0/2`},
	})
}

func TestClientsLeave(t *testing.T) {
	runRules(t, []rule{
		{"what it had goes to others, in order, before new events", nil, `
			join a 2
			read 0 1 2      -> a<0 a<1
			join b 3        -> b<2
			leave a         -> b<0/1 b<1/1`},
		{"leaving counts as a retry but parks nothing", func(s *Settings) { s.MaxRetries = 0 }, `
			join a 1
			read 0          -> a<0
			leave a
			join b 1        -> b<0/1`},
		{"what it answered stays answered", nil, `
			join a 2
			read 0 1        -> a<0 a<1
			ack a 0
			leave a
			join b 2        -> b<1/1`},
		{"answers for another's events count after it left", nil, `
			join a 1
			read 0 1        -> a<0
			leave a
			join b 2        -> b<0/1 b<1
			ack b 0
			leave b
			join c 2        -> c<1/1`},
		{"leaving twice is leaving once", nil, `
			join a 1
			leave a
			leave a`},
	})
}

func TestParkingAndReplay(t *testing.T) {
	runRules(t, []rule{
		{"a replay waits behind retries and before new events", nil, `
			read 0 1 2
			join a 1        -> a<0
			replay 0 1
			nack a retry 0  -> a<0/1
			ack a 0         -> a<p0
			ack a p0        -> a<p1
			ack a p1        -> a<1 tb 2`},
		{"a retry goes before replays", nil, `
			join a 2
			read 0 1        -> a<0 a<1
			replay 0
			nack a retry 1  -> a<1/1
			ack a 0         -> a<p0`},
		{"a replay that is retried goes behind the others", nil, `
			join a 1
			replay 0 1      -> a<p0
			nack a retry p0 -> a<p0/1`},
		{"replays move no checkpoint", func(s *Settings) { s.MaxCheckpoint = 1 }, `
			join a 1
			replay 0        -> a<p0
			ack a p0        -> tb 1`},
		{"an unfinished replay holds no checkpoint up", func(s *Settings) { s.MaxCheckpoint = 1 }, `
			join a 2
			replay 0        -> a<p0
			read 5          -> a<5
			ack a 5         -> at 5`},
		{"the parked stream is truncated up to the first unfinished replay", nil, `
			join a 3
			replay 4 5 6    -> a<p4 a<p5 a<p6
			ack a p4 p6
			tick 1s         -> tb 5
			tick 1s
			nack a skip p5  -> tb 7`},
		{"a replay may be parked again", nil, `
			join a 3
			replay 4        -> a<p4
			nack a park p4  -> park p4
			parked          -> tb 5`},
		{"a truncation that failed is tried again", nil, `
			join a 1
			replay 0 1      -> a<p0
			ack a p0        -> a<p1
			tick 1s         -> tb 1`},
	})
}

func TestRoom(t *testing.T) {
	small := func(s *Settings) { s.HistoryBuffer, s.ReadBatch = 5, 2 }
	runRules(t, []rule{
		{"there is room for the whole buffer", small, `
			room            -> 5`},
		{"not for less than a batch", small, `
			read 0 1
			room            -> 3
			read 2
			room            -> 0`},
		{"what clients have takes none", small, `
			join a 10
			read 0 1 2      -> a<0 a<1 a<2
			room            -> 5`},
		{"what is retried does", small, `
			join a 10
			read 0 1 2      -> a<0 a<1 a<2
			leave a
			room            -> 0
			join b 1        -> b<0/1
			room            -> 3`},
		{"what is being parked does", small, `
			join a 10
			read 0 1 2      -> a<0 a<1 a<2
			nack a park 0 1 2 -> park 0 park 1 park 2
			room            -> 0
			parked
			room            -> 5`},
		{"a buffer is bounded whatever is asked for", func(s *Settings) {
			s.HistoryBuffer, s.ReadBatch = 1<<30, 1<<29
		}, `
			room            -> 10000`},
	})
}

func TestBytesBoundTheBuffer(t *testing.T) {
	s := newStage(t, "s", settings())
	read := 0
	for ; s.room() > 0; read++ {
		e := scriptEvent("0")
		e.Record.Data = make([]byte, 1<<20)
		s.take(e)
	}
	if want := bytesReady >> 20; read != want {
		t.Errorf("events of a MiB in the buffer: got %d, want %d", read, want)
	}
	s.join(0, ClientInfo{Slots: 1 << 30}, time.Time{})
	if got := len(s.core.effects().sends); got != read || s.waiting != 0 || s.room() == 0 {
		t.Errorf("sent: got %d with %d bytes left and room %d, want %d, 0 and more",
			got, s.waiting, s.room(), read)
	}
	if got := s.core.clients[0].Slots; got != mostSlots {
		t.Errorf("slots: got %d, want %d", got, mostSlots)
	}
}
