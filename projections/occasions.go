package projections

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
)

// occasions is one row an occasion on which a coupon was granted by itself.
type occasions struct{}

// Name is occasions.
func (occasions) Name() string { return "occasions" }

// Version is 1.
func (occasions) Version() int { return 1 }

// Tables is occasions.
func (occasions) Tables() string {
	return `
CREATE TABLE occasions ( -- one row a coupon that an occasion gave
	account_id TEXT NOT NULL,
	coupon_id  TEXT NOT NULL,
	campaign   TEXT NOT NULL,
	definition TEXT NOT NULL, -- definition_id@version
	name       TEXT NOT NULL, -- account_opened, birthday:2026, …
	PRIMARY KEY (account_id, coupon_id)
) STRICT, WITHOUT ROWID;
`
}

// Indexes are none: an account has few.
func (occasions) Indexes() string { return `` }

var occasionColumns = []string{"account_id", "coupon_id", "campaign", "definition", "name"}

// occasionRow is the row that an event makes, behind its account; nil of one that makes none.
func occasionRow(e domain.Event) []any {
	if g, ok := e.(domain.CouponGranted); ok && g.Occasion != "" {
		return []any{g.CouponID.String(), g.Campaign, g.Definition, g.Occasion}
	}
	return nil
}

// Apply adds a row for each coupon that an occasion granted.
func (occasions) Apply(ctx context.Context, tx *Tx, events []Event) error {
	var rows [][]any
	for _, e := range events {
		if e.Type != "CouponGranted" {
			continue
		}
		decoded, err := e.Decoded()
		if err != nil {
			tx.Damaged(e, err.Error())
			continue
		}
		row := occasionRow(decoded)
		if row == nil {
			continue
		}
		rows = append(rows, append([]any{e.Account.String()}, row...))
	}
	return tx.Insert(ctx, "occasions", occasionColumns, len(rows), func(values []any, i int) []any {
		return append(values, rows[i]...)
	})
}

// occasionRows are the rows that an account's events should have made, by coupon.
type occasionRows map[string][]string

func (rows occasionRows) note(p domain.Posted) {
	if row := occasionRow(p.Event); row != nil {
		var texts []string
		for _, value := range row[1:] {
			texts = append(texts, shownValue(value))
		}
		rows[shownValue(row[0])] = texts
	}
}

// Watch is a definition whose trigger is waited for.
type Watch struct {
	Campaign   *domain.Campaign
	Definition *domain.Definition
	At         time.Time // now
}

// Occasion is what a trigger waited for, and happened: by its name once an account. Place is where the
// list goes on behind it.
type Occasion struct {
	Account uuid.UUID
	Name    string
	Place   Place
}

// Place is a place in a list of occasions; the zero one is its beginning.
type Place struct {
	Position eventstore.Position // of what happened, in the log
	Active   string              // of an idle customer: when he was last active,
	Account  uuid.UUID           // and his account
}

// notGranted is that the occasion was not yet granted to account_id: it takes campaign and definition.
const notGranted = `NOT EXISTS (SELECT 1 FROM occasions o WHERE o.account_id = %s AND o.campaign = ?
	AND o.definition >= ? AND o.definition < ? AND o.name = %s)`

// happenings are the triggers that wait for events: their types, what else must be true of a row h of
// history, and the occasion's name.
var happenings = map[domain.TriggerEvent]struct{ types, condition, name string }{
	domain.OnAccountOpened: {"'AccountOpened'", "true", "'account_opened'"},
	domain.OnFirstTopUp:    {"'TopUpPosted'", firstTopUp, "'first_top_up'"},
	domain.OnTierReached: {"'TierChanged'", `h.detail ->> '$.to' = ?
		AND h.detail ->> '$.cause' IN ('day_end', 'reached', 'reached_late')`, "'tier:' || h.event_id"},
	domain.OnSpend: {"'CheckoutPosted', 'DebitPosted'", `h.operation IN ('capture', 'checkout', 'debit')
		AND h.actor <> 'system' AND coalesce(h.unit, h.detail ->> '$.unit') = ?
		AND CAST(replace(coalesce(h.amount, h.detail ->> '$.net'), '.', '') AS INTEGER) >= ?`,
		"'sale:' || h.operation_id"},
}

// firstTopUp is that every top-up of the account before h was reversed, and that h is not cancelled.
const firstTopUp = `(SELECT coalesce(sum(CASE p.type WHEN 'TopUpPosted' THEN 1 ELSE -1 END), 0)
		FROM history p WHERE p.stream = h.stream AND p.revision < h.revision
			AND p.type IN ('TopUpPosted', 'TopUpReversed')) = 0
	AND NOT EXISTS (SELECT 1 FROM history c WHERE c.cancels = h.operation_id AND c.stream = h.stream)`

// Occasions lists what a trigger waited for behind a place, of which it looks at limit, but for what was
// granted already, and says where to go on, and whether there may be more. The list is a hint: the
// decision looks for itself. Birthdays are not in it: see Consenting. What an import brought is no
// occasion, nor what was before the campaign became active with the definition.
func (m *Models) Occasions(ctx context.Context, w Watch, after Place, limit int) (
	found []Occasion, next Place, more bool, err error,
) {
	next = after
	at, err := m.view(ctx, func(q querier) error {
		query, args := w.idle(after)
		if h, ok := happenings[w.Definition.Trigger.On]; ok {
			if after.Position == eventstore.Start {
				since, err := w.since(ctx, q)
				if err != nil || since == eventstore.Start {
					return err
				}
				after.Position = since
			}
			query, args = w.happened(h.types, h.condition, h.name, after.Position)
		}
		found, next, more, err = looked(ctx, q, next, limit, query, append(args, limit))
		return err
	})
	if err != nil {
		return nil, next, false, fmt.Errorf("list occasions of campaign %s: %w", w.Campaign.ID, err)
	}
	_, logged := happenings[w.Definition.Trigger.On]
	if logged && !more && after.Position != eventstore.Start {
		next.Position = max(at, after.Position) // nothing before it is left
	}
	return found, next, more, nil
}

// looked are the occasions of a query that were not granted, where the last of its rows stands, and
// whether it found as many as it may.
func looked(ctx context.Context, q querier, after Place, limit int, query string, args []any) (
	found []Occasion, next Place, more bool, err error,
) {
	next = after
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, next, false, err
	}
	defer rows.Close()
	n := 0
	for ; rows.Next(); n++ {
		var o Occasion
		var open bool
		if err := rows.Scan(&o.Account, &o.Name, &o.Place.Position, &o.Place.Active, &open); err != nil {
			return nil, after, false, err
		}
		o.Place.Account = o.Account
		next = o.Place
		if open {
			found = append(found, o)
		}
	}
	return found, next, n == limit, rows.Err()
}

// since is where in the log the campaign became active with the definition, Start where the tables do not
// know yet.
func (w Watch) since(ctx context.Context, q querier) (eventstore.Position, error) {
	var since sql.NullInt64
	stream := domain.CampaignStream(w.Campaign.ID)
	err := q.QueryRowContext(ctx, `SELECT min(position) FROM history WHERE stream = ?1
		AND type = 'CampaignActivated' AND revision > (SELECT max(revision) FROM history
			WHERE stream = ?1 AND type = 'CouponDefined' AND detail ->> '$.definition_id' = ?2)`,
		stream, w.Definition.ID).Scan(&since)
	return eventstore.Position(since.Int64), err
}

// happened is the query of occasions that are events.
func (w Watch) happened(types, condition, name string, after eventstore.Position) (string, []any) {
	args := []any{int64(after), begins(w.Campaign.Terms.Begins)}
	switch t := w.Definition.Trigger; t.On {
	case domain.OnTierReached:
		args = append(args, t.Tier)
	case domain.OnSpend:
		args = append(args, t.Amount.Unit(), steps(t.Amount.Quantity))
	}
	return `SELECT h.account_id, ` + name + `, h.position, '', 1 FROM history h
		WHERE h.type IN (` + types + `) AND h.position > ? AND h.recorded_at >= ?
			AND coalesce(h.channel, '') <> 'import' AND ` + condition + `
			AND h.account_id IN (SELECT a.id FROM accounts a WHERE a.id = h.account_id AND ` + selectable + `)
			AND ` + fmt.Sprintf(notGranted, "h.account_id", name) + `
		ORDER BY h.position LIMIT ?`, append(args, w.granted()...)
}

// idle is the query of accounts whose customer has done nothing for the trigger's days, each with whether
// that is still to be granted. It reads those alone that have come to be so behind the place.
func (w Watch) idle(after Place) (string, []any) {
	since := w.At.AddDate(0, 0, -w.Definition.Trigger.Days)
	name := "'idle:' || substr(a.active_at, 1, 10)"
	return `SELECT a.id, ` + name + `, 0, a.active_at, ` + fmt.Sprintf(notGranted, "a.id", name) + `
		FROM accounts a WHERE ` + idling + ` AND a.active_at <= ? AND (a.active_at, a.id) > (?, ?)
		ORDER BY a.active_at, a.id LIMIT ?`,
		append(w.granted(), NullTime(since), after.Active, after.Account.String())
}

// idling are the accounts whose customer can do nothing for a while: members' with an activity that have
// not ended.
const idling = "active_at IS NOT NULL AND kind = 'member' AND status <> 'closed' AND status <> 'merged'"

// granted are the parameters of notGranted: the definition in any version, from id@ to the sign after @.
func (w Watch) granted() []any {
	return []any{w.Campaign.ID, w.Definition.ID + "@", w.Definition.ID + "A"}
}

// begins is the beginning of a window as a table's instants compare with it.
func begins(t time.Time) any {
	if t.IsZero() {
		return ""
	}
	return NullTime(t)
}

// Consenting lists customers who allow marketing and changed last behind a place in the log, of whom it
// looks at limit, in its order, but for those to whom an occasion was granted: they may have a birthday.
// It says where to go on, and whether there may be more. A birthday itself is sealed: no table has it.
func (m *Models) Consenting(ctx context.Context, w Watch, occasion string, after Place, limit int) (
	found []Occasion, next Place, more bool, err error,
) {
	query, args := w.consenting(occasion, after)
	_, err = m.view(ctx, func(q querier) error {
		found, next, more, err = looked(ctx, q, after, limit, query, append(args, limit))
		return err
	})
	if err != nil {
		return nil, after, false, fmt.Errorf("list customers who allow marketing: %w", err)
	}
	return found, next, more, nil
}

func (w Watch) consenting(occasion string, after Place) (string, []any) {
	return `SELECT c.id, ?, c.position, '', ` + fmt.Sprintf(notGranted, "c.id", "?") + ` FROM customers c
		WHERE ` + consents + ` AND c.position > ? ORDER BY c.position LIMIT ?`,
		append(append([]any{occasion}, w.granted()...), occasion, int64(after.Position))
}

// consents are the customers who allow marketing.
const consents = "consents ->> '$." + domain.ConsentMarketing + ".granted_at' IS NOT NULL"
