package api

import (
	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
)

// classes is the order in which a balance shows its classes.
var classes = []domain.Class{domain.Principal, domain.Bonus, domain.Gift, domain.Compensation,
	domain.Cashback, domain.Promo, domain.Earned}

// balance writes the shape Balance as the next element.
func (o *out) balance(b domain.Balance) {
	o.begin('{')
	o.plain("unit", b.Unit)
	o.quantity("total", b.Total)
	o.quantity("available", b.Available)
	if !b.Limited.IsZero() {
		o.quantity("limited", b.Limited)
	}
	o.quantity("held", b.Held)
	o.quantity("pending", b.Pending)
	o.quantity("expired_unposted", b.ExpiredUnposted)
	o.byClass(b.ByClass)
	o.end('}')
}

// byClass writes a balance's total by class; classes without any are absent.
func (o *out) byClass(sums map[domain.Class]domain.Quantity) {
	o.open("by_class", '{')
	o.classes(sums)
	o.end('}')
}

func (o *out) classes(sums map[domain.Class]domain.Quantity) {
	for _, class := range classes {
		if sum, ok := sums[class]; ok {
			o.quantity(string(class), sum)
		}
	}
}

// left writes the balance that an answer's last event of value left, in the unit of its first where that
// moved any: a sale's points are another's. It is null where none moved any.
func (o *out) left(a ledger.Answer) {
	if v, ok := a.First().Event.(domain.Valued); ok {
		o.leftIn(a, v.Worth().Amount.Unit())
		return
	}
	for i := len(a.Events) - 1; i >= 0; i-- {
		if v, ok := a.Events[i].Event.(domain.Valued); ok {
			o.name("balance")
			o.balance(v.Worth().Balance)
			return
		}
	}
	o.null("balance")
}

// leftIn writes the balance in a unit that the last event which moved it left; null where none did.
func (o *out) leftIn(a ledger.Answer, unit string) {
	for i := len(a.Events) - 1; i >= 0; i-- {
		if v, ok := a.Events[i].Event.(domain.Valued); ok && v.Worth().Amount.Unit() == unit {
			o.name("balance")
			o.balance(v.Worth().Balance)
			return
		}
	}
	o.null("balance")
}

// tail writes what every answer to a write ends with.
func (o *out) tail(a ledger.Answer) {
	o.left(a)
	o.ending(a)
}

// ending is tail for operations that move no value.
func (o *out) ending(a ledger.Answer) {
	m := a.First().Metadata
	o.time("occurred_at", m.OccurredAt)
	o.time("recorded_at", m.RecordedAt)
	o.skewed(m)
	o.text("business_date", m.BusinessDate)
	if !m.Reference.IsZero() {
		o.reference("reference", m.Reference)
	}
	o.integer("revision", a.Last().Revision)
}

// skewed flags an operation that happened, by what its caller says, far from when it was recorded.
func (o *out) skewed(m domain.Metadata) {
	if m.Skewed {
		o.boolean("skewed", true)
	}
}

// moves writes what moved between lots and the caller, unsigned.
func (o *out) moves(name string, moves []domain.Move) {
	o.open(name, '[')
	for _, m := range moves {
		amount, cost := m.Amount, m.Cost
		if amount.IsNegative() {
			amount = amount.Neg()
		}
		if cost.IsNegative() {
			cost = cost.Neg()
		}
		o.allocation(m.Lot, m.Class, amount, cost)
	}
	o.end(']')
}

// signedMoves writes what lots gained, or lost below zero.
func (o *out) signedMoves(moves []domain.Move) {
	o.open("moves", '[')
	for _, m := range moves {
		o.begin('{')
		o.id("lot_id", m.Lot)
		o.plain("class", string(m.Class))
		o.quantity("amount", m.Amount)
		o.quantity("held", m.Held)
		o.quantity("cost", m.Cost)
		o.end('}')
	}
	o.end(']')
}

func (o *out) allocation(lot uuid.UUID, class domain.Class, amount, cost domain.Quantity) {
	o.begin('{')
	o.id("lot_id", lot)
	o.plain("class", string(class))
	o.quantity("amount", amount)
	o.quantity("cost", cost)
	o.end('}')
}

// returned writes what of a debit came back to its lots, and what was lost as they had expired.
func (o *out) returned(
	moves []domain.Move, reopened []domain.Reopened, forfeited []domain.Forfeited,
) {
	o.moves("restorations", moves)
	o.open("forfeited", '[')
	for _, f := range forfeited {
		o.allocation(f.Lot, f.Class, f.Amount, f.Cost)
	}
	o.end(']')
	if len(reopened) == 0 {
		return
	}
	o.open("reopened", '[')
	for _, r := range reopened {
		o.begin('{')
		o.id("lot_id", r.Lot)
		o.time("expires_at", r.ExpiresAt)
		o.end('}')
	}
	o.end(']')
}

// settlements writes which receivables an operation opened and settled, where it did.
func (o *out) settlements(a ledger.Answer) {
	var opened, settled bool
	for _, p := range a.Events {
		switch e := p.Event.(type) {
		case domain.ReceivableOpened:
			opened = true
		case domain.MergeAdjusted: // the survivor owes it
			opened = opened || len(e.Owed) > 0 && e.Owed[0].Amount.IsPositive()
		case domain.ReceivableSettled:
			settled = true
		}
	}
	if opened {
		o.receivables("receivables", a, func(e domain.Event) (domain.ReceivableOpened, bool) {
			if m, ok := e.(domain.MergeAdjusted); ok && len(m.Owed) > 0 {
				return m.Owed[0].Opened(), m.Owed[0].Amount.IsPositive()
			}
			r, ok := e.(domain.ReceivableOpened)
			return r, ok
		})
	}
	if settled {
		o.receivables("settled", a, func(e domain.Event) (domain.ReceivableOpened, bool) {
			r, ok := e.(domain.ReceivableSettled)
			return domain.ReceivableOpened{ReceivableID: r.ReceivableID, Amount: r.Amount,
				Cause: r.Cause, SourceID: r.SourceID, Outstanding: r.Outstanding}, ok
		})
	}
}

func (o *out) receivables(
	name string, a ledger.Answer, pick func(domain.Event) (domain.ReceivableOpened, bool),
) {
	o.open(name, '[')
	for _, p := range a.Events {
		if r, ok := pick(p.Event); ok {
			o.begin('{')
			o.id("receivable_id", r.ReceivableID)
			o.owedFor(r.Cause, r.SourceID)
			o.money("amount", r.Amount)
			o.money("outstanding", r.Outstanding)
			o.end('}')
		}
	}
	o.end(']')
}

// owedFor writes what a receivable is for: a top-up that was taken back, an offline debit, or a sale of
// which some came back whose points were spent.
func (o *out) owedFor(cause string, source uuid.UUID) {
	if cause == domain.ReceivablePoints {
		o.id("source_id", source)
		return
	}
	if cause == domain.ReceivableOffline {
		o.id("debit_id", source)
		return
	}
	o.id("top_up_id", source)
}

// lot writes the shape Lot as the next element.
func (o *out) lot(l *domain.Lot) {
	o.begin('{')
	o.id("id", l.ID)
	o.plain("class", string(l.Class))
	o.plain("unit", l.Unit)
	o.quantity("face", l.Face)
	o.quantity("remaining", l.Remaining)
	o.quantity("held", l.Held)
	o.quantity("cost", l.Cost)
	o.some("cost_unit", l.CostUnit)
	o.time("effective_at", l.EffectiveAt)
	o.time("expires_at", l.ExpiresAt)
	o.integer("priority", int64(l.Priority))
	o.someID("funding_id", l.Funding)
	o.some("draw", string(l.Draw))
	o.some("terms", l.Terms)
	if !l.Scope.IsZero() {
		o.scope(l.Scope)
	}
	o.end('}')
}

func (o *out) scope(s domain.LotScope) {
	o.open("scope", '{')
	o.texts("stores", s.Stores)
	o.texts("channels", s.Channels)
	if len(s.Products)+len(s.Categories) > 0 {
		o.texts("products", s.Products)
		o.texts("categories", s.Categories)
	}
	o.end('}')
}

func (o *out) texts(name string, values []string) {
	o.open(name, '[')
	for _, v := range values {
		o.quote(v)
	}
	o.end(']')
}

// opened writes the lots that an operation opened, as its last event left them.
func (o *out) opened(a ledger.Answer, e domain.Opening) {
	o.open("lots", '[')
	for _, l := range e.Opened() {
		lot := domain.Lot{LotOpened: l, Unit: e.Worth().Amount.Unit(),
			Remaining: l.Face.Zero(), Held: l.Face.Zero()}
		for _, p := range a.Events {
			if v, ok := p.Event.(domain.Valued); ok {
				move(&lot, v.Worth().Moves)
			}
		}
		o.lot(&lot)
	}
	o.end(']')
}

func move(l *domain.Lot, moves []domain.Move) {
	for _, m := range moves {
		if m.Lot == l.ID {
			l.Remaining, l.Held = l.Remaining.Add(m.Amount), l.Held.Add(m.Held)
		}
	}
}
