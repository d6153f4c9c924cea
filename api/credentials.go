package api

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
	"github.com/tillbook/tillbook/domain/vault"
)

const credentials = account + "/credentials"

func (s *Server) credentialRoutes() []*route {
	return []*route{
		{method: "POST", path: credentials, id: "bindCredential", roles: confidants, query: dry,
			serve: write(bindCredential)},
		{method: "GET", path: credentials, id: "listCredentials", roles: readers, query: fresh,
			serve: listCredentials},
		{method: "POST", path: credentials + "/{credential_id}/block", id: "blockCredential",
			roles: confidants, query: dry, serve: write(blockCredential)},
		{method: "POST", path: credentials + "/{credential_id}/replace", id: "replaceCredential",
			roles: confidants, query: dry, serve: write(replaceCredential)},
	}
}

// presented is a credential's value as a caller gave it, and what the ledger and the vault know it by.
type presented struct {
	kind  domain.CredentialKind
	value string // in its normal form
	domain.HashedValue
}

// normalCredential is a value in its normal form. What is wrong with it is said without repeating it.
func (r *reading) normalCredential(kind domain.CredentialKind, value string) presented {
	normal, want := domain.NormalCredential, "want 8 to 64 digits and letters"
	switch kind {
	case domain.CredentialPhone:
		normal, want = domain.NormalPhone, "want + and the country, or 11 digits of a mobile of China"
	case domain.CredentialCode:
		normal = domain.NormalCode
	}
	text, ok := normal(value)
	if !ok {
		r.malformed("value", want)
		return presented{}
	}
	return presented{kind: kind, value: text, HashedValue: domain.HashedValue{Last4: text[len(text)-4:]}}
}

// hashPurpose is what values of a kind are hashed for.
func hashPurpose(kind domain.CredentialKind) string { return "credential/" + string(kind) }

// hash fills in what a value is known by: a card and a code by the master keys, a phone, which is
// personal, by its customer's own key, so that the hash goes with the person.
func (r *reading) hash(ctx context.Context, customer uuid.UUID, v *presented) error {
	s := r.s
	if v.kind == domain.CredentialPhone {
		cu, _, err := s.Ledger.Customer(ctx, customer)
		if err != nil {
			return err
		}
		k, err := s.customerKey(ctx, cu, r.trial)
		if err != nil {
			return err
		}
		v.KeyedHash, err = k.Hash(hashPurpose(v.kind), v.value)
		return err
	}
	hashes, err := s.Keyring.Hashes(hashPurpose(v.kind), v.value)
	if err != nil {
		return err
	}
	v.KeyedHash, v.Others = hashes[0], hashes[1:]
	return nil
}

// surviving is the account that answers for a merged one; every other is its own.
func (s *Server) surviving(ctx context.Context, v ledger.View) (ledger.View, error) {
	for range 16 {
		id, merged := v.Survivor()
		if !merged {
			break
		}
		var err error
		if v, err = s.Ledger.Account(ctx, id); err != nil {
			return v, err
		}
	}
	return v, nil
}

// credentialBody is a value to be bound.
type credentialBody struct {
	Kind  domain.CredentialKind `json:"kind"`
	Value string                `json:"value"`
	post
}

var bindCredential = operation{name: "bind_credential", roles: confidants, parse: func(
	r *reading, t *target, body []byte,
) domain.Command {
	var b credentialBody
	if !r.decode(body, &b) {
		return nil
	}
	if b.Kind == "" {
		r.malformed("kind", "is required")
	}
	r.about(b.post)
	return domain.BindCredential{Kind: b.Kind, HashedValue: r.credential(t, b.Value,
		func(*domain.Account) domain.CredentialKind { return b.Kind })}
}}

// replaceCredential binds another value in the place of one, whose kind it has.
var replaceCredential = operation{name: "replace_credential", roles: confidants,
	ids: []string{"credential_id"}, parse: func(r *reading, t *target, body []byte) domain.Command {
		var b credentialBody
		if !r.decode(body, &b) {
			return nil
		}
		if b.Kind != "" {
			r.fail(domain.ErrUnknownField, "kind", "is the replaced credential's")
		}
		r.about(b.post)
		id := t.ids["credential_id"]
		return domain.ReplaceCredential{CredentialID: id, HashedValue: r.credential(t, b.Value,
			func(a *domain.Account) domain.CredentialKind { return kindOfCredential(a, id) })}
	}}

// kindOfCredential is a credential's kind, "" where the account has none of that id.
func kindOfCredential(a *domain.Account, id uuid.UUID) domain.CredentialKind {
	for _, known := range a.Credentials() {
		if known.ID == id {
			return known.Kind
		}
	}
	return ""
}

// credential is what the ledger knows a value by. A phone is put into the vault's index before the event
// is written: what is bound is found, and what was refused then, or only tried, is told by the account.
func (r *reading) credential(
	t *target, text string, kind func(*domain.Account) domain.CredentialKind,
) domain.HashedValue {
	if r.refusal != nil {
		return domain.HashedValue{}
	}
	ctx := context.Background()
	v, err := r.s.Ledger.Account(ctx, t.account)
	if err == nil {
		v, err = r.s.surviving(ctx, v)
	}
	if err != nil {
		r.failure = err
		return domain.HashedValue{}
	}
	value := r.normalCredential(kind(v.Account), text)
	if r.refusal != nil {
		return domain.HashedValue{}
	}
	if r.failure = r.hash(ctx, v.ID(), &value); r.failure != nil {
		return domain.HashedValue{}
	}
	if value.Elsewhere, r.failure = r.s.elsewhere(ctx, v.ID(), value); r.failure != nil {
		return domain.HashedValue{}
	}
	if value.Elsewhere && !r.who.mayMiss() { // what is bound tells as much as what is found
		r.failure = errRateLimited
		return domain.HashedValue{}
	}
	if value.kind == domain.CredentialPhone && !r.trial {
		r.failure = r.s.People.Index(ctx, v.ID(), credentialOwner(value.KeyedHash),
			map[string][]string{"phone": {value.value}})
	}
	return value.HashedValue
}

// credentialOwner owns in the vault's index what a phone's credential says.
func credentialOwner(hash string) string { return "credential/" + hash }

// elsewhere reports whether a value finds another account, as far as this node knows: two that are bound
// at once may both be taken in, and then neither is found.
func (s *Server) elsewhere(ctx context.Context, id uuid.UUID, v presented) (bool, error) {
	accounts, err := s.bound(ctx, v)
	if errors.Is(err, errBehind) {
		return false, nil
	}
	for _, other := range accounts {
		if other != id {
			return true, err
		}
	}
	return false, err
}

// bound are the accounts that an active credential of that value finds, each once.
func (s *Server) bound(ctx context.Context, v presented) (accounts []uuid.UUID, err error) {
	seen := map[uuid.UUID]bool{}
	add := func(id uuid.UUID, hashes ...string) error {
		account, err := s.Ledger.Account(ctx, id)
		if err == nil && account.Shows(v.kind, hashes...) {
			if account, err = s.surviving(ctx, account); err == nil && !seen[account.ID()] {
				seen[account.ID()] = true
				accounts = append(accounts, account.ID())
			}
		}
		return err
	}
	if v.kind == domain.CredentialPhone {
		found, err := s.People.Find(ctx, "phone", v.value)
		if err != nil {
			return nil, err
		}
		for _, f := range found {
			k, err := s.People.Key(ctx, f.Customer)
			if errors.Is(err, vault.ErrErased) {
				continue // since it was found
			}
			if err != nil {
				return nil, err
			}
			hash, err := k.Hash(hashPurpose(v.kind), v.value)
			if err != nil {
				return nil, err
			}
			if err := add(f.Customer, hash); err != nil {
				return nil, err
			}
		}
		return accounts, nil
	}
	hashes, err := s.Keyring.Hashes(hashPurpose(v.kind), v.value)
	if err != nil {
		return nil, err
	}
	if s.Models == nil {
		return nil, errBehind
	}
	hints, err := s.Models.CredentialAccounts(ctx, v.kind, hashes)
	if err != nil {
		return nil, err
	}
	for _, id := range hints {
		if err := add(id, hashes...); err != nil {
			return nil, err
		}
	}
	return accounts, nil
}

var blockCredential = operation{name: "block_credential", roles: confidants, ids: []string{"credential_id"},
	parse: func(r *reading, t *target, body []byte) domain.Command {
		var b struct {
			Reason string `json:"reason"`
			post
		}
		if !r.decode(body, &b) {
			return nil
		}
		r.about(b.post)
		return domain.BlockCredential{CredentialID: t.ids["credential_id"], Reason: b.Reason}
	}}

func (o *out) credentialBound(a ledger.Answer, e domain.CredentialBound) {
	o.newCredential(a, e)
	o.ending(a)
}

func (o *out) credentialReplaced(a ledger.Answer, e domain.CredentialReplaced) {
	o.newCredential(a, domain.CredentialBound{CredentialID: e.CredentialID, Kind: e.Kind, Last4: e.Last4})
	o.id("replaces", e.Replaces)
	o.ending(a)
}

func (o *out) newCredential(a ledger.Answer, e domain.CredentialBound) {
	o.id("id", e.CredentialID)
	o.id("account_id", a.Account)
	o.plain("kind", string(e.Kind))
	o.text("last4", e.Last4)
	o.plain("status", string(domain.CredentialActive))
}

func (o *out) credentialBlocked(a ledger.Answer, e domain.CredentialBlocked) {
	o.id("id", e.CredentialID)
	o.id("account_id", a.Account)
	o.plain("status", string(domain.CredentialOff))
	o.plain("reason", e.Reason)
	o.ending(a)
}

func credentialsPlace(a ledger.Answer) string { return accountPlace(a) + "/credentials" }

// listCredentials lists an account's credentials, those that are over too, without their values.
func listCredentials(c *call) error {
	v, err := c.view()
	if err != nil {
		return err
	}
	o := c.out()
	o.begin('{')
	o.open("data", '[')
	for _, known := range v.Credentials() {
		o.begin('{')
		o.id("id", known.ID)
		o.plain("kind", string(known.Kind))
		o.text("last4", known.Last4)
		o.plain("status", string(known.Status))
		o.some("reason", known.Reason)
		o.someID("replaces", known.Replaces)
		o.time("bound_at", known.BoundAt)
		o.time("ended_at", known.EndedAt)
		o.end('}')
	}
	o.page("", v.Position)
	return c.ok(o)
}
