package vault

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"sync"

	"github.com/google/uuid"
)

// Codes finds the serial numbers of campaigns' codes. It knows codes by keyed hashes alone, in one file a
// batch,
//
//	codes/<batch>-<key id>-<count>.index
//
// of entries, sorted:
//
//	8 bytes keyed hash of the code | 4 bytes serial      both big endian
//
// A file is whole, or it is not there; one that is not is written again from the batch's key. All methods
// may be called at once. A nil Codes answers ErrNoMasterKey.
type Codes struct {
	keyring *Keyring
	folder  string
	draw    func(secret []byte) func(serial uint32) string

	mu    sync.Mutex
	files map[uuid.UUID]*os.File // guarded by mu
}

// Batch is what is needed to draw a batch's codes.
type Batch struct {
	ID      uuid.UUID
	KeyID   string // of the master key
	Count   int
	Serials iter.Seq[uint32] // of its codes, rising
}

// Place is where a code stands, if it is one.
type Place struct {
	Batch  uuid.UUID
	Serial uint32
}

const entryBytes = 12

// OpenCodes is the index in a data folder. draw draws codes from a batch's secret. Without a Keyring the
// answer is nil.
func OpenCodes(folder string, keyring *Keyring,
	draw func(secret []byte) func(serial uint32) string) (*Codes, error) {
	if keyring == nil {
		return nil, nil
	}
	c := &Codes{keyring: keyring, folder: filepath.Join(folder, "codes"), draw: draw,
		files: map[uuid.UUID]*os.File{}}
	if err := os.MkdirAll(c.folder, 0o700); err != nil {
		return nil, fmt.Errorf("open the index of codes: %w", err)
	}
	return c, nil
}

// Close closes the files.
func (c *Codes) Close() (err error) {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, file := range c.files {
		err = errors.Join(err, file.Close())
		delete(c.files, id)
	}
	return err
}

// KeyID is the id of the master key that new batches come from.
func (c *Codes) KeyID() (string, error) {
	if c == nil {
		return "", ErrNoMasterKey
	}
	return c.keyring.ID(), nil
}

// Of draws the codes of a batch. The function must not be called at once.
func (c *Codes) Of(b Batch) (func(serial uint32) string, error) {
	if c == nil {
		return nil, ErrNoMasterKey
	}
	secret, err := c.keyring.Secret(b.KeyID, "codes/"+b.ID.String())
	if err != nil {
		return nil, err
	}
	return c.draw(secret), nil
}

// Add indexes a new batch, of which Serials are not known, and answers the serial numbers to be skipped,
// as their codes are those of earlier ones.
func (c *Codes) Add(ctx context.Context, b Batch) (skipped []uint32, err error) {
	of, err := c.Of(b)
	if err != nil {
		return nil, err
	}
	hash, err := c.hasher(b.KeyID)
	if err != nil {
		return nil, err
	}
	entries := make([]codeEntry, 0, b.Count)
	serial := uint32(0)
	for len(entries) < b.Count {
		for ; len(entries) < b.Count; serial++ {
			if serial%10_000 == 0 && ctx.Err() != nil {
				return nil, ctx.Err()
			}
			entries = append(entries, codeEntry{hash(of(serial)), serial})
		}
		slices.SortFunc(entries, codeEntry.compare)
		entries = slices.CompactFunc(entries, func(a, b codeEntry) bool {
			if a.hash == b.hash {
				skipped = append(skipped, max(a.serial, b.serial)) // the earlier one stays
			}
			return a.hash == b.hash
		})
	}
	slices.Sort(skipped)
	return skipped, c.write(b, entries)
}

// Find are the places that a code may stand at, of all batches, each of whose files is looked into. A
// batch that comes from a master key that is not here has none.
func (c *Codes) Find(ctx context.Context, code string, batches iter.Seq[Batch]) ([]Place, error) {
	if c == nil {
		return nil, ErrNoMasterKey
	}
	var places []Place
	hashes := map[string]uint64{}
	for b := range batches {
		hashed, ok := hashes[b.KeyID]
		if !ok {
			hash, err := c.hasher(b.KeyID)
			if errors.Is(err, ErrSealed) {
				continue
			}
			if err != nil {
				return nil, err
			}
			hashed = hash(code)
			hashes[b.KeyID] = hashed
		}
		file, err := c.file(ctx, b)
		if err != nil {
			return nil, err
		}
		serials, err := find(file, b.Count, hashed)
		if err != nil {
			return nil, err
		}
		of, err := c.Of(b)
		if err != nil {
			return nil, err
		}
		for _, serial := range serials {
			if hmac.Equal([]byte(of(serial)), []byte(code)) {
				places = append(places, Place{b.ID, serial})
			}
		}
	}
	return places, nil
}

// codeEntry is one code of a batch.
type codeEntry struct {
	hash   uint64
	serial uint32
}

func (e codeEntry) compare(other codeEntry) int {
	return cmp.Or(cmp.Compare(e.hash, other.hash), cmp.Compare(e.serial, other.serial))
}

// hasher hashes codes as the batches of one master key have them.
func (c *Codes) hasher(keyID string) (func(code string) uint64, error) {
	secret, err := c.keyring.Secret(keyID, "code-index")
	if err != nil {
		return nil, err
	}
	mac := hmac.New(sha256.New, secret)
	var sum [sha256.Size]byte
	return func(code string) uint64 {
		mac.Reset()
		mac.Write([]byte(code)) // it never fails
		return binary.BigEndian.Uint64(mac.Sum(sum[:0]))
	}, nil
}

func (c *Codes) path(b Batch) string {
	return filepath.Join(c.folder, fmt.Sprintf("%s-%s-%d.index", b.ID, b.KeyID, b.Count))
}

// file is a batch's file; one that is not there is written from the batch's key.
func (c *Codes) file(ctx context.Context, b Batch) (*os.File, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if file := c.files[b.ID]; file != nil {
		return file, nil
	}
	file, err := os.Open(c.path(b))
	if errors.Is(err, fs.ErrNotExist) {
		if err = c.rebuild(ctx, b); err == nil {
			file, err = os.Open(c.path(b))
		}
	}
	if err != nil {
		return nil, fmt.Errorf("open the index of codes: %w", err)
	}
	c.files[b.ID] = file
	return file, nil
}

func (c *Codes) rebuild(ctx context.Context, b Batch) error {
	of, err := c.Of(b)
	if err != nil {
		return err
	}
	hash, err := c.hasher(b.KeyID)
	if err != nil {
		return err
	}
	entries := make([]codeEntry, 0, b.Count)
	for serial := range b.Serials {
		if serial%10_000 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		entries = append(entries, codeEntry{hash(of(serial)), serial})
	}
	slices.SortFunc(entries, codeEntry.compare)
	return c.write(b, entries)
}

// write writes a batch's file beside its place, and moves it there.
func (c *Codes) write(b Batch, entries []codeEntry) error {
	file, err := os.CreateTemp(c.folder, "new-*")
	if err != nil {
		return fmt.Errorf("write the index of codes: %w", err)
	}
	defer os.Remove(file.Name()) // what was moved is not there
	text := make([]byte, 0, entryBytes*len(entries))
	for _, e := range entries {
		text = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint64(text, e.hash), e.serial)
	}
	_, err = file.Write(text)
	if err = errors.Join(err, file.Sync(), file.Close()); err == nil {
		err = os.Rename(file.Name(), c.path(b))
	}
	if err != nil {
		return fmt.Errorf("write the index of codes: %w", err)
	}
	return nil
}

// find are the serial numbers that a file of so many entries has under a hash.
func find(file io.ReaderAt, count int, hash uint64) (serials []uint32, err error) {
	var entry [entryBytes]byte
	read := func(i int) uint64 {
		if _, bad := file.ReadAt(entry[:], int64(i)*entryBytes); bad != nil {
			err = fmt.Errorf("read the index of codes: %w", bad)
		}
		return binary.BigEndian.Uint64(entry[:])
	}
	first := sort.Search(count, func(i int) bool { return err != nil || read(i) >= hash })
	for i := first; i < count && err == nil && read(i) == hash; i++ {
		serials = append(serials, binary.BigEndian.Uint32(entry[8:]))
	}
	return serials, err
}
