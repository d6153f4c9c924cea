package groups

import (
	"container/list"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/eventstore"
)

// The bounds of what a group keeps ready in memory, whatever its settings ask for.
const (
	mostReady  = 10_000   // messages
	bytesReady = 16 << 20 // reading stops when the messages that wait are as large as this
	mostSlots  = 10_000   // of one subscriber
)

// core is the rules of one group: what it is told, it answers with effects. It reads no clock, does
// no I/O, and belongs to one goroutine.
//
// Every message is in exactly one place: buffer, retry, sent, or parking. It leaves when it is
// finished, and the checkpoint never passes one that is there.
type core struct {
	Settings
	source   string
	match    func(*eventstore.Recorded) bool
	pin      func(Event) uint64 // nil unless the strategy pins
	strategy strategy
	clients  map[ClientID]*client

	buffer  list.List // of messages read and never sent, in order
	retry   list.List // of messages to send again, byPlace
	sent    list.List // of messages that clients have, the earliest deadline first
	byID    map[uuid.UUID][]*message
	parking int
	waiting int // bytes of messages in buffer, retry and parking

	events  progress // in the source
	replays progress // in the parked stream
	savedAt time.Time

	total   int64 // messages sent
	counted int64 // total when it was last asked for
	askedAt time.Time
	out     effects
}

// effects are what a core wants done.
type effects struct {
	sends      []send
	withdrawn  []send // what timed out before, or while, its client got it
	parks      []park
	checkpoint *save // of the source
	truncate   *save // of the parked stream
}

func (e effects) any() bool {
	return len(e.sends)+len(e.withdrawn)+len(e.parks) > 0 ||
		e.checkpoint != nil || e.truncate != nil
}

// send is a message on its way to a client, as it is now.
type send struct {
	to      ClientID
	message *message
	retries int
}

// park is a message on its way to the parked stream.
type park struct {
	message *message
	reason  string
}

// newCore is a group that has nothing yet. Its settings were checked; match is the test of their
// filter.
func newCore(source string, settings Settings, match func(*eventstore.Recorded) bool) *core {
	settings.HistoryBuffer = min(settings.HistoryBuffer, mostReady)
	settings.ReadBatch = min(settings.ReadBatch, settings.HistoryBuffer-1)
	c := &core{
		Settings: settings,
		source:   source,
		match:    match,
		clients:  map[ClientID]*client{},
		byID:     map[uuid.UUID][]*message{},
	}
	c.strategy, c.pin = settings.Strategy.start()
	return c
}

// effects hands over what is to be done, once.
func (c *core) effects() effects {
	out := c.out
	c.out = effects{}
	return out
}

// room is how many events may be read; 0 while the buffer has no room for a batch.
func (c *core) room() int {
	room := c.HistoryBuffer - c.buffer.Len() - c.retry.Len() - c.parking
	if room <= c.ReadBatch || c.waiting >= bytesReady {
		return 0
	}
	return room
}

// take considers the source's next event and says whether anybody is to have it.
func (c *core) take(e Event) bool {
	place := e.placeIn(c.source)
	if !c.match(e.Original()) {
		c.events.skip(place)
		return false
	}
	m := c.message(e, place)
	c.events.begin(m)
	c.buffer.PushBack(m)
	return true
}

// takeReplay considers the next event of the parked stream.
func (c *core) takeReplay(e Event) {
	m := c.message(e, int64(e.Original().Revision))
	m.replay = true
	c.replays.begin(m)
	c.retry.PushBack(m)
}

func (c *core) message(e Event, place int64) *message {
	m := &message{Event: e, id: e.ID(), place: place, size: e.size()}
	if c.pin != nil {
		m.bucket = c.pin(e)
	}
	c.waiting += m.size
	return m
}

// settle gives out what can be given out and writes down what is finished. Every input ends with
// it.
func (c *core) settle(now time.Time) {
	c.push(now)
	if c.events.ahead() >= int64(max(c.MaxCheckpoint, 1)) {
		c.checkpoint(now)
	}
	if c.replays.open.Len() == 0 && c.replays.ahead() > 0 {
		c.out.truncate = c.replays.save()
	}
}

// tick retries what timed out, and writes down what is finished for long enough.
func (c *core) tick(now time.Time) {
	for front := c.sent.Front(); front != nil; front = c.sent.Front() {
		m := front.Value.(*message)
		if m.deadline.After(now) {
			break
		}
		c.out.withdrawn = append(c.out.withdrawn, send{to: m.holder.id, message: m})
		c.release(m, now)
		c.retryOrPark(m)
	}
	c.settle(now)
	due := c.CheckpointAfter > 0 && now.Sub(c.savedAt) >= c.CheckpointAfter
	if due && c.events.ahead() >= int64(max(c.MinCheckpoint, 1)) {
		c.checkpoint(now)
	}
	if c.replays.ahead() > 0 {
		c.out.truncate = c.replays.save()
	}
}

func (c *core) checkpoint(now time.Time) {
	c.out.checkpoint = c.events.save()
	c.savedAt = now
}

// join gives a new client its share.
func (c *core) join(id ClientID, info ClientInfo, now time.Time) {
	info.Slots = min(info.Slots, mostSlots)
	joined := &client{ClientInfo: info, id: id}
	if c.ExtraStatistics {
		joined.latency = &latency{}
	}
	c.clients[id] = joined
	c.strategy.join(joined)
	c.settle(now)
}

// full says whether the settings allow no further client.
func (c *core) full() bool {
	return c.MaxSubscribers > 0 && len(c.clients) >= c.MaxSubscribers
}
