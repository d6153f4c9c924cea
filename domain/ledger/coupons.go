package ledger

import (
	"context"

	"github.com/tillbook/tillbook/domain"
)

// UsableCoupons says of each live coupon of an account what speaks against its use in a store now, nil
// where nothing does: as far as that can be told without a sale.
func (l *Ledger) UsableCoupons(ctx context.Context, v View, store string) ([]*domain.Refusal, error) {
	place, err := l.storeOf(ctx, store)
	if err != nil {
		return nil, err
	}
	var failed error
	verdicts := v.UsableCoupons(domain.Moment{
		Recorded: v.At, Decided: v.At, Context: domain.Context{Store: store}, Place: place,
		Program: l.Program(v.ID(), v.At),
		Campaigns: func(id string) *domain.Campaign {
			c, err := l.Campaign(ctx, id)
			if err != nil {
				failed = err
			}
			return c
		},
	})
	return verdicts, failed
}
