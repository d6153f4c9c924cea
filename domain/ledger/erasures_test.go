package ledger_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"testing"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
	"github.com/tillbook/tillbook/domain/vault"
	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/enginetest"
)

func openPeople(t *testing.T, folder string) *vault.Customers {
	t.Helper()
	keys, err := vault.NewKeyring(base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{1}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	people, err := vault.OpenCustomers(t.Context(), folder, keys)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = people.Close() })
	return people
}

// TestErase fails at every step of an erasure: what is recorded as erased is unreadable, and what was
// begun is ended by the same key or by itself.
func TestErase(t *testing.T) {
	unknown, broken := eventstore.ErrOutcomeUnknown, errors.New("disk is full")
	id := domain.AccountID("C-1")
	erase := func(key string) ledger.Registering {
		return ledger.Registering{Registration: domain.EraseCustomer{ID: id, Reason: "asked"}, Key: key,
			Caller: ledger.Caller{Actor: "admin", Role: domain.RoleAdmin}}
	}
	for _, row := range []struct {
		name      string
		given     func(t *testing.T, s shop, store *faulty, people *vault.Customers)
		resume    bool
		replayed  bool // the same key finds it done
		destroyed bool // before the key is sent again
	}{
		{"whole", func(t *testing.T, s shop, _ *faulty, people *vault.Customers) {
			if _, err := s.Erase(t.Context(), people, erase("e")); err != nil {
				t.Fatal(err)
			}
		}, false, true, true},
		{"the event is not written", func(t *testing.T, s shop, store *faulty, people *vault.Customers) {
			store.plan(fault{false, broken})
			if _, err := s.Erase(t.Context(), people, erase("e")); !errors.Is(err, broken) {
				t.Fatalf("got %v", err)
			}
		}, false, false, true},
		{"the event is not written, resumed", func(t *testing.T, s shop, store *faulty, people *vault.Customers) {
			store.plan(fault{false, broken})
			if _, err := s.Erase(t.Context(), people, erase("e")); !errors.Is(err, broken) {
				t.Fatalf("got %v", err)
			}
		}, true, true, true},
		{"the event is written, nobody knows", func(t *testing.T, s shop, store *faulty,
			people *vault.Customers) {
			store.plan(fault{true, unknown}, fault{true, unknown})
			_, _ = s.Erase(t.Context(), people, erase("e"))
		}, true, true, true},
		{"on another node", func(t *testing.T, s shop, _ *faulty, _ *vault.Customers) {
			other := openPeople(t, t.TempDir())
			if _, err := s.Erase(t.Context(), other, erase("e")); err != nil {
				t.Fatal(err)
			}
		}, false, true, false},
		{"a dry run", func(t *testing.T, s shop, _ *faulty, people *vault.Customers) {
			q := erase("e")
			q.DryRun = true
			if _, err := s.Erase(t.Context(), people, q); err != nil {
				t.Fatal(err)
			}
		}, true, false, false},
		{"refused", func(t *testing.T, s shop, _ *faulty, people *vault.Customers) {
			q := erase("x")
			q.Registration = domain.EraseCustomer{ID: id}
			if _, err := s.Erase(t.Context(), people, q); !errors.Is(err, domain.ErrMalformed) {
				t.Fatalf("got %v", err)
			}
		}, true, false, false},
		{"without a master key", func(t *testing.T, s shop, _ *faulty, _ *vault.Customers) {
			if _, err := s.Erase(t.Context(), nil, erase("x")); !errors.Is(err, vault.ErrNoMasterKey) {
				t.Fatalf("got %v", err)
			}
		}, true, false, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			store := &faulty{Store: enginetest.Open(t)}
			s, folder := open(t, store), t.TempDir()
			people := openPeople(t, folder)
			if _, err := people.NewKey(t.Context(), id); err != nil {
				t.Fatal(err)
			}
			row.given(t, s, store, people)
			if err := people.Close(); err != nil { // the process ends, and begins again
				t.Fatal(err)
			}
			people = openPeople(t, folder)
			_, err := people.Key(t.Context(), id)
			if got := errors.Is(err, vault.ErrErased); got != row.destroyed {
				t.Fatalf("got destroyed %t (%v), want %t", got, err, row.destroyed)
			}
			if row.resume {
				if err := s.ResumeErasures(t.Context(), people); err != nil {
					t.Fatal(err)
				}
			}
			if c, _, err := s.Customer(t.Context(), id); err != nil || c.ErasedAt.IsZero() == row.replayed {
				t.Fatalf("got %+v, %v, want recorded %t", c, err, row.replayed)
			}
			a, err := s.Erase(t.Context(), people, erase("e"))
			if err != nil || a.Replayed != row.replayed || a.First().Metadata.Actor != "admin" {
				t.Fatalf("got %+v, %v, want replayed %t by admin", a, err, row.replayed)
			}
			if _, err := people.Key(t.Context(), id); !errors.Is(err, vault.ErrErased) {
				t.Errorf("got %v, want %v", err, vault.ErrErased)
			}
			if left, err := people.Erasing(t.Context()); err != nil || len(left) > 0 {
				t.Errorf("got %v, %v left over", left, err)
			}
		})
	}
}

// TestErasuresPastDamage has two erasures whose events were not written, and of one customer the stream
// is damaged since: the other's is ended.
func TestErasuresPastDamage(t *testing.T) {
	for _, damaged := range []string{"C-1", "C-2"} {
		store := &faulty{Store: enginetest.Open(t)}
		s, people := open(t, store), openPeople(t, t.TempDir())
		for _, ref := range []string{"C-1", "C-2"} {
			id := domain.AccountID(ref)
			if _, err := people.NewKey(t.Context(), id); err != nil {
				t.Fatal(err)
			}
			broken := errors.New("disk is full")
			store.plan(fault{false, broken})
			_, err := s.Erase(t.Context(), people, ledger.Registering{
				Registration: domain.EraseCustomer{ID: id, Reason: "asked"}, Key: "e",
				Caller: ledger.Caller{Actor: "admin", Role: domain.RoleAdmin}})
			if !errors.Is(err, broken) {
				t.Fatalf("got %v, want %v", err, broken)
			}
		}
		foreign := []eventstore.Event{{ID: [16]byte{1}, Type: "Foreign", Data: []byte("{}"),
			Metadata: []byte("{}")}}
		_, err := store.Append(t.Context(), domain.CustomerStream(domain.AccountID(damaged)),
			eventstore.NoStream, foreign)
		if err != nil {
			t.Fatal(err)
		}
		err = s.ResumeErasures(t.Context(), people)
		if _, is := errors.AsType[*ledger.Damaged](err); !is {
			t.Errorf("got %v, want damage", err)
		}
		left, err := people.Erasing(t.Context())
		if err != nil || len(left) != 1 || left[0].Customer != domain.AccountID(damaged) {
			t.Errorf("got %v, %v left, want %s alone", left, err, damaged)
		}
	}
}
