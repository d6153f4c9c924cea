package domain

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

func TestCustomerRegistrations(t *testing.T) {
	id := uuid.UUID{1}
	profile := SetProfile{ID: id, Personal: []string{"name", "phone"}, Hash: "h", Sealed: "s", KeyID: "k",
		Tags: []string{"vip", "vegan"}, Consents: map[string]bool{"messages": true, "marketing": false}}
	with := func(edit func(*SetProfile)) Registration { s := profile; edit(&s); return s }
	erase := EraseCustomer{ID: id, Reason: "asked"}
	numbered := func(n int) (labels []string, all map[string]bool) {
		all = map[string]bool{}
		for i := range n {
			labels = append(labels, fmt.Sprint("l", i))
			all[labels[i]] = true
		}
		return labels, all
	}
	was := func(r Registration, before ...Posted) []Posted {
		p, _ := registered(t, r, before...)
		return append(before, p)
	}
	tags51, _ := numbered(51)
	_, consents20 := numbered(20)
	_, consents21 := numbered(21)
	for _, c := range []struct {
		name   string
		r      Registration
		before []Posted
		want   string
	}{
		{"a profile", profile, nil, "ProfileChanged"},
		{"a change of it", profile, was(profile), "ProfileChanged"},
		{"tags alone", SetProfile{ID: id, Tags: []string{}}, nil, "ProfileChanged"},
		{"nothing", SetProfile{ID: id}, nil, "malformed"},
		{"a tag in clear text", with(func(s *SetProfile) { s.Tags = []string{"Anna Smith"} }), nil,
			"malformed tags"},
		{"a tag that is a phone", with(func(s *SetProfile) { s.Tags = []string{"13800138000"} }), nil,
			"malformed tags"},
		{"a tag that is a phone in parts", with(func(s *SetProfile) { s.Tags = []string{"86-138-0013-8000"} }),
			nil, "malformed tags"},
		{"a tag that is a day", with(func(s *SetProfile) { s.Tags = []string{"2026-01-31"} }), nil,
			"ProfileChanged"},
		{"a long tag", with(func(s *SetProfile) { s.Tags = []string{strings.Repeat("x", 33)} }), nil,
			"malformed tags"},
		{"a tag twice", with(func(s *SetProfile) { s.Tags = []string{"a", "a"} }), nil, "malformed tags"},
		{"51 tags", with(func(s *SetProfile) { s.Tags = tags51 }), nil, "malformed tags"},
		{"50 tags", with(func(s *SetProfile) { s.Tags = tags51[:50] }), nil, "ProfileChanged"},
		{"a consent that is no label", with(func(s *SetProfile) { s.Consents = map[string]bool{"A": true} }),
			nil, "malformed consents"},
		{"21 consents", with(func(s *SetProfile) { s.Consents = consents21 }), nil, "malformed consents"},
		{"21 consents in two changes", profile,
			was(with(func(s *SetProfile) { s.Consents = consents20 })), "malformed consents"},
		{"after an erasure", profile, was(erase), "customer_erased"},
		{"labels before erasure", with(func(s *SetProfile) { s.Tags = []string{"A"} }), was(erase),
			"malformed tags"},

		{"an erasure", erase, was(profile), "PersonalDataErased"},
		{"of nobody known", erase, nil, "PersonalDataErased"},
		{"again", erase, was(erase, was(profile)...), "done"},
		{"a reason in clear text", EraseCustomer{ID: id, Reason: "Anna asked"}, nil, "malformed reason"},
		{"a reason that is a phone", EraseCustomer{ID: id, Reason: "13800138000"}, nil, "malformed reason"},
	} {
		if _, got := registered(t, c.r, c.before...); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
	differing := func(r Registration, want string) {
		t.Helper()
		if got := fmt.Sprint(DifferingRegistration(was(profile)[0], r)); got != want {
			t.Errorf("%#v: got %s, want %s", r, got, want)
		}
	}
	differing(with(func(s *SetProfile) { s.Sealed, s.KeyID = "other", "text" }), "[]")
	differing(with(func(s *SetProfile) { s.Hash = "other" }), "[request_hash]")
	differing(with(func(s *SetProfile) { s.Personal, s.Tags = s.Personal[:1], nil }), "[personal tags]")
	differing(with(func(s *SetProfile) { s.Consents = map[string]bool{"messages": true} }), "[consents]")
}

// A profile is the sum of its changes; an erasure leaves nothing of it.
func TestCustomerOf(t *testing.T) {
	id, at := uuid.UUID{1}, noon
	var history []Posted
	add := func(e Event) Customer {
		at = at.Add(time.Hour)
		history = append(history, Posted{Event: e, Metadata: Metadata{RecordedAt: at},
			Revision: int64(len(history))})
		return CustomerOf(id, history)
	}
	granted := map[string]Consent{"messages": {GrantedAt: noon}}
	withdrawn := map[string]Consent{"messages": {WithdrawnAt: noon}}
	add(ProfileChanged{ID: id, Sealed: "1", KeyID: "k", Tags: []string{"a"}, Consents: granted})
	c := add(ProfileChanged{ID: id, Consents: map[string]Consent{"marketing": {GrantedAt: noon}}})
	if !c.Allows(ConsentMessages) || !c.Allows(ConsentMarketing) || c.Allows("sms") ||
		!slices.Equal(c.Tags, []string{"a"}) || len(c.Sealed) != 1 {
		t.Errorf("got %+v", c)
	}
	c = add(ProfileChanged{ID: id, Sealed: "2", KeyID: "k", Tags: []string{}, Consents: withdrawn})
	if c.Allows(ConsentMessages) || len(c.Tags) != 0 || c.Sealed[1].Text != "2" || c.Revision != 2 {
		t.Errorf("got %+v", c)
	}
	c = add(PersonalDataErased{ID: id, Reason: "asked"})
	if c.ErasedAt != at || c.Allows(ConsentMarketing) || c.Sealed != nil || c.Tags != nil || c.Revision != 3 {
		t.Errorf("got %+v", c)
	}
}

// What is personal and not sealed is damage.
func TestCustomerEventsChecked(t *testing.T) {
	id := uuid.UUID{1}
	for _, e := range []interface{ check() error }{
		ProfileChanged{ID: id, Fields: []string{"name"}},
		ProfileChanged{ID: id, Fields: []string{"name"}, Sealed: "s"},
		ProfileChanged{ID: id, Fields: []string{"tags"}, Sealed: "s", KeyID: "k"},
		ProfileChanged{Fields: []string{"tags"}}, PersonalDataErased{},
	} {
		if e.check() == nil {
			t.Errorf("got %+v as sound", e)
		}
	}
}
