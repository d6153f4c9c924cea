package api

import (
	"crypto/sha256"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"golang.org/x/time/rate"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
)

// caller is who asks: the holder of an API key, or whoever may open the Unix socket.
type caller struct {
	ledger.Caller
	local   bool
	stores  []string  // where it may post; none: everywhere
	account uuid.UUID // of role customer: the one it may read
}

// local is the caller over the Unix socket.
var local = caller{Caller: ledger.Caller{Actor: "local", Role: domain.RoleAdmin}, local: true}

// setsTerms reports whether the caller has the permission terms:set.
func (w caller) setsTerms() bool { return w.Role == domain.RoleAdmin }

// mayPost checks that a key that is bound to stores names one of them.
func (w caller) mayPost(store string) error {
	if len(w.stores) == 0 || slices.Contains(w.stores, store) {
		return nil
	}
	return domain.ErrForbidden.Field("store", "this key is bound to stores: name one of them")
}

// usage is what this node remembers of an API key while it runs.
type usage struct {
	actor    string
	limiter  *rate.Limiter // nil: none
	lastUsed atomic.Int64  // Unix milliseconds; 0: never on this node
}

func (s *Server) usage(id uuid.UUID) *usage {
	if u, ok := s.keys.Load(id); ok {
		return u.(*usage)
	}
	u := &usage{actor: id.String()}
	if s.RatePerKey > 0 {
		u.limiter = rate.NewLimiter(rate.Limit(s.RatePerKey), max(1, int(s.RatePerKey)))
	}
	known, _ := s.keys.LoadOrStore(id, u)
	return known.(*usage)
}

// admit finds out who asks, and whether it may: the key, the role, the rate.
func (c *call) admit() error {
	unix := c.Context().LocalAddr().Network() == "unix"
	switch {
	case c.route.local && !unix:
		return domain.ErrNotFound.Because("no such route")
	case unix:
		c.who = local
		return nil
	case c.route.public:
		return nil
	}
	who, used, err := c.s.authenticate(c.Get("Authorization"))
	if err != nil {
		return err
	}
	c.who = who
	used.lastUsed.Store(time.Now().UnixMilli())
	if !slices.Contains(c.route.roles, who.Role) {
		return domain.ErrForbidden.Because("role " + string(who.Role) + " may not use this route")
	}
	if used.limiter != nil && !used.limiter.Allow() {
		return errRateLimited
	}
	if who.Role == domain.RoleCustomer {
		return c.ownAccount()
	}
	return nil
}

// authenticate finds the key of an Authorization header. Whatever is wrong with it, the answer is
// the same.
func (s *Server) authenticate(header string) (caller, *usage, error) {
	secret, ok := strings.CutPrefix(header, "Bearer ")
	if !ok {
		return caller{}, nil, errUnauthenticated
	}
	key, ok := s.Ledger.KeyByHash(sha256.Sum256([]byte(secret)))
	if !ok && !s.Ledger.IsReady() {
		return caller{}, nil, ledger.ErrBusy // keys are still being read
	}
	if !ok || !key.RevokedAt.IsZero() {
		return caller{}, nil, errUnauthenticated
	}
	used := s.usage(key.ID)
	return caller{
		Caller: ledger.Caller{Actor: used.actor, Role: key.Role},
		stores: key.Stores, account: key.AccountID,
	}, used, nil
}

// ownAccount refuses every account but the caller's own, whether or not there is one.
func (c *call) ownAccount() error {
	if id, ok := parseID(c.Params("id")); !ok || id != c.who.account {
		return domain.ErrForbidden.Because("this key reads its own account alone")
	}
	return nil
}
