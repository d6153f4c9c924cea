package domain

import (
	"slices"
	"strings"

	"github.com/google/uuid"
)

// A coupon that a code claims is granted as any other. A single-use code's claim ends on the account once,
// with the coupon or with a tombstone; a promo code is claimed as often as PerAccount says.

// promoName is the name that the claims of a definition's promo code, of whatever version, answer to.
func promoName(campaign, definition string) Name {
	id, _, _ := strings.Cut(definition, "@")
	return Name{"promo", campaign + separator + id}
}

// broughtName is the name that merges answer to which brought claims of a definition's promo code. One of
// them may bring many, so it is not promoName, under which each event is a claim.
func broughtName(campaign, definition string) Name {
	return Name{"promo-brought", campaign + separator + definition}
}

func (e CouponGranted) appendClaim(names []Name) []Name {
	switch {
	case e.ClaimID != noID:
		return append(names, TransferName(e.ClaimID))
	case e.Cause == CouponByClaim:
		return append(names, promoName(e.Campaign, e.Definition))
	}
	return names
}

// claims reports whether a grant is a claim of the definition's promo code.
func (g GrantCoupon) claims(d *Definition) bool {
	return g.Cause == CouponByClaim && g.ClaimID == noID && d.PromoCode != nil
}

// claimedOut reports that the account has claimed a definition by its promo code as often as it may.
func (d *Draft) claimedOut(campaign string, definition *Definition) bool {
	most := definition.PromoCode.PerAccount
	if d.Candidates != nil && d.Candidates(broughtName(campaign, definition.ID)) == 0 &&
		d.Candidates(promoName(campaign, definition.ID))+len(d.posted)+len(d.Beside) < most {
		return false // without reading what was claimed before
	}
	return d.claims(campaign, definition.ID) >= most
}

// claims is how often the account has claimed a definition by its promo code. Of an absorbed account
// those count that came from it.
func (d *Draft) claims(campaign, definition string) int {
	promo := promoName(campaign, definition)
	n := len(d.answering(promo))
	for _, g := range d.Beside {
		if slices.Contains(g.appendClaim(nil), promo) {
			n++
		}
	}
	for _, e := range d.answering(broughtName(campaign, definition)) {
		if merged, ok := e.(AccountsMerged); ok && merged.Survivor == d.id {
			_, brought := merged.Counts.of(campaign, definition)
			n += brought
		}
	}
	return n
}

// claimed is Done where a claim has ended here: with a coupon, or with a tombstone.
func (d *Draft) claimed(claim uuid.UUID) error {
	if claim == noID {
		return nil
	}
	if before, ok := d.first(TransferName(claim)); ok {
		return &Done{before}
	}
	return nil
}

// OpRefuseClaim is the operation of RefuseClaim.
const OpRefuseClaim Operation = "claim_refusal"

// RefuseClaim ends the claim of a code on an account that did not take its coupon. The service asks for
// it, before the code is free again.
type RefuseClaim struct {
	ClaimID uuid.UUID
	Why     Refusal
}

// Operation is claim_refusal.
func (RefuseClaim) Operation() Operation { return OpRefuseClaim }

// Decide writes the tombstone. Where the claim has ended it is Done.
func (r RefuseClaim) Decide(d *Draft) error {
	if d.revision < 0 {
		return ErrNotFound.Because("there is no such account")
	}
	if err := d.claimed(r.ClaimID); err != nil {
		return err
	}
	return d.refuseOperation(r.ClaimID, &r.Why)
}
