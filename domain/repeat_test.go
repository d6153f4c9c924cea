package domain

import (
	"fmt"
	"testing"
	"time"
)

// For every operation: its repeat is recognised from what was stored, and each field that differs
// is named; of the context only what names the operation counts.
func TestDiffering(t *testing.T) {
	sold := []step{opened, did(topUp("100", "30"))}
	after := func(more ...step) []step { return append(sold[:2:2], more...) }
	until := noon.Add(day)
	full := TopUp{Amount: cny("10"), Payments: []Payment{{Method: "cash", Reference: "R",
		Amount: cny("10")}},
		TopUpTerms: TopUpTerms{Bonus: cny("1"), BonusExpiresAt: until, ExpiresAt: until.Add(day),
			Priority: 7,
			Scope: LotScope{Scope: Scope{Stores: []string{"S1"}, Channels: []string{"web"}},
				Products: []string{"tea"}, Categories: []string{"food"}},
			Draw: BonusFirst, Terms: "t"}}
	grant := GrantCredit{Amount: MustMoney("5", unit("CUT")), Class: Gift, Cost: cny("5"),
		Cause: CauseOpeningBalance, ExpiresAt: until}
	freeze := FreezeAccount{Modes: []FreezeMode{FreezeDebit}, Reason: "x", Until: until}
	change := func(edit func(*TopUp)) Command { c := full; edit(&c); return c }
	alter := func(edit func(*GrantCredit)) Command { c := grant; edit(&c); return c }
	for _, c := range []struct {
		name   string
		given  []step
		when   ask
		others map[string]Command // by the field in which they differ
	}{
		{"open", nil, asks(OpenAccount{CustomerRef: "C-1"}), map[string]Command{
			"customer_ref": OpenAccount{CustomerRef: "C-2"}, "operation": Sweep{}}},
		{"top-up", []step{opened}, asks(full), map[string]Command{
			"amount":           change(func(t *TopUp) { t.Amount = cny("11") }),
			"payments":         change(func(t *TopUp) { t.Payments = nil }),
			"bonus":            change(func(t *TopUp) { t.Bonus = cny("2") }),
			"bonus_expires_at": change(func(t *TopUp) { t.BonusExpiresAt = time.Time{} }),
			"expires_at":       change(func(t *TopUp) { t.ExpiresAt = until }),
			"priority":         change(func(t *TopUp) { t.Priority = 50 }),
			"scope":            change(func(t *TopUp) { t.Scope.Products = nil }),
			"draw":             change(func(t *TopUp) { t.Draw = ProRata }),
			"terms":            change(func(t *TopUp) { t.Terms = "u" }),
			"operation":        debit("10"),
			"bonus, bonus_expires_at": change(func(t *TopUp) {
				t.Bonus, t.BonusExpiresAt, t.NoBonus = Money{}, time.Time{}, true
			}),
			"amount, bonus": change(func(t *TopUp) { t.Amount, t.Bonus = cny("11"), Money{} }),
			"": change(func(t *TopUp) {
				t.ExpiresAt = t.ExpiresAt.In(time.FixedZone("",
					3600))
			}),
		}},
		{"count", []step{opened}, asks(cut("10", "99.99")), map[string]Command{
			"payments": cut("10", "99.98"), "amount": cut("11", "99.99")}},
		{"debit", sold, asks(Debit{Amount: cny("10"), ListAmount: cny("12")}), map[string]Command{
			"amount":         Debit{Amount: cny("10.01"), ListAmount: cny("12")},
			"list_amount":    Debit{Amount: cny("10")},
			"accept_partial": Debit{Amount: cny("10"), ListAmount: cny("12"), AcceptPartial: true},
			"operation":      PlaceHold{Amount: cny("10"), TTLSeconds: 600}}},
		{"partial debit", sold, asks(Debit{Amount: cny("200"), AcceptPartial: true}), map[string]Command{
			"amount": Debit{Amount: cny("130"), AcceptPartial: true}}},
		{"declined debit", sold, asks(debit("200")), map[string]Command{
			"amount": debit("201"), "operation": hold("200")}},
		{"hold", sold, asks(PlaceHold{Amount: cny("10"), TTLSeconds: 61, OrderRef: "o"}),
			map[string]Command{
				"amount":      PlaceHold{Amount: cny("11"), TTLSeconds: 61, OrderRef: "o"},
				"ttl_seconds": PlaceHold{Amount: cny("10"), TTLSeconds: 62, OrderRef: "o"},
				"order_ref":   PlaceHold{Amount: cny("10"), TTLSeconds: 61}, "operation": debit("10")}},
		{"declined hold", sold, asks(hold("200")), map[string]Command{
			"ttl_seconds": PlaceHold{Amount: cny("200"), TTLSeconds: 601}}},
		{"capture", after(did(hold("10"))), capture(2, "6", true), map[string]Command{
			"amount, final, hold_id": CaptureHold{Amount: cny("7")}, "operation": debit("6")}},
		{"capture of all", after(did(hold("10"))), capture(2, "10", false), map[string]Command{
			"final, hold_id": CaptureHold{Amount: cny("10"), Final: true}}},
		{"void", after(did(hold("10"))), void(2), map[string]Command{
			"hold_id": VoidHold{}, "operation": Cancel{}}},
		{"refund", after(did(debit("10"))), refund(2, "6"), map[string]Command{
			"amount, debit_id, reason": Refund{Amount: cny("7"), Reason: "x"}}},
		{"reversal", sold, reversal(1, CauseError), map[string]Command{
			"cause, payment_reference, top_up_id": ReverseTopUp{Cause: CauseChargeback,
				PaymentReference: "x"},
			"operation": Cancel{}}},
		{"grant", []step{opened}, asks(grant), map[string]Command{
			"amount":     alter(func(g *GrantCredit) { g.Amount = MustMoney("6", unit("CUT")) }),
			"class":      alter(func(g *GrantCredit) { g.Class = Promo }),
			"cost":       alter(func(g *GrantCredit) { g.Cost = cny("6") }),
			"cause":      alter(func(g *GrantCredit) { g.Cause = "x" }),
			"expires_at": alter(func(g *GrantCredit) { g.ExpiresAt = until.Add(1) }),
			"":           alter(func(g *GrantCredit) { g.ExpiresAt = until.In(time.FixedZone("", 60)) })}},
		{"freeze", []step{opened}, asks(freeze), map[string]Command{
			"modes, reason, until": FreezeAccount{}, "operation": UnfreezeAccount{},
			"": FreezeAccount{Modes: freeze.Modes, Reason: "x", Until: until.In(time.FixedZone("", 60))}}},
		{"unfreeze", []step{opened}, asks(UnfreezeAccount{Reason: "x"}), map[string]Command{
			"modes, reason": UnfreezeAccount{Modes: freeze.Modes}}},
		{"cancelled debit", after(ref("7"), did(debit("1"))), asks(Cancel{}), map[string]Command{
			"operation": debit("1")}},
		{"cancelled hold", after(ref("7"), did(hold("1"))), asks(Cancel{}), map[string]Command{
			"operation": VoidHold{}}},
		{"cancelled top-up", []step{opened, ref("7"), did(topUp("1", ""))}, asks(Cancel{}),
			map[string]Command{
				"operation": ReverseTopUp{}}},
		{"cancelled nothing", after(ref("7")), asks(Cancel{}), map[string]Command{"operation": topUp("1",
			"")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBook(t)
			for _, given := range c.given {
				given(b)
			}
			b.context.Store, b.context.Terminal, b.context.PosTxnID = "S1", "T1", "77"
			if c.name[:3] == "can" {
				b.context.PosTxnID = "7"
			}
			command := c.when(b)
			posted, _ := b.do(command)
			if len(posted) == 0 {
				t.Fatalf("got no answer to %#v", command)
			}
			p := b.log[len(b.log)-len(posted)]
			same := b.context
			same.OccurredAt, same.BusinessDate, same.Channel = noon.Add(-time.Hour), "2026-01-01", "web"
			same.Operator, same.Shift, same.Leg = "o", "s", "1"
			differs(t, p, command, same, "")
			for want, other := range c.others {
				differs(t, p, other, b.context, want)
			}
			for want, edit := range map[string]func(*Context){
				"store":      func(c *Context) { c.Store = "S2" },
				"terminal":   func(c *Context) { c.Terminal = "" },
				"leg":        func(c *Context) { c.Leg = "2" },
				"pos_txn_id": func(c *Context) { c.PosTxnID = "78" },
			} {
				other := b.context
				edit(&other)
				differs(t, p, command, other, want)
			}
			other := b.context
			other.PosTxnID = ""
			differs(t, p, command, other, "leg, pos_txn_id")
		})
	}
}

func differs(t *testing.T, p Posted, c Command, context Context, want string) {
	t.Helper()
	got := ""
	for i, name := range Differing(p, c, context) {
		if i > 0 {
			got += ", "
		}
		got += name
	}
	if got != want {
		t.Errorf("%s: got %q, want %q", fmt.Sprintf("%#.100v", c), got, want)
	}
}

// An event of the service's own, or one that followed another, answers no request.
func TestDifferingAnswersNoRequest(t *testing.T) {
	for _, p := range sample(t) {
		switch p.Event.(type) {
		case LotExpired, ReceivableOpened, ReceivableSettled, CreditRevoked:
			differs(t, p, Sweep{}, Context{}, "operation")
		}
	}
}

// An import keeps its own times, and its repeat is recognised.
func TestImportedTimes(t *testing.T) {
	b := newBook(t)
	opened(b)
	past := time.Date(1997, 1, 1, 9, 30, 0, 0, time.FixedZone("", 8*3600))
	b.context = Context{Channel: ChannelImport, OccurredAt: past, PosTxnID: "1"}
	did(topUp("10", ""))(b)
	b.context.PosTxnID = "2"
	did(debit("10"))(b)
	p := b.log[2]
	if !p.Metadata.OccurredAt.Equal(past) || !p.Metadata.RecordedAt.Equal(noon) || p.Metadata.Skewed ||
		p.Metadata.BusinessDate != "1997-01-01" || !b.account.lots[0].EffectiveAt.Equal(past) {
		t.Errorf("got %+v", p.Metadata)
	}
	differs(t, p, debit("10"), b.context, "")
	b.context = Context{OccurredAt: noon.Add(-MaxSkew - 1)}
	did(topUp("10", ""))(b)
	if !b.log[3].Metadata.Skewed {
		t.Error("got an operation from beyond the skew unflagged")
	}
}
