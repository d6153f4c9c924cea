package domain

import "github.com/google/uuid"

// ReleaseCode frees a code whose claim the account has refused for good.
type ReleaseCode struct {
	CodeRef
	Claim uuid.UUID `json:"claim_id"`
	Why   Code      `json:"reason"`
}

// CodeReleased records that a claim came to nothing: the code can be used.
type CodeReleased ReleaseCode

func (CodeReleased) event() {}

// Operation is release_code.
func (ReleaseCode) Operation() Operation { return "release_code" }

// Decide frees the code of its claim. What another claim has taken since, or nobody has, stays: Done.
func (r ReleaseCode) Decide(before []Posted, _ Moment) ([]Event, error) {
	if len(before) == 0 {
		return nil, ErrNotFound.Because("the code was never used")
	}
	if CodeOf(before).Claim != r.Claim {
		return nil, &Done{before[len(before)-1]}
	}
	return []Event{CodeReleased(r)}, nil
}

func (e CodeReleased) command() any { return ReleaseCode(e) }
