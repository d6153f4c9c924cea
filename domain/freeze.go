package domain

import (
	"slices"
	"time"
)

// FreezeMode says what a freeze stops.
type FreezeMode string

// The modes. Captures and refunds of what was begun pass all but the legal one.
const (
	FreezeDebit  FreezeMode = "debit"  // debit, hold, transfer out, withdrawal
	FreezeCredit FreezeMode = "credit" // top-up, grant, transfer in
	FreezeAll    FreezeMode = "all"    // both
	FreezeLegal  FreezeMode = "legal"  // everything, and expiry is suspended
)

var freezeModes = []FreezeMode{FreezeDebit, FreezeCredit, FreezeAll, FreezeLegal}

// Freeze is a mode that lasts until an instant, or without one until it is lifted.
type Freeze struct {
	Mode  FreezeMode `json:"mode"`
	Until time.Time  `json:"until,omitzero"`
}

// FreezeAccount stops an account for some kinds of operation.
type FreezeAccount struct {
	Modes  []FreezeMode `json:"modes"`
	Reason string       `json:"reason"`
	Until  time.Time    `json:"until,omitzero"`
}

// UnfreezeAccount lifts freezes; without modes, all.
type UnfreezeAccount struct {
	Modes  []FreezeMode `json:"modes,omitempty"`
	Reason string       `json:"reason"`
}

// AccountFrozen records a freeze. A mode that was frozen before gets the new end.
type AccountFrozen struct {
	Modes  []FreezeMode `json:"modes"`
	Reason string       `json:"reason"`
	Until  time.Time    `json:"until,omitzero"`
}

// AccountUnfrozen records lifted freezes; without modes, all.
type AccountUnfrozen struct {
	Modes  []FreezeMode `json:"modes,omitempty"`
	Reason string       `json:"reason"`
}

func (AccountFrozen) event()   {}
func (AccountUnfrozen) event() {}

func (AccountFrozen) operation() Operation   { return OpFreeze }
func (AccountUnfrozen) operation() Operation { return OpUnfreeze }

// Operation is freeze.
func (FreezeAccount) Operation() Operation { return OpFreeze }

// Operation is unfreeze.
func (UnfreezeAccount) Operation() Operation { return OpUnfreeze }

// Decide checks modes, reason and end, the account, then the reference.
func (f FreezeAccount) Decide(d *Draft) error {
	if len(f.Modes) == 0 {
		return ErrMalformed.Field("modes", "want at least one")
	}
	if err := checkFreeze(f.Modes, f.Reason); err != nil {
		return err
	}
	if !f.Until.IsZero() && !comes(f.Until, d.Recorded) {
		return ErrMalformed.Field("until", "want a time to come")
	}
	if d.revision < 0 {
		return ErrNotFound.Because("there is no such account")
	}
	if err := d.unused(OpFreeze); err != nil {
		return err
	}
	return d.post(AccountFrozen(f))
}

// Decide checks modes and reason, the account, then the reference.
func (u UnfreezeAccount) Decide(d *Draft) error {
	if err := checkFreeze(u.Modes, u.Reason); err != nil {
		return err
	}
	if d.revision < 0 {
		return ErrNotFound.Because("there is no such account")
	}
	if err := d.unused(OpUnfreeze); err != nil {
		return err
	}
	return d.post(AccountUnfrozen(u))
}

func checkFreeze(modes []FreezeMode, reason string) error {
	for _, m := range modes {
		if !slices.Contains(freezeModes, m) {
			return ErrMalformed.Field("modes", "want debit, credit, all or legal")
		}
	}
	if reason == "" || len(reason) > 200 {
		return ErrMalformed.Field("reason", "want 1 to 200 bytes")
	}
	return nil
}

// FrozenModes are the freezes that last at an instant.
func (a *Account) FrozenModes(at time.Time) []Freeze {
	return slices.DeleteFunc(slices.Clone(a.freezes), func(f Freeze) bool {
		return !f.Until.IsZero() && !at.Before(f.Until)
	})
}

// stops reports whether a freeze stops what mode would stop.
func (a *Account) stops(mode FreezeMode, at time.Time) bool {
	return slices.ContainsFunc(a.FrozenModes(at), func(f Freeze) bool {
		return f.Mode == mode || f.Mode == FreezeLegal || f.Mode == FreezeAll && mode != FreezeLegal
	})
}

func (f FreezeAccount) canonical() any { f.Until = f.Until.UTC(); return f }

func (e AccountFrozen) command(Posted) Command   { return FreezeAccount(e) }
func (e AccountUnfrozen) command(Posted) Command { return UnfreezeAccount(e) }

func (e AccountFrozen) apply(a *Account, _ time.Time) error {
	for _, m := range e.Modes {
		a.thaw([]FreezeMode{m})
		a.freezes = append(a.freezes, Freeze{m, e.Until})
	}
	return nil
}

func (e AccountUnfrozen) apply(a *Account, _ time.Time) error {
	a.thaw(e.Modes)
	if len(e.Modes) == 0 {
		a.freezes = nil
	}
	return nil
}

func (a *Account) thaw(modes []FreezeMode) {
	a.freezes = slices.DeleteFunc(a.freezes, func(f Freeze) bool {
		return slices.Contains(modes, f.Mode)
	})
}
