package ledger

import (
	"context"
	"errors"
	"sync"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
)

// Batch is what a till kept while it was cut off, with everything that stands around it.
type Batch struct {
	Registering
	Upload domain.UploadBatch // without results
	Items  []Item             // by rising sequence number
}

// Item is an operation of a batch. Its key on its account is domain.ItemKey of its number.
type Item struct {
	Seq     int64
	Request Request
	Amount  domain.Money    // of the item; none where that cannot be read
	Refusal *domain.Refusal // why it cannot even be asked; nil: it can
}

// The bounds of an upload.
const (
	uploadWindow = 256 // items begun and not yet answered
	raisedAtOnce = 16  // exceptions
)

// Upload answers a batch: its items are decided on their accounts, those of one account in their
// order, then exceptions are raised, and last the batch is recorded with what became of each item.
// Whatever ends this between two appends, the same batch again goes on from there: items that are
// posted are answered as they were, and exceptions that are raised are not raised again. A failure
// of one item is the batch's, which then is not recorded; a refusal is the item's.
func (l *Ledger) Upload(ctx context.Context, b Batch) (Answer, error) {
	u := b.Upload
	for _, i := range b.Items {
		u.Results = append(u.Results, domain.ItemResult{Seq: i.Seq})
	}
	if err := u.Check(); err != nil {
		return Answer{}, err
	}
	before, _, err := l.past(ctx, u.Stream())
	if err != nil {
		return Answer{}, err
	}
	b.Registration = u
	if len(before) > 0 {
		return l.Register(ctx, b.Registering)
	}
	raised, err := l.decideItems(ctx, b, u.Results)
	if err != nil {
		return Answer{}, err
	}
	if err := l.raise(ctx, b.Registering, raised); err != nil {
		return Answer{}, err
	}
	return l.Register(ctx, b.Registering)
}

// decideItems fills in the results, and answers what is exceptional in them.
func (l *Ledger) decideItems(
	ctx context.Context, b Batch, results []domain.ItemResult,
) (raised []domain.Exception, failure error) {
	waits := make([]func(context.Context) (Answer, error), len(b.Items))
	errs := make([]error, len(b.Items))
	answer := func(i int) {
		item := &b.Items[i]
		var a Answer
		err := errs[i]
		if err == nil {
			a, err = waits[i](ctx)
		}
		if refusal := new(*domain.Refusal); err != nil && !errors.As(err, refusal) {
			failure = err
			return
		}
		r, kinds := item.result(a, err)
		results[i] = r
		for _, kind := range kinds {
			raised = append(raised, b.exception(item, r, kind, a))
		}
	}
	for i := range b.Items {
		if i >= uploadWindow {
			answer(i - uploadWindow)
		}
		waits[i], errs[i] = l.beginItem(b, &b.Items[i], failure)
	}
	for i := max(len(b.Items)-uploadWindow, 0); i < len(b.Items); i++ {
		answer(i)
	}
	return raised, failure
}

// beginItem hands an item to its account, unless another has failed.
func (l *Ledger) beginItem(
	b Batch, item *Item, failure error,
) (func(context.Context) (Answer, error), error) {
	switch {
	case failure != nil:
		return nil, failure
	case item.Refusal != nil:
		return nil, item.Refusal
	}
	item.Request.Key = domain.ItemKey(b.Upload.Store, b.Upload.Terminal, item.Seq)
	return l.Begin(item.Request)
}

// result is what became of an item, and the kinds of exceptions that it raises.
func (i *Item) result(a Answer, err error) (domain.ItemResult, []domain.ExceptionKind) {
	r := domain.ItemResult{Seq: i.Seq}
	var refusal *domain.Refusal
	if errors.As(err, &refusal) {
		if twin := refusal.Original; errors.Is(err, domain.ErrReferenceUsed) && i.is(twin) {
			r.Status, r.OperationID = domain.ItemDuplicate, twin.Metadata.OperationID
			return r, nil
		}
		r.Status, r.Code = domain.ItemRefused, refusal.Code
		return r, []domain.ExceptionKind{domain.ExceptionRefused}
	}
	r.OperationID, r.Status = a.First().Metadata.OperationID, domain.ItemPosted
	var kinds []domain.ExceptionKind
	if e, ok := a.First().Event.(domain.DebitPosted); ok && isOwed(a) {
		kinds = append(kinds, domain.ExceptionOverdraft)
		if e.Frozen {
			kinds[0] = domain.ExceptionFrozen
		}
	}
	if a.First().Metadata.Skewed {
		kinds = append(kinds, domain.ExceptionSkewed)
	}
	if len(kinds) > 0 {
		r.Status = domain.ItemStatus(kinds[0])
	}
	return r, kinds
}

// owed is what an answer left owing of what it opened; nothing at all where it opened nothing.
func owed(a Answer) (left domain.Money) {
	for _, p := range a.Events {
		switch e := p.Event.(type) {
		case domain.ReceivableOpened:
			left = e.Outstanding
		case domain.ReceivableSettled:
			left = e.Outstanding
		}
	}
	return left
}

func isOwed(a Answer) bool { left := owed(a); return left.IsPositive() }

// is reports that p, which has the item's reference, posted what the item asks for: the till sent it
// before it was cut off, and never got the answer.
func (i *Item) is(p *domain.Posted) bool {
	return p != nil && len(domain.Differing(*p, i.Request.Command, i.Request.Context)) == 0
}

// exception is what people must look at: of what is owed, that part.
func (b Batch) exception(
	i *Item, r domain.ItemResult, kind domain.ExceptionKind, a Answer,
) domain.Exception {
	u := b.Upload
	e := domain.Exception{ID: domain.ExceptionID(u.Store, u.Terminal, i.Seq, kind), BatchID: u.ID,
		Store: u.Store, Terminal: u.Terminal, Seq: i.Seq, Kind: kind, AccountID: i.Request.Account,
		OperationID: r.OperationID, Amount: i.Amount, Code: r.Code}
	if i.Request.Command != nil {
		e.Operation = i.Request.Command.Operation()
	}
	if kind == domain.ExceptionOverdraft || kind == domain.ExceptionFrozen {
		e.Amount = owed(a)
	}
	if a.Account != (uuid.UUID{}) {
		e.AccountID = a.Account // into which the item's may have been merged
	}
	return e
}

// raise records exceptions, some at once: each has a stream of its own.
func (l *Ledger) raise(ctx context.Context, q Registering, raised []domain.Exception) error {
	var wait sync.WaitGroup
	work, errs := make(chan domain.Exception), make([]error, raisedAtOnce)
	for n := range min(raisedAtOnce, len(raised)) {
		wait.Go(func() {
			for e := range work {
				one := q
				one.Registration, one.Key = domain.RaiseException{Exception: e}, ""
				_, err := l.Register(ctx, one)
				errs[n] = errors.Join(errs[n], err)
			}
		})
	}
	for _, e := range raised {
		work <- e
	}
	close(work)
	wait.Wait()
	return errors.Join(errs...)
}
