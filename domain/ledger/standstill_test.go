package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/enginetest"
)

// TestStandstill has two nodes sweep and charge the same accounts at once, for twelve days: both all the
// time, one that stands still for a week and knows the accounts as they were before, and both of them
// standing still. What time brings about, reminders, dormancy, expiries, lapsed holds and charges, is
// written once, and the same whoever stood still.
func TestStandstill(t *testing.T) {
	want := ""
	for _, still := range []int{0, 1, 2} {
		n := newStandstill(t)
		for hour := 0; hour < 12*24; hour += 5 {
			awake := n.nodes
			if hour > 24 && hour < 8*24 {
				awake = n.nodes[still:]
			}
			n.look(awake)
			n.watch.pass(5 * time.Hour)
		}
		got := n.told()
		if want == "" {
			want = got
			for kind, times := range map[string]int{"LotExpiring": 5, "AccountDormant": 2, "LotExpired": 4,
				"HoldReleased": 2, "DebitPosted": 13} {
				if found := strings.Count(got, "\n"+kind); found != times {
					t.Errorf("got %d of %s, want %d", found, kind, times)
				}
			}
		}
		if got != want {
			t.Errorf("%d stood still, and wrote\n%s\nwant\n%s", still, got, want)
		}
	}
}

// standstill is two nodes, their clock, and accounts on which much is to come.
type standstill struct {
	shop
	watch    *clock
	nodes    []*ledger.Ledger
	accounts []uuid.UUID
}

func newStandstill(t *testing.T) *standstill {
	n := &standstill{watch: &clock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}}
	store := enginetest.Open(t)
	for range 2 {
		l := ledger.Open(store, ledger.Options{Now: n.watch.Now, Shared: true})
		t.Cleanup(l.Close)
		if err := l.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		n.nodes = append(n.nodes, l)
	}
	n.shop = shop{t, n.nodes[0]}
	n.accounts = []uuid.UUID{domain.AccountID("C-1"), domain.AccountID("C-2")}
	n.publish(domain.PublishProgram{ID: "sleepy", New: true, Accounts: n.accounts[:1],
		Terms: domain.Terms{Reminders: []int{4, 1}, Dormancy: []int{3, 7}}})

	n.must("open", domain.OpenAccount{CustomerRef: "C-1"})
	sold := topUp("100.00")
	sold.ExpiresAt = n.watch.Now().AddDate(0, 0, 6)
	sold.Bonus, sold.BonusExpiresAt = yuan("30.00"), n.watch.Now().AddDate(0, 0, 2)
	n.must("fill", sold)
	n.must("spend", domain.Debit{Amount: yuan("13.00")})
	n.must("order", domain.PlaceHold{Amount: yuan("26.00"), TTLSeconds: 4 * 86400})
	n.must("look", domain.PlaceHold{Amount: yuan("13.00"), TTLSeconds: 600})
	more := topUp("9.00")
	more.ExpiresAt = n.watch.Now().AddDate(0, 0, 9)
	n.must("more", more)

	n.other("open", domain.OpenAccount{CustomerRef: "C-2"})
	n.other("fill", topUp("100.00"))
	n.other("fee", domain.SetMandate{Amount: yuan("3.00"), Cap: yuan("3.00"),
		Calendar: domain.Calendar{Every: "day", At: "09:00", Zone: "Asia/Shanghai"}})
	return n
}

func (n *standstill) other(key string, c domain.Command) {
	n.Helper()
	_, err := n.Do(n.Context(), ledger.Request{Account: n.accounts[1], Command: c, Key: key,
		Caller: ledger.Caller{Actor: "test", Role: domain.RoleAdmin}})
	if err != nil {
		n.Fatal(err)
	}
}

// look has nodes do at once, to all accounts, what is due.
func (n *standstill) look(nodes []*ledger.Ledger) {
	n.Helper()
	var wait sync.WaitGroup
	for _, l := range nodes {
		for _, id := range n.accounts {
			for _, do := range []func(context.Context, uuid.UUID) error{l.Sweep, l.Charge} {
				wait.Go(func() {
					if err := do(n.Context(), id); err != nil && !errors.Is(err, ledger.ErrBusy) {
						n.Error(err)
					}
				})
			}
		}
	}
	wait.Wait()
}

// what differs by whoever writes it, and when: ids, and a balance at the instant of writing.
var byWriter = regexp.MustCompile(
	`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|"balance":\{"unit":[^{]*"by_class":[^}]*\}\}`)

// told is what the accounts' events say, in their order, and when it happened.
func (n *standstill) told() string {
	n.Helper()
	var all strings.Builder
	for _, id := range n.accounts {
		entries, err := n.nodes[1].History(n.Context(), id, eventstore.End, 1000)
		if err != nil {
			n.Fatal(err)
		}
		for i := range entries {
			p := entries[len(entries)-1-i].Posted
			kind, data, _, err := domain.Encode(p)
			if err != nil {
				n.Fatal(err)
			}
			fmt.Fprintf(&all, "\n%s %s %s", kind, p.Metadata.OccurredAt, byWriter.ReplaceAll(data, nil))
		}
	}
	return all.String()
}
