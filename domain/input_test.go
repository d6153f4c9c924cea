package domain

import (
	"regexp"
	"testing"

	"pgregory.net/rapid"
)

// TestInputForms holds what reads amounts and names by hand against the expressions they stand for.
func TestInputForms(t *testing.T) {
	amount := regexp.MustCompile(`^(0|[1-9][0-9]{0,14})(\.[0-9]+)?$`)
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`-?[0-9]{0,17}\.?[0-9]{0,3}x?`).Draw(t, "amount")
		if got := isInput(text); got != amount.MatchString(text) {
			t.Errorf("%q: got %v", text, got)
		}
		name := rapid.OneOf(rapid.String(), rapid.StringMatching(`[A-Za-z0-9._:;/@\[-]{0,66}`)).
			Draw(t, "name")
		if got := notAName(name); got == storeID.MatchString(name) {
			t.Errorf("%q: got %v", name, got)
		}
	})
}
