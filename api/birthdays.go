package api

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
)

// BirthMonth is the month in which a customer who allows marketing was born, false where nobody here can
// or may tell. Nothing else of the profile leaves it.
func (s *Server) BirthMonth(ctx context.Context, customer uuid.UUID) (time.Month, bool) {
	c, _, err := s.Ledger.Customer(ctx, customer)
	if err != nil || !c.Allows(domain.ConsentMarketing) {
		return 0, false
	}
	fields, err := s.profile(ctx, c)
	if err != nil {
		return 0, false // another node's vault may have the key, or none any more
	}
	born, err := time.Parse(time.DateOnly, fields["birthday"])
	return born.Month(), err == nil
}
