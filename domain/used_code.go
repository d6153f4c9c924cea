package domain

import (
	"fmt"
	"time"

	"github.com/google/uuid"
)

// A single-use code is claimed in a process over two streams. CodeRedeemed takes the code for an account:
// the code's stream alone decides who is first. Then the account's stream alone decides: it gets
// CouponGranted, or a tombstone that names the claim, whatever process dies or races. Only after the
// tombstone does the code's get CodeReleased. Each step is found again by TransferName of the claim, and
// is Done where it was done.

// CodeRef names a code without telling it.
type CodeRef struct {
	BatchID uuid.UUID `json:"batch_id"`
	Serial  uint32    `json:"serial"`
}

const codePrefix = "code-"

// Stream is code-<batch>-<serial>. It begins when the code is used.
func (r CodeRef) Stream() string { return fmt.Sprintf("%s%s-%d", codePrefix, r.BatchID, r.Serial) }

// UsedCode is a code as its stream tells: who claims it, or that it is void.
type UsedCode struct {
	CodeRef
	Campaign   string
	Definition string
	Claim      uuid.UUID // the operation of the CodeRedeemed that stands; none: it is free
	Account    uuid.UUID // that claims it, or has
	ClaimedAt  time.Time
	Voided     bool
}

// CodeOf is what a code's stream tells.
func CodeOf(past []Posted) (c UsedCode) {
	for _, p := range past {
		switch e := p.Event.(type) {
		case CodeRedeemed:
			c = UsedCode{CodeRef: e.CodeRef, Campaign: e.Campaign, Definition: e.Definition,
				Claim: p.Metadata.EventID, Account: e.AccountID, ClaimedAt: p.Metadata.RecordedAt}
		case CodeReleased:
			c.Claim, c.Account = noID, noID
		case CodeVoided:
			c.CodeRef, c.Voided = e.CodeRef, true
		}
	}
	return c
}
