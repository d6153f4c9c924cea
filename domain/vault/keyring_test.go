package vault

import (
	"bytes"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"testing"
)

func master(b byte) string {
	return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{b}, 32))
}

func keyring(t *testing.T, keys ...string) *Keyring {
	t.Helper()
	k, err := NewKeyring(strings.Join(keys, ",\n"))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestKeyring(t *testing.T) {
	old, both := keyring(t, master(1)), keyring(t, master(2), master(1))
	sealed, err := old.Seal("p", []byte("secret"))
	if err != nil || strings.Contains(sealed, "secret") {
		t.Fatalf("got %q, %v", sealed, err)
	}
	if again, _ := old.Seal("p", []byte("secret")); again == sealed {
		t.Error("sealed twice, it is the same text")
	}
	for _, k := range []*Keyring{old, both} {
		if plain, err := k.Open("p", sealed); err != nil || string(plain) != "secret" {
			t.Errorf("got %q, %v, want secret", plain, err)
		}
	}
	flipped := sealed[:len(sealed)-1] + string(sealed[len(sealed)-1]^1)
	for name, open := range map[string]func() ([]byte, error){
		"another purpose": func() ([]byte, error) { return old.Open("q", sealed) },
		"another key":     func() ([]byte, error) { return keyring(t, master(2)).Open("p", sealed) },
		"a changed text":  func() ([]byte, error) { return old.Open("p", flipped) },
		"no text":         func() ([]byte, error) { return old.Open("p", "") },
	} {
		if plain, err := open(); !errors.Is(err, ErrSealed) {
			t.Errorf("%s: got %q, %v, want %v", name, plain, err, ErrSealed)
		}
	}
	was, _ := old.Hashes("phone", "1")
	is, _ := both.Hashes("phone", "1")
	if len(is) != 2 || !slices.Contains(is, was[0]) || is[0] == was[0] {
		t.Errorf("got hashes %v, want the old one %v behind a new one", is, was)
	}
	if other, _ := old.Hashes("card", "1"); other[0] == was[0] {
		t.Error("two purposes have one hash")
	}
}

func TestNoKeyring(t *testing.T) {
	none := keyring(t, " \n")
	if _, err := none.Seal("p", nil); !errors.Is(err, ErrNoMasterKey) {
		t.Errorf("seal: got %v, want %v", err, ErrNoMasterKey)
	}
	if _, err := none.Open("p", ""); !errors.Is(err, ErrNoMasterKey) {
		t.Errorf("open: got %v, want %v", err, ErrNoMasterKey)
	}
	if _, err := none.Hashes("p", ""); !errors.Is(err, ErrNoMasterKey) {
		t.Errorf("hashes: got %v, want %v", err, ErrNoMasterKey)
	}
	for _, bad := range []string{"short", master(1)[:40], "!" + master(1)[1:]} {
		if _, err := NewKeyring(bad); err == nil || strings.Contains(err.Error(), bad) {
			t.Errorf("%q: got %v, want an error that does not quote it", bad, err)
		}
	}
}
