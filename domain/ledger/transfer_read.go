package ledger

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
)

// Transfer is what one of its two accounts knows of a transfer. The receiver knows of it once its own
// stream has decided; of one that it refused it knows the reason alone.
type Transfer struct {
	From, To uuid.UUID // From is zero where it is not known
	Kind     domain.TransferKind
	Amount   domain.Money  // of no unit where it is not known
	Moves    []domain.Move // on the lots of the account that was asked
	Status   string        // sent, received or returned
	Reason   domain.Code   // why it was returned
	SentAt   time.Time     // zero on the receiver's side
	EndedAt  time.Time     // zero while it is in flight
}

// Transfer is a transfer by its id, on the sender's account or the receiver's.
func (l *Ledger) Transfer(ctx context.Context, account, id uuid.UUID) (Transfer, error) {
	begun, ok, err := l.Last(ctx, account, domain.EventName(id))
	if err != nil {
		return Transfer{}, err
	}
	if sent, is := begun.Event.(domain.TransferSent); ok && is {
		return l.sentTransfer(ctx, begun, sent)
	}
	end, _, err := l.Last(ctx, account, domain.TransferName(id))
	if err != nil {
		return Transfer{}, err
	}
	t := Transfer{To: account, EndedAt: end.Metadata.RecordedAt}
	switch e := end.Event.(type) {
	case domain.TransferReceived:
		t.From, t.Kind, t.Amount, t.Moves = e.FromAccount, e.Kind, e.Amount, e.Moves
		t.Status = "received"
	case domain.ReferenceCancelled:
		t.Status, t.Reason = "returned", e.Code
	default:
		return Transfer{}, domain.ErrNotFound.Because("there is no such transfer")
	}
	return t, nil
}

// sentTransfer is a transfer on its sender's side: returned when its value is back.
func (l *Ledger) sentTransfer(
	ctx context.Context, p domain.Posted, sent domain.TransferSent,
) (Transfer, error) {
	t := Transfer{From: sent.AccountID, To: sent.ToAccount, Kind: sent.Kind, Amount: sent.Amount,
		Moves: sent.Moves, Status: "sent", SentAt: p.Metadata.RecordedAt}
	name := domain.TransferName(sent.TransferID)
	back, ok, err := l.Last(ctx, sent.AccountID, name)
	if e, returned := back.Event.(domain.TransferReturned); ok && returned {
		t.Status, t.Reason, t.EndedAt = "returned", e.Reason, back.Metadata.RecordedAt
		return t, nil
	}
	if err != nil {
		return t, err
	}
	end, ok, err := l.Last(ctx, sent.ToAccount, name)
	if _, received := end.Event.(domain.TransferReceived); ok && received {
		t.Status, t.EndedAt = "received", end.Metadata.RecordedAt
	}
	return t, err
}
