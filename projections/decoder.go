package projections

import "github.com/tillbook/tillbook/eventstore"

// Decoder reads stored events as projections see them. It belongs to one goroutine: texts that come
// again share their memory.
type Decoder struct{ names *names }

// NewDecoder is one that has read nothing.
func NewDecoder() *Decoder { return &Decoder{newNames()} }

// Decode is the event that was stored. An error says that it is not ours, or damaged.
func (d *Decoder) Decode(r eventstore.Recorded) (e Event, err error) {
	err = e.decode(r, d.names)
	return e, err
}
