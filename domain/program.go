package domain

import (
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
)

// Program is a version of business rules. It rules from EffectiveFrom until a later version of it
// does, and is never edited: whoever changes a rule publishes a version. What was sold under it
// keeps it: events and lots name it as program_id@version.
type Program struct {
	ID            string            `json:"program_id"` // 1 to 32 of [a-z0-9-], a letter first
	Version       int               `json:"version"`    // from 1, without gaps
	EffectiveFrom time.Time         `json:"effective_from"`
	Accounts      []uuid.UUID       `json:"accounts,omitempty"` // whom it rules; none: all that no other does
	Terms         Terms             `json:"terms"`
	TermsText     map[string]string `json:"terms_text,omitempty"` // by language (BCP 47), shown to customers

	// CountsSince is when the first version began to rule, of those one after the other whose tiers go by
	// the same average; zero where they go by none.
	CountsSince time.Time `json:"counts_since,omitzero"`

	name string // Name, where it was asked for before
}

// Name is program_id@version, as events and lots record it.
func (p *Program) Name() string {
	if p.name != "" {
		return p.name
	}
	return fmt.Sprintf("%s@%d", p.ID, p.Version)
}

// Lists reports whether the program names that account among those it rules.
func (p *Program) Lists(account uuid.UUID) bool { return listed(p.Accounts, account) }

// listed reports whether a list, in the order of byID, names an account.
func listed(accounts []uuid.UUID, account uuid.UUID) bool {
	_, found := slices.BinarySearchFunc(accounts, account, byID)
	return found
}

// Terms are the rules of a program. What is absent is as in default@1.
type Terms struct {
	Zone      string           `json:"zone"` // IANA: of calendar ends and of days that limits count
	Draw      Draw             `json:"draw"`
	Ladder    []LadderStep     `json:"ladder,omitempty"`
	Cashback  []CashbackRule   `json:"cashback,omitempty"`
	Expiry    map[Class]Expiry `json:"expiry,omitempty"` // of lots that it opens, by class; none: never
	OnExpired OnExpired        `json:"on_refund_expired"`
	Holds     HoldTerms        `json:"holds"`
	Limits    []Limits         `json:"limits,omitempty"`    // at most one a unit
	Points    []PointsRule     `json:"points,omitempty"`    // what sales earn, and what it is good for
	Reminders []int            `json:"reminders,omitempty"` // days before a lot's end, falling
	Dormancy  []int            `json:"dormancy,omitempty"`  // days without activity, rising
	Approvals []Approval       `json:"approvals,omitempty"` // at most one a unit
	Tiers     *TierRules       `json:"tiers,omitempty"`
}

// LadderStep is a bonus for a top-up. Of the steps that match, the one with the highest From is
// taken; among equals the first.
type LadderStep struct {
	ID          string      `json:"id"`
	From        Money       `json:"from"`             // of the principal, this much or more
	Percent     Quantity    `json:"percent,omitzero"` // of the principal; this or Fixed
	Fixed       Money       `json:"fixed,omitzero"`
	Cap         Money       `json:"cap,omitzero"`           // of a bonus by percent
	FirstTopUp  bool        `json:"first_top_up,omitempty"` // the account's first, and no other
	Begins      time.Time   `json:"begins,omitzero"`        // the step holds in [Begins, Ends)
	Ends        time.Time   `json:"ends,omitzero"`
	Scope       Scope       `json:"scope,omitzero"`         // stores and channels of the top-up
	Accounts    []uuid.UUID `json:"accounts,omitempty"`     // a segment, as a list; none: everyone
	PerCustomer int         `json:"per_customer,omitempty"` // how often an account may have it; 0: always
}

// CashbackRule grants a part of what a debit consumed as a lot of its own. Value that was given
// (bonus, promo, cashback, compensation) counts as nothing.
type CashbackRule struct {
	ID       string      `json:"id"`
	Unit     string      `json:"unit"`
	Percent  Quantity    `json:"percent"`
	Minimum  Money       `json:"minimum,omitzero"` // of the debit's counted part
	Cap      Money       `json:"cap,omitzero"`     // of one grant
	Begins   time.Time   `json:"begins,omitzero"`
	Ends     time.Time   `json:"ends,omitzero"`
	Scope    Scope       `json:"scope,omitzero"`
	Accounts []uuid.UUID `json:"accounts,omitempty"`
}

// Expiry says when a lot ends: at most one of Days, EndOf and On.
type Expiry struct {
	Days   int    `json:"days,omitempty"`   // after it takes effect, at midnight in the terms' zone
	EndOf  string `json:"end_of,omitempty"` // month, quarter or year
	Months int    `json:"months,omitempty"` // with EndOf: this many months later, month ends clamped
	On     string `json:"on,omitempty"`     // YYYY-MM-DD: through that day
}

// OnExpired says what becomes of value that returns to an expired lot.
type OnExpired struct {
	Paid RefundExpired `json:"paid"` // lots with a cost
	Free RefundExpired `json:"free"`
}

// HoldTerms bound how long a hold lasts, in seconds.
type HoldTerms struct {
	DefaultSeconds int64 `json:"default_seconds"`
	MaxSeconds     int64 `json:"max_seconds"`
}

// Limits bound a unit's amounts. What is absent is not limited.
type Limits struct {
	Unit        string   `json:"unit"`
	MinTopUp    Money    `json:"min_top_up,omitzero"`
	MaxTopUp    Money    `json:"max_top_up,omitzero"`
	MaxBalance  Money    `json:"max_balance,omitzero"`
	MaxDebit    Money    `json:"max_debit,omitzero"` // of one debit or hold
	MaxDebitDay Money    `json:"max_debit_day,omitzero"`
	Velocity    Velocity `json:"velocity,omitzero"`
}

// Velocity bounds how many debits and holds there may be in any stretch of Seconds.
type Velocity struct {
	Count   int   `json:"count"`
	Seconds int64 `json:"seconds"`
}

// Approval is what needs a second person, and what one may do without a reference.
type Approval struct {
	Unit               string `json:"unit"`
	Withdrawal         Money  `json:"withdrawal,omitzero"`          // from this payout on
	Adjustment         Money  `json:"adjustment,omitzero"`          // from this amount on; absent: always
	UnreferencedRefund Money  `json:"unreferenced_refund,omitzero"` // the most of one; absent: none
}

// ProgramVersion names the business rules that rule whom no published program does.
const ProgramVersion = "default@1"

// The rules of default@1.
const (
	defaultPriority = 50
	defaultDraw     = ProRata
	graceDays       = 30 // of paid value that a refund returns to an expired lot

	DefaultHoldTTL = 600 * time.Second
	MinHoldTTL     = 60 * time.Second
	MaxHoldTTL     = 7 * 24 * time.Hour
)

// DefaultProgramID is the program that rules whom no other does.
const DefaultProgramID = "default"

// DefaultProgram is default@1. It must not be changed.
func DefaultProgram() *Program { return &defaultProgram }

var defaultProgram = Program{ID: DefaultProgramID, Version: 1, name: ProgramVersion, Terms: Terms{
	Zone: "UTC", Draw: defaultDraw,
	OnExpired: OnExpired{Paid: RefundExpired{Policy: "grace_days", Days: graceDays},
		Free: RefundExpired{Policy: "forfeit"}},
	Holds: HoldTerms{DefaultSeconds: int64(DefaultHoldTTL / time.Second),
		MaxSeconds: int64(MaxHoldTTL / time.Second)},
}}

// onRefundExpired is what the program does with value of a lot of that cost that a refund returns
// after the lot has expired.
func (p *Program) onRefundExpired(cost Quantity) RefundExpired {
	if cost.IsPositive() {
		return p.Terms.OnExpired.Paid
	}
	return p.Terms.OnExpired.Free
}
