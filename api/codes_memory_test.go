package api

import (
	"bytes"
	"encoding/base64"
	"io"
	"runtime"
	"testing"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/vault"
)

// codesServer is a server that knows no more than how codes are drawn, and a batch of so many.
func codesServer(t testing.TB, count int) (*Server, *domain.CodeBatch) {
	t.Helper()
	keys, err := vault.NewKeyring(base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{1}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	codes, err := vault.OpenCodes(t.TempDir(), keys, func(secret []byte) func(uint32) string {
		return domain.NewCodes(secret).At
	})
	if err != nil {
		t.Fatal(err)
	}
	id, err := codes.KeyID()
	if err != nil {
		t.Fatal(err)
	}
	return &Server{Config: Config{Codes: codes}}, &domain.CodeBatch{ID: uuid.UUID{1}, Count: count, KeyID: id}
}

// heapAtEnd takes writes, and looks at what is alive on the heap when the last is there.
type heapAtEnd struct {
	writes int // that are still to come
	alive  int64
}

func (h *heapAtEnd) Write(p []byte) (int, error) {
	if h.writes--; h.writes == 0 {
		h.alive = alive()
	}
	return len(p), nil
}

func alive() int64 {
	runtime.GC()
	runtime.GC() // what was in pools goes with the second
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestCodesMemory: a batch's codes are told one by one, so that what is alive while they are does not
// grow with how many there are.
func TestCodesMemory(t *testing.T) {
	grown := func(count int) int64 {
		s, b := codesServer(t, count)
		h := &heapAtEnd{writes: count + 1} // and the header
		before := alive()
		if err := s.writeCodes(h, b); err != nil {
			t.Fatal(err)
		}
		if h.writes != 0 {
			t.Fatalf("%d codes: %d writes are missing, want one a line", count, h.writes)
		}
		return h.alive - before
	}
	few := grown(5_000)
	many := min(grown(50_000), grown(50_000), grown(50_000)) // what else there is in the process may grow
	if many > few+32<<10 {
		t.Errorf("got %d bytes more alive over 50 000 codes, want no more than the %d over 5 000", many, few)
	}
}

// BenchmarkCodes tells a batch's codes.
func BenchmarkCodes(b *testing.B) {
	s, batch := codesServer(b, 10_000)
	b.ReportAllocs()
	for b.Loop() {
		if err := s.writeCodes(io.Discard, batch); err != nil {
			b.Fatal(err)
		}
	}
}
