package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime"
	"slices"
	"testing"
)

// The sizes of TestBulkMemory: items of the two streams, over how many accounts, and how often the heap
// is looked at in the second half of each.
const (
	bulkFew   = 10_000
	bulkMany  = 100_000
	bulkOver  = 50
	bulkLooks = 20
)

// TestBulkMemory streams ten times the items through a service and finds that its heap did not grow
// with them: items are read, answered and forgotten. The heap is what is alive after a collection, the
// median of several, of a service on a new folder while items are on their way.
func TestBulkMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("100 000 durable debits")
	}
	few, many := bulkHeap(t, bulkFew), bulkHeap(t, bulkMany)
	t.Logf("%d KiB alive over %d items, %d KiB over %d", few>>10, bulkFew, many>>10, bulkMany)
	if many > 2*few {
		t.Errorf("got %d KiB alive over %d items, want at most twice the %d KiB over %d",
			many>>10, bulkMany, few>>10, bulkFew)
	}
}

// bulkHeap is the heap while a service answers a stream of items.
func bulkHeap(t *testing.T, items int) uint64 {
	t.Helper()
	t.Setenv(adminKeyVariable, testAdminKey)
	cfg := defaultConfig()
	cfg.data, cfg.listen, cfg.followers = t.TempDir(), "127.0.0.1:0", false
	s, err := openService(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.firstAdminKey(t.Context(), io.Discard); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.run(ctx) }()
	heap := streamItems(t, "http://"+s.address()+"/v1/bulk", items)
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	return heap
}

// streamItems sends items as they are taken, checks that each is answered in its order, and is the
// heap meanwhile.
func streamItems(t *testing.T, url string, items int) uint64 {
	t.Helper()
	body, to := io.Pipe()
	go func() { _ = to.CloseWithError(writeItems(to, items)) }()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+testAdminKey)
	r.Header.Set("Content-Type", "application/x-ndjson")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	lines := bufio.NewScanner(answer.Body)
	got := 0
	var heaps []uint64
	for ; lines.Scan(); got++ {
		head := fmt.Appendf(nil, `{"index":%d,"status":201,`, got)
		if !bytes.HasPrefix(lines.Bytes(), head) || !json.Valid(lines.Bytes()) {
			t.Fatalf("result %d: got %s", got, lines.Bytes())
		}
		if got >= items/2 && got%(items/2/bulkLooks) == 0 {
			var m runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&m)
			heaps = append(heaps, m.HeapAlloc)
		}
	}
	if got != items || lines.Err() != nil {
		t.Fatalf("got %d results of %d items, %v", got, items, lines.Err())
	}
	slices.Sort(heaps)
	return heaps[len(heaps)/2]
}

func writeItems(to io.Writer, items int) error {
	w := bufio.NewWriter(to)
	for i := range items {
		what := `"operation":"debit","amount":{"amount":"0.01","unit":"CNY"}`
		switch i / bulkOver {
		case 0:
			what = `"operation":"open"`
		case 1:
			what = `"operation":"top_up","amount":{"amount":"100000.00","unit":"CNY"}`
		}
		_, err := fmt.Fprintf(w, `{"key":"%d","customer_ref":"B-%d",%s}`+"\n", i, i%bulkOver, what)
		if err != nil {
			return err
		}
	}
	return w.Flush()
}
