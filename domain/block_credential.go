package domain

import (
	"fmt"
	"time"

	"github.com/google/uuid"
)

// OpBlockCredential is the operation of BlockCredential.
const OpBlockCredential Operation = "block_credential"

// BlockCredential stops a credential from finding the account, such as a lost card.
type BlockCredential struct {
	CredentialID uuid.UUID `json:"credential_id"`
	Reason       string    `json:"reason"`
}

// CredentialBlocked records that a credential finds the account no more.
type CredentialBlocked struct {
	CredentialID uuid.UUID `json:"credential_id"`
	Reason       string    `json:"reason"`
}

func (CredentialBlocked) event() {}

func (CredentialBlocked) operation() Operation { return OpBlockCredential }

// Operation is block_credential.
func (BlockCredential) Operation() Operation { return OpBlockCredential }

// Decide checks the reason, the account, the credential, the reference, and that it is active.
func (b BlockCredential) Decide(d *Draft) error {
	if !isLabel(b.Reason) {
		return ErrMalformed.Field("reason", "want a label, 1 to 32 of [a-z0-9_-], no phone number")
	}
	if d.revision < 0 {
		return ErrNotFound.Because("there is no such account")
	}
	c := d.credential(b.CredentialID)
	if c == nil {
		return ErrNotFound.Because("the account has no such credential")
	}
	if err := d.unused(OpBlockCredential); err != nil {
		return err
	}
	if c.Status != CredentialActive {
		return ErrCredentialNotActive.Because("the credential is " + string(c.Status))
	}
	return d.post(CredentialBlocked(b))
}

func (e CredentialBlocked) command(Posted) Command { return BlockCredential(e) }

func (e CredentialBlocked) apply(a *Account, recorded time.Time) error {
	c := a.credential(e.CredentialID)
	if c == nil || c.Status != CredentialActive {
		return fmt.Errorf("credential %s is not active, and is blocked", e.CredentialID)
	}
	c.Status, c.Reason, c.EndedAt = CredentialOff, e.Reason, recorded
	return nil
}
