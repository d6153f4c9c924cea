package domain

import (
	"fmt"
	"time"

	"github.com/google/uuid"
)

// OpReplaceCredential is the operation of ReplaceCredential.
const OpReplaceCredential Operation = "replace_credential"

// ReplaceCredential binds another value in the place of a credential, active or blocked.
type ReplaceCredential struct {
	CredentialID uuid.UUID `json:"credential_id"`
	HashedValue
}

// CredentialReplaced records the credential that took another's place.
type CredentialReplaced struct {
	CredentialID uuid.UUID      `json:"credential_id"` // the new one
	Replaces     uuid.UUID      `json:"replaces"`
	Kind         CredentialKind `json:"kind"`
	KeyedHash    string         `json:"keyed_hash"`
	Last4        string         `json:"last4"`
}

func (CredentialReplaced) event() {}

func (CredentialReplaced) operation() Operation { return OpReplaceCredential }

// Operation is replace_credential.
func (ReplaceCredential) Operation() Operation { return OpReplaceCredential }

// Decide checks the hash, the account, the credential, the reference, that it was not replaced, that the
// value is not bound, and that there is room.
func (r ReplaceCredential) Decide(d *Draft) error {
	if err := r.HashedValue.check(); err != nil {
		return err
	}
	if d.revision < 0 {
		return ErrNotFound.Because("there is no such account")
	}
	c := d.credential(r.CredentialID)
	if c == nil {
		return ErrNotFound.Because("the account has no such credential")
	}
	if err := d.unused(OpReplaceCredential); err != nil {
		return err
	}
	if c.Status == CredentialGivenUp {
		return ErrCredentialNotActive.Because("the credential was replaced")
	}
	if err := d.unbound(c.Kind, r.HashedValue, c.ID); err != nil {
		return err
	}
	return d.post(CredentialReplaced{d.nextID(), c.ID, c.Kind, r.KeyedHash, r.Last4})
}

func (r ReplaceCredential) rephrase(answered Event) Command {
	if e, ok := answered.(CredentialReplaced); ok {
		r.HashedValue = r.as(e.KeyedHash)
	}
	return r
}

func (e CredentialReplaced) command(Posted) Command {
	return ReplaceCredential{e.Replaces, HashedValue{KeyedHash: e.KeyedHash, Last4: e.Last4}}
}

func (e CredentialReplaced) check() error {
	return CredentialBound{e.CredentialID, e.Kind, e.KeyedHash, e.Last4}.check()
}

func (e CredentialReplaced) apply(a *Account, recorded time.Time) error {
	c := a.credential(e.Replaces)
	if c == nil || c.Status == CredentialGivenUp || c.Kind != e.Kind {
		return fmt.Errorf("credential %s cannot be replaced", e.Replaces)
	}
	c.Status, c.EndedAt = CredentialGivenUp, recorded
	return a.bind(Credential{ID: e.CredentialID, Kind: e.Kind, KeyedHash: e.KeyedHash, Last4: e.Last4,
		Status: CredentialActive, Replaces: e.Replaces, BoundAt: recorded})
}
