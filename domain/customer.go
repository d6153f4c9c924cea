package domain

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"

	"github.com/google/uuid"
)

// Customer is what the log says of the person behind a member account: plain labels, and personal data
// that a key of the customer's own has sealed. The customer's id is the account's.
type Customer struct {
	ID        uuid.UUID
	Sealed    []ProfileSealed // oldest first: a later field counts
	Tags      []string
	Consents  map[string]Consent
	ChangedAt time.Time // of the last change; zero: there was none
	ErasedAt  time.Time // zero: there is no erasure
	Revision  int64     // of the last event; −1 before the first
}

// ProfileSealed is personal data that one change of a profile set: JSON of field to value, sealed. An
// empty value removed the field.
type ProfileSealed struct {
	KeyID string
	Text  string
}

// Consent is what a customer allowed, or does not allow any more. One of the instants is set.
type Consent struct {
	GrantedAt   time.Time `json:"granted_at,omitzero"`
	WithdrawnAt time.Time `json:"withdrawn_at,omitzero"`
}

// Granted reports whether the consent is given now.
func (c Consent) Granted() bool { return !c.GrantedAt.IsZero() }

// ConsentMessages is what sending a customer messages needs, ConsentMarketing what campaigns need.
const (
	ConsentMessages  = "messages"
	ConsentMarketing = "marketing"
)

// The bounds of a customer's labels.
const (
	mostTags     = 50
	mostConsents = 20
)

var (
	label = regexp.MustCompile(`^[a-z0-9_-]{1,32}$`)
	// longNumber is what a phone's or a card's number looks like, and no label does.
	longNumber = regexp.MustCompile(`^[_-]*([0-9][_-]*){11,}$`)
)

// isLabel reports whether a text is a label, which stands everywhere in clear.
func isLabel(text string) bool { return label.MatchString(text) && !longNumber.MatchString(text) }

// CustomerStream is the stream of a customer.
func CustomerStream(id uuid.UUID) string { return "customer-" + id.String() }

// CustomerOf is what a customer's stream adds up to.
func CustomerOf(id uuid.UUID, history []Posted) Customer {
	c := Customer{ID: id, Consents: map[string]Consent{}, Revision: -1}
	for _, p := range history {
		c.Apply(p)
	}
	return c
}

// Apply makes p part of c. After an erasure nothing but the erasure is left.
func (c *Customer) Apply(p Posted) {
	c.Revision = p.Revision
	switch e := p.Event.(type) {
	case ProfileChanged:
		c.ChangedAt = p.Metadata.RecordedAt
		if e.Sealed != "" {
			c.Sealed = append(c.Sealed, ProfileSealed{e.KeyID, e.Sealed})
		}
		if e.Tags != nil {
			c.Tags = e.Tags
		}
		maps.Copy(c.Consents, e.Consents)
	case PersonalDataErased:
		*c = Customer{ID: c.ID, Consents: map[string]Consent{}, ChangedAt: c.ChangedAt,
			ErasedAt: p.Metadata.RecordedAt, Revision: p.Revision}
	}
}

// Allows reports whether the customer has granted a consent.
func (c *Customer) Allows(consent string) bool { return c.Consents[consent].Granted() }

// checkLabels refuses labels that are too many, stand twice or could hold what is personal.
func checkLabels(field string, labels []string, most int) error {
	if len(labels) > most {
		return ErrMalformed.Field(field, fmt.Sprintf("want at most %d", most))
	}
	for i, l := range labels {
		if !isLabel(l) || slices.Contains(labels[:i], l) {
			return ErrMalformed.Field(field, "want labels of 1 to 32 of [a-z0-9_-], each once, no phone number")
		}
	}
	return nil
}

// EraseCustomer ends what is known of a person, for good.
type EraseCustomer struct {
	ID     uuid.UUID `json:"customer_id"`
	Reason string    `json:"reason"`
}

// PersonalDataErased records that the key that sealed a person's data is destroyed. History and books
// stay.
type PersonalDataErased struct {
	ID     uuid.UUID `json:"customer_id"`
	Reason string    `json:"reason"`
}

func (PersonalDataErased) event() {}

// Stream is customer-<id>.
func (e EraseCustomer) Stream() string { return CustomerStream(e.ID) }

// Operation is erase_customer.
func (EraseCustomer) Operation() Operation { return "erase_customer" }

// Decide refuses a reason that is no label, as a reason is plain text. To erase again is Done.
func (e EraseCustomer) Decide(before []Posted, _ Moment) ([]Event, error) {
	if !isLabel(e.Reason) {
		return nil, ErrMalformed.Field("reason", "want a label, 1 to 32 of [a-z0-9_-], no phone number")
	}
	for _, p := range before {
		if _, ok := p.Event.(PersonalDataErased); ok {
			return nil, &Done{p}
		}
	}
	return []Event{PersonalDataErased(e)}, nil
}

func (e PersonalDataErased) command() any { return EraseCustomer(e) }

func (e PersonalDataErased) check() error {
	if e.ID == noID {
		return errors.New("no customer was erased")
	}
	return nil
}
