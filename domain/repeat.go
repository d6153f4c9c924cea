package domain

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
)

// commander is a first business event that gives its command back.
type commander interface{ command(Posted) Command }

// Differing names the fields in which a request is not the one that p, its operation's first
// business event, answered; none when it is a repeat. Compared are the operation and every field of
// the request, except when it happened, its business date, channel, operator and shift.
func Differing(p Posted, c Command, asked Context) []string {
	was, op, ok := p.request()
	if !ok || op != c.Operation() {
		return []string{"operation"}
	}
	if r, ok := c.(rephraser); ok {
		c = r.rephrase(p.Event)
	}
	return compare(was, fields(c, asked))
}

// rephraser is a command that says in several ways the same, of which only the event that answered it
// tells which one it was.
type rephraser interface{ rephrase(answered Event) Command }

// compare names the fields that differ, sorted, as requests have them.
func compare(was, is map[string]json.RawMessage) []string {
	var differing []string
	for name := range merged(was, is) {
		if bytes.Equal(was[name], is[name]) {
			continue
		}
		if name == "no_bonus" {
			name = "bonus" // of zero
		}
		differing = append(differing, name)
	}
	slices.Sort(differing)
	return slices.Compact(differing)
}

// request is the request that p answered, field by field.
func (p Posted) request() (map[string]json.RawMessage, Operation, bool) {
	if e, ok := p.Event.(OperationDeclined); ok {
		return fields(e.Request, p.Metadata.context()), e.Declined, true
	}
	e, ok := p.Event.(commander)
	if !ok {
		return nil, "", false
	}
	c := e.command(p)
	return fields(c, p.Metadata.context()), c.Operation(), true
}

// canonical is a command of which a part says the same in several ways, or is drawn for each
// request.
type canonical interface{ canonical() any }

// fields are a command's JSON fields and those of the context that are compared.
func fields(command any, c Context) map[string]json.RawMessage {
	if c, ok := command.(canonical); ok {
		command = c.canonical()
	}
	ref := c.Reference()
	text, err := json.Marshal(command)
	if err != nil {
		panic(err) // a command is plain fields
	}
	all := map[string]json.RawMessage{}
	if err := json.Unmarshal(text, &all); err != nil {
		panic(err)
	}
	for name, value := range map[string]string{
		"store": c.Store, "terminal": c.Terminal, "pos_txn_id": ref.PosTxnID, "leg": ref.Leg,
	} {
		if value != "" {
			all[name], _ = json.Marshal(value)
		}
	}
	return all
}

func merged(a, b map[string]json.RawMessage) map[string]json.RawMessage {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}
