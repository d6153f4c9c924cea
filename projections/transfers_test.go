package projections

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/projections/placetest"
)

// movingShop has a transfer of each end and a merge: one received, one returned, one in flight, C-4
// merged into C-2 with a refund after that, C-5 whose merge was refused, C-6 closed. It answers what is in flight.
func movingShop(t *testing.T, store eventstore.Store) (*shop, domain.TransferSent) {
	s := newShop(t, store)
	none := domain.Context{}
	one, two := s.account("C-1"), s.account("C-2")
	returned := func(id uuid.UUID, debit domain.Posted) domain.AdjustMerge {
		posted := s.must(id, domain.Refund{DebitID: debit.Metadata.EventID, Amount: yuan("1")}, none)
		s.must(two, domain.ReceiveTransfer{Sent: posted[2].Event.(domain.TransferSent)}, none)
		return domain.AdjustMerge{Adjusted: posted[1].Event.(domain.MergeAdjusted)}
	}
	four, five, six := s.account("C-4"), s.account("C-5"), s.account("C-6")
	for _, id := range []uuid.UUID{one, four, five} {
		s.must(id, domain.TopUp{Amount: yuan("100"), TopUpTerms: domain.DefaultTerms()}, none)
	}
	send := func() domain.TransferSent {
		return s.must(one, domain.SendTransfer{To: two, Amount: yuan("10"), Kind: "gift"},
			none)[0].Event.(domain.TransferSent)
	}
	merge := func(id uuid.UUID) domain.AbsorbAccount {
		posted := s.must(id, domain.MergeAccount{Into: two}, none)
		return domain.AbsorbAccount{Merged: posted[0].Event.(domain.AccountsMerged),
			Parts: []domain.TransferSent{posted[1].Event.(domain.TransferSent)}}
	}
	s.must(two, domain.ReceiveTransfer{Sent: send()}, none)
	debit := s.must(four, domain.Debit{Amount: yuan("3")}, none)[0]
	s.must(two, merge(four), none)
	s.must(two, returned(four, debit), none)
	s.must(two, domain.FreezeAccount{Modes: []domain.FreezeMode{domain.FreezeCredit}, Reason: "x"}, none)
	refused := send()
	tombstone := s.must(two, domain.ReceiveTransfer{Sent: refused}, none)[0].Event
	s.must(one, domain.ReturnTransfer{TransferID: refused.TransferID,
		Why: tombstone.(domain.ReferenceCancelled)}, none)
	alone := merge(five)
	tombstone = s.must(two, alone, none)[0].Event
	s.must(five, domain.UndoMerge{MergeID: alone.Merged.MergeID,
		Why: tombstone.(domain.ReferenceCancelled)}, none)
	s.must(six, domain.CloseAccount{Reason: "x"}, none)
	return s, send()
}

func TestTransfersInFlight(t *testing.T) {
	store := memory(t)
	_, sent := movingShop(t, store)
	m := open(t, placetest.Place(t), store, Options{})
	clean(t, m)
	var got []InFlight
	for f, err := range m.TransfersInFlight(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, f)
	}
	if len(got) != 1 || got[0] != (InFlight{sent.AccountID, sent.TransferID}) {
		t.Errorf("got %v, want %s of %s", got, sent.TransferID, sent.AccountID)
	}
	page, err := m.Accounts(t.Context(), AccountFilter{}, Paging{})
	if err != nil {
		t.Fatal(err)
	}
	var stand []string
	for _, a := range page.Data {
		stand = append(stand, a.CustomerRef+" "+string(a.Status))
	}
	const want = "C-1 open, C-2 frozen, C-4 merged, C-5 open, C-6 closed"
	if got := strings.Join(stand, ", "); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestManyInFlight: what cannot be ended hides nothing that was sent later, however much of it there is.
func TestManyInFlight(t *testing.T) {
	store := memory(t)
	_, sent := movingShop(t, store)
	m := open(t, placetest.Place(t), store, Options{})
	clean(t, m)
	edit(t, m, `UPDATE transfers SET position = 5000 WHERE status = 'sent'`)
	edit(t, m, `INSERT INTO transfers
		WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 1100)
		SELECT '00000000-0000-8000-8000-' || substr(CAST(1000000000000 + n AS TEXT), 2), from_account, to_account,
			kind, merge_id, unit, amount, 'sent', NULL, sent_at, NULL, n FROM transfers, n WHERE status = 'sent'`)
	var got []InFlight
	for f, err := range m.TransfersInFlight(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, f)
	}
	if len(got) != 1101 || got[1100].ID != sent.TransferID {
		t.Errorf("got %d in flight, want 1101 and %s last", len(got), sent.TransferID)
	}
}

// TestCheckFindsChangedTransfers has one row for each way the table of transfers can differ from the
// log.
func TestCheckFindsChangedTransfers(t *testing.T) {
	for _, row := range []struct{ name, query, what, detail string }{
		{"a status", "UPDATE transfers SET status = 'received' WHERE status = 'sent'", "transfers", "want ["},
		{"a reason", "UPDATE transfers SET reason = 'x' WHERE status = 'returned' AND unit IS NULL",
			"transfers", "want ["},
		{"an amount", "UPDATE transfers SET amount = '1' WHERE status = 'sent'", "transfers", "want ["},
		{"a missing one", "DELETE FROM transfers WHERE status = 'sent'", "transfers", "is missing"},
		{"one too many", "INSERT INTO transfers SELECT '" + uuid.NewString() + "', from_account, " +
			"to_account, kind, merge_id, unit, amount, status, reason, sent_at, ended_at, position " +
			"FROM transfers WHERE status = 'sent'", "transfers", "should not be there"},
		{"a survivor", "UPDATE accounts SET survivor_id = id WHERE status = 'merged'", "accounts",
			"survivor_id"},
		{"the end of an account", "UPDATE accounts SET status = 'open' WHERE status = 'closed'", "accounts",
			"status open, want closed"},
	} {
		t.Run(row.name, func(t *testing.T) {
			store := memory(t)
			movingShop(t, store)
			m := open(t, placetest.Place(t), store, Options{})
			edit(t, m, row.query)
			report, err := Check(t.Context(), opened(store), m, nil)
			if err != nil || len(report.Differences) != 1 {
				t.Fatalf("got %+v, %v, want one difference", report, err)
			}
			if d := report.Differences[0]; d.What != row.what || !strings.Contains(d.Detail, row.detail) {
				t.Errorf("got %s: %s, want %s: %s", d.What, d.Detail, row.what, row.detail)
			}
		})
	}
}

// TestCheckFindsForgedTransfers: a receipt of what nobody sent is sound in its stream, and damage of the
// log; the tables have passed it over.
func TestCheckFindsForgedTransfers(t *testing.T) {
	store := memory(t)
	s, sent := movingShop(t, store)
	sent.TransferID = uuid.New()
	s.must(s.account("C-7"), domain.ReceiveTransfer{Sent: sent}, domain.Context{})
	report, err := Check(t.Context(), opened(store), open(t, placetest.Place(t), store, Options{}), nil)
	if err != nil || report.Count != 2 || report.Differences[0].What != "log" ||
		report.Differences[1].What != "damaged" ||
		!strings.Contains(report.Differences[0].Detail, "never sent") {
		t.Errorf("got %+v, %v, want a transfer that was never sent", report, err)
	}
}
