package domain

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Webhook is an address to which events are sent. What signs them is sealed.
type Webhook struct {
	ID          uuid.UUID `json:"webhook_id"`
	URL         string    `json:"url"`
	Description string    `json:"description,omitempty"`
	Filter
	Personal bool          `json:"personal,omitempty"` // events with what tells of persons
	Status   WebhookStatus `json:"status"`

	SealedSecret  string    `json:"sealed_secret,omitempty"`
	SealedBefore  string    `json:"sealed_before,omitempty"` // the secret before it signs too,
	BeforeExpires time.Time `json:"before_expires,omitzero"` // until then
}

// WebhookStatus says whether events are sent.
type WebhookStatus string

// The states of a webhook. What happens while it is paused is sent afterwards.
const (
	WebhookActive WebhookStatus = "active"
	WebhookPaused WebhookStatus = "paused"
)

// Rotation is how long a webhook's secret goes on signing beside the one that replaced it.
const Rotation = 24 * time.Hour

// RegisterWebhook registers a webhook.
type RegisterWebhook struct{ Webhook }

// ChangeWebhook says what is true of a webhook from now on. Its secret stays, unless Rotate is set.
type ChangeWebhook struct {
	Webhook
	Rotate bool `json:"rotate,omitempty"`
}

// PauseWebhook pauses a webhook, as its receiver wants it.
type PauseWebhook struct {
	ID     uuid.UUID `json:"webhook_id"`
	Reason string    `json:"reason"`
}

// RemoveWebhook ends a webhook for good.
type RemoveWebhook struct {
	ID uuid.UUID `json:"webhook_id"`
}

// WebhookRegistered records a new webhook.
type WebhookRegistered struct{ Webhook }

// WebhookChanged records what is true of a webhook from now on.
type WebhookChanged struct {
	Webhook
	Rotate bool   `json:"rotate,omitempty"` // its secret is a new one
	Reason string `json:"reason,omitempty"` // why the service itself paused it
}

// WebhookRemoved records the end of a webhook.
type WebhookRemoved struct {
	ID uuid.UUID `json:"webhook_id"`
}

func (WebhookRegistered) event() {}
func (WebhookChanged) event()    {}
func (WebhookRemoved) event()    {}

// WebhookStream is the stream of a webhook.
func WebhookStream(id uuid.UUID) string { return "webhook-" + id.String() }

// Stream is webhook-<id>.
func (r RegisterWebhook) Stream() string { return WebhookStream(r.ID) }

// Stream is webhook-<id>.
func (c ChangeWebhook) Stream() string { return WebhookStream(c.ID) }

// Stream is webhook-<id>.
func (p PauseWebhook) Stream() string { return WebhookStream(p.ID) }

// Stream is webhook-<id>.
func (r RemoveWebhook) Stream() string { return WebhookStream(r.ID) }

// Operation is register_webhook.
func (RegisterWebhook) Operation() Operation { return "register_webhook" }

// Operation is change_webhook.
func (ChangeWebhook) Operation() Operation { return "change_webhook" }

// Operation is pause_webhook.
func (PauseWebhook) Operation() Operation { return "pause_webhook" }

// Operation is remove_webhook.
func (RemoveWebhook) Operation() Operation { return "remove_webhook" }

// Decide refuses a malformed webhook.
func (r RegisterWebhook) Decide(before []Posted, _ Moment) ([]Event, error) {
	if len(before) > 0 {
		return nil, ErrReferenceUsed.By(before[0])
	}
	if err := r.check(); err != nil {
		return nil, err
	}
	return []Event{WebhookRegistered(r)}, nil
}

// Decide refuses a webhook that does not exist, and a malformed change.
func (c ChangeWebhook) Decide(before []Posted, m Moment) ([]Event, error) {
	last, ok := webhookOf(before)
	if !ok {
		return nil, errNoWebhook
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	secret := c.SealedSecret
	c.SealedSecret, c.SealedBefore, c.BeforeExpires = last.SealedSecret, "", time.Time{}
	switch {
	case c.Rotate:
		c.SealedSecret = secret
		c.SealedBefore, c.BeforeExpires = last.SealedSecret, m.Recorded.Add(Rotation)
	case last.BeforeExpires.After(m.Recorded):
		c.SealedBefore, c.BeforeExpires = last.SealedBefore, last.BeforeExpires
	}
	return []Event{WebhookChanged{Webhook: c.Webhook, Rotate: c.Rotate}}, nil
}

// Decide refuses a webhook that does not exist. To pause one that is paused is Done.
func (p PauseWebhook) Decide(before []Posted, _ Moment) ([]Event, error) {
	w, ok := webhookOf(before)
	if !ok {
		return nil, errNoWebhook
	}
	if w.Status == WebhookPaused {
		return nil, &Done{before[len(before)-1]}
	}
	w.Status = WebhookPaused
	return []Event{WebhookChanged{Webhook: w, Reason: p.Reason}}, nil
}

// Decide refuses a webhook that does not exist. To remove it again is Done.
func (r RemoveWebhook) Decide(before []Posted, _ Moment) ([]Event, error) {
	if len(before) == 0 {
		return nil, errNoWebhook
	}
	if _, ok := webhookOf(before); !ok {
		return nil, &Done{before[len(before)-1]}
	}
	return []Event{WebhookRemoved(r)}, nil
}

var errNoWebhook = ErrNotFound.Because("there is no such webhook")

// webhookOf is the webhook as its history leaves it, if there is one.
func webhookOf(before []Posted) (Webhook, bool) {
	if len(before) == 0 {
		return Webhook{}, false
	}
	switch e := before[len(before)-1].Event.(type) {
	case WebhookRegistered:
		return e.Webhook, true
	case WebhookChanged:
		return e.Webhook, true
	}
	return Webhook{}, false
}

func (w Webhook) check() error {
	if err := checkWebhookURL(w.URL); err != nil {
		return err
	}
	switch {
	case len(w.Description) > 200 || !printable(w.Description):
		return ErrMalformed.Field("description", "want at most 200 bytes of printable UTF-8")
	case w.Status != WebhookActive && w.Status != WebhookPaused:
		return ErrMalformed.Field("status", "want active or paused")
	}
	return w.Filter.check()
}

// checkWebhookURL wants http or https, a host, no credentials and no fragment. Which hosts and which
// schemes the service sends to is its own setting.
func checkWebhookURL(text string) error {
	u, err := url.Parse(text)
	if err != nil || len(text) > 2048 || !printable(text) || u.Hostname() == "" ||
		u.Scheme != "https" && u.Scheme != "http" {
		return ErrMalformed.Field("url", "want https://, a host and a path, at most 2048 bytes")
	}
	if u.User != nil || u.Fragment != "" {
		return ErrMalformed.Field("url", "want neither credentials nor a fragment")
	}
	if port, err := strconv.ParseUint(u.Port(), 10, 16); u.Port() != "" && (err != nil || port == 0) {
		return ErrMalformed.Field("url", "want a port from 1 to 65535")
	}
	return nil
}

// canonical leaves out what is drawn for each request: the sealed secret.
func (r RegisterWebhook) canonical() any {
	r.SealedSecret = ""
	return r
}

// canonical leaves out what the request does not say.
func (c ChangeWebhook) canonical() any {
	c.SealedSecret, c.SealedBefore, c.BeforeExpires = "", "", time.Time{}
	return c
}

func (e WebhookRegistered) command() any { return RegisterWebhook(e) }
func (e WebhookChanged) command() any    { return ChangeWebhook{e.Webhook, e.Rotate} }
func (e WebhookRemoved) command() any    { return RemoveWebhook(e) }

// Filter says which events are wanted. What is empty filters nothing.
type Filter struct {
	Types    []string    `json:"types,omitempty"`
	Accounts []uuid.UUID `json:"accounts,omitempty"`
	Stores   []string    `json:"stores,omitempty"`
}

// filterMost bounds each list of a filter.
const filterMost = 100

func (f Filter) check() error {
	unknown := func(name string) bool { _, known := catalogue[name]; return !known }
	switch {
	case len(f.Types) > filterMost || slices.ContainsFunc(f.Types, unknown):
		return ErrMalformed.Field("types", "want at most 100 names of events, as in /docs/events")
	case len(f.Accounts) > filterMost || slices.Contains(f.Accounts, noID):
		return ErrMalformed.Field("accounts", "want at most 100 ids of accounts")
	case len(f.Stores) > filterMost || slices.ContainsFunc(f.Stores, notAName):
		return ErrMalformed.Field("stores", "want at most 100 ids of stores")
	}
	return nil
}

// Wants reports whether the stored event of that stream, type and metadata passes. Metadata that is
// not ours has no store.
func (f Filter) Wants(stream, kind string, metadata []byte) bool {
	if len(f.Types) > 0 && !slices.Contains(f.Types, kind) {
		return false
	}
	if len(f.Accounts) > 0 {
		account, _ := strings.CutPrefix(stream, "account-")
		if id, err := uuid.Parse(account); err != nil || !slices.Contains(f.Accounts, id) {
			return false
		}
	}
	if len(f.Stores) == 0 {
		return true
	}
	m, err := DecodeMetadata(metadata)
	return err == nil && slices.Contains(f.Stores, m.Store)
}
