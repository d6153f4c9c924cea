package projections

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
)

// checkedColumns are the columns that Check compares: the key within an account first.
var checkedColumns = map[string][]string{
	"accounts": {"id", "customer_ref", "kind", "status", "survivor_id", "frozen_until", "freezes", "opened_at",
		"recorded_at", "revision", "position",
		"active_at", "dormant_since", "dormant_step", "dormant_balance"},
	"balances":     {"unit", "total", "held", "by_class"},
	"customers":    {"id", "tags", "consents", "changed_at", "erased_at", "revision", "position"},
	"credentials":  credentialTable.Columns[1:],
	"interactions": interactionColumns[1:],
	"lots": {"id", "unit", "class", "face", "remaining", "held", "cost", "cost_left", "cost_unit",
		"funding_id", "effective_at", "expires_at", "expiries", "priority", "draw", "scope", "terms",
		"reminders", "remind_at"},
	"adjustments": adjustments.checked(),
	"checkouts":   checkouts.checked(),
	"coupons":     coupons.checked(),
	"coupon_uses": useColumns,
	"mandates":    mandates.checked(),
	"occasions":   occasionColumns[1:],
	"points":      pointsChecked,
	"purchases":   purchaseColumns,
	"withdrawals": withdrawals.checked(),
	"jobs":        jobTable.Columns,
	"tiers":       tierTable.Columns, "tier_changes": tierChangeTable.Columns[1:],
	"holds": {"id", "unit", "status", "requested", "captured", "placed_at", "expires_at", "ended_at",
		"reason", "order_ref"},
}

// compareRows compares an account's rows of one table with what they should be, by their keys.
func (c *checker) compareRows(ctx context.Context, table string, id uuid.UUID,
	want map[string][]string) error {
	got, err := readRows(ctx, c.tables, table, id)
	if err != nil {
		return fmt.Errorf("read %s of %s: %w", table, id, err)
	}
	stream := streamOf(table, id)
	for key, row := range want {
		switch have, ok := got[key]; {
		case !ok:
			c.report.add(table, stream, -1, "row %s is missing", key)
		case !slices.Equal(have, row):
			c.report.add(table, stream, -1, "row %s: got %s", key, differing(table, have, row))
		}
		delete(got, key)
	}
	for key := range got {
		c.report.add(table, stream, -1, "row %s should not be there", key)
	}
	return nil
}

// ownerOf is the column that says whose a row is, streamOf the stream that a row comes from.
func ownerOf(table string) string {
	if _, own := ownStreams[table]; table == "accounts" || own {
		return "id"
	}
	return "account_id"
}

func streamOf(table string, id uuid.UUID) string {
	if stream, own := ownStreams[table]; own {
		return stream(id)
	}
	return domain.AccountStream(id)
}

// ownStreams name the streams of tables whose rows come from streams of their own, one each.
var ownStreams = map[string]func(uuid.UUID) string{
	"customers": domain.CustomerStream,
	"jobs":      domain.JobStream,
}

func differing(table string, got, want []string) string {
	var parts []string
	for i, column := range checkedColumns[table][1:] {
		if got[i] != want[i] {
			parts = append(parts, fmt.Sprintf("%s %s, want %s", column, got[i], want[i]))
		}
	}
	return strings.Join(parts, "; ")
}

// readRows are an account's rows of a table by key, each without it.
func readRows(ctx context.Context, q querier, table string,
	id uuid.UUID) (map[string][]string, error) {
	columns, owner := checkedColumns[table], ownerOf(table)
	rows, err := q.QueryContext(ctx, fmt.Sprintf("SELECT %s FROM %s WHERE %s = ?",
		columnList(columns), table, owner), id.String())
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	got := map[string][]string{}
	texts, to := make([]sql.NullString, len(columns)), make([]any, len(columns))
	for i := range texts {
		to[i] = &texts[i]
	}
	for rows.Next() {
		if err := rows.Scan(to...); err != nil {
			return nil, err
		}
		row := make([]string, len(columns)-1)
		for i, t := range texts[1:] {
			row[i] = t.String
		}
		got[texts[0].String] = row
	}
	return got, rows.Err()
}

// wantedRows are the rows that an account should have, by table and key.
func wantedRows(a *domain.Account, told told) map[string]map[string][]string {
	// By events: a freeze that has ended is there until it is lifted.
	row := accountRow{freezes: a.FrozenModes(time.Time{})}
	if status := a.Status(time.Time{}); status == domain.Closed || status == domain.Merged {
		row.ended = status
	}
	row.survivor, _ = a.Survivor()
	status, until := row.frozen()
	since, step := a.Dormant()
	wanted := map[string]map[string][]string{
		"accounts": {a.ID().String(): {a.CustomerRef(), told.kind, string(status),
			text(NullID(row.survivor)), text(NullTime(until)), freezesJSON(row.freezes), text(NullTime(a.OpenedAt())),
			text(NullTime(a.LastRecorded())), strconv.FormatInt(a.Revision(), 10),
			strconv.FormatUint(uint64(told.position), 10),
			text(NullTime(a.ActiveAt())), text(NullTime(since)), strconv.Itoa(step),
			text(sumsJSON(told.dormant))}},
		"balances": {}, "lots": {}, "holds": {},
		"credentials": told.credentials.wanted(), "interactions": told.interactions,
		"purchases": told.bought.wanted(), "occasions": told.occasions,
		"coupon_uses": told.uses.wanted(), "points": told.points,
	}
	for _, l := range a.Lots() {
		wanted["lots"][l.ID.String()] = []string{l.Unit, string(l.Class), l.Face.String(),
			l.Remaining.String(), l.Held.String(), l.Cost.String(), l.CostLeft.String(), l.CostUnit,
			text(NullID(l.Funding)), text(NullTime(l.EffectiveAt)), text(NullTime(l.ExpiresAt)),
			strconv.Itoa(l.Expiries), strconv.Itoa(l.Priority), string(l.Draw),
			text(scopeJSON(l.Scope)), l.Terms, text(ladderJSON(l.Reminders)),
			text(NullTime(l.RemindAt))}
	}
	for _, u := range a.Units() {
		b := a.Balance(u.Code, u.Scale, a.LastRecorded())
		held := u.Zero().Quantity
		for _, l := range a.Lots() {
			if l.Unit == u.Code {
				held = held.Add(l.Held) // by events: a hold that has lapsed still pins
			}
		}
		wanted["balances"][u.Code] = []string{b.Total.String(), held.String(), classesJSON(b.ByClass)}
	}
	for _, h := range a.Holds() {
		told.holds[h.ID] = &endedHold{Hold: *h, status: HoldActive}
	}
	for id, h := range told.holds {
		wanted["holds"][id.String()] = []string{h.Requested.Unit(), string(h.status),
			h.Requested.Quantity.String(), h.Captured.String(), text(NullTime(h.PlacedAt)),
			text(NullTime(h.ExpiresAt)), text(NullTime(h.endedAt)), h.reason, h.OrderRef}
	}
	told.items.wanted(a, wanted)
	told.tiers.wanted(a, wanted)
	return wanted
}

// text is a column's value as readRows shows it.
func text(value any) string {
	s, _ := value.(string)
	return s
}

// told is what an account's events tell beside its state.
type told struct {
	holds        endedHolds
	credentials  credentialRows
	interactions interactionRows
	bought       bought
	occasions    occasionRows
	points       pointsTold
	uses         usesTold
	account      uuid.UUID
	kind         string
	position     eventstore.Position // of the last of them
	items        followedItems
	dormant      domain.AccountDormant
	tiers        toldTiers
}

func (t *told) note(p domain.Posted, position eventstore.Position) {
	switch e := p.Event.(type) {
	case domain.AccountOpened:
		t.kind = e.Kind
	case domain.AccountDormant:
		t.dormant = e
	case domain.AccountReactivated:
		t.dormant = domain.AccountDormant{}
	}
	t.position = position
	t.holds.note(p)
	t.credentials.note(p)
	t.interactions.note(p, position)
	t.bought.note(p)
	t.occasions.note(p)
	t.items.note(p)
	t.points.note(p)
	t.uses.note(p, t.account, position)
	t.tiers.note(p)
}

// endedHolds are an account's holds as its events tell of them; the account's state knows only the
// active ones.
type endedHolds map[uuid.UUID]*endedHold

type endedHold struct {
	domain.Hold
	status  HoldStatus
	endedAt time.Time
	reason  string
}

func (ended endedHolds) note(p domain.Posted) {
	at := p.Metadata.RecordedAt
	switch e := p.Event.(type) {
	case domain.HoldPlaced:
		ended[e.HoldID] = &endedHold{status: HoldActive, Hold: domain.Hold{ID: e.HoldID,
			Requested: e.Requested, Captured: e.Requested.Quantity.Zero(),
			PlacedAt: at, ExpiresAt: e.ExpiresAt, OrderRef: e.OrderRef}}
	case domain.DebitPosted:
		if h := ended[e.HoldID]; h != nil {
			h.Captured = h.Captured.Add(e.Amount.Quantity)
			if e.HoldFinal || !h.Captured.Less(h.Requested.Quantity) {
				h.status, h.endedAt = HoldCaptured, at
			}
		}
	case domain.HoldReleased:
		if h := ended[e.HoldID]; h != nil {
			h.status, h.endedAt, h.reason = HoldReleased, at, string(e.Reason)
			if e.Reason == domain.ReleasedRemainder {
				h.status = HoldCaptured
			}
		}
	}
}

// strangers finds rows of accounts that the log does not have.
func (c *checker) strangers(ctx context.Context) error {
	for table := range checkedColumns {
		owner := ownerOf(table)
		_, own := ownStreams[table]
		what := "account"
		if own {
			what = strings.TrimSuffix(table, "s")
		}
		err := eachID(ctx, c.tables, fmt.Sprintf("SELECT DISTINCT %s FROM %s", owner, table),
			func(id uuid.UUID) {
				_, account := c.accounts[id]
				_, stream := c.streams[streamOf(table, id)]
				if !account && !own || !stream && own {
					c.report.add(table, streamOf(table, id), -1, "the log has no such %s", what)
				}
			})
		if err != nil {
			return fmt.Errorf("read accounts of %s: %w", table, err)
		}
	}
	return nil
}

func eachID(ctx context.Context, q querier, query string, do func(uuid.UUID), args ...any) error {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id uuid.UUID
		if err := rows.Scan(&id); err != nil {
			return err
		}
		do(id)
	}
	return rows.Err()
}
