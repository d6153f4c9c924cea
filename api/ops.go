package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/valyala/fasthttp/fasthttpadaptor"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/projections"
	"github.com/tillbook/tillbook/projections/js"
)

// livez says that the process answers.
func livez(c *call) error {
	o := c.out()
	o.begin('{')
	o.plain("status", "live")
	o.end('}')
	return c.ok(o)
}

// readyTime is how long the log may take to say that it is there.
const readyTime = time.Second

// readyz says whether requests can be answered: the registries are read, the log can be reached, the read
// models' database was there once, and nothing is stopping. Where that goes away later nearly all goes on,
// on every node alike: to take all of them from the callers would be worse.
func readyz(c *call) error {
	if !c.s.Ledger.IsReady() || c.s.stop.Err() != nil {
		return ledger.ErrBusy
	}
	ctx, cancel := context.WithTimeout(c.s.stop, readyTime)
	defer cancel()
	if _, err := c.s.Ledger.Head(ctx); err != nil {
		return fmt.Errorf("%w: %w", eventstore.ErrUnavailable, err)
	}
	if c.s.Models != nil {
		if err := c.s.Models.Opened(); err != nil {
			return err
		}
	}
	o := c.out()
	o.begin('{')
	o.plain("status", "ready")
	o.end('}')
	return c.ok(o)
}

func version(c *call) error {
	o := c.out()
	o.begin('{')
	o.text("version", c.s.Version)
	o.text("go", runtime.Version())
	o.end('}')
	return c.ok(o)
}

// metrics answers in Prometheus' text format.
func metrics(s *Server) handler {
	serve := fasthttpadaptor.NewFastHTTPHandler(
		promhttp.HandlerFor(s.Metrics, promhttp.HandlerOpts{}))
	return func(c *call) error {
		serve(c.Context())
		return nil
	}
}

func listProjections(c *call) error {
	if c.s.Models == nil {
		return errBehind
	}
	all, err := c.s.Models.List(context.Background())
	if err != nil {
		return err
	}
	var live []js.Status
	if c.s.Live != nil {
		if live, err = c.s.Live.List(context.Background()); err != nil && !errors.Is(err, js.ErrStarting) {
			return err
		}
	}
	for _, s := range live {
		all = append(all, projections.Info{Name: s.Name, Version: s.Current.Number, Position: s.Answers.Position,
			Head: s.Answers.Position + eventstore.Position(s.Answers.Lag), Rows: int64(s.Answers.Partitions),
			State: projections.State(s.Answers.State), Rebuilding: s.Building != nil})
	}
	tables := len(all) - len(live)
	return registered(c, func() []projections.Info { return all }, func(o *out, p projections.Info) {
		kind := "table"
		if tables--; tables < 0 {
			kind = "live"
		}
		o.projection(p, kind)
	})
}

func (o *out) projection(p projections.Info, kind string) {
	o.text("name", p.Name)
	o.plain("kind", kind)
	o.integer("version", int64(p.Version))
	o.position("position", uint64(p.Position))
	o.position("head", uint64(p.Head))
	o.integer("rows", p.Rows)
	o.text("state", string(p.State))
	o.boolean("rebuilding", p.Rebuilding)
}

// rebuildProjection begins a rebuild and does not wait for it; GET /v1/projections tells how it
// goes. The models lie in one file, so all of them are built anew.
func rebuildProjection(c *call) error {
	if c.s.Models == nil {
		return errBehind
	}
	all, err := c.s.Models.List(context.Background())
	if err != nil {
		return err
	}
	name, id := c.Params("name"), c.requestID
	known := slices.ContainsFunc(all, func(p projections.Info) bool { return p.Name == name })
	switch {
	case !known && name != "all":
		return domain.ErrNotFound.Because("there is no such projection")
	case all[0].Rebuilding:
		return projections.ErrRebuilding
	}
	c.s.tasks.Go(func() { c.s.rebuild(id) })
	o := c.out()
	o.begin('{')
	o.text("name", name)
	o.plain("status", "rebuilding")
	o.end('}')
	c.send(fiber.StatusAccepted, applicationJSON, o)
	return nil
}

func (s *Server) rebuild(requestID string) {
	err := s.Models.Rebuild(s.stop, nil)
	if err != nil && s.stop.Err() == nil && !errors.Is(err, projections.ErrRebuilding) {
		s.Logger.Error("read models not rebuilt", "request_id", requestID, "err", err)
	}
}

// onSocket is a route that exists over the Unix socket alone.
func onSocket(serve LocalHandler) handler {
	return func(c *call) error {
		body, err := c.content(c.s.BodyLimit)
		if err != nil {
			return err
		}
		answer, err := serve(context.Background(), body)
		if err != nil {
			return err
		}
		o := c.out()
		if o.b, err = json.Marshal(answer); err != nil {
			return err
		}
		return c.ok(o)
	}
}
