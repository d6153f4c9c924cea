package domain

import (
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/google/uuid"
)

// CredentialKind is what a customer shows to name the account.
type CredentialKind string

// The kinds of credential. A phone is personal: its hash is keyed by the customer's own key, so that it
// goes with the person; the others' by the master key.
const (
	CredentialCard  CredentialKind = "card"
	CredentialPhone CredentialKind = "phone"
	CredentialCode  CredentialKind = "code"
)

// CredentialKinds are all kinds.
var CredentialKinds = []CredentialKind{CredentialCard, CredentialPhone, CredentialCode}

// CredentialStatus is where a credential stands. A blocked one can be replaced, a replaced one is over.
type CredentialStatus string

// The statuses of a credential.
const (
	CredentialActive  CredentialStatus = "active"
	CredentialOff     CredentialStatus = "blocked"
	CredentialGivenUp CredentialStatus = "replaced"
)

// Credential is a card, a phone or a code that finds the account. The account does not depend on it: a
// lost card never loses the balance.
type Credential struct {
	ID        uuid.UUID        `json:"credential_id"`
	Kind      CredentialKind   `json:"kind"`
	KeyedHash string           `json:"keyed_hash"`
	Last4     string           `json:"last4"`
	Status    CredentialStatus `json:"status"`
	Reason    string           `json:"reason,omitempty"`  // why it was blocked
	Replaces  uuid.UUID        `json:"replaces,omitzero"` // the one before it
	BoundAt   time.Time        `json:"bound_at"`          // recorded
	EndedAt   time.Time        `json:"ended_at,omitzero"` // blocked or replaced, the last of them
}

// The bounds of an account's credentials: active ones, and all that the state keeps. Of more, the
// oldest that are not active are known to the log alone.
const (
	mostActiveCredentials = 50
	mostCredentials       = 100
)

// OpBindCredential is the operation of BindCredential.
const OpBindCredential Operation = "bind_credential"

// BindCredential lets a card, a phone or a code find the account.
type BindCredential struct {
	Kind CredentialKind `json:"kind"`
	HashedValue
}

// HashedValue is a credential's value as the ledger knows it.
type HashedValue struct {
	KeyedHash string `json:"keyed_hash"`
	Last4     string `json:"last4"`

	Others    []string `json:"-"` // the same value's hashes by older master keys
	Elsewhere bool     `json:"-"` // it finds another account, as far as the caller knows
}

// CredentialBound records a credential: never its value.
type CredentialBound struct {
	CredentialID uuid.UUID      `json:"credential_id"`
	Kind         CredentialKind `json:"kind"`
	KeyedHash    string         `json:"keyed_hash"`
	Last4        string         `json:"last4"`
}

func (CredentialBound) event() {}

func (CredentialBound) operation() Operation { return OpBindCredential }

// Operation is bind_credential.
func (BindCredential) Operation() Operation { return OpBindCredential }

// Decide checks kind and hash, the account, the reference, that the value is not bound, and that there
// is room.
func (b BindCredential) Decide(d *Draft) error {
	if !slices.Contains(CredentialKinds, b.Kind) {
		return ErrMalformed.Field("kind", "want card, phone or code")
	}
	if err := b.HashedValue.check(); err != nil {
		return err
	}
	if d.revision < 0 {
		return ErrNotFound.Because("there is no such account")
	}
	if err := d.unused(OpBindCredential); err != nil {
		return err
	}
	if err := d.unbound(b.Kind, b.HashedValue, noID); err != nil {
		return err
	}
	return d.post(CredentialBound{d.nextID(), b.Kind, b.KeyedHash, b.Last4})
}

var keyedHash = regexp.MustCompile(`^[0-9a-f]{64}$`)

func (v HashedValue) check() error {
	if !keyedHash.MatchString(v.KeyedHash) || len(v.Last4) > 4 || !printable(v.Last4) {
		return ErrMalformed.Field("value", "want a hash and at most four characters")
	}
	return nil
}

// unbound refuses a value that finds an account already, and one credential too many, where the one that
// is replaced makes room.
func (d *Draft) unbound(kind CredentialKind, v HashedValue, replaced uuid.UUID) error {
	active := 0
	for _, c := range d.credentials {
		if c.Status != CredentialActive {
			continue
		}
		if c.ID != replaced {
			active++
		}
		if c.Kind == kind && v.is(c.KeyedHash) {
			return ErrCredentialUsed
		}
	}
	switch {
	case v.Elsewhere:
		return ErrCredentialUsed
	case active >= mostActiveCredentials:
		return ErrLimitExceeded.Because("an account has 50 active credentials at most")
	}
	return nil
}

// is reports whether a hash is the value's, by whatever master key.
func (v HashedValue) is(hash string) bool {
	return hash == v.KeyedHash || slices.Contains(v.Others, hash)
}

// as is the value as an event has it, where it is the event's: a rotation of master keys between a
// request and its repeat makes another hash of it.
func (v HashedValue) as(hash string) HashedValue {
	if v.is(hash) {
		v.KeyedHash = hash
	}
	return v
}

func (b BindCredential) rephrase(answered Event) Command {
	if e, ok := answered.(CredentialBound); ok {
		b.HashedValue = b.as(e.KeyedHash)
	}
	return b
}

func (e CredentialBound) command(Posted) Command {
	return BindCredential{e.Kind, HashedValue{KeyedHash: e.KeyedHash, Last4: e.Last4}}
}

func (e CredentialBound) check() error {
	if !slices.Contains(CredentialKinds, e.Kind) {
		return fmt.Errorf("a credential of the unknown kind %.20q", e.Kind)
	}
	return HashedValue{KeyedHash: e.KeyedHash, Last4: e.Last4}.check()
}

func (e CredentialBound) apply(a *Account, recorded time.Time) error {
	return a.bind(Credential{ID: e.CredentialID, Kind: e.Kind, KeyedHash: e.KeyedHash, Last4: e.Last4,
		Status: CredentialActive, BoundAt: recorded})
}

// bind adds a credential, and forgets the oldest that is not active where there are too many.
func (a *Account) bind(c Credential) error {
	if a.credential(c.ID) != nil {
		return fmt.Errorf("credential %s is bound twice", c.ID)
	}
	a.credentials = append(a.credentials, c)
	if len(a.credentials) > mostCredentials {
		i := slices.IndexFunc(a.credentials, func(c Credential) bool { return c.Status != CredentialActive })
		if i < 0 {
			return fmt.Errorf("%d active credentials", len(a.credentials))
		}
		a.credentials = slices.Delete(a.credentials, i, i+1)
	}
	return nil
}

// Credentials are the account's, in the order they were bound. They must not be changed.
func (a *Account) Credentials() []Credential { return a.credentials }

// Shows reports whether an active credential of the account has one of a value's hashes.
func (a *Account) Shows(kind CredentialKind, hashes ...string) bool {
	return slices.ContainsFunc(a.credentials, func(c Credential) bool {
		return c.Status == CredentialActive && c.Kind == kind && slices.Contains(hashes, c.KeyedHash)
	})
}

// credential is the credential with that id, nil if there is none. It may be changed in a draft's
// account, which is a clone.
func (a *Account) credential(id uuid.UUID) *Credential {
	for i := range a.credentials {
		if a.credentials[i].ID == id {
			return &a.credentials[i]
		}
	}
	return nil
}
