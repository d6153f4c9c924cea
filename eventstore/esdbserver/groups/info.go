package groups

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ClientInfo is what a subscriber says of itself.
type ClientInfo struct {
	Slots    int // events it may have at once; at least 1
	Name     string
	From     string
	Username string
}

// Info is a group as it is at one moment. Places are in EventStoreDB's words: "5" in a stream,
// "C:5/P:5" in All, -1 in their stead for the end; a place that is not known yet is "".
type Info struct {
	Source, Group  string
	Settings       Settings
	StartFrom      string
	Status         string
	LastCheckpoint string
	LastKnown      string // the source's last event
	Buffered       int    // events read and never sent
	Retrying       int    // events to be sent again
	Outstanding    int    // events that subscribers have
	Parked         int64
	Total          int64 // events ever sent
	Counted        int64 // of them, since the last time this was asked for
	PerSecond      int   // that, per second
	Clients        []ClientStatus
}

// ClientStatus is one subscriber of a group.
type ClientStatus struct {
	ClientInfo
	Free, Held     int
	Total, Counted int64
	PerSecond      int
	Latency        []Measurement // nil unless the group has ExtraStatistics
}

// Measurement is a figure and its name.
type Measurement struct {
	Key   string
	Value int64 // milliseconds
}

// info is what the rules know of a group, and begins a new count.
func (c *core) info(now time.Time) Info {
	elapsed := now.Sub(c.askedAt)
	i := Info{
		Source:      c.source,
		Settings:    c.Settings,
		Buffered:    c.buffer.Len(),
		Retrying:    c.retry.Len(),
		Outstanding: c.sent.Len(),
		Total:       c.total,
		Counted:     c.total - c.counted,
		PerSecond:   perSecond(c.total-c.counted, elapsed),
	}
	for _, cl := range c.clients {
		i.Clients = append(i.Clients, ClientStatus{
			ClientInfo: cl.ClientInfo,
			Free:       cl.free(),
			Held:       cl.held,
			Total:      cl.total,
			Counted:    cl.total - cl.counted,
			PerSecond:  perSecond(cl.total-cl.counted, elapsed),
			Latency:    cl.latency.measure(),
		})
		cl.counted = cl.total
	}
	slices.SortFunc(i.Clients, func(a, b ClientStatus) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.From, b.From))
	})
	c.counted, c.askedAt = c.total, now
	return i
}

func perSecond(count int64, in time.Duration) int {
	if in <= 0 {
		return 0
	}
	return int(float64(count) / in.Seconds())
}

// latencies is how many of the last answers of a client are measured.
const latencies = 1000

// latency is how long a client took for its last answers. A nil one measures nothing.
type latency struct {
	last []int64 // milliseconds
	next int     // to be overwritten, once last is full
}

func (l *latency) observe(took time.Duration) {
	switch {
	case l == nil:
	case len(l.last) < latencies:
		l.last = append(l.last, took.Milliseconds())
	default:
		l.last[l.next] = took.Milliseconds()
		l.next = (l.next + 1) % latencies
	}
}

// measure names what was observed as EventStoreDB does.
func (l *latency) measure() []Measurement {
	if l == nil || len(l.last) == 0 {
		return nil
	}
	sorted := slices.Sorted(slices.Values(l.last))
	sum := int64(0)
	for _, took := range sorted {
		sum += took
	}
	at := func(percent float64) int64 {
		return sorted[min(int(percent*float64(len(sorted))/100), len(sorted)-1)]
	}
	figures := []Measurement{
		{"Mean", sum / int64(len(sorted))}, {"Median", at(50)}, {"Fastest", sorted[0]},
	}
	for i := range 5 {
		figures = append(figures, Measurement{fmt.Sprintf("Quintile %d", i+1), at(float64(i * 20))})
	}
	for _, p := range []float64{90, 95, 99, 99.5, 99.9} {
		figures = append(figures, Measurement{strconv.FormatFloat(p, 'f', -1, 64) + "%", at(p)})
	}
	return append(figures, Measurement{"Highest", sorted[len(sorted)-1]})
}
