package domain

import (
	"errors"
	"fmt"
)

// Code names a refusal. It is stable: callers switch on it.
type Code string

// Refusal is the ledger saying no. Every one is made from the table below; errors.Is matches by
// code.
type Refusal struct {
	Code   Code
	Detail string       // for people: what was wrong here
	Fields []FieldError // which fields of the request, where some are to blame

	Requested, Available, Shortfall *Money // of a decline for lack of value

	Original *Posted // the operation that a reference or key names already
}

// FieldError says what is wrong with one field of a request.
type FieldError struct {
	Field  string `json:"field"`
	Detail string `json:"detail"`
}

// The table of refusals. What each means to a caller is in the API's reference under its code.
var (
	ErrMalformed         = refusal("malformed", "the request cannot be read")
	ErrUnknownField      = refusal("unknown_field", "the request has a field that is not known")
	ErrAmountScale       = refusal("amount_scale", "more fraction digits than the unit has")
	ErrAmountNotPositive = refusal("amount_not_positive", "the amount must be greater than zero")
	ErrUnknownUnit       = refusal("unknown_unit", "no such currency or registered unit")
	ErrKeyMissing        = refusal("key_missing", "a write needs an Idempotency-Key")

	ErrForbidden = refusal("forbidden", "this key may not do that")
	ErrNotFound  = refusal("not_found", "there is no such thing")

	ErrReferenceUsed      = refusal("reference_used", "this reference names an operation already")
	ErrReferenceCancelled = refusal("reference_cancelled", "this reference was cancelled before")
	ErrTransferInFlight   = refusal("transfer_in_flight", "what the account sent has not arrived yet")
	ErrShiftOpen          = refusal("shift_open", "the terminal has an open shift")
	ErrAccountExists      = refusal("account_exists", "this customer_ref has an account already")

	ErrKeyReused          = refusal("key_reused", "this key was used for another request")
	ErrAccountNotOpen     = refusal("account_not_open", "the account is not open")
	ErrAccountNotEmpty    = refusal("account_not_empty", "the account still holds value")
	ErrAccountFrozen      = refusal("account_frozen", "the account is frozen for this")
	ErrInsufficientFunds  = refusal("insufficient_funds", "the account does not hold that much")
	ErrLimitExceeded      = refusal("limit_exceeded", "more than the limit allows")
	ErrHoldsActive        = refusal("holds_active", "the account has active holds")
	ErrHoldNotActive      = refusal("hold_not_active", "the hold was captured or released")
	ErrHoldLapsed         = refusal("hold_lapsed", "the hold's time is over")
	ErrCaptureExceedsHold = refusal("capture_exceeds_hold", "more than is left of the hold")
	ErrRefundExceedsDebit = refusal("refund_exceeds_debit", "more than is left of the debit")
	ErrTopUpSpent         = refusal("top_up_spent", "some of the top-up was used already")
	ErrTopUpPending       = refusal("top_up_pending", "the account has pending top-ups")
	ErrTopUpNotPending    = refusal("top_up_not_pending", "the top-up was posted or has failed")
	ErrReceivableOpen     = refusal("receivable_open", "the account owes a receivable")
	ErrMakerIsChecker     = refusal("maker_is_checker", "another person than its maker must do this")
	ErrJobEnded           = refusal("job_ended", "the job has served its last account")
	ErrJobRunning         = refusal("job_running", "the job runs: stop it first")
	ErrLotNotExtendable   = refusal("lot_not_extendable", "the lot cannot end later")
	ErrExceptionNotOpen   = refusal("exception_not_open", "the exception is resolved")
	ErrShiftNotOpen       = refusal("shift_not_open", "the shift is closed")
	ErrNoCandidate        = refusal("no_candidate", "no new version of the projection is being built")
	ErrProjectionFault    = refusal("projection_fault", "the projection's script has failed")
	ErrNotCancellable     = refusal("not_cancellable", "nothing is left that could be reversed")
	ErrTransferReturned   = refusal("transfer_returned", "the other account did not take it in")
	ErrTenderMismatch     = refusal("tender_mismatch", "the tenders do not pay the price")
	ErrReturnExceeds      = refusal("return_exceeds_checkout", "more than is left of the line")
	ErrCheckoutReturn     = refusal("checkout_return", "what was sold at a checkout returns there")

	ErrBudgetExhausted     = refusal("budget_exhausted", "the campaign's budget does not hold that much")
	ErrCampaignNotActive   = refusal("campaign_not_active", "the campaign grants and redeems nothing now")
	ErrCampaignStatus      = refusal("campaign_status", "the campaign is not at that point of its life")
	ErrCouponChannel       = refusal("coupon_channel", "the coupon is not for this channel")
	ErrCouponExpired       = refusal("coupon_expired", "the coupon's time is over")
	ErrCouponFirstOrder    = refusal("coupon_first_order", "the coupon is for an account's first sale")
	ErrCouponHolderOnly    = refusal("coupon_holder_only", "the coupon is for the account it is granted to")
	ErrCouponHours         = refusal("coupon_hours", "the coupon is not for this time of the week")
	ErrCouponLimit         = refusal("coupon_limit", "the account has had as many coupons as it may")
	ErrCouponMinSpend      = refusal("coupon_min_spend", "the sale is below the coupon's minimum")
	ErrCouponNotChosen     = refusal("coupon_not_chosen", "other coupons take more off")
	ErrCouponNotCombinable = refusal("coupon_not_combinable", "the coupon cannot be combined with another")
	ErrCouponNotRecyclable = refusal("coupon_not_recyclable", "the coupon was used, or something was given for it")
	ErrCouponNotReserved   = refusal("coupon_not_reserved", "no order has the coupon reserved")
	ErrCouponNotYetValid   = refusal("coupon_not_yet_valid", "the coupon's time has not begun")
	ErrCouponProducts      = refusal("coupon_products", "the sale lacks the goods that the coupon is for")
	ErrCouponReserved      = refusal("coupon_reserved", "an order has the coupon reserved")
	ErrCouponRevoked       = refusal("coupon_revoked", "the coupon was taken back")
	ErrCouponSegment       = refusal("coupon_segment", "the coupon is for other customers")
	ErrCouponStackLimit    = refusal("coupon_stack_limit", "the sale has as many coupons as it may")
	ErrCouponStore         = refusal("coupon_store", "the coupon is not for this store")
	ErrCouponTier          = refusal("coupon_tier", "the coupon is for other tiers")
	ErrCouponUnit          = refusal("coupon_unit", "the coupon is for sales in another currency")
	ErrCouponUsed          = refusal("coupon_used", "the coupon is used up")
	ErrCouponZero          = refusal("coupon_zero", "the coupon would take nothing off")

	ErrAdjustmentOpen        = refusal("adjustment_open", "an adjustment waits for a decision")
	ErrAdjustmentNotOpen     = refusal("adjustment_not_open", "the adjustment is decided already")
	ErrMandateNotActive      = refusal("mandate_not_active", "the mandate has ended")
	ErrWithdrawalNotApproved = refusal("withdrawal_not_approved", "the withdrawal is not approved")
	ErrWithdrawalNotOpen     = refusal("withdrawal_not_open", "the withdrawal is decided already")
	ErrWithdrawalOpen        = refusal("withdrawal_open", "a withdrawal of this unit is open already")
	ErrCodeNotUsable         = refusal("code_not_usable", "this code cannot be used")
	ErrCodesExported         = refusal("codes_exported", "the batch's codes were handed out already")
	ErrConversionNotOffered  = refusal("conversion_not_offered", "the program turns no such points into that")
	ErrPointsStep            = refusal("points_step", "points go in steps, and this is none")
	ErrConsentMissing        = refusal("consent_missing", "the customer has not granted messages")
	ErrCredentialNotActive   = refusal("credential_not_active", "the credential was replaced")
	ErrCredentialUsed        = refusal("credential_used", "the credential is bound already")
	ErrCustomerErased        = refusal("customer_erased", "the customer's personal data was erased")
)

func refusal(code Code, detail string) *Refusal { return &Refusal{Code: code, Detail: detail} }

func (r *Refusal) Error() string { return fmt.Sprintf("%s: %s", r.Code, r.Detail) }

// Is matches refusals by code.
func (r *Refusal) Is(target error) bool {
	t, ok := target.(*Refusal) // errors.Is hands over each error of the chain itself
	return ok && t.Code == r.Code
}

// isRefusal reports that the ledger said no, and nothing failed.
func isRefusal(err error) bool { return errors.As(err, new(*Refusal)) }

// Because is r with the particulars of this case.
func (r *Refusal) Because(detail string) *Refusal {
	c := *r
	c.Detail = detail
	return &c
}

// Field is r with a field that is to blame, added to those it has.
func (r *Refusal) Field(name, detail string) *Refusal {
	c := *r
	c.Fields = append(c.Fields[:len(c.Fields):len(c.Fields)], FieldError{name, detail})
	c.Detail = name + ": " + detail
	return &c
}

// Short is r with what was asked for, what there was, and the difference.
func (r *Refusal) Short(requested, available Money) *Refusal {
	c := *r
	shortfall := requested.Sub(available)
	c.Requested, c.Available, c.Shortfall = &requested, &available, &shortfall
	return &c
}

// By is r with the operation that stands in the way.
func (r *Refusal) By(original Posted) *Refusal {
	c := *r
	c.Original = &original
	return &c
}
