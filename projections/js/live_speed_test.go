package js

import (
	"fmt"
	"testing"
	"time"

	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/storetest"
)

// TestRunawaysTakeTurns: scripts that take long, each at every event, hold up one that
// is quick by no more than their turns, and an append by nothing.
func TestRunawaysTakeTurns(t *testing.T) {
	store := storetest.NewMemory()
	r := newRig(t, store)
	const slow = `fromAll().when({A() { for (let i = 0; i < 20000; i++); }})`
	for n := range 4 {
		r.create(fmt.Sprint("slow", n), slow, false)
	}
	r.create("quick", counting, true)
	r.append(lines(0, 20))
	began := time.Now()
	if got, want := r.shown("quick"), `a-1={"n":190}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	t.Logf("a quick projection folded 20 events beside four slow ones in %v", time.Since(began))
	s, err := r.m.Status(t.Context(), "slow0")
	if err != nil || s.Answers.State == LiveFaulted {
		t.Errorf("got %+v, %v", s.Answers, err)
	}
	began = time.Now()
	if _, err := store.Append(t.Context(), "b-1", eventstore.NoStream, []eventstore.Event{{Type: "B"}}); err != nil {
		t.Error(err)
	}
	t.Logf("an append beside them took %v", time.Since(began))
}
