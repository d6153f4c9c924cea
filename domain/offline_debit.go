package domain

import "errors"

// OfflineDebit posts a debit that has happened: the till was cut off, and the goods are gone. So it
// is not refused for lack of value, nor by a limit: what the account did not hold then is owed, and
// paid by the top-ups that came since, or will come. An
// account that is frozen for debits keeps its value and owes all of it, as whoever stopped it meant
// nothing to leave; people decide, by the exception that the till's batch raises.
//
// What was never paid for is not given back: a refund or a cancel of such a debit first takes from
// what is still owed for it, then returns to the lots what they gave. What a later top-up has paid
// of the receivable is not the debit's any more.
type OfflineDebit struct {
	Amount     Money `json:"amount"`
	ListAmount Money `json:"list_amount,omitzero"`
}

// ReceivableOffline is the cause of what is owed for an offline debit, its source.
const ReceivableOffline = "offline"

// SettledByReturn says that nothing is owed any more for what was given back. It moves no value.
const SettledByReturn SettledBy = "return"

// Operation is debit.
func (OfflineDebit) Operation() Operation { return OpDebit }

func (b OfflineDebit) asked() Money { return b.Amount }

// Decide checks what Debit's Decide checks, but for the balance.
func (b OfflineDebit) Decide(d *Draft) error {
	if err := saleable(b.Amount, b.ListAmount); err != nil {
		return err
	}
	may := d.mayTake()
	if may != nil && !errors.Is(may, ErrAccountFrozen) {
		return may
	}
	if err := d.unused(OpDebit); err != nil {
		return err
	}
	amount := b.Amount.Sub(b.Amount)
	if may == nil {
		if err := d.lapseHolds(); err != nil {
			return err
		}
		amount = b.affordable(d)
	}
	return d.postOwing(DebitPosted{
		Value: d.value(amount, d.sell(amount)), DebitID: d.nextID(), Requested: b.Amount,
		RemainingDue: b.Amount.Sub(amount), ListAmount: b.ListAmount, Frozen: may != nil,
		Counted: d.program().limits(b.Amount.Unit()).counted(d),
	})
}

// affordable is the part of the amount that there is.
func (b OfflineDebit) affordable(d *Draft) Money {
	free := d.spendable(b.Amount, d.Decided, &d.Context)
	return b.Amount.With(least(free.Quantity, b.Amount.Quantity))
}

// postOwing posts a debit, and that the account owes what the debit could not take.
func (d *Draft) postOwing(e DebitPosted) error {
	if e.RemainingDue.IsZero() {
		return d.postSale(e)
	}
	e.ReceivableID = partOf(e.DebitID, 1)
	if err := d.postSale(e); err != nil {
		return err
	}
	err := d.post(ReceivableOpened{ReceivableID: e.ReceivableID, Amount: e.RemainingDue,
		Cause: ReceivableOffline, SourceID: e.DebitID, Outstanding: e.RemainingDue})
	if err != nil || e.Frozen {
		return err
	}
	return d.settleSince(e)
}

// settleSince lets the top-ups that came after the debit had happened pay what it lacked, as they
// would if the till had not been cut off.
func (d *Draft) settleSince(e DebitPosted) error {
	for _, l := range d.lots {
		owed, r := d.owedFor(e)
		if owed.IsZero() {
			return nil
		}
		if l.Class != Principal || l.Unit != e.Amount.Unit() ||
			!l.spendable(d.Recorded, &d.Context) {
			continue
		}
		if err := d.settle(r, l, l.free(), SettledByTopUp); err != nil {
			return err
		}
	}
	return nil
}

// owedFor is what is still owed for a debit, and by which receivable; zero and none where nothing
// is.
func (d *Draft) owedFor(debit DebitPosted) (Money, Receivable) {
	for _, r := range d.receivables {
		if debit.ReceivableID != noID && r.ID == debit.ReceivableID {
			return r.Outstanding, r
		}
	}
	return debit.Amount.Sub(debit.Amount), Receivable{}
}

// forgive takes x, which was given back, from what is owed by r.
func (d *Draft) forgive(r Receivable, x Money) error {
	if x.IsZero() {
		return nil
	}
	return d.post(ReceivableSettled{
		Value: d.value(x, nil), ReceivableID: r.ID, By: SettledByReturn, Cause: r.Cause,
		SourceID: r.SourceID, Outstanding: r.Outstanding.Sub(x),
	})
}

// orNone is m, or no money at all where it is zero.
func (m Money) orNone() Money {
	if m.IsZero() {
		return Money{}
	}
	return m
}

// plus is m and n, which may be none, of m's unit.
func (m Money) plus(n Money) Money {
	if n.unit == "" {
		return m
	}
	return m.Add(n)
}

// likeSome is like, of money that may be none.
func (m Money) likeSome(n Money) error {
	if n.unit == "" {
		return nil
	}
	return m.like(n)
}
