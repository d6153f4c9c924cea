package domain

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
)

// Hold is value that is pinned for a sale to come: by lot and amount, until it is captured or
// released or its time is over.
type Hold struct {
	ID        uuid.UUID `json:"id"`
	Requested Money     `json:"requested"`
	Captured  Quantity  `json:"captured"`
	Pins      []Move    `json:"pins"` // as placed; Held is each lot's part
	PlacedAt  time.Time `json:"placed_at"`
	ExpiresAt time.Time `json:"expires_at"`
	OrderRef  string    `json:"order_ref,omitempty"`
	Counted   *Counted  `json:"counted,omitempty"`
}

// Lapsed reports whether the hold's time is over: at ExpiresAt it is.
func (h *Hold) Lapsed(at time.Time) bool { return !at.Before(h.ExpiresAt) }

// Left is what can still be captured.
func (h *Hold) Left() Money { return h.Requested.With(h.Requested.Quantity.Sub(h.Captured)) }

// captureUpTo divides captures up to c in all over the pins, in their order.
func (h *Hold) captureUpTo(c Quantity) []Quantity {
	weights := make([]Quantity, len(h.Pins))
	for i, p := range h.Pins {
		weights[i] = p.Held
	}
	return split(c, weights)
}

// left are the amounts still pinned, in the order of the pins.
func (h *Hold) left() []Quantity {
	if h.Captured.IsZero() {
		left := make([]Quantity, len(h.Pins))
		for i, p := range h.Pins {
			left[i] = p.Held
		}
		return left
	}
	left := h.captureUpTo(h.Captured)
	for i, p := range h.Pins {
		left[i] = p.Held.Sub(left[i])
	}
	return left
}

// pinnedBy is what these holds pin, by lot.
func pinnedBy(holds []*Hold) map[uuid.UUID]Quantity {
	if len(holds) == 0 {
		return nil
	}
	pinned := map[uuid.UUID]Quantity{}
	for _, h := range holds {
		for i, left := range h.left() {
			pinned[h.Pins[i].Lot] = pinned[h.Pins[i].Lot].Add(left)
		}
	}
	return pinned
}

// PlaceHold pins value for a sale to come.
type PlaceHold struct {
	Amount     Money  `json:"amount"`
	TTLSeconds int64  `json:"ttl_seconds"` // 60 to 604800 and to what the program allows; 0: its default
	OrderRef   string `json:"order_ref,omitempty"`
}

// HoldPlaced records pinned value: its moves change held, never amount.
type HoldPlaced struct {
	Value
	HoldID     uuid.UUID `json:"hold_id"` // the event's own id
	Requested  Money     `json:"requested"`
	ExpiresAt  time.Time `json:"expires_at"`
	TTLSeconds *int64    `json:"ttl_seconds,omitempty"` // as asked; in every event since it may be 0
	OrderRef   string    `json:"order_ref,omitempty"`
	Counted    *Counted  `json:"counted,omitempty"` // by limits
}

func (HoldPlaced) event() {}

func (HoldPlaced) operation() Operation { return OpHold }

func (e HoldPlaced) balanced(b Balance) Event { e.Balance = b; return e }

// Operation is hold.
func (PlaceHold) Operation() Operation { return OpHold }

func (h PlaceHold) asked() Money { return h.Amount }

// ttl is how long the hold lasts.
func (h PlaceHold) ttl(p *Program) time.Duration {
	seconds := h.TTLSeconds
	or(&seconds, p.Terms.Holds.DefaultSeconds)
	return time.Duration(seconds) * time.Second
}

// Decide checks amount and time, the account, the reference, the balance, then the program's limits.
func (h PlaceHold) Decide(d *Draft) error {
	if !h.Amount.IsPositive() {
		return ErrAmountNotPositive
	}
	if h.TTLSeconds != 0 && (h.TTLSeconds < int64(MinHoldTTL/time.Second) ||
		h.TTLSeconds > int64(MaxHoldTTL/time.Second)) {
		return ErrMalformed.Field("ttl_seconds", "want 60 to 604800")
	}
	if err := d.mayTake(); err != nil {
		return err
	}
	if err := d.unused(OpHold); err != nil {
		return err
	}
	if err := d.lapseHolds(); err != nil {
		return err
	}
	if free := d.spendable(h.Amount, d.Decided, &d.Context); free.Less(h.Amount) {
		return ErrInsufficientFunds.Short(h.Amount, free)
	}
	if most := d.program().Terms.Holds.MaxSeconds; h.TTLSeconds > most {
		return ErrLimitExceeded.Because(fmt.Sprintf("a hold may last at most %d seconds", most))
	}
	counted, err := d.limitDebit(h.Amount)
	if err != nil {
		return err
	}
	shares := d.draw(nil, h.Amount, d.Decided, &d.Context)
	moves := make([]Move, len(shares))
	for i, s := range shares {
		moves[i] = s.pinned()
	}
	return d.post(HoldPlaced{
		Value: d.value(h.Amount, moves), HoldID: d.nextID(), Requested: h.Amount,
		ExpiresAt: d.Recorded.Add(h.ttl(d.program())), TTLSeconds: &h.TTLSeconds,
		OrderRef: h.OrderRef, Counted: counted,
	})
}

func (e HoldPlaced) check() error { return cmp.Or(e.pins(), e.Requested.like(e.Amount)) }

func (e HoldPlaced) command(p Posted) Command {
	h := PlaceHold{Amount: e.Requested, OrderRef: e.OrderRef}
	switch ttl := e.ExpiresAt.Sub(p.Metadata.RecordedAt); {
	case e.TTLSeconds != nil:
		h.TTLSeconds = *e.TTLSeconds
	case ttl != DefaultHoldTTL: // else nobody may have asked
		h.TTLSeconds = int64(ttl / time.Second)
	}
	return h
}

func (e HoldPlaced) apply(a *Account, recorded time.Time) error {
	if !e.Requested.Equal(e.Amount) || a.hold(e.HoldID) != nil {
		return fmt.Errorf("hold %s of %s pins %s", e.HoldID, e.Requested, e.Amount)
	}
	a.holds = append(a.holds, &Hold{
		ID: e.HoldID, Requested: e.Requested, Captured: e.Requested.Quantity.Zero(), Pins: e.Moves,
		PlacedAt: recorded, ExpiresAt: e.ExpiresAt, OrderRef: e.OrderRef, Counted: e.Counted,
	})
	a.count(e.Counted, e.Amount)
	return nil
}

// drop ends a hold.
func (a *Account) drop(hold uuid.UUID) {
	a.holds = slices.DeleteFunc(a.holds, func(h *Hold) bool { return h.ID == hold })
}
