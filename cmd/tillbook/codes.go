package main

import (
	"context"
	"errors"
	"time"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/vault"
	"github.com/tillbook/tillbook/projections"
)

// openCodes opens the folder's index of campaigns' codes.
func openCodes(data string, keyring *vault.Keyring) (*vault.Codes, error) {
	return vault.OpenCodes(data, keyring, func(secret []byte) func(uint32) string {
		return domain.NewCodes(secret).At
	})
}

// resumeClaims brings claims of codes to their end, where a read model says that one has not ended:
// whoever claimed it died on the way.
func (s *service) resumeClaims(ctx context.Context) {
	if s.models == nil {
		<-ctx.Done()
		return
	}
	s.ledger.RunClaims(ctx, s.cfg.sweepEvery, func(ctx context.Context, before time.Time) (
		[]domain.CodeRef, error,
	) {
		open, err := s.models.OpenClaims(ctx, before)
		if errors.Is(err, projections.ErrStale) {
			return nil, nil // which are open shows when they are built
		}
		return open, err
	})
}
