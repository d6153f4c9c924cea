package domain

import (
	"strconv"
	"strings"
	"time"
)

// CouponKind says what a coupon gives.
type CouponKind string

// The kinds of coupon.
const (
	ThresholdOff CouponKind = "threshold_off" // 满减: Value.Amount off from Restrictions.MinSpend on
	AmountOff    CouponKind = "amount_off"    // 代金: Value.Amount off
	PercentOff   CouponKind = "percent_off"   // 折扣: Value.Percent off, at most Cap
	Exchange     CouponKind = "exchange"      // 兑换: Value.Get pieces of Value.Items for nothing
	FreeItem     CouponKind = "free_item"     // of Value.Buy + Value.Get pieces Value.Get are free
)

// Definition is a version of what a coupon is worth and where. It is never edited: a granted coupon
// keeps the version it was granted under.
type Definition struct {
	ID            string            `json:"definition_id"` // within its campaign; 1 to 32 of [a-z0-9-]
	Version       int               `json:"version"`       // from 1, without gaps
	Kind          CouponKind        `json:"kind"`
	Unit          string            `json:"unit"` // the currency of the sales it serves
	Value         CouponValue       `json:"value"`
	Cap           Money             `json:"cap,omitzero"`          // of one redemption's discount
	Uses          int               `json:"uses"`                  // of one coupon, 1 to 1000
	Validity      Validity          `json:"validity"`              // of a coupon, by its grant
	Restrictions  Restrictions      `json:"restrictions,omitzero"` // on a sale; none: everywhere
	Stacking      Stacking          `json:"stacking"`              // with other coupons
	Consideration Consideration     `json:"consideration"`         // what was given for a coupon
	OnReturn      OnReturn          `json:"on_return"`             // of goods
	Trigger       *Trigger          `json:"trigger,omitempty"`     // that grants one by itself
	PromoCode     *PromoCode        `json:"promo_code,omitempty"`  // that claims one
	TermsText     map[string]string `json:"terms_text,omitempty"`  // by language (BCP 47)
	Title         map[string]string `json:"title,omitempty"`       // by language, for receipts
}

// CouponValue is what a coupon gives: of its kind's fields.
type CouponValue struct {
	Amount     Money    `json:"amount,omitzero"`      // off
	Percent    Quantity `json:"percent,omitzero"`     // off: 20 takes a fifth
	Products   []string `json:"products,omitempty"`   // that are given; either these
	Categories []string `json:"categories,omitempty"` // or these, or both; none: what is eligible
	Buy        int      `json:"buy,omitempty"`        // pieces that are paid, of free_item
	Get        int      `json:"get,omitempty"`        // pieces that are free
}

// Validity says when a coupon can be redeemed: between two instants, or for a time after its grant.
type Validity struct {
	From      time.Time `json:"from,omitzero"`
	Until     time.Time `json:"until,omitzero"`       // not at this instant any more
	AfterDays int       `json:"after_days,omitempty"` // days after the grant until it begins
	Days      int       `json:"days,omitempty"`       // it lasts, from there, to midnight in the program's zone
}

// Basis names the sum that a minimum spend is held against.
type Basis string

// The bases: of the lines that the restrictions let in, or of the whole sale.
const (
	BasisEligible Basis = "eligible" // after item discounts
	BasisOrder    Basis = "order"    // all lines, after item discounts
	BasisGross    Basis = "gross"    // all lines, before any discount
)

// Restrictions are what a sale must satisfy. What is absent restricts nothing; lists hold at most 100.
type Restrictions struct {
	MinSpend      Money    `json:"min_spend,omitzero"`
	Basis         Basis    `json:"basis,omitempty"`          // of MinSpend; default eligible
	Products      []string `json:"products,omitempty"`       // eligible, beside Categories
	Categories    []string `json:"categories,omitempty"`     // eligible, beside Products
	NotProducts   []string `json:"not_products,omitempty"`   // never eligible
	NotCategories []string `json:"not_categories,omitempty"` // never eligible
	Scope         Scope    `json:"scope,omitzero"`           // stores and channels
	Hours         []Hours  `json:"hours,omitempty"`          // in the store's zone; none: always
	Tiers         []string `json:"tiers,omitempty"`          // held when the checkout begins
	Segments      []string `json:"segments,omitempty"`       // that the account is in
	FirstOrder    bool     `json:"first_order,omitempty"`    // the account's first sale, and no other
	HolderOnly    bool     `json:"holder_only,omitempty"`    // no claim or grant but to the named account
}

// Hours are a stretch of some days of the week, [From, To) as HH:MM. 24:00 ends a day.
type Hours struct {
	Weekdays []int  `json:"weekdays,omitempty"` // 1 Monday to 7 Sunday; none: every day
	From     string `json:"from"`
	To       string `json:"to"`
}

// StackingGroup says beside which coupons one can be used.
type StackingGroup string

// The groups. An exclusive coupon stands alone but for those that always stack; at most Stacking.Most
// common ones stand together.
const (
	StackExclusive StackingGroup = "exclusive"
	StackCommon    StackingGroup = "common"
	StackAlways    StackingGroup = "always"
)

// Stacking bounds how a coupon is combined.
type Stacking struct {
	Group StackingGroup `json:"group"`          // default exclusive
	Most  int           `json:"most,omitempty"` // common coupons in one sale, this one included; 0: no bound
}

// Consideration says what a coupon was given for. What was paid for is no coupon but value.
type Consideration string

// The considerations.
const (
	ConsiderFree         Consideration = "free"
	ConsiderEarned       Consideration = "earned"
	ConsiderCompensation Consideration = "compensation"
)

// OnReturn says what becomes of a coupon whose goods come back.
type OnReturn struct {
	Restore  string `json:"restore"`        // full_only (default) or never
	Expired  string `json:"expired"`        // of one whose time is over: forfeit (default) or grace_days
	Days     int    `json:"days,omitempty"` // of grace_days, from the return; once a coupon
	MinSpend string `json:"min_spend"`      // keep (default) or reprice
}

// TriggerEvent is what happens to an account that grants it a coupon.
type TriggerEvent string

// The triggers.
const (
	OnAccountOpened TriggerEvent = "account_opened"
	OnFirstTopUp    TriggerEvent = "first_top_up"
	OnBirthdayMonth TriggerEvent = "birthday_month"
	OnTierReached   TriggerEvent = "tier_reached" // Trigger.Tier
	OnIdle          TriggerEvent = "idle"         // Trigger.Days without activity
	OnSpend         TriggerEvent = "spend"        // one sale of Trigger.Amount or more
)

// Trigger grants a coupon when something happens.
type Trigger struct {
	On     TriggerEvent `json:"on"`
	Tier   string       `json:"tier,omitempty"`
	Days   int          `json:"days,omitempty"`
	Amount Money        `json:"amount,omitzero"`
}

// PromoCode is a code that anyone may claim a coupon with, as often as the budget and PerAccount allow.
// The code itself is kept as a hash: codes are bearer strings.
type PromoCode struct {
	Hash       string `json:"hash,omitempty"` // of the normal form, see CodeHash; no answer tells it
	Last4      string `json:"last4"`
	PerAccount int    `json:"per_account,omitempty"` // claims of one account; default 1
}

// Name is definition_id@version, as coupons record it beside their campaign.
func (d *Definition) Name() string { return d.ID + "@" + strconv.Itoa(d.Version) }

// CampaignStatus is where a campaign stands in its life.
type CampaignStatus string

// The statuses of a campaign. Only an active one grants and redeems; a paused or ended one leaves its
// coupons where they are.
const (
	CampaignIsDraft    CampaignStatus = "draft"
	CampaignIsApproved CampaignStatus = "approved"
	CampaignIsActive   CampaignStatus = "active"
	CampaignIsPaused   CampaignStatus = "paused"
	CampaignIsEnded    CampaignStatus = "ended"
)

// CampaignTerms are what a campaign was drafted with.
type CampaignTerms struct {
	Name      string    `json:"name"`               // 1 to 100 bytes
	Begins    time.Time `json:"begins,omitzero"`    // its window is [Begins, Ends)
	Ends      time.Time `json:"ends,omitzero"`      // none: no end
	Channels  []string  `json:"channels,omitempty"` // that issue its coupons: online, offline, partner; none: all
	Budgets   Budgets   `json:"budgets,omitzero"`
	Partner   string    `json:"partner,omitempty"`   // with whom it is given, 合作发放
	CostShare Quantity  `json:"cost_share,omitzero"` // percent of the discount that the partner bears
}

// Budgets cap what a campaign gives. What is absent is not capped.
type Budgets struct {
	Issues      int64 `json:"issues,omitempty"`      // coupons granted, less free ones recycled
	PerAccount  int   `json:"per_account,omitempty"` // coupons of one account
	Redemptions int64 `json:"redemptions,omitempty"` // uses, less those restored
	Discount    Money `json:"discount,omitzero"`     // given in all, less what was returned
}

// Campaign is a campaign with all its definitions, as it stands. It must not be changed.
type Campaign struct {
	ID          string
	Status      CampaignStatus
	Terms       CampaignTerms
	Definitions []*Definition // in the order in which they were defined
	Makers      []string      // the API keys that drafted it and defined something in it
	Approver    string        // the API key that approved it as it is; "" of a draft
	DraftedAt   time.Time
	Batches     []CodeBatch // in the order in which they were generated
}

// Definition is the version with that name, definition_id@version.
func (c *Campaign) Definition(name string) (*Definition, bool) {
	id, version, _ := strings.Cut(name, "@")
	for _, d := range c.Definitions {
		if d.ID == id && strconv.Itoa(d.Version) == version {
			return d, true
		}
	}
	return nil, false
}

// Open reports whether the campaign grants and redeems at an instant.
func (c *Campaign) Open(at time.Time) bool {
	return c.Status == CampaignIsActive && within(at, c.Terms.Begins, c.Terms.Ends)
}

// Capped reports whether redemptions need a reservation before the account's append.
func (c *Campaign) Capped() bool {
	return c.Terms.Budgets.Redemptions > 0 || c.Terms.Budgets.Discount.Unit() != ""
}
