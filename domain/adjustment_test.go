package domain

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

var (
	_ = telling(func(e AdjustmentProposed) string {
		return fmt.Sprintf("%s %s by %s", e.Direction, e.Amount.Quantity, e.Maker)
	})
	_ = telling(func(e AdjustmentApproved) string { return e.Maker + " and " + e.Checker })
	_ = telling(func(e AdjustmentRejected) string { return e.ReasonCode + ": " + e.Reason })
)

var voucher = strings.Repeat("0a", 32)

// adjustment proposes a correction of principal.
func adjustment(direction Direction, amount string, edits ...func(*ProposeAdjustment)) ProposeAdjustment {
	p := ProposeAdjustment{Amount: cny(amount), Direction: direction, Class: Principal,
		ReasonCode: "posting_error", AttachmentHash: voucher}
	for _, edit := range edits {
		edit(&p)
	}
	return p
}

func ofLot(n, part int) func(*book, *ProposeAdjustment) {
	return func(b *book, p *ProposeAdjustment) { p.Class, p.Lot = "", partOf(b.ids[n], part) }
}

func adjusts(direction Direction, amount string, edit func(*book, *ProposeAdjustment)) ask {
	return func(b *book) Command {
		p := adjustment(direction, amount)
		edit(b, &p)
		return p
	}
}

func approveAdjustment(n int) ask {
	return func(b *book) Command { return ApproveAdjustment{AdjustmentID: b.ids[n]} }
}

func rejectAdjustment(n int) ask {
	return func(b *book) Command { return RejectAdjustment{AdjustmentID: b.ids[n], Reason: "no voucher"} }
}

// One row per refusal, in the order of the checks.
func TestProposeAdjustment(t *testing.T) {
	wrong := func(edit func(*ProposeAdjustment)) ask { return asks(adjustment("credit", "5.00", edit)) }
	full := []step{opened}
	for range mostProposals {
		full = append(full, did(adjustment("credit", "1.00")))
	}
	pooled := []step{opened, did(topUp("10.00", "3.00", expiring(0, day)))}
	run(t, []row{
		{"nothing", pooled, asks(adjustment("credit", "0")), "amount_not_positive"},
		{"no direction", pooled, asks(adjustment("sideways", "1")), "malformed direction"},
		{"neither lot nor class", pooled, wrong(func(p *ProposeAdjustment) { p.Class = "" }),
			"malformed lot_id"},
		{"both", pooled, wrong(func(p *ProposeAdjustment) { p.Lot = uuid.UUID{1} }), "malformed lot_id"},
		{"points", pooled, wrong(func(p *ProposeAdjustment) { p.Class = Earned }), "malformed class"},
		{"no reason", pooled, wrong(func(p *ProposeAdjustment) { p.ReasonCode = "because" }),
			"malformed reason_code"},
		{"no voucher", pooled, wrong(func(p *ProposeAdjustment) { p.AttachmentHash = "0a" }),
			"malformed attachment_hash"},
		{"a long note", pooled, wrong(func(p *ProposeAdjustment) { p.Note = strings.Repeat("x", 201) }),
			"malformed note"},
		{"other without a note", pooled, wrong(func(p *ProposeAdjustment) { p.ReasonCode = ReasonOther }),
			"malformed note"},
		{"no account", nil, asks(adjustment("credit", "1")), "not_found"},
		{"frozen by law", append(pooled[:2:2], frozen(FreezeLegal)), asks(adjustment("credit", "1")),
			"account_frozen"},
		{"reference used", append(pooled[:2:2], ref("1"), did(adjustment("credit", "1"))),
			asks(adjustment("credit", "1")), "reference_used"},
		{"no such lot", pooled, adjusts("debit", "1", ofLot(1, 7)), "not_found"},
		{"another unit's lot", pooled, adjusts("debit", "1", func(b *book, p *ProposeAdjustment) {
			ofLot(1, 1)(b, p)
			p.Amount = MustMoney("1", unit("JPY"))
		}), "malformed amount"},
		{"an expired lot", append(pooled[:2:2], later(2*day)), adjusts("credit", "1", ofLot(1, 2)),
			"malformed lot_id"},
		{"too many wait", full, asks(adjustment("credit", "1")), "limit_exceeded"},
		{"frozen for people all the same", append(pooled[:2:2], frozen(FreezeAll)),
			asks(adjustment("credit", "5")), "AdjustmentProposed credit 5.00 by till"},
		{"without a threshold somebody is asked", pooled, asks(adjustment("debit", "0.01")),
			"AdjustmentProposed debit 0.01 by till"},
		{"at the threshold too", append(pooled[:2:2], threshold("5.00")), asks(adjustment("debit", "5")),
			"AdjustmentProposed debit 5.00 by till"},
		{"below it nobody is", append(pooled[:2:2], threshold("5.01")), asks(adjustment("debit", "5")),
			"AdjustmentProposed debit 5.00 by till\n" +
				"AdjustmentApproved 5.00, principal@1 -5.00/-5.00 till and none"},
		{"but it needs its value", append(pooled[:2:2], threshold("50")), asks(adjustment("debit", "11")),
			"insufficient_funds short 1.00 CNY"},
	})
}

func TestApproveAdjustment(t *testing.T) {
	pool := []step{opened, did(topUp("10.00", "3.00", expiring(0, day)))}
	proposed := func(p ask) []step { return append(pool[:2:2], didAs(p), as("boss")) }
	debit := proposed(asks(adjustment("debit", "4.00")))
	run(t, []row{
		{"no account", nil, asks(ApproveAdjustment{}), "not_found"},
		{"frozen by law", append(debit[:4:4], frozen(FreezeLegal)), approveAdjustment(2),
			"account_frozen"},
		{"no such adjustment", debit, approveAdjustment(1), "not_found"},
		{"approved before", append(debit[:4:4], didAs(approveAdjustment(2))), approveAdjustment(2),
			"adjustment_not_open"},
		{"rejected before", append(debit[:4:4], didAs(rejectAdjustment(2))), approveAdjustment(2),
			"adjustment_not_open"},
		{"by its maker", append(debit[:4:4], as("till")), approveAdjustment(2), "maker_is_checker"},
		{"its value is held", append(debit[:4:4], did(hold("12.00"))), approveAdjustment(2),
			"insufficient_funds short 3.23 CNY"},
		{"a debit takes its cost along", debit, approveAdjustment(2),
			"AdjustmentApproved 4.00, principal@1 -4.00/-4.00 till and boss"},
		{"not of what has expired", append(proposed(asks(adjustment("debit", "1.00",
			func(p *ProposeAdjustment) { p.Class = Bonus }))), later(2*day)), approveAdjustment(2),
			"insufficient_funds short 1.00 CNY"},
		{"of a lot", proposed(adjusts("debit", "2.00", ofLot(1, 2))), approveAdjustment(2),
			"AdjustmentApproved 2.00, bonus@1 -2.00 till and boss"},
		{"a credit of a class opens a lot", proposed(asks(adjustment("credit", "4.00"))),
			approveAdjustment(2), "AdjustmentApproved 4.00, principal@3 4.00/4.00 till and boss"},
		{"what is given has no cost", proposed(asks(adjustment("credit", "4.00",
			func(p *ProposeAdjustment) { p.Class = Compensation }))), approveAdjustment(2),
			"AdjustmentApproved 4.00, compensation@3 4.00 till and boss"},
		{"a credit of a lot is like it", proposed(adjusts("credit", "4.00", ofLot(1, 1))),
			approveAdjustment(2), "AdjustmentApproved 4.00, principal@3 4.00/4.00 till and boss"},
		{"and ends as it does", append(proposed(adjusts("credit", "4.00", ofLot(1, 2))), later(2*day),
			didAs(approveAdjustment(2))), asks(Sweep{}),
			"LotExpired 3.00, bonus@1 -3.00, n 1\nLotExpired 4.00, bonus@3 -4.00, n 1"},
		{"a lapsed hold holds nothing", append(debit[:4:4], did(hold("13.00")), later(time.Hour)),
			approveAdjustment(2), "HoldReleased 13.00, principal@1 held -10.00, bonus@1 held -3.00, lapsed\n" +
				"AdjustmentApproved 4.00, principal@1 -4.00/-4.00 till and boss"},
	})
}

func TestRejectAdjustment(t *testing.T) {
	proposed := []step{opened, did(adjustment("credit", "4.00"))}
	run(t, []row{
		{"no reason", proposed, asks(RejectAdjustment{}), "malformed reason"},
		{"no account", nil, asks(RejectAdjustment{Reason: "x"}), "not_found"},
		{"no such adjustment", proposed, rejectAdjustment(0), "not_found"},
		{"rejected before", append(proposed[:2:2], didAs(rejectAdjustment(1))), rejectAdjustment(1),
			"adjustment_not_open"},
		{"rejected", proposed, rejectAdjustment(1), "AdjustmentRejected posting_error: no voucher"},
		{"an account is not closed before", proposed, asks(CloseAccount{Reason: "x"}), "adjustment_open"},
	})
}
