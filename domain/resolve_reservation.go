package domain

import "github.com/google/uuid"

// OpResolve is the kind of what the service asks of an account whose commit of a reservation nobody has
// seen.
const OpResolve Operation = "reservation_resolution"

// ResolveReservation makes sure that a reservation was committed on the account, or never will be. The
// service asks for it.
type ResolveReservation struct {
	ReservationID uuid.UUID
	OperationID   uuid.UUID // that it was reserved for
}

// Operation is reservation_resolution.
func (ResolveReservation) Operation() Operation { return OpResolve }

// Decide answers, as Done, the event that committed the reservation or the tombstone of its operation;
// where there is neither it writes the tombstone. An account that was never opened has none, and needs
// none: ErrNotFound.
func (r ResolveReservation) Decide(d *Draft) error {
	if d.revision < 0 {
		return ErrNotFound.Because("there is no such account")
	}
	if commit, ok := d.first(ReservationName(r.ReservationID)); ok {
		return &Done{commit}
	}
	if tombstone, ok := d.first(TransferName(r.OperationID)); ok {
		return &Done{tombstone}
	}
	return d.post(ReferenceCancelled{OperationID: r.OperationID, Found: "nothing",
		Detail: "a reservation of a campaign's budget was never committed"})
}
