package main

import (
	"context"

	"github.com/tillbook/tillbook/api"
	"github.com/tillbook/tillbook/api/webhooks"
)

func (s *service) openWebhooks(ctx context.Context, observed *api.Metrics) (err error) {
	s.webhooks, err = webhooks.Open(ctx, s.cfg.data, s.ledger, s.store, webhooks.Options{
		Keyring: s.keyring, Body: api.EventBody, Private: s.cfg.webhookAny, Version: version,
		Logger: s.logger, OnDelivery: observed.OnDelivery,
	})
	if err == nil {
		observed.WebhookLag(func() float64 { return s.behind(s.webhooks.Lag) })
	}
	return err
}

// sendWebhooks sends events to whom they are registered for.
func (s *service) sendWebhooks(ctx context.Context) {
	if s.webhooks != nil {
		s.webhooks.Run(ctx)
	}
}
