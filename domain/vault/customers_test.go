package vault

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"
)

func open(t *testing.T, folder string, k *Keyring) *Customers {
	t.Helper()
	c, err := OpenCustomers(t.Context(), folder, k)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// is fails the test unless err is want.
func is(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("got %v, want %v", err, want)
	}
}

func (c *Customers) mustKey(t *testing.T, id uuid.UUID) Key {
	t.Helper()
	k, err := c.NewKey(t.Context(), id)
	is(t, err, nil)
	return k
}

// finds is who has a phone, as customer/owner.
func (c *Customers) finds(t *testing.T, phone string) string {
	t.Helper()
	found, err := c.Find(t.Context(), "phone", phone)
	is(t, err, nil)
	return fmt.Sprint(found)
}

func (c *Customers) index(t *testing.T, id uuid.UUID, owner string, phones ...string) {
	t.Helper()
	is(t, c.Index(t.Context(), id, owner, map[string][]string{"phone": phones}), nil)
}

func TestCustomers(t *testing.T) {
	c := open(t, t.TempDir(), keyring(t, master(1)))
	a, b := uuid.UUID{1}, uuid.UUID{2}
	_, err := c.Key(t.Context(), a)
	is(t, err, ErrNoKey)
	is(t, c.Index(t.Context(), a, "profile", nil), ErrNoKey)
	ka, kb := c.mustKey(t, a), c.mustKey(t, b)
	if ka.ID() == kb.ID() || c.mustKey(t, a).ID() != ka.ID() {
		t.Errorf("got keys %s, %s, %s", ka.ID(), kb.ID(), c.mustKey(t, a).ID())
	}
	sealed, err := ka.Seal("note", []byte("secret"))
	is(t, err, nil)
	_, err = kb.Open("note", sealed)
	is(t, err, ErrSealed)
	_, err = ka.Open("name", sealed)
	is(t, err, ErrSealed)

	c.index(t, a, "profile", "+1", "+2")
	c.index(t, b, "profile", "+2")
	c.index(t, a, "card", "+2")
	want := fmt.Sprint([]Found{{a, "card"}, {a, "profile"}, {b, "profile"}})
	if got := c.finds(t, "+2"); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	c.index(t, a, "profile", "+1")
	if got := c.finds(t, "+2"); got != fmt.Sprint([]Found{{a, "card"}, {b, "profile"}}) {
		t.Errorf("got %s", got)
	}
	if found, err := c.Find(t.Context(), "email", "+1"); err != nil || len(found) > 0 {
		t.Errorf("got %v, %v: another kind", found, err)
	}
}

// An erasure is for good, and remembered until it is ended.
func TestErase(t *testing.T) {
	folder, k := t.TempDir(), keyring(t, master(1))
	c := open(t, folder, k)
	a, b := uuid.UUID{1}, uuid.UUID{2}
	c.mustKey(t, a)
	c.mustKey(t, b)
	c.index(t, a, "profile", "+1")
	is(t, c.Erase(t.Context(), a, "first"), nil)
	is(t, c.Erase(t.Context(), a, "second"), nil)
	is(t, c.Erase(t.Context(), uuid.UUID{3}, "never had one"), nil)
	is(t, c.Close(), nil)
	c = open(t, folder, k)
	for _, id := range []uuid.UUID{a, {3}} {
		_, err := c.Key(t.Context(), id)
		is(t, err, ErrErased)
		_, err = c.NewKey(t.Context(), id)
		is(t, err, ErrErased)
		is(t, c.Index(t.Context(), id, "profile", nil), ErrErased)
	}
	if got := c.finds(t, "+1"); got != "[]" {
		t.Errorf("got %s", got)
	}
	erasing, err := c.Erasing(t.Context())
	if want := fmt.Sprint([]Erasure{{a, "first"}, {uuid.UUID{3}, "never had one"}}); fmt.Sprint(erasing) != want {
		t.Errorf("got %v, %v, want %s", erasing, err, want)
	}
	is(t, c.Erased(t.Context(), a), nil)
	if erasing, err := c.Erasing(t.Context()); err != nil || len(erasing) != 1 {
		t.Errorf("got %v, %v", erasing, err)
	}
	c.mustKey(t, b)
}

// What was erased, and what a rotation replaced, stands in no file of the folder any more, however
// rows moved between pages.
func TestNothingRemains(t *testing.T) {
	folder := t.TempDir()
	c := open(t, folder, keyring(t, master(1)))
	var ids []uuid.UUID
	var phones []string
	for i := range 1000 {
		ids, phones = append(ids, uuid.New()), append(phones, fmt.Sprint("+86138", 10000000+i))
		c.mustKey(t, ids[i])
		c.index(t, ids[i], "profile", phones[i])
	}
	stored := func(i int) (secrets [][]byte) {
		for _, query := range []string{"SELECT wrapped FROM customers WHERE id = ?",
			"SELECT hash FROM lookups WHERE customer = ?", "SELECT sealed FROM lookups WHERE customer = ?"} {
			var secret string
			is(t, c.db.QueryRow(query, ids[i].String()).Scan(&secret), nil)
			secrets = append(secrets, []byte(secret))
		}
		return secrets
	}
	stands := func(secret []byte) bool {
		names, err := filepath.Glob(filepath.Join(folder, "*"))
		is(t, err, nil)
		for _, name := range names {
			text, err := os.ReadFile(name)
			is(t, err, nil)
			if bytes.Contains(text, secret) {
				return true
			}
		}
		return false
	}
	for i := 0; i < 1000; i += 50 {
		secrets := stored(i)
		for _, secret := range secrets {
			if !stands(secret) {
				t.Fatalf("customer %d: %s is not looked for where it is", i, secret)
			}
		}
		is(t, c.Erase(t.Context(), ids[i], "x"), nil)
		for _, secret := range secrets {
			if stands(secret) {
				t.Fatalf("customer %d: %s is still there", i, secret)
			}
		}
	}
	old := stored(1)
	is(t, c.Close(), nil)
	c = open(t, folder, keyring(t, master(2), master(1)))
	if n, err := c.Rewrap(t.Context()); n != 980 || err != nil {
		t.Fatalf("got %d, %v", n, err)
	}
	for _, secret := range old[:2] {
		if stands(secret) {
			t.Errorf("%s of the old master key is still there", secret)
		}
	}
}

// A rotation: the old master key opens until all is sealed with the new one, and is then not needed.
func TestRewrap(t *testing.T) {
	folder := t.TempDir()
	c := open(t, folder, keyring(t, master(1)))
	var sealed []string
	var ids []uuid.UUID
	for i := range 2*rewrapped + 1 {
		id := uuid.UUID{byte(i >> 8), byte(i)}
		s, err := c.mustKey(t, id).Seal("p", []byte("text"))
		is(t, err, nil)
		ids, sealed = append(ids, id), append(sealed, s)
		c.index(t, id, "profile", fmt.Sprint("+", i))
	}
	is(t, c.Erase(t.Context(), ids[7], "x"), nil)
	reads := func(what string) {
		t.Helper()
		for i, id := range ids {
			if i == 7 {
				continue
			}
			plain, err := c.mustKey(t, id).Open("p", sealed[i])
			if err != nil || string(plain) != "text" {
				t.Fatalf("%s: got %q, %v of customer %d", what, plain, err, i)
			}
			if got := c.finds(t, fmt.Sprint("+", i)); got != fmt.Sprint([]Found{{id, "profile"}}) {
				t.Fatalf("%s: got %s of customer %d", what, got, i)
			}
		}
	}
	reopen := func(keys ...string) {
		is(t, c.Close(), nil)
		c = open(t, folder, keyring(t, keys...))
	}
	reopen(master(2), master(1))
	reads("before")
	for _, want := range []int{2 * rewrapped, 0} {
		if n, err := c.Rewrap(t.Context()); n != want || err != nil {
			t.Fatalf("got %d, %v, want %d", n, err, want)
		}
	}
	reopen(master(2))
	reads("after")
	reopen(master(3))
	if n, err := c.Rewrap(t.Context()); n != 0 || !errors.Is(err, ErrSealed) {
		t.Errorf("got %d, %v of keys that do not open", n, err)
	}
	_, err := c.Key(t.Context(), ids[0])
	is(t, err, ErrSealed)
}

// Without master keys there are no customers' keys.
func TestNoCustomers(t *testing.T) {
	folder := t.TempDir()
	c := open(t, folder, nil)
	_, err := c.NewKey(t.Context(), uuid.UUID{1})
	is(t, err, ErrNoMasterKey)
	_, err = c.Find(t.Context(), "phone", "+1")
	is(t, err, ErrNoMasterKey)
	is(t, c.Erase(t.Context(), uuid.UUID{1}, ""), ErrNoMasterKey)
	if names, _ := filepath.Glob(filepath.Join(folder, "*")); len(names) > 0 {
		t.Errorf("got files %v", names)
	}
}

// Whatever is opened is what was sealed, or ErrSealed.
func FuzzOpen(f *testing.F) {
	k := Key{newKey(bytes.Repeat([]byte{7}, 32))}
	sealed, err := k.Seal("p", []byte("text"))
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{sealed, "", "v1", "v1.", "v1..", sealed[:20], sealed + "A", "v2" + sealed[2:],
		strings.ToUpper(sealed), "v1." + k.ID() + "."} {
		f.Add("p", seed)
	}
	f.Add("q", sealed)
	f.Fuzz(func(t *testing.T, purpose, text string) {
		plain, err := k.Open(purpose, text)
		switch {
		case err == nil && (purpose != "p" || string(plain) != "text"):
			t.Errorf("got %q for %q of %q", plain, purpose, text)
		case err != nil && !errors.Is(err, ErrSealed):
			t.Errorf("got %v", err)
		}
	})
}
