package domain_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/tillbook/tillbook/domain"
)

const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

func TestCodes(t *testing.T) {
	codes := domain.NewCodes([]byte("a key of thirty-two bytes, indeed"))
	for serial, want := range map[uint32]string{0: "VCK3FYRTFA64", 1: "W3C3G1C1TESP",
		999_999: "F9P41T0R22JN"} {
		if got := codes.At(serial); got != want {
			t.Errorf("%d: got %s, want %s", serial, got, want)
		}
	}
	if got, want := domain.PrintCode("0123456789AB"), "0123-4567-89AB"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// Whatever people make of a printed code is the code again.
func TestReadCode(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		code := drawCode(r)
		text := domain.PrintCode(code)
		for from, to := range map[string]string{"0": "oO0", "1": "1iIlL", "-": "- "} {
			as := rapid.SampledFrom(strings.Split(to, "")).Draw(r, from)
			text = strings.ReplaceAll(text, from, as)
		}
		if rapid.Bool().Draw(r, "lower") {
			text = strings.ToLower(text)
		}
		if got, ok := domain.ReadCode(text); got != code || !ok {
			r.Fatalf("%s: got %s, %t, want %s", text, got, ok, code)
		}
	})
	for _, text := range []string{"", "0123", "0000-0000-0000-0", "0000-0000-000U", "0000_0000_0000",
		strings.Repeat("0", 5000), "００００００００００００"} {
		if got, ok := domain.ReadCode(text); ok {
			t.Errorf("%.40q is read as %s", text, got)
		}
	}
}

// No wrong character and no two neighbours that changed places go unseen.
func TestCheckCharacter(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		code := drawCode(r)
		for i := range code {
			for _, c := range alphabet {
				wrong := code[:i] + string(c) + code[i+1:]
				if _, ok := domain.ReadCode(wrong); ok != (wrong == code) {
					r.Fatalf("%s for %s: got %t", wrong, code, ok)
				}
			}
			if i > 0 && code[i-1] != code[i] {
				wrong := code[:i-1] + code[i:i+1] + code[i-1:i] + code[i+1:]
				if _, ok := domain.ReadCode(wrong); ok {
					r.Fatalf("%s is taken for %s", wrong, code)
				}
			}
		}
	})
}

func drawCode(r *rapid.T) string {
	key := rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(r, "key")
	return domain.NewCodes(key).At(rapid.Uint32().Draw(r, "serial"))
}

func TestMillionCodes(t *testing.T) {
	codes, seen := domain.NewCodes([]byte("key")), make(map[string]bool, 1_000_000)
	for serial := range uint32(1_000_000) {
		code := codes.At(serial)
		if seen[code] {
			t.Fatalf("%s stands twice, at the second time for %d", code, serial)
		}
		seen[code] = true
	}
}

func TestNormalCode(t *testing.T) {
	for text, want := range map[string]string{
		"gift 1234 5678":  "GIFT12345678",
		"oooo-oooo-oooo":  "000000000000",
		"OOOO-OOOO-OOO1":  "OOOOOOOOOOO1", // the check character is another: no key drew it
		"preprinted-card": "PREPRINTEDCARD",
	} {
		if got, ok := domain.NormalCode(text); got != want || !ok {
			t.Errorf("%s: got %s, %t, want %s", text, got, ok, want)
		}
	}
	if _, ok := domain.NormalCode("short"); ok {
		t.Error("a short one is taken")
	}
}
