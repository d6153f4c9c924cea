package projections

import (
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
)

// Event is a ledger event as projections see it: the stored bytes, and the fields that the tables
// need, decoded. What else an event says is in Decoded, or in Data. Of Metadata, the fields
// CorrelationID, IdempotencyKey, ProgramVersion and PrevHash are left out.
type Event struct {
	eventstore.Recorded
	Account  uuid.UUID // the account whose stream it is; zero for every other stream
	Metadata domain.Metadata
	Body     Body
}

// Body is the part of an event's data that the fold needs. What an event does not have is zero.
// Quantities are at the scale of Unit.
type Body struct {
	Valued    bool            // it moves value: Moves, Total and Held are its own
	Account   uuid.UUID       // as the data names it
	Unit      string          // the code
	Amount    domain.Quantity // as stored; of a decline what was asked for
	Moves     []domain.Move   // signed
	Bonus     domain.Quantity // what of Amount is no principal: of a top-up and its reversal
	Unpaid    domain.Quantity // what a return gave back beside Amount
	Owed      uuid.UUID       // the receivable of what a debit lacked
	Total     domain.Quantity // the balance in Unit as it left it
	Available domain.Quantity
	Held      domain.Quantity
	Operation domain.Operation // of a decline: what was declined
	Code      string           // of a decline
	Hold      uuid.UUID        // the hold it is about
	HoldFinal bool             // the hold ends with this capture
	Requested domain.Quantity  // of a hold, and of a decline
	ExpiresAt time.Time        // of a hold
	OrderRef  string           // of a hold
	Reason    string           // of a release
	Cause     string
	By        string             // of a settlement
	Debit     uuid.UUID          // the debit it is, or gives back
	Checkout  uuid.UUID          // the checkout it is, or belongs to
	Return    uuid.UUID          // the return of a checkout that it is, or belongs to
	TopUp     uuid.UUID          // the top-up it is, or reverses
	Sale      uuid.UUID          // of a voucher, that a cancel took back by it
	Lot       uuid.UUID          // the lot that expired
	Mandate   uuid.UUID          // the standing charge that it is about
	N         int                // for the n-th time
	Sold      bool               // of an account's opening: a gift voucher was
	Opened    []domain.LotOpened // the lots it opens
	Reopened  []domain.Reopened
}

// known are the stored names, each with its zero event.
var known = func() map[string]domain.Event {
	all := map[string]domain.Event{}
	for _, name := range domain.EventTypes() {
		all[name] = domain.ZeroEvent(name)
	}
	return all
}()

// decode reads what projections need of a stored event into e, which is zero. An error says that
// the event is not ours, or damaged.
func (e *Event) decode(r eventstore.Recorded, names *names) error {
	e.Recorded = r
	zero, ok := known[r.Type]
	if !ok {
		return fmt.Errorf("event type %.40q is unknown", r.Type)
	}
	_, e.Body.Valued = zero.(domain.Valued)
	if id, ok := strings.CutPrefix(r.Stream, "account-"); ok {
		if err := e.Account.UnmarshalText([]byte(id)); err != nil || e.Account.String() != id {
			return fmt.Errorf("stream %.60q names no account", r.Stream)
		}
	}
	if err := e.Body.decode(r.Data, names); err != nil {
		return fmt.Errorf("decode %s: %w", r.Type, err)
	}
	if _, opens := zero.(domain.Opening); !opens {
		e.Body.Opened = nil // lots of TransferSent, which are the sender's
	}
	if e.Body.Valued && (e.Account == uuid.UUID{} || e.Body.Account != e.Account) {
		return fmt.Errorf("value of account %s in stream %s", e.Body.Account, r.Stream)
	}
	if err := decodeMetadata(r.Metadata, &e.Metadata, names); err != nil {
		return fmt.Errorf("decode metadata of %s: %w", r.Type, err)
	}
	return nil
}

// Decoded is the whole event. It costs far more than what is
// decoded already.
func (e Event) Decoded() (domain.Event, error) {
	p, err := domain.Decode(e.Type, e.Data, e.Recorded.Metadata, int64(e.Revision))
	return p.Event, err
}

// Business reports that e is its operation's first business event.
func (e Event) Business() bool { return e.Metadata.EventID == e.Metadata.OperationID }

// OperationKind is what its operation was, where e is its first business event: "" for other events
// and for what is no operation on an account. A decline is of the kind that was declined.
func (e Event) OperationKind() domain.Operation {
	if !e.Business() {
		return ""
	}
	zero := known[e.Type]
	switch zero.(type) {
	case domain.AccountOpened:
		if e.Body.Sold {
			zero = domain.AccountOpened{Kind: domain.KindBearer}
		}
	case domain.OperationDeclined:
		return e.Body.Operation
	case domain.CheckoutReturned:
		zero = domain.CheckoutReturned{Cause: domain.Cause(e.Body.Cause)}
	case domain.DebitPosted:
		zero = domain.DebitPosted{HoldID: e.Body.Hold}
	case domain.ReceivableSettled:
		zero = domain.ReceivableSettled{By: domain.SettledBy(e.Body.By)}
	case domain.TopUpFailed:
		zero = domain.TopUpFailed{Cause: domain.Cause(e.Body.Cause)}
	case domain.TopUpPosted:
		zero = domain.TopUpPosted{Initiated: e.Body.TopUp != e.Metadata.EventID}
	case domain.TopUpReversed:
		zero = domain.TopUpReversed{Cause: domain.Cause(e.Body.Cause)}
	case domain.HoldReleased:
		zero = domain.HoldReleased{Reason: domain.ReleaseReason(e.Body.Reason)}
	}
	return domain.Posted{Event: zero}.Operation()
}

// Cancels is the id of the operation that e, decided by a cancel, undid; zero for every other
// event.
func (e Event) Cancels() uuid.UUID {
	switch b := e.Body; {
	case e.Type == "DebitReversed":
		return b.Debit
	case e.Type == "CheckoutReturned" && b.Cause == string(domain.CauseCancelled):
		return b.Checkout
	case e.Type == "TopUpReversed" && !isZero(b.Sale):
		return b.Sale
	case (e.Type == "TopUpReversed" || e.Type == "TopUpFailed") &&
		b.Cause == string(domain.CauseCancelled):
		return b.TopUp
	case e.Type == "HoldReleased" && b.Reason == string(domain.ReleasedCancelled):
		return b.Hold
	}
	return uuid.UUID{}
}

func (b *Body) decode(data []byte, names *names) error {
	s := scanner{b: data, names: names}
	for s.open('{'); s.more('}'); {
		b.field(&s, string(s.key()))
	}
	return s.end()
}

func (b *Body) field(s *scanner, name string) {
	switch name {
	case "amount":
		b.money(s, &b.Amount)
	case "requested":
		b.money(s, &b.Requested)
	case "bonus", "bonus_revoked":
		b.money(s, &b.Bonus)
	case "unpaid":
		b.money(s, &b.Unpaid)
	case "receivable_id":
		s.into(&b.Owed)
	case "account_id":
		s.into(&b.Account)
	case "moves":
		b.moves(s)
	case "balance":
		b.balance(s)
	case "operation":
		b.Operation = domain.Operation(s.text())
	case "code":
		b.Code = s.text()
	case "hold_id":
		s.into(&b.Hold)
	case "hold_final":
		b.HoldFinal = s.boolean()
	case "expires_at":
		s.into(&b.ExpiresAt)
	case "order_ref":
		b.OrderRef = s.text()
	case "reason":
		b.Reason = s.name()
	case "cause":
		b.Cause = s.name()
	case "by":
		b.By = s.name()
	case "mandate_id":
		s.into(&b.Mandate)
	case "checkout_id":
		s.into(&b.Checkout)
	case "return_id":
		s.into(&b.Return)
	case "debit_id":
		s.into(&b.Debit)
	case "sale_id":
		s.into(&b.Sale)
	case "top_up_id":
		s.into(&b.TopUp)
	case "lot":
		s.into(&b.Lot)
	case "n":
		b.N = s.integer()
	case "voucher":
		b.Sold = true
		s.skip(0)
	case "lots":
		b.opened(s)
	case "reopened":
		if s.peek() == '{' { // of a coupon, which is no lot
			s.skip(0)
		} else {
			b.reopened(s)
		}
	default:
		s.skip(0)
	}
}

// money reads {"amount":"12.50","unit":"CNY"}.
func (b *Body) money(s *scanner, to *domain.Quantity) {
	for s.open('{'); s.more('}'); {
		switch string(s.key()) {
		case "amount":
			s.quantity(to)
		case "unit":
			b.Unit = s.name()
		default:
			s.skip(0)
		}
	}
}

func (b *Body) balance(s *scanner) {
	for s.open('{'); s.more('}'); {
		switch string(s.key()) {
		case "total":
			s.quantity(&b.Total)
		case "available":
			s.quantity(&b.Available)
		case "held":
			s.quantity(&b.Held)
		default:
			s.skip(0)
		}
	}
}

func (b *Body) moves(s *scanner) {
	b.Moves = make([]domain.Move, 0, 2)
	if s.null() {
		return
	}
	for s.open('['); s.more(']'); {
		b.Moves = append(b.Moves, domain.Move{})
		m := &b.Moves[len(b.Moves)-1]
		for s.open('{'); s.more('}'); {
			switch string(s.key()) {
			case "lot":
				s.into(&m.Lot)
			case "class":
				m.Class = domain.Class(s.name())
			case "funding":
				s.into(&m.Funding)
			case "amount":
				s.quantity(&m.Amount)
			case "held":
				s.quantity(&m.Held)
			case "cost":
				s.quantity(&m.Cost)
			default:
				s.skip(0)
			}
		}
	}
}

func (b *Body) reopened(s *scanner) {
	b.Reopened = nil
	if s.null() {
		return
	}
	for s.open('['); s.more(']'); {
		b.Reopened = append(b.Reopened, domain.Reopened{})
		r := &b.Reopened[len(b.Reopened)-1]
		for s.open('{'); s.more('}'); {
			switch string(s.key()) {
			case "lot":
				s.into(&r.Lot)
			case "expires_at":
				s.into(&r.ExpiresAt)
			default:
				s.skip(0)
			}
		}
	}
}
