package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
	"github.com/tillbook/tillbook/eventstore"
)

// call is one request being answered.
type call struct {
	*fiber.Ctx
	s         *Server
	route     *route
	who       caller
	requestID string
	chosen    bool // by the caller
	read      bool // the body was read to its end
	failed    error

	kept []uuid.UUID // coupons of a sale's codes, which the account keeps when the sale is refused
}

// handler answers a call, by writing to it or with an error.
type handler func(*call) error

// handle is everything that happens around a route's handler.
func (s *Server) handle(r *route) fiber.Handler {
	return func(ctx *fiber.Ctx) error {
		began := time.Now()
		c := &call{Ctx: ctx, s: s, route: r}
		s.Observed.inFlight.Inc()
		defer s.Observed.inFlight.Dec()
		c.begin()
		if err := c.serve(); err != nil {
			c.refuse(err)
		}
		c.finish(time.Since(began))
		return nil
	}
}

// unmatched answers what no route does, and what the HTTP server itself refuses.
func (s *Server) unmatched(ctx *fiber.Ctx, err error) error {
	began := time.Now()
	c := &call{Ctx: ctx, s: s, route: s.nowhere}
	c.begin()
	if bad := c.framed(); errors.Is(bad, errFraming) {
		err = bad
	}
	if strings.HasPrefix(c.Path(), "/local/") && !c.onSocket() { // not even its methods
		c.Response().Header.Del(fiber.HeaderAllow)
		err = errNoRoute
	}
	c.refuse(err)
	c.finish(time.Since(began))
	return nil
}

func (c *call) begin() {
	c.requestID = c.Get(fiber.HeaderXRequestID)
	if c.chosen = sane(c.requestID); !c.chosen {
		c.requestID = uuid.Must(uuid.NewV7()).String()
	}
	var few [64]byte
	c.tell(headerRequestID, append(few[:0], c.requestID...))
}

// Headers of most answers, in the form in which they are written.
var (
	headerLocation  = []byte(fiber.HeaderLocation)
	headerPosition  = []byte("Tillbook-Position")
	headerRequestID = []byte("X-Request-Id")
)

// tell sets one of them.
func (c *call) tell(header, value []byte) { c.Response().Header.SetCanonical(header, value) }

// sane reports whether a request id can stand in logs and headers.
func sane(id string) bool {
	if id == "" || len(id) > 64 {
		return false
	}
	for _, b := range []byte(id) {
		if b <= ' ' || b >= 0x7f || b == '"' || b == '\\' {
			return false
		}
	}
	return true
}

// serve lets the route answer. A panic is our own bug: it is told, and ends nothing but the
// request.
func (c *call) serve() (err error) {
	defer func() {
		if bug := recover(); bug != nil {
			err = fmt.Errorf("panic: %v\n%s", bug, debug.Stack())
		}
	}()
	if err := c.framed(); err != nil {
		return err
	}
	if err := c.admit(); err != nil {
		return err
	}
	if err := c.checkQuery(); err != nil {
		return err
	}
	return c.route.serve(c)
}

// finish counts and logs the call.
func (c *call) finish(took time.Duration) {
	c.drain()
	status := c.Response().StatusCode()
	c.route.observed.add(status, took)
	if c.failed != nil {
		c.s.logFailure(c)
	}
	if !c.s.Logger.Enabled(context.Background(), slog.LevelInfo) || c.route.quiet {
		return
	}
	c.s.Logger.LogAttrs(context.Background(), slog.LevelInfo, "request",
		slog.String("request_id", c.requestID), slog.String("route", c.route.label),
		slog.Int("status", status), slog.Float64("seconds", took.Seconds()),
		slog.String("key", c.who.Actor))
}

// drainBytes bounds what is read of a body that nobody wants.
const drainBytes = 16 << 20

// drain reads over a body that was left unread, so that a caller who is still sending it gets to
// its answer. Then the connection is closed: what is left of the body is no request.
func (c *call) drain() {
	stream := c.Context().RequestBodyStream() // nil where there is no body
	if c.read || stream == nil || c.Context().Request.Header.ContentLength() == 0 {
		return
	}
	_, _ = io.CopyN(io.Discard, stream, drainBytes) // what fails ends with the connection
	c.Context().SetConnectionClose()
}

// buffers are reused: an answer is copied into the response.
var buffers = sync.Pool{New: func() any { return &out{b: make([]byte, 0, 2048)} }}

// out is an empty buffer for the answer; send gives it back.
func (c *call) out() *out {
	o := buffers.Get().(*out)
	o.b = o.b[:0]
	return o
}

// send answers with what o holds.
func (c *call) send(status int, contentType string, o *out) {
	response := c.Response()
	response.SetStatusCode(status)
	response.Header.SetContentType(contentType)
	response.SetBody(o.b)
	if cap(o.b) <= 64<<10 {
		buffers.Put(o)
	}
}

const applicationJSON = "application/json"

// ok answers 200.
func (c *call) ok(o *out) error {
	c.send(fiber.StatusOK, applicationJSON, o)
	return nil
}

// at tells where in the log a write stands.
func (c *call) at(p eventstore.Position) {
	if p != eventstore.Start {
		var few [20]byte
		c.tell(headerPosition, strconv.AppendUint(few[:0], uint64(p), 10))
	}
}

// noted tells where a write stands, and whether it was answered before.
func (c *call) noted(a ledger.Answer) {
	c.at(a.Position)
	if a.Replayed {
		c.Set("Idempotent-Replayed", "true")
	}
}

// gone answers that a thing ended, and when.
func (c *call) gone(a ledger.Answer, id uuid.UUID, when string, dryRun bool) error {
	c.noted(a)
	o := c.out()
	o.begin('{')
	o.id("id", id)
	o.time(when, a.First().Metadata.RecordedAt)
	if dryRun {
		o.boolean("dry_run", true)
	}
	o.end('}')
	return c.ok(o)
}

// pathID is an id of the path.
func (c *call) pathID(name string) (uuid.UUID, error) {
	id, ok := parseID(c.Params(name))
	if !ok {
		return id, domain.ErrMalformed.Field(name, "want a UUID in lower case")
	}
	return id, nil
}

// parseID reads a UUID in its one canonical form.
func parseID(text string) (uuid.UUID, bool) {
	if len(text) != 36 {
		return uuid.Nil, false
	}
	for i := range len(text) {
		if 'A' <= text[i] && text[i] <= 'F' {
			return uuid.Nil, false
		}
	}
	id, err := uuid.Parse(text)
	return id, err == nil
}
