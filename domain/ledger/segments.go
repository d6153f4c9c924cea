package ledger

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
)

// Segment is a segment as its stream tells it, domain.ErrNotFound where there is none.
func (l *Ledger) Segment(ctx context.Context, id string) (*domain.Segment, error) {
	var s *domain.Segment
	if domain.IsSegmentID(id) {
		past, _, err := l.past(ctx, domain.SegmentStream(id))
		if err != nil {
			return nil, err
		}
		s = domain.SegmentOf(posted(past))
	}
	if s == nil {
		return nil, domain.ErrNotFound.Because("there is no such segment")
	}
	return s, nil
}

// Local is an instant in the zone of the program that rules whom no other does: its days are those that
// segments count.
func (l *Ledger) Local(at time.Time) time.Time {
	zone, err := time.LoadLocation(l.Program(uuid.UUID{}, at).Terms.Zone)
	if err != nil {
		return at.UTC() // a zone was known where it was published
	}
	return at.In(zone)
}
