package ledger

import (
	"cmp"
	"encoding/binary"
	"math/bits"
	"slices"
	"sort"

	"github.com/cespare/xxhash/v2"

	"github.com/tillbook/tillbook/domain"
)

// names remembers, for every name an account's events ever used, which events those were: 8 bytes of
// the name's hash and 4 of the event's revision each. A hash only points: whoever finds one reads the
// event and compares the name in full.
//
// The newest entries lie in recent, which is short: to read through it touches less memory than an index
// of it would. Full, it is sealed into a sorted run, and runs of like size are merged, so that n entries
// lie in O(log n) runs that never change.
type names struct {
	recent []entry // in the order they came
	runs   []run
	nextID uint32
}

// entry says that an event used a name with that hash.
type entry struct {
	hash     uint64
	revision uint32
}

// run is a sorted sequence of entries: hash, then revision, big endian. Its bytes never change.
type run struct {
	id      uint32 // never used again for this account
	sum     uint64 // xxhash of entries
	entries []byte
}

const (
	entryBytes = 12
	sealAt     = 256 // entries
)

func newNames() *names { return &names{nextID: 1} }

func hash(n domain.Name) uint64 {
	var few [128]byte
	return xxhash.Sum64(append(append(append(few[:0], n.Kind...), 0), n.Value...))
}

// uses appends an entry for each name that p used. The names are read into the buffer: one of its own
// would be allocated for each event.
func uses(to []entry, p *domain.Posted, buffer []domain.Name) []entry {
	for _, name := range p.AppendUses(buffer[:0]) {
		to = append(to, entry{hash: hash(name), revision: uint32(p.Revision)})
	}
	return to
}

// add notes entries, oldest first.
func (n *names) add(entries []entry) {
	for _, e := range entries {
		n.recent = append(n.recent, e)
		if len(n.recent) >= sealAt {
			n.seal()
		}
	}
}

// find appends the revisions of events that may have used the name with that hash, newest first.
func (n *names) find(to []int64, h uint64) []int64 {
	for i := len(n.recent) - 1; i >= 0; i-- {
		if n.recent[i].hash == h {
			to = append(to, int64(n.recent[i].revision))
		}
	}
	for _, run := range slices.Backward(n.runs) {
		to = run.find(to, h)
	}
	return to
}

func (r run) find(to []int64, h uint64) []int64 {
	for i := r.after(h) - 1; i >= 0 && r.hash(i) == h; i-- {
		to = append(to, int64(binary.BigEndian.Uint32(r.entries[i*entryBytes+8:])))
	}
	return to
}

// after is the place of the first entry with a hash above h. Hashes are spread evenly, so it lies near
// its share of the run: a search that widens from there touches a fraction of the memory that halving
// the whole does, and is as short as that where they are not.
func (r run) after(h uint64) int {
	n := len(r.entries) / entryBytes
	share, _ := bits.Mul64(h, uint64(n))
	low, high := int(share), int(share) // of the answer, once both loops are done
	for step := 32; low > 0 && r.hash(low-1) > h; step *= 2 {
		low, high = max(0, low-step), low
	}
	for step := 32; high < n && r.hash(high) <= h; step *= 2 {
		low, high = high+1, min(n, high+step)
	}
	return low + sort.Search(high-low, func(i int) bool { return r.hash(low+i) > h })
}

func (r run) hash(i int) uint64 { return binary.BigEndian.Uint64(r.entries[i*entryBytes:]) }

// seal turns recent into a run and merges runs until each is more than twice as long as the next.
func (n *names) seal() {
	n.push(sealed(n.recent))
	n.recent = n.recent[:0]
	for len(n.runs) > 1 {
		older, newer := n.runs[len(n.runs)-2], n.runs[len(n.runs)-1]
		if len(older.entries) > 2*len(newer.entries) {
			return
		}
		n.runs = slices.Clone(n.runs[:len(n.runs)-2]) // snapshots may still read the old slice
		n.push(merge(older.entries, newer.entries))
	}
}

func (n *names) push(entries []byte) {
	n.runs = append(n.runs[:len(n.runs):len(n.runs)], run{n.nextID, xxhash.Sum64(entries), entries})
	n.nextID++
}

func sealed(recent []entry) []byte {
	sorted := slices.Clone(recent)
	slices.SortFunc(sorted, func(a, b entry) int {
		if a.hash != b.hash {
			return cmp.Compare(a.hash, b.hash)
		}
		return cmp.Compare(a.revision, b.revision)
	})
	out := make([]byte, 0, len(sorted)*entryBytes)
	for _, e := range sorted {
		out = binary.BigEndian.AppendUint64(out, e.hash)
		out = binary.BigEndian.AppendUint32(out, e.revision)
	}
	return out
}

// merge is the sorted union of two sorted sequences of entries.
func merge(a, b []byte) []byte {
	out := make([]byte, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		from := &a
		if string(b[:entryBytes]) < string(a[:entryBytes]) {
			from = &b
		}
		out = append(out, (*from)[:entryBytes]...)
		*from = (*from)[entryBytes:]
	}
	return append(append(out, a...), b...)
}

// size is the memory that n takes, in bytes, about.
func (n *names) size() int {
	size := 16 * cap(n.recent)
	for _, r := range n.runs {
		size += len(r.entries)
	}
	return size
}

// load adds the entries of a snapshot's recent ones.
func (n *names) load(entries []byte) {
	for e := range slices.Chunk(entries, entryBytes) {
		n.recent = append(n.recent,
			entry{hash: binary.BigEndian.Uint64(e), revision: binary.BigEndian.Uint32(e[8:])})
	}
}
