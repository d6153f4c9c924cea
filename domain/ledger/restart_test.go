package ledger_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
	"github.com/tillbook/tillbook/eventstore/enginetest"
)

// TestRestart writes enough for several snapshots and merged runs of names, then asks a new ledger for
// old keys, old references and old operations.
func TestRestart(t *testing.T) {
	store := enginetest.Open(t)
	first := ledger.Open(store, ledger.Options{SnapshotEvery: 100})
	s := shop{t, first}
	s.must("open", domain.OpenAccount{CustomerRef: "C-1"})
	s.must("fill", topUp("100000.00"))
	const n = 5000
	for i := range n {
		_, err := s.ask(fmt.Sprint("k", i), domain.Debit{Amount: yuan("1.00")}, ticket(i))
		if err != nil {
			t.Fatal(err)
		}
	}
	first.Close()

	again := open(t, store)
	if got := again.available(); got != "95000.00" {
		t.Fatalf("got %s left, want 95000.00", got)
	}
	for _, i := range []int{0, 1, 511, 512, 1023, 1024, 3000, n - 1} {
		a, err := again.ask(fmt.Sprint("k", i), domain.Debit{Amount: yuan("1.00")}, ticket(i))
		if err != nil || !a.Replayed {
			t.Errorf("key %d: got replayed %t, %v, want the first answer", i, a.Replayed, err)
		}
		_, err = again.ask(fmt.Sprint("new", i), domain.Debit{Amount: yuan("1.00")}, ticket(i))
		var refused *domain.Refusal
		if !errors.As(err, &refused) || refused.Code != domain.ErrReferenceUsed.Code ||
			refused.Original.Revision != int64(i+2) {
			t.Errorf("reference %d: got %v, want reference_used by revision %d", i, err, i+2)
		}
		id := a.First().Metadata.OperationID
		_, err = again.ask(fmt.Sprint("r", i), domain.Refund{DebitID: id, Amount: yuan("1.00")},
			domain.Context{})
		if err != nil {
			t.Errorf("refund of debit %d: %v", i, err)
		}
		_, err = again.ask(fmt.Sprint("s", i), domain.Refund{DebitID: id, Amount: yuan("0.01")},
			domain.Context{})
		if !errors.Is(err, domain.ErrRefundExceedsDebit) {
			t.Errorf("second refund of debit %d: got %v, want refund_exceeds_debit", i, err)
		}
	}
}

func ticket(i int) domain.Context {
	return domain.Context{Store: "S1", Terminal: "T1", PosTxnID: fmt.Sprint(i)}
}

// TestDeclineIsRemembered asks the same again after a top-up, in this process and the next.
func TestDeclineIsRemembered(t *testing.T) {
	store := enginetest.Open(t)
	s := open(t, store)
	s.must("open", domain.OpenAccount{CustomerRef: "C-1"})
	first, err := s.ask("k", domain.Debit{Amount: yuan("5.00")}, ticket(1))
	if !errors.Is(err, domain.ErrInsufficientFunds) || len(first.Events) != 1 {
		t.Fatalf("got %v with %d events, want insufficient_funds, remembered", err, len(first.Events))
	}
	s.must("fill", topUp("10.00"))
	for _, s := range []shop{s, open(t, store)} {
		a, err := s.ask("k", domain.Debit{Amount: yuan("5.00")}, ticket(1))
		if !errors.Is(err, domain.ErrInsufficientFunds) || !a.Replayed {
			t.Errorf("got %v, replayed %t, want the same decline", err, a.Replayed)
		}
		found, err := s.Operations(t.Context(), domain.AccountID("C-1"), ticket(1).Reference())
		if err != nil || len(found) != 1 {
			t.Errorf("by reference: got %d, %v, want the decline", len(found), err)
		}
	}
	s.must("fresh", domain.Debit{Amount: yuan("5.00")}) // a new key is a new question
}

// TestDryRun answers as if, and stores nothing.
func TestDryRun(t *testing.T) {
	s := open(t, enginetest.Open(t))
	s.must("open", domain.OpenAccount{CustomerRef: "C-1"})
	s.must("fill", topUp("10.00"))
	a, err := s.Do(t.Context(), ledger.Request{Account: domain.AccountID("C-1"), Key: "k", DryRun: true,
		Command: domain.Debit{Amount: yuan("4.00")}})
	if err != nil || len(a.Events) != 1 {
		t.Fatalf("got %d events, %v, want one", len(a.Events), err)
	}
	if got := s.available(); got != "10.00" {
		t.Errorf("got %s left, want 10.00", got)
	}
	if a := s.must("k", domain.Debit{Amount: yuan("4.00")}); a.Replayed {
		t.Error("the dry run's key was remembered")
	}
}

// TestRegister registers, repeats, reuses and restarts.
func TestRegister(t *testing.T) {
	store := enginetest.Open(t)
	s := open(t, store)
	set := func(s shop, key, zone string) (ledger.Answer, error) {
		return s.Register(t.Context(), ledger.Registering{Key: key, Registration: domain.SetStore{
			Store: domain.Store{ID: "S1", Zone: zone, DayCut: "04:00", Status: "open"}}})
	}
	if _, err := set(s, "a", "Asia/Shanghai"); err != nil {
		t.Fatal(err)
	}
	if a, err := set(s, "a", "Asia/Shanghai"); err != nil || !a.Replayed {
		t.Errorf("repeat: got replayed %t, %v", a.Replayed, err)
	}
	if _, err := set(s, "a", "UTC"); !errors.Is(err, domain.ErrKeyReused) {
		t.Errorf("reuse: got %v, want key_reused", err)
	}
	if _, err := set(s, "b", "Asia/Tokyo"); err != nil {
		t.Fatal(err)
	}
	s.Close()
	again := open(t, store)
	if stores := again.Stores(); len(stores) != 1 || stores[0].Zone != "Asia/Tokyo" {
		t.Errorf("got %v, want S1 in Asia/Tokyo", stores)
	}
}

// TestRegistryRestart changes a webhook and starts again: what the snapshot of the registries has is not
// told anew, version by version, when the webhook's stream is read for the next registration. Who
// follows would see an address that was left, and send to it.
func TestRegistryRestart(t *testing.T) {
	store := enginetest.Open(t)
	s := open(t, store)
	w := domain.Webhook{ID: uuid.New(), URL: "https://old.example/in", Status: domain.WebhookActive,
		SealedSecret: "x"}
	register := func(s shop, key string, r domain.Registration) {
		t.Helper()
		_, err := s.Register(t.Context(), ledger.Registering{Key: key, Registration: r})
		if err != nil {
			t.Fatal(err)
		}
	}
	register(s, "a", domain.RegisterWebhook{Webhook: w})
	w.URL = "https://new.example/in"
	register(s, "b", domain.ChangeWebhook{Webhook: w})
	s.Close()
	again := open(t, store)
	_, changed := again.WatchWebhooks()
	register(again, "b", domain.ChangeWebhook{Webhook: w})
	select {
	case <-changed:
		t.Error("a repeat changed webhooks")
	default:
	}
	if got, _ := again.Webhook(w.ID); got.URL != w.URL {
		t.Errorf("got %s, want %s", got.URL, w.URL)
	}
}
