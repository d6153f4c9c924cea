package api

import (
	"context"
	"errors"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/projections"
	"github.com/tillbook/tillbook/projections/js"
)

// projectionStatus is how the projection of the path runs here.
func (c *call) projectionStatus() (js.Status, error) {
	live, err := c.reached()
	if err != nil {
		return js.Status{}, err
	}
	return live.Status(context.Background(), c.Params("name"))
}

// reached is what runs the projections, when the one of the path is as current as the caller asks.
func (c *call) reached() (*js.Manager, error) {
	live, err := c.live()
	if err != nil {
		return nil, err
	}
	at, wait, err := c.freshness()
	if err != nil || at == eventstore.Start {
		return live, err
	}
	ctx, cancel := context.WithTimeout(c.s.stop, wait)
	defer cancel()
	if err = live.Reach(ctx, c.Params("name"), at); errors.Is(err, context.DeadlineExceeded) {
		err = errBehind
	}
	return live, err
}

func getProjection(c *call) error {
	s, err := c.projectionStatus()
	if err != nil {
		return err
	}
	o := c.out()
	o.begin('{')
	o.text("name", s.Name)
	o.plain("kind", "live")
	o.boolean("enabled", s.Enabled)
	o.open("current", '{')
	o.projectionVersion(s.Current, s.Answers)
	o.end('}')
	if s.Building == nil {
		o.null("candidate")
	} else {
		o.open("candidate", '{')
		o.projectionVersion(*s.Candidate, *s.Building)
		o.end('}')
	}
	o.end('}')
	return c.ok(o)
}

func (o *out) projectionVersion(v js.Version, s js.Statistics) {
	o.text("query", v.Query)
	o.boolean("emit", v.Emit)
	o.statistics(s)
	o.texts("log", s.Log)
}

func getProjectionStatistics(c *call) error {
	s, err := c.projectionStatus()
	if err != nil {
		return err
	}
	o := c.out()
	o.begin('{')
	o.text("name", s.Name)
	o.statistics(s.Answers)
	o.position("as_of_position", uint64(s.Answers.Position))
	o.end('}')
	return c.ok(o)
}

func (o *out) statistics(s js.Statistics) {
	o.integer("version", int64(s.Version))
	o.plain("state", string(s.State))
	o.boolean("elsewhere", s.Elsewhere)
	o.position("position", uint64(s.Position))
	o.position("lag", s.Lag)
	o.integer("events", s.Events)
	o.integer("events_per_second", s.PerSecond)
	o.integer("emitted", s.Emitted)
	o.position("checkpoint", uint64(s.Checkpoint))
	o.integer("events_since_start", s.Since)
	o.integer("processing_ms", s.Busy.Milliseconds())
	o.integer("events_buffered", int64(s.Buffered))
	o.integer("writes_pending", int64(s.Pending))
	o.integer("partitions", int64(s.Partitions))
	o.integer("bytes", s.Bytes)
	if s.Fault == nil {
		o.null("fault")
		return
	}
	o.open("fault", '{')
	o.text("message", s.Fault.Message)
	o.some("handler", s.Fault.Handler)
	o.some("event", s.Fault.Event)
	if s.Fault.Line > 0 {
		o.integer("line", int64(s.Fault.Line))
		o.integer("column", int64(s.Fault.Column))
	}
	o.time("at", s.Fault.At)
	o.end('}')
}

func getProjectionState(c *call) error { return c.projected("state", (*js.Manager).State) }

func getProjectionResult(c *call) error { return c.projected("result", (*js.Manager).Result) }

// projected answers a document of a partition, null where there is none.
func (c *call) projected(
	what string, read func(*js.Manager, context.Context, string, string) (js.Answer, error),
) error {
	live, err := c.reached()
	if err != nil {
		return err
	}
	name, partition := c.Params("name"), c.Query("partition")
	a, err := read(live, context.Background(), name, partition)
	if err != nil {
		return faulted(err)
	}
	o := c.out()
	o.begin('{')
	o.text("name", name)
	o.text("partition", partition)
	o.integer("version", int64(a.Version))
	o.document(what, a.JSON)
	o.document("shared", a.Shared)
	o.position("as_of_position", uint64(a.Position))
	o.end('}')
	return c.ok(o)
}

// faulted tells of a script that has failed while somebody read.
func faulted(err error) error {
	if fault := (*js.Fault)(nil); errors.As(err, &fault) {
		return domain.ErrProjectionFault.Because(fault.Error())
	}
	return err
}

func listPartitions(c *call) error {
	live, err := c.reached()
	if err != nil {
		return err
	}
	paging, err := c.paging()
	if err != nil {
		return err
	}
	name, after := c.Params("name"), ""
	if paging.Cursor != "" {
		var of string
		if err := projections.ReadCursor(paging.Cursor, "partitions", &of, &after); err != nil || of != name {
			return projections.ErrCursor
		}
	}
	page, at, err := live.Partitions(context.Background(), name, after, paging.Limit+1)
	if err != nil {
		return err
	}
	next := ""
	if len(page) > paging.Limit {
		page = page[:paging.Limit]
		if next, err = projections.NewCursor("partitions", name, page[len(page)-1]); err != nil {
			return err
		}
	}
	o := c.out()
	o.begin('{')
	o.open("data", '[')
	for _, partition := range page {
		o.quote(partition)
	}
	o.page(next, at)
	return c.ok(o)
}

// getProjectionDifference answers what the version that is being built makes otherwise.
func getProjectionDifference(c *call) error {
	live, err := c.reached()
	if err != nil {
		return err
	}
	d, err := live.Difference(context.Background(), c.Params("name"))
	if err != nil {
		return faulted(err)
	}
	o := c.out()
	o.begin('{')
	o.boolean("same_position", d.Same)
	o.open("current", '{')
	o.statistics(d.Current)
	o.end('}')
	o.open("candidate", '{')
	o.statistics(d.Candidate)
	o.end('}')
	o.integer("partitions", int64(d.Partitions))
	o.integer("count", int64(d.Count))
	o.open("data", '[')
	for _, differing := range d.Some {
		o.differing(differing)
	}
	o.end(']')
	o.position("as_of_position", uint64(max(d.Position, d.Current.Position)))
	o.end('}')
	return c.ok(o)
}

func (o *out) differing(d js.Differing) {
	o.begin('{')
	o.text("partition", d.Partition)
	o.text("key", d.Key)
	o.document("current", d.Current)
	o.document("candidate", d.Candidate)
	o.end('}')
}

// document writes JSON of a script, null where there is none.
func (o *out) document(name string, text []byte) {
	if text == nil {
		o.null(name)
		return
	}
	o.raw(name, text)
}
