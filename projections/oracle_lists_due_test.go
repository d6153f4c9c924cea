package projections

import (
	"context"
	"iter"
	"slices"
	"time"

	"github.com/google/uuid"
)

// dues compares accounts that come in the order in which something is due, neighbours once.
func (a *asker) dues(what string, got []uuid.UUID, want []reckoned, column string) {
	a.Helper()
	var accounts, rows []string
	for _, id := range got {
		accounts = append(accounts, id.String())
	}
	for _, row := range want {
		rows = append(rows, row[column])
	}
	a.inOrder(what, accounts, slices.Compact(rows))
}

// due asks for accounts with a row of a table whose time has come.
func (a *asker) due(table, column string, list func(context.Context, time.Time) iter.Seq2[uuid.UUID, error],
	is func(reckoned) bool) {
	a.Helper()
	at := a.about(a.any(table), column)
	a.dues(lineOf(table, "due at", at), listed(a, list(a.Context(), at)),
		a.rows(table, column+", account_id, id", func(row reckoned) bool {
			due := row.time(column)
			return is(row) && !due.IsZero() && !due.After(at)
		}), "account_id")
}

func (a *asker) dueCoupons()   { a.due("coupons", "due_at", a.m.DueCoupons, all) }
func (a *asker) dueReminders() { a.due("lots", "remind_at", a.m.DueReminders, all) }

func (a *asker) dueHolds() {
	a.due("holds", "expires_at", a.m.DueHolds, func(row reckoned) bool { return row["ended_at"] == "" })
}

func (a *asker) dueLots() {
	a.due("lots", "expires_at", a.m.DueLots, func(row reckoned) bool { return row["remaining"] != row["held"] })
}

func (a *asker) dueMandates() {
	a.due("mandates", "next_at", a.m.DueMandates, func(row reckoned) bool { return row["ended_at"] == "" })
}

func (a *asker) dueTiers() {
	at, since := a.about(a.any("tiers"), "due_at"), a.about(a.any("accounts"), "recorded_at")
	a.dues(lineOf("tiers due at", at, "since", since), listed(a, a.m.DueTiers(a.Context(), at, since)),
		a.rows("tiers", "due_at, account_id", func(row reckoned) bool {
			due, account := row.time("due_at"), a.tables["accounts"][row["account_id"]]
			return !due.IsZero() && !due.After(at) && !account.time("recorded_at").After(since) &&
				!a.ended(account["id"])
		}), "account_id")
}

func (a *asker) having() {
	unit := a.maybe(a.any("balances")["unit"])
	a.dues("accounts that had "+unit, listed(a, a.m.Having(a.Context(), unit)),
		a.rows("balances", "account_id", func(row reckoned) bool {
			return row["unit"] == unit && !a.ended(row["account_id"])
		}), "account_id")
}

// dueDormancy is of accounts whose ladders go by their ids; what is due for another step comes in any order.
func (a *asker) dueDormancy() {
	ladders := [][]int{{4, 15}, {10}, {2, 4, 30}, nil}
	of := func(account uuid.UUID) []int { return ladders[account[15]%4] }
	at := a.last.AddDate(0, 0, a.r.IntN(40))
	got := listed(a, a.m.DueDormancy(a.Context(), at, ladders, of))
	var accounts, want []string
	for _, id := range got {
		accounts = append(accounts, id.String())
	}
	for _, row := range a.rows("accounts", "id", func(row reckoned) bool {
		return row["active_at"] != "" && !a.ended(row["id"])
	}) {
		for _, days := range of(a.id(row["id"])) {
			if int64(days) > row.number("dormant_step") {
				if !row.time("active_at").After(at.AddDate(0, 0, -days)) {
					want = append(want, row["id"])
				}
				break
			}
		}
	}
	a.same(lineOf("dormancy due at", at), accounts, want)
}
