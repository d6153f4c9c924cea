package domain

import (
	"errors"
	"slices"
	"sync"

	"github.com/google/uuid"
)

// Command is something asked of an account. Its JSON holds the request's own fields; two requests
// under one idempotency key are compared by it.
type Command interface {
	Operation() Operation
	// Decide posts events on the draft, or refuses. The shell has recognised a repeat before: an
	// answer once given never changes. The checks stand in the order the API documents.
	Decide(*Draft) error
}

// remembered is a command whose refusals for reasons of state are recorded: the same key gets the
// same answer even after a top-up. It says what was asked for.
type remembered interface {
	Command
	asked() Money
}

// Draft is an account while a command is decided on it: events posted so far have happened to it.
type Draft struct {
	*Account
	owned bool // Account may be changed: it is a clone from the first event on
	Moment
	shared Metadata // of every event of the command
	posted []Posted // stamp gives each what is its own

	looked  string    // the last day that changed a balance before: of the days until then is decided
	brought uuid.UUID // the merge that brought by how much an average changed day by day

	wanted []BudgetPart       // of budgets, and not reserved yet
	taken  map[uuid.UUID]bool // of Reservations
}

// drafts keeps used drafts: one is 1 KB, and dies with its decision.
var drafts = sync.Pool{New: func() any { return new(Draft) }}

func newDraft(a *Account, m *Moment) *Draft {
	d := drafts.Get().(*Draft)
	d.Account, d.Moment, d.shared, d.looked = a, *m, m.metadata(), a.tiering.latest()
	return d
}

// free gives d back. Nothing may hold it any more; what it posted, and its account, live on.
func (d *Draft) free() {
	*d = Draft{}
	drafts.Put(d)
}

// Decide answers a command on an account. The answer is the events to be appended and the account
// as they leave it; a itself does not change. The error is a *Refusal, or says that the account's
// own history does not add up. A refusal that is to be remembered comes with the one event that
// does so.
func Decide(a *Account, c Command, m Moment) ([]Posted, *Account, error) {
	if err := m.Context.check(); err != nil {
		return nil, a, err
	}
	m.toUTC()
	if posted, ok := m.Earlier.reserved(a, &m); ok {
		return posted, m.Earlier.after, nil
	}
	posted, after, err := decide(a, &m, c, func(d *Draft) error { return d.rule(c) })
	if err == nil {
		return posted, after, nil
	}
	refused, decline := declined(c, err)
	if !decline {
		return nil, a, err
	}
	posted, after, failed := decide(a, &m, c, func(d *Draft) error { return d.post(refused) })
	if failed != nil {
		return nil, a, failed
	}
	return posted, after, err
}

// decide is what rule posts for c on a draft of a, and the account after it.
func decide(
	a *Account, m *Moment, c Command, rule func(*Draft) error,
) ([]Posted, *Account, error) {
	d := newDraft(a, m)
	defer d.free()
	if err := d.upkeep(byItself(c)); err != nil {
		return nil, a, err
	}
	if err := rule(d); err != nil {
		return nil, a, err
	}
	if err := d.promote(); err != nil {
		return nil, a, err
	}
	if err := d.reactivate(); err != nil {
		return nil, a, err
	}
	if len(d.wanted) > 0 {
		return nil, a, d.unreserved(a)
	}
	return d.stamped(), d.Account, nil
}

// byItself reports that the service asks c when its time has come: such commands write what is due
// in one order, whichever of them is first.
func byItself(c Command) bool {
	switch c.(type) {
	case Sweep, ChargeMandates:
		return true
	}
	return false
}

func (d *Draft) stamped() []Posted {
	d.stamp(d.posted, max(0, slices.IndexFunc(d.posted, business)))
	return d.posted
}

// business tells an event that answers the command from the upkeep that had to be written first:
// lapsed holds and reservations, expired lots and coupons, what their value settled, and reminders.
func business(p Posted) bool {
	switch e := p.Event.(type) {
	case HoldReleased:
		return e.Reason != ReleasedLapsed
	case CreditRevoked:
		return e.Cause == RevokedError
	case ReceivableSettled:
		return e.By == SettledByWriteOff
	case CouponReleased:
		return e.Reason != CouponLapsed
	case CouponGranted:
		return e.Cause != CouponByTier
	case TierOverrideEnded:
		return e.EndedAt.IsZero()
	case AccountDormant, AccountReactivated, CouponExpired, LotExpired, LotExpiring:
		return false
	case TierChanged, TierDowngradeScheduled, TierRetained:
		return false
	}
	return true
}

// Done says that a command has nothing left to do: Original did it, and its answer is the answer.
type Done struct{ Original Posted }

func (*Done) Error() string { return "this was done before" }

func isDone(err error) bool {
	_, done := errors.AsType[*Done](err)
	return done
}

// nextID is the id of the event that is posted next.
func (d *Draft) nextID() uuid.UUID { return newID(d.revision+1, d.Seed, 0) }

// post lets an event happen. What moves value gets the balance it leaves. After an error the draft
// is of no use any more.
func (d *Draft) post(e Event) error {
	if !d.owned {
		d.Account, d.owned = d.Account.Clone(), true
	}
	if o, ok := e.(Opening); ok {
		d.remember(o.Opened())
	}
	d.posted = append(d.posted, Posted{Event: e, Metadata: d.shared, Revision: d.revision + 1})
	p := &d.posted[len(d.posted)-1]
	if err := d.take(p); err != nil {
		return err
	}
	if v, ok := e.(Valued); ok {
		left := d.left(v.Worth().Amount)
		left.Averaged = d.averaged(v)
		p.Event = v.balanced(left)
		d.tiering.average(left.Averaged)
	}
	return nil
}

// value is the value part of the next event; post fills in its balance.
func (d *Draft) value(amount Money, moves []Move) Value {
	if moves == nil {
		moves = []Move{} // [] in JSON, never null
	}
	return Value{AccountID: d.id, Amount: amount, Moves: moves}
}

// mayTake checks that the account is open and not frozen for value that leaves.
func (d *Draft) mayTake() error { return d.may(FreezeDebit) }

// mayGive checks that the account is open and not frozen for value that comes.
func (d *Draft) mayGive() error { return d.may(FreezeCredit) }

// maySettle checks that the account is open and not frozen by law: what was begun may end.
func (d *Draft) maySettle() error { return d.may(FreezeLegal) }

func (d *Draft) may(mode FreezeMode) error {
	if d.revision < 0 {
		return ErrNotFound.Because("there is no such account")
	}
	switch {
	case d.ended == nil:
	case d.ended.Status == Closed:
		return ErrAccountNotOpen
	case mode != FreezeLegal: // what it posted itself is settled here
		return &Moved{To: d.ended.Survivor, Merge: d.ended.Merge}
	}
	if d.Account.stops(mode, d.Recorded) {
		return ErrAccountFrozen
	}
	return nil
}

// unused checks that the operation's reference, if it has one, is not used, nor cancelled where the
// operation is of a kind that a cancelled reference stops.
func (d *Draft) unused(op Operation) error {
	name := ReferenceName(op, d.Context.Reference())
	if used, ok := d.first(name); ok {
		return ErrReferenceUsed.By(used)
	}
	if !slices.Contains(stopped, op) {
		return nil
	}
	name.Kind = string(OpCancel)
	if cancelled, ok := d.first(name); ok {
		return ErrReferenceCancelled.By(cancelled)
	}
	return nil
}

// declined is the event that remembers a refusal of c, where the rules want it remembered.
func declined(c Command, err error) (OperationDeclined, bool) {
	asker, ok := c.(remembered)
	var r *Refusal
	if !ok || !errors.As(err, &r) || !r.Code.ofState() {
		return OperationDeclined{}, false
	}
	return newDeclined(asker, r), true
}
