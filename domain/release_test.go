package domain

import "testing"

func TestVoidHold(t *testing.T) {
	held := []step{opened, did(topUp("100", "30")), did(hold("65"))}
	after := func(more ...step) []step { return append(held[:3:3], more...) }
	voided := "HoldReleased 65.00, principal@1 held -50.00, bonus@1 held -15.00, void"
	absent := asks(VoidHold{HoldID: newID(1, Seed{}, 0)})
	run(t, []row{
		{"all", held, void(2), voided},
		{"the rest", after(didAs(capture(2, "13", false))), void(2),
			"HoldReleased 52.00, principal@1 held -40.00, bonus@1 held -12.00, void"},
		{"no freeze stops it", after(frozen(FreezeLegal)), void(2), voided},
		{"no account", nil, absent, "not_found"},
		{"reference before hold", after(ref("7"), didAs(void(2))), absent, "reference_used"},
		{"a tombstone stops only what can be cancelled", after(ref("7"), did(Cancel{})), void(2), voided},
		{"no such hold", held, absent, "not_found"},
		{"again", after(didAs(void(2))), void(2), "hold_not_active"},
		{"captured", after(didAs(capture(2, "65", false))), void(2), "hold_not_active"},
		{"lapsed", after(later(day)), void(2), "hold_lapsed"},
		{"lapsed, and its release is written", after(later(day), did(Sweep{})), void(2), "hold_lapsed"},
	})
}
