package ledger

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
)

// Webhook is a webhook as the log knows it.
type Webhook struct {
	domain.Webhook
	CreatedAt time.Time `json:"created_at"`
	Reason    string    `json:"reason,omitempty"` // why the service itself paused it
}

// setWebhook makes p part of the registries. The caller holds mu.
func (r *registry) setWebhook(p domain.Posted) {
	if r.Webhooks == nil {
		r.Webhooks = map[uuid.UUID]Webhook{}
	}
	switch e := p.Event.(type) {
	case domain.WebhookRegistered:
		r.Webhooks[e.ID] = Webhook{Webhook: e.Webhook, CreatedAt: p.Metadata.RecordedAt}
	case domain.WebhookChanged:
		r.Webhooks[e.ID] = Webhook{e.Webhook, r.Webhooks[e.ID].CreatedAt, e.Reason}
	case domain.WebhookRemoved:
		delete(r.Webhooks, e.ID)
	}
	close(r.hooked)
	r.hooked = make(chan struct{})
}

// Webhooks are the webhooks that were not removed, oldest first.
func (l *Ledger) Webhooks() []Webhook {
	all, _ := l.WatchWebhooks()
	return all
}

// WatchWebhooks are the webhooks as they are now, and a channel that is closed when they change.
func (l *Ledger) WatchWebhooks() ([]Webhook, <-chan struct{}) {
	l.registry.mu.RLock()
	defer l.registry.mu.RUnlock()
	return slices.SortedFunc(maps.Values(l.registry.Webhooks), func(a, b Webhook) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), strings.Compare(a.ID.String(), b.ID.String()))
	}), l.registry.hooked
}

// Webhook is the webhook with that id, if there is one.
func (l *Ledger) Webhook(id uuid.UUID) (Webhook, bool) {
	l.registry.mu.RLock()
	defer l.registry.mu.RUnlock()
	w, ok := l.registry.Webhooks[id]
	return w, ok
}
