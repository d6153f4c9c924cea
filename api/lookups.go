package api

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/vault"
)

// seekers look accounts up.
var seekers = []domain.Role{domain.RolePOS, domain.RoleSupport, domain.RoleAdmin}

func (s *Server) lookupRoutes() []*route {
	return []*route{{method: "POST", path: "/v1/lookups", id: "lookUp", roles: seekers, serve: lookUp}}
}

// The brake on look-ups that find nothing, and on values that cannot be bound as they find another
// account: so many at once, and one more each pause.
const (
	freeMisses = 20
	missPause  = 6 * time.Second
)

// brake counts what an API key looked up in vain. Its zero value is free.
type brake struct {
	mu     sync.Mutex
	misses int       // that count; guarded by mu
	since  time.Time // when the oldest of them began to be forgotten; guarded by mu
}

// miss counts one, and reports whether there was room.
func (b *brake) miss(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.forget(now); b.misses >= freeMisses {
		return false
	}
	b.misses++
	return true
}

// full reports whether there is no room for another miss.
func (b *brake) full(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.forget(now)
	return b.misses >= freeMisses
}

// missed counts one, whether or not there is room: of who asks much at once the brake goes on for longer.
func (b *brake) missed(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.forget(now)
	b.misses++
}

// forget takes off what the time since has forgotten. The caller holds mu.
func (b *brake) forget(now time.Time) {
	forgotten := int(now.Sub(b.since) / missPause)
	b.since = b.since.Add(time.Duration(forgotten) * missPause)
	if b.misses -= forgotten; b.misses <= 0 || forgotten < 0 {
		b.misses, b.since = 0, now
	}
}

// found takes back what was no miss.
func (b *brake) found() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.misses = max(0, b.misses-1)
}

// mayMiss counts a miss of the caller's, and reports whether there was room.
func (w caller) mayMiss() bool { return w.misses == nil || w.misses.miss(time.Now()) }

// lookupBody names one thing.
type lookupBody struct {
	Phone       *string `json:"phone"`
	Email       *string `json:"email"`
	Card        *string `json:"card"`
	Code        *string `json:"code"`
	CustomerRef *string `json:"customer_ref"`
}

// errUnfound answers every look-up that finds nothing, or more than one, or what is blocked: who guesses
// learns nothing from it.
var errUnfound = domain.ErrNotFound.Because("no account is found by this")

// lookUp finds the account that a customer names, at a till or on the telephone.
func lookUp(c *call) error {
	body, err := c.body(c.s.BodyLimit)
	if err != nil {
		return err
	}
	var b lookupBody
	if err := decode(body, &b); err != nil {
		return err
	}
	kind, value, err := b.one()
	if err != nil {
		return err
	}
	if kind == "card" || kind == "code" {
		if err := c.modelledToHead(); err != nil {
			return err
		}
	}
	if !c.who.mayMiss() {
		return errRateLimited
	}
	ctx := context.Background()
	accounts, err := c.s.find(ctx, kind, value)
	if misses := c.who.misses; misses != nil && (err != nil || len(accounts) == 1) {
		misses.found()
	}
	if err != nil {
		return err
	}
	if len(accounts) != 1 {
		return errUnfound
	}
	v, err := c.s.Ledger.Account(ctx, accounts[0])
	if err != nil {
		return err
	}
	o := c.out()
	o.begin('{')
	o.id("account_id", v.ID())
	o.plain("status", string(v.Status(v.At)))
	o.position("as_of_position", uint64(v.Position))
	o.end('}')
	c.Set("Cache-Control", "no-store")
	return c.ok(o)
}

// one is the one thing that is named, with its kind.
func (b *lookupBody) one() (kind, value string, err error) {
	for name, given := range map[string]*string{"phone": b.Phone, "email": b.Email, "card": b.Card,
		"code": b.Code, "customer_ref": b.CustomerRef} {
		if given == nil {
			continue
		}
		if kind != "" {
			kind = ""
			break
		}
		kind, value = name, *given
	}
	if kind == "" || value == "" {
		return "", "", domain.ErrMalformed.Because("want one of phone, email, card, code and customer_ref")
	}
	return kind, value, nil
}

// find are the accounts that something finds. A value that can be none is looked for all the same.
func (s *Server) find(ctx context.Context, kind, value string) ([]uuid.UUID, error) {
	switch kind {
	case "card", "code":
		normalise := domain.NormalCredential
		if kind == "code" {
			normalise = domain.NormalCode
		}
		if normal, ok := normalise(value); ok {
			value = normal
		}
		return s.bound(ctx, presented{kind: domain.CredentialKind(kind), value: value})
	case "phone":
		if normal, ok := domain.NormalPhone(value); ok {
			value = normal
		}
		accounts, err := s.bound(ctx, presented{kind: domain.CredentialPhone, value: value})
		if err != nil || len(accounts) > 0 {
			return accounts, err // what was bound counts more than what a profile says
		}
		return s.profiled(ctx, kind, value)
	case "email":
		if normal, ok := domain.NormalEmail(value); ok {
			value = normal
		}
		return s.profiled(ctx, kind, value)
	}
	return s.existing(ctx, domain.AccountID(value))
}

// profiled are the accounts of customers whose profile says a value now.
func (s *Server) profiled(ctx context.Context, kind, value string) (accounts []uuid.UUID, err error) {
	found, err := s.People.Find(ctx, kind, value)
	if err != nil {
		return nil, err
	}
	for _, f := range found {
		cu, _, err := s.Ledger.Customer(ctx, f.Customer)
		if err != nil {
			return nil, err
		}
		fields, err := s.profile(ctx, cu)
		if errors.Is(err, domain.ErrCustomerErased) || errors.Is(err, vault.ErrErased) {
			continue // since it was found
		}
		if err != nil {
			return nil, err
		}
		if f.Owner != profileOwner || fields[kind] != value {
			continue // it said so once
		}
		named, err := s.existing(ctx, f.Customer)
		if err != nil {
			return nil, err
		}
		for _, id := range named {
			if !slices.Contains(accounts, id) {
				accounts = append(accounts, id)
			}
		}
	}
	return accounts, nil
}

// existing is the account with that id, or the one that answers for it; none where there is none.
func (s *Server) existing(ctx context.Context, id uuid.UUID) ([]uuid.UUID, error) {
	v, err := s.Ledger.Account(ctx, id)
	if errors.Is(err, domain.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if v, err = s.surviving(ctx, v); err != nil {
		return nil, err
	}
	return []uuid.UUID{v.ID()}, nil
}
