package domain

import "github.com/google/uuid"

// RedeemCode takes a code for an account.
type RedeemCode struct {
	CodeRef
	Campaign   string    `json:"campaign"`
	Definition string    `json:"definition"` // definition_id@version
	AccountID  uuid.UUID `json:"account_id"`
	Last4      string    `json:"last4"`
	Channel    string    `json:"issue_channel,omitempty"`
}

// CodeRedeemed records the one account that may have the coupon of a code. The event's id is the claim's.
type CodeRedeemed RedeemCode

func (CodeRedeemed) event() {}

// Operation is redeem_code.
func (RedeemCode) Operation() Operation { return "redeem_code" }

// Decide refuses a code that was used or is void. To take it again for the account that has it is Done.
func (r RedeemCode) Decide(before []Posted, _ Moment) ([]Event, error) {
	c := CodeOf(before)
	if c.Claim != noID && c.Account == r.AccountID {
		for _, p := range before {
			if p.Metadata.EventID == c.Claim {
				return nil, &Done{p}
			}
		}
	}
	if c.Claim != noID || c.Voided {
		return nil, ErrCodeNotUsable
	}
	return []Event{CodeRedeemed(r)}, nil
}

func (e CodeRedeemed) command() any { return RedeemCode(e) }
