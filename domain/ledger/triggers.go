package ledger

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
)

// Occasion is something that happened to an account, by a name that it has once there.
type Occasion struct {
	Account uuid.UUID
	Name    string
}

// GrantOn grants a definition's coupon on occasions, all at the same time; on each once, whoever asks and
// however often. It answers how many of them, from the first on, are done with: granted, or refused by
// the account. Those for which the campaign has nothing left, or does not give any more, are not.
func (l *Ledger) GrantOn(ctx context.Context, c *domain.Campaign, d *domain.Definition,
	occasions []Occasion) (int, error) {
	g := domain.GrantCoupon{Campaign: c.ID, Definition: d.Name(), Cause: domain.CouponByTrigger}
	if len(c.Terms.Channels) > 0 {
		g.Channel = c.Terms.Channels[0]
	}
	waits := make([]func(context.Context) (Answer, error), 0, len(occasions))
	var failed error
	for _, o := range occasions {
		g.Occasion = o.Name
		wait, err := l.Begin(Request{Account: o.Account, Command: g,
			Caller: Caller{Actor: domain.SystemActor, Role: domain.SystemActor}})
		if err != nil {
			wait = func(context.Context) (Answer, error) { return Answer{}, err }
		}
		waits = append(waits, wait)
	}
	done := 0
	for i, wait := range waits {
		_, err := wait(ctx)
		if refusal, ok := errors.AsType[*domain.Refusal](err); ok && !isSpent(refusal) || isDamaged(err) {
			err = nil
		}
		if failed = errors.Join(failed, err); failed == nil {
			done = i + 1
		}
	}
	if refusal, ok := errors.AsType[*domain.Refusal](failed); ok && isSpent(refusal) {
		failed = nil // it is the campaign's own state, and no failure
	}
	return done, failed
}

// isSpent reports that the campaign cannot give, whoever asks.
func isSpent(r *domain.Refusal) bool {
	switch r.Code {
	case domain.ErrBudgetExhausted.Code, domain.ErrCampaignNotActive.Code, domain.ErrLimitExceeded.Code:
		return true
	}
	return false
}
