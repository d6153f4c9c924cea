package projections

import (
	"context"
	"database/sql"
	"iter"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
)

// tiers is one row an account that has ever been in another tier than the first, and one a change of the
// tier that it holds. What only counts for a tier is not in it: the ledger answers that.
type tiers struct{}

// Name is tiers.
func (tiers) Name() string { return "tiers" }

// Version is 1.
func (tiers) Version() int { return 1 }

// Tables is tiers and tier_changes.
func (tiers) Tables() string {
	return `
CREATE TABLE tiers ( -- one row an account that has ever been in another tier than the first
	account_id     TEXT PRIMARY KEY,
	tier           TEXT NOT NULL,    -- that it holds; empty: the first, and it was in no other by counting
	rank           INTEGER NOT NULL, -- of tier among its program's; 0: the first
	since          TEXT,             -- of tier; NULL: ever
	counted        TEXT NOT NULL,    -- the tier that counting says; empty: it was in no other than the first
	counted_rank   INTEGER NOT NULL, -- of counted, as rank
	counted_since  TEXT,             -- since when; NULL: ever
	valid_until    TEXT,             -- counted is decided on again; NULL: never
	metric         TEXT,             -- what is counted: spend, visits, earned or average_balance
	unit           TEXT,
	value          TEXT,             -- of metric, when counted was decided on last
	window_from    TEXT,             -- the days of that
	window_through TEXT,             -- the last of those days
	scheduled_to   TEXT,             -- the tier after the days of grace
	scheduled_on   TEXT,             -- when that begins
	overridden     INTEGER NOT NULL, -- 1: tier is an override's
	override_until TEXT,             -- when an override ends; NULL: never
	due_at         TEXT              -- when time alone next changes something; NULL: never
) STRICT, WITHOUT ROWID;
CREATE TABLE tier_changes ( -- one row a change of the tier that an account holds
	account_id TEXT NOT NULL,
	revision   INTEGER NOT NULL,
	at         TEXT NOT NULL, -- since when it holds tier
	tier       TEXT NOT NULL, -- that it holds since
	rank       INTEGER NOT NULL, -- of tier among its program's; 0: the first
	PRIMARY KEY (account_id, revision)
) STRICT, WITHOUT ROWID;
`
}

// Indexes is what looks for tiers, and for what is due.
func (tiers) Indexes() string {
	return `CREATE INDEX tiers_by_name ON tiers (tier, account_id);
	CREATE INDEX tiers_due ON tiers (due_at, account_id) WHERE due_at IS NOT NULL;`
}

// tierStay is a tier that an account holds.
type tierStay struct {
	tier  string
	rank  int
	since time.Time
}

type tierRow struct {
	counted      tierStay
	decision     domain.TierDecision // the last; of Metric "": none
	scheduled    domain.TierDowngradeScheduled
	override     *tierStay
	overrideEnds time.Time
}

// held is what the account holds.
func (t *tierRow) held() tierStay {
	if t.override != nil {
		return *t.override
	}
	return t.counted
}

// due is when time alone next changes something, zero if never.
func (t *tierRow) due() time.Time {
	due := t.decision.ValidUntil
	if !t.scheduled.On.IsZero() {
		due = t.scheduled.On
	}
	if ends := t.overrideEnds; !ends.IsZero() && (due.IsZero() || ends.Before(due)) {
		due = ends
	}
	return due
}

var tierTable = &Table[uuid.UUID, tierRow]{
	Name: "tiers",
	Columns: []string{"account_id", "tier", "rank", "since", "counted", "counted_rank", "counted_since",
		"valid_until", "metric", "unit", "value", "window_from", "window_through", "scheduled_to",
		"scheduled_on", "overridden", "override_until", "due_at"},
	Keys: func(id uuid.UUID) []any { return []any{id.String()} },
	Values: func(t *tierRow) []any {
		held, d, overridden, value := t.held(), &t.decision, 0, any(nil)
		if t.override != nil {
			overridden = 1
		}
		if d.Metric != "" {
			value = d.Value.String()
		}
		return []any{held.tier, held.rank, NullTime(held.since),
			t.counted.tier, t.counted.rank, NullTime(t.counted.since), NullTime(d.ValidUntil),
			Null(string(d.Metric)), Null(d.Unit), value, Null(d.Window.From), Null(d.Window.Through),
			Null(t.scheduled.To), NullTime(t.scheduled.On), overridden, NullTime(t.overrideEnds),
			NullTime(t.due())}
	},
	Scan: scanTier,
}

func scanTier(row func(...any) error, id *uuid.UUID, t *tierRow) error {
	var held tierStay
	var since, countedSince, valid, metric, unit, value, from, through, to, on, ends, due sql.NullString
	var overridden int
	err := row(id, &held.tier, &held.rank, &since, &t.counted.tier, &t.counted.rank, &countedSince, &valid,
		&metric, &unit, &value, &from, &through, &to, &on, &overridden, &ends, &due)
	if err != nil {
		return err
	}
	d := &t.decision
	d.Metric, d.Unit = domain.TierMetric(metric.String), unit.String
	d.Window = domain.Span{From: from.String, Through: through.String}
	t.scheduled.To = to.String
	if value.Valid {
		if err := d.Value.UnmarshalText([]byte(value.String)); err != nil {
			return err
		}
	}
	for _, i := range []struct {
		text sql.NullString
		into *time.Time
	}{{since, &held.since}, {countedSince, &t.counted.since}, {valid, &d.ValidUntil},
		{on, &t.scheduled.On}, {ends, &t.overrideEnds}} {
		if *i.into, err = ReadTime(i.text); err != nil {
			return err
		}
	}
	if overridden == 1 {
		t.override = &held
	}
	return nil
}

// fold lets an event happen to the row, and says whether the account holds another tier by it.
func (t *tierRow) fold(e domain.Event, m *domain.Metadata) (changed bool) {
	before := t.held()
	switch e := e.(type) {
	case domain.TierChanged:
		t.counted = tierStay{e.To, e.Rank, e.TierSince}
		t.decision, t.scheduled = e.TierDecision, domain.TierDowngradeScheduled{}
	case domain.TierRetained:
		t.decision, t.scheduled = e.TierDecision, domain.TierDowngradeScheduled{}
	case domain.TierDowngradeScheduled:
		t.scheduled = e
	case domain.TierOverridden:
		t.override, t.overrideEnds = &tierStay{e.Tier, e.Rank, m.RecordedAt}, e.Until
	case domain.TierOverrideEnded:
		t.override, t.overrideEnds = nil, time.Time{}
	}
	return t.held().tier != before.tier
}

// tierTypes are the events that say something of a tier.
var tierTypes = []string{"TierChanged", "TierDowngradeScheduled", "TierOverridden", "TierOverrideEnded",
	"TierRetained"}

type tierChangeKey struct {
	account  uuid.UUID
	revision int64
}

var tierChangeTable = &Table[tierChangeKey, tierStay]{
	Name:    "tier_changes",
	Columns: []string{"account_id", "revision", "at", "tier", "rank"},
	Keys:    func(k tierChangeKey) []any { return []any{k.account.String(), k.revision} },
	Values:  func(s *tierStay) []any { return []any{NullTime(s.since), s.tier, s.rank} },
	Scan: func(row func(...any) error, k *tierChangeKey, s *tierStay) error {
		var at sql.NullString
		err := row(&k.account, &k.revision, &at, &s.tier, &s.rank)
		if err != nil {
			return err
		}
		s.since, err = ReadTime(at)
		return err
	},
}

// Apply folds what is said of tiers.
func (tiers) Apply(ctx context.Context, tx *Tx, events []Event) error {
	rows, changes := tierTable.In(tx), tierChangeTable.In(tx)
	var about []int
	for i := range events {
		if e := &events[i]; slices.Contains(tierTypes, e.Type) && !isZero(e.Account) {
			about = append(about, i)
			rows.Want(e.Account)
		}
	}
	if len(about) == 0 {
		return nil
	}
	if err := rows.Load(ctx); err != nil {
		return err
	}
	for _, i := range about {
		e := &events[i]
		decoded, err := e.Decoded()
		if err != nil {
			tx.Damaged(*e, err.Error())
			continue
		}
		if rows.Row(e.Account) == nil {
			rows.Add(e.Account, tierRow{})
		}
		row := rows.Change(e.Account)
		if row.fold(decoded, &e.Metadata) {
			changes.Add(tierChangeKey{e.Account, int64(e.Revision)}, row.stay(decoded, &e.Metadata))
		}
	}
	if err := rows.Write(ctx); err != nil {
		return err
	}
	return changes.Write(ctx)
}

// stay is the tier that an event has the account hold: from when that happened, where an override ended.
func (t *tierRow) stay(e domain.Event, m *domain.Metadata) tierStay {
	held := t.held()
	if _, ended := e.(domain.TierOverrideEnded); ended {
		held.since = m.OccurredAt
	}
	return held
}

// DueTiers is DueHolds for accounts of which a period, days of grace or an override have ended, and on
// which nothing was recorded since an instant: while an import tells of years gone by, they end as it goes
// on, and not before it.
func (m *Models) DueTiers(ctx context.Context, at, since time.Time) iter.Seq2[uuid.UUID, error] {
	return accountsOf(m.due(ctx, "tiers", `SELECT due_at, account_id, account_id FROM tiers
		JOIN accounts ON accounts.id = account_id
		WHERE due_at IS NOT NULL AND due_at <= ? AND recorded_at <= ?
			AND status NOT IN ('closed', 'merged')
			AND (due_at, account_id, account_id) > (?, ?, ?)
		ORDER BY due_at, account_id LIMIT ?`, NullTime(at), NullTime(since)))
}

// Having lists the accounts that ever had something of a unit: a hint of whose average may have reached a
// tier.
func (m *Models) Having(ctx context.Context, unit string) iter.Seq2[uuid.UUID, error] {
	return accountsOf(m.due(ctx, "averages", `SELECT '' AS at, account_id, account_id FROM balances
		JOIN accounts ON accounts.id = account_id
		WHERE unit = ? AND status NOT IN ('closed', 'merged')
			AND CAST(? AS TEXT) IS NOT NULL AND account_id > ? AND CAST(? AS TEXT) IS NOT NULL
		ORDER BY account_id LIMIT ?`, unit))
}
