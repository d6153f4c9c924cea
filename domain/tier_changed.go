package domain

import (
	"fmt"
	"time"

	"github.com/google/uuid"
)

// TierCause is why a tier changed, or was retained.
type TierCause string

// The causes. What is decided when a period ends, or the days of grace after it, is decided as of then,
// however late it is written.
const (
	TierReached     TierCause = "reached"
	TierReachedLate TierCause = "reached_late" // in the window before, by what came after its end
	TierPeriodEnd   TierCause = "period_end"
	TierGraceEnd    TierCause = "grace_end"
	TierDayEnd      TierCause = "day_end" // an average reached it; as of the end of that day
	TierMerged      TierCause = "merged"  // an account that held it was absorbed
)

// TierDecision is what was decided of a tier, and by what.
type TierDecision struct {
	From       string      `json:"from"`
	To         string      `json:"to"`
	Rank       int         `json:"rank"` // of To among the program's tiers; 0: the first
	Cause      TierCause   `json:"cause"`
	Program    string      `json:"program"` // whose rules decided, as program_id@version
	Metric     TierMetric  `json:"metric"`
	Unit       string      `json:"unit,omitempty"`
	Value      Quantity    `json:"value"` // of the metric, in Window
	Window     Span        `json:"window"`
	EndedAt    time.Time   `json:"ended_at,omitzero"`    // of the period, or of its days of grace
	TierSince  time.Time   `json:"tier_since"`           // of To
	ValidUntil time.Time   `json:"valid_until,omitzero"` // To is decided on again; none: never
	Evidence   []uuid.UUID `json:"evidence,omitempty"`   // the event that reached To
}

// TierChanged records that the account holds another tier.
type TierChanged struct{ TierDecision }

// TierRetained records that the account has kept its tier for a further period.
type TierRetained struct{ TierDecision }

// TierDowngradeScheduled records that a period has ended in which a tier was not kept: unless what is
// Missing comes in by then, it is lost On.
type TierDowngradeScheduled struct {
	From    string     `json:"from"`
	To      string     `json:"to"` // as it stands
	Program string     `json:"program"`
	Metric  TierMetric `json:"metric"`
	Unit    string     `json:"unit,omitempty"`
	Value   Quantity   `json:"value"`
	Window  Span       `json:"window"`
	EndedAt time.Time  `json:"ended_at"` // of the period
	On      time.Time  `json:"on"`
	Missing Quantity   `json:"missing"` // to keep From
}

// Scheduled is a downgrade that days of grace put off.
type Scheduled struct {
	To      string    `json:"to"`
	EndedAt time.Time `json:"ended_at"`
	On      time.Time `json:"on"`
	Window  Span      `json:"window"`
}

func (TierChanged) event()            {}
func (TierRetained) event()           {}
func (TierDowngradeScheduled) event() {}

// happened is when the period ended, or the day, that decided, if one did.
func (e TierDecision) happened() time.Time {
	if e.Cause == TierDayEnd {
		return e.TierSince
	}
	return e.EndedAt
}

func (e TierDowngradeScheduled) happened() time.Time { return e.EndedAt }

// OpTier is the kind of what time, or a person, makes of a tier.
const OpTier Operation = "tier"

func (TierChanged) operation() Operation            { return OpTier }
func (TierRetained) operation() Operation           { return OpTier }
func (TierDowngradeScheduled) operation() Operation { return OpTier }

func (e TierDecision) check() error {
	if e.From == "" || e.To == "" || e.Metric == "" || e.TierSince.IsZero() {
		return fmt.Errorf("a tier of %.20q after %.20q by %.20q", e.To, e.From, e.Metric)
	}
	return nil
}

func (e TierDowngradeScheduled) check() error {
	if e.From == "" || e.To == "" || !e.On.After(e.EndedAt) {
		return fmt.Errorf("a tier of %.20q after %.20q on %s", e.To, e.From, e.On)
	}
	return nil
}

func (e TierChanged) apply(a *Account, _ time.Time) error {
	s := &a.tiering
	s.Before = ""
	if !e.EndedAt.IsZero() {
		s.Before = e.From
	}
	s.Tier, s.Since, s.ValidUntil, s.Scheduled = e.To, e.TierSince, e.ValidUntil, nil
	return nil
}

func (e TierRetained) apply(a *Account, _ time.Time) error {
	s := &a.tiering
	s.Tier, s.Since, s.ValidUntil, s.Scheduled, s.Before = e.To, e.TierSince, e.ValidUntil, nil, ""
	return nil
}

func (e TierDowngradeScheduled) apply(a *Account, _ time.Time) error {
	a.tiering.Scheduled = &Scheduled{To: e.To, EndedAt: e.EndedAt, On: e.On, Window: e.Window}
	return nil
}
