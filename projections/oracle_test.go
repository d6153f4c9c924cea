package projections

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
)

// oracle is the read models in memory, reckoned from the decoded events one by one, with sums and the
// domain's own states, and with nothing of what folds the tables: those whose rows Check reckons by the
// same functions as the projections are held to it.
type oracle struct {
	testing.TB
	tables    map[string]map[string]reckoned // by table and key
	accounts  map[uuid.UUID]*domain.Account
	streams   map[string][]domain.Posted        // of all others
	shares    map[uuid.UUID]domain.Quantity     // of a sale's discount that the partner bears
	positions map[uuid.UUID]eventstore.Position // of all events
	last      time.Time                         // when the last event was recorded
}

// reckoned are some columns of a row, as texts; NULL is none.
type reckoned map[string]string

// happening is an event, and where it stands.
type happening struct {
	domain.Posted
	data     []byte
	stream   string
	account  uuid.UUID
	position eventstore.Position
}

// askOracle reckons a log.
func askOracle(t testing.TB, store eventstore.Store) *oracle {
	t.Helper()
	o := &oracle{TB: t, tables: map[string]map[string]reckoned{}, accounts: map[uuid.UUID]*domain.Account{},
		streams: map[string][]domain.Posted{}, shares: map[uuid.UUID]domain.Quantity{},
		positions: map[uuid.UUID]eventstore.Position{}}
	for e, err := range store.ReadAll(t.Context(), eventstore.Start, domain.Prefixes...) {
		if err != nil {
			t.Fatal(err)
		}
		p, err := domain.Decode(e.Type, e.Data, e.Metadata, int64(e.Revision))
		if err != nil {
			t.Fatal(err)
		}
		o.last, o.positions[p.Metadata.EventID] = p.Metadata.RecordedAt, e.Position
		h := happening{p, e.Data, e.Stream, uuid.UUID{}, e.Position}
		if name, ok := strings.CutPrefix(e.Stream, "account-"); ok {
			h.account = uuid.MustParse(name)
		}
		for _, tell := range []func(*happening){o.log, o.value, o.sold, o.coupon, o.budget, o.moved,
			o.registered, o.waits, o.state} {
			tell(&h)
		}
	}
	o.stand()
	o.views()
	return o
}

// state lets the event happen in the domain: to an account, whose tier may become another, or to a stream.
func (o *oracle) state(h *happening) {
	if h.account == (uuid.UUID{}) {
		o.streams[h.stream] = append(o.streams[h.stream], h.Posted)
		return
	}
	a := o.accounts[h.account]
	if a == nil {
		a = domain.NewAccount(h.account)
		o.accounts[h.account] = a
	}
	before, stood := tierOf(a), slices.Clone(a.FrozenModes(time.Time{}))
	if err := a.Apply(h.Posted); err != nil {
		o.Fatal(err)
	}
	o.frozen(h, stood, a.FrozenModes(time.Time{}))
	row := o.row("accounts", h.account)
	row.put("position", uint64(h.position))
	if e, ok := h.Event.(domain.AccountDormant); ok {
		row.put("dormant_balance", asJSON(o, e.Balance))
	}
	for _, m := range a.Mandates() {
		o.row("mandates", a.ID(), m.ID).put("failed", m.Failed, "period", m.Period, "next_at", m.NextAt)
	}
	if after := tierOf(a); after != before {
		stands := o.tierRow(a)
		row := o.row("tier_changes", h.account, h.Revision)
		row.put("tier", after, "rank", stands["rank"], "at", stands["since"])
		if _, ended := h.Event.(domain.TierOverrideEnded); ended {
			row.put("at", h.Metadata.OccurredAt)
		}
	}
}

// tierRow is how an account stands among tiers, and when time alone changes that.
func (o *oracle) tierRow(a *domain.Account) reckoned {
	s, row := a.Tiering(), o.row("tiers", a.ID())
	due := s.ValidUntil
	row.put("tier", tierOf(a), "rank", row.number("counted_rank"), "since", s.Since, "counted", s.Counted,
		"counted_rank", row.number("counted_rank"), "counted_since", s.Since, "valid_until", s.ValidUntil,
		"overridden", 0, "override_until", "", "scheduled_to", "", "scheduled_on", "")
	if s.Scheduled != nil {
		due = s.Scheduled.On
		row.put("scheduled_to", s.Scheduled.To, "scheduled_on", s.Scheduled.On)
	}
	if s.Override != nil {
		row.put("rank", row["override_rank"], "since", s.Override.Since, "overridden", 1,
			"override_until", s.Override.Until)
		if ends := s.Override.Until; due.IsZero() || !ends.IsZero() && ends.Before(due) {
			due = ends
		}
	}
	row.put("due_at", due)
	return row
}

// tierOf is the tier that an account holds, empty where it was in none but the first.
func tierOf(a *domain.Account) string {
	stands := a.Tiering()
	if stands.Override != nil {
		return stands.Override.Tier
	}
	return stands.Counted
}

// row is the row of a key, with it: by the names of oracleKeys.
func (o *oracle) row(table string, key ...any) reckoned {
	name := fmt.Sprint(key...)
	if o.tables[table] == nil {
		o.tables[table] = map[string]reckoned{}
	}
	if o.tables[table][name] == nil {
		f := reckoned{}
		for i, column := range oracleKeys[table] {
			f.put(column, key[i])
		}
		o.tables[table][name] = f
	}
	return o.tables[table][name]
}

// put sets columns: name, value, name, value …
func (f reckoned) put(pairs ...any) {
	for i := 0; i < len(pairs); i += 2 {
		switch v := pairs[i+1].(type) {
		case time.Time:
			f[pairs[i].(string)] = text(NullTime(v))
		case uuid.UUID:
			f[pairs[i].(string)] = text(NullID(v))
		default:
			f[pairs[i].(string)] = fmt.Sprint(v)
		}
	}
}

// add adds to a column that counts.
func (f reckoned) add(column string, n int64) {
	f.put(column, f.number(column)+n)
}

// sum adds to a column that is an amount.
func (f reckoned) sum(column string, q domain.Quantity) {
	sum := q.Zero()
	if f[column] != "" {
		_ = sum.UnmarshalText([]byte(f[column])) // as it was written
	}
	f.put(column, sum.Add(q))
}

// smallest is an amount in the smallest steps of its unit.
func smallest(q domain.Quantity) (n int64) {
	n, _ = strconv.ParseInt(strings.ReplaceAll(q.String(), ".", ""), 10, 64) // digits, a sign and a point
	return n
}

// compare holds the tables to what was reckoned: the same rows, with the columns that were reckoned.
func (o *oracle) compare(m *Models) {
	o.Helper()
	_, err := m.view(context.Background(), func(q querier) error {
		for table, columns := range oracleColumns {
			got, err := linesOf(q, table, columns)
			if err != nil {
				return fmt.Errorf("%s: %w", table, err)
			}
			var want []string
			for _, row := range o.tables[table] {
				var values []string
				for column := range strings.SplitSeq(columns, ", ") {
					values = append(values, row[column])
				}
				want = append(want, strings.Join(values, " | "))
			}
			slices.Sort(got)
			slices.Sort(want)
			for i := range max(len(got), len(want)) {
				if at(got, i) != at(want, i) {
					o.Fatalf("%s, %s: got\n%s\nwant\n%s", table, unlike(columns, at(got, i), at(want, i)),
						at(got, i), at(want, i))
				}
			}
		}
		return nil
	})
	if err != nil {
		o.Fatal(err)
	}
	for _, name := range slices.Sorted(maps.Keys(o.tables)) {
		if oracleColumns[name] == "" {
			o.Fatalf("nobody compares %s", name)
		}
	}
	o.reports(m)
}

// unlike are the columns in which two rows differ.
func unlike(columns, got, want string) (names []string) {
	a, b := strings.Split(got, " | "), strings.Split(want, " | ")
	for i, name := range strings.Split(columns, ", ") {
		if i >= min(len(a), len(b)) || a[i] != b[i] {
			names = append(names, name)
		}
	}
	return names
}

func linesOf(q querier, table, columns string) (lines []string, err error) {
	rows, err := q.QueryContext(context.Background(), "SELECT "+columns+" FROM "+table)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	texts := make([]sql.NullString, strings.Count(columns, ",")+1)
	to := make([]any, len(texts))
	for i := range texts {
		to[i] = &texts[i]
	}
	for rows.Next() {
		if err := rows.Scan(to...); err != nil {
			return nil, err
		}
		values := make([]string, len(texts))
		for i, text := range texts {
			values[i] = text.String
		}
		lines = append(lines, strings.Join(values, " | "))
	}
	return lines, rows.Err()
}
