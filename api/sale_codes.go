package api

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
)

// codesBody are the codes that a customer shows for a sale.
type codesBody struct {
	Codes        []string `json:"codes"`
	IssueChannel string   `json:"issue_channel"`
}

// mostCodes bounds the codes of a sale.
const mostCodes = 10

// codes checks the codes of a sale, before one of them is claimed.
func (r *reading) codes(b wantedBody) {
	switch {
	case len(b.Codes) > mostCodes:
		r.malformed("codes", fmt.Sprint("want at most ", mostCodes))
	case len(b.Codes) > 0 && b.Best:
		r.malformed("codes", "want those, or the best")
	case len(b.Codes)+len(b.Coupons) > domain.MaxWanted:
		r.malformed("codes", fmt.Sprintf("want at most %d with coupons", domain.MaxWanted))
	case len(b.Codes) == 0 && b.IssueChannel != "":
		r.malformed("issue_channel", "goes with codes")
	}
	r.issueChannel(b.IssueChannel)
	seen := map[string]bool{}
	for i, text := range b.Codes {
		code, ok := domain.ReadCode(text)
		if !ok {
			code, _ = domain.NormalPromoCode(text)
		}
		if code == "" || seen[code] {
			r.malformed(fmt.Sprint("codes.", i), "want each once, and none empty")
		}
		seen[code] = true
	}
}

// saleClaimKey is the key of the claim of a sale's n-th code, from the sale's own. With its blank no
// caller can send it.
func saleClaimKey(sale string, n int) string { return fmt.Sprint(sale, " code ", n) }

// postCheckout posts a sale. Its codes are claimed first, each under a key of its own that hangs on the
// sale's: whatever ends it in between, the same sale claims none twice.
func postCheckout(c *call) error {
	t, err := c.target()
	if err != nil {
		return err
	}
	body, err := c.body(c.s.BodyLimit)
	if err != nil {
		return err
	}
	key, dryRun, bad := c.once()
	r := &reading{s: c.s, who: c.who, trial: dryRun || bad != nil}
	sale, shown := r.sale(&t, body)
	if dryRun && len(shown.Codes) > 0 {
		r.malformed("codes", "a dry run claims none: ask for a quote")
	}
	if err := cmp.Or(r.err(), bad); err != nil {
		return err
	}
	q := ledger.Request{Account: t.account, Key: key, Context: r.context, Caller: c.who.Caller,
		CorrelationID: c.correlation(), DryRun: dryRun}
	kept, err := c.claimed(q, shown)
	if err != nil {
		return keeping(err, kept)
	}
	if sale.Coupons = append(sale.Coupons, kept...); len(kept) > 0 {
		sale.Segments = r.segments(t.account, sale.Wanted)
	}
	if err := r.err(); err != nil {
		return keeping(err, kept)
	}
	q.Command = sale
	a, err := c.s.Ledger.Do(context.Background(), q)
	c.kept = kept
	return c.answer(a, keeping(err, kept), dryRun)
}

// claimed claims the codes of a sale, all or none of which can be had, and answers the coupons that they
// gave: those that there are already where the sale was asked for before. After an error it answers
// those that were claimed all the same.
func (c *call) claimed(q ledger.Request, shown codesBody) (coupons []uuid.UUID, err error) {
	if len(shown.Codes) == 0 {
		return nil, nil
	}
	sale, used, err := c.s.Ledger.Last(context.Background(), q.Account, domain.KeyName(q.Key))
	if err != nil {
		return nil, err
	}
	steps := []bool{true, false} // first whether each can be had
	if used {
		steps = steps[1:]
	}
	for _, q.DryRun = range steps {
		coupons, q.Beside = nil, nil
		for i, code := range shown.Codes {
			of := q
			of.Key = saleClaimKey(q.Key, i)
			var e domain.CouponGranted
			id, before, err := c.s.claimedBefore(of, code)
			if err == nil && !before && used {
				err = domain.ErrKeyReused.By(sale)
			}
			if err == nil && !before {
				e, err = c.granted(of, claimBody{Code: code, Channel: shown.IssueChannel})
				id = e.CouponID
			}
			if err != nil {
				return coupons, err
			}
			if q.DryRun && !before {
				q.Beside = append(q.Beside, e)
			}
			if before || !q.DryRun {
				coupons = append(coupons, id)
			}
		}
	}
	return coupons, nil
}

// granted is the coupon that a code gives for a sale, whose reference is not the claim's.
func (c *call) granted(q ledger.Request, b claimBody) (domain.CouponGranted, error) {
	q.Context.PosTxnID, q.Context.Leg = "", ""
	before, err := c.s.mayClaim(&q)
	if err != nil {
		return domain.CouponGranted{}, err
	}
	a, err := guarded(c, func() (ledger.Answer, error) { return c.s.claim(q, b, before) })
	if err != nil {
		return domain.CouponGranted{}, err
	}
	if e, ok := a.First().Event.(domain.CouponGranted); ok {
		return e, nil
	}
	return domain.CouponGranted{}, domain.ErrCodeNotUsable
}

// claimedBefore is the coupon that was claimed with a request's key, if any. It is domain.ErrKeyReused
// where that was by another code.
func (s *Server) claimedBefore(q ledger.Request, code string) (coupon uuid.UUID, ok bool, err error) {
	first, ok, err := s.Ledger.Last(context.Background(), q.Account, domain.KeyName(q.Key))
	if err != nil || !ok {
		return uuid.Nil, false, err
	}
	e, _ := first.Event.(domain.CouponGranted)
	same, err := s.standsFor(code, e)
	if err == nil && !same {
		err = domain.ErrKeyReused.By(first)
	}
	return e.CouponID, true, err
}

// standsFor reports whether a code gives coupons such as one that was claimed.
func (s *Server) standsFor(text string, e domain.CouponGranted) (bool, error) {
	if e.ClaimID != uuid.Nil {
		codes, err := s.singleUse(text)
		return slices.ContainsFunc(codes, func(code domain.RedeemCode) bool {
			return code.Campaign == e.Campaign && code.Definition == e.Definition && code.Last4 == e.CodeLast4
		}), err
	}
	code, ok := domain.NormalPromoCode(text)
	if !ok {
		return false, nil
	}
	campaign, err := s.Ledger.Campaign(context.Background(), e.Campaign)
	if err != nil || campaign == nil {
		return false, err
	}
	hashes, err := s.Keyring.Hashes(promoPurpose, code)
	d, ok := campaign.Definition(e.Definition)
	return ok && d.PromoCode != nil && slices.Contains(hashes, d.PromoCode.Hash), err
}

// keeping says in a refusal that the account keeps the coupons which the sale's codes gave.
func keeping(err error, kept []uuid.UUID) error {
	if refusal, ok := refusalOf(err); ok && len(kept) > 0 {
		return keptBy(refusal, kept)
	}
	return err
}

func keptBy(refusal *domain.Refusal, kept []uuid.UUID) *domain.Refusal {
	var ids []string
	for _, id := range kept {
		ids = append(ids, id.String())
	}
	told := *refusal
	told.Fields = append(slices.Clone(told.Fields), domain.FieldError{Field: "codes",
		Detail: "they are claimed: the account keeps coupon " + strings.Join(ids, ", ")})
	return &told
}

// offered adds what codes would give to what a quote is asked with. None is claimed.
func (c *call) offered(w *domain.Wanted, q ledger.Request, shown codesBody) error {
	q.DryRun = true
	for _, code := range shown.Codes {
		e, err := c.granted(q, claimBody{Code: code, Channel: shown.IssueChannel})
		if err != nil {
			return err
		}
		campaign, err := c.s.Ledger.Campaign(context.Background(), e.Campaign)
		if err != nil {
			return err
		}
		q.Beside = append(q.Beside, e)
		w.Offers = append(w.Offers, e.Offered(campaign))
	}
	return nil
}
