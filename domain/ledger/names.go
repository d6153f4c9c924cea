package ledger

import (
	"encoding/binary"
	"slices"
	"sort"

	"github.com/cespare/xxhash/v2"

	"github.com/tillbook/tillbook/domain"
)

// names remembers, for every name an account's events ever used, which events those were: 8 bytes of
// the name's hash and 4 of the event's revision each. A hash only points: whoever finds one reads the
// event and compares the name in full.
//
// The newest entries lie in recent; full, it is sealed into a sorted run, and runs of like size are
// merged, so that n entries lie in O(log n) runs that never change.
type names struct {
	recent map[uint64][]uint32
	count  int // entries in recent
	runs   []run
	nextID uint32
}

// run is a sorted sequence of entries: hash, then revision, big endian. Its bytes never change.
type run struct {
	id      uint32 // never used again for this account
	sum     uint64 // xxhash of entries
	entries []byte
}

const (
	entryBytes = 12
	sealAt     = 1024 // entries
)

func newNames() *names { return &names{nextID: 1} }

func hash(n domain.Name) uint64 {
	var d xxhash.Digest
	d.Reset()
	_, _ = d.WriteString(n.Kind) // a hash takes everything
	_, _ = d.WriteString("\x00")
	_, _ = d.WriteString(n.Value)
	return d.Sum64()
}

// add notes that the event at revision used a name.
func (n *names) add(name domain.Name, revision int64) {
	n.note(hash(name), uint32(revision))
}

func (n *names) note(h uint64, revision uint32) {
	if n.recent == nil {
		n.recent = make(map[uint64][]uint32)
	}
	n.recent[h] = append(n.recent[h], revision)
	n.count++
}

// addAll notes all names that an event used.
func (n *names) addAll(p domain.Posted) {
	for _, name := range p.Uses() {
		n.add(name, p.Revision)
	}
	if n.count >= sealAt {
		n.seal()
	}
}

// find appends the revisions of events that may have used a name, newest first.
func (n *names) find(to []int64, name domain.Name) []int64 {
	if n.count == 0 && len(n.runs) == 0 {
		return to
	}
	h := hash(name)
	for _, r := range slices.Backward(n.recent[h]) {
		to = append(to, int64(r))
	}
	for _, run := range slices.Backward(n.runs) {
		to = run.find(to, h)
	}
	return to
}

func (r run) find(to []int64, h uint64) []int64 {
	n := len(r.entries) / entryBytes
	end := sort.Search(n, func(i int) bool { return r.hash(i) > h })
	for i := end - 1; i >= 0 && r.hash(i) == h; i-- {
		to = append(to, int64(binary.BigEndian.Uint32(r.entries[i*entryBytes+8:])))
	}
	return to
}

func (r run) hash(i int) uint64 { return binary.BigEndian.Uint64(r.entries[i*entryBytes:]) }

// seal turns recent into a run and merges runs until each is more than twice as long as the next.
func (n *names) seal() {
	n.push(sealed(n.recent, n.count))
	n.recent, n.count = nil, 0
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

func sealed(recent map[uint64][]uint32, count int) []byte {
	type entry struct {
		hash     uint64
		revision uint32
	}
	sorted := make([]entry, 0, count)
	for h, revisions := range recent {
		for _, r := range revisions {
			sorted = append(sorted, entry{h, r})
		}
	}
	slices.SortFunc(sorted, func(a, b entry) int {
		if a.hash != b.hash {
			return compare(a.hash, b.hash)
		}
		return compare(uint64(a.revision), uint64(b.revision))
	})
	out := make([]byte, 0, count*entryBytes)
	for _, e := range sorted {
		out = binary.BigEndian.AppendUint64(out, e.hash)
		out = binary.BigEndian.AppendUint32(out, e.revision)
	}
	return out
}

func compare(a, b uint64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
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
	size := 64 * n.count
	for _, r := range n.runs {
		size += len(r.entries)
	}
	return size
}

// load adds the entries of a snapshot's recent ones.
func (n *names) load(entries []byte) {
	for e := range slices.Chunk(entries, entryBytes) {
		n.note(binary.BigEndian.Uint64(e), binary.BigEndian.Uint32(e[8:]))
	}
}
