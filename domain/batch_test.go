package domain

import (
	"fmt"
	"testing"

	"github.com/google/uuid"
)

func results(seqs ...int64) (all []ItemResult) {
	for _, seq := range seqs {
		all = append(all, ItemResult{Seq: seq, Status: ItemPosted})
	}
	return all
}

func TestUploadBatch(t *testing.T) {
	of := func(all []ItemResult) UploadBatch {
		return UploadBatch{ID: BatchID("till", "k"), Store: "S1", Terminal: "T1", Results: all}
	}
	for _, row := range []struct {
		name   string
		upload UploadBatch
		want   string // a refusal, or the gaps
	}{
		{"one item", of(results(17)), "17 to 17, 0 missing []"},
		{"gaps", of(results(1, 2, 5, 7)), "1 to 7, 3 missing [{3 4} {6 6}]"},
		{"no store", UploadBatch{Terminal: "T1"}, "malformed store"},
		{"no terminal", UploadBatch{Store: "S1"}, "malformed terminal"},
		{"no items", of(nil), "malformed items"},
		{"many items", of(make([]ItemResult, MaxBatchItems+1)), "malformed items"},
		{"no number", of(results(0)), "malformed items.0.seq"},
		{"a long number", of(results(1, MaxSeq+1)), "malformed items.1.seq"},
		{"a number twice", of(results(4, 4)), "malformed items.1.seq"},
		{"not rising", of(results(4, 3)), "malformed items.1.seq"},
	} {
		p, got := registered(t, row.upload)
		if e, ok := p.Event.(BatchUploaded); ok {
			got = fmt.Sprintf("%d to %d, %d missing %v", e.FirstSeq, e.LastSeq, e.MissingN, e.Missing)
		}
		if got != row.want {
			t.Errorf("%s: got %q, want %q", row.name, got, row.want)
		}
	}
	p, _ := registered(t, of(results(1)))
	if _, got := registered(t, of(results(1)), p); got != "done" {
		t.Errorf("again: got %q", got)
	}
	other := of(results(1))
	other.ItemsHash[0] = 1
	if got := DifferingRegistration(p, other); fmt.Sprint(got) != "[items_hash]" {
		t.Errorf("got %v, want items_hash", got)
	}
}

// A full batch of the longest results fits into one append, which is 1 MiB at the most.
func TestUploadBatchFits(t *testing.T) {
	u := UploadBatch{ID: BatchID("till", "k"), Store: "S1", Terminal: "T1"}
	for i := range int64(MaxBatchItems) {
		u.Results = append(u.Results, ItemResult{Seq: MaxSeq - 2*MaxBatchItems + 2*i,
			Status: ItemOverdraft, OperationID: uuid.New()})
	}
	posted, err := Register(nil, u, Moment{Recorded: noon, Decided: noon})
	if err != nil {
		t.Fatal(err)
	}
	_, data, metadata, err := Encode(posted[0])
	if err != nil || len(data)+len(metadata) > 1<<20-4<<10 {
		t.Errorf("got %d and %d bytes, %v", len(data), len(metadata), err)
	}
}

func TestExceptions(t *testing.T) {
	id := ExceptionID("S1", "T1", 17, ExceptionOverdraft)
	if id == ExceptionID("S1", "T1", 17, ExceptionSkewed) ||
		id == ExceptionID("S1", "T11", 7, ExceptionOverdraft) {
		t.Error("two exceptions have one id")
	}
	raise := RaiseException{Exception{ID: id, Store: "S1", Terminal: "T1", Seq: 17,
		Kind: ExceptionOverdraft, Amount: cny("10")}}
	raised, _ := registered(t, raise)
	resolved, _ := registered(t, ResolveException{ID: id, How: "collected"}, raised)
	batch, _ := registered(t, UploadBatch{ID: id, Store: "S1", Terminal: "T1", Results: results(1)})
	for _, row := range []struct {
		name   string
		when   Registration
		before []Posted
		want   string
	}{
		{"raised again", raise, []Posted{raised}, "done"},
		{"raised when resolved", raise, []Posted{raised, resolved}, "done"},
		{"resolved in no words", ResolveException{ID: id}, []Posted{raised}, "malformed how"},
		{"resolved in control characters", ResolveException{ID: id, How: "a\nb"}, []Posted{raised},
			"malformed how"},
		{"none", ResolveException{ID: id, How: "x"}, nil, "not_found"},
		{"a batch", ResolveException{ID: id, How: "x"}, []Posted{batch}, "not_found"},
		{"resolved before", ResolveException{ID: id, How: "x"}, []Posted{raised, resolved},
			"exception_not_open"},
	} {
		if _, got := registered(t, row.when, row.before...); got != row.want {
			t.Errorf("%s: got %q, want %q", row.name, got, row.want)
		}
	}
}
