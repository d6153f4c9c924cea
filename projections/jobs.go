package projections

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
)

// jobs is one row a job. Its accounts and its rejections are in the log alone.
type jobs struct{}

// Name is jobs.
func (jobs) Name() string { return "jobs" }

// Version is 2.
func (jobs) Version() int { return 2 }

// Tables is jobs.
func (jobs) Tables() string {
	return `
CREATE TABLE jobs ( -- one row a job that serves many accounts
	id          TEXT PRIMARY KEY,
	kind        TEXT NOT NULL,    -- coupon, grant or revoke
	target      TEXT,             -- the job whose grants are revoked
	state       TEXT NOT NULL,    -- running, stopped or completed
	unit        TEXT,             -- of credit; NULL: coupons
	amount      TEXT,             -- to each account, at the unit's scale
	total       TEXT,             -- granted or revoked in all
	uncollected TEXT,             -- of a revocation: what was spent before
	cause       TEXT,             -- of what is granted: promo, …
	campaign    TEXT,
	definition  TEXT,             -- of coupons
	segment     TEXT,             -- that held the accounts when the job began
	reason      TEXT NOT NULL,    -- in words
	count       INTEGER NOT NULL, -- of accounts
	next        INTEGER NOT NULL, -- how many were served
	done        INTEGER NOT NULL, -- how many got or gave what it is about
	kept        INTEGER NOT NULL, -- of a revocation: accounts whose coupon had ended
	rejected    INTEGER NOT NULL, -- how many were refused it
	started_by  TEXT NOT NULL,    -- an API key's id
	started_at  TEXT NOT NULL,    -- when it began
	ended_at    TEXT,             -- NULL: it runs
	revision    INTEGER NOT NULL, -- of the job's last event
	position    INTEGER NOT NULL  -- its place in the log
) STRICT, WITHOUT ROWID;
`
}

// Indexes is what a runner looks for.
func (jobs) Indexes() string {
	return `CREATE INDEX jobs_running ON jobs (started_at) WHERE state = 'running';`
}

type jobRow struct {
	id, target                 uuid.UUID
	kind                       domain.JobKind
	state                      domain.JobState
	unit                       string
	amount, total, uncollected domain.Quantity
	cause, campaign, reason    string
	definition, segment        string
	count, next, done, kept    int
	rejected                   int
	startedBy                  string
	startedAt, endedAt         time.Time
	revision                   eventstore.Revision
	position                   eventstore.Position
}

var jobTable = &Table[uuid.UUID, jobRow]{
	Name: "jobs",
	Columns: []string{"id", "kind", "target", "state", "unit", "amount", "total", "uncollected", "cause",
		"campaign", "definition", "segment", "reason", "count", "next", "done", "kept", "rejected",
		"started_by", "started_at", "ended_at", "revision", "position"},
	Keys: func(id uuid.UUID) []any { return []any{id.String()} },
	Values: func(j *jobRow) []any {
		return []any{string(j.kind), NullID(j.target), string(j.state), Null(j.unit), j.figure(j.amount),
			j.figure(j.total), j.figure(j.uncollected), Null(j.cause), Null(j.campaign),
			Null(j.definition), Null(j.segment), j.reason, j.count, j.next, j.done, j.kept, j.rejected,
			j.startedBy, NullTime(j.startedAt), NullTime(j.endedAt), int64(j.revision), int64(j.position)}
	},
	Scan: func(row func(...any) error, id *uuid.UUID, j *jobRow) error { return j.scan(row, id) },
}

func (j *jobRow) scan(row func(...any) error, id *uuid.UUID) error {
	var target, unit, cause, campaign, definition, segment, started, ended sql.NullString
	var amount, total, uncollected sql.NullString
	err := row(id, &j.kind, &target, &j.state, &unit, &amount, &total, &uncollected, &cause, &campaign,
		&definition, &segment, &j.reason, &j.count, &j.next, &j.done, &j.kept, &j.rejected, &j.startedBy,
		&started, &ended, &j.revision, &j.position)
	if err != nil {
		return err
	}
	j.id, j.unit, j.cause, j.campaign = *id, unit.String, cause.String, campaign.String
	j.definition, j.segment = definition.String, segment.String
	if target.Valid {
		if err := j.target.UnmarshalText([]byte(target.String)); err != nil {
			return err
		}
	}
	for to, text := range map[*domain.Quantity]sql.NullString{
		&j.amount: amount, &j.total: total, &j.uncollected: uncollected,
	} {
		if err := to.UnmarshalText([]byte(text.String)); err != nil && text.Valid {
			return err
		}
	}
	if j.startedAt, err = ReadTime(started); err != nil {
		return err
	}
	j.endedAt, err = ReadTime(ended)
	return err
}

// figure is an amount as the table has it: NULL where the job is about coupons.
func (j *jobRow) figure(q domain.Quantity) any {
	if j.unit == "" {
		return nil
	}
	return q.String()
}

// fold makes the next event of the job's stream part of its row.
func (j *jobRow) fold(p domain.Posted, at eventstore.Position) {
	recorded := p.Metadata.RecordedAt
	switch e := p.Event.(type) {
	case domain.JobStarted:
		none := e.Amount.Quantity.Zero()
		*j = jobRow{id: e.JobID, target: e.Target, kind: e.Kind, state: domain.RunningJob,
			unit: e.Amount.Unit(), amount: e.Amount.Quantity, total: none, uncollected: none,
			cause: e.Cause, campaign: e.Campaign, definition: e.Definition, segment: e.Segment,
			reason: e.Reason, count: e.Count, startedBy: domain.StartedBy(p.Metadata), startedAt: recorded}
	case domain.JobProgressed:
		j.next, j.done, j.kept, j.rejected = e.Next, e.Done, e.Kept, e.Rejected
		if e.Total != nil {
			j.total, j.uncollected = e.Total.Quantity, e.Uncollected.Quantity
		}
	case domain.JobStopped:
		j.state, j.endedAt = domain.StoppedJob, recorded
	case domain.JobCompleted:
		j.state, j.endedAt, j.done, j.rejected = domain.CompletedJob, recorded, e.Done, e.Rejected
		for range e.Late {
			j.total = j.total.Add(j.amount)
		}
	}
	j.revision, j.position = eventstore.Revision(p.Revision), at
}

// Apply folds what jobs' streams say.
func (jobs) Apply(ctx context.Context, tx *Tx, events []Event) error {
	rows := jobTable.In(tx)
	return foldRare(ctx, tx, rows, events, "job-", func(e *Event, id uuid.UUID) error {
		decoded, err := e.Decoded()
		if err != nil {
			return err
		}
		if _, starts := decoded.(domain.JobStarted); starts {
			rows.Add(id, jobRow{})
		}
		row := rows.Change(id)
		if row == nil {
			return errors.New("the job was never started")
		}
		row.fold(domain.Posted{Event: decoded, Metadata: e.Metadata, Revision: int64(e.Revision)},
			e.Position)
		return nil
	})
}

// job verifies a job's stream and compares the row.
func (c *checker) job(ctx context.Context, id uuid.UUID, events int64) error {
	var want jobRow
	stream, differences := domain.JobStream(id), c.report.Count
	err := c.stream(ctx, stream, events, func(p domain.Posted, position eventstore.Position) error {
		if position <= c.report.Position {
			want.fold(p, position)
		}
		return nil
	})
	if err != nil || c.tables == nil || want.position == eventstore.Start || c.report.Count > differences {
		return err
	}
	wanted := map[string][]string{id.String(): {}}
	for _, value := range jobTable.Values(&want) {
		wanted[id.String()] = append(wanted[id.String()], shownValue(value))
	}
	return c.compareRows(ctx, "jobs", id, wanted)
}

// RunningJobs are jobs that have accounts left to serve, the oldest first, at most limit. The list is
// a hint: the job's stream says where it stands.
func (m *Models) RunningJobs(ctx context.Context, limit int) (running []uuid.UUID, err error) {
	_, err = m.view(ctx, func(q querier) error {
		return eachID(ctx, q, fmt.Sprintf(`SELECT id FROM jobs WHERE state = 'running'
			ORDER BY started_at LIMIT %d`, min(limit, MaxLimit)), func(id uuid.UUID) {
			running = append(running, id)
		})
	})
	if err != nil {
		return nil, fmt.Errorf("list running jobs: %w", err)
	}
	return running, nil
}
