package ledger

import (
	"context"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
)

// Quote is what a sale would cost the request's account now, decided as the sale itself would be, and
// the account that it was decided on. Nothing is posted; the request's command is not asked for. The
// error is as of Do; it is *domain.Moved where the account was merged.
func (l *Ledger) Quote(ctx context.Context, r Request, q domain.Quote) (
	quoted domain.Quoted, v View, err error,
) {
	seen := eventstore.Position(l.seen.Load())
	err = l.look(ctx, r.Account, func(ctx context.Context, round *round) error {
		place, err := round.storeOf(ctx, r.Context.Store)
		if err != nil {
			return err
		}
		if v, err = l.view(round.base, seen); err != nil {
			return err
		}
		quoted, err = q.Of(round.base.account, round.moment(&r, place))
		if round.failed != nil {
			return round.failed
		}
		return err
	})
	return quoted, v, err
}
