package domain

import (
	"errors"
	"math/big"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

// No sequence of transfers, merges and everything else over a few accounts creates or destroys value,
// whichever steps are taken in whichever order, how often, and by whom: what the accounts hold and what
// is in flight add up, and each transfer is received or returned in the end, never both.
func TestTransferProperties(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		w := newWorld(t, r)
		for range rapid.IntRange(1, 40).Draw(r, "steps") {
			w.pass(rapid.SampledFrom([]time.Duration{0, time.Minute, 20 * day}).Draw(r, "pass"))
			if len(w.flights) > 0 && rapid.Bool().Draw(r, "run") {
				w.advance(w.flights[rapid.IntRange(0, len(w.flights)-1).Draw(r, "flight")])
			} else {
				w.ask(w.any("account"))
			}
			w.check()
		}
		w.land()
	})
}

// world is some accounts and what goes from one to another.
type world struct {
	r       *rapid.T
	books   []*book
	flights []flight
}

// flight is something that was sent, whose end its runner may know already or not.
type flight struct {
	from   *book
	sent   []TransferSent
	merged *AccountsMerged // of a merge
}

func newWorld(t *testing.T, r *rapid.T) *world {
	w := &world{r: r}
	for _, ref := range []string{"C-1", "C-2", "C-3"}[:rapid.IntRange(2, 3).Draw(r, "accounts")] {
		b := bookOf(t, ref)
		b.TB = fatal{t, r}
		did(topUp("100", "30"))(b)
		w.books = append(w.books, b)
	}
	return w
}

func (w *world) any(what string) *book {
	return w.books[rapid.IntRange(0, len(w.books)-1).Draw(w.r, what)]
}

func (w *world) pass(d time.Duration) {
	for _, b := range w.books {
		b.now = b.now.Add(d)
	}
}

func (w *world) book(id uuid.UUID) *book {
	for _, b := range w.books {
		if b.account.ID() == id {
			return b
		}
	}
	w.r.Fatalf("there is no account %s", id)
	return nil
}

// ask has the account do something, whatever the answer, and notes what it sent.
func (w *world) ask(b *book) {
	m := &machine{book: b}
	other := w.any("other").account.ID()
	amount := cny("1").With(fromMinor(big.NewInt(rapid.Int64Range(1, 9000).Draw(w.r, "minor")), 2))
	var c Command
	switch rapid.SampledFrom([]string{"send", "send", "send", "send", "merge", "close", "else",
		"else", "else"}).Draw(w.r, "kind") {
	case "send":
		c = SendTransfer{To: other, Amount: amount, Kind: TransferGift}
	case "merge":
		c = MergeAccount{Into: other, Settled: w.settled(b)}
	case "close":
		c = CloseAccount{Reason: "x", Settled: w.settled(b)}
	default:
		c = m.draw(w.r)
	}
	w.do(b, c)
}

// settled is what the shell would say: the last transfer, if the end of all of them is written.
func (w *world) settled(b *book) uuid.UUID {
	for _, f := range w.flights {
		if f.from == b && !w.ended(f) {
			return noID
		}
	}
	return b.account.LastSent()
}

// do asks, and notes what was sent.
func (w *world) do(b *book, c Command) {
	posted, err := b.do(c)
	var refused *Refusal
	if err != nil && !errors.As(err, &refused) && !errors.As(err, new(*Done)) &&
		!errors.As(err, new(*Moved)) {
		w.r.Fatalf("%#v: %v", c, err)
	}
	var merge *flight
	for _, p := range posted {
		switch e := p.Event.(type) {
		case AccountsMerged:
			if e.Absorbed == b.account.ID() {
				merge = &flight{from: b, merged: &e}
			}
		case TransferSent:
			if e.MergeID != noID {
				merge.sent = append(merge.sent, e)
			} else {
				w.flights = append(w.flights, flight{from: b, sent: []TransferSent{e}})
			}
		}
	}
	if merge != nil {
		w.flights = append(w.flights, *merge)
	}
}

func (f flight) to() uuid.UUID {
	if f.merged != nil {
		return f.merged.Survivor
	}
	return f.sent[0].ToAccount
}

func (f flight) id() uuid.UUID {
	if f.merged != nil {
		return f.merged.MergeID
	}
	return f.sent[0].TransferID
}

// verdict is what the receiver's stream decided, nil while it has not.
func (w *world) verdict(f flight) Event {
	if found := w.book(f.to()).names[TransferName(f.id())]; len(found) > 0 {
		return found[0].Event
	}
	return nil
}

func (w *world) returned(f flight) bool {
	for _, p := range f.from.names[TransferName(f.id())] {
		switch p.Event.(type) {
		case TransferReturned, MergeRefused:
			return true
		}
	}
	return false
}

func (w *world) ended(f flight) bool {
	_, refused := w.verdict(f).(ReferenceCancelled)
	return w.returned(f) || w.verdict(f) != nil && !refused
}

// advance is one step of a runner, who may be the second to take it: he asks the receiver, or, where
// he knows of a tombstone, the sender.
func (w *world) advance(f flight) {
	tombstone, refused := w.verdict(f).(ReferenceCancelled)
	if !refused || rapid.Bool().Draw(w.r, "repeat") {
		if f.merged != nil {
			w.do(w.book(f.to()), AbsorbAccount{*f.merged, f.sent})
		} else {
			w.do(w.book(f.to()), ReceiveTransfer{f.sent[0]})
		}
		return
	}
	if f.merged != nil {
		w.do(f.from, UndoMerge{f.id(), tombstone})
	} else {
		w.do(f.from, ReturnTransfer{f.id(), tombstone})
	}
}

// check holds that all value and cost that transfers moved on the accounts is in flight.
func (w *world) check() {
	var moved, flying [2]big.Int
	for _, b := range w.books {
		for _, p := range b.log {
			switch e := p.Event.(type) {
			case TransferSent, TransferReceived, TransferReturned:
				add(&moved, e.(Valued).Worth().Moves)
			}
		}
	}
	for _, f := range w.flights {
		verdict := w.verdict(f)
		if _, refused := verdict.(ReferenceCancelled); w.returned(f) && !refused {
			w.r.Fatalf("%s was returned after %T", f.id(), verdict)
		}
		if w.ended(f) {
			continue
		}
		for _, e := range f.sent {
			add(&flying, e.Moves)
		}
	}
	for i := range moved {
		if moved[i].Cmp(&flying[i]) != 0 {
			w.r.Fatalf("transfers moved %s, in flight are %s", &moved[i], &flying[i])
		}
	}
}

// add sums value and cost of moves, whatever their units.
func add(to *[2]big.Int, moves []Move) {
	for _, m := range moves {
		to[0].Add(&to[0], m.Amount.minor())
		to[1].Add(&to[1], m.Cost.minor())
	}
}

// land brings everything to its end.
func (w *world) land() {
	for i := 0; i < len(w.flights) && i < 1000; i++ {
		for range 3 {
			w.advance(w.flights[i])
		}
		for !w.ended(w.flights[i]) {
			w.advance(w.flights[i])
		}
		w.check()
	}
	for _, f := range w.flights {
		_, refused := w.verdict(f).(ReferenceCancelled)
		if w.returned(f) != refused {
			w.r.Fatalf("%s: refused %t, returned %t", f.id(), refused, w.returned(f))
		}
	}
}
