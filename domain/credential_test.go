package domain

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
)

var (
	_ = telling(func(e CredentialBound) string { return string(e.Kind) + " " + e.Last4 })
	_ = telling(func(e CredentialBlocked) string { return e.Reason })
	_ = telling(func(e CredentialReplaced) string { return string(e.Kind) + " " + e.Last4 })
)

// hashed is the hash that stands for the n-th value.
func hashed(n int) HashedValue {
	return HashedValue{KeyedHash: fmt.Sprintf("%064x", n), Last4: fmt.Sprintf("%04d", n)}
}

func bind(n int) BindCredential { return BindCredential{CredentialCard, hashed(n)} }

func block(n int) ask {
	return func(b *book) Command { return BlockCredential{b.ids[n], "lost"} }
}

func replace(n, value int) ask {
	return func(b *book) Command { return ReplaceCredential{b.ids[n], hashed(value)} }
}

func TestBindCredential(t *testing.T) {
	alter := func(edit func(*BindCredential)) ask { b := bind(1); edit(&b); return asks(b) }
	many := []step{opened}
	for n := range mostActiveCredentials {
		many = append(many, did(bind(n)))
	}
	run(t, []row{
		{"a card", []step{opened}, asks(bind(1)), "CredentialBound card 0001"},
		{"a second card", []step{opened, did(bind(1))}, asks(bind(2)), "CredentialBound card 0002"},
		{"unknown kind before hash", nil, asks(BindCredential{}), "malformed kind"},
		{"a value in clear", nil, alter(func(b *BindCredential) { b.KeyedHash = "6200123456781234" }),
			"malformed value"},
		{"more than four characters", nil, alter(func(b *BindCredential) { b.Last4 = "12345" }),
			"malformed value"},
		{"no account", nil, asks(bind(1)), "not_found"},
		{"reference before value", []step{opened, ref("7"), did(bind(1))}, asks(bind(1)), "reference_used"},
		{"bound here", []step{opened, did(bind(1))}, asks(bind(1)), "credential_used"},
		{"bound here under an older master key", []step{opened, did(bind(1))},
			alter(func(b *BindCredential) { b.HashedValue = hashed(2); b.Others = []string{hashed(1).KeyedHash} }),
			"credential_used"},
		{"bound elsewhere", []step{opened}, alter(func(b *BindCredential) { b.Elsewhere = true }),
			"credential_used"},
		{"the same value of another kind", []step{opened, did(bind(1))},
			alter(func(b *BindCredential) { b.Kind = CredentialCode }), "CredentialBound code 0001"},
		{"blocked before", []step{opened, did(bind(1)), didAs(block(1))}, asks(bind(1)),
			"CredentialBound card 0001"},
		{"50 of them", many, asks(bind(99)), "limit_exceeded"},
		{"one of 50 is lost", many, replace(1, 99), "CredentialReplaced card 0099"},
		{"one too many for a blocked one's", append(many[:len(many):len(many)], didAs(block(1)), did(bind(98))),
			replace(1, 99), "limit_exceeded"},
		{"while frozen", []step{opened, frozen(FreezeAll)}, asks(bind(1)), "CredentialBound card 0001"},
	})
}

func TestBlockCredential(t *testing.T) {
	run(t, []row{
		{"blocks", []step{opened, did(bind(1))}, block(1), "CredentialBlocked lost"},
		{"a reason in clear text", nil, asks(BlockCredential{uuid.UUID{1}, "Anna lost it"}),
			"malformed reason"},
		{"a reason that is a phone", nil, asks(BlockCredential{uuid.UUID{1}, "13800138000"}),
			"malformed reason"},
		{"no account", nil, asks(BlockCredential{uuid.UUID{1}, "lost"}), "not_found"},
		{"no credential", []step{opened}, asks(BlockCredential{uuid.UUID{1}, "lost"}), "not_found"},
		{"reference before state", []step{opened, did(bind(1)), ref("7"), didAs(block(1))}, block(1),
			"reference_used"},
		{"blocked before", []step{opened, did(bind(1)), didAs(block(1))}, block(1),
			"credential_not_active"},
		{"replaced before", []step{opened, did(bind(1)), didAs(replace(1, 2))}, block(1),
			"credential_not_active"},
		{"while frozen", []step{opened, did(bind(1)), frozen(FreezeLegal)}, block(1), "CredentialBlocked lost"},
	})
}

func TestReplaceCredential(t *testing.T) {
	run(t, []row{
		{"an active one", []step{opened, did(bind(1))}, replace(1, 2), "CredentialReplaced card 0002"},
		{"a lost one", []step{opened, did(bind(1)), didAs(block(1))}, replace(1, 2),
			"CredentialReplaced card 0002"},
		{"the new one", []step{opened, did(bind(1)), didAs(replace(1, 2))}, replace(2, 3),
			"CredentialReplaced card 0003"},
		{"a value in clear", nil, asks(ReplaceCredential{}), "malformed value"},
		{"no account", nil, asks(ReplaceCredential{uuid.UUID{1}, hashed(1)}), "not_found"},
		{"no credential", []step{opened}, asks(ReplaceCredential{uuid.UUID{1}, hashed(1)}), "not_found"},
		{"reference before state", []step{opened, did(bind(1)), ref("7"), didAs(replace(1, 2))},
			replace(1, 3), "reference_used"},
		{"replaced before", []step{opened, did(bind(1)), didAs(replace(1, 2))}, replace(1, 3),
			"credential_not_active"},
		{"by itself", []step{opened, did(bind(1))}, replace(1, 1), "credential_used"},
		{"by one that is bound", []step{opened, did(bind(1)), did(bind(2))}, replace(1, 2),
			"credential_used"},
	})
}

// A lost card never loses the balance, and finds nothing; the new one does.
func TestLostCard(t *testing.T) {
	b := newBook(t)
	for _, s := range []step{opened, did(bind(1)), did(topUp("10", "")), didAs(block(1)),
		didAs(replace(1, 2)), did(debit("4"))} {
		s(b)
	}
	for n, want := range []bool{false, false, true} {
		if got := b.account.Shows(CredentialCard, hashed(n).KeyedHash); got != want {
			t.Errorf("card %d: got %t, want %t", n, got, want)
		}
	}
	if b.account.Shows(CredentialCode, hashed(2).KeyedHash) {
		t.Error("a code is a card")
	}
}

// The state forgets the oldest credentials that are over, and keeps those that are not.
func TestCredentialsAreBounded(t *testing.T) {
	b := newBook(t)
	opened(b)
	did(bind(0))(b)
	did(bind(1))(b)
	for n := 2; n < 3*mostCredentials; n++ {
		didAs(replace(n, n))(b) // the one that was bound or replaced last
	}
	if got := len(b.account.credentials); got != mostCredentials {
		t.Errorf("got %d credentials, want %d", got, mostCredentials)
	}
	for _, n := range []int{0, 3*mostCredentials - 1} {
		if !b.account.Shows(CredentialCard, hashed(n).KeyedHash) {
			t.Errorf("card %d is gone", n)
		}
	}
}

// A repeat after a rotation of master keys has another hash, and is the same request.
func TestCredentialRepeats(t *testing.T) {
	b := newBook(t)
	opened(b)
	for _, c := range []struct{ first, again Command }{
		{bind(1), BindCredential{CredentialCard, HashedValue{KeyedHash: hashed(9).KeyedHash, Last4: "0001",
			Others: []string{hashed(1).KeyedHash}}}},
	} {
		posted, err := b.do(c.first)
		if err != nil {
			t.Fatal(err)
		}
		differs(t, posted[0], c.first, Context{}, "")
		differs(t, posted[0], c.again, Context{}, "")
		differs(t, posted[0], bind(2), Context{}, "keyed_hash, last4")
		differs(t, posted[0], BindCredential{CredentialCode, hashed(1)}, Context{}, "kind")
	}
	replacing := replace(1, 3)(b).(ReplaceCredential)
	posted, err := b.do(replacing)
	if err != nil {
		t.Fatal(err)
	}
	rotated := replacing
	rotated.KeyedHash, rotated.Others = hashed(8).KeyedHash, []string{hashed(3).KeyedHash}
	differs(t, posted[0], rotated, Context{}, "")
	differs(t, posted[0], replace(1, 4)(b), Context{}, "keyed_hash, last4")
	blocking := BlockCredential{posted[0].Metadata.EventID, "lost"}
	if posted, err = b.do(blocking); err != nil {
		t.Fatal(err)
	}
	differs(t, posted[0], blocking, Context{}, "")
	blocking.Reason = "stolen"
	differs(t, posted[0], blocking, Context{}, "reason")
}

func TestCredentialDamage(t *testing.T) {
	for _, e := range []interface{ check() error }{
		CredentialBound{}, CredentialBound{Kind: CredentialCard, KeyedHash: "6200"},
		CredentialReplaced{Kind: "x", KeyedHash: strings.Repeat("0", 64)},
	} {
		if e.check() == nil {
			t.Errorf("got %+v as sound", e)
		}
	}
	a := NewAccount(AccountID("C-1"))
	for _, e := range []applier{CredentialBlocked{}, CredentialReplaced{Kind: CredentialCard}} {
		if e.apply(a, noon) == nil {
			t.Errorf("got %+v applied", e)
		}
	}
}
