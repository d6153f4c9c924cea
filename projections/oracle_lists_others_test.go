package projections

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
)

// items compares an account's rows of things that its events begin.
func (a *asker) items(p *items, list func(context.Context, OfAccount, Paging) (Page[Item], error)) {
	a.Helper()
	id := a.account()
	if some := a.any(p.name); a.r.IntN(2) == 0 && some["account_id"] != "" {
		id = a.id(some["account_id"])
	}
	has(a, lineOf(p.name, "of", id), pages(a, p.name, OfAccount{id}, list), itemLine(p.columns),
		newestFirst(a.of(p.name, id.String())), columnList(p.columns))
}

func (a *asker) adjustments()  { a.items(adjustments, a.m.Adjustments) }
func (a *asker) mandates()     { a.items(mandates, a.m.Mandates) }
func (a *asker) withdrawals()  { a.items(withdrawals, a.m.Withdrawals) }
func (a *asker) ownCheckouts() { a.items(checkouts, a.m.AccountCheckouts) }

func (a *asker) checkoutList() {
	some, use := a.any("checkouts"), a.any("coupon_uses")
	f := CheckoutFilter{Account: a.maybeID(some["account_id"]), Status: a.maybe(some["status"]),
		Store: a.maybe(some["store"]), Terminal: a.maybe(some["terminal"]),
		PosTxnID: a.maybe(some["pos_txn_id"]), Campaign: a.maybe(use["campaign"]),
		Coupon: a.maybeID(use["coupon_id"]), From: a.day(some), Through: a.day(a.any("checkouts"))}
	want := newestFirst(a.rows("checkouts", "business_date, recorded_at, account_id, id",
		func(row reckoned) bool {
			used := func(column, wanted string) bool {
				return wanted == "" || len(a.rows("coupon_uses", "coupon_id", func(use reckoned) bool {
					return use["checkout_id"] == row["id"] && use[column] == wanted
				})) > 0
			}
			return row.ofID("account_id", f.Account) && row.same("status", f.Status) &&
				row.same("store", f.Store) && row.same("terminal", f.Terminal) &&
				row.same("pos_txn_id", f.PosTxnID) && used("campaign", f.Campaign) &&
				used("coupon_id", text(NullID(f.Coupon))) && row["business_date"] >= f.From &&
				(f.Through == "" || row["business_date"] <= f.Through)
		}))
	columns := slices.Concat([]string{"account_id", "id"}, checkouts.columns)
	has(a, lineOf("checkouts of", f), pages(a, "checkouts", f, a.m.Checkouts), itemLine(columns), want,
		columnList(columns))
}

// day is the business date of a row, or none.
func (a *asker) day(row reckoned) string {
	if a.r.IntN(3) > 0 {
		return ""
	}
	return row["business_date"] + row["day"]
}

func (a *asker) couponList() {
	some := a.any("coupons")
	f := CouponFilter{Account: a.maybeID(some["account_id"]), Campaign: a.maybe(some["campaign"]),
		Status: domain.CouponStatus(a.maybe(some["status"]))}
	if a.r.IntN(2) == 0 {
		f.ExpiresBefore = a.about(a.any("coupons"), "valid_until")
	}
	want := a.rows("coupons", "account_id, id", func(row reckoned) bool {
		until := row.time("valid_until")
		return row.ofID("account_id", f.Account) && row.same("campaign", f.Campaign) &&
			row.same("status", string(f.Status)) &&
			(f.ExpiresBefore.IsZero() || !until.IsZero() && until.Before(f.ExpiresBefore))
	})
	columns := slices.Concat([]string{"account_id", "id"}, coupons.columns)
	has(a, lineOf("coupons of", f), pages(a, "coupons", f, a.m.Coupons), itemLine(columns), want,
		columnList(columns))
}

func (a *asker) stores() {
	got := pages(a, "stores", struct{}{}, unfiltered(a.m.Stores))
	has(a, "stores", got, func(e StoreEntry) string {
		return lineOf(e.ID, e.Name, e.Zone, e.DayCut, e.Entity, e.Status, e.Registered)
	}, a.rows("stores", "id", all), "id, name, zone, day_cut, entity, status, registered")
}

func all(reckoned) bool { return true }

func (a *asker) exceptions() {
	some := a.any("exceptions")
	f := ExceptionFilter{a.maybe(some["status"]), a.maybe(some["store"]), a.maybe(some["terminal"]),
		a.maybe(some["kind"])}
	want := a.rows("exceptions", "position", func(row reckoned) bool {
		return row.same("status", f.Status) && row.same("store", f.Store) && row.same("terminal", f.Terminal) &&
			row.same("kind", f.Kind)
	})
	has(a, lineOf("exceptions of", f), pages(a, "exceptions", f, a.m.Exceptions), func(e ExceptionEntry) string {
		amount := ""
		if e.Amount.Unit() != "" {
			amount = e.Amount.String()
		}
		return lineOf(e.ID, e.BatchID, e.Store, e.Terminal, e.Seq, e.Kind, e.Operation, e.AccountID,
			e.OperationID, amount, e.Code, e.Status, e.RaisedAt, e.ResolvedAt, e.ResolvedBy, e.How)
	}, want, "id, batch_id, store, terminal, seq, kind, operation, account_id, operation_id, amount, code, "+
		"status, raised_at, resolved_at, resolved_by, how")
}

const shiftColumns = "id, store, terminal, number, name, business_date, status, opened_at, closed_at, " +
	"differences, opened_position, closed_position"

func shiftLine(e ShiftEntry) string {
	return lineOf(e.ID, e.Store, e.Terminal, e.Number, e.Name, e.BusinessDate, e.Status, e.OpenedAt,
		e.ClosedAt, e.Differences, uint64(e.Opened), uint64(e.Closed))
}

func (a *asker) shiftList() {
	some := a.any("shifts")
	f := ShiftFilter{a.maybe(some["store"]), a.maybe(some["terminal"]), a.day(some), a.maybe(some["status"])}
	want := a.rows("shifts", "opened_position", func(row reckoned) bool {
		return row.same("store", f.Store) && row.same("terminal", f.Terminal) &&
			row.same("business_date", f.BusinessDate) && row.same("status", f.Status)
	})
	has(a, lineOf("shifts of", f), pages(a, "shifts", f, a.m.Shifts), shiftLine, want, shiftColumns)
}

func (a *asker) knownShift() {
	some := a.any("shifts")
	store, terminal, key := some["store"], some["terminal"], a.any("shifts")["key"]
	got, err := a.m.KnownShift(a.Context(), store, terminal, key)
	if err != nil {
		a.Fatal(err)
	}
	want := int64(0)
	for _, row := range a.rows("shifts", "number", func(row reckoned) bool {
		return store != "" && row["store"] == store && row["terminal"] == terminal
	}) {
		if want = row.number("number"); row["key"] == key {
			break
		}
	}
	if int64(got) != want {
		a.Fatalf("shift %q of %s: got number %d, want %d", key, terminal, got, want)
	}
}

func (a *asker) runningJobs() {
	limit := 1 + a.r.IntN(3)
	got, err := a.m.RunningJobs(a.Context(), limit)
	if err != nil {
		a.Fatal(err)
	}
	want := a.rows("jobs", "started_at", func(row reckoned) bool { return row["state"] == "running" })
	has(a, "running jobs", got, func(id uuid.UUID) string { return id.String() },
		want[:min(limit, len(want))], "id")
}

func (a *asker) openClaims() {
	before := a.about(a.any("codes"), "began_at")
	got, err := a.m.OpenClaims(a.Context(), before)
	if err != nil {
		a.Fatal(err)
	}
	has(a, lineOf("claims before", before), got, func(c domain.CodeRef) string {
		return lineOf(c.BatchID, c.Serial)
	}, a.rows("codes", "began_at", func(row reckoned) bool {
		return row["status"] == "claimed" && row.time("began_at").Before(before)
	}), "batch_id, serial")
}

func (a *asker) usedCodes() {
	campaign := []string{"shop", "past"}[a.r.IntN(2)]
	used, _, err := a.m.UsedCodes(a.Context(), campaign)
	if err != nil {
		a.Fatal(err)
	}
	var got, want []string
	for id, n := range used {
		got = append(got, lineOf(id, n))
	}
	sums := map[string]UsedCodes{}
	for _, row := range a.tables["codes"] {
		if row["campaign"] != campaign {
			continue
		}
		sum := sums[row["batch_id"]]
		switch row["status"] {
		case "claimed", "redeemed":
			sum.Redeemed++
		case "voided":
			sum.Voided++
		}
		sums[row["batch_id"]] = sum
	}
	for id, n := range sums {
		want = append(want, lineOf(id, n))
	}
	a.same("used codes", got, want)
}

func (a *asker) unsettled() {
	before := a.about(a.any("reservations"), "began_at")
	got, err := a.m.UnsettledReservations(a.Context(), before)
	if err != nil {
		a.Fatal(err)
	}
	var lines, rows []string
	for _, u := range got {
		lines = append(lines, lineOf(u.Campaign, u.Reservation, u.Account, u.Source, u.Operation))
	}
	for _, row := range a.rows("reservations", "began_at, id", func(row reckoned) bool {
		return (row["status"] == "open" || row["status"] == "owed") && row.time("began_at").Before(before)
	}) {
		source := row["id"]
		if row["operation_id"] != "" {
			source = ""
		}
		rows = append(rows, lineOf(row.line("campaign, reservation_id, account_id"), source, row["operation_id"]))
	}
	a.inOrder(lineOf("reservations before", before), lines, rows)
}

func (a *asker) inFlight() {
	var got []InFlight
	for f, err := range a.m.TransfersInFlight(a.Context()) {
		if err != nil {
			a.Fatal(err)
		}
		got = append(got, f)
	}
	has(a, "transfers in flight", got, func(f InFlight) string { return lineOf(f.Account, f.ID) },
		a.rows("transfers", "position", func(row reckoned) bool { return row["status"] == TransferSent }),
		"from_account, id")
}

// list is how many rows each projection has.
func (a *asker) list() {
	infos, err := a.m.List(a.Context())
	if err != nil {
		a.Fatal(err)
	}
	for _, i := range infos {
		if want := int64(len(a.tables[i.Name])); i.Rows != want || i.Position != i.Head {
			a.Fatalf("%s: got %d rows at %d, want %d at %d", i.Name, i.Rows, i.Position, want, i.Head)
		}
	}
}

// damaged are none: the history is sound.
func (a *asker) damaged() {
	if all := pages(a, "damaged", struct{}{}, unfiltered(a.m.Damaged)); len(all) > 0 {
		a.Fatalf("got %+v damaged", all)
	}
}
