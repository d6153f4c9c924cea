package domain

import (
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"
)

// personalFields are what of a profile is sealed.
var personalFields = []string{"birthday", "email", "name", "note", "phone"}

// SetProfile changes what a request names of a customer's profile, and nothing else.
type SetProfile struct {
	ID       uuid.UUID       `json:"customer_id"`
	Personal []string        `json:"personal,omitempty"`     // sorted: the fields that Sealed holds
	Hash     string          `json:"request_hash,omitempty"` // of what Sealed holds, by the customer's key
	Tags     []string        `json:"tags,omitzero"`          // all of them from now on; nil: as they are
	Consents map[string]bool `json:"consents,omitempty"`     // granted, or withdrawn

	Sealed string `json:"-"` // other text each time, so a repeat is told by Hash
	KeyID  string `json:"-"`
}

// ProfileChanged records a change of a profile: the personal fields sealed with the customer's own key,
// labels plain.
type ProfileChanged struct {
	ID          uuid.UUID          `json:"customer_id"`
	Sealed      string             `json:"sealed,omitempty"` // JSON of field to value; "" removes it
	KeyID       string             `json:"key_id,omitempty"`
	RequestHash string             `json:"request_hash,omitempty"` // keyed by the same key
	Fields      []string           `json:"fields"`                 // sorted: all that the request named
	Tags        []string           `json:"tags,omitzero"`          // all of them from now on
	Consents    map[string]Consent `json:"consents,omitempty"`     // that were granted or withdrawn
}

func (ProfileChanged) event() {}

// Stream is customer-<id>.
func (s SetProfile) Stream() string { return CustomerStream(s.ID) }

// Operation is set_profile.
func (SetProfile) Operation() Operation { return "set_profile" }

// Decide refuses a change of nothing, labels that are none, and a customer who was erased.
func (s SetProfile) Decide(before []Posted, m Moment) ([]Event, error) {
	consents := make([]string, 0, len(s.Consents))
	for name := range s.Consents {
		consents = append(consents, name)
	}
	slices.Sort(consents)
	switch {
	case len(s.Personal) == 0 && s.Tags == nil && len(s.Consents) == 0:
		return nil, ErrMalformed.Because("want at least one field of a profile")
	case checkLabels("tags", s.Tags, mostTags) != nil:
		return nil, checkLabels("tags", s.Tags, mostTags)
	case checkLabels("consents", consents, mostConsents) != nil:
		return nil, checkLabels("consents", consents, mostConsents)
	}
	c := CustomerOf(s.ID, before)
	if !c.ErasedAt.IsZero() {
		return nil, ErrCustomerErased
	}
	e := ProfileChanged{ID: s.ID, Sealed: s.Sealed, KeyID: s.KeyID, RequestHash: s.Hash,
		Fields: slices.Clone(s.Personal), Tags: s.Tags, Consents: s.consents(m.Recorded)}
	if e.Tags != nil {
		e.Fields = append(e.Fields, "tags")
	}
	if e.Consents != nil {
		e.Fields = append(e.Fields, "consents")
	}
	slices.Sort(e.Fields)
	next := Posted{Event: e}
	if c.Apply(next); len(c.Consents) > mostConsents {
		return nil, ErrMalformed.Field("consents", "a customer has 20 at most")
	}
	return []Event{e}, nil
}

// consents are what the request granted and withdrew, at an instant.
func (s SetProfile) consents(at time.Time) map[string]Consent {
	var all map[string]Consent
	for name, granted := range s.Consents {
		if all == nil {
			all = map[string]Consent{}
		}
		if granted {
			all[name] = Consent{GrantedAt: at}
		} else {
			all[name] = Consent{WithdrawnAt: at}
		}
	}
	return all
}

func (e ProfileChanged) command() any {
	s := SetProfile{ID: e.ID, Hash: e.RequestHash, Tags: e.Tags}
	for _, name := range e.Fields {
		if slices.Contains(personalFields, name) {
			s.Personal = append(s.Personal, name)
		}
	}
	for name, c := range e.Consents {
		if s.Consents == nil {
			s.Consents = map[string]bool{}
		}
		s.Consents[name] = c.Granted()
	}
	return s
}

func (e ProfileChanged) check() error {
	personal := slices.ContainsFunc(e.Fields, func(name string) bool {
		return slices.Contains(personalFields, name)
	})
	if e.ID == noID || personal != (e.Sealed != "") || personal != (e.KeyID != "") {
		return errors.New("what is personal must be sealed, with a key that is named")
	}
	return nil
}
