package projections

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
)

// everything posts every event that the domain has, one after the other: each chapter some of them.
func (c *chronicle) everything() {
	c.found()
	for _, chapter := range []func(*chronicle){(*chronicle).setUp, (*chronicle).sellAndRefund,
		(*chronicle).decideInPairs, (*chronicle).sendAround, (*chronicle).giveVouchers, (*chronicle).shop,
		(*chronicle).serveMany, (*chronicle).keepTill, (*chronicle).growOld} {
		chapter(c)
	}
}

// at is the context of a till, with a reference.
func (c *chronicle) at(txn string) domain.Context {
	return domain.Context{Store: "S1", Terminal: "T1", PosTxnID: txn, Channel: "pos", Operator: "anna"}
}

func (c *chronicle) setUp() {
	for _, life := range [][]domain.Registration{webhookLife, keyLife, projectionLife("once")} {
		for _, r := range life {
			c.put(r)
		}
	}
	c.put(domain.SetStore{Store: domain.Store{ID: "S2", Name: "Moved", Zone: "UTC", DayCut: "00:00",
		Status: "open"}})
	c.put(domain.StartImport{FileHash: domain.Hash{}.String()})
	c.put(domain.CompleteImport{Rows: 1, Posted: 1})
	c.put(domain.DefineSegment{Segment: segment("locals", "eq")})
	c.put(domain.ChangeSegment{Segment: segment("locals", "ne")})
	who := c.accounts[0]
	c.put(domain.SetProfile{ID: who, Tags: []string{"regular"},
		Consents: map[string]bool{domain.ConsentMarketing: true}})
	c.put(domain.SetProfile{ID: c.accounts[2], Tags: []string{"vip"}})
	c.put(domain.EraseCustomer{ID: c.accounts[2], Reason: "asked"})
	bound := c.must("CredentialBound", c.ask(who, domain.BindCredential{Kind: domain.CredentialCard,
		HashedValue: c.hashed()}, domain.Context{}))
	c.must("CredentialReplaced", c.ask(who, domain.ReplaceCredential{HashedValue: c.hashed(),
		CredentialID: bound.Event.(domain.CredentialBound).CredentialID}, domain.Context{}))
	c.must("CredentialBlocked", c.ask(who, domain.BlockCredential{Reason: "lost",
		CredentialID: c.view(who).Credentials()[1].ID}, domain.Context{}))
	c.must("InteractionRecorded", c.ask(who, domain.RecordInteraction{Kind: domain.InteractionComplaint,
		Rating: 2}, c.at("")))
	c.must("InteractionRecorded", c.ask(who, domain.RecordInteraction{Kind: domain.InteractionComplaint},
		c.at("")))
}

// sellAndRefund tops up, takes and gives back, under references that are cancelled, and by offline sales that
// are owed.
func (c *chronicle) sellAndRefund() {
	who := c.accounts[0]
	debit := c.must("DebitPosted", c.ask(who, domain.Debit{Amount: yuan("20.00")}, c.at("1")))
	c.must("DebitRefunded", c.ask(who, domain.Refund{DebitID: debit.Metadata.EventID, Amount: yuan("5.00")},
		c.at("2")))
	c.must("DebitPosted", c.ask(who, domain.Debit{Amount: yuan("8.00")}, c.at("3")))
	c.must("DebitReversed", c.ask(who, domain.Cancel{}, c.at("3")))
	c.must("TopUpPosted", c.ask(who, topUp("11.00", ""), c.at("both")))
	c.must("DebitPosted", c.ask(who, domain.Debit{Amount: yuan("6.00")}, c.at("both")))
	c.must("TopUpReversed", c.ask(who, domain.Cancel{}, c.at("both")))
	c.must("ReferenceCancelled", c.ask(who, domain.Cancel{}, c.at("4")))
	c.must("OperationDeclined", c.ask(who, domain.Debit{Amount: yuan("9000.00")}, c.at("5")))
	hold := c.must("HoldPlaced", c.ask(who, domain.PlaceHold{Amount: yuan("9.00")}, c.at("6")))
	c.must("DebitPosted", c.ask(who, domain.CaptureHold{HoldID: hold.Metadata.EventID, Amount: yuan("4.00")},
		c.at("7")))
	c.must("HoldReleased", c.ask(who, domain.VoidHold{HoldID: hold.Metadata.EventID}, c.at("8")))
	for n, end := range []func(domain.Posted) domain.Command{
		func(p domain.Posted) domain.Command { return domain.PostTopUp{TopUpID: p.Metadata.EventID} },
		func(p domain.Posted) domain.Command { return domain.FailTopUp{TopUpID: p.Metadata.EventID} },
	} {
		pending := topUp("30.00", "")
		pending.Pending = true
		begun := c.must("TopUpInitiated", c.ask(who, pending, c.at(fmt.Sprint("p", n))))
		c.ask(who, end(begun), c.at(fmt.Sprint("q", n)))
	}
	other := c.accounts[2]
	sold := c.must("TopUpPosted", c.ask(other, topUp("15.00", ""), c.at("9")))
	c.must("DebitPosted", c.ask(other, domain.Debit{Amount: yuan("400.00"), AcceptPartial: true}, c.at("10")))
	c.must("ReceivableOpened", c.ask(other, domain.ReverseTopUp{TopUpID: sold.Metadata.EventID,
		Cause: domain.CauseChargeback}, c.at("11")))
	c.must("ReceivableSettled", c.ask(other, topUp("100.00", ""), c.at("12")))
	c.must("AccountFrozen", c.ask(other, domain.FreezeAccount{Modes: []domain.FreezeMode{domain.FreezeCredit},
		Reason: "lost"}, domain.Context{}))
}

// decideInPairs is what one proposes and another decides.
func (c *chronicle) decideInPairs() {
	who := c.accounts[3]
	granted := c.must("CreditGranted", c.ask(who, domain.GrantCredit{Amount: yuan("6.00"), Reason: "sorry",
		Cause: domain.CauseGoodwill}, c.at("")))
	c.must("CreditRevoked", c.ask(who, domain.RevokeCredit{GrantID: granted.Metadata.EventID,
		Reason: "wrong"}, c.at("")))
	c.must("LotExtended", c.ask(who, domain.ExtendLot{LotID: c.view(who).Lots()[0].ID,
		ExpiresAt: c.now.AddDate(1, 0, 0), Reason: "ill"}, domain.Context{}))
	for _, approve := range []bool{true, false} {
		id := c.must("AdjustmentProposed", c.ask(who, domain.ProposeAdjustment{Amount: yuan("7.00"),
			Direction: domain.DirectionCredit, Class: domain.Compensation, ReasonCode: "fraud",
			AttachmentHash: domain.Hash{}.String()}, domain.Context{})).Metadata.EventID
		if approve {
			c.must("AdjustmentApproved", c.ask(who, domain.ApproveAdjustment{AdjustmentID: id}, domain.Context{}))
		} else {
			c.must("AdjustmentRejected", c.ask(who, domain.RejectAdjustment{AdjustmentID: id, Reason: "no"},
				domain.Context{}))
		}
	}
	for _, outcome := range []string{"WithdrawalRejected", "WithdrawalFailed", "WithdrawalPaidOut"} {
		w := c.must("WithdrawalRequested", c.ask(who, domain.RequestWithdrawal{Unit: "CNY",
			Cause: domain.WithdrawalByCustomer, PayeeMethod: "bank"}, domain.Context{})).Metadata.EventID
		if outcome == "WithdrawalRejected" {
			c.must(outcome, c.ask(who, domain.RejectWithdrawal{WithdrawalID: w, Reason: "no"}, domain.Context{}))
			continue
		}
		approved := c.must("WithdrawalApproved", c.ask(who, domain.ApproveWithdrawal{WithdrawalID: w},
			domain.Context{})).Event.(domain.WithdrawalApproved)
		end := domain.SettleWithdrawal{WithdrawalID: w, Outcome: domain.OutcomePaid, Payout: approved.Payout}
		if outcome == "WithdrawalFailed" {
			end = domain.SettleWithdrawal{WithdrawalID: w, Outcome: domain.OutcomeFailed, Reason: "bank"}
		}
		c.must(outcome, c.ask(who, end, domain.Context{}))
	}
	for range 2 {
		c.must("MandateSet", c.ask(who, domain.SetMandate{Amount: yuan("30.00"), Cap: yuan("30.00"),
			Calendar: domain.Calendar{Every: "day", At: "09:00", Zone: "UTC"}}, domain.Context{}))
	}
	c.must("MandateEnded", c.ask(who, domain.EndMandate{MandateID: c.view(who).Mandates()[0].ID,
		Reason: "left"}, domain.Context{}))
}

// sendAround sends value to who takes it and to who does not; accounts are merged, refused and closed.
func (c *chronicle) sendAround() {
	from, frozen := c.accounts[0], c.accounts[2]
	c.must("TransferSent", c.ask(from, domain.SendTransfer{To: c.accounts[1], Amount: yuan("3.00"),
		Kind: domain.TransferGift}, c.at("20")))
	c.ask(from, domain.SendTransfer{To: frozen, Amount: yuan("2.00"), Kind: domain.TransferGift}, c.at("21"))
	merged, closed := c.open("C-merged"), c.open("C-closed")
	sold := c.must("TopUpPosted", c.ask(merged, topUp("12.00", "3.00"), c.at("22")))
	coupon := c.must("CouponGranted", c.ask(merged, domain.GrantCoupon{Campaign: "shop", Definition: "amount",
		Cause: domain.CouponByAPI}, domain.Context{})).Metadata.EventID
	sale := c.must("CouponRedeemed", c.ask(merged, domain.Checkout{Rest: true,
		Wanted: domain.Wanted{Coupons: []uuid.UUID{coupon}}, Lines: []domain.CartLine{
			{N: 1, Product: "tea", Qty: 1, UnitPrice: yuan("4.00")}}}, c.at("28"))).Event.(domain.CouponRedeemed)
	bought := c.must("DebitPosted", c.ask(merged, domain.Debit{Amount: yuan("9.00")}, c.at("24")))
	for _, from := range []uuid.UUID{merged, c.accounts[1]} {
		c.ask(from, domain.MergeAccount{Into: frozen}, domain.Context{}) // both live on
	}
	c.must("AccountsMerged", c.ask(merged, domain.MergeAccount{Into: from}, domain.Context{}))
	c.must("DebitRefunded", c.ask(merged, domain.Refund{DebitID: bought.Metadata.EventID,
		Amount: yuan("4.00")}, c.at("25"))) // which the survivor hears of
	c.must("TopUpReversed", c.ask(merged, domain.ReverseTopUp{TopUpID: sold.Metadata.EventID,
		Cause: domain.CauseChargeback}, c.at("26"))) // which the survivor owes
	c.must("ReceivableSettled", c.ask(from, topUp("12.00", ""), c.at("27")))
	c.must("CheckoutReturned", c.ask(merged, domain.ReturnCheckout{CheckoutID: sale.CheckoutID,
		Lines: []domain.ReturnLine{{N: 1, Qty: 1}}}, c.at("29"))) // whose coupon the survivor has again
	c.must("AccountClosed", c.ask(closed, domain.CloseAccount{Reason: "moved"}, domain.Context{}))
	c.must("AccountUnfrozen", c.ask(frozen, domain.UnfreezeAccount{Reason: "found"}, domain.Context{}))
	c.redeemVoucher(c.sellVoucher(yuan("25.00"), c.at("23")), from)
}

// giveVouchers is the life of campaigns, coupons and codes.
func (c *chronicle) giveVouchers() {
	who := c.accounts[0]
	held := func(definition string) (id domain.CouponGranted) {
		return c.must("CouponGranted", c.ask(who, domain.GrantCoupon{Campaign: "shop", Definition: definition,
			Cause: domain.CouponByAPI}, domain.Context{})).Event.(domain.CouponGranted)
	}
	reserved := held("amount").CouponID
	c.must("CouponReserved", c.ask(who, domain.ReserveCoupon{CouponID: reserved, OrderRef: "o-1"}, c.at("30")))
	c.must("CouponReleased", c.ask(who, domain.ReleaseCoupon{CouponID: reserved, OrderRef: "o-1"}, c.at("31")))
	c.must("CouponExtended", c.ask(who, domain.ExtendCoupon{CouponID: reserved,
		ValidUntil: c.now.AddDate(0, 3, 0), Reason: "closed"}, domain.Context{}))
	c.must("CouponRevoked", c.ask(who, domain.RevokeCoupon{CouponID: held("cake").CouponID, Reason: "wrong"},
		domain.Context{}))
	c.must("CouponRecycled", c.ask(who, domain.RecycleCoupon{CouponID: held("cake").CouponID,
		Reason: "unused"}, domain.Context{}))
	held("cake") // expires
	c.occasion(who, "spend@1")
	c.must("CodesGenerated", c.put(domain.GenerateCodes{CampaignID: "shop", CodeBatch: batchOfCodes}))
	c.must("CodesExported", c.put(domain.ExportCodes{CampaignID: "shop", BatchID: batchOfCodes.ID}))
	c.must("CodeVoided", c.put(domain.VoidCode{CodeRef: domain.CodeRef{BatchID: batchOfCodes.ID, Serial: 9},
		Campaign: "shop", Reason: "leaked"}))
	c.must("CouponGranted", c.claim(who, 8))
	c.ask(c.accounts[1], domain.FreezeAccount{Modes: []domain.FreezeMode{domain.FreezeAll}, Reason: "lost"},
		domain.Context{})
	c.claim(c.accounts[1], 7)
	c.ask(c.accounts[1], domain.UnfreezeAccount{Reason: "found"}, domain.Context{})
	c.put(domain.DraftCampaign{ID: "past", CampaignTerms: domain.CampaignTerms{Name: "Past"}})
	c.must("CampaignEnded", c.put(domain.EndCampaign{ID: "past", Reason: "over"}))
	c.must("CampaignPaused", c.put(domain.PauseCampaign{ID: "shop", Reason: "sold out"}))
	c.must("CampaignActivated", c.put(domain.ActivateCampaign{ID: "shop"}))
}

// shop is sales with coupons and points, and what comes of them when goods come back.
func (c *chronicle) shop() {
	who := c.accounts[0]
	c.must("TopUpPosted", c.ask(who, topUp("300.00", ""), c.at("40")))
	c.must("PointsEarned", c.ask(who, domain.EarnPoints{Amount: ptsUnit.Steps(90), Reason: "prize"}, c.at("41")))
	for _, into := range []domain.Into{domain.IntoCredit, domain.IntoGift} {
		c.must("PointsConverted", c.ask(who, domain.ConvertPoints{Amount: ptsUnit.Steps(20), Into: into},
			c.at("")))
	}
	coupon := c.must("CouponGranted", c.ask(who, domain.GrantCoupon{Campaign: "shop", Definition: "threshold",
		Cause: domain.CouponByAPI}, domain.Context{})).Event.(domain.CouponGranted)
	sale := c.must("CheckoutPosted", c.ask(who, domain.Checkout{Rest: true, Points: ptsUnit.Steps(20),
		Wanted: domain.Wanted{Coupons: []uuid.UUID{coupon.CouponID}}, Lines: []domain.CartLine{
			{N: 1, Product: "tea", Qty: 2, UnitPrice: yuan("45.00")}}}, c.at("42")))
	for n, lines := range [][]domain.ReturnLine{{{N: 1, Qty: 1}}, {{N: 1, Qty: 1}}} {
		c.must("CheckoutReturned", c.ask(who, domain.ReturnCheckout{CheckoutID: sale.Metadata.EventID,
			Lines: lines}, c.at(fmt.Sprint("r", n))))
	}
	c.must("DebitPosted", c.ask(who, domain.Debit{Amount: yuan("70.00")}, c.at("43"))) // gold
	c.must("TierOverridden", c.ask(c.accounts[2], domain.OverrideTier{Tier: "gold", Reason: "friend"},
		domain.Context{}))
	c.must("TierOverrideEnded", c.ask(c.accounts[2], domain.EndTierOverride{Reason: "no friend"},
		domain.Context{}))
}

// serveMany is jobs that are run, stopped and taken back.
func (c *chronicle) serveMany() {
	task := domain.JobTask{Kind: domain.JobGrant, Amount: yuan("3.00"), Cause: domain.CausePromo,
		Reason: "spring"}
	c.runJob(c.startJob(task, c.accounts...))
	c.revokeJob(c.jobs[0])
	c.must("JobStopped", c.put(domain.StopJob{ID: c.startJob(task, c.accounts...), Reason: "wrong"}))
	c.runJob(c.startJob(domain.JobTask{Kind: domain.JobCoupon, Campaign: "shop", Definition: "cake",
		Reason: "thanks"}, c.accounts...))
	c.must("JobCompleted", c.lateJob())
}

// keepTill is a terminal's day, with sales that it took while it was cut off.
func (c *chronicle) keepTill() {
	opened := c.must("ShiftOpened", c.openShift("T1")).Event.(domain.ShiftOpened)
	c.ask(c.accounts[0], domain.Debit{Amount: yuan("5.00")}, c.at("50"))
	c.upload(c.item(c.accounts[0], yuan("4.00")), c.item(c.accounts[2], yuan("900.00")))
	for _, id := range c.exceptions() {
		c.must("ExceptionResolved", c.put(domain.ResolveException{ID: id, How: "paid"}))
	}
	c.must("ShiftClosed", c.put(c.counted(opened.ShiftID)))
	c.must("DebitPosted", c.ask(c.accounts[0], domain.Debit{Amount: yuan("3.00")},
		c.at("51"))) // which the next shift counts
	c.must("ShiftOpened", c.openShift("T1"))
}

// growOld lets half a year pass: charges, reminders, ends of lots and coupons, tiers that are kept and
// lost, and somebody who comes back.
func (c *chronicle) growOld() {
	spent := c.now
	for c.now.Before(spent.AddDate(0, 0, 80)) {
		c.pass(4)
		if c.now.Before(spent.AddDate(0, 0, 30)) {
			c.ask(c.accounts[0], domain.Debit{Amount: yuan("9.00")}, domain.Context{}) // gold is kept
		}
	}
	c.ask(c.accounts[1], topUp("40.00", ""), domain.Context{OccurredAt: c.now.Add(-time.Hour)})
}
