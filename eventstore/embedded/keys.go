package embedded

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/cockroachdb/pebble/v2"

	"github.com/tillbook/tillbook/eventstore"
)

// format is the one this program writes and the newest that it reads.
const format = 2

// The first byte of every key.
const (
	listsBuilt   = 'c'
	nameKeys     = 'd'
	formatKeys   = 'f'
	indexKeys    = 'i'
	logKeys      = 'l'
	memberKeys   = 'm'
	listKeys     = 'n'
	snapshotKeys = 's'
)

// streamID is a stream's short name in the index: the position of its first event. 0 is none.
type streamID uint64

// listID is a list's short name among those of its kind: the position of its first event. 0 is
// none.
type listID uint64

func nameKey(stream string) []byte { return append([]byte{nameKeys}, stream...) }

// The sizes of keys without a name, in bytes.
const (
	logKeySize   = 1 + 8
	indexKeySize = 1 + 8 + 8
)

func indexKey(id streamID, revision eventstore.Revision) []byte {
	return appendIndexKey(make([]byte, 0, indexKeySize), id, revision)
}

func appendIndexKey(dst []byte, id streamID, revision eventstore.Revision) []byte {
	dst = binary.BigEndian.AppendUint64(append(dst, indexKeys), uint64(id))
	return binary.BigEndian.AppendUint64(dst, uint64(revision))
}

func logKey(at eventstore.Position) []byte {
	return appendLogKey(make([]byte, 0, logKeySize), at)
}

func appendLogKey(dst []byte, at eventstore.Position) []byte {
	return binary.BigEndian.AppendUint64(append(dst, logKeys), uint64(at))
}

func snapshotKey(stream string, part int) []byte {
	key := append([]byte{snapshotKeys}, stream...)
	return binary.BigEndian.AppendUint64(key, uint64(part))
}

func listKey(list eventstore.List) []byte {
	return append([]byte{listKeys, byte(list.By)}, list.Name...)
}

// memberPrefix begins the keys of all events in one list.
func memberPrefix(kind eventstore.ListKind, id listID) []byte {
	return binary.BigEndian.AppendUint64([]byte{memberKeys, byte(kind)}, uint64(id))
}

func memberKey(kind eventstore.ListKind, id listID, n int64) []byte {
	return binary.BigEndian.AppendUint64(memberPrefix(kind, id), uint64(n))
}

// after is the first key behind all that begin with prefix, which holds a byte below 255.
func after(prefix []byte) []byte {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] < math.MaxUint8 {
			end := append([]byte(nil), prefix[:i+1]...)
			end[i]++
			return end
		}
	}
	return nil
}

// keysOf are the bounds of all keys that begin with prefix.
func keysOf(prefix []byte) *pebble.IterOptions {
	return &pebble.IterOptions{LowerBound: prefix, UpperBound: after(prefix)}
}

func positionOf(logKey []byte) eventstore.Position {
	return eventstore.Position(binary.BigEndian.Uint64(logKey[1:]))
}

func revisionOf(indexKey []byte) eventstore.Revision {
	return eventstore.Revision(binary.BigEndian.Uint64(indexKey[9:]))
}

// run is what one append wrote, as the index has it: events that are neighbours in their stream and in
// the log.
type run struct {
	last eventstore.Revision
	at   eventstore.Position // of last
}

// runUnder is the run under an iterator over the index. Where its value is damaged, its events are not
// at the positions that it says.
func runUnder(index *pebble.Iterator) run {
	at, _ := binary.Uvarint(index.Value())
	return run{revisionOf(index.Key()), eventstore.Position(at)}
}

// position is where the run's event at a revision stands.
func (r run) position(revision eventstore.Revision) eventstore.Position {
	return r.at - eventstore.Position(r.last-revision)
}

func memberOf(memberKey []byte) int64 {
	return int64(binary.BigEndian.Uint64(memberKey[len(memberKey)-8:]))
}

// checkFormat refuses data of a newer program, and marks a new folder and an older one, which is
// read as it is, with this one's format.
func (s *Store) checkFormat() error {
	found, err := s.number([]byte{formatKeys})
	switch {
	case err != nil:
		return fmt.Errorf("read the format: %w", err)
	case found > format:
		return fmt.Errorf("the folder has format %d, this program reads up to %d", found, format)
	case found == format, found > 0 && s.readOnly:
		return nil
	case found == 0:
		if last, err := s.lastPosition(); err != nil || last > 0 || s.readOnly {
			return errors.Join(errors.New("the folder does not say its format"), err)
		}
	}
	return s.db.Set([]byte{formatKeys}, binary.AppendUvarint(nil, format), pebble.Sync)
}

// lastPosition is the last key of the log.
func (s *Store) lastPosition() (eventstore.Position, error) {
	it, err := s.db.NewIter(keysOf([]byte{logKeys}))
	if err != nil {
		return 0, err
	}
	var last eventstore.Position
	if it.Last() {
		last = positionOf(it.Key())
	}
	return last, it.Close()
}

// number is the uvarint under key, 0 where there is none.
func (s *Store) number(key []byte) (uint64, error) {
	value, closer, err := s.db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, damage(err, "", 0)
	}
	defer closer.Close()
	n, size := binary.Uvarint(value)
	if size <= 0 {
		return 0, &eventstore.Damaged{Reason: fmt.Sprintf("no number under key %q", key)}
	}
	return n, nil
}

// damage turns Pebble's word for bytes that it cannot read back into the contract's.
func damage(err error, stream string, revision eventstore.Revision) error {
	if err != nil && pebble.IsCorruptionError(err) {
		return &eventstore.Damaged{Stream: stream, Revision: revision, Reason: reason(err)}
	}
	return err
}

// reason is what err says of the damage. Pebble adds a line about its own error types.
func reason(err error) string {
	said, _, _ := strings.Cut(err.Error(), "\n")
	return said
}
