package domain

import "github.com/google/uuid"

// Name is something an event of an account uses up or answers to: an idempotency key, a reference,
// a payment, the refunds of a debit. The ledger remembers for every name which events used it, so
// that "once only" holds for the account's life; see Uses.
type Name struct {
	Kind  string
	Value string // empty: no name
}

const separator = "\x1f" // no input may contain it

func keyName(key string) Name { return Name{"key", key} }

// KeyName is the name under which an idempotency key is remembered.
func KeyName(key string) Name { return keyName(key) }

// ReferenceName is the name of the operation of that kind under a reference.
func ReferenceName(op Operation, r Reference) Name {
	if r.IsZero() {
		return Name{}
	}
	return Name{string(op),
		r.Store + separator + r.Terminal + separator + r.PosTxnID + separator + r.Leg}
}

func paymentName(p Payment) Name {
	if p.Reference == "" {
		return Name{}
	}
	return Name{"payment", p.Method + separator + p.Reference}
}

// RefundsName is the name that refunds and the reversal of a debit answer to.
func RefundsName(debit uuid.UUID) Name { return Name{"refunds", debit.String()} }

// EndName is the name that what ended a hold answers to.
func EndName(hold uuid.UUID) Name { return Name{"end", hold.String()} }

// ReversalName is the name that the reversal of a top-up answers to.
func ReversalName(topUp uuid.UUID) Name { return Name{"reversal", topUp.String()} }

// EventName looks up an event of the account by its id; RevisionOf tells where it stands.
func EventName(id uuid.UUID) Name { return Name{"event", id.String()} }

// Event is the id that an EventName names.
func (n Name) Event() (uuid.UUID, bool) {
	if n.Kind != "event" {
		return uuid.UUID{}, false
	}
	id, err := uuid.Parse(n.Value)
	return id, err == nil
}

// Uses lists the names that an event answers to: its key and reference, if it is its operation's
// first business event, and what its type adds. A decline uses its key, and its reference only as
// "declined", never as taken.
func (p Posted) Uses() []Name { return p.AppendUses(nil) }

// AppendUses appends what Uses lists.
func (p *Posted) AppendUses(names []Name) []Name {
	if p.Metadata.EventID == p.Metadata.OperationID {
		if key := p.Metadata.IdempotencyKey; key != "" {
			names = append(names, keyName(key))
		}
		if op := operationOf(p.Event); op != "" && !p.Metadata.Reference.IsZero() {
			names = append(names, ReferenceName(op, p.Metadata.Reference))
		}
	}
	if e, ok := p.Event.(namer); ok {
		names = e.appendNames(names)
	}
	return names
}

// namer is an event that answers to names beside its key, its reference and its id.
type namer interface{ appendNames([]Name) []Name }

// The kinds of operation on an account.
const (
	OpOpen      Operation = "open"
	OpTopUp     Operation = "top_up"
	OpReverse   Operation = "top_up_reversal"
	OpDebit     Operation = "debit"
	OpHold      Operation = "hold"
	OpCapture   Operation = "capture"
	OpVoid      Operation = "void"
	OpRefund    Operation = "refund"
	OpCancel    Operation = "cancel"
	OpGrant     Operation = "grant"
	OpFreeze    Operation = "freeze"
	OpUnfreeze  Operation = "unfreeze"
	OpExpire    Operation = "expire"
	OpDeclined  Operation = "declined" // not asked for: the kind of a declined operation's reference
	OpLapseHold Operation = "lapse"
)

// Operation is the kind of operation that p, as a first business event, posted.
func (p Posted) Operation() Operation { return operationOf(p.Event) }

func operationOf(e Event) Operation {
	if o, ok := e.(operated); ok {
		return o.operation()
	}
	return ""
}

// operated is an event that can be its operation's first business event.
type operated interface{ operation() Operation }
