package ledger

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
)

// promo is a definition that a promo code claims.
type promo struct{ campaign, definition string }

// PromoCode is the campaign and the definition that a promo code claims which has one of these hashes:
// that of an active campaign, where there are several. Of a definition its newest version counts.
func (l *Ledger) PromoCode(hashes ...string) (campaign, definition string, ok bool) {
	found, at := l.registry.promosOf(hashes), l.now()
	for _, p := range found {
		if c := l.registry.campaign(p.campaign); !ok || c.Open(at) {
			campaign, definition, ok = p.campaign, p.definition, true
		}
	}
	return campaign, definition, ok
}

func (r *registry) promosOf(hashes []string) (found []promo) {
	r.mu.RLock()
	promos := r.promos
	r.mu.RUnlock()
	if promos == nil {
		promos = r.indexPromos()
	}
	for _, hash := range hashes {
		found = append(found, promos[hash]...)
	}
	return found
}

// indexPromos puts the newest versions' promo codes in order.
func (r *registry) indexPromos() map[string][]promo {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.promos = map[string][]promo{}
	for id, c := range r.Campaigns {
		for _, d := range c.Definitions {
			if d.PromoCode != nil && c.Last(d.ID) == d {
				r.promos[d.PromoCode.Hash] = append(r.promos[d.PromoCode.Hash], promo{id, d.ID})
			}
		}
	}
	return r.promos
}

// ClaimCode claims the coupon of a single-use code for an account: see domain.CodeRef for the steps. What
// ends it between two of them leaves the rest to whoever asks again, or to RunClaims. It is
// ErrCodeNotUsable where another has the code, it is void, or the account used it under another key.
func (l *Ledger) ClaimCode(ctx context.Context, q Request, code domain.RedeemCode) (Answer, error) {
	code.AccountID = q.Account
	key := q.Account.String() + "/" + q.Key // the caller's own is the account's
	taken, err := l.Register(ctx, Registering{Registration: code, Key: key, Caller: q.Caller,
		CorrelationID: q.CorrelationID, DryRun: q.DryRun, Context: q.Context})
	if _, refused := errors.AsType[*domain.Refusal](err); refused {
		return Answer{}, domain.ErrCodeNotUsable
	}
	if err != nil {
		return Answer{}, err
	}
	claim := taken.First()
	if taken.Replayed && claim.Metadata.IdempotencyKey != key {
		_, ended, err := l.Last(ctx, q.Account, domain.TransferName(claim.Metadata.EventID))
		if err == nil && ended {
			err = domain.ErrCodeNotUsable
		}
		if err != nil {
			return Answer{}, err
		}
	}
	return l.endClaim(ctx, q, claim)
}

// endClaim gives the account that claims a code its coupon; where it does not take it, the account says
// so for good, and the code is free again.
func (l *Ledger) endClaim(ctx context.Context, q Request, claim domain.Posted) (Answer, error) {
	code := claim.Event.(domain.CodeRedeemed) // as whoever calls has seen
	id := claim.Metadata.EventID
	q.Command = domain.GrantCoupon{Campaign: code.Campaign, Definition: code.Definition,
		Cause: domain.CouponByClaim, Channel: code.Channel, CodeLast4: code.Last4, ClaimID: id}
	a, err := l.Do(ctx, q)
	why, refused := errors.AsType[*domain.Refusal](err)
	if refused && !q.DryRun {
		a, err = l.Do(ctx, step(claim, code.AccountID, domain.RefuseClaim{ClaimID: id, Why: *why}))
	}
	if err != nil {
		return a, err
	}
	end, refused := a.First().Event.(domain.ReferenceCancelled)
	if !refused {
		return a, nil
	}
	_, err = l.Register(ctx, Registering{Caller: q.Caller, CorrelationID: q.CorrelationID,
		Registration: domain.ReleaseCode{CodeRef: code.CodeRef, Claim: id, Why: end.Code}})
	if err == nil && why == nil {
		why = &domain.Refusal{Code: end.Code, Detail: end.Detail}
	}
	if err == nil {
		err = why
	}
	return Answer{}, err
}

// ResumeClaim brings the claim of a code to its end. What has ended is left alone.
func (l *Ledger) ResumeClaim(ctx context.Context, code domain.CodeRef) error {
	before, _, err := l.past(ctx, code.Stream())
	if err != nil {
		return err
	}
	used := domain.CodeOf(posted(before))
	i := slices.IndexFunc(before, func(e located) bool { return e.Metadata.EventID == used.Claim })
	if i < 0 {
		return nil
	}
	claim := before[i].Posted
	q := step(claim, used.Account, nil)
	_, q.Key, _ = strings.Cut(claim.Metadata.IdempotencyKey, "/")
	_, err = l.endClaim(ctx, q, claim)
	if _, refused := errors.AsType[*domain.Refusal](err); refused {
		return nil
	}
	return err
}

// claimsAfter is how long whoever claims a code is left alone with it.
const claimsAfter = 30 * time.Second

// RunClaims resumes claims until ctx ends: every interval those that are as old as claimsAfter and have
// not ended. That is a hint from a read model: the streams decide. Several nodes may resume one at once.
func (l *Ledger) RunClaims(ctx context.Context, every time.Duration,
	open func(ctx context.Context, before time.Time) ([]domain.CodeRef, error)) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		codes, err := open(ctx, l.now().Add(-claimsAfter))
		for i := 0; i < len(codes) && err == nil; i++ {
			err = l.ResumeClaim(ctx, codes[i])
			if err != nil && ctx.Err() == nil && !isAway(err) {
				l.opts.Logger.Error("claim not resumed", "stream", codes[i].Stream(), "err", err)
				err = nil
			}
		}
		if err != nil && ctx.Err() == nil {
			l.opts.Logger.Error("claims not resumed", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Batch is a campaign's batch of codes by its id, with the campaign's id.
func (l *Ledger) Batch(id uuid.UUID) (campaign string, batch *domain.CodeBatch, ok bool) {
	l.registry.mu.RLock()
	defer l.registry.mu.RUnlock()
	for _, c := range l.registry.Campaigns {
		if b := c.Batch(id); b != nil {
			return c.ID, b, true
		}
	}
	return "", nil, false
}
