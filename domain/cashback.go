package domain

import "github.com/google/uuid"

// cashback is what a rule of a program grants for a debit.
type cashback struct {
	rule   *CashbackRule
	amount Money
}

// postSale posts a debit, then what it earns. Cashback is earned when value is consumed, never when it
// is sold: a top-up that is not spent has earned nothing. It is part of the debit, so no freeze stops
// it that let the debit pass.
//
// Each grant is a lot of its own, as a lot opens once and is whole then; a refund must find what its
// debit earned.
func (d *Draft) postSale(e DebitPosted) error {
	if e.CheckoutID == noID {
		e.Qualifying = d.qualify(consumption{id: e.DebitID, qualifying: e.counted()})
	}
	if err := d.post(e); err != nil {
		return err
	}
	if err := d.grantCashback(e); err != nil || e.CheckoutID != noID {
		return err // a checkout earns all else as a whole
	}
	return d.earn(consumption{id: e.DebitID, qualifying: e.counted()})
}

func (d *Draft) grantCashback(e DebitPosted) error {
	c := d.cashbackOf(e)
	if !c.amount.IsPositive() {
		return nil
	}
	granted := GrantCredit{Amount: c.amount, Class: Cashback, Cause: CauseCashback}.granted(d)
	granted.SourceID, granted.Rule = e.DebitID, c.rule.ID
	return d.post(granted)
}

// cashbackOf is what a debit earns: of the rules that match, what the one grants that grants the most,
// among equals the first. An import brings what was, and earns nothing.
func (d *Draft) cashbackOf(e DebitPosted) (best cashback) {
	rules := d.program().Terms.Cashback
	if len(rules) == 0 || d.Context.Channel == ChannelImport {
		return best
	}
	counted := e.counted()
	for i := range rules {
		r := &rules[i]
		if !r.matches(d, counted) {
			continue
		}
		if x := r.of(counted); best.rule == nil || best.amount.Less(x) {
			best = cashback{r, x}
		}
	}
	return best
}

// counted is the part of a debit that was paid for: what it took of principal, and of gifts that were
// sold. Value that was given earns nothing again.
func (e DebitPosted) counted() Money {
	sum := e.Amount.Quantity.Zero()
	for _, m := range e.Moves {
		if m.Class.counts() {
			sum = sum.Sub(m.Amount)
		}
	}
	return e.Amount.With(sum)
}

// counts reports whether value of the class was paid for.
func (c Class) counts() bool { return c == Principal || c == Gift }

// matches reports whether the rule is there for a debit of which so much counts, now and here.
func (r *CashbackRule) matches(d *Draft, counted Money) bool {
	return r.Unit == counted.Unit() && within(d.Decided, r.Begins, r.Ends) &&
		(r.Minimum.Unit() == "" || !counted.Less(r.Minimum)) && r.Scope.matches(&d.Context) &&
		(len(r.Accounts) == 0 || listed(r.Accounts, d.id))
}

// of is the percentage of what counts, rounded half up at the unit's scale, and no more than the cap.
// So n debits in place of one, of which as much counts, earn at most (n+1)/2 steps of the unit more or
// less than it, two of them at most one, as long as neither minimum nor cap speaks.
func (r *CashbackRule) of(counted Money) Money {
	x := percentOf(counted, r.Percent)
	if r.Cap.Unit() != "" && r.Cap.Less(x) {
		return r.Cap
	}
	return x
}

// loseSale takes back what a debit earned, for the part of it that came back just now.
func (d *Draft) loseSale(debit DebitPosted, refund uuid.UUID, came cameBack) error {
	if err := d.loseCashback(debit, came); err != nil || debit.CheckoutID != noID {
		return err // a checkout loses all else as a whole
	}
	return d.lose(loss{consumption{id: debit.DebitID, qualifying: debit.counted()},
		refund, came.wholly})
}

// loseCashback takes back the share of a debit's cashback that the part of it earned which came back
// just now: of refunds up to c of an amount A, round_half_up(cashback·c/A) in all, so that in the end it
// is the cashback. What the lot does not have any more, unheld, is uncollected, until it comes back.
func (d *Draft) loseCashback(debit DebitPosted, came cameBack) error {
	for _, p := range d.found(CashbackName(debit.DebitID)) {
		granted, ok := p.Event.(CreditGranted)
		if !ok {
			continue
		}
		l := d.lot(granted.Lots[0].ID)
		earned := func(c Money) Quantity { return portion(l.Face, c.Quantity, came.amount.Quantity) }
		due := earned(came.before.Add(came.now)).Sub(earned(came.before))
		if l.Reversed || !due.IsPositive() {
			continue // revoked before as a mistake
		}
		l, err := d.unexpired(l)
		if err != nil {
			return err
		}
		taken := least(due, l.free())
		err = d.revoke(l, taken, CreditRevoked{GrantID: granted.GrantID, Cause: RevokedRefund,
			Uncollected: granted.Amount.With(due.Sub(taken))})
		if err != nil {
			return err
		}
	}
	return nil
}
