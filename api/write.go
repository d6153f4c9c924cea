package api

import (
	"context"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
	"github.com/tillbook/tillbook/eventstore"
)

// operation is a kind of write on an account: what its route and a bulk item share.
type operation struct {
	name  string
	roles []domain.Role
	parse func(r *reading, t *target, body []byte) domain.Command
}

// target are the things that a request names in its path, or a bulk item in its fields.
type target struct {
	account, debit, hold, topUp uuid.UUID
	customerRef                 string
}

// write is the handler of an operation's route.
func write(op operation) handler {
	return func(c *call) error {
		t, err := c.target()
		if err != nil {
			return err
		}
		body, err := c.body(c.s.BodyLimit)
		if err != nil {
			return err
		}
		request, err := c.s.request(op, c.who, t, body)
		if err != nil {
			return err
		}
		if request.Key, request.DryRun, err = c.once(); err != nil {
			return err
		}
		request.CorrelationID = c.correlation()
		answer, err := c.s.Ledger.Do(context.Background(), request)
		return c.answer(answer, err, request.DryRun)
	}
}

// request is what the ledger is asked by an operation's text.
func (s *Server) request(
	op operation, who caller, t target, body []byte,
) (ledger.Request, error) {
	r := &reading{s: s, who: who}
	command := op.parse(r, &t, body)
	if err := r.err(); err != nil {
		return ledger.Request{}, err
	}
	return ledger.Request{
		Account: t.account, Command: command, Context: r.context, Caller: who.Caller,
	}, nil
}

// target reads the ids of the path.
func (c *call) target() (t target, err error) {
	for _, name := range c.route.params {
		id, bad := c.pathID(name)
		if bad != nil {
			return t, bad
		}
		switch name {
		case "id":
			t.account = id
		case "debit_id":
			t.debit = id
		case "hold_id":
			t.hold = id
		case "top_up_id":
			t.topUp = id
		}
	}
	return t, nil
}

// once reads what makes a write happen once, or not at all.
func (c *call) once() (key string, dryRun bool, err error) {
	if key, err = checkKey(c.Get("Idempotency-Key")); err != nil {
		return "", false, err
	}
	switch c.Query("dry_run") {
	case "", "false":
		return key, false, nil
	case "true":
		return key, true, nil
	}
	return "", false, domain.ErrMalformed.Field("dry_run", "want true or false")
}

func checkKey(key string) (string, error) {
	if key == "" {
		return "", domain.ErrKeyMissing
	}
	for _, b := range []byte(key) {
		if b <= ' ' || b >= 0x7f {
			return "", domain.ErrMalformed.Field("Idempotency-Key", "want 1 to 255 visible ASCII")
		}
	}
	if len(key) > 255 {
		return "", domain.ErrMalformed.Field("Idempotency-Key", "want 1 to 255 visible ASCII")
	}
	return key, nil
}

// correlation is the request id, where the caller chose it: only then does anyone else know it.
func (c *call) correlation() string {
	if c.chosen {
		return c.requestID
	}
	return ""
}

// answer sends what the ledger answered: what was recorded, or the refusal that was remembered.
func (c *call) answer(a ledger.Answer, err error, dryRun bool) error {
	if err != nil && (dryRun || !remembered(a)) {
		return err
	}
	c.at(a.Position)
	if a.Replayed {
		c.Set("Idempotent-Replayed", "true")
	}
	o := c.out()
	status, contentType := o.answer(a)
	if status == fiber.StatusCreated {
		if dryRun {
			status = fiber.StatusOK
		} else {
			c.Set(fiber.HeaderLocation, location(a))
		}
	}
	c.send(status, contentType, o)
	return nil
}

// remembered reports whether an answer is a refusal that was recorded.
func remembered(a ledger.Answer) bool {
	if len(a.Events) == 0 {
		return false
	}
	_, declined := a.First().Event.(domain.OperationDeclined)
	return declined
}

// answer writes the body that a write gets, from its events alone, and says with which status. The
// cases are the first business events there are.
func (o *out) answer(a ledger.Answer) (status int, contentType string) {
	if decline, ok := a.First().Event.(domain.OperationDeclined); ok {
		p := problemOf(decline.Refusal())
		p.write(o, "urn:uuid:"+a.First().Metadata.OperationID.String())
		return p.class.status, problemJSON
	}
	status = fiber.StatusOK
	o.begin('{')
	switch e := a.First().Event.(type) {
	case domain.AccountOpened:
		status = fiber.StatusCreated
		o.opening(a, e)
	case domain.TopUpPosted:
		status = fiber.StatusCreated
		o.topUp(a, e)
	case domain.DebitPosted:
		status = fiber.StatusCreated
		o.debit(a, e)
	case domain.HoldPlaced:
		status = fiber.StatusCreated
		o.hold(a, e)
	case domain.DebitRefunded:
		status = fiber.StatusCreated
		o.refund(a, e)
	case domain.CreditGranted:
		status = fiber.StatusCreated
		o.grant(a, e)
	case domain.TopUpReversed:
		if e.Cause == domain.CauseCancelled {
			o.cancellation(a)
		} else {
			status = fiber.StatusCreated
			o.reversal(a, e)
		}
	case domain.HoldReleased:
		if e.Reason == domain.ReleasedCancelled {
			o.cancellation(a)
		} else {
			o.release(a, e)
		}
	case domain.DebitReversed, domain.ReferenceCancelled:
		o.cancellation(a)
	case domain.AccountFrozen:
		o.time("until", e.Until)
		o.freezing(a, "frozen", e.Modes, e.Reason)
	case domain.AccountUnfrozen:
		o.freezing(a, "unfrozen", e.Modes, e.Reason)
	case domain.StoreRegistered:
		status = fiber.StatusCreated
		o.store(e.Store)
	case domain.StoreChanged:
		o.store(e.Store)
	case domain.UnitRegistered:
		status = fiber.StatusCreated
		o.unit(e.Unit)
	default: // what the service posts by itself
		o.id("id", a.First().Metadata.OperationID)
		o.tail(a)
	}
	o.end('}')
	return status, applicationJSON
}

// location is where what a write made can be read.
func location(a ledger.Answer) string {
	account := "/v1/accounts/" + a.Account.String()
	id := a.First().Metadata.OperationID.String()
	switch e := a.First().Event.(type) {
	case domain.AccountOpened:
		return account
	case domain.TopUpPosted:
		return account + "/top-ups/" + id
	case domain.TopUpReversed:
		return account + "/top-ups/" + e.TopUpID.String()
	case domain.DebitPosted:
		return account + "/debits/" + id
	case domain.DebitRefunded:
		return account + "/refunds/" + id
	case domain.HoldPlaced:
		return account + "/holds/" + id
	case domain.StoreRegistered:
		return "/v1/stores/" + e.ID
	case domain.UnitRegistered:
		return "/v1/units/" + e.Code
	}
	return account + "/history"
}

// registering asks the ledger for a registration and sends its answer.
func (c *call) registering(r domain.Registration) (ledger.Answer, bool, error) {
	key, dryRun, err := c.once()
	if err != nil {
		return ledger.Answer{}, false, err
	}
	a, err := c.s.Ledger.Register(context.Background(), ledger.Registering{
		Registration: r, Key: key, Caller: c.who.Caller, CorrelationID: c.correlation(),
		DryRun: dryRun,
	})
	if dryRun {
		a.Position = eventstore.Start
	}
	return a, dryRun, err
}
