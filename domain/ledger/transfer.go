package ledger

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
)

// A transfer or a merge takes steps on two streams: see domain. Whoever asked for it goes through
// them; where he dies, the next one who asks with his key does, or RunTransfers on any node. Every step
// is Done where it was done, so nobody waits for anybody.

// mostHops bounds how often a command, or what was sent, goes on to the account that absorbed its own.
const mostHops = 16

// prepare tells a command what it must know of other streams.
func (l *Ledger) prepare(ctx context.Context, r *Request) (err error) {
	switch c := r.Command.(type) {
	case domain.SendTransfer:
		c.Nobody, err = l.nobody(ctx, c.To)
		r.Command = c
	case domain.MergeAccount:
		if c.Nobody, err = l.nobody(ctx, c.Into); err == nil {
			c.Settled, err = l.settleAll(ctx, r.Account)
		}
		c.Campaigns = l.Campaigns()
		r.Command = c
	case domain.CloseAccount:
		c.Settled, err = l.settleAll(ctx, r.Account)
		r.Command = c
	}
	return err
}

func (l *Ledger) nobody(ctx context.Context, account uuid.UUID) (bool, error) {
	_, err := l.Account(ctx, account)
	if errors.Is(err, domain.ErrNotFound) {
		return true, nil
	}
	return false, err
}

// settleAll brings all that an account has sent to its end, and answers the newest of it as it was
// before. It reads the account's whole stream, and is for what happens once in its life.
func (l *Ledger) settleAll(ctx context.Context, account uuid.UUID) (uuid.UUID, error) {
	v, err := l.Account(ctx, account)
	if errors.Is(err, domain.ErrNotFound) {
		return uuid.UUID{}, nil // as the command will say
	}
	if err != nil || v.LastSent() == (uuid.UUID{}) {
		return uuid.UUID{}, err
	}
	for e, err := range l.store.Read(ctx, domain.AccountStream(account), 0) {
		if err != nil {
			return uuid.UUID{}, err
		}
		if e.Type != "TransferSent" {
			continue
		}
		p, err := l.decode(e)
		if err == nil {
			err = l.Resume(ctx, account, p.Metadata.EventID)
		}
		if err != nil {
			return uuid.UUID{}, err
		}
	}
	return v.LastSent(), nil
}

// finish takes what one stream answered to its end on others.
func (l *Ledger) finish(ctx context.Context, r Request, a Answer, err error) (Answer, error) {
	if moved, ok := errors.AsType[*domain.Moved](err); ok {
		return l.redirect(ctx, r, moved)
	}
	if needs, ok := errors.AsType[*domain.Unreserved](err); ok {
		return l.withBudget(ctx, r, needs)
	}
	if err != nil {
		return a, err
	}
	if !a.Replayed && !r.DryRun {
		l.giveBackBudgets(r, a)
	}
	for i, p := range a.Events {
		switch e := p.Event.(type) {
		case domain.TransferSent:
			if e.MergeID == (uuid.UUID{}) {
				err = l.arrive(ctx, &a, i, r, domain.ReceiveTransfer{Sent: e}, e.ToAccount)
			}
		case domain.AccountsMerged:
			if e.Absorbed == a.Account {
				err = l.arrive(ctx, &a, i, r, domain.AbsorbAccount{Merged: e, Parts: parts(a)}, e.Survivor)
			}
		case domain.MergeAdjusted:
			if e.Absorbed == a.Account {
				err = l.arrive(ctx, &a, i, r, domain.AdjustMerge{Adjusted: e}, e.Survivor)
			}
		}
		if err != nil {
			return a, err
		}
	}
	if refusal := a.Refusal(); refusal != nil {
		return a, refusal
	}
	return a, nil
}

// parts are what a merge sent.
func parts(a Answer) (all []domain.TransferSent) {
	for _, p := range a.Events {
		if e, ok := p.Event.(domain.TransferSent); ok {
			all = append(all, e)
		}
	}
	return all
}

// arrive lets the receiver decide on the i-th event of an answer, and where he refuses gives back what
// was sent. What only moved on to a survivor is no part of the answer: where that fails, RunTransfers
// takes it up.
func (l *Ledger) arrive(
	ctx context.Context, a *Answer, i int, r Request, c domain.Command, to uuid.UUID,
) error {
	sent := a.Events[i]
	if r.hops >= mostHops {
		return nil
	}
	next := step(sent, to, c)
	next.DryRun, next.hops = r.DryRun, r.hops+1
	received, err := l.Do(ctx, next)
	if err == nil {
		err = l.giveBack(ctx, a.Account, sent, received, r.DryRun)
	}
	if i > 0 {
		if err != nil {
			l.opts.Logger.Error("what came to an absorbed account not moved on", "account", a.Account,
				"transfer", sent.Metadata.EventID, "err", err)
		}
		return nil
	}
	if err == nil {
		outcome := received.First()
		a.Outcome, a.Position = &outcome, max(a.Position, received.Position)
	}
	return err
}

// giveBack returns what was sent, if the receiver's answer is a tombstone.
func (l *Ledger) giveBack(
	ctx context.Context, from uuid.UUID, sent domain.Posted, received Answer, dryRun bool,
) error {
	tombstone, refused := received.First().Event.(domain.ReferenceCancelled)
	if !refused || dryRun {
		return nil
	}
	var back domain.Command = domain.ReturnTransfer{TransferID: tombstone.OperationID, Why: tombstone}
	if _, merge := sent.Event.(domain.AccountsMerged); merge {
		back = domain.UndoMerge{MergeID: tombstone.OperationID, Why: tombstone}
	}
	q := step(sent, from, back)
	q.Context.OccurredAt, q.Context.BusinessDate = time.Time{}, "" // it happens now
	_, err := l.Do(ctx, q)
	return err
}

// step is the request for a step of what p began: in the name of whoever asked for that, where and when
// he did. Its reference is p's alone.
func step(p domain.Posted, account uuid.UUID, c domain.Command) Request {
	m := p.Metadata
	return Request{
		Account: account, Command: c, CorrelationID: m.CorrelationID,
		Caller: Caller{Actor: m.Actor, Role: domain.Role(m.Role), OnBehalfOf: m.OnBehalfOf},
		Context: domain.Context{Store: m.Store, Terminal: m.Terminal, Shift: m.Shift, Operator: m.Operator,
			Channel: m.Channel, OccurredAt: m.OccurredAt, BusinessDate: m.BusinessDate},
	}
}

// redirect asks the account that absorbed the request's own, once it is certain that it did; or again the
// request's own, where that must know as much.
func (l *Ledger) redirect(ctx context.Context, r Request, moved *domain.Moved) (Answer, error) {
	if r.hops++; r.hops > mostHops {
		return Answer{}, ErrBusy
	}
	if err := l.Resume(ctx, r.Account, moved.Merge); err != nil {
		return Answer{}, err
	}
	end, ok, err := l.Last(ctx, moved.To, domain.TransferName(moved.Merge))
	if err != nil {
		return Answer{}, err
	}
	switch _, refused := end.Event.(domain.ReferenceCancelled); {
	case !ok || refused:
	case moved.Unsettled:
		r.settled = moved.Merge
	default:
		r.Account = moved.To
	}
	return l.Do(ctx, r)
}

// Resume brings a transfer or merge that an account sent to its end, by the id of the event that began
// it. What has ended is left alone, and so is what the account does not know.
func (l *Ledger) Resume(ctx context.Context, account, id uuid.UUID) error {
	p, ok, err := l.Last(ctx, account, domain.EventName(id))
	if err != nil || !ok {
		return err
	}
	a := Answer{Account: account, Events: []domain.Posted{p}}
	switch e := p.Event.(type) {
	case domain.TransferSent:
		if e.MergeID != (uuid.UUID{}) {
			return l.Resume(ctx, account, e.MergeID)
		}
	case domain.MergeAdjusted:
	case domain.AccountsMerged:
		if a, err = l.operation(ctx, account, id); err != nil {
			return err
		}
	default:
		return nil
	}
	if _, err = l.finish(ctx, Request{}, a, nil); errors.Is(err, domain.ErrTransferReturned) {
		return nil
	}
	return err
}

// conclude looks up how what an answer sent has ended, if it has.
func (l *Ledger) conclude(ctx context.Context, a *Answer) error {
	var name domain.Name
	var to uuid.UUID
	switch e := a.First().Event.(type) {
	case domain.TransferSent:
		name, to = domain.TransferName(e.TransferID), e.ToAccount
	case domain.AccountsMerged:
		if e.Absorbed != a.Account {
			return nil
		}
		name, to = domain.TransferName(e.MergeID), e.Survivor
	default:
		return nil
	}
	p, ok, err := l.Last(ctx, to, name)
	if ok {
		a.Outcome = &p
	}
	return err
}

// InFlight names the event that began a transfer or merge, and the account that has it.
type InFlight struct{ Account, ID uuid.UUID }

// RunTransfers resumes transfers and merges until ctx ends: every interval those that were sent and have
// not ended. That is a hint from a read model: the streams decide. Several nodes may resume one at
// once.
func (l *Ledger) RunTransfers(ctx context.Context, every time.Duration,
	sent func(context.Context) iter.Seq2[InFlight, error]) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		l.resumeAll(ctx, sent)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (l *Ledger) resumeAll(
	ctx context.Context, sent func(context.Context) iter.Seq2[InFlight, error],
) {
	for f, err := range sent(ctx) {
		if err == nil && ctx.Err() == nil {
			err = l.Resume(ctx, f.Account, f.ID)
		}
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			l.opts.Logger.Error("transfer not resumed", "account", f.Account, "transfer", f.ID, "err", err)
		}
		if isAway(err) {
			return // so would the others fail, each after its time
		}
	}
}
