package projections

import (
	"encoding/json"

	"github.com/tillbook/tillbook/domain"
)

// opened reads the lots that an event opens.
func (b *Body) opened(s *scanner) {
	b.Opened = nil
	if s.null() {
		return
	}
	for s.open('['); s.more(']'); {
		b.Opened = append(b.Opened, domain.LotOpened{})
		l := &b.Opened[len(b.Opened)-1]
		for s.open('{'); s.more('}'); {
			lotField(s, string(s.key()), l)
		}
	}
}

func lotField(s *scanner, name string, l *domain.LotOpened) {
	switch name {
	case "id":
		s.into(&l.ID)
	case "class":
		l.Class = domain.Class(s.name())
	case "face":
		s.quantity(&l.Face)
	case "cost":
		s.quantity(&l.Cost)
	case "cost_unit":
		l.CostUnit = s.name()
	case "funding":
		s.into(&l.Funding)
	case "origin_lot":
		s.into(&l.OriginLot)
	case "effective_at":
		s.into(&l.EffectiveAt)
	case "expires_at":
		s.into(&l.ExpiresAt)
	case "priority":
		l.Priority = s.integer()
	case "scope":
		from := s.i
		if s.skip(0); s.err == nil {
			if err := json.Unmarshal(s.b[from:s.i], &l.Scope); err != nil {
				s.fail(err.Error())
			}
		}
	case "on_refund_expired":
		for s.open('{'); s.more('}'); {
			switch string(s.key()) {
			case "policy":
				l.OnRefundExpired.Policy = s.name()
			case "days":
				l.OnRefundExpired.Days = s.integer()
			default:
				s.skip(0)
			}
		}
	case "draw":
		l.Draw = domain.Draw(s.name())
	case "issuer_entity":
		l.IssuerEntity = s.name()
	case "reminders":
		l.Reminders = nil
		for s.open('['); s.more(']'); {
			l.Reminders = append(l.Reminders, s.integer())
		}
	case "terms":
		l.Terms = s.name()
	default:
		s.skip(0)
	}
}
