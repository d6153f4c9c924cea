package domain

import (
	"errors"
	"fmt"
	"regexp"
	"slices"

	"github.com/google/uuid"
)

// InteractionKind says how a company and a customer met.
type InteractionKind string

// The kinds of interaction. A message is the company's, and needs the customer's consent.
const (
	InteractionVisit     InteractionKind = "visit"
	InteractionCall      InteractionKind = "call"
	InteractionMessage   InteractionKind = "message"
	InteractionFeedback  InteractionKind = "feedback"
	InteractionComplaint InteractionKind = "complaint"
)

// InteractionKinds are all kinds.
var InteractionKinds = []InteractionKind{InteractionVisit, InteractionCall, InteractionMessage,
	InteractionFeedback, InteractionComplaint}

// OpInteraction is the operation of RecordInteraction.
const OpInteraction Operation = "interaction"

// RecordInteraction takes down that a company and a customer met.
type RecordInteraction struct {
	Kind     InteractionKind `json:"kind"`
	Channel  string          `json:"channel,omitempty"`   // a label
	Rating   int             `json:"rating,omitempty"`    // 1 to 5; 0: none
	TextHash string          `json:"text_hash,omitempty"` // of what SealedText holds, by the customer's key
	About    string          `json:"about,omitempty"`     // what it was about: an id of the caller's, or a label

	SealedText string `json:"-"` // other text each time, so a repeat is told by TextHash
	KeyID      string `json:"-"`
	Consented  bool   `json:"-"` // the customer allows messages, as far as the caller knows
}

// InteractionRecorded records that a company and a customer met. What was said is sealed with the
// customer's own key.
type InteractionRecorded struct {
	InteractionID uuid.UUID       `json:"interaction_id"`
	Kind          InteractionKind `json:"kind"`
	Channel       string          `json:"channel,omitempty"`
	Rating        int             `json:"rating,omitempty"` // 1 to 5; 0: none
	SealedText    string          `json:"sealed_text,omitempty"`
	KeyID         string          `json:"key_id,omitempty"`
	TextHash      string          `json:"text_hash,omitempty"` // keyed by the same key
	About         string          `json:"about,omitempty"`
}

func (InteractionRecorded) event() {}

func (InteractionRecorded) operation() Operation { return OpInteraction }

// Operation is interaction.
func (RecordInteraction) Operation() Operation { return OpInteraction }

var about = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,64}$`)

// Decide checks kind, channel, rating and subject, the account, the consent that a message needs, then
// the reference.
func (r RecordInteraction) Decide(d *Draft) error {
	switch {
	case !slices.Contains(InteractionKinds, r.Kind):
		return ErrMalformed.Field("kind", "want visit, call, message, feedback or complaint")
	case r.Channel != "" && !isLabel(r.Channel):
		return ErrMalformed.Field("channel", "want a label, 1 to 32 of [a-z0-9_-], no phone number")
	case r.Rating < 0 || r.Rating > 5:
		return ErrMalformed.Field("rating", "want 1 to 5")
	case r.About != "" && (!about.MatchString(r.About) || mobileNumber.MatchString(r.About)):
		return ErrMalformed.Field("about", "want 1 to 64 of [A-Za-z0-9._:-], and no mobile number")
	case d.revision < 0:
		return ErrNotFound.Because("there is no such account")
	case r.Kind == InteractionMessage && !r.Consented:
		return ErrConsentMissing
	}
	if err := d.unused(OpInteraction); err != nil {
		return err
	}
	return d.post(InteractionRecorded{d.nextID(), r.Kind, r.Channel, r.Rating, r.SealedText, r.KeyID,
		r.TextHash, r.About})
}

func (e InteractionRecorded) command(Posted) Command {
	return RecordInteraction{Kind: e.Kind, Channel: e.Channel, Rating: e.Rating, TextHash: e.TextHash,
		About: e.About}
}

func (e InteractionRecorded) check() error {
	switch {
	case !slices.Contains(InteractionKinds, e.Kind) || e.Rating < 0 || e.Rating > 5:
		return fmt.Errorf("an interaction of kind %.20q rated %d", e.Kind, e.Rating)
	case (e.SealedText == "") != (e.KeyID == ""):
		return errors.New("a text is sealed with a key that is named")
	}
	return nil
}
