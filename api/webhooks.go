package api

import (
	"crypto/rand"
	"encoding/base64"
	"slices"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"

	"github.com/tillbook/tillbook/api/webhooks"
	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
	"github.com/tillbook/tillbook/domain/vault"
)

const webhook = "/v1/webhooks/{webhook_id}"

func (s *Server) webhookRoutes() []*route {
	routes := []*route{
		{method: "POST", path: "/v1/webhooks", id: "registerWebhook", query: dry,
			serve: registerWebhook},
		{method: "GET", path: "/v1/webhooks", id: "listWebhooks", serve: listWebhooks},
		{method: "GET", path: webhook, id: "getWebhook", serve: getWebhook},
		{method: "PUT", path: webhook, id: "changeWebhook", query: dry, serve: changeWebhook},
		{method: "DELETE", path: webhook, id: "removeWebhook", query: dry, serve: removeWebhook},
		{method: "GET", path: webhook + "/deliveries", id: "listDeliveries",
			query: []string{"limit", "cursor", "state"}, serve: listDeliveries},
		{method: "POST", path: webhook + "/deliveries/{sequence}/retry", id: "retryDelivery",
			serve: retryDelivery},
		{method: "POST", path: webhook + "/replay", id: "replayWebhook", serve: replayWebhook},
	}
	for _, r := range routes {
		r.roles, r.unbound = admins, true
	}
	return routes
}

// webhookBody is what is true of a webhook from now on.
type webhookBody struct {
	URL         string               `json:"url"`
	Types       []string             `json:"types"`
	Accounts    []string             `json:"accounts"`
	Stores      []string             `json:"stores"`
	Description string               `json:"description"`
	Personal    bool                 `json:"personal_data"`
	Status      domain.WebhookStatus `json:"status"`
	Rotate      bool                 `json:"rotate_secret"`
}

// webhookSpace is the name space of webhooks' ids.
var webhookSpace = uuid.NewSHA1(uuid.NameSpaceURL, []byte("https://tillbook.dev/webhooks"))

// registerWebhook answers a new webhook with its secret, once. A repeat gets the same id and no
// secret.
func registerWebhook(c *call) error {
	id := uuid.NewSHA1(webhookSpace, []byte(c.who.Actor+"\x1f"+c.Get("Idempotency-Key")))
	w, err := c.webhook(id)
	if err != nil {
		return err
	}
	if w.Rotate {
		return domain.ErrMalformed.Field("rotate_secret", "a new webhook has a new secret")
	}
	all := c.s.Ledger.Webhooks()
	known := func(w ledger.Webhook) bool { return w.ID == id }
	if len(all) >= webhooks.Most && !slices.ContainsFunc(all, known) {
		return domain.ErrLimitExceeded.Because("there are 100 webhooks already")
	}
	secret, err := sealSecret(c.s.Keyring, &w.Webhook)
	if err != nil {
		return err
	}
	a, dryRun, err := c.registering(domain.RegisterWebhook{Webhook: w.Webhook})
	if err != nil {
		return err
	}
	e := a.First().Event.(domain.WebhookRegistered) // the answered registration posts no other
	return c.hooked(a, e.Webhook, secret, fiber.StatusCreated, dryRun)
}

// changeWebhook says what is true of a webhook from now on. A new secret is answered once, too.
func changeWebhook(c *call) error {
	id, err := c.pathID("webhook_id")
	if err != nil {
		return err
	}
	w, err := c.webhook(id)
	if err != nil {
		return err
	}
	secret := ""
	if w.Rotate {
		if secret, err = sealSecret(c.s.Keyring, &w.Webhook); err != nil {
			return err
		}
	}
	a, dryRun, err := c.registering(*w)
	if err != nil {
		return err
	}
	e := a.First().Event.(domain.WebhookChanged) // the answered change posts no other
	return c.hooked(a, e.Webhook, secret, fiber.StatusOK, dryRun)
}

// webhook reads what the body says of a webhook.
func (c *call) webhook(id uuid.UUID) (*domain.ChangeWebhook, error) {
	body, err := c.body(c.s.BodyLimit)
	if err != nil {
		return nil, err
	}
	b := webhookBody{Status: domain.WebhookActive}
	if err := decode(body, &b); err != nil {
		return nil, err
	}
	r := &reading{s: c.s, who: c.who}
	w := domain.Webhook{ID: id, URL: b.URL, Description: b.Description, Personal: b.Personal,
		Status: b.Status, Filter: domain.Filter{Types: b.Types, Stores: b.Stores}}
	for _, text := range b.Accounts {
		w.Accounts = append(w.Accounts, r.id("accounts", text))
	}
	if err := r.err(); err != nil {
		return nil, err
	}
	err = webhooks.Check(b.URL, c.s.WebhookPrivate)
	return &domain.ChangeWebhook{Webhook: w, Rotate: b.Rotate}, err
}

// secretPrefix begins a secret as Standard Webhooks writes it; the rest is base64.
const secretPrefix = "whsec_"

// sealSecret draws 256 random bits, seals them into the webhook, and is the text to show.
func sealSecret(k *vault.Keyring, w *domain.Webhook) (text string, err error) {
	var bits [32]byte
	_, _ = rand.Read(bits[:]) // it never fails: crypto/rand ends the process instead
	w.SealedSecret, err = webhooks.Seal(k, w.ID, bits[:])
	return secretPrefix + base64.StdEncoding.EncodeToString(bits[:]), err
}

// hooked answers a webhook as an event has it.
func (c *call) hooked(
	a ledger.Answer, w domain.Webhook, secret string, status int, dryRun bool,
) error {
	c.noted(a)
	o := c.out()
	o.begin('{')
	o.webhook(w)
	o.time("recorded_at", a.First().Metadata.RecordedAt)
	if secret != "" && !a.Replayed && !dryRun {
		o.plain("secret", secret)
	}
	o.end('}')
	switch {
	case dryRun:
		status = fiber.StatusOK
	case status == fiber.StatusCreated:
		c.Set(fiber.HeaderLocation, "/v1/webhooks/"+w.ID.String())
	}
	c.Set(fiber.HeaderCacheControl, "no-store")
	c.send(status, applicationJSON, o)
	return nil
}

func (o *out) webhook(w domain.Webhook) {
	o.id("id", w.ID)
	o.text("url", w.URL)
	o.texts("types", w.Types)
	o.open("accounts", '[')
	for _, id := range w.Accounts {
		o.quote(id.String())
	}
	o.end(']')
	o.texts("stores", w.Stores)
	o.text("description", w.Description)
	o.boolean("personal_data", w.Personal)
	o.plain("status", string(w.Status))
	if w.SealedBefore != "" {
		o.time("rotated_until", w.BeforeExpires)
	}
}

func (o *out) knownWebhook(w ledger.Webhook) {
	if !w.BeforeExpires.After(time.Now()) {
		w.SealedBefore = ""
	}
	o.webhook(w.Webhook)
	o.time("created_at", w.CreatedAt)
	o.some("paused_because", w.Reason)
}

func listWebhooks(c *call) error { return registered(c, c.s.Ledger.Webhooks, (*out).knownWebhook) }

func getWebhook(c *call) error {
	w, err := c.knownWebhook()
	if err != nil {
		return err
	}
	o := c.out()
	o.begin('{')
	o.knownWebhook(w)
	o.end('}')
	return c.ok(o)
}

// knownWebhook is the webhook of the path.
func (c *call) knownWebhook() (ledger.Webhook, error) {
	id, err := c.pathID("webhook_id")
	if err != nil {
		return ledger.Webhook{}, err
	}
	if _, err := c.caughtUp(); err != nil {
		return ledger.Webhook{}, err
	}
	w, ok := c.s.Ledger.Webhook(id)
	if !ok {
		return w, domain.ErrNotFound.Because("there is no such webhook")
	}
	return w, nil
}

// removeWebhook ends a webhook for good.
func removeWebhook(c *call) error {
	id, err := c.pathID("webhook_id")
	if err != nil {
		return err
	}
	a, dryRun, err := c.registering(domain.RemoveWebhook{ID: id})
	if err != nil {
		return err
	}
	return c.gone(a, id, "removed_at", dryRun)
}
