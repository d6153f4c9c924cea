package domain

import (
	"slices"
	"strings"

	"github.com/google/uuid"
)

// Role says what an API key may do.
type Role string

// The roles.
const (
	RoleAdmin     Role = "admin"     // everything, keys and stores among it
	RolePOS       Role = "pos"       // tills: accounts, top-ups, debits, holds, refunds
	RoleFinance   Role = "finance"   // reads everything, reverses top-ups
	RoleApprover  Role = "approver"  // only approves
	RoleSupport   Role = "support"   // reads one account, freezes
	RoleMarketing Role = "marketing" // programs, campaigns, segments
	RoleAnalyst   Role = "analyst"   // events and read models
	RoleCustomer  Role = "customer"  // reads its own account
)

// Roles are all roles.
var Roles = []Role{RoleAdmin, RolePOS, RoleFinance, RoleApprover, RoleSupport, RoleMarketing,
	RoleAnalyst, RoleCustomer}

func roleNames() string {
	names := make([]string, len(Roles))
	for i, role := range Roles {
		names[i] = string(role)
	}
	return strings.Join(names, ", ")
}

// APIKey is a key that may call the service. Its secret is known to its holder alone.
type APIKey struct {
	ID        uuid.UUID `json:"key_id"`
	Name      string    `json:"name"`
	Role      Role      `json:"role"`
	Stores    []string  `json:"stores,omitempty"`    // where it may post; none: everywhere
	AccountID uuid.UUID `json:"account_id,omitzero"` // of role customer
	Hash      Hash      `json:"hash"`                // SHA-256 of the secret
	Last4     string    `json:"last4"`
}

// CreateKey registers a key.
type CreateKey struct{ APIKey }

// RevokeKey ends a key for good.
type RevokeKey struct {
	ID uuid.UUID `json:"key_id"`
}

// APIKeyCreated records a new key.
type APIKeyCreated struct{ APIKey }

// APIKeyRevoked records the end of a key.
type APIKeyRevoked struct {
	ID uuid.UUID `json:"key_id"`
}

func (APIKeyCreated) event() {}
func (APIKeyRevoked) event() {}

// KeyStream is the stream of an API key.
func KeyStream(id uuid.UUID) string { return "key-" + id.String() }

// Stream is key-<id>.
func (c CreateKey) Stream() string { return KeyStream(c.ID) }

// Stream is key-<id>.
func (r RevokeKey) Stream() string { return KeyStream(r.ID) }

// Operation is create_key.
func (CreateKey) Operation() Operation { return "create_key" }

// Operation is revoke_key.
func (RevokeKey) Operation() Operation { return "revoke_key" }

// Decide refuses a malformed key.
func (c CreateKey) Decide(before []Posted, _ Moment) ([]Event, error) {
	switch {
	case len(before) > 0:
		return nil, ErrReferenceUsed.By(before[0])
	case c.Name == "" || len(c.Name) > 64:
		return nil, ErrMalformed.Field("name", "want 1 to 64 bytes")
	case !slices.Contains(Roles, c.Role):
		return nil, ErrMalformed.Field("role", "want one of "+roleNames())
	case (c.Role == RoleCustomer) != (c.AccountID != noID):
		return nil, ErrMalformed.Field("account_id", "goes with role customer, and with no other")
	case len(c.Stores) > 100 || slices.ContainsFunc(c.Stores, notAName):
		return nil, ErrMalformed.Field("stores", "want at most 100 ids of stores")
	}
	return []Event{APIKeyCreated(c)}, nil
}

// Decide refuses a key that does not exist. To revoke again is Done.
func (r RevokeKey) Decide(before []Posted, _ Moment) ([]Event, error) {
	if len(before) == 0 {
		return nil, ErrNotFound.Because("there is no such key")
	}
	for _, p := range before {
		if _, ok := p.Event.(APIKeyRevoked); ok {
			return nil, &Done{p}
		}
	}
	return []Event{APIKeyRevoked(r)}, nil
}

// canonical leaves out what is drawn for each request: the secret's hash and its last digits.
func (c CreateKey) canonical() any {
	c.Hash, c.Last4 = Hash{}, ""
	return c
}

func (e APIKeyCreated) command() any { return CreateKey(e) }

func (e APIKeyRevoked) command() any { return RevokeKey(e) }
