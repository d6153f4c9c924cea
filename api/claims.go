package api

import (
	"context"
	"errors"
	"slices"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
)

func (s *Server) claimRoutes() []*route {
	return []*route{{method: "POST", path: account + "/coupons/claim", id: "claimCoupon", roles: seekers,
		query: dry, serve: claimCoupon}}
}

type claimBody struct {
	Code    string `json:"code"`
	Channel string `json:"issue_channel"`
	post
}

// claimCoupon grants an account the coupon of a code: a promo code, or a single-use one.
func claimCoupon(c *call) error {
	t, err := c.target()
	if err != nil {
		return err
	}
	body, err := c.body(c.s.BodyLimit)
	if err != nil {
		return err
	}
	key, dryRun, err := c.once()
	if err != nil {
		return err
	}
	r := &reading{s: c.s, who: c.who, trial: dryRun}
	var b claimBody
	if !r.decode(body, &b) {
		return r.err()
	}
	r.about(b.post)
	if b.Code == "" {
		r.malformed("code", "is required")
	}
	r.issueChannel(b.Channel)
	if err := r.err(); err != nil {
		return err
	}
	q := ledger.Request{Account: t.account, Key: key, Context: r.context, Caller: c.who.Caller,
		CorrelationID: c.correlation(), DryRun: dryRun}
	before, err := c.s.mayClaim(&q)
	if err != nil {
		return err
	}
	a, err := guarded(c, func() (ledger.Answer, error) { return c.s.claim(q, b, before) })
	return c.answer(a, err, dryRun)
}

func (r *reading) issueChannel(channel string) {
	if !slices.Contains([]string{"", domain.IssueOnline, domain.IssueOffline, domain.IssuePartner}, channel) {
		r.malformed("issue_channel", "want online, offline or partner")
	}
}

// mayClaim finds the account that answers for the request's, and what is wrong with it, before anything
// of a code is told; of a key that was used, what it claimed, or that it was for another request.
func (s *Server) mayClaim(q *ledger.Request) (before domain.CouponGranted, err error) {
	ctx := context.Background()
	v, err := s.Ledger.Account(ctx, q.Account)
	if err == nil {
		v, err = s.surviving(ctx, v)
	}
	if err != nil {
		return before, err
	}
	q.Account = v.ID()
	first, used, err := s.Ledger.Last(ctx, q.Account, domain.KeyName(q.Key))
	if err != nil {
		return before, err
	}
	if used {
		var granted bool
		before, granted = first.Event.(domain.CouponGranted)
		if !granted || before.Cause != domain.CouponByClaim {
			return before, domain.ErrKeyReused.By(first)
		}
		return before, nil
	}
	if v.Status(v.At) == domain.Closed {
		return before, domain.ErrAccountNotOpen
	}
	for _, f := range v.FrozenModes(v.At) {
		if f.Mode != domain.FreezeDebit {
			return before, domain.ErrAccountFrozen
		}
	}
	return before, nil
}

// toldOfClaims are the refusals of a claim that say nothing of its code. Every other is code_not_usable.
var toldOfClaims = []error{domain.ErrKeyReused, domain.ErrReferenceUsed, domain.ErrReferenceCancelled,
	domain.ErrAccountNotOpen, domain.ErrAccountFrozen}

// claim claims whatever a code stands for, or stood for when its key claimed it before.
func (s *Server) claim(q ledger.Request, b claimBody, before domain.CouponGranted) (
	a ledger.Answer, err error,
) {
	ctx := context.Background()
	a, err = ledger.Answer{}, domain.ErrCodeNotUsable
	campaign, definition, last4, err := s.promo(b.Code, before)
	if err != nil {
		return a, err
	}
	if campaign != "" {
		q.Command = domain.GrantCoupon{Campaign: campaign, Definition: definition,
			Cause: domain.CouponByClaim, Channel: b.Channel, CodeLast4: last4}
		if a, err = s.Ledger.Do(ctx, q); isRefused(err) {
			err = errors.Join(errKnownCode, err)
		}
		return a, unusable(err)
	}
	codes, err := s.singleUse(b.Code)
	if err != nil {
		return a, err
	}
	err = domain.ErrCodeNotUsable
	for _, code := range codes {
		code.Channel = b.Channel
		if a, err = s.Ledger.ClaimCode(ctx, q, code); !errors.Is(err, domain.ErrCodeNotUsable) {
			break
		}
	}
	return a, unusable(err)
}

func isRefused(err error) bool {
	_, refused := refusalOf(err)
	return refused
}

func refusalOf(err error) (*domain.Refusal, bool) { return errors.AsType[*domain.Refusal](err) }

// unusable hides what is wrong with a code.
func unusable(err error) error {
	if !isRefused(err) || slices.ContainsFunc(toldOfClaims, func(told error) bool { return errors.Is(err, told) }) {
		return err
	}
	if errors.Is(err, errKnownCode) {
		return errors.Join(errKnownCode, domain.ErrCodeNotUsable)
	}
	return domain.ErrCodeNotUsable
}

// promo is the campaign and the definition that a promo code claims, or claimed before; none where it is
// no such code.
func (s *Server) promo(text string, before domain.CouponGranted) (
	campaign, definition, last4 string, err error,
) {
	code, ok := domain.NormalPromoCode(text)
	if !ok {
		return "", "", "", nil
	}
	hashes, err := s.Keyring.Hashes(promoPurpose, code)
	if err != nil {
		return "", "", "", err
	}
	claimed, err := s.Ledger.Campaign(context.Background(), before.Campaign)
	if err != nil {
		return "", "", "", err
	}
	if claimed != nil {
		d, ok := claimed.Definition(before.Definition)
		if ok && d.PromoCode != nil && slices.Contains(hashes, d.PromoCode.Hash) {
			return before.Campaign, before.Definition, domain.CodeEnd(code), nil
		}
	}
	campaign, definition, _ = s.Ledger.PromoCode(hashes...)
	return campaign, definition, domain.CodeEnd(code), nil
}

// promoPurpose is what promo codes are hashed for.
const promoPurpose = "promo-code"

// promoCode reads the promo code of a definition.
func (r *reading) promoCode(b *promoBody) *domain.PromoCode {
	if b == nil {
		return nil
	}
	code, ok := domain.NormalPromoCode(b.Code)
	if !ok {
		r.malformed("promo_code.code", "want 4 to 32 digits and letters")
		return nil
	}
	hashes, err := r.s.Keyring.Hashes(promoPurpose, code)
	if err != nil {
		r.failure = err
		return nil
	}
	return &domain.PromoCode{Hash: hashes[0], Last4: domain.CodeEnd(code), PerAccount: b.PerAccount}
}

type promoBody struct {
	Code       string `json:"code"`
	PerAccount int    `json:"per_account"`
}
