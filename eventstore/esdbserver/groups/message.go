package groups

import (
	"cmp"
	"container/list"
	"time"

	"github.com/google/uuid"
)

// ClientID names a subscriber within its group.
type ClientID int64

// client is a subscriber as its group's rules see it.
type client struct {
	ClientInfo
	id      ClientID
	held    int // messages sent to it that are neither answered nor timed out
	buckets int // that Pinned gave it
	total   int64
	counted int64 // total when it was last asked for
	latency *latency
}

func (c *client) free() int { return c.Slots - c.held }

// message is an event of a group from when it is read until it is finished. It waits in the buffer
// or among the retries, is sent to a client, or is being parked.
type message struct {
	Event
	id      uuid.UUID
	place   int64 // in the source; of a replay, in the parked stream
	replay  bool  // read back from the parked stream
	bucket  uint64
	size    int
	retries int

	of     *progress
	open   *list.Element // in of.open
	before mark          // what had been considered before it

	holder   *client // while it is sent
	sent     *list.Element
	sentAt   time.Time
	deadline time.Time
}

// byPlace orders messages by their place, replays after the others.
func byPlace(a, b *message) int {
	if a.replay != b.replay {
		if a.replay {
			return 1
		}
		return -1
	}
	return cmp.Compare(a.place, b.place)
}
