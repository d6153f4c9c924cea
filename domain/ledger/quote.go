package ledger

import (
	"context"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
)

// Quote is what a sale would cost the request's account now, decided as the sale itself would be, and
// the account that it was decided on. Nothing is posted, and nothing of a campaign's budget is reserved;
// the request's command is not asked for. The error is as of Do; it is *domain.Moved where the account
// was merged.
func (l *Ledger) Quote(ctx context.Context, r Request, q domain.Quote) (domain.Quoted, View, error) {
	a := &quoting{Request: r, quote: q, seen: eventstore.Position(l.seen.Load())}
	if c, ok := l.states.GetIfPresent(r.Account); ok && !l.opts.Shared {
		if asked, err := a.beside(l, ctx, c.state.Load()); !asked {
			return a.quoted, a.view, err
		}
	}
	err := l.look(ctx, r.Account, a.of)
	return a.quoted, a.view, err
}

// quoting is a quote that is asked for, and what it came to.
type quoting struct {
	Request
	quote  domain.Quote
	seen   eventstore.Position
	quoted domain.Quoted
	view   View
}

// beside quotes on a state without its account's queue, in which only names may be looked up. Few quotes
// do that, such as of coupons that were used; asked reports that this one must ask again in the queue.
func (a *quoting) beside(l *Ledger, ctx context.Context, s *state) (asked bool, err error) {
	round := l.newRound(ctx, s, false)
	round.found = func(domain.Name) []domain.Posted { asked = true; return nil }
	err = a.of(ctx, round)
	return asked, err
}

func (a *quoting) of(ctx context.Context, round *round) error {
	place, err := round.storeOf(ctx, a.Context.Store)
	if err != nil {
		return err
	}
	if a.view, err = round.view(round.base, a.seen); err != nil {
		return err
	}
	m := round.moment(&a.Request, place)
	m.Candidates = nil // they are names
	m.Budgets = round.budgets
	a.quoted, err = a.quote.Of(round.base.account, m)
	if round.failed != nil {
		return round.failed
	}
	return err
}

// budgets looks up a campaign's budget. What is reserved of it a moment later is not in it.
func (r *round) budgets(campaign string) (domain.Budget, bool) {
	b, err := r.Budget(campaign)
	if err != nil {
		r.failed = err
	}
	return b, err == nil
}
