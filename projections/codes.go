package projections

import (
	"bytes"
	"context"
	"database/sql"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
)

// codes is one row a claim of a single-use code, and one a code that was voided. Codes that nobody used
// are in their batch alone.
type codes struct{}

// Name is codes.
func (codes) Name() string { return "codes" }

// Version is 1.
func (codes) Version() int { return 1 }

// Tables is codes.
func (codes) Tables() string {
	return `
CREATE TABLE codes ( -- one row a claim of a single-use code, or a code that was voided
	id         TEXT PRIMARY KEY, -- of the event that claimed or voided it
	batch_id   TEXT NOT NULL,    -- the batch that it was generated in
	serial     INTEGER NOT NULL, -- its number in the batch
	campaign   TEXT NOT NULL,
	definition TEXT,             -- definition_id@version; NULL: voided
	account_id TEXT,             -- that claimed it
	last4      TEXT,             -- its last four signs; NULL: voided
	status     TEXT NOT NULL,    -- claimed, redeemed, released or voided
	reason     TEXT,             -- why it was released or voided
	began_at   TEXT NOT NULL,    -- when it was claimed or voided
	ended_at   TEXT              -- NULL: the claim has not ended
) STRICT, WITHOUT ROWID;
`
}

// Indexes are by campaign, and of claims that have not ended.
func (codes) Indexes() string {
	return `CREATE INDEX codes_by_campaign ON codes (campaign, batch_id, status);
CREATE INDEX codes_open ON codes (began_at) WHERE status = 'claimed';`
}

// CodeStatus is where a claim stands, or that a code is void.
type CodeStatus string

// The statuses.
const (
	CodeClaimed  CodeStatus = "claimed"  // its account has not answered yet
	CodeRedeemed CodeStatus = "redeemed" // its account has the coupon
	CodeReleased CodeStatus = "released" // its account did not take it
	CodeVoided   CodeStatus = "voided"
)

type codeRow struct {
	domain.RedeemCode
	status         CodeStatus
	reason         string
	began, endedAt time.Time
}

var codeTable = &Table[uuid.UUID, codeRow]{
	Name: "codes",
	Columns: []string{"id", "batch_id", "serial", "campaign", "definition", "account_id", "last4", "status",
		"reason", "began_at", "ended_at"},
	Keys: func(id uuid.UUID) []any { return []any{id.String()} },
	Values: func(c *codeRow) []any {
		return []any{c.BatchID.String(), int64(c.Serial), c.Campaign, Null(c.Definition),
			NullID(c.AccountID), Null(c.Last4), string(c.status), Null(c.reason), NullTime(c.began),
			NullTime(c.endedAt)}
	},
	Scan: func(row func(...any) error, id *uuid.UUID, c *codeRow) error {
		var definition, account, last4, reason, began, ended sql.NullString
		err := row(id, &c.BatchID, &c.Serial, &c.Campaign, &definition, &account, &last4, &c.status, &reason,
			&began, &ended)
		if err != nil {
			return err
		}
		c.Definition, c.Last4, c.reason = definition.String, last4.String, reason.String
		if account.Valid {
			if err := c.AccountID.UnmarshalText([]byte(account.String)); err != nil {
				return err
			}
		}
		if c.began, err = ReadTime(began); err != nil {
			return err
		}
		c.endedAt, err = ReadTime(ended)
		return err
	},
}

// codeEvent is e, decoded, where it is about a code.
func codeEvent(e *Event) (domain.Event, bool, error) {
	ends := e.Type == "CouponGranted" && bytes.Contains(e.Data, []byte(`"claim_id"`))
	if !ends && !strings.HasPrefix(e.Stream, "code-") {
		return nil, false, nil
	}
	decoded, err := e.Decoded()
	return decoded, err == nil, err
}

// endedClaim is the claim that an event ends, zero where it ends none.
func endedClaim(e domain.Event) uuid.UUID {
	switch e := e.(type) {
	case domain.CouponGranted:
		return e.ClaimID
	case domain.CodeReleased:
		return e.Claim
	}
	return uuid.UUID{}
}

// foldCode makes an event part of the rows, and reports whether it follows from them.
func foldCode(rows lifeRows[codeRow], e domain.Event, of *Event) bool {
	at := of.Metadata.RecordedAt
	switch e := e.(type) {
	case domain.CodeRedeemed:
		rows.Add(of.Metadata.EventID, codeRow{RedeemCode: domain.RedeemCode(e), status: CodeClaimed, began: at})
		return true
	case domain.CodeVoided:
		rows.Add(of.Metadata.EventID, codeRow{RedeemCode: domain.RedeemCode{CodeRef: e.CodeRef, Campaign: e.Campaign},
			status: CodeVoided, reason: e.Reason, began: at, endedAt: at})
		return true
	}
	c := rows.Change(endedClaim(e))
	if c == nil {
		return false
	}
	c.status, c.endedAt = CodeRedeemed, at
	if e, released := e.(domain.CodeReleased); released {
		c.status, c.reason = CodeReleased, string(e.Why)
	}
	return true
}

var codeLives = lives[codeRow]{table: codeTable, about: codeEvent, ended: endedClaim, fold: foldCode,
	loose: "it ends a claim that did not begin"}

// Apply claims, ends and voids.
func (codes) Apply(ctx context.Context, tx *Tx, events []Event) error {
	return codeLives.apply(ctx, tx, events)
}

// OpenClaims are codes whose claim has begun before an instant and has not ended, some at a time: a hint, to
// be held against their streams.
func (m *Models) OpenClaims(ctx context.Context, before time.Time) (open []domain.CodeRef, err error) {
	_, err = m.view(ctx, func(q querier) error {
		rows, err := q.QueryContext(ctx, `SELECT batch_id, serial FROM codes
			WHERE status = 'claimed' AND began_at < ? ORDER BY began_at LIMIT 1000`, NullTime(before))
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var c domain.CodeRef
			if err := rows.Scan(&c.BatchID, &c.Serial); err != nil {
				return err
			}
			open = append(open, c)
		}
		return rows.Err()
	})
	return open, err
}

// UsedCodes is how many of a batch's codes were used.
type UsedCodes struct{ Redeemed, Voided int64 }

// UsedCodes are the batches of a campaign of which codes were used, and how many.
func (m *Models) UsedCodes(ctx context.Context, campaign string) (
	used map[uuid.UUID]UsedCodes, at eventstore.Position, err error,
) {
	used = map[uuid.UUID]UsedCodes{}
	at, err = m.view(ctx, func(q querier) error {
		rows, err := q.QueryContext(ctx, `SELECT batch_id, count(*) FILTER (WHERE status IN ('claimed', 'redeemed')),
			count(*) FILTER (WHERE status = 'voided') FROM codes WHERE campaign = ? GROUP BY batch_id`, campaign)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var id uuid.UUID
			var u UsedCodes
			if err := rows.Scan(&id, &u.Redeemed, &u.Voided); err != nil {
				return err
			}
			used[id] = u
		}
		return rows.Err()
	})
	return used, at, err
}
