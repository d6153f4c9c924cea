package domain

import "time"

// ProgramVersion names the business rules that rule until a program is published.
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

// onRefundExpired is what default@1 does with value that returns to an expired lot: what was paid
// for gets days of grace, what was given is forfeited.
func onRefundExpired(cost Quantity) RefundExpired {
	if cost.IsPositive() {
		return RefundExpired{Policy: "grace_days", Days: graceDays}
	}
	return RefundExpired{Policy: "forfeit"}
}
