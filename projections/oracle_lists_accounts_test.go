package projections

import (
	"slices"
	"strings"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
)

// tags are those of a customer.
func (o *oracle) tags(account string) (tags []string) {
	if text := o.tables["customers"][account]["tags"]; text != "" {
		tags = fromJSON[[]string](o, text)
	}
	return tags
}

func (a *asker) accountList() {
	some, tier := a.any("accounts"), a.maybe(a.any("tiers")["tier"])
	f := AccountFilter{CustomerRef: a.maybe(some["customer_ref"]), Tier: tier,
		Status: domain.Status(a.maybe(a.any("accounts")["status"])),
		Tag:    a.maybe([]string{"regular", "vip"}[a.r.IntN(2)]), FirstTier: tier != "" && a.r.IntN(2) == 0}
	if ref := some["customer_ref"]; a.r.IntN(3) == 0 {
		f.Prefix = ref[:a.r.IntN(len(ref)+1)]
	}
	if a.r.IntN(3) > 0 {
		f.At = a.about(a.any("accounts"), "frozen_until")
	}
	stands := func(row reckoned) reckoned {
		row["stands"] = string(a.accounts[a.id(row["id"])].Status(f.At))
		return row
	}
	want := a.rows("accounts", "customer_ref, id", func(row reckoned) bool {
		held := tierOf(a.accounts[a.id(row["id"])])
		return row.same("customer_ref", f.CustomerRef) && strings.HasPrefix(row["customer_ref"], f.Prefix) &&
			stands(row).same("stands", string(f.Status)) &&
			(f.Tag == "" || slices.Contains(a.tags(row["id"]), f.Tag)) &&
			(f.Tier == "" || held == f.Tier || f.FirstTier && held == "")
	})
	has(a, lineOf("accounts of", f), pages(a, "accounts", f, a.m.Accounts), func(e AccountEntry) string {
		return lineOf(e.ID, e.CustomerRef, e.Status, e.OpenedAt, e.Revision)
	}, want, "id, customer_ref, stands, opened_at, revision")
}

func (a *asker) balances() {
	some := a.any("balances")
	f := BalanceFilter{a.maybeID(some["account_id"]), a.maybe(some["unit"])}
	want := a.rows("balances", "account_id, unit", func(row reckoned) bool {
		return row.ofID("account_id", f.Account) && row.same("unit", f.Unit)
	})
	has(a, lineOf("balances of", f), pages(a, "balances", f, a.m.Balances), func(e BalanceEntry) string {
		return lineOf(e.AccountID, e.Unit, e.Total, e.Held, asJSON(a, e.ByClass))
	}, want, "account_id, unit, total, held, by_class")
}

// of are an account's rows of a table, by id.
func (a *asker) of(table, account string) []reckoned {
	return a.rows(table, "id", func(row reckoned) bool { return row["account_id"] == account })
}

func (a *asker) lots() {
	id := a.account()
	has(a, lineOf("lots of", id), pages(a, "lots", id, a.m.Lots), func(e LotEntry) string {
		return lineOf(e.AccountID, e.ID, e.Unit, e.Class, e.Face, e.Remaining, e.Held, e.Cost,
			e.EffectiveAt, e.ExpiresAt, e.Priority, e.FundingID)
	}, a.of("lots", id.String()), "account_id, id, unit, class, face, remaining, held, cost, "+
		"effective_at, expires_at, priority, funding_id")
}

func (a *asker) holds() {
	id := a.account()
	has(a, lineOf("holds of", id), pages(a, "holds", id, a.m.Holds), func(e HoldEntry) string {
		return lineOf(e.AccountID, e.ID, e.Status, e.Unit, e.Amount, e.Captured, e.PlacedAt, e.ExpiresAt,
			e.EndedAt, e.Reason, e.OrderRef)
	}, a.of("holds", id.String()), "account_id, id, status, unit, requested, captured, placed_at, expires_at, "+
		"ended_at, reason, order_ref")
}

func (a *asker) operations() {
	some := a.any("operations")
	f := OperationFilter{some["store"], some["terminal"], some["pos_txn_id"], a.maybe(some["leg"]),
		a.maybeID(some["account_id"])}
	if a.r.IntN(5) == 0 {
		f.Terminal = a.any("operations")["terminal"]
	}
	want := a.rows("operations", "position", func(row reckoned) bool {
		return row["store"] == f.Store && row["terminal"] == f.Terminal && row["pos_txn_id"] == f.PosTxnID &&
			f.PosTxnID != "" && row.same("leg", f.Leg) && row.ofID("account_id", f.Account)
	})
	has(a, lineOf("operations of", f), pages(a, "operations", f, a.m.Operations), func(e OperationEntry) string {
		return lineOf(e.OperationID, e.AccountID, e.Kind, e.Status, e.Revision, uint64(e.Position), e.Leg,
			e.RecordedAt)
	}, want, "operation_id, account_id, kind, status, revision, position, leg, recorded_at")
}

func (a *asker) audit() {
	some := a.any("audit")
	f := AuditFilter{Account: a.maybeID(some["account_id"]), Actor: a.maybe(some["actor"]),
		Type: a.maybe(some["type"]), Store: a.maybe(some["store"])}
	if a.r.IntN(2) == 0 {
		f.From = a.about(a.any("audit"), "recorded_at")
	}
	if a.r.IntN(2) == 0 {
		f.To = a.about(a.any("audit"), "recorded_at")
	}
	if a.r.IntN(3) == 0 {
		f.Position = eventstore.Position(a.any("audit").number("position"))
	}
	want := a.rows("audit", "position", func(row reckoned) bool {
		at := row.time("recorded_at")
		return row.ofID("account_id", f.Account) && row.same("actor", f.Actor) && row.same("type", f.Type) &&
			row.same("store", f.Store) && (f.From.IsZero() || !at.Before(f.From)) &&
			(f.To.IsZero() || at.Before(f.To)) && row.number("position") > int64(f.Position)
	})
	has(a, lineOf("audit of", f), pages(a, "audit", f, a.m.Audit), func(e AuditEntry) string {
		var amount Amount
		if e.Amount != nil {
			amount = *e.Amount
		}
		return lineOf(uint64(e.Position), e.Stream, e.AccountID, e.Revision, e.EventID, e.Type, e.OperationID,
			e.Actor, e.Role, e.OnBehalfOf, e.Operator, e.RecordedAt, e.OccurredAt, e.BusinessDate, e.Channel,
			e.Store, e.Entity, e.Terminal, e.Shift, e.PosTxnID, e.Leg, e.Code, e.Skewed, amount.Unit,
			amount.Amount, e.Before, e.After)
	}, want, columnList(auditColumns))
}

func (a *asker) dormant() {
	f := DormantFilter{Step: []int{0, 0, 4, 10, 15, 16}[a.r.IntN(6)]}
	want := a.rows("accounts", "dormant_step, active_at, id", func(row reckoned) bool {
		step := row.number("dormant_step")
		return step > 0 && step >= int64(f.Step) && !a.ended(row["id"])
	})
	has(a, lineOf("dormant of", f), pages(a, "dormant", f, a.m.Dormant), func(e DormantEntry) string {
		return lineOf(e.AccountID, e.CustomerRef, e.Since, e.Step, asJSON(a, e.Balance))
	}, want, "id, customer_ref, active_at, dormant_step, dormant_balance")
}

func (a *asker) interactions() {
	id := a.account()
	want := newestFirst(a.rows("interactions", "position", func(row reckoned) bool {
		return row["account_id"] == id.String()
	}))
	got := pages(a, "interactions", InteractionFilter{id}, a.m.Interactions)
	has(a, lineOf("interactions of", id), got, func(i Interaction) string {
		rating := any("")
		if i.Rating > 0 {
			rating = i.Rating
		}
		return lineOf(i.ID, i.Kind, i.Channel, rating, i.About, i.OccurredAt, i.RecordedAt)
	}, want, "id, kind, channel, rating, about, occurred_at, recorded_at")
}

func (a *asker) counts() {
	id := a.account()
	counts, err := a.m.InteractionCounts(a.Context(), id)
	if err != nil {
		a.Fatal(err)
	}
	var got, want []string
	for kind, n := range counts {
		got = append(got, lineOf(kind, n))
	}
	for _, row := range a.rows("interaction_counts", "kind", func(row reckoned) bool {
		return row["account_id"] == id.String()
	}) {
		want = append(want, row.line("kind, count"))
	}
	a.same("counts of interactions", got, want)
}

func (a *asker) credentials() {
	some, other := a.any("credentials"), a.any("credentials")
	kind := domain.CredentialKind(some["kind"])
	if a.r.IntN(5) == 0 {
		kind = domain.CredentialPhone
	}
	hashes := []string{some["keyed_hash"], "nothing"}
	if other["keyed_hash"] != some["keyed_hash"] {
		hashes = append(hashes, other["keyed_hash"])
	}
	accounts, err := a.m.CredentialAccounts(a.Context(), kind, hashes)
	if err != nil {
		a.Fatal(err)
	}
	var got, want []string
	for _, id := range accounts {
		got = append(got, id.String())
	}
	for _, row := range a.rows("credentials", "account_id, id", func(row reckoned) bool {
		return slices.Contains(hashes, row["keyed_hash"]) && row["kind"] == string(kind) &&
			row["status"] == string(domain.CredentialActive)
	}) {
		want = append(want, row["account_id"])
	}
	a.same("accounts of credentials", got, want) // a hash has one active credential
}

func (a *asker) erased() {
	after, limit := a.any("customers").number("position")-int64(a.r.IntN(2)), 1+a.r.IntN(3)
	customers, err := a.m.ErasedCustomers(a.Context(), eventstore.Position(max(after, 0)), limit)
	if err != nil {
		a.Fatal(err)
	}
	want := a.rows("customers", "position", func(row reckoned) bool {
		return row["erased_at"] != "" && row.number("position") > max(after, 0)
	})
	has(a, "erased customers", customers, func(e ErasedCustomer) string {
		return lineOf(e.ID, uint64(e.Position))
	}, want[:min(limit, len(want))], "id, position")
}

func (a *asker) tierList() {
	f := TierFilter{Tier: a.maybe(a.any("tiers")["tier"])}
	f.FirstTier = f.Tier != "" && a.r.IntN(2) == 0
	if a.r.IntN(2) == 0 {
		f.DueBefore = a.about(a.any("tiers"), "due_at")
	}
	want := a.rows("tiers", "account_id", func(row reckoned) bool {
		due := row.time("due_at")
		return !a.ended(row["account_id"]) &&
			(row.same("tier", f.Tier) || f.FirstTier && row["tier"] == "") &&
			(f.DueBefore.IsZero() || !due.IsZero() && due.Before(f.DueBefore))
	})
	has(a, lineOf("tiers of", f), pages(a, "tiers", f, a.m.Tiers), func(e TierEntry) string {
		return lineOf(e.AccountID, e.Tier, e.Rank, e.Since, e.Counted, e.ValidUntil, e.Scheduled.To,
			e.Scheduled.On, e.Overridden, e.Ends)
	}, want, "account_id, tier, rank, since, counted, valid_until, scheduled_to, scheduled_on, overridden, "+
		"override_until")
}
