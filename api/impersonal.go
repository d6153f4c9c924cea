package api

import (
	"bytes"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
)

// personal are the fields of stored events that tell of a person, or are a caller's secret: a key
// that is known could be sent again for its answer.
var personal = struct{ data, metadata []string }{
	data: []string{"code_last4", "customer_ref", "keyed_hash", "last4", "note", "payment_reference", "request_hash",
		"sealed", "sealed_text", "text_hash"},
	metadata: []string{"operator", "idempotency_key"},
}

// seesPersons reports whether the caller may read personal data in events.
func (w caller) seesPersons() bool { return w.Role != domain.RoleAnalyst }

// Impersonal is an event without what tells of a person, or is a caller's secret, in its data and
// metadata, and without what people wrote in words, where a person may be named; nil stands for what is
// no object.
func Impersonal(e eventstore.Recorded) eventstore.Recorded {
	words := []string{"about", "description", "how"}
	if !slices.Contains(reasoned, e.Type) {
		words = append(words, "reason")
	}
	e = impersonal(e)
	e.Data = without(e.Data, words)
	return e
}

// reasoned are the events whose reason is one of ours, and not in people's words.
var reasoned = []string{"CodeReleased", "CouponReleased", "HoldReleased", "MergeRefused", "TransferReturned"}

// impersonal is an event without what is personal in it.
func impersonal(e eventstore.Recorded) eventstore.Recorded {
	e.Data = without(e.Data, personal.data)
	e.Metadata = without(e.Metadata, personal.metadata)
	return e
}

// without is a JSON object without some of its own fields, and otherwise as it is; nil where it is
// no object, so that nothing of it is shown.
func without(object []byte, fields []string) []byte {
	d := jsontext.NewDecoder(bytes.NewReader(object))
	if t, err := d.ReadToken(); err != nil || t.Kind() != '{' {
		return nil
	}
	o := &out{b: make([]byte, 0, len(object))}
	o.b = append(o.b, '{')
	for d.PeekKind() == '"' {
		name, err := d.ReadToken()
		if err != nil {
			return nil
		}
		field := name.String()
		value, err := d.ReadValue()
		if err != nil {
			return nil
		}
		if !slices.Contains(fields, field) {
			o.quote(field)
			o.b = append(append(o.b, ':'), value...)
		}
	}
	if _, err := d.ReadToken(); err != nil {
		return nil
	}
	return append(o.b, '}')
}
