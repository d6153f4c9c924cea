package domain

import (
	"testing"
	"time"
)

func TestPlaceHold(t *testing.T) {
	sold := []step{opened, did(topUp("100", "30"))}
	after := func(more ...step) []step { return append(sold[:2:2], more...) }
	ttl := func(seconds int64) ask { return asks(PlaceHold{Amount: cny("13"), TTLSeconds: seconds}) }
	placed := "HoldPlaced 13.00, principal@1 held 10.00, bonus@1 held 3.00"
	run(t, []row{
		{"pins lots and amounts", sold, asks(hold("13")), placed},
		{"a minute", sold, ttl(60), placed},
		{"a week", sold, ttl(604800), placed},
		{"value of a lapsed hold is freed first", after(did(hold("130")), later(day)), asks(hold("13")), `
HoldReleased 130.00, principal@1 held -100.00, bonus@1 held -30.00, lapsed
` + placed},
		{"held counts as taken", after(did(hold("65"))), asks(debit("65")),
			"DebitPosted 65.00, principal@1 -50.00/-50.00, bonus@1 -15.00"},

		{"zero amount before time", nil, asks(PlaceHold{Amount: unit("CNY").Zero()}),
			"amount_not_positive"},
		{"less than a minute", nil, ttl(59), "malformed ttl_seconds"},
		{"more than a week", nil, ttl(604801), "malformed ttl_seconds"},
		{"a time that overflows", nil, ttl(1 << 62), "malformed ttl_seconds"},
		{"no account", nil, asks(hold("1")), "not_found"},
		{"frozen before reference", after(ref("7"), did(hold("1")), in(Context{}), frozen(FreezeDebit),
			ref("7")), asks(hold("1")), "account_frozen\nOperationDeclined account_frozen"},
		{"reference used before balance", after(ref("7"), did(hold("1"))), asks(hold("1000")),
			"reference_used"},
		{"reference cancelled before balance", after(ref("7"), did(Cancel{})), asks(hold("1000")),
			"reference_cancelled"},
		{"insufficient", after(did(hold("100"))), asks(hold("31")),
			"insufficient_funds short 1.00 CNY\nOperationDeclined insufficient_funds"},
	})
}

func TestCaptureHold(t *testing.T) {
	held := []step{opened, did(topUp("100", "30")), did(hold("65"))}
	after := func(more ...step) []step { return append(held[:3:3], more...) }
	jpy := func(b *book) Command {
		return CaptureHold{HoldID: b.ids[2], Amount: MustMoney("1",
			unit("JPY"))}
	}
	absent := asks(CaptureHold{HoldID: newID(1, Seed{}, 0), Amount: cny("1")})
	run(t, []row{
		{"all is final", held, capture(2, "65", false),
			"DebitPosted 65.00, principal@1 -50.00 held -50.00/-50.00, bonus@1 -15.00 held -15.00, final"},
		{"a part", held, capture(2, "13", false),
			"DebitPosted 13.00, principal@1 -10.00 held -10.00/-10.00, bonus@1 -3.00 held -3.00"},
		{"a part as the last", held, capture(2, "13", true), `
DebitPosted 13.00, principal@1 -10.00 held -10.00/-10.00, bonus@1 -3.00 held -3.00, final
HoldReleased 52.00, principal@1 held -40.00, bonus@1 held -12.00, remainder`},
		{"odd parts add up", after(didAs(capture(2, "0.01", false)), didAs(capture(2, "0.01", false))),
			capture(2, "64.98", false),
			"DebitPosted 64.98, principal@1 -49.98 held -49.98/-49.98, bonus@1 -15.00 held -15.00, final"},
		{"the tick before it lapses", after(later(600*time.Second - 1)), capture(2, "65", true),
			"DebitPosted 65.00, principal@1 -50.00 held -50.00/-50.00, bonus@1 -15.00 held -15.00, final"},
		{"frozen for debit", after(frozen(FreezeAll)), capture(2, "65", false),
			"DebitPosted 65.00, principal@1 -50.00 held -50.00/-50.00, bonus@1 -15.00 held -15.00, final"},

		{"zero amount", nil, asks(CaptureHold{Amount: unit("CNY").Zero()}), "amount_not_positive"},
		{"no account", nil, absent, "not_found"},
		{"frozen by law before reference", after(ref("7"), didAs(capture(2, "1", false)), in(Context{}),
			frozen(FreezeLegal), ref("7")), capture(2, "1", false), "account_frozen"},
		{"reference before hold", after(ref("7"), didAs(capture(2, "1", false))), absent,
			"reference_used"},
		{"reference cancelled before hold", after(ref("7"), did(Cancel{})), absent,
			"reference_cancelled"},
		{"no such hold", held, absent, "not_found"},
		{"captured", after(didAs(capture(2, "65", false))), capture(2, "1", false), "hold_not_active"},
		{"captured for good", after(didAs(capture(2, "1", true))), capture(2, "1", false),
			"hold_not_active"},
		{"voided", after(didAs(void(2))), capture(2, "1", false), "hold_not_active"},
		{"voided, and its time is over", after(didAs(void(2)), later(day)), capture(2, "1", false),
			"hold_not_active"},
		{"lapsed at its end, before unit", after(later(600 * time.Second)), jpy, "hold_lapsed"},
		{"lapsed, and its release is written", after(later(day), did(Sweep{})), capture(2, "1", false),
			"hold_lapsed"},
		{"another unit", held, jpy, "malformed amount"},
		{"more than the hold", held, capture(2, "65.01", false), "capture_exceeds_hold short 0.01 CNY"},
		{"more than is left", after(didAs(capture(2, "60", false))), capture(2, "6", false),
			"capture_exceeds_hold short 1.00 CNY"},
	})
}
