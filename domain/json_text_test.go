package domain

import (
	"encoding/json"
	"math/big"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

// TestWrittenByHand holds what is written by hand to what encoding/json writes of the same value.
func TestWrittenByHand(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := func(name string) string {
			return rapid.OneOf(rapid.StringMatching(`[a-zA-Z0-9 _-]{0,8}`), rapid.String()).Draw(t, name)
		}
		id := func(name string) (id uuid.UUID) {
			copy(id[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, name))
			if rapid.Bool().Draw(t, name+" is none") {
				id = noID
			}
			return id
		}
		instant := func(name string) time.Time {
			return time.UnixMicro(rapid.Int64Range(0, 1<<52).Draw(t, name)).UTC()
		}
		yes := func(name string) bool { return rapid.Bool().Draw(t, name) }
		scale := rapid.Int32Range(0, 4).Draw(t, "scale")
		quantity := func(name string) Quantity {
			return fromMinor(big.NewInt(rapid.Int64().Draw(t, name)), scale)
		}
		money := func(name string) Money { return Money{Quantity: quantity(name), unit: "CNY"} }
		move := rapid.Custom(func(t *rapid.T) Move {
			return Move{Lot: id("lot"), Class: Bonus, Funding: id("funding"), Amount: quantity("a"),
				Held: quantity("h"), Cost: quantity("c")}
		})
		balance := Balance{Unit: "CNY", Total: quantity("total"), Available: quantity("available"),
			Held: quantity("held"), Pending: quantity("pending"), ExpiredUnposted: quantity("expired"),
			ByClass: map[Class]Quantity{}}
		for _, class := range rapid.SliceOf(rapid.SampledFrom(classOrder)).Draw(t, "classes") {
			balance.ByClass[class] = quantity(string(class))
		}
		moves := rapid.SliceOfN(move, 0, 3).Draw(t, "moves")
		debit := DebitPosted{
			Value:   Value{AccountID: id("account"), Amount: money("amount"), Moves: moves, Balance: balance},
			DebitID: id("debit"), Requested: money("requested"), RemainingDue: money("due"),
			AcceptPartial: yes("partial"), HoldID: id("hold"), HoldFinal: yes("hold final"),
			Final: yes("final"),
		}
		if yes("list") {
			debit.ListAmount = money("list amount")
		}
		if yes("charge") {
			debit.MandateID = id("mandate")
			debit.Charge = &Charge{Period: instant("period"), Attempt: rapid.Int().Draw(t, "attempt")}
			if yes("next") {
				debit.Charge.NextPeriod = instant("next period")
			}
		}
		meta := Metadata{
			EventID: id("event"), Schema: rapid.Int().Draw(t, "schema"), Actor: text("actor"),
			Role: text("role"), OnBehalfOf: text("on behalf of"), Channel: text("channel"),
			Store: text("store"), Entity: text("entity"), Terminal: text("terminal"),
			Shift: text("shift"), Operator: text("operator"), OccurredAt: instant("occurred"),
			RecordedAt: instant("recorded"), Skewed: yes("skewed"), BusinessDate: text("date"),
			OperationID: id("operation"), CausedBy: id("cause"), CorrelationID: text("correlation"),
			Reference:      Reference{text("r store"), text("r terminal"), text("r txn"), text("r leg")},
			IdempotencyKey: text("key"), ProgramVersion: text("program"),
		}
		copy(meta.PrevHash[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "hash"))

		_, data, metadata, err := Encode(Posted{Event: debit, Metadata: meta})
		if err != nil {
			t.Fatal(err)
		}
		same(t, data, debit)
		same(t, metadata, meta)
	})
}

func same(t *rapid.T, got []byte, value any) {
	t.Helper()
	want, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Fatalf("got  %s\nwant %s", got, want)
	}
}
