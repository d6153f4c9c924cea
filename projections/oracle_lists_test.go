package projections

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

// asker asks the models' lists, with filters that it draws, and holds them to the oracle's rows.
type asker struct {
	*oracle
	m *Models
	r *rand.Rand
}

// questions are what asks each of the models' methods and compares the answer, by the method.
var questions = map[string]func(*asker){
	"AccountCheckouts":      (*asker).ownCheckouts,
	"Accounts":              (*asker).accountList,
	"Adjustments":           (*asker).adjustments,
	"Audit":                 (*asker).audit,
	"Balances":              (*asker).balances,
	"Checkouts":             (*asker).checkoutList,
	"Consenting":            (*asker).consenting,
	"CountSelected":         (*asker).selections,
	"CouponCost":            (*asker).costs,
	"Coupons":               (*asker).couponList,
	"CredentialAccounts":    (*asker).credentials,
	"Damaged":               (*asker).damaged,
	"Dormant":               (*asker).dormant,
	"DueCoupons":            (*asker).dueCoupons,
	"DueDormancy":           (*asker).dueDormancy,
	"DueHolds":              (*asker).dueHolds,
	"DueLots":               (*asker).dueLots,
	"DueMandates":           (*asker).dueMandates,
	"DueReminders":          (*asker).dueReminders,
	"DueTiers":              (*asker).dueTiers,
	"ErasedCustomers":       (*asker).erased,
	"Exceptions":            (*asker).exceptions,
	"Having":                (*asker).having,
	"Holds":                 (*asker).holds,
	"InSegment":             (*asker).segmentList,
	"InteractionCounts":     (*asker).counts,
	"Interactions":          (*asker).interactions,
	"KnownShift":            (*asker).knownShift,
	"List":                  (*asker).list,
	"Lots":                  (*asker).lots,
	"Mandates":              (*asker).mandates,
	"Members":               (*asker).selections,
	"Occasions":             (*asker).occasions,
	"OpenClaims":            (*asker).openClaims,
	"Operations":            (*asker).operations,
	"PointsReport":          (*asker).pointsBetween,
	"RunningJobs":           (*asker).runningJobs,
	"Segments":              (*asker).segmentList,
	"Selected":              (*asker).selections,
	"Settled":               (*asker).settlements,
	"Shifts":                (*asker).shiftList,
	"Stores":                (*asker).stores,
	"TierReport":            (*asker).tierMoves,
	"Tiers":                 (*asker).tierList,
	"TransfersInFlight":     (*asker).inFlight,
	"UnsettledReservations": (*asker).unsettled,
	"UsedCodes":             (*asker).usedCodes,
	"Withdrawals":           (*asker).withdrawals,
}

// notAsked are the methods that the oracle does not ask, and what holds them instead.
var notAsked = map[string]string{
	"Ask":      "the question is the caller's own: ask_test.go",
	"Close":    "answers nothing",
	"Funnel":   "reports asks it of every campaign",
	"Opened":   "says whether there are tables: patient_test.go",
	"Position": "says how far the tables are: follow_test.go",
	"Read":     "the question is the caller's own",
	"Rebuild":  "ways fold by it",
	"Wait":     "waits: follow_test.go",
	"WaitHead": "waits: follow_test.go",
	"Whole":    "the rows of whole tables, which compare reads: past_test.go and export's tests",
}

// TestOracleAsksEverything: what the models can be asked is asked of the oracle, or said to be left out.
func TestOracleAsksEverything(t *testing.T) {
	left := maps.Clone(notAsked)
	for name := range questions {
		left[name] = "asked"
	}
	of := reflect.TypeFor[*Models]()
	for i := range of.NumMethod() {
		name := of.Method(i).Name
		if left[name] == "" {
			t.Errorf("nobody asks %s: let questions ask it, or say in notAsked who does", name)
		}
		delete(left, name)
	}
	for name := range left {
		t.Errorf("%s is no method of the models", name)
	}
}

// askAll asks each question once: of many histories that is with filters of all sorts.
func (a *asker) askAll() {
	for _, name := range slices.Sorted(maps.Keys(questions)) {
		questions[name](a)
	}
}

// pages reads a list page by page, each of another size; the filter is said on the first page, and on
// others or not.
func pages[F, T any](a *asker, name string, filter F,
	list func(context.Context, F, Paging) (Page[T], error)) (all []T) {
	a.Helper()
	for p := (Paging{}); ; {
		p.Limit = 1 + a.r.IntN(12)
		page, err := list(a.Context(), filter, p)
		if err != nil {
			a.Fatalf("%s of %+v: %v", name, filter, err)
		}
		if n := len(page.Data); n > p.Limit || page.Next != "" && n < p.Limit || n == 0 && p.Cursor != "" {
			a.Fatalf("%s of %+v: got %d on a page of %d, and more: %t", name, filter, n, p.Limit, page.Next != "")
		}
		all = append(all, page.Data...)
		if p.Cursor = page.Next; p.Cursor == "" {
			return all
		}
		if a.r.IntN(2) == 0 {
			filter = *new(F) // the cursor carries it
		}
	}
}

// unfiltered is a list without a filter as one with.
func unfiltered[T any](list func(context.Context, Paging) (Page[T], error)) (
	with func(context.Context, struct{}, Paging) (Page[T], error),
) {
	return func(ctx context.Context, _ struct{}, p Paging) (Page[T], error) { return list(ctx, p) }
}

// has compares a list, in its order, with the rows of a table that are wanted, in the order of some columns:
// each by what line makes of an entry, and by columns.
func has[T any](a *asker, what string, got []T, line func(T) string, want []reckoned, columns string) {
	a.Helper()
	var lines, rows []string
	for _, entry := range got {
		lines = append(lines, line(entry))
	}
	for _, row := range want {
		rows = append(rows, row.line(columns))
	}
	a.inOrder(what, lines, rows)
}

func (a *asker) inOrder(what string, got, want []string) {
	a.Helper()
	if !slices.Equal(got, want) {
		a.Fatalf("%s: got\n%s\nwant\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// line is some columns of a row.
func (f reckoned) line(columns string) string {
	var values []any
	for column := range strings.SplitSeq(columns, ", ") {
		values = append(values, f[column])
	}
	return lineOf(values...)
}

// lineOf is what a list says of something, as the rows have it.
func lineOf(values ...any) string {
	texts := make([]string, len(values))
	for i, v := range values {
		switch v := v.(type) {
		case time.Time:
			texts[i] = text(NullTime(v))
		case uuid.UUID:
			texts[i] = text(NullID(v))
		case bool:
			texts[i] = fmt.Sprint(Flag(v))
		case json.RawMessage:
			texts[i] = string(v)
		default:
			texts[i] = fmt.Sprint(v)
		}
	}
	return strings.Join(texts, " | ")
}

// itemLine is what line is of rows with all their columns.
func itemLine(columns []string) func(Item) string {
	return func(i Item) string {
		var values []any
		for _, column := range columns {
			values = append(values, i[column])
		}
		return lineOf(values...)
	}
}

// rows are those of a table that are wanted, by some columns: of a number with its sign left out, by digits.
func (o *oracle) rows(table, by string, wanted func(reckoned) bool) (rows []reckoned) {
	for _, row := range o.tables[table] {
		if wanted(row) {
			rows = append(rows, row)
		}
	}
	key := func(row reckoned) string {
		var key strings.Builder
		for column := range strings.SplitSeq(by, ", ") {
			if strings.Trim(row[column], "0123456789") == "" {
				fmt.Fprintf(&key, "%20s", row[column])
			} else {
				key.WriteString(row[column])
			}
			key.WriteByte(0)
		}
		return key.String()
	}
	slices.SortFunc(rows, func(a, b reckoned) int { return strings.Compare(key(a), key(b)) })
	return rows
}

func newestFirst(rows []reckoned) []reckoned {
	slices.Reverse(rows)
	return rows
}

// any is a row of a table, empty where there is none.
func (a *asker) any(table string) reckoned {
	rows := a.rows(table, strings.Join(oracleKeys[table], ", "), func(reckoned) bool { return true })
	if len(rows) == 0 {
		return reckoned{}
	}
	return rows[a.r.IntN(len(rows))]
}

// maybe is a value to filter by, or one that nothing has, or none.
func (a *asker) maybe(value string) string {
	switch a.r.IntN(10) {
	case 0:
		return "nothing"
	case 1, 2, 3:
		return value
	}
	return ""
}

// maybeID is maybe of an id.
func (a *asker) maybeID(value string) uuid.UUID {
	if value = a.maybe(value); value == "" {
		return uuid.UUID{}
	}
	id, err := uuid.Parse(value)
	if err != nil {
		return uuid.Max
	}
	return id
}

// account is an account's, or one that there is not.
func (a *asker) account() uuid.UUID {
	if a.r.IntN(20) == 0 {
		return uuid.Max
	}
	return a.id(a.any("accounts")["id"])
}

func (a *asker) id(value string) uuid.UUID {
	id, _ := uuid.Parse(value) // none is the zero one
	return id
}

// time is an instant of a row, zero for none.
func (f reckoned) time(column string) time.Time {
	return Item(f).Time(column)
}

// about is an instant near one that a row has, or near the end.
func (a *asker) about(row reckoned, column string) time.Time {
	at := row.time(column)
	if at.IsZero() || a.r.IntN(8) == 0 {
		at = a.last
	}
	return at.Add([]time.Duration{-time.Microsecond, 0, time.Microsecond, 24 * time.Hour}[a.r.IntN(4)])
}

// same reports whether a column is what a filter wants: an empty one wants all.
func (f reckoned) same(column, wanted string) bool { return wanted == "" || f[column] == wanted }

// ofID is same of an id.
func (f reckoned) ofID(column string, wanted uuid.UUID) bool {
	return f.same(column, text(NullID(wanted)))
}

// ended reports whether an account has.
func (o *oracle) ended(account string) bool {
	status := o.tables["accounts"][account]["status"]
	return status == "closed" || status == "merged"
}
