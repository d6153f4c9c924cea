package domain

// VoidCode ends a code that nobody has used.
type VoidCode struct {
	CodeRef
	Campaign string `json:"campaign"`
	Reason   string `json:"reason"` // a label
}

// CodeVoided records that a code cannot be used any more.
type CodeVoided VoidCode

func (CodeVoided) event() {}

// Operation is void_code.
func (VoidCode) Operation() Operation { return "void_code" }

// Decide checks the reason, then refuses a code that was used. To void it again is Done.
func (v VoidCode) Decide(before []Posted, _ Moment) ([]Event, error) {
	if !isLabel(v.Reason) {
		return nil, ErrMalformed.Field("reason", "want a label, 1 to 32 of [a-z0-9_-], no phone number")
	}
	c := CodeOf(before)
	switch {
	case c.Voided:
		return nil, &Done{before[len(before)-1]}
	case c.Claim != noID:
		return nil, ErrCodeNotUsable
	}
	return []Event{CodeVoided(v)}, nil
}

func (e CodeVoided) command() any { return VoidCode(e) }
