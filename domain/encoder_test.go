package domain

import (
	"bytes"
	"slices"
	"testing"
)

// What an encoder writes of an event does not depend on those before it, nor does it change afterwards.
func TestEncoder(t *testing.T) {
	log := sample(t)
	spare := NewEncoder()
	_, _, _, _ = spare.Encode(&log[0])
	spare.Free() // the next one may be this one
	debit := slices.IndexFunc(log, func(p Posted) bool { _, ok := p.Event.(DebitPosted); return ok })
	log = slices.Insert(log, 0, Posted{Event: log[debit].Event, Metadata: log[0].Metadata})
	e := NewEncoder()
	kinds, datas, metadatas := make([]string, len(log)), make([][]byte, len(log)), make([][]byte, len(log))
	for i := range log {
		var err error
		if kinds[i], datas[i], metadatas[i], err = e.Encode(&log[i]); err != nil {
			t.Fatal(err)
		}
	}
	for i, p := range log {
		kind, data, metadata, err := Encode(p)
		if err != nil || kinds[i] != kind || !bytes.Equal(datas[i], data) ||
			!bytes.Equal(metadatas[i], metadata) {
			t.Errorf("event %d: got %s %s %s, want %s %s %s", i, kinds[i], datas[i], metadatas[i],
				kind, data, metadata)
		}
	}
}

// A receipt's code is of its event, whether it is computed or read from the event that follows.
func TestVerificationCode(t *testing.T) {
	operation := sample(t)[:2]
	account := AccountID("C-1")
	alone, err := VerificationCode(account, operation[:1])
	if err != nil {
		t.Fatal(err)
	}
	if dry, _ := VerificationCode(account, operation); dry != alone {
		t.Errorf("not linked yet: got %s, want %s", dry, alone)
	}
	first := &operation[0]
	kind, data, metadata, _ := Encode(*first)
	operation[1].Metadata.PrevHash = Link(AccountStream(account), first.Revision, first.Metadata.EventID,
		kind, data, metadata)
	if linked, _ := VerificationCode(account, operation); linked != alone {
		t.Errorf("linked: got %s, want %s", linked, alone)
	}
	operation[1].Revision++
	operation[1].Metadata.PrevHash[0] ^= 1
	if far, _ := VerificationCode(account, operation); far != alone {
		t.Errorf("no neighbour: got %s, want %s", far, alone)
	}
}
