package projections

import (
	"fmt"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/tillbook/tillbook/domain"
)

// valueMoves bring value and take it.
var valueMoves = []move{
	{"open an account", 1, func(c *chronicle, _ *rapid.T) {
		if len(c.accounts) < 7 {
			c.open(fmt.Sprint("C-", len(c.accounts)+1))
		}
	}},
	{"top up", 8, func(c *chronicle, r *rapid.T) {
		c.ask(c.some(r).ID(), c.topUp(r), c.somewhere(r))
	}},
	{"end a pending top-up", 2, func(c *chronicle, r *rapid.T) {
		owner, p, ok := owned(c, r, (*domain.Account).PendingTopUps)
		switch {
		case !ok:
		case rapid.Bool().Draw(r, "fails"):
			c.ask(owner, domain.FailTopUp{TopUpID: p.ID, Reason: "no money"}, c.somewhere(r))
		default:
			c.ask(owner, domain.PostTopUp{TopUpID: p.ID}, c.somewhere(r))
		}
	}},
	{"reverse a top-up", 2, func(c *chronicle, r *rapid.T) {
		if p, ok := c.earlier(r, "TopUpPosted"); ok {
			c.ask(p.account, domain.ReverseTopUp{TopUpID: p.Event.(domain.TopUpPosted).TopUpID,
				Cause:            evenly(r, []domain.Cause{domain.CauseError, domain.CauseChargeback}, "cause"),
				PaymentReference: fmt.Sprint("CB-", c.asked)}, c.somewhere(r))
		}
	}},
	{"write off", 1, func(c *chronicle, r *rapid.T) {
		owner, d, ok := owned(c, r, (*domain.Account).Receivables)
		if ok {
			c.ask(owner, domain.WriteOff{ReceivableID: d.ID, Reason: "gone"}, domain.Context{})
		}
	}},
	{"debit", 5, func(c *chronicle, r *rapid.T) {
		d := domain.Debit{Amount: money(r, 60), AcceptPartial: rapid.Bool().Draw(r, "partial")}
		if rapid.Bool().Draw(r, "listed") {
			d.ListAmount = d.Amount.Add(d.Amount)
		}
		c.ask(c.some(r).ID(), d, c.somewhere(r))
	}},
	{"debit offline", 1, func(c *chronicle, r *rapid.T) {
		c.ask(c.some(r).ID(), domain.OfflineDebit{Amount: money(r, 90)}, c.somewhere(r))
	}},
	{"hold", 2, func(c *chronicle, r *rapid.T) {
		c.ask(c.some(r).ID(), domain.PlaceHold{Amount: money(r, 40), OrderRef: "o-1",
			TTLSeconds: evenly(r, []int64{60, 3600, 604800}, "ttl")}, c.somewhere(r))
	}},
	{"end a hold", 3, func(c *chronicle, r *rapid.T) {
		owner, h, ok := owned(c, r, (*domain.Account).Holds)
		switch {
		case !ok:
		case between(r, 0, 2, "void") == 0:
			c.ask(owner, domain.VoidHold{HoldID: h.ID}, c.somewhere(r))
		default:
			c.ask(owner, domain.CaptureHold{HoldID: h.ID, Amount: money(r, 30),
				Final: rapid.Bool().Draw(r, "final")}, c.somewhere(r))
		}
	}},
	{"refund", 3, func(c *chronicle, r *rapid.T) {
		if p, ok := c.earlier(r, "DebitPosted"); ok {
			c.ask(p.account, domain.Refund{DebitID: p.Metadata.EventID, Amount: money(r, 20), Reason: "cold"},
				c.somewhere(r))
		}
	}},
	{"cancel", 3, func(c *chronicle, r *rapid.T) {
		p, ok := c.earlier(r, "DebitPosted", "TopUpPosted", "TopUpInitiated", "CheckoutPosted", "HoldPlaced",
			"PointsConverted", "CouponReserved")
		if ref := p.Metadata.Reference; ok {
			c.ask(p.account, domain.Cancel{}, domain.Context{Store: ref.Store, Terminal: ref.Terminal,
				PosTxnID: ref.PosTxnID, Leg: ref.Leg})
		}
	}},
	{"cancel what is not there", 1, func(c *chronicle, r *rapid.T) {
		c.ask(c.some(r).ID(), domain.Cancel{}, c.somewhere(r))
	}},
	{"grant credit", 3, func(c *chronicle, r *rapid.T) {
		c.ask(c.some(r).ID(), domain.GrantCredit{Amount: money(r, 20), Reason: "sorry",
			Cause: evenly(r, []string{domain.CauseGoodwill, domain.CausePromo,
				domain.CauseUnreferencedRefund}, "cause"), ExpiresAt: c.ends(r)}, c.somewhere(r))
	}},
	{"revoke credit", 1, func(c *chronicle, r *rapid.T) {
		if p, ok := c.earlier(r, "CreditGranted"); ok {
			c.ask(p.account, domain.RevokeCredit{GrantID: p.Metadata.EventID, Reason: "wrong"}, c.somewhere(r))
		}
	}},
	{"extend a lot", 1, func(c *chronicle, r *rapid.T) {
		if owner, l, ok := owned(c, r, (*domain.Account).Lots); ok {
			c.ask(owner, domain.ExtendLot{LotID: l.ID, ExpiresAt: c.now.AddDate(0, 2, 0), Reason: "ill"},
				domain.Context{})
		}
	}},
	{"transfer", 3, func(c *chronicle, r *rapid.T) {
		c.ask(c.some(r).ID(), domain.SendTransfer{To: c.some(r).ID(), Amount: money(r, 30),
			Kind: evenly(r, []domain.TransferKind{domain.TransferGift, domain.TransferFamily}, "kind")}, c.somewhere(r))
	}},
	{"merge", 2, func(c *chronicle, r *rapid.T) {
		if between(r, 0, 2, "rarely") == 0 {
			c.ask(c.some(r).ID(), domain.MergeAccount{Into: c.some(r).ID()}, domain.Context{})
		}
	}},
	{"merge into who takes nothing", 1, func(c *chronicle, r *rapid.T) {
		into := c.some(r).ID()
		c.ask(into, domain.FreezeAccount{Reason: "lost", Modes: []domain.FreezeMode{domain.FreezeCredit},
			Until: c.now.Add(time.Minute)}, domain.Context{})
		c.ask(c.some(r).ID(), domain.MergeAccount{Into: into}, domain.Context{})
	}},
	{"close", 1, func(c *chronicle, r *rapid.T) {
		c.ask(c.some(r).ID(), domain.CloseAccount{Reason: "moved"}, domain.Context{})
	}},
}

// topUp is paid in one of some ways, or still to be paid, with a bonus and an end or without.
func (c *chronicle) topUp(r *rapid.T) domain.TopUp {
	amount := money(r, 300)
	t := topUp(amount.Quantity.String(), evenly(r, []string{"", "7.77", "30.00"}, "bonus"))
	t.Pending = between(r, 0, 5, "pending") == 0
	t.ExpiresAt = c.ends(r)
	if rapid.Bool().Draw(r, "by card") {
		t.Payments = []domain.Payment{{Method: "card", Reference: fmt.Sprint("P-", c.asked), Amount: amount}}
	}
	if between(r, 0, 7, "cuts") == 0 {
		t.Amount, t.Bonus = cutUnit.Steps(between(r, int64(1), 9, "count")), domain.Money{}
		t.Payments = []domain.Payment{{Method: "cash", Amount: amount}}
	}
	return t
}

// ends is when value ends, mostly as the program has it.
func (c *chronicle) ends(r *rapid.T) time.Time {
	days := evenly(r, []int{0, 0, 0, 1, 9, 200}, "days")
	if days == 0 {
		return time.Time{}
	}
	return c.now.AddDate(0, 0, days)
}

// waitingMoves are what two people decide, or time charges.
var waitingMoves = []move{
	{"withdraw", 2, func(c *chronicle, r *rapid.T) {
		c.ask(c.some(r).ID(), domain.RequestWithdrawal{Unit: "CNY", PayeeMethod: "bank",
			Cause: evenly(r, []domain.WithdrawalCause{domain.WithdrawalByCustomer,
				domain.WithdrawalByProvider, domain.WithdrawalCoolingOff}, "cause")}, domain.Context{})
	}},
	{"go on with a withdrawal", 7, func(c *chronicle, r *rapid.T) {
		owner, w, ok := owned(c, r, (*domain.Account).Withdrawals)
		if !ok {
			return
		}
		steps := []domain.Command{domain.ApproveWithdrawal{WithdrawalID: w.ID},
			domain.RejectWithdrawal{WithdrawalID: w.ID, Reason: "no"}}
		if w.Approved {
			steps = []domain.Command{
				domain.SettleWithdrawal{WithdrawalID: w.ID, Outcome: domain.OutcomePaid, Payout: w.Payout},
				domain.SettleWithdrawal{WithdrawalID: w.ID, Outcome: domain.OutcomeFailed, Reason: "bank"}}
		}
		c.ask(owner, evenly(r, steps, "step"), domain.Context{})
	}},
	{"propose a correction", 2, func(c *chronicle, r *rapid.T) {
		v := c.some(r)
		p := domain.ProposeAdjustment{Amount: money(r, 20), ReasonCode: "fraud",
			AttachmentHash: domain.Hash{}.String(), Class: domain.Compensation,
			Direction: evenly(r, []domain.Direction{domain.DirectionCredit, domain.DirectionDebit}, "direction")}
		if l, ok := oneOf(r, v.Lots(), "lot"); ok && rapid.Bool().Draw(r, "by lot") {
			p.Class, p.Lot = "", l.ID
		}
		c.ask(v.ID(), p, domain.Context{})
	}},
	{"decide on a correction", 3, func(c *chronicle, r *rapid.T) {
		owner, j, ok := owned(c, r, (*domain.Account).Adjustments)
		switch {
		case !ok:
		case rapid.Bool().Draw(r, "reject"):
			c.ask(owner, domain.RejectAdjustment{AdjustmentID: j.AdjustmentID, Reason: "no"}, domain.Context{})
		default:
			c.ask(owner, domain.ApproveAdjustment{AdjustmentID: j.AdjustmentID}, domain.Context{})
		}
	}},
	{"set a mandate", 1, func(c *chronicle, r *rapid.T) {
		amount := money(r, 30)
		calendar := evenly(r, []domain.Calendar{{Every: "day"}, {Every: "week", Day: 7},
			{Every: "month", Day: 31}}, "calendar")
		calendar.At, calendar.Zone = "09:00", "Asia/Shanghai"
		c.ask(c.some(r).ID(), domain.SetMandate{Amount: amount, Cap: amount, Calendar: calendar},
			domain.Context{})
	}},
	{"end a mandate", 1, func(c *chronicle, r *rapid.T) {
		owner, m, ok := owned(c, r, (*domain.Account).Mandates)
		if ok {
			c.ask(owner, domain.EndMandate{MandateID: m.ID, Reason: "left"}, domain.Context{})
		}
	}},
}

// cardMoves are of who the customer is, and of what stops an account.
var cardMoves = []move{
	{"freeze", 1, func(c *chronicle, r *rapid.T) {
		f := domain.FreezeAccount{Reason: "lost", Modes: []domain.FreezeMode{evenly(r, []domain.FreezeMode{
			domain.FreezeDebit, domain.FreezeCredit, domain.FreezeAll, domain.FreezeLegal}, "mode")}}
		if rapid.Bool().Draw(r, "ends") {
			f.Until = c.now.Add(time.Hour)
		}
		c.ask(c.some(r).ID(), f, domain.Context{})
	}},
	{"unfreeze", 4, func(c *chronicle, r *rapid.T) {
		frozen := func(a *domain.Account) []domain.Freeze { return a.FrozenModes(time.Time{}) }
		if owner, _, ok := owned(c, r, frozen); ok {
			c.ask(owner, domain.UnfreezeAccount{Reason: "found"}, domain.Context{})
		}
	}},
	{"bind a card", 1, func(c *chronicle, r *rapid.T) {
		c.ask(c.some(r).ID(), domain.BindCredential{Kind: domain.CredentialCard, HashedValue: c.hashed()},
			domain.Context{})
	}},
	{"replace or block a card", 2, func(c *chronicle, r *rapid.T) {
		owner, card, ok := owned(c, r, (*domain.Account).Credentials)
		switch {
		case !ok:
		case rapid.Bool().Draw(r, "block"):
			c.ask(owner, domain.BlockCredential{CredentialID: card.ID, Reason: "lost"}, domain.Context{})
		default:
			c.ask(owner, domain.ReplaceCredential{CredentialID: card.ID, HashedValue: c.hashed()},
				domain.Context{})
		}
	}},
	{"record an interaction", 2, func(c *chronicle, r *rapid.T) {
		c.ask(c.some(r).ID(), domain.RecordInteraction{About: "t-1", Channel: "phone",
			Rating: between(r, 0, 5, "rating"),
			Kind: evenly(r, []domain.InteractionKind{domain.InteractionVisit, domain.InteractionCall,
				domain.InteractionComplaint}, "kind")}, c.somewhere(r))
	}},
	{"change a profile", 2, func(c *chronicle, r *rapid.T) {
		c.put(domain.SetProfile{ID: evenly(r, c.accounts, "customer"),
			Tags:     evenly(r, [][]string{nil, {}, {"regular"}, {"vip", "regular"}}, "tags"),
			Consents: map[string]bool{domain.ConsentMarketing: rapid.Bool().Draw(r, "consent")}})
	}},
	{"erase a customer", 1, func(c *chronicle, r *rapid.T) {
		if between(r, 0, 3, "rarely") == 0 {
			c.put(domain.EraseCustomer{ID: evenly(r, c.accounts, "customer"), Reason: "asked"})
		}
	}},
}

// hashed is the value of a credential that no other has.
func (c *chronicle) hashed() domain.HashedValue {
	return domain.HashedValue{KeyedHash: fmt.Sprintf("%064x", c.asked), Last4: "1234"}
}

var cutUnit = domain.Unit{Code: "CUT", Kind: domain.Count}

// found opens what a history begins with: places, units, rules, a campaign, and some customers.
func (c *chronicle) found() {
	c.put(domain.RegisterUnit{Code: "PTS", Kind: domain.Points, Name: "Points"})
	c.put(domain.RegisterUnit{Code: "CUT", Kind: domain.Count, Name: "Haircut"})
	for _, id := range []string{"S1", "S2"} {
		c.put(domain.SetStore{Store: domain.Store{ID: id, Name: id, Zone: "Asia/Shanghai", DayCut: "04:00",
			Entity: "e-" + id, Status: "open"}})
	}
	for i := range 4 {
		c.open(fmt.Sprint("C-", i+1))
	}
	c.publish("default", false)
	c.publish("club", true, c.accounts[1], c.accounts[3])
	c.campaign("shop")
	for _, id := range c.accounts {
		c.ask(id, topUp("150.00", "20.00"), domain.Context{Store: "S1", Terminal: "T1",
			PosTxnID: "F-" + id.String()[:8]})
	}
}

func (c *chronicle) publish(id string, anew bool, accounts ...uuid.UUID) {
	p := domain.PublishProgram{ID: id, New: anew, Accounts: accounts,
		Terms: fromJSON[domain.Terms](c, termsOf[id])}
	c.must("ProgramPublished", c.put(p))
}
