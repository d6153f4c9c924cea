package api

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
	"github.com/tillbook/tillbook/projections"
)

// planners say whom a segment holds; surveyors ask.
var (
	planners  = []domain.Role{domain.RoleMarketing, domain.RoleAdmin}
	surveyors = []domain.Role{domain.RoleMarketing, domain.RoleAnalyst, domain.RoleFinance,
		domain.RoleAdmin}
)

// segmentRoutes are about customers of every store: no key that is bound to stores asks them.
func (s *Server) segmentRoutes() []*route {
	const one = "/v1/segments/{segment_id}"
	write := func(method, path, id string, serve handler) *route {
		return &route{method: method, path: path, id: id, roles: planners, query: dry, serve: serve,
			unbound: true}
	}
	get := func(path, id string, query []string, serve handler) *route {
		return &route{method: "GET", path: path, id: id, roles: surveyors, query: query, serve: serve,
			unbound: true}
	}
	return []*route{
		write("POST", "/v1/segments", "defineSegment", defineSegment),
		write("PUT", one, "changeSegment", changeSegment),
		{method: "POST", path: "/v1/segments/preview", id: "previewSegment", roles: surveyors,
			query: fresh, serve: previewSegment, unbound: true},
		get("/v1/segments", "listSegments", paged, listSegments),
		get(one, "getSegment", nil, getSegment),
		get(one+"/count", "countSegment", fresh, countSegment),
		get(one+"/members", "listMembers", paged, listMembers),
		get(one+"/export", "exportSegment", fresh, exportSegment),
		get("/v1/reports/segments", "reportSegments", paged, reportSegments),
	}
}

type segmentBody struct {
	ID     string           `json:"id"`
	Name   string           `json:"name"`
	Filter domain.Selection `json:"filter"`
}

func defineSegment(c *call) error {
	b, err := c.segmentBody()
	if err != nil {
		return err
	}
	a, dryRun, err := c.registering(domain.DefineSegment{
		Segment: domain.Segment{ID: b.ID, Name: b.Name, Filter: b.Filter}})
	return c.answer(a, err, dryRun)
}

func changeSegment(c *call) error {
	b, err := c.segmentBody()
	if err != nil {
		return err
	}
	id := c.Params("segment_id")
	if b.ID != "" && b.ID != id {
		return domain.ErrMalformed.Field("id", "is not the segment of the path")
	}
	a, dryRun, err := c.registering(domain.ChangeSegment{
		Segment: domain.Segment{ID: id, Name: b.Name, Filter: b.Filter}})
	return c.answer(a, err, dryRun)
}

// segmentBody reads a segment: its amounts stand at their units' scales then.
func (c *call) segmentBody() (b segmentBody, err error) {
	body, err := c.body(c.s.BodyLimit)
	if err != nil {
		return b, err
	}
	r := &reading{s: c.s, who: c.who}
	if r.decode(body, &b) {
		r.selection("filter", &b.Filter)
	}
	return b, r.err()
}

// selection checks a selection, and brings its amounts to their units' scales.
func (r *reading) selection(field string, s *domain.Selection) {
	var refusal *domain.Refusal
	if errors.As(s.Check(field), &refusal) {
		for _, f := range refusal.Fields {
			r.malformed(f.Field, f.Detail)
		}
		return
	}
	for at, condition := range s.Conditions(field) {
		if condition.Unit == "" {
			continue
		}
		unit, err := r.s.Ledger.Unit(context.Background(), condition.Unit)
		switch {
		case errors.Is(err, domain.ErrUnknownUnit):
			r.fail(domain.ErrUnknownUnit, at+".unit", "is no currency and no registered unit")
		case err != nil:
			r.failure = err
		case condition.Field != domain.SelectRFMMoney: // which is a score
			condition.Value = r.scaled(at+".value", condition.Value, unit)
			for i, v := range condition.Values {
				condition.Values[i] = r.scaled(at+".values", v, unit)
			}
		}
	}
}

func (r *reading) scaled(field string, v domain.SelectionValue, u domain.Unit) domain.SelectionValue {
	if v == "" {
		return v
	}
	return domain.SelectionValue(r.figure(field, string(v), u).Quantity.String())
}

func (o *out) segmentDefined(a ledger.Answer, e domain.SegmentDefined) { o.segmented(a, e.Segment) }
func (o *out) segmentChanged(a ledger.Answer, e domain.SegmentChanged) { o.segmented(a, e.Segment) }

func (o *out) segmented(a ledger.Answer, s domain.Segment) {
	o.segment(s)
	o.time("changed_at", a.First().Metadata.RecordedAt)
	o.integer("revision", a.First().Revision)
}

func segmentPlace(a ledger.Answer) string {
	return "/v1/segments/" + a.First().Event.(domain.SegmentDefined).ID // it is found by its type
}

func (o *out) segment(s domain.Segment) {
	o.plain("id", s.ID)
	o.text("name", s.Name)
	o.json("filter", s.Filter)
}

// segmentEntry is a segment as its stream or its row has it.
func (o *out) segmentEntry(s domain.Segment) {
	o.segment(s)
	o.time("defined_at", s.DefinedAt)
	o.time("changed_at", s.ChangedAt)
	o.integer("revision", s.Revision)
}

func listSegments(c *call) error {
	read := func(m *projections.Models, ctx context.Context, _ struct{}, p projections.Paging) (
		projections.Page[projections.SegmentEntry], error,
	) {
		return m.Segments(ctx, p)
	}
	return listed(c, struct{}{}, read, func(o *out, s projections.SegmentEntry) {
		o.begin('{')
		o.segmentEntry(s.Segment)
		o.end('}')
	})
}

// segment is the segment of the path, as its stream tells it.
func (c *call) segment() (*domain.Segment, error) {
	return c.s.Ledger.Segment(context.Background(), c.Params("segment_id"))
}

func getSegment(c *call) error {
	head, err := c.s.Ledger.Head(context.Background())
	if err != nil {
		return err
	}
	s, err := c.segment()
	if err != nil {
		return err
	}
	o := c.out()
	o.begin('{')
	o.segmentEntry(*s)
	o.position("as_of_position", uint64(head))
	o.end('}')
	return c.ok(o)
}

// selectedNow is when a selection is asked: now, on the days of the program's zone.
func (c *call) selectedNow() time.Time { return c.s.Ledger.Local(time.Now()) }

func countSegment(c *call) error {
	s, err := c.segment()
	if err != nil {
		return err
	}
	return c.counted(s.Filter)
}

func previewSegment(c *call) error {
	body, err := c.body(c.s.BodyLimit)
	if err != nil {
		return err
	}
	var b struct {
		Filter domain.Selection `json:"filter"`
	}
	r := &reading{s: c.s, who: c.who}
	if r.decode(body, &b) {
		r.selection("filter", &b.Filter)
	}
	if err := r.err(); err != nil {
		return err
	}
	return c.counted(b.Filter)
}

// counted answers how many accounts a selection holds.
func (c *call) counted(s domain.Selection) error {
	if err := c.modelled(); err != nil {
		return err
	}
	at := c.selectedNow()
	n, asOf, err := c.s.Models.CountSelected(context.Background(), s, at)
	if err != nil {
		return err
	}
	o := c.out()
	o.begin('{')
	o.integer("count", n)
	o.time("at", at)
	o.position("as_of_position", uint64(asOf))
	o.end('}')
	return c.ok(o)
}

// listMembers lists the accounts that a segment holds. Analysts are not told whose they are.
func listMembers(c *call) error {
	s, err := c.segment()
	if err != nil {
		return err
	}
	paging, err := c.paging()
	if err != nil {
		return err
	}
	if err := c.modelled(); err != nil {
		return err
	}
	page, err := c.s.Models.Members(context.Background(), *s, c.selectedNow(), paging)
	if err != nil {
		return err
	}
	o := c.out()
	o.begin('{')
	o.open("data", '[')
	for _, a := range page.Data {
		o.begin('{')
		o.id("account_id", a.ID)
		if c.who.seesPersons() {
			o.text("customer_ref", a.CustomerRef)
		}
		o.plain("status", string(a.Status))
		o.time("opened_at", a.OpenedAt)
		o.end('}')
	}
	o.page(page.Next, page.AsOf)
	return c.ok(o)
}

var membersHeader = []string{"account_id", "status", "opened_at"}

// exportSegment streams the accounts that a segment held when it was asked, page by page: each as the
// read model had it then. Nothing in it tells of a person. Its last line counts them: a file without
// it was cut short.
func exportSegment(c *call) error {
	s, err := c.segment()
	if err != nil {
		return err
	}
	if err := c.modelled(); err != nil {
		return err
	}
	at := c.selectedNow()
	ctx, stop := context.WithCancel(c.s.stop)
	page, err := c.s.Models.Members(ctx, *s, at, projections.Paging{Limit: projections.MaxLimit})
	if err != nil {
		stop()
		return err
	}
	c.Set(fiber.HeaderContentType, "text/csv; charset=utf-8")
	c.Set(fiber.HeaderContentDisposition, `attachment; filename="segment-`+s.ID+`.csv"`)
	models, logger := c.s.Models, c.s.Logger
	c.stream(func(b *bufio.Writer) {
		defer stop()
		w := csv.NewWriter(b)
		_ = w.Write(membersHeader) // that the caller has gone is told by Flush
		for count := 0; ; {
			for _, a := range page.Data {
				_ = w.Write([]string{a.ID.String(), string(a.Status),
					a.OpenedAt.Format(time.RFC3339Nano)})
			}
			if count += len(page.Data); page.Next == "" {
				_ = w.Write([]string{"total", strconv.Itoa(count), ""})
			}
			if w.Flush(); page.Next == "" || w.Error() != nil {
				return
			}
			page, err = models.Members(ctx, *s, at, projections.Paging{Limit: projections.MaxLimit,
				Cursor: page.Next})
			if err != nil {
				logger.Error("segment not exported", "segment", s.ID, "err", err)
				return
			}
		}
	}, stop)
	return nil
}

// reportedSegments bounds a page of the report: each segment of it is counted.
const reportedSegments = 100

// reportSegments lists the segments, each with how many accounts it holds.
func reportSegments(c *call) error {
	paging, err := c.paging()
	if err != nil {
		return err
	}
	if err := c.modelled(); err != nil {
		return err
	}
	paging.Limit = min(paging.Limit, reportedSegments)
	page, err := c.s.Models.Segments(context.Background(), paging)
	if err != nil {
		return err
	}
	at, asOf := c.selectedNow(), page.AsOf
	o := c.out()
	o.begin('{')
	o.open("data", '[')
	for _, s := range page.Data {
		n, counted, err := c.s.Models.CountSelected(context.Background(), s.Filter, at)
		if err != nil {
			return err
		}
		asOf = min(asOf, counted)
		o.begin('{')
		o.segmentEntry(s.Segment)
		o.integer("count", n)
		o.end('}')
	}
	o.page(page.Next, asOf)
	return c.ok(o)
}
