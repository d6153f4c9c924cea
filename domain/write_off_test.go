package domain

import (
	"strings"
	"testing"
)

func TestWriteOff(t *testing.T) {
	owing := []step{opened, did(topUp("100", "30")), did(debit("65")),
		didAs(reversal(1, CauseChargeback))}
	after := func(more ...step) []step { return append(owing[:4:4], more...) }
	off := func(b *book) Command {
		w := WriteOff{Reason: "gone"}
		if len(b.account.receivables) > 0 {
			w.ReceivableID = b.account.receivables[0].ID
		}
		return w
	}
	run(t, []row{
		{"all that is owed", owing, off, "ReceivableSettled 50.00, by write_off, left 0.00"},
		{"what is still owed", after(did(topUp("20", ""))), off,
			"ReceivableSettled 30.00, by write_off, left 0.00"},
		{"value is left alone", after(did(topUp("20", "")), didAs(off), did(topUp("5", ""))),
			asks(debit("5")), "DebitPosted 5.00, principal@8 -5.00/-5.00"},
		{"whatever is frozen", after(frozen(FreezeLegal)), off,
			"ReceivableSettled 50.00, by write_off, left 0.00"},

		{"no reason", nil, asks(WriteOff{}), "malformed reason"},
		{"a long reason", nil, asks(WriteOff{Reason: strings.Repeat("x", 201)}), "malformed reason"},
		{"no account", nil, asks(WriteOff{Reason: "x"}), "not_found"},
		{"reference before the receivable", after(ref("7"), didAs(off)), off, "reference_used"},
		{"written off before", after(didAs(off)), off, "not_found"},
		{"paid before", after(did(topUp("50", ""))), off, "not_found"},
	})
}

func TestWriteOffRepeats(t *testing.T) {
	b := newBook(t)
	for _, s := range []step{opened, did(topUp("10", "")), did(debit("5")),
		didAs(reversal(1, CauseChargeback))} {
		s(b)
	}
	r := b.account.Receivables()[0]
	if r.Amount.String() != "5.00 CNY" || !r.OpenedAt.Equal(noon) {
		t.Errorf("got %+v", r)
	}
	w := WriteOff{ReceivableID: r.ID, Reason: "gone"}
	did(w)(b)
	p := b.log[len(b.log)-1]
	if p.Operation() != OpWriteOff {
		t.Errorf("got the operation %s", p.Operation())
	}
	differs(t, p, w, Context{}, "")
	differs(t, p, WriteOff{ReceivableID: r.ID, Reason: "x"}, Context{}, "reason")
	differs(t, p, WriteOff{Reason: "gone"}, Context{}, "receivable_id")
}

// What a lapsed hold settles first is upkeep: the write-off names the operation.
func TestWriteOffAfterLapse(t *testing.T) {
	b := newBook(t)
	for _, s := range []step{opened, did(topUp("10", "")), did(hold("4")), did(debit("5")),
		didAs(reversal(1, CauseChargeback)), later(day)} {
		s(b)
	}
	posted, err := b.do(WriteOff{ReceivableID: b.account.Receivables()[0].ID, Reason: "gone"})
	want := `HoldReleased 4.00, principal@1 held -4.00, lapsed
ReceivableSettled 4.00, principal@1 -4.00/-4.00, by release, left 5.00
ReceivableSettled 5.00, by write_off, left 0.00`
	if got := answer(posted, err); got != want {
		t.Fatalf("got\n%s\nwant\n%s", got, want)
	}
	if last := posted[2].Metadata; last.OperationID != last.EventID {
		t.Errorf("got the operation %s, want the write-off's, %s", last.OperationID, last.EventID)
	}
}
