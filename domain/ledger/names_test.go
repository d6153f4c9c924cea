package ledger

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// Names are found by their hashes newest first, in recent entries and in runs, evenly spread or not.
func TestNamesFind(t *testing.T) {
	for _, spread := range []uint64{1, 50, 1 << 20, 1<<64 - 1} {
		random := rand.New(rand.NewPCG(1, spread))
		n, want := newNames(), map[uint64][]int64{}
		for revision := range uint32(20_000) {
			h := random.Uint64N(spread)
			n.add([]entry{{hash: h, revision: revision}})
			want[h] = append(want[h], int64(revision))
		}
		for h, revisions := range want {
			slices.Reverse(revisions)
			if got := n.find(nil, h); !slices.Equal(got, revisions) {
				t.Fatalf("spread %d: got %v of %d, want %v", spread, got, h, revisions)
			}
			if got := n.find(nil, ^h); len(want[^h]) == 0 && len(got) > 0 {
				t.Fatalf("spread %d: got %v of %d, want none", spread, got, ^h)
			}
		}
	}
}

// BenchmarkNames asks for the names that a debit asks for, and notes those that it uses, of an account
// that was not looked at for a while.
func BenchmarkNames(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 2))
	accounts := make([]*names, 10_000)
	for i := range accounts {
		accounts[i] = newNames()
		for revision := range random.Uint32N(2 * sealAt) {
			accounts[i].add([]entry{{hash: random.Uint64(), revision: revision}})
		}
	}
	var few [4]int64
	used := make([]entry, 2)
	b.ReportAllocs()
	for b.Loop() {
		n := accounts[random.IntN(len(accounts))]
		for range 3 {
			n.find(few[:0], random.Uint64())
		}
		for i := range used {
			used[i] = entry{hash: random.Uint64(), revision: 1}
		}
		n.add(used)
	}
}
