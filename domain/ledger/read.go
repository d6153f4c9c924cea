package ledger

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
)

// View is an account as the last answered command left it.
type View struct {
	*domain.Account
	At       time.Time           // the instant to compute balances at
	Position eventstore.Position // every event of this account up to here is in the view
}

// Account is the account now. It is domain.ErrNotFound when it was never opened.
func (l *Ledger) Account(ctx context.Context, id uuid.UUID) (View, error) {
	seen := eventstore.Position(l.seen.Load())
	if c, ok := l.states.GetIfPresent(id); ok && !l.opts.Shared {
		return l.view(c.state.Load(), seen)
	}
	var v View
	err := l.look(ctx, id, func(_ context.Context, r *round) (err error) {
		v, err = l.view(r.base, seen)
		return err
	})
	return v, err
}

func (l *Ledger) view(s *state, seen eventstore.Position) (View, error) {
	if s.account.Revision() < 0 {
		return View{}, domain.ErrNotFound.Because("there is no such account")
	}
	at := l.now()
	if last := s.account.LastRecorded(); at.Before(last) {
		at = last
	}
	return View{s.account, at, max(seen, s.position)}, nil
}

// look runs a function in the account's queue, where its names may be read. On a shared log it may run
// again, on a later state.
func (l *Ledger) look(
	ctx context.Context, id uuid.UUID, read func(context.Context, *round) error,
) error {
	w := &waiter{request: Request{Account: id}, read: read}
	q, err := l.enqueue(w)
	if err != nil {
		return err
	}
	l.runHere(q, w)
	_, err = w.wait(ctx)
	return err
}

// Operation is the answer that an operation of the account got, by its id. It is domain.ErrNotFound
// for an id that names none.
func (l *Ledger) Operation(ctx context.Context, account, id uuid.UUID) (Answer, error) {
	a, err := l.operation(ctx, account, id)
	if err != nil {
		return Answer{}, err
	}
	return a, l.conclude(ctx, &a)
}

// operation is Operation without what other streams know of it.
func (l *Ledger) operation(ctx context.Context, account, id uuid.UUID) (Answer, error) {
	answers, err := l.answers(ctx, account, domain.EventName(id))
	if err != nil {
		return Answer{}, err
	}
	if len(answers) == 0 {
		return Answer{}, domain.ErrNotFound
	}
	return answers[0], nil
}

// referenced are the kinds of operation that a reference can name.
var referenced = []domain.Operation{
	domain.OpSellVoucher,
	domain.OpOpen, domain.OpTopUp, domain.OpReverse, domain.OpDebit, domain.OpHold, domain.OpCapture,
	domain.OpVoid, domain.OpRefund, domain.OpGrant, domain.OpCancel, domain.OpDeclined,
	domain.OpCheckout, domain.OpReturnCheckout,
	domain.OpTransfer, domain.OpMerge, domain.OpClose,
	domain.OpFailTopUp, domain.OpPostTopUp,
	domain.OpAdjustment, domain.OpApproveAdjustment, domain.OpRejectAdjustment,
	domain.OpMandate, domain.OpEndMandate,
	domain.OpRevoke, domain.OpExtend,
	domain.OpWithdrawal, domain.OpApproveWithdrawal, domain.OpRejectWithdrawal,
	domain.OpSettleWithdrawal,
	domain.OpWriteOff,
}

// Operations are the answers of everything that a reference posted on the account, or was declined or
// cancelled; none when nothing did.
func (l *Ledger) Operations(
	ctx context.Context, account uuid.UUID, ref domain.Reference,
) ([]Answer, error) {
	var names []domain.Name
	for _, op := range referenced {
		names = append(names, domain.ReferenceName(op, ref))
	}
	all, err := l.answers(ctx, account, names...)
	for i := range all {
		if err == nil {
			err = l.conclude(ctx, &all[i])
		}
	}
	return all, err
}

func (l *Ledger) answers(
	ctx context.Context, account uuid.UUID, names ...domain.Name,
) (answers []Answer, err error) {
	err = l.look(ctx, account, func(ctx context.Context, r *round) error {
		if r.base.account.Revision() < 0 {
			return domain.ErrNotFound.Because("there is no such account")
		}
		answers = nil
		for _, n := range names {
			for _, e := range r.locate(ctx, n) {
				if e.Metadata.EventID != e.Metadata.OperationID {
					continue
				}
				answer, _ := r.asAnswer(r.operation(ctx, e.Posted))
				answers = append(answers, answer)
			}
		}
		return r.failed
	})
	return answers, err
}

// Last is the account's newest event that used a name, such as domain.RefundsName of a debit.
func (l *Ledger) Last(
	ctx context.Context, account uuid.UUID, n domain.Name,
) (p domain.Posted, ok bool, err error) {
	err = l.look(ctx, account, func(ctx context.Context, r *round) error {
		found := r.find(ctx, n)
		if ok = len(found) > 0; ok {
			p = found[0]
		}
		return r.failed
	})
	return p, ok, err
}

// Found are the account's events that used a name, newest first.
func (l *Ledger) Found(
	ctx context.Context, account uuid.UUID, n domain.Name,
) (found []domain.Posted, err error) {
	err = l.look(ctx, account, func(ctx context.Context, r *round) error {
		found = r.find(ctx, n)
		return r.failed
	})
	return found, err
}

// Entry is an event of an account's history.
type Entry struct {
	domain.Posted
	Position eventstore.Position
}

// History are at most limit events of an account, from revision from downwards; eventstore.End begins
// at the newest.
func (l *Ledger) History(
	ctx context.Context, account uuid.UUID, from eventstore.Revision, limit int,
) ([]Entry, error) {
	entries := []Entry{}
	for e, err := range l.store.ReadBackwards(ctx, domain.AccountStream(account), from) {
		if err != nil {
			return nil, err
		}
		p, err := l.decode(e)
		if err != nil {
			return nil, err
		}
		entries = append(entries, Entry{p, e.Position})
		if len(entries) == limit {
			break
		}
	}
	return entries, nil
}
