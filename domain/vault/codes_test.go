package vault_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain/vault"
)

// numbered draws codes of which every seventh is the one before it again, and no secret changes that.
func numbered(secret []byte) func(uint32) string {
	return func(serial uint32) string {
		if serial%7 == 6 {
			serial--
		}
		return fmt.Sprintf("%x-%d", secret[:2], serial)
	}
}

func TestCodes(t *testing.T) {
	folder := t.TempDir()
	open := func(keys ...byte) *vault.Codes {
		t.Helper()
		text := ""
		for _, key := range keys {
			text += base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{key}, 32)) + ","
		}
		keyring, err := vault.NewKeyring(text)
		if err != nil {
			t.Fatal(err)
		}
		c, err := vault.OpenCodes(folder, keyring, numbered)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	c := open(1)
	keyID, err := c.KeyID()
	if err != nil {
		t.Fatal(err)
	}
	one := vault.Batch{ID: uuid.UUID{1}, KeyID: keyID, Count: 20}
	skipped, err := c.Add(t.Context(), one)
	if err != nil || !slices.Equal(skipped, []uint32{6, 13, 20}) {
		t.Fatalf("got %v, %v, want 6, 13 and 20 skipped", skipped, err)
	}
	one.Serials = func(yield func(uint32) bool) {
		for serial := range uint32(23) {
			if !slices.Contains(skipped, serial) && !yield(serial) {
				return
			}
		}
	}
	of, err := c.Of(one)
	if err != nil {
		t.Fatal(err)
	}
	finds := func(c *vault.Codes, code string, want ...vault.Place) {
		t.Helper()
		got, err := c.Find(t.Context(), code, slices.Values([]vault.Batch{one}))
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: got %v, %v, want %v", code, got, err, want)
		}
	}
	for serial := range one.Serials {
		finds(c, of(serial), vault.Place{Batch: one.ID, Serial: serial})
	}
	finds(c, of(6), vault.Place{Batch: one.ID, Serial: 5})
	finds(c, of(23))
	finds(c, "other")

	// What is gone is written again; another node's master keys may be rotated, or be others.
	files, err := filepath.Glob(filepath.Join(folder, "codes", "*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("got %v, %v, want one file", files, err)
	}
	before, _ := os.ReadFile(files[0])
	if err := errors.Join(c.Close(), os.Remove(files[0])); err != nil {
		t.Fatal(err)
	}
	finds(open(2, 1), of(22), vault.Place{Batch: one.ID, Serial: 22})
	if after, _ := os.ReadFile(files[0]); !bytes.Equal(after, before) {
		t.Error("the index is written otherwise")
	}
	finds(open(2), of(22))

	var none *vault.Codes
	if _, err := none.Find(t.Context(), "x", nil); !errors.Is(err, vault.ErrNoMasterKey) {
		t.Errorf("got %v", err)
	}
}
