package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/enginetest"
)

// dying is a store that takes some appends and no more, as if the process had been killed: the last
// may have been stored all the same.
type dying struct {
	eventstore.Store
	left   atomic.Int64
	stores bool // what kills the process is stored
}

var errKilled = errors.New("killed")

func (d *dying) Append(
	ctx context.Context, stream string, expected eventstore.Revision, events []eventstore.Event,
) (eventstore.Appended, error) {
	left := d.left.Add(-1)
	if left == -1 && d.stores {
		_, _ = d.Store.Append(ctx, stream, expected, events)
	}
	if left < 0 {
		return eventstore.Appended{}, errKilled
	}
	return d.Store.Append(ctx, stream, expected, events)
}

// item is a debit of a till that was cut off, or, of a negative amount, a top-up.
func item(seq int64, ref string, cents int, at time.Time) ledger.Item {
	amount := yuan(fmt.Sprintf("%d.%02d", max(cents, -cents)/100, max(cents, -cents)%100))
	var c domain.Command = domain.OfflineDebit{Amount: amount}
	if cents < 0 {
		c = domain.TopUp{Amount: amount, TopUpTerms: domain.DefaultTerms()}
	}
	return ledger.Item{Seq: seq, Amount: amount, Request: ledger.Request{
		Account: domain.AccountID(ref), Command: c,
		Caller: ledger.Caller{Actor: "till", Role: domain.RolePOS},
		Context: domain.Context{Store: "S1", Terminal: "T1", PosTxnID: fmt.Sprint(seq), OccurredAt: at,
			Channel: domain.ChannelOffline},
	}}
}

// upload sends items under a key, as a caller would who made the batch of them.
func (s shop) upload(key string, items ...ledger.Item) (domain.BatchUploaded, error) {
	hash := domain.Hash{}
	for _, i := range items {
		hash[i.Seq%32]++
	}
	a, err := s.Upload(s.Context(), ledger.Batch{
		Registering: ledger.Registering{Key: key, Caller: ledger.Caller{Actor: "till",
			Role: domain.RolePOS}, Context: domain.Context{Store: "S1", Terminal: "T1"}},
		Upload: domain.UploadBatch{ID: domain.BatchID("till", key), Store: "S1", Terminal: "T1",
			ItemsHash: hash},
		Items: items,
	})
	if err != nil {
		return domain.BatchUploaded{}, err
	}
	return a.First().Event.(domain.BatchUploaded), nil
}

// outcome is what a log holds of a batch: the balances, what is owed, and what was raised, once
// each.
func outcome(t *testing.T, s shop, store eventstore.Store) string {
	t.Helper()
	var lines []string
	for _, ref := range []string{"C-1", "C-2"} {
		v, err := s.Ledger.Account(t.Context(), domain.AccountID(ref))
		if err != nil {
			t.Fatal(err)
		}
		line := ref + " " + v.Balance("CNY", 2, v.At).Total.String()
		for _, r := range v.Receivables() {
			line += " owes " + r.Outstanding.String()
		}
		lines = append(lines, line)
	}
	for e, err := range store.ReadAll(t.Context(), eventstore.Start, "batch-") {
		if err != nil {
			t.Fatal(err)
		}
		p, err := domain.Decode(e.Type, e.Data, e.Metadata, int64(e.Revision))
		if err != nil {
			t.Fatal(err)
		}
		if x, ok := p.Event.(domain.ExceptionRaised); ok {
			lines = append(lines, fmt.Sprint(x.Seq, " ", x.Kind, " ", x.Amount))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// openTwo opens C-1 and C-2 with 20.00 each, the second frozen for debits.
func openTwo(t *testing.T, store eventstore.Store) {
	t.Helper()
	s := open(t, store)
	for _, ref := range []string{"C-1", "C-2"} {
		for n, c := range []domain.Command{domain.OpenAccount{CustomerRef: ref}, topUp("20.00"),
			domain.FreezeAccount{Modes: []domain.FreezeMode{domain.FreezeDebit}, Reason: "lost"}} {
			if ref == "C-1" && n == 2 {
				continue
			}
			_, err := s.Do(t.Context(), ledger.Request{Account: domain.AccountID(ref), Command: c,
				Key: fmt.Sprint(n), Caller: ledger.Caller{Actor: "test", Role: domain.RoleAdmin}})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	s.Close()
}

// mixed is a batch with an item of every fate.
func mixed() []ledger.Item {
	at := time.Now().UTC()
	refused := item(9, "C-1", 1, at)
	refused.Refusal = domain.ErrAmountScale
	return []ledger.Item{
		item(1, "C-1", 500, at), item(2, "C-1", 3000, at), item(3, "C-2", 700, at),
		item(4, "C-1", -2500, at), item(5, "C-1", 100, at.AddDate(0, 0, -9)),
		item(6, "C-1", 99999, at.AddDate(0, 0, -9)), item(8, "C-9", 600, at), refused,
	}
}

const mixedResults = "1 posted, 2 overdraft, 3 frozen, 4 posted, 5 skewed, 6 overdraft, 8 refused " +
	"not_found, 9 refused amount_scale"

func told(e domain.BatchUploaded) string {
	var parts []string
	for _, r := range e.Results {
		parts = append(parts, strings.TrimSpace(fmt.Sprint(r.Seq, " ", r.Status, " ", r.Code)))
	}
	return strings.Join(parts, ", ")
}

// TestUploadKilled ends an upload before and after every append of it. The same batch again
// completes it, with the results it would have had.
func TestUploadKilled(t *testing.T) {
	whole := enginetest.Open(t)
	openTwo(t, whole)
	s := open(t, whole)
	e, err := s.upload("k", mixed()...)
	if err != nil || told(e) != mixedResults || e.MissingN != 1 {
		t.Fatalf("got %s, %d missing, %v", told(e), e.MissingN, err)
	}
	want := outcome(t, s, whole)
	for _, line := range []string{"2 overdraft 15.00 CNY", "3 frozen 7.00 CNY", "6 skewed 999.99 CNY"} {
		if !strings.Contains(want, line) {
			t.Fatalf("got %s without %s", want, line)
		}
	}
	again, err := s.upload("k", mixed()...)
	if err != nil || fmt.Sprint(again) != fmt.Sprint(e) {
		t.Errorf("again: got %v, %v, want %v", again, err, e)
	}
	for _, stores := range []bool{false, true} {
		for n := int64(0); ; n++ {
			if uploadKilledAfter(t, n, stores, want) {
				break
			}
		}
	}
}

// uploadKilledAfter lets an upload do n appends, and says whether that was all it wanted to do.
func uploadKilledAfter(t *testing.T, n int64, stores bool, want string) (finished bool) {
	t.Helper()
	store := enginetest.Open(t)
	openTwo(t, store)
	killed := &dying{Store: store, stores: stores}
	killed.left.Store(n)
	s := open(t, killed)
	_, err := s.upload("k", mixed()...)
	finished = err == nil
	s.Close()
	s = open(t, store)
	e, err := s.upload("k", mixed()...)
	if err != nil || told(e) != mixedResults {
		t.Errorf("killed after %d: got %s, %v, want %s", n, told(e), err, mixedResults)
	}
	if got := outcome(t, s, store); got != want {
		t.Errorf("killed after %d: got\n%s\nwant\n%s", n, got, want)
	}
	return finished
}

// TestUploadInPieces sends a till's items in any pieces, any of them again, under other keys and
// beside each other: the accounts end as if they had been sent once, in one.
func TestUploadInPieces(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		var items []ledger.Item
		for seq := range rapid.Int64Range(1, 12).Draw(r, "items") {
			ref := rapid.SampledFrom([]string{"C-1", "C-2"}).Draw(r, "account")
			items = append(items, item(seq+1, ref, rapid.IntRange(-900, 2500).Draw(r, "cents")|1, time.Now()))
		}
		once := enginetest.Open(t)
		openTwo(t, once)
		s := open(t, once)
		defer s.Close()
		if _, err := s.upload("k", items...); err != nil {
			t.Fatal(err)
		}
		want := outcome(t, s, once)

		pieces := enginetest.Open(t)
		openTwo(t, pieces)
		p := open(t, pieces)
		defer p.Close()
		sent := 0
		for n := 0; sent < len(items); n++ {
			from := rapid.IntRange(0, sent).Draw(r, "from")
			to := rapid.IntRange(from+1, len(items)).Draw(r, "to")
			if from == sent {
				to = rapid.IntRange(sent+1, len(items)).Draw(r, "next")
			}
			if _, err := p.upload(fmt.Sprint("piece-", n), items[from:to]...); err != nil {
				t.Fatal(err)
			}
			sent = max(sent, to)
		}
		if got := outcome(t, p, pieces); got != want {
			t.Fatalf("got\n%s\nwant\n%s", got, want)
		}
	})
}

// TestUploadDuplicate: what the till sent before it was cut off, and never got the answer to, is
// found by its reference; for another amount it is refused.
func TestUploadDuplicate(t *testing.T) {
	store := enginetest.Open(t)
	openTwo(t, store)
	s := open(t, store)
	online := item(17, "C-1", 500, time.Time{})
	online.Request.Command, online.Request.Key = domain.Debit{Amount: yuan("5.00")}, "online"
	online.Request.Context.Channel = ""
	a, err := s.Do(t.Context(), online.Request)
	if err != nil {
		t.Fatal(err)
	}
	e, err := s.upload("k", item(17, "C-1", 500, time.Now()))
	if err != nil || told(e) != "17 duplicate" ||
		e.Results[0].OperationID != a.First().Metadata.OperationID {
		t.Errorf("got %+v, %v", e.Results, err)
	}
	other := item(17, "C-1", 600, time.Now())
	other.Seq = 18
	if e, err = s.upload("l", other); err != nil || told(e) != "18 refused reference_used" {
		t.Errorf("got %s, %v", told(e), err)
	}
	if got := s.available(); got != "15.00" {
		t.Errorf("got %s left, want 15.00", got)
	}
}

// TestUploadOfAnotherItem: a number names an item on its account for ever.
func TestUploadOfAnotherItem(t *testing.T) {
	store := enginetest.Open(t)
	openTwo(t, store)
	s := open(t, store)
	if _, err := s.upload("k", item(1, "C-1", 500, time.Now())); err != nil {
		t.Fatal(err)
	}
	if e, err := s.upload("l", item(1, "C-1", 600, time.Now())); err != nil ||
		told(e) != "1 refused key_reused" {
		t.Errorf("got %s, %v", told(e), err)
	}
	other := item(1, "C-1", 600, time.Now())
	_, err := s.upload("k", other, item(2, "C-1", 1, time.Now()))
	if !errors.Is(err, domain.ErrKeyReused) {
		t.Errorf("got %v of another batch under one key", err)
	}
}

// TestUploadAtOnce has two nodes answer the same batch at once, as when a till is impatient.
func TestUploadAtOnce(t *testing.T) {
	store := enginetest.Open(t)
	openTwo(t, store)
	nodes := []shop{open(t, store), open(t, store)}
	batch := make([][]ledger.Item, 4)
	for i := range batch {
		batch[i] = mixed()
	}
	answers, errs := make([]string, len(batch)), make([]error, len(batch))
	var wait sync.WaitGroup
	for i := range batch {
		wait.Go(func() {
			var e domain.BatchUploaded
			e, errs[i] = nodes[i%2].upload("k", batch[i]...)
			answers[i] = fmt.Sprint(e)
		})
	}
	wait.Wait()
	for i := range batch {
		if errs[i] != nil || answers[i] != answers[0] {
			t.Errorf("got %s, %v, want %s", answers[i], errs[i], answers[0])
		}
	}
	if got := outcome(t, open(t, store), store); strings.Count(got, "overdraft") != 2 {
		t.Errorf("got %s, want two overdrafts", got)
	}
}
