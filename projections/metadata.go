package projections

import (
	"fmt"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
)

// decodeMetadata reads what domain.DecodeMetadata reads, and refuses what it refuses. What no
// table holds is left out: see Event.
func decodeMetadata(metadata []byte, m *domain.Metadata, names *names) error {
	s := scanner{b: metadata, names: names}
	for s.open('{'); s.more('}'); {
		metadataField(&s, string(s.key()), m)
	}
	if err := s.end(); err != nil {
		return err
	}
	if m.Schema != 1 || m.EventID == (uuid.UUID{}) || m.RecordedAt.IsZero() {
		return fmt.Errorf("schema %d is not ours", m.Schema)
	}
	return nil
}

func metadataField(s *scanner, name string, m *domain.Metadata) {
	if to := metadataText(name, m); to != nil {
		*to = s.name()
		return
	}
	switch name {
	case "event_id":
		s.into(&m.EventID)
	case "schema":
		m.Schema = s.integer()
	case "occurred_at":
		s.into(&m.OccurredAt)
	case "recorded_at":
		s.into(&m.RecordedAt)
	case "skewed":
		m.Skewed = s.boolean()
	case "operation_id":
		s.into(&m.OperationID)
	case "caused_by":
		s.into(&m.CausedBy)
	case "reference":
		for s.open('{'); s.more('}'); {
			referenceField(s, string(s.key()), &m.Reference)
		}
	default:
		s.skip(0)
	}
}

// metadataText is where a field that is plain text belongs, nil for the others.
func metadataText(name string, m *domain.Metadata) *string {
	switch name {
	case "actor":
		return &m.Actor
	case "role":
		return &m.Role
	case "on_behalf_of":
		return &m.OnBehalfOf
	case "channel":
		return &m.Channel
	case "store":
		return &m.Store
	case "entity":
		return &m.Entity
	case "terminal":
		return &m.Terminal
	case "shift":
		return &m.Shift
	case "operator":
		return &m.Operator
	case "business_date":
		return &m.BusinessDate
	}
	return nil
}

func referenceField(s *scanner, name string, r *domain.Reference) {
	switch name {
	case "store":
		r.Store = s.name()
	case "terminal":
		r.Terminal = s.name()
	case "pos_txn_id":
		r.PosTxnID = s.text()
	case "leg":
		r.Leg = s.name()
	default:
		s.skip(0)
	}
}
