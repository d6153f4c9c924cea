package domain

import (
	"math/big"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

// Nothing that can be asked of an account, in any order, under programs that come and go, creates or
// destroys value, overdraws, gives back more than was taken, holds what nobody pinned, or leaves a
// state that its stored events do not make again.
func TestEverything(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		e := &everything{machine: newMachine(t), sister: bookOf(t, "C-2")}
		e.TB, e.sister.TB = fatal{t, r}, fatal{t, r}
		opened(e.book)
		e.step(r, topUp("200", "60"))
		for range rapid.IntRange(1, 50).Draw(r, "steps") {
			e.now = e.now.Add(rapid.SampledFrom([]time.Duration{0, time.Minute, 11 * time.Minute,
				5 * day, 20 * day}).Draw(r, "pass"))
			e.sister.now = e.now
			e.context = e.drawContext(r)
			e.actor = rapid.SampledFrom([]string{"till", "boss"}).Draw(r, "actor")
			e.program = programs[rapid.IntRange(0, len(programs)-1).Draw(r, "program")]
			e.step(r, e.drawAny(r))
			e.owes(r)
			e.couponsKept(r)
		}
		e.reload()
	})
}

// everything is a machine that can be asked anything, and another account that it deals with.
type everything struct {
	*machine
	sister  *book
	settled uuid.UUID // the last transfer that the sister is known to have got
}

// programs are what may rule: nothing that was published, and one that says something of everything.
var programs = []*Program{nil, {ID: "p", Version: 1, Terms: Terms{
	Ladder: []LadderStep{{ID: "s", From: cny("50"), Percent: percent("10"), Cap: cny("7.77"),
		PerCustomer: 2}},
	Cashback: []CashbackRule{{ID: "c", Unit: "CNY", Percent: percent("3.3333"), Cap: cny("2.22")}},
	Expiry: map[Class]Expiry{Bonus: {Days: 10}, Cashback: {Days: 3}, Promo: {EndOf: "month"},
		Principal: {Months: 2}},
	Limits: []Limits{{Unit: "CNY", MaxBalance: cny("900"), MaxDebit: cny("150"),
		MaxDebitDay: cny("190"), Velocity: Velocity{Count: 4, Seconds: 3600}}},
	Points: vouchers.Points, Tiers: vouchers.Tiers,
	Reminders: []int{7, 1}, Dormancy: []int{4, 15},
	Approvals: []Approval{{Unit: "CNY", Withdrawal: cny("20"), Adjustment: cny("5"),
		UnreferencedRefund: cny("30")}},
}.normal()}}

func (e *everything) drawAny(r *rapid.T) Command {
	amount := cny("1").With(fromMinor(big.NewInt(rapid.Int64Range(1, 12000).Draw(r, "minor")), 2))
	switch rapid.SampledFrom([]string{"basic", "basic", "basic", "basic", "withdrawal", "withdrawn",
		"refund", "refund", "cancel", "offline", "grant", "grant", "revoke", "extend", "extend", "propose",
		"decide", "decide", "send", "return", "receive", "receive", "mandate", "charge",
		"charge", "end mandate", "merge or close", "voucher", "voucher", "voucher", "voucher", "voucher",
		"voucher"}).Draw(r, "family") {
	case "voucher":
		return e.drawVoucher(r)
	case "withdrawal":
		return e.drawWithdrawal(r)
	case "withdrawn":
		return e.withdrawn(r)
	case "refund":
		refund := Refund{DebitID: e.drawID(r, "DebitPosted"), Amount: amount}
		if found := e.names[EventName(refund.DebitID)]; len(found) > 0 {
			if debit, ok := found[0].Event.(DebitPosted); ok && debit.Amount.IsPositive() {
				refund.Amount = e.part(r, debit.Amount)
			}
		}
		return refund
	case "cancel":
		if named := e.named(); len(named) > 0 {
			e.context = rapid.SampledFrom(named).Draw(r, "reference").context()
		}
		return Cancel{}
	case "offline":
		return OfflineDebit{Amount: amount, ListAmount: amount.Add(amount)}
	case "grant":
		return GrantCredit{Amount: amount, Reason: "x", Cause: rapid.SampledFrom([]string{CauseGoodwill,
			CausePromo, CauseUnreferencedRefund}).Draw(r, "cause"), ExpiresAt: e.expiry(r)}
	case "revoke":
		return RevokeCredit{GrantID: e.drawID(r, "CreditGranted"), Reason: "x"}
	case "extend":
		return ExtendLot{LotID: e.aLot(r), ExpiresAt: e.now.Add(40 * day), Reason: "x"}
	case "propose":
		j := ProposeAdjustment{Amount: amount, ReasonCode: "fraud", AttachmentHash: Hash{}.String(),
			Direction: rapid.SampledFrom([]Direction{DirectionCredit, DirectionDebit}).Draw(r, "direction")}
		if rapid.Bool().Draw(r, "by class") {
			j.Class = rapid.SampledFrom(classOrder[:6]).Draw(r, "class")
		} else {
			j.Lot = e.aLot(r)
		}
		return j
	case "decide":
		id := e.id(r)
		if open := e.account.Adjustments(); len(open) > 0 {
			id = open[0].AdjustmentID
		}
		if rapid.Bool().Draw(r, "reject") {
			return RejectAdjustment{AdjustmentID: id, Reason: "x"}
		}
		return ApproveAdjustment{AdjustmentID: id}
	case "send":
		return SendTransfer{To: e.sister.account.ID(), Amount: amount, Kind: TransferFamily}
	case "return": // the receiver's stream has refused it
		if e.account.LastSent() == e.settled {
			return Sweep{}
		}
		return ReturnTransfer{TransferID: e.account.LastSent(),
			Why: ReferenceCancelled{Code: ErrAccountFrozen.Code}}
	case "receive":
		return e.arrival(r, amount)
	case "mandate":
		calendar := rapid.SampledFrom([]Calendar{{Every: "day"}, {Every: "week", Day: 7},
			{Every: "month", Day: 31}}).Draw(r, "calendar")
		calendar.At, calendar.Zone = "09:00", "Asia/Shanghai"
		return SetMandate{Amount: amount, Cap: amount, Calendar: calendar}
	case "charge":
		return ChargeMandates{}
	case "end mandate":
		id := e.id(r)
		if all := e.account.Mandates(); len(all) > 0 {
			id = all[0].ID
		}
		return EndMandate{MandateID: id, Reason: "x"}
	case "merge or close":
		if rapid.IntRange(0, 3).Draw(r, "rarely") > 0 {
			return Sweep{}
		}
		if rapid.Bool().Draw(r, "close") {
			e.empty(r)
			e.settled = e.account.LastSent() // the sister has it, for ever
			return CloseAccount{Reason: "x", Settled: e.settled}
		}
		e.settled = e.account.LastSent()
		return MergeAccount{Into: e.sister.account.ID(), Settled: e.settled}
	}
	return e.draw(r)
}

// withdrawn goes the way of a withdrawal up to its last step, with something else in between.
func (e *everything) withdrawn(r *rapid.T) Command {
	e.actor = "till"
	e.step(r, UnfreezeAccount{Reason: "x"})
	e.step(r, withdraw(rapid.SampledFrom(withdrawalCauses).Draw(r, "cause")))
	e.actor = "boss"
	if open := e.account.Withdrawals(); len(open) > 0 {
		e.step(r, ApproveWithdrawal{WithdrawalID: open[0].ID})
	}
	e.step(r, e.draw(r))
	open := e.account.Withdrawals()
	if len(open) == 0 {
		return Sweep{}
	}
	if rapid.Bool().Draw(r, "fails") {
		return SettleWithdrawal{WithdrawalID: open[0].ID, Outcome: OutcomeFailed, Reason: "bank"}
	}
	return SettleWithdrawal{WithdrawalID: open[0].ID, Outcome: OutcomePaid, Payout: open[0].Payout}
}

// named is the metadata of what can be cancelled by its reference.
func (e *everything) named() []Metadata {
	var all []Metadata
	for _, p := range e.log {
		if !p.Metadata.Reference.IsZero() && slices.Contains(stopped, p.Operation()) {
			all = append(all, p.Metadata)
		}
	}
	return all
}

// empty takes out all that there is, so that the account may close.
func (e *everything) empty(r *rapid.T) {
	e.program, e.context = nil, Context{}
	e.step(r, UnfreezeAccount{Reason: "x"})
	for _, h := range e.account.holds {
		e.step(r, VoidHold{HoldID: h.ID})
	}
	for _, d := range e.account.receivables {
		e.step(r, WriteOff{ReceivableID: d.ID, Reason: "x"})
	}
	for _, b := range e.account.Balances(e.now) {
		if b.Available.IsPositive() {
			e.step(r, Debit{Amount: Money{unit: b.Unit, Quantity: b.Available}, AcceptPartial: true})
		}
	}
}

// drawID is the operation of an event of that type, if there is any, or of any other.
func (e *everything) drawID(r *rapid.T, kind string) uuid.UUID {
	var ids []uuid.UUID
	for _, p := range e.log {
		if TypeOf(p.Event) == kind {
			ids = append(ids, p.Metadata.EventID)
		}
	}
	if len(ids) == 0 {
		return e.id(r)
	}
	return rapid.SampledFrom(ids).Draw(r, kind)
}

func (e *everything) aLot(r *rapid.T) uuid.UUID {
	if len(e.account.lots) == 0 {
		return e.id(r)
	}
	return rapid.SampledFrom(e.account.lots).Draw(r, "lot").ID
}

// arrival is something that the sister has sent here.
func (e *everything) arrival(r *rapid.T, amount Money) Command {
	var bonus string
	if rapid.Bool().Draw(r, "bonus travels") {
		bonus = "3.33"
	}
	did(topUp(amount.Quantity.String(), bonus))(e.sister)
	posted, err := e.sister.do(SendTransfer{To: e.account.ID(), Amount: amount, Kind: TransferGift})
	if err != nil {
		r.Fatal(err)
	}
	for _, p := range posted {
		if sent, ok := p.Event.(TransferSent); ok {
			return ReceiveTransfer{Sent: sent}
		}
	}
	r.Fatal("nothing was sent")
	return nil
}

// owes holds what is true of debts and of what waits.
func (e *everything) owes(r *rapid.T) {
	for _, d := range e.account.receivables {
		if !d.Outstanding.IsPositive() {
			r.Fatalf("%+v is owed", d)
		}
	}
	if e.account.Status(e.now) == Closed {
		for _, b := range e.account.Balances(e.now) {
			if !b.Total.IsZero() {
				r.Fatalf("closed with %+v", b)
			}
		}
		if len(e.account.holds)+len(e.account.withdrawals) > 0 {
			r.Fatal("closed, and something is under way")
		}
	}
}
