package api

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"

	"github.com/tillbook/tillbook/api/webhooks"
	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
)

var errNoSender = domain.ErrNotFound.Because("this node sends no webhooks: see --webhooks")

// sender is what sends the webhook of the path, if this node does.
func (c *call) sender() (*webhooks.Sender, uuid.UUID, error) {
	w, err := c.knownWebhook()
	if err == nil && c.s.Webhooks == nil {
		err = errNoSender
	}
	return c.s.Webhooks, w.ID, err
}

// listDeliveries lists a webhook's deliveries by their sequence.
func listDeliveries(c *call) error {
	sender, id, err := c.sender()
	if err != nil {
		return err
	}
	paging, err := c.paging()
	if err != nil {
		return err
	}
	state, after := webhooks.State(c.Query("state")), int64(0)
	if paging.Cursor != "" {
		var ok bool
		if state, after, ok = deliveryCursor(paging.Cursor); !ok {
			return domain.ErrMalformed.Field("cursor", "want next of the page before")
		}
	}
	switch state {
	case "", webhooks.Pending, webhooks.Done, webhooks.Dead:
	default:
		return domain.ErrMalformed.Field("state", "want pending, done or dead")
	}
	all, at, err := sender.Deliveries(context.Background(), id, state, after, paging.Limit+1)
	if err != nil {
		return err
	}
	next := ""
	if len(all) > paging.Limit {
		all = all[:paging.Limit]
		next = fmt.Sprintf("%s-%d", state, all[paging.Limit-1].Sequence)
	}
	o := c.out()
	o.begin('{')
	o.open("data", '[')
	for _, d := range all {
		o.delivery(d)
	}
	o.page(next, at)
	return c.ok(o)
}

// deliveryCursor reads a page's cursor: the state that is listed, and the sequence before the page.
func deliveryCursor(text string) (webhooks.State, int64, bool) {
	state, number, ok := strings.Cut(text, "-")
	n, err := strconv.ParseInt(number, 10, 64)
	return webhooks.State(state), n, ok && err == nil
}

func (o *out) delivery(d webhooks.Delivery) {
	o.begin('{')
	o.integer("sequence", d.Sequence)
	o.id("event_id", d.EventID)
	o.text("type", d.Type)
	o.position("position", uint64(d.Position))
	o.plain("state", string(d.State))
	o.integer("attempts", int64(d.Attempts))
	o.time("sent_at", d.SentAt)
	if d.State == webhooks.Pending {
		o.time("due_at", d.DueAt)
	}
	if d.Status != 0 {
		o.integer("status", int64(d.Status))
	}
	o.some("error", d.Error)
	o.end('}')
}

// retryDelivery makes a delivery due at once. It needs no key: it changes nothing that is recorded.
func retryDelivery(c *call) error {
	sender, id, err := c.sender()
	if err != nil {
		return err
	}
	sequence, err := strconv.ParseInt(c.Params("sequence"), 10, 64)
	if err != nil {
		return domain.ErrMalformed.Field("sequence", "want a number")
	}
	if err := sender.Retry(context.Background(), id, sequence); err != nil {
		return err
	}
	o := c.out()
	o.begin('{')
	o.id("webhook_id", id)
	o.integer("sequence", sequence)
	o.plain("state", string(webhooks.Pending))
	o.end('}')
	c.send(fiber.StatusAccepted, applicationJSON, o)
	return nil
}

// replayWebhook sends a webhook's events once more, those after a position. It needs no key: it
// changes nothing that is recorded, and the events keep their ids.
func replayWebhook(c *call) error {
	sender, id, err := c.sender()
	if err != nil {
		return err
	}
	body, err := c.body(c.s.BodyLimit)
	if err != nil {
		return err
	}
	var b struct {
		From string `json:"from_position"`
	}
	if err := decode(body, &b); err != nil {
		return err
	}
	from, err := strconv.ParseUint(b.From, 10, 63)
	if err != nil {
		return domain.ErrMalformed.Field("from_position", "want a position, as an answer gave it")
	}
	if err := sender.Replay(context.Background(), id, eventstore.Position(from)); err != nil {
		return err
	}
	o := c.out()
	o.begin('{')
	o.id("webhook_id", id)
	o.position("from_position", from)
	o.end('}')
	c.send(fiber.StatusAccepted, applicationJSON, o)
	return nil
}
