package domain

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// A transfer is a process over two streams. TransferSent takes value out of the sender's account. Then
// the receiver's stream alone decides: it gets TransferReceived, or a tombstone that names the
// transfer, whatever process dies or races. Only after the tombstone does the sender's get
// TransferReturned. Each step is found again by TransferName and is Done where it was done.

// The kinds of operation of a transfer.
const (
	OpTransfer Operation = "transfer"
	OpReceive  Operation = "transfer_receipt" // not asked for: what the service does next
	OpReturn   Operation = "transfer_return"
)

// TransferKind says why value goes from one account to another.
type TransferKind string

// The kinds.
const (
	TransferGift   TransferKind = "gift"
	TransferFamily TransferKind = "family"
	TransferMerge  TransferKind = "merge"       // all that an absorbed account had, or what came to it since
	TransferRedeem TransferKind = "gift_redeem" // what a gift voucher is worth, to whom it was given
)

// mostTravelling bounds the lots of one transfer: their ids on the receiver's side are one event's.
const mostTravelling = 200

// mostTravellingBytes bounds the terms that travel in one append, in bytes of JSON: the receiver writes
// them all in one append too, with somewhat more beside them, and must never find that too large.
const mostTravellingBytes = 512 << 10

// SendTransfer sends value to another account. Stores and channels bar none of it: they go on with the
// lot, and bar a sale as before. What is limited to goods goes with all there is, and with no amount, as
// that could be for anything. Of a top-up goes as much of its principal as of its bonus, whatever its
// draw.
type SendTransfer struct {
	To     uuid.UUID    `json:"to"`
	Amount Money        `json:"amount"`
	Kind   TransferKind `json:"kind"`          // gift or family; of a bearer's account gift_redeem
	All    bool         `json:"all,omitempty"` // that is free; Amount is zero, of its unit

	Nobody bool `json:"-"` // the shell found no account To
}

// TransferSent records value that left for another account. It was not sold: it counts against no
// faces, and takes along its share of the cost that is left.
type TransferSent struct {
	Value
	TransferID uuid.UUID    `json:"transfer_id"` // the event's own id
	ToAccount  uuid.UUID    `json:"to_account"`
	Kind       TransferKind `json:"kind"`
	MergeID    uuid.UUID    `json:"merge_id,omitzero"` // of a merge, whose parts arrive together
	Lots       []LotOpened  `json:"lots"`              // the terms that travel: one a move, with the sender's ids
	All        bool         `json:"all,omitempty"`     // of what was free was asked for
	Counted    *Counted     `json:"counted,omitempty"` // by limits
}

func (TransferSent) event() {}

func (TransferSent) operation() Operation { return OpTransfer }

func (e TransferSent) balanced(b Balance) Event { e.Balance = b; return e }

// Operation is transfer.
func (SendTransfer) Operation() Operation { return OpTransfer }

func (s SendTransfer) asked() Money { return s.Amount }

// Decide checks amount, kind and receiver, the account, that it owes nothing, the reference, the
// balance, then the program's limits on what leaves at once and in a day: else a gift would go round
// them.
func (s SendTransfer) Decide(d *Draft) error {
	switch {
	case s.All == s.Amount.IsPositive() || s.Amount.IsNegative():
		return ErrAmountNotPositive
	case s.Kind != TransferGift && s.Kind != TransferFamily &&
		(s.Kind != TransferRedeem || d.kind != KindBearer):
		return ErrMalformed.Field("kind", "want gift or family")
	case s.To == d.id:
		return ErrMalformed.Field("to", "is the sender")
	case s.Nobody:
		return ErrNotFound.Because("there is no account to send it to")
	}
	if err := d.mayTake(); err != nil {
		return err
	}
	if len(d.receivables) > 0 {
		return ErrReceivableOpen
	}
	if err := d.unused(OpTransfer); err != nil {
		return err
	}
	if err := d.lapseHolds(); err != nil {
		return err
	}
	shares, x, err := s.shares(d)
	if err != nil {
		return err
	}
	counted, err := d.limitDebit(x)
	if err != nil {
		return err
	}
	if len(shares) > mostTravelling {
		return ErrLimitExceeded.Because(fmt.Sprintf("it takes of %d lots, want at most %d: send less",
			len(shares), mostTravelling))
	}
	err = d.send(shares, TransferSent{ToAccount: s.To, Kind: s.Kind, All: s.All, Counted: counted})
	if err != nil {
		return err
	}
	return d.fits()
}

// shares are what goes, in all x.
func (s SendTransfer) shares(d *Draft) (shares []share, x Money, err error) {
	if !s.All {
		if free := d.spendable(s.Amount, d.Decided, nil); free.Less(s.Amount) {
			return nil, s.Amount, ErrInsufficientFunds.Short(s.Amount, free)
		}
		return d.draw(nil, s.Amount, d.Decided, nil), s.Amount, nil
	}
	x = s.Amount
	for _, l := range d.lots {
		if l.Unit == x.unit && l.open(d.Decided, nil) {
			shares, x.Quantity = append(shares, share{l, l.free()}), x.Quantity.Add(l.free())
		}
	}
	if len(shares) == 0 {
		return nil, x, ErrInsufficientFunds.Short(s.Amount, x)
	}
	return shares, x, nil
}

// fits checks that the receiver can write what was posted.
func (d *Draft) fits() error {
	size := 0
	for _, p := range d.posted {
		if e, ok := p.Event.(TransferSent); ok {
			text, err := json.Marshal(e.Lots)
			if err != nil {
				return err
			}
			size += len(text)
		}
	}
	if size > mostTravellingBytes {
		return ErrLimitExceeded.Because("the terms of its lots take too much room: send less")
	}
	return nil
}

// send posts e with these shares, all of one unit: at least one.
func (d *Draft) send(shares []share, e TransferSent) error {
	e.TransferID = d.nextID()
	sum := shares[0].amount.Zero()
	var moves []Move
	for _, s := range shares {
		m := s.lot.lost(s.amount)
		l := s.lot.LotOpened
		l.Face, l.Cost = s.amount, m.Cost.Neg()
		switch {
		case e.Kind != TransferMerge:
			l.TopUp = noID
		case l.OriginLot == noID:
			l.TopUp = l.Funding
		}
		moves, e.Lots = append(moves, m), append(e.Lots, l)
		sum = sum.Add(s.amount)
	}
	e.Value = d.value(Money{unit: shares[0].lot.Unit, Quantity: sum}, moves)
	return d.post(e)
}

func (e TransferSent) check() error {
	if err := cmp.Or(e.takes(), e.opens(e.Lots, mostTravelling)); err != nil {
		return err
	}
	if len(e.Lots) != len(e.Moves) || e.TransferID == noID || e.ToAccount == e.AccountID {
		return errors.New("want another account, and as many lots as moves")
	}
	for i, l := range e.Lots {
		m := e.Moves[i]
		if l.ID != m.Lot || !l.Face.Equal(m.Amount.Neg()) || !l.Cost.Equal(m.Cost.Neg()) {
			return fmt.Errorf("lot %s travels with %s of %s", l.ID, l.Face, m.Amount)
		}
	}
	return nil
}

func (e TransferSent) command(Posted) Command {
	s := SendTransfer{To: e.ToAccount, Amount: e.Amount, Kind: e.Kind, All: e.All}
	if e.All {
		s.Amount = e.Amount.Sub(e.Amount)
	}
	return s
}

func (e TransferSent) apply(a *Account, _ time.Time) error {
	a.sent = e.TransferID
	a.count(e.Counted, e.Amount)
	a.mergeLots(e.Moves, e.Kind == TransferMerge)
	return a.transferred(e.Moves)
}

// mergeLots notes whether the lots of moves went to an account that absorbed this one. It changes them in place:
// this event has edited all of them before.
func (a *Account) mergeLots(moves []Move, merged bool) {
	for _, m := range moves {
		a.lot(m.Lot).Merged = merged
	}
}

// transferred books moves as sent, or, where they are positive, as returned. It changes the lots in
// place: this event has edited all of them before.
func (a *Account) transferred(moves []Move) error {
	for _, m := range moves {
		l := a.lot(m.Lot)
		l.Transferred = l.Transferred.Sub(m.Amount)
		if l.Transferred.IsNegative() {
			return fmt.Errorf("lot %s got back more than it sent", l.ID)
		}
	}
	return nil
}
