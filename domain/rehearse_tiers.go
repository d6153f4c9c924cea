package domain

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// TierMove is an account that would hold another tier by a version than it did. The first tier of who
// was in no other is "".
type TierMove struct{ From, To string }

// TierMoves is how many accounts would so move.
type TierMoves struct {
	TierMove
	Accounts int
}

// MovedAccount is one of them.
type MovedAccount struct {
	Account uuid.UUID
	TierMove
}

// rehearsedTier is an account as a version's tiers alone would have left it, and what it held.
type rehearsedTier struct {
	account *Account
	held    string
	sales   map[uuid.UUID]rehearsedSale // whose windows are not forgotten
	lots    *Account                    // as it was, whose lots an average counts; nil: nothing yet
	brought uuid.UUID                   // the last merge that brought what an average counted
}

// rehearsedSale is a sale that counted, and what of it came back.
type rehearsedSale struct {
	qualifying   *Qualifying
	amount, back Money
	checkout     CheckoutPosted // where some of its lines alone count
	returned     returned       // of checkout
}

// tierTypes are the events that a rehearsal of tiers asks for.
var tierTypes = []string{"AccountOpened", "AccountsMerged", "CheckoutPosted", "CheckoutReturned",
	"DebitPosted", "DebitRefunded", "DebitReversed", "MergeAdjusted", "PointsEarned", "TierChanged"}

// tier folds an event into what the version's tiers would have made of the account. Those that the
// version would not have ruled are as they were.
func (r *Rehearsal) tier(account uuid.UUID, m *Moment, p Posted) {
	rules := r.Program.Terms.Tiers
	all := rules.averages()
	if rules == nil || !all && !slices.Contains(tierTypes, TypeOf(p.Event)) || !m.Decided.Before(r.To) {
		return
	}
	a := r.of(account)
	if a.tier == nil {
		a.tier = &rehearsedTier{account: NewAccount(account), sales: map[uuid.UUID]rehearsedSale{}}
		a.tier.account.revision, a.tier.account.openedAt = 0, p.Metadata.RecordedAt
	}
	t := a.tier
	ruled := !m.Decided.Before(r.From) && r.Ruling(account, m.Decided) == r.Program
	if at := m.Decided; ruled {
		if all && m.Context.Channel != ChannelImport {
			at = p.Metadata.RecordedAt // what comes late finds the days decided on
		}
		t.end(r.Program, at)
	}
	if all && !t.follow(p) {
		return
	}
	switch e := p.Event.(type) {
	case AccountOpened:
		return
	case TierChanged:
		t.held = e.To
		return
	}
	if !ruled {
		return
	}
	d := t.draft(r.Program, m, p)
	if e, ok := p.Event.(AccountsMerged); ok && e.Survivor == account {
		brought := d.asOwn(e.Tier, d.Recorded)
		if t.account.tiering.join(brought); all && brought != nil && brought.Rule == rules.rule() {
			t.brought = e.MergeID
		}
		_ = d.joinTier(e.MergeID, brought) // on an account of nothing but tiers nothing fails
		return
	}
	if e, ok := p.Event.(MergeAdjusted); ok && e.Survivor == account {
		if less := d.asOwn(e.Tier, d.Recorded); less != nil && less.Rule == t.account.tiering.Rule {
			t.account.tiering.join(less)
		}
		return
	}
	if v, ok := p.Event.(Valued); ok && all {
		d.brought = t.brought
		q := d.averaged(v)
		t.account.tiering.average(q)
		d.posted = []Posted{{Event: DebitPosted{Value: Value{Balance: Balance{Averaged: q}}}}}
		_ = d.promote() // as above
		return
	}
	if q := t.counts(d, p.Event); q != nil {
		t.account.tiering.count(q)
		d.posted = []Posted{{Event: DebitPosted{Qualifying: q}}}
		_ = d.promote() // as above
	}
}

// follow lets an event happen to the lots that an average counts, false where that is impossible: such an
// account answers nothing anyway.
func (t *rehearsedTier) follow(p Posted) bool {
	if t.lots == nil {
		t.lots = NewAccount(t.account.id)
	}
	if t.lots.Apply(p) != nil {
		return false
	}
	t.account.lots = t.lots.lots
	return true
}

// draft is the account while an event is decided on anew.
func (t *rehearsedTier) draft(program *Program, m *Moment, p Posted) *Draft {
	d := &Draft{Account: t.account, owned: true, Moment: *m}
	d.Present, d.Recorded = program, p.Metadata.RecordedAt
	if date := p.Metadata.BusinessDate; p.Metadata.Store != "" || date != dateOf(p.Metadata.OccurredAt.UTC()) {
		d.Context.BusinessDate = date
	}
	return d
}

// counts is how an event would have counted, nil where it would not.
func (t *rehearsedTier) counts(d *Draft, e Event) *Qualifying {
	sold := func(c consumption, amount Money) *Qualifying {
		q := d.qualify(c)
		if q != nil {
			t.forget(q.Oldest)
			t.sales[c.id] = rehearsedSale{qualifying: q, amount: amount, back: amount.Sub(amount)}
		}
		return q
	}
	returned := func(id uuid.UUID, x Money) *Qualifying {
		s, ok := t.sales[id]
		if !ok {
			return nil
		}
		q := s.qualifying.returned(cameBack{s.back, x, s.amount})
		s.back = s.back.Add(x)
		t.sales[id] = s
		return q
	}
	switch e := e.(type) {
	case DebitPosted:
		if e.CheckoutID == noID {
			return sold(consumption{id: e.DebitID, qualifying: e.counted()}, e.Amount)
		}
	case CheckoutPosted:
		q := sold(consumption{id: e.CheckoutID, qualifying: e.Money(e.Counted), lines: e.Lines},
			e.Money(e.Net))
		if q != nil && (len(q.Lines) > 0 || paidByLots(e.Lines)) {
			s := t.sales[e.CheckoutID]
			s.checkout, s.returned = e, e.returnedBy(nil)
			t.sales[e.CheckoutID] = s
		}
		return q
	case DebitRefunded:
		return returned(e.DebitID, e.Amount)
	case DebitReversed:
		return returned(e.DebitID, e.Amount)
	case CheckoutReturned:
		s, ok := t.sales[e.CheckoutID]
		switch {
		case !ok:
			return nil
		case s.checkout.CheckoutID == noID:
			return returned(e.CheckoutID, s.amount.With(e.Net))
		}
		before := s.returned
		s.returned = before.plus(e)
		t.sales[e.CheckoutID] = s
		return s.qualifying.returned(s.checkout.cameBack(before, s.returned, s.qualifying.Lines))
	case PointsEarned:
		return d.qualifyEarned(e.Amount)
	}
	return nil
}

// forget drops the sales whose windows are forgotten, now and then.
func (t *rehearsedTier) forget(before string) {
	if len(t.sales) < 256 {
		return
	}
	maps.DeleteFunc(t.sales, func(_ uuid.UUID, s rehearsedSale) bool {
		return s.qualifying.Bucket < before
	})
}

// end ends the periods that were over by an instant.
func (t *rehearsedTier) end(program *Program, at time.Time) {
	for {
		d := &Draft{Account: t.account, owned: true, looked: t.account.tiering.latest(),
			Moment: Moment{Recorded: at, Decided: at, Program: program, Present: program}}
		due := d.tierDue()
		if due.IsZero() || due.After(at) {
			return
		}
		if d.Recorded, d.Decided = due, due; d.endTierPeriod(due) != nil {
			return
		}
	}
}

// move is from which tier to which the version would have moved the account, false where to none.
func (t *rehearsedTier) move(r *TierRules) (TierMove, bool) {
	m := TierMove{t.held, r.name(t.account.tiering.Tier)}
	return m, m.From != m.To && (m.From != "" || r.rank(m.To) > 0)
}

// addTiers adds the accounts that the version would have moved to a result.
func (r *Rehearsal) addTiers(all *Rehearsed) {
	if r.Program.Terms.Tiers == nil {
		return
	}
	for id, a := range r.accounts {
		if a.tier == nil || r.Ruling(id, r.To) != r.Program {
			continue
		}
		a.tier.end(r.Program, earliest(r.To, r.Now))
		move, moves := a.tier.move(r.Program.Terms.Tiers)
		if !moves {
			continue
		}
		i, found := slices.BinarySearchFunc(all.Tiers, move, func(a TierMoves, b TierMove) int {
			return cmp.Or(strings.Compare(a.From, b.From), strings.Compare(a.To, b.To))
		})
		if !found {
			all.Tiers = slices.Insert(all.Tiers, i, TierMoves{TierMove: move})
		}
		all.Tiers[i].Accounts++
		all.Moved = append(all.Moved, MovedAccount{id, move})
	}
	slices.SortFunc(all.Moved, func(a, b MovedAccount) int { return byID(a.Account, b.Account) })
	all.Moved = all.Moved[:min(len(all.Moved), mostLargest)]
}
