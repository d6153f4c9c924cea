package domain_test

import (
	"testing"

	"github.com/tillbook/tillbook/domain"
)

// TestOwns tells the ledger's streams, those that the catalogue only names yet among them, from others'.
func TestOwns(t *testing.T) {
	for stream, want := range map[string]bool{
		"account-7755fdd1-80d1-542f-b3a5-004dc30cec4d": true,
		"$$account-1":          true,
		"store-S1":             true,
		"campaign-1":           true,
		"$$segment-1":          true,
		"accounts":             false,
		"my-account-1":         false,
		"$ce-account":          false,
		"$$$account-1":         false,
		"snapshot-account-1-0": false,
		"":                     false,
	} {
		if got := domain.Owns(stream); got != want {
			t.Errorf("%q: got %t, want %t", stream, got, want)
		}
	}
}
