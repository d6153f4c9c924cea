package ledger_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
	"github.com/tillbook/tillbook/eventstore/enginetest"
)

// publish publishes a version of a program and answers its name.
func (s shop) publish(p domain.PublishProgram) string {
	s.Helper()
	a, err := s.Register(s.Context(), ledger.Registering{
		Registration: p, Key: uuid.NewString(),
		Caller: ledger.Caller{Actor: "test", Role: domain.RoleMarketing},
	})
	if err != nil {
		s.Fatalf("publish %s: %v", p.ID, err)
	}
	return a.First().Event.(domain.ProgramPublished).Rules().Name()
}

// TestRulingProgram: a list wins over no list, ids decide among equals, the version is the one in force,
// and the events name it.
func TestRulingProgram(t *testing.T) {
	store := enginetest.Open(t)
	s := open(t, store)
	me, other := domain.AccountID("C-1"), domain.AccountID("C-2")
	now := time.Now()
	rules := func(account uuid.UUID, at time.Time) string { return s.Program(account, at).Name() }
	check := func(account uuid.UUID, at time.Time, want string) {
		t.Helper()
		if got := rules(account, at); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	check(me, now, "default@1")
	s.publish(domain.PublishProgram{ID: "default"})
	check(me, time.Now(), "default@2")
	check(me, now, "default@1") // it did not rule then
	s.publish(domain.PublishProgram{ID: "all", New: true})
	check(me, time.Now(), "all@1") // by id
	mine := []uuid.UUID{me}
	s.publish(domain.PublishProgram{ID: "vip", New: true, Accounts: mine})
	check(me, time.Now(), "vip@1")
	check(other, time.Now(), "all@1")
	s.publish(domain.PublishProgram{ID: "staff", New: true, Accounts: mine})
	check(me, time.Now(), "staff@1")
	s.publish(domain.PublishProgram{ID: "staff", EffectiveFrom: time.Now().Add(time.Hour)})
	check(me, time.Now(), "staff@1")
	check(me, time.Now().Add(time.Hour), "vip@1") // staff@2 lists nobody
	check(other, time.Now().Add(time.Hour), "all@1")

	s.must("open", domain.OpenAccount{CustomerRef: "C-1"})
	if got := s.must("fill", topUp("1.00")).First().Metadata.ProgramVersion; got != "staff@1" {
		t.Errorf("the top-up names %s, want staff@1", got)
	}
	if p, ok := s.NamedProgram("staff@2"); !ok || p.Version != 2 {
		t.Errorf("got %v, want staff@2", p)
	}
	s.Ledger.Close()

	s = open(t, store) // a restart knows them
	check(me, time.Now(), "staff@1")
	if got := s.publish(domain.PublishProgram{ID: "default"}); got != "default@3" {
		t.Errorf("got %s, want default@3", got)
	}
}

// TestPublishedElsewhere: what one node publishes another one knows once it has caught up.
func TestPublishedElsewhere(t *testing.T) {
	here, there := nodes(t)
	for i := range 3 {
		here.publish(domain.PublishProgram{ID: "default"})
		if err := there.CatchUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprint("default@", i+2)
		if got := there.Program(domain.AccountID("C-1"), time.Now()).Name(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if got := there.publish(domain.PublishProgram{ID: "default"}); got != "default@5" {
		t.Errorf("got %s, want default@5", got)
	}
}
