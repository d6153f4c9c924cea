package ledger

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
)

// mostTries bounds how often one request's reservations turn out to be others than its decision needs,
// because the account has moved on.
const mostTries = 4

// withBudget reserves what a request's decision needs of campaigns' budgets and asks again. What is not
// committed then is released at once where that is certain; the rest is for RunReservations.
func (l *Ledger) withBudget(ctx context.Context, r Request, needs *domain.Unreserved) (Answer, error) {
	r.reserved = l.dropUnused(ctx, r, needs.Unused)
	reserved, err := l.reserve(r, needs.Wanted)
	if !tellsMore(r.reserved, reserved) {
		r.tries++
	}
	if r.tries > mostTries {
		err = ErrBusy
	}
	if err == nil {
		r.reserved, r.needs = slices.Concat(r.reserved, reserved), needs
		var a Answer
		a, err = l.Do(ctx, r)
		if !r.DryRun && isCertain(err) {
			l.releaseUnused(ctx, r, reserved, a)
		}
		return a, err
	}
	l.releaseUnused(ctx, r, reserved, Answer{})
	return Answer{}, err
}

// isCertain reports that an answer with that error is all that there will be of its request.
func isCertain(err error) bool {
	_, refused := errors.AsType[*domain.Refusal](err)
	return err == nil || refused || errors.Is(err, ErrBusy) && !errors.Is(err, ErrOutcomeUnknown)
}

// reserve claims what is wanted, for one operation that is named anew: of each campaign all at once,
// of several beside each other. What there is not is refused in its place. After a failure it answers
// what it has.
func (l *Ledger) reserve(r Request, wanted []domain.BudgetPart) ([]domain.Reservation, error) {
	operation := uuid.New()
	of := map[string][]*domain.Reservation{} // by campaign, in the order of wanted
	reserved := make([]domain.Reservation, len(wanted))
	for i, w := range wanted {
		reserved[i] = domain.Reservation{Operation: operation, BudgetPart: w}
		of[w.Campaign] = append(of[w.Campaign], &reserved[i])
	}
	first := wanted[0].Campaign
	var mu sync.Mutex
	var failed []error
	var others sync.WaitGroup
	for campaign, parts := range of {
		if campaign == first {
			continue
		}
		others.Go(func() {
			err := l.claim(r, parts)
			mu.Lock()
			defer mu.Unlock()
			failed = append(failed, err)
		})
	}
	err := l.claim(r, of[first])
	others.Wait()
	return reserved, errors.Join(append(failed, err)...)
}

// claim reserves parts of one campaign's budget, or notes why there is not enough of one.
func (l *Ledger) claim(r Request, parts []*domain.Reservation) error {
	_, err := l.ask(parts[0].Campaign, func(t *reckoning) error {
		after, posted := t.budget, make([]domain.Posted, 0, len(parts))
		for _, g := range r.Beside {
			if g.Campaign == parts[0].Campaign && g.ReservationID != uuid.Nil {
				_, _ = after.Reserve(domain.Claim{BudgetPart: domain.BudgetPart{Campaign: g.Campaign,
					Kind: domain.BudgetIssue, Count: 1}}, t.moment(r.Caller, r.CorrelationID))
			}
		}
		for _, made := range parts {
			p, err := after.Reserve(domain.Claim{BudgetPart: made.BudgetPart, Account: r.Account,
				Operation: made.Operation}, t.moment(r.Caller, r.CorrelationID))
			made.Refused = nil
			if refusal, refused := errors.AsType[*domain.Refusal](err); refused {
				made.ID, made.Refused = uuid.New(), refusal
				continue
			}
			if err != nil {
				return err
			}
			made.ID, made.At = p.Metadata.EventID, p.Metadata.RecordedAt
			posted = append(posted, p)
		}
		noteFree(after.Without(r.reserved), parts)
		if r.DryRun {
			return nil
		}
		return t.add(after, posted...)
	})
	if err != nil {
		for _, made := range parts {
			made.ID = uuid.Nil
		}
	}
	return err
}

// noteFree notes beside what was refused what the campaign has but for the other parts.
func noteFree(after domain.Budget, parts []*domain.Reservation) {
	if !slices.ContainsFunc(parts, func(made *domain.Reservation) bool { return isRefused(*made) }) {
		return
	}
	for _, made := range parts {
		after = after.Without([]domain.Reservation{*made})
	}
	for _, made := range parts {
		made.Free = after
	}
}

// tellsMore reports whether what was reserved tells of a campaign that it has not enough, of which that was
// not known before: there are only so many that are asked for.
func tellsMore(before, reserved []domain.Reservation) bool {
	return slices.ContainsFunc(reserved, func(r domain.Reservation) bool {
		return isRefused(r) && !slices.ContainsFunc(before, func(known domain.Reservation) bool {
			return isRefused(known) && known.Campaign == r.Campaign
		})
	})
}

// releaseUnused releases those of a request's reservations that its answer did not commit. Of what was
// answered before, the answer does not tell what this try posted beside it: the account does.
func (l *Ledger) releaseUnused(
	ctx context.Context, r Request, reserved []domain.Reservation, a Answer,
) {
	for _, made := range reserved {
		if made.ID == uuid.Nil || isRefused(made) || slices.Contains(a.committed, made.ID) {
			continue
		}
		if a.Replayed {
			_, stands, err := l.Last(ctx, a.Account, domain.ReservationName(made.ID))
			if stands || err != nil {
				continue
			}
		}
		l.told(made.Campaign, made.ID, l.release(r.Caller, uuid.Nil, domain.Return{
			Reservation: made.ID, BudgetPart: made.BudgetPart, Reason: domain.BudgetUnused}))
	}
}

// dropUnused releases those of a request's reservations that it does not need, and answers the others.
func (l *Ledger) dropUnused(
	ctx context.Context, r Request, unused []uuid.UUID,
) (kept []domain.Reservation) {
	var dropped []domain.Reservation
	for _, made := range r.reserved {
		if slices.Contains(unused, made.ID) {
			dropped = append(dropped, made)
		} else {
			kept = append(kept, made)
		}
	}
	if !r.DryRun {
		l.releaseUnused(ctx, r, dropped, Answer{})
	}
	return kept
}

// committed are the reservations that events commit.
func committed(events []domain.Posted) (all []uuid.UUID) {
	for _, p := range events {
		if e, ok := p.Event.(domain.Committing); ok && e.Reserved() != uuid.Nil {
			all = append(all, e.Reserved())
		}
	}
	return all
}

func isRefused(r domain.Reservation) bool { return r.Refused != nil }

// giveBackBudgets releases what an answer's events give back of reservations.
func (l *Ledger) giveBackBudgets(r Request, a Answer) {
	for _, p := range a.Events {
		e, ok := p.Event.(domain.Returning)
		if !ok || e.Returned().Reservation == uuid.Nil {
			continue
		}
		back := e.Returned()
		l.told(back.Campaign, back.Reservation, l.release(r.Caller, p.Metadata.EventID, back))
	}
}

// told logs that a release failed, which RunReservations will make good.
func (l *Ledger) told(campaign string, reservation uuid.UUID, err error) {
	if err != nil {
		l.opts.Logger.Warn("budget not released yet", "campaign", campaign, "reservation", reservation,
			"err", err)
	}
}

// release gives a part of a reservation back, as an account's event source says, or all of it where
// nothing was committed. What was released before is left as it is.
func (l *Ledger) release(by Caller, source uuid.UUID, back domain.Return) error {
	_, err := l.ask(back.Campaign, func(t *reckoning) error {
		revision, ok := domain.RevisionOf(back.Reservation)
		if !ok {
			return domain.ErrNotFound
		}
		p, err := t.event(revision)
		if err != nil {
			return err
		}
		reserved, ok := p.Event.(domain.BudgetReserved)
		if !ok || reserved.ReservationID != back.Reservation {
			return domain.ErrNotFound
		}
		before, err := t.releases(back.Reservation)
		if err != nil {
			return err
		}
		after := t.budget
		p, err = after.Release(back, source, reserved, before, t.moment(by, ""))
		if _, done := errors.AsType[*domain.Done](err); done {
			return nil
		}
		if err != nil {
			return err
		}
		return t.add(after, p)
	})
	return err
}

// Budget is a campaign with what is reserved of its budgets now. It is domain.ErrNotFound where there is
// none.
func (l *Ledger) Budget(campaign string) (b domain.Budget, err error) {
	_, err = l.ask(campaign, func(t *reckoning) error {
		if b = t.budget; b.Campaign == nil {
			return domain.ErrNotFound.Because("there is no such campaign")
		}
		return nil
	})
	return b, err
}

// registerCampaign is register on a campaign's stream, which is long: of it a registration is decided on
// the campaign's life alone.
func (l *Ledger) registerCampaign(q Registering, campaign string) (a Answer, err error) {
	place, err := l.ask(campaign, func(t *reckoning) (err error) {
		a, err = t.register(q)
		return err
	})
	if len(a.Events) > 0 && !a.Replayed && !q.DryRun {
		a.Position = place
	}
	return a, err
}

func (t *reckoning) register(q Registering) (Answer, error) {
	life := t.life()
	for _, e := range life {
		if q.Key != "" && e.Metadata.IdempotencyKey == q.Key {
			return registered(life, e, q.Registration)
		}
	}
	m := t.moment(q.Caller, q.CorrelationID)
	m.IdempotencyKey, m.Context = q.Key, q.Context
	events, err := domain.RegisterAt(t.budget.Revision+1, posted(life), q.Registration, m)
	if done, ok := errors.AsType[*domain.Done](err); ok {
		return Answer{Events: []domain.Posted{done.Original}, Replayed: true,
			Position: t.base.position}, nil
	}
	if err != nil || q.DryRun {
		return Answer{Events: events}, err
	}
	after := t.budget
	for _, p := range events {
		if err := after.Apply(p); err != nil {
			return Answer{}, err
		}
	}
	if err := t.add(after, events...); err != nil {
		return Answer{}, err
	}
	return Answer{Events: t.posted[len(t.posted)-len(events):]}, nil
}

// life are the campaign's events that are not of its budget, this reckoning's among them.
func (t *reckoning) life() []located {
	life := t.base.life[:len(t.base.life):len(t.base.life)]
	for _, p := range t.posted {
		switch p.Event.(type) {
		case domain.BudgetReserved, domain.BudgetReleased:
		default:
			life = append(life, located{Posted: p})
		}
	}
	return life
}

// uncommittedFor is how long a reservation may go without a commit before it is resolved.
const uncommittedFor = 60 * time.Second
