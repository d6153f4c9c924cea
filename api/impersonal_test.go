package api

import (
	"strings"
	"testing"

	"github.com/tillbook/tillbook/eventstore"
)

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
