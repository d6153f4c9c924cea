package api

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/projections"
)

// checkQuery refuses parameters that the route does not know, and those that stand twice.
func (c *call) checkQuery() (err error) {
	if c.Context().QueryArgs().Len() == 0 {
		return nil
	}
	seen := map[string]bool(nil)
	c.Context().QueryArgs().VisitAll(func(key, _ []byte) {
		name := string(key)
		switch {
		case err != nil:
		case !slices.Contains(c.route.query, name):
			err = domain.ErrMalformed.Field(printable(name), "is no parameter of this route")
		case seen[name]:
			err = domain.ErrMalformed.Field(name, "stands twice")
		}
		if seen == nil {
			seen = map[string]bool{}
		}
		seen[name] = true
	})
	return err
}

// printable is a name that a caller made up, as far as it can be shown.
func printable(name string) string {
	if sane(name) {
		return name
	}
	return "query"
}

const defaultWait = time.Second

// freshness reads min_position and max_wait: how current an answer must be, and how long that may
// take.
func (c *call) freshness() (eventstore.Position, time.Duration, error) {
	wait := defaultWait
	if text := c.Query("max_wait"); text != "" {
		d, err := time.ParseDuration(text)
		if err != nil || d < 0 || d > c.s.MaxWait {
			return 0, 0, domain.ErrMalformed.Field("max_wait",
				"want a duration such as 500ms or 2s, at most "+c.s.MaxWait.String())
		}
		wait = d
	}
	at, err := c.positionOf("min_position")
	return at, wait, err
}

func (c *call) positionOf(name string) (eventstore.Position, error) {
	text := c.Query(name)
	if text == "" {
		return eventstore.Start, nil
	}
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		return 0, domain.ErrMalformed.Field(name, "want a position, as an answer gave it")
	}
	return eventstore.Position(n), nil
}

// atPosition is the position that a report is asked at, Start: now. There is no report of the log before its
// first event.
func (c *call) atPosition() (eventstore.Position, error) {
	at, err := c.positionOf("at_position")
	if at == eventstore.Start && c.Query("at_position") != "" {
		err = domain.ErrMalformed.Field("at_position", "want a position, as an answer gave it")
	}
	return at, err
}

// view is the account of the path, as current as the caller asks.
func (c *call) view() (ledger.View, error) {
	id, err := c.pathID("id")
	if err != nil {
		return ledger.View{}, err
	}
	least, wait, err := c.freshness()
	if err != nil {
		return ledger.View{}, err
	}
	v, err := c.s.Ledger.Account(context.Background(), id)
	if err != nil || v.Position >= least {
		return v, err
	}
	return c.s.currentView(v, least, wait)
}

// currentView is a view that holds everything up to a position which no command on this node is
// known to have reached: it waits until the log is there, and looks whether the account has moved
// on.
func (s *Server) currentView(
	v ledger.View, least eventstore.Position, wait time.Duration,
) (ledger.View, error) {
	ctx, cancel := context.WithTimeout(s.stop, wait)
	defer cancel()
	head, err := s.Ledger.Head(ctx)
	if err != nil {
		return v, err
	}
	if head < least {
		if err := s.await(ctx, least); err != nil {
			return v, err
		}
	}
	last, err := s.Ledger.History(ctx, v.ID(), eventstore.End, 1)
	if err != nil {
		return v, err
	}
	if now, err := s.Ledger.Account(ctx, v.ID()); err != nil {
		return v, err
	} else if v = now; len(last) > 0 && last[0].Revision > v.Revision() {
		return v, errBehind // another node wrote it
	}
	v.Position = max(v.Position, least)
	return v, nil
}

// await waits until the read models hold everything up to a position.
func (s *Server) await(ctx context.Context, at eventstore.Position) error {
	if s.Models == nil {
		return errBehind
	}
	if err := s.Models.Wait(ctx, at); err != nil && ctx.Err() != nil {
		return errBehind
	} else if err != nil {
		return err
	}
	return nil
}

// modelled waits until the read models are as current as the caller asks, for a list.
func (c *call) modelled() error {
	least, wait, err := c.freshness()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.s.stop, wait)
	defer cancel()
	return c.s.await(ctx, least)
}

// paging reads limit and cursor.
func (c *call) paging() (projections.Paging, error) {
	p := projections.Paging{Cursor: c.Query("cursor"), Limit: projections.DefaultLimit}
	if text := c.Query("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > projections.MaxLimit {
			most := strconv.Itoa(projections.MaxLimit)
			return p, domain.ErrMalformed.Field("limit", "want 1 to "+most)
		}
		p.Limit = n
	}
	return p, nil
}

// page ends a page that has been begun: the list, the cursor, the position.
func (o *out) page(next string, at eventstore.Position) {
	o.end(']')
	if next == "" {
		o.null("next")
	} else {
		o.plain("next", next)
	}
	o.position("as_of_position", uint64(at))
	o.end('}')
}

// instant reads a parameter that is an instant; none is the zero time.
func (c *call) instant(name string) (time.Time, error) {
	text := c.Query(name)
	if text == "" {
		return time.Time{}, nil
	}
	t, err := parseTime(text)
	if err != nil {
		return t, domain.ErrMalformed.Field(name, err.Error())
	}
	return t, nil
}

// past reads at and axis. Without at the account is wanted as it stands now.
func (c *call) past(now time.Time) (at time.Time, axis projections.Axis, err error) {
	if at, err = c.instant("at"); err != nil {
		return at, axis, err
	}
	axis = projections.Axis(c.Query("axis", string(projections.Recorded)))
	switch {
	case axis != projections.Recorded && axis != projections.Effective:
		err = domain.ErrMalformed.Field("axis", "want effective or recorded")
	case at.IsZero() && c.Query("axis") != "":
		err = domain.ErrMalformed.Field("axis", "goes with at")
	case at.After(now):
		err = domain.ErrMalformed.Field("at", "lies in the future")
	}
	return at, axis, err
}

// asked echoes the question that a reading answers.
func (o *out) asked(at time.Time, axis projections.Axis) {
	o.open("query", '{')
	o.time("at", at)
	o.plain("axis", string(axis))
	o.end('}')
}

// getOperation reads an operation of an account by its id, if its first business event is an E.
// write ends with tail or ending.
func getOperation[E domain.Event](
	c *call, name string, write func(*out, ledger.Answer, E) error,
) error {
	v, err := c.view()
	if err != nil {
		return err
	}
	id, err := c.pathID(name)
	if err != nil {
		return err
	}
	a, err := c.s.operationOrPart(context.Background(), v.ID(), id)
	if err != nil {
		return err
	}
	e, ok := a.First().Event.(E)
	if !ok {
		return domain.ErrNotFound
	}
	o := c.out()
	o.begin('{')
	if err := write(o, a, e); err != nil {
		return err
	}
	o.plain("actor", a.First().Metadata.Actor)
	o.position("as_of_position", uint64(max(v.Position, a.Position)))
	o.end('}')
	c.send(fiber.StatusOK, applicationJSON, o)
	return nil
}
