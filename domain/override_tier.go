package domain

import (
	"fmt"
	"time"
)

// The kinds of operation by which a person sets a tier.
const (
	OpOverrideTier    Operation = "tier_override"
	OpEndTierOverride Operation = "tier_override_end"
)

// OverrideTier has an account hold a tier, whatever was counted for it. Counting goes on beneath: when
// the override ends, the account holds what counting says.
type OverrideTier struct {
	Tier   string    `json:"tier"`
	Reason string    `json:"reason"`         // 1 to 200 bytes
	Until  time.Time `json:"until,omitzero"` // none: until it is ended
}

// EndTierOverride ends the override before its time.
type EndTierOverride struct {
	Reason string `json:"reason"` // 1 to 200 bytes
}

// TierOverridden records that a person set the account's tier. It takes the place of an override before.
type TierOverridden struct {
	Tier     string    `json:"tier"`
	Rank     int       `json:"rank"` // of Tier among the program's; 0: the first
	Reason   string    `json:"reason"`
	Approver string    `json:"approver"` // the API key
	Until    time.Time `json:"until,omitzero"`
}

// TierOverrideEnded records that counting alone says again which tier the account holds.
type TierOverrideEnded struct {
	Tier     string    `json:"tier"` // that it held by the override
	Reason   string    `json:"reason"`
	Approver string    `json:"approver,omitempty"` // who ended it; none where its time was over
	EndedAt  time.Time `json:"ended_at,omitzero"`  // where its time was over
}

// Override is a tier that a person set.
type Override struct {
	Tier     string    `json:"tier"`
	Reason   string    `json:"reason"`
	Approver string    `json:"approver"`
	Since    time.Time `json:"since"`
	Until    time.Time `json:"until,omitzero"`
}

func (TierOverridden) event()    {}
func (TierOverrideEnded) event() {}

func (TierOverridden) operation() Operation    { return OpOverrideTier }
func (TierOverrideEnded) operation() Operation { return OpEndTierOverride }

// happened is when the override's time was over, if that ended it.
func (e TierOverrideEnded) happened() time.Time { return e.EndedAt }

// Operation is tier_override.
func (OverrideTier) Operation() Operation { return OpOverrideTier }

// Operation is tier_override_end.
func (EndTierOverride) Operation() Operation { return OpEndTierOverride }

// Decide checks reason and end, the account, then that the program has the tier.
func (o OverrideTier) Decide(d *Draft) error {
	if o.Reason == "" || len(o.Reason) > 200 {
		return ErrMalformed.Field("reason", "want 1 to 200 bytes")
	}
	if !o.Until.IsZero() && !comes(o.Until, d.Recorded) {
		return ErrMalformed.Field("until", "want a time to come")
	}
	if err := d.maySettle(); err != nil {
		return err
	}
	r := d.tierRules()
	if r == nil || r.name(o.Tier) != o.Tier {
		return ErrMalformed.Field("tier", "is no tier of the account's program")
	}
	return d.post(TierOverridden{Tier: o.Tier, Rank: r.rank(o.Tier), Reason: o.Reason,
		Approver: d.Actor, Until: o.Until})
}

// Decide checks the reason, the account, then that there is an override.
func (o EndTierOverride) Decide(d *Draft) error {
	if o.Reason == "" || len(o.Reason) > 200 {
		return ErrMalformed.Field("reason", "want 1 to 200 bytes")
	}
	if err := d.maySettle(); err != nil {
		return err
	}
	was := d.tiering.Override
	if was == nil {
		return ErrNotFound.Because("no override of the tier lasts")
	}
	return d.post(TierOverrideEnded{Tier: was.Tier, Reason: o.Reason, Approver: d.Actor})
}

func (o OverrideTier) canonical() any { o.Until = o.Until.UTC(); return o }

func (e TierOverridden) command(Posted) Command {
	return OverrideTier{Tier: e.Tier, Reason: e.Reason, Until: e.Until}
}

func (e TierOverrideEnded) command(Posted) Command { return EndTierOverride{Reason: e.Reason} }

func (e TierOverridden) check() error {
	if e.Tier == "" || e.Reason == "" {
		return fmt.Errorf("the tier %q is set for %q", e.Tier, e.Reason)
	}
	return nil
}

func (e TierOverridden) apply(a *Account, recorded time.Time) error {
	a.tiering.Override = &Override{e.Tier, e.Reason, e.Approver, recorded, e.Until}
	return nil
}

func (e TierOverrideEnded) apply(a *Account, _ time.Time) error {
	if a.tiering.Override == nil {
		return fmt.Errorf("no override of the tier %q lasts", e.Tier)
	}
	a.tiering.Override = nil
	return nil
}
