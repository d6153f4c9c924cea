package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"slices"
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
	stores  []string      // where it may post; none: everywhere
	account uuid.UUID     // of role customer: the one it may read
	limiter *rate.Limiter // nil: none
	misses  *brake        // on look-ups; nil: none
	large   *atomic.Int32 // large bodies in memory; nil: not counted
}

// local is the caller over the Unix socket.
var local = caller{Caller: ledger.Caller{Actor: "local", Role: domain.RoleAdmin}, local: true}

// setsTerms reports whether the caller has the permission terms:set.
func (w caller) setsTerms() bool { return w.Role == domain.RoleAdmin }

// mayAsk takes a token of the key's rate, and reports whether there was one.
func (w caller) mayAsk() bool { return w.limiter == nil || w.limiter.Allow() }

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
	misses   brake         // on look-ups
	large    atomic.Int32  // large bodies in memory
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

// onSocket reports whether the call came over a Unix socket.
func (c *call) onSocket() bool { return c.Context().LocalAddr().Network() == "unix" }

// admit finds out who asks, and whether it may: the key, the role, the rate.
func (c *call) admit() error {
	unix := c.onSocket()
	switch {
	case c.route.local && !unix:
		return errNoRoute
	case unix:
		c.who = local
		return nil
	case c.route.public:
		return nil
	}
	who, used, err := c.s.authenticate(c.Context().Request.Header.Peek("Authorization"))
	if err != nil {
		return err
	}
	c.who = who
	used.lastUsed.Store(time.Now().UnixMilli())
	if !slices.Contains(c.route.roles, who.Role) {
		return domain.ErrForbidden.Because("role " + string(who.Role) + " may not use this route")
	}
	if c.route.unbound && len(who.stores) > 0 {
		return domain.ErrForbidden.Because("this is about more than the stores that this key is bound to")
	}
	if !who.mayAsk() {
		return errRateLimited
	}
	if who.Role == domain.RoleCustomer && !c.route.named {
		return c.ownAccount()
	}
	return nil
}

// authenticate finds the key of an Authorization header. Whatever is wrong with it, the answer is
// the same.
func (s *Server) authenticate(header []byte) (caller, *usage, error) {
	scheme, secret, _ := bytes.Cut(header, []byte{' '})
	if !bytes.EqualFold(scheme, []byte("Bearer")) { // of no case: RFC 9110, section 11.1
		return caller{}, nil, errUnauthenticated
	}
	hash := sha256.Sum256(secret)
	key, ok := s.Ledger.KeyByHash(hash)
	if !ok {
		var err error
		if key, ok, err = s.newKey(hash); err != nil {
			return caller{}, nil, err
		}
	}
	if !ok || !key.RevokedAt.IsZero() {
		return caller{}, nil, errUnauthenticated
	}
	used := s.usage(key.ID)
	return caller{
		Caller: ledger.Caller{Actor: used.actor, Role: key.Role},
		stores: key.Stores, account: key.AccountID, limiter: used.limiter,
		misses: &used.misses, large: &used.large,
	}, used, nil
}

// newKey looks for a key that is not in memory: keys may still be read, and another node may just have
// made it.
func (s *Server) newKey(hash domain.Hash) (ledger.Key, bool, error) {
	if !s.Ledger.IsReady() {
		return ledger.Key{}, false, ledger.ErrBusy
	}
	ctx, cancel := context.WithTimeout(s.stop, defaultWait)
	defer cancel()
	return s.Ledger.FindKey(ctx, hash)
}

var errOthersAccount = domain.ErrForbidden.Because("this key reads its own account alone")

// ownAccount refuses every account but the caller's own, whether or not there is one.
func (c *call) ownAccount() error {
	if id, ok := parseID(c.Params("id")); !ok || id != c.who.account {
		return errOthersAccount
	}
	return nil
}
