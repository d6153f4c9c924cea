package api

import (
	"strings"
	"testing"

	"github.com/tillbook/tillbook/eventstore"
)

// TestImpersonalWords: what people wrote in words is left out, reasons that are ours stay.
func TestImpersonalWords(t *testing.T) {
	e := eventstore.Recorded{Event: eventstore.Event{
		Data: []byte(`{"about":"a","description":"a","how":"a","reason":"lapsed","code":"frozen"}`)}}
	for kind, want := range map[string]string{
		"AccountClosed": `{"code":"frozen"}`, "HoldReleased": `{"reason":"lapsed","code":"frozen"}`,
	} {
		e.Type = kind
		if got := Impersonal(e); string(got.Data) != want {
			t.Errorf("%s: got %s, want %s", kind, got.Data, want)
		}
	}
}

// TestImpersonal: analysts see nothing that is sealed or hashed of a person, or could be sent again.
func TestImpersonal(t *testing.T) {
	var e eventstore.Recorded
	hidden := []string{"code_last4", "customer_ref", "keyed_hash", "last4", "note", "payment_reference",
		"request_hash", "sealed", "sealed_text", "text_hash"}
	e.Data = []byte(`{"kind":"card","` + strings.Join(hidden, `":"SECRET","`) + `":"SECRET","rating":2}`)
	e.Metadata = []byte(`{"operator":"SECRET","idempotency_key":"SECRET","actor":"a"}`)
	got := impersonal(e)
	if want := `{"kind":"card","rating":2}`; string(got.Data) != want {
		t.Errorf("got %s, want %s", got.Data, want)
	}
	if want := `{"actor":"a"}`; string(got.Metadata) != want {
		t.Errorf("got %s, want %s", got.Metadata, want)
	}
}
