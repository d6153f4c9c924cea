package api

import (
	"bufio"
	"context"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/tillbook/tillbook/api/webhooks"
	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
)

// feed is a live feed of the ledger's events as Server-Sent Events (WHATWG HTML, "Server-sent
// events").
type feed struct {
	s     *Server
	conn  net.Conn
	after eventstore.Position
	domain.Filter
	secrets bool // the streams of API keys and webhooks too
	persons bool // personal data too
}

const (
	heartbeat = 15 * time.Second
	sendTime  = 30 * time.Second // the longest wait for the caller to take what is sent
)

// streamEvents follows the log from a position: after Last-Event-ID, else after from_position, else
// from now on. The first line says which it is.
func streamEvents(c *call) error {
	f, err := c.feed()
	if err != nil {
		return err
	}
	select {
	case c.s.streams <- struct{}{}:
	default:
		return errManyStreams
	}
	c.Set(fiber.HeaderContentType, "text/event-stream")
	c.Set(fiber.HeaderCacheControl, "no-store")
	c.Context().SetBodyStreamWriter(func(w *bufio.Writer) {
		defer func() { <-c.s.streams }()
		f.run(w)
	})
	return nil
}

func (c *call) feed() (*feed, error) {
	f := &feed{s: c.s, conn: c.Context().Conn(), secrets: c.who.Role == domain.RoleAdmin,
		persons: c.who.seesPersons()}
	f.Stores = c.who.stores
	for _, kind := range c.listed("type") {
		if !isEventType(kind) {
			return nil, errNoEvent
		}
		f.Types = append(f.Types, kind)
	}
	for _, text := range c.listed("account_id") {
		id, ok := parseID(text)
		if !ok {
			return nil, domain.ErrMalformed.Field("account_id", "want UUIDs in lower case")
		}
		f.Accounts = append(f.Accounts, id)
	}
	if store := c.Query("store"); store != "" { // one: its name may hold a comma
		if err := c.who.mayPost(store); err != nil {
			return nil, err
		}
		f.Stores = []string{store}
	}
	return f, c.from(f)
}

// listed are the values of a parameter that takes several, with commas between them.
func (c *call) listed(name string) []string {
	if text := c.Query(name); text != "" {
		return strings.Split(text, ",")
	}
	return nil
}

// from reads where the feed begins.
func (c *call) from(f *feed) (err error) {
	if last := c.Get("Last-Event-ID"); last != "" {
		n, err := strconv.ParseUint(last, 10, 63)
		if err != nil {
			return domain.ErrMalformed.Field("Last-Event-ID", "want an id of this feed")
		}
		f.after = eventstore.Position(n)
		return nil
	}
	if c.Query("from_position") != "" {
		f.after, err = c.positionOf("from_position")
		return err
	}
	f.after, err = c.s.Ledger.Head(context.Background())
	return err
}

// run sends batches as they come, and a comment now and then, so that both ends learn when the
// other is gone.
func (f *feed) run(w *bufio.Writer) {
	ctx, cancel := context.WithCancel(f.s.stop)
	batches := make(chan []eventstore.Recorded)
	go f.pull(ctx, batches)
	defer func() {
		cancel()
		for range batches { // until pull has ended
		}
	}()
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	_, _ = w.WriteString(": from_position=" + strconv.FormatUint(uint64(f.after), 10) + "\n\n")
	for {
		_ = f.conn.SetWriteDeadline(time.Now().Add(sendTime))
		if w.Flush() != nil {
			return
		}
		select {
		case batch, ok := <-batches:
			if !ok {
				return
			}
			f.send(w, batch)
		case <-beat.C:
			_, _ = w.WriteString(":\n\n") // Flush tells of a failure
		}
	}
}

// pull reads the log until ctx ends, and closes batches.
func (f *feed) pull(ctx context.Context, batches chan<- []eventstore.Recorded) {
	defer close(batches)
	for batch, err := range f.s.Ledger.Follow(ctx, f.after) {
		if err != nil {
			if ctx.Err() == nil {
				f.s.Logger.Error("live feed ended", "err", err)
			}
			return
		}
		if len(batch) == 0 {
			continue
		}
		select {
		case batches <- batch:
		case <-ctx.Done():
			return
		}
	}
}

func (f *feed) send(w *bufio.Writer, batch []eventstore.Recorded) {
	o := &out{}
	for _, e := range batch {
		if !f.wants(e) {
			continue
		}
		o.b = o.b[:0]
		o.recorded(e, f.persons)
		_, _ = w.WriteString("id: " + strconv.FormatUint(uint64(e.Position), 10) + "\nevent: " +
			e.Type + "\ndata: ")
		_, _ = w.Write(o.b) // stored JSON has no line breaks
		_, _ = w.WriteString("\n\n")
	}
}

func (f *feed) wants(e eventstore.Recorded) bool {
	return (f.secrets || !webhooks.Secretive(e.Stream)) && f.Wants(e.Stream, e.Type, e.Metadata)
}

// EventBody is an event as a live feed shows it, with personal data or without.
func EventBody(e eventstore.Recorded, persons bool) []byte {
	o := &out{}
	o.recorded(e, persons)
	return o.b
}

func (o *out) recorded(e eventstore.Recorded, persons bool) {
	if !persons {
		e = impersonal(e)
	}
	o.event(e)
}

// event writes a recorded event with its stored JSON.
func (o *out) event(e eventstore.Recorded) {
	o.begin('{')
	o.position("position", uint64(e.Position))
	o.text("stream", e.Stream)
	o.integer("revision", int64(e.Revision))
	o.text("type", e.Type)
	o.raw("data", e.Data)
	o.raw("metadata", e.Metadata)
	o.end('}')
}
