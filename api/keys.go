package api

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
)

type keyBody struct {
	Name      string      `json:"name"`
	Role      domain.Role `json:"role"`
	Stores    []string    `json:"stores"`
	AccountID string      `json:"account_id"`
}

// keySpace is the name space of API keys' ids.
var keySpace = uuid.NewSHA1(uuid.NameSpaceURL, []byte("https://tillbook.dev/keys"))

// createKey answers a new API key with its secret, once. A repeat gets the same id and no secret.
func createKey(c *call) error {
	body, err := c.body(c.s.BodyLimit)
	if err != nil {
		return err
	}
	var b keyBody
	if err := decode(body, &b); err != nil {
		return err
	}
	r := &reading{s: c.s, who: c.who}
	key := domain.APIKey{Name: r.word("name", b.Name), Role: b.Role, Stores: b.Stores}
	if len(b.Stores) == 0 {
		key.Stores = nil
	} else if b.Role == domain.RoleAdmin {
		r.malformed("stores", "an admin is not bound to stores")
	}
	if b.AccountID != "" {
		key.AccountID = r.id("account_id", b.AccountID)
	}
	if err := r.err(); err != nil {
		return err
	}
	secret := newSecret()
	key.ID = uuid.NewSHA1(keySpace, []byte(c.who.Actor+"\x1f"+c.Get("Idempotency-Key")))
	key.Hash, key.Last4 = sha256.Sum256([]byte(secret)), secret[len(secret)-4:]
	a, dryRun, err := c.registering(domain.CreateKey{APIKey: key})
	if err != nil {
		return err
	}
	if dryRun || a.Replayed {
		secret = ""
	}
	return c.created(a, secret)
}

// newSecret is a new key: 256 random bits.
func newSecret() string {
	var bits [32]byte
	_, _ = rand.Read(bits[:]) // it never fails: crypto/rand ends the process instead
	return "tb_" + base64.RawURLEncoding.EncodeToString(bits[:])
}

func (c *call) created(a ledger.Answer, secret string) error {
	c.noted(a)
	status := fiber.StatusCreated
	o := c.out()
	o.begin('{')
	o.key(ledger.Key{APIKey: a.First().Event.(domain.APIKeyCreated).APIKey,
		CreatedAt: a.First().Metadata.RecordedAt})
	if secret != "" {
		o.plain("key", secret)
	} else if !a.Replayed {
		status = fiber.StatusOK // a dry run
	}
	o.end('}')
	c.Set(fiber.HeaderCacheControl, "no-store")
	c.send(status, applicationJSON, o)
	return nil
}

func (o *out) key(k ledger.Key) {
	o.id("id", k.ID)
	o.text("name", k.Name)
	o.plain("role", string(k.Role))
	o.texts("stores", k.Stores)
	o.someID("account_id", k.AccountID)
	o.text("last4", k.Last4)
	o.time("created_at", k.CreatedAt)
}

func listKeys(c *call) error {
	return registered(c, c.s.Ledger.Keys, func(o *out, k ledger.Key) {
		o.key(k)
		o.time("revoked_at", k.RevokedAt)
		used := time.Time{}
		if at := c.s.usage(k.ID).lastUsed.Load(); at > 0 {
			used = time.UnixMilli(at)
		}
		o.time("last_used_at", used) // as this node remembers
	})
}

// revokeKey ends a key. The last admin's key is ended over the Unix socket alone: nobody is locked
// out by a request.
func revokeKey(c *call) error {
	id, err := c.pathID("key_id")
	if err != nil {
		return err
	}
	if !c.who.local && c.s.lastAdmin(id) {
		return domain.ErrForbidden.Because("it is the last admin's key: create another one before")
	}
	a, dryRun, err := c.registering(domain.RevokeKey{ID: id})
	if err != nil {
		return err
	}
	return c.gone(a, id, "revoked_at", dryRun)
}

// lastAdmin reports whether no other active key has the role admin and all its powers.
func (s *Server) lastAdmin(id uuid.UUID) bool {
	return !slices.ContainsFunc(s.Ledger.Keys(), func(k ledger.Key) bool {
		return k.Role == domain.RoleAdmin && k.RevokedAt.IsZero() && len(k.Stores) == 0 && k.ID != id
	})
}
