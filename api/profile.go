package api

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
)

// profileBody is a change of a profile: what is absent stays as it is, an empty text removes.
type profileBody struct {
	Name     *string         `json:"name"`
	Phone    *string         `json:"phone"`
	Email    *string         `json:"email"`
	Birthday *string         `json:"birthday"`
	Note     *string         `json:"note"`
	Tags     []string        `json:"tags"` // all of them
	Consents map[string]bool `json:"consents"`
}

const (
	nameBytes = 100
	noteBytes = 4000
)

// personal reads the fields that are sealed, in their normal form. What is wrong with one is said without
// repeating it.
func (r *reading) personal(b profileBody) map[string]string {
	fields := map[string]string{}
	set := func(name string, value *string, normal func(string) (string, bool), want string) {
		switch {
		case value == nil:
		case *value == "":
			fields[name] = ""
		default:
			text, ok := normal(*value)
			if !ok {
				r.malformed(name, want)
			}
			fields[name] = text
		}
	}
	as := func(name string, longest int) func(string) (string, bool) {
		return func(text string) (string, bool) { return r.text(name, text, longest), true }
	}
	set("name", b.Name, as("name", nameBytes), "")
	set("phone", b.Phone, domain.NormalPhone, "want + and the country, or 11 digits of a mobile of China")
	set("email", b.Email, domain.NormalEmail, "want an address")
	set("birthday", b.Birthday, isDate, "want YYYY-MM-DD")
	set("note", b.Note, as("note", noteBytes), "")
	return fields
}

func isDate(text string) (string, bool) {
	day, err := time.Parse(time.DateOnly, text)
	return text, err == nil && !day.Before(earliest)
}

// setProfile changes a customer's profile. What is personal is sealed before the ledger sees it.
func setProfile(c *call) error {
	v, err := c.view()
	if err != nil {
		return err
	}
	body, err := c.body(c.s.BodyLimit)
	if err != nil {
		return err
	}
	var b profileBody
	r := &reading{s: c.s, who: c.who}
	var fields map[string]string
	if r.decode(body, &b) {
		fields = r.personal(b)
		if !slices.Contains(confidants, c.who.Role) && (len(fields) > 0 || b.Consents != nil) {
			r.forbid("tags", "this role changes nothing else")
		}
	}
	if err := r.err(); err != nil {
		return err
	}
	if _, _, err := c.once(); err != nil {
		return err
	}
	defer c.s.customers.lock(v.ID())()
	change := domain.SetProfile{ID: v.ID(), Tags: b.Tags, Consents: b.Consents}
	if len(fields) == 0 {
		a, dryRun, err := c.registering(change)
		return c.answer(a, err, dryRun)
	}
	return c.setPersonal(change, fields)
}

// setPersonal is setProfile of fields that are sealed. The index leads it: what a profile says is found
// from the moment it is recorded, whatever ends the process between.
func (c *call) setPersonal(change domain.SetProfile, fields map[string]string) error {
	ctx := context.Background()
	cu, _, err := c.s.Ledger.Customer(ctx, change.ID)
	if err != nil {
		return err
	}
	trial := c.Query("dry_run") == "true"
	if err := c.s.seal(ctx, &change, cu, fields, trial); err != nil {
		return err
	}
	was, err := c.s.profile(ctx, cu)
	if err != nil {
		return err
	}
	if !trial {
		if err := c.s.index(ctx, change.ID, was, fields); err != nil {
			return err
		}
	}
	a, dryRun, err := c.registering(change)
	var refused *domain.Refusal
	if dryRun || err != nil && !errors.As(err, &refused) {
		return c.answer(a, err, dryRun) // both stay in the index while the outcome is not known
	}
	is := maps.Clone(was)
	if err == nil && !a.Replayed {
		maps.Copy(is, fields)
	}
	if failed := c.s.index(ctx, change.ID, is); failed != nil {
		return failed
	}
	return c.answer(a, err, dryRun)
}

// seal puts fields into a change: sealed, and hashed so that a repeat is told.
func (s *Server) seal(
	ctx context.Context, change *domain.SetProfile, cu domain.Customer, fields map[string]string,
	trial bool,
) error {
	k, err := s.customerKey(ctx, cu, trial)
	if err != nil {
		return err
	}
	text, err := json.Marshal(fields) // in the order of their names
	if err != nil {
		return err
	}
	change.Personal, change.KeyID = slices.Sorted(maps.Keys(fields)), k.ID()
	if change.Hash, err = k.Hash(profilePurpose, string(text)); err != nil {
		return err
	}
	change.Sealed, err = k.Seal(profilePurpose, text)
	return err
}

func (o *out) profileChanged(a ledger.Answer, e domain.ProfileChanged) {
	o.id("id", e.ID)
	o.texts("changed", e.Fields)
	if e.Tags != nil {
		o.texts("tags", e.Tags)
	}
	if e.Consents != nil {
		o.consents(e.Consents)
	}
	o.time("recorded_at", a.First().Metadata.RecordedAt)
	o.integer("revision", a.Last().Revision)
}
