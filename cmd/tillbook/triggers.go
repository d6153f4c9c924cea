package main

import (
	"context"
	"errors"
	"time"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
	"github.com/tillbook/tillbook/projections"
)

// How often triggers are looked after: events at once, what time alone brings about not so often. And
// how many occasions are taken up at a time.
const (
	triggersEvery   = time.Second
	slowTriggers    = 10 * time.Minute
	occasionsAtOnce = 100
)

// triggers grants coupons on occasions. Where it stands is in its memory alone: a new one begins anew, and
// passes over what was granted before.
type triggers struct {
	*service
	at map[watch]*watching // of one goroutine
}

// watch is a version of a definition, and of birthdays the month.
type watch struct{ campaign, definition, month string }

type watching struct {
	place projections.Place
	next  time.Time // not looked at before it
}

// grantOnTriggers grants coupons on what happens to accounts, until ctx ends, where an active campaign
// has a definition with a trigger. Any node may do it, and several at once: an occasion grants once.
func (s *service) grantOnTriggers(ctx context.Context) {
	if s.models == nil {
		<-ctx.Done()
		return
	}
	t := &triggers{s, map[watch]*watching{}}
	tick := time.NewTicker(triggersEvery)
	defer tick.Stop()
	for {
		if err := t.round(ctx); err != nil && ctx.Err() == nil && !errors.Is(err, projections.ErrStale) {
			s.logger.Error("triggers not served", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// round serves the triggers of all active campaigns, each definition's by its newest version.
func (t *triggers) round(ctx context.Context) (err error) {
	now := t.ledger.Local(time.Now())
	for _, c := range t.ledger.Campaigns() {
		if !c.Open(now) {
			continue
		}
		for _, d := range c.Definitions {
			if d.Trigger != nil && c.Last(d.ID) == d {
				err = errors.Join(err, t.serve(ctx, projections.Watch{Campaign: c, Definition: d, At: now}))
			}
		}
	}
	return err
}

// serve grants on all occasions that there are behind the last that was served.
func (t *triggers) serve(ctx context.Context, w projections.Watch) error {
	on := w.Definition.Trigger.On
	k := watch{campaign: w.Campaign.ID, definition: w.Definition.Name()}
	if on == domain.OnBirthdayMonth {
		k.month = w.At.Format("2006-01")
	}
	at := t.at[k]
	if at == nil {
		at = &watching{}
		t.at[k] = at
	}
	if w.At.Before(at.next) {
		return nil
	}
	for ctx.Err() == nil {
		found, next, more, err := t.occasions(ctx, w, at.place)
		if err != nil {
			return err
		}
		asked := make([]ledger.Occasion, len(found))
		for i, o := range found {
			asked[i] = ledger.Occasion{Account: o.Account, Name: o.Name}
		}
		done, err := t.ledger.GrantOn(ctx, w.Campaign, w.Definition, asked)
		if done < len(found) {
			if done > 0 {
				at.place = found[done-1].Place
			}
			return err
		}
		if at.place = next; !more {
			break
		}
	}
	if on == domain.OnBirthdayMonth || on == domain.OnIdle {
		at.next = w.At.Add(slowTriggers)
	}
	return nil
}

// occasions are the next behind a place, where the list goes on, and whether there may be more.
func (t *triggers) occasions(ctx context.Context, w projections.Watch, after projections.Place) (
	found []projections.Occasion, next projections.Place, more bool, err error,
) {
	if w.Definition.Trigger.On != domain.OnBirthdayMonth {
		return t.models.Occasions(ctx, w, after, occasionsAtOnce)
	}
	name := w.At.Format("birthday:2006")
	all, next, more, err := t.models.Consenting(ctx, w, name, after, occasionsAtOnce)
	for _, o := range all {
		month, ok := t.api.BirthMonth(ctx, o.Account)
		if ok && month == w.At.Month() {
			found = append(found, o)
		}
	}
	return found, next, more, err
}
