package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/gofrs/flock"
	"github.com/google/uuid"

	"github.com/tillbook/tillbook/eventstore"
)

// exporter writes files of rows into a folder that it has for itself.
type exporter struct {
	wish     exportWish
	manifest *manifest
	lock     *flock.Flock
	bar      *scanBar
	done     int   // tables of this run
	rows     int64 // written by this run
	parts    int
}

const (
	partPrefix = "part-"
	partSuffix = ".part" // of what is not whole yet
	// partRows end a part of events, or of a table of facts, so that a run that is killed loses little.
	partRows = 1_000_000
)

// openExport claims the folder.
func openExport(w exportWish) (*exporter, error) {
	if err := os.MkdirAll(w.out, 0o700); err != nil {
		return nil, err
	}
	lock := flock.New(filepath.Join(w.out, lockFile), flock.SetPermissions(0o600))
	if locked, err := lock.TryLock(); err != nil || !locked {
		return nil, errors.Join(err, errors.New("another export is writing there"))
	}
	x := &exporter{wish: w, lock: lock}
	if err := x.load(); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return x, nil
}

// load reads what the folder holds, and removes what a killed run left.
func (x *exporter) load() (err error) {
	if x.manifest, err = readManifest(x.wish.out); err != nil {
		return err
	}
	if x.manifest == nil {
		x.manifest = &manifest{Format: manifestFormat, Form: x.wish.form, ByDay: x.wish.byDay,
			Raw: x.wish.raw, Guarded: x.wish.guarded, Tables: []*manifestTable{}}
	}
	if err := x.fits(); err != nil {
		return err
	}
	left, err := x.manifest.unnamed(x.wish.out)
	for _, name := range left {
		err = errors.Join(err, os.Remove(filepath.Join(x.wish.out, filepath.FromSlash(name))))
	}
	return err
}

// fits refuses to add files of another kind to those that are there.
func (x *exporter) fits() error {
	m, w := x.manifest, &x.wish
	switch {
	case m.Form != w.form:
		return fmt.Errorf("it holds %s: export %s to a new folder", m.Form, w.form)
	case m.Guarded != w.guarded:
		return fmt.Errorf("it was written with --spreadsheet=%t: export to a new folder", m.Guarded)
	case m.Raw != w.raw:
		return fmt.Errorf("it was written with --raw=%t: export to a new folder", m.Raw)
	case m.ByDay != w.byDay:
		return fmt.Errorf("it was written with --by-day=%t: export to a new folder", m.ByDay)
	case w.fromChanged && slices.ContainsFunc(m.Tables, func(t *manifestTable) bool {
		return t.Facts && t.After != w.from
	}):
		return errors.New("it goes on behind what it holds: --from is of a new folder")
	}
	return nil
}

// folder is where files of a day are.
func (x *exporter) folder(table, day string) string {
	if day = x.dayKept(day); day != "" {
		return table + "/day=" + day
	}
	return table
}

// dayKept is a day where files are by day, and else empty.
func (x *exporter) dayKept(day string) string {
	if x.manifest.ByDay {
		return day
	}
	return ""
}

// filesOf is how the files of a folder are read back.
type filesOf struct {
	folder, form string
	guarded      bool
}

func (x *exporter) files() *filesOf {
	return &filesOf{folder: x.wish.out, form: x.wish.form, guarded: x.wish.guarded}
}

func (m *manifest) hasEvents() bool {
	for _, t := range m.Tables {
		if t.Name == eventsTable {
			return true
		}
	}
	return false
}

func (x *exporter) close() error { return x.lock.Close() }

// isOf refuses a folder that holds another log.
func (x *exporter) isOf(first uuid.UUID) error {
	if x.manifest.Log == (uuid.UUID{}) {
		x.manifest.Log = first
	}
	if x.manifest.Log != first && first != (uuid.UUID{}) {
		return fmt.Errorf("%s holds another log, whose first event is %s and not %s", x.wish.out,
			x.manifest.Log, first)
	}
	return nil
}

func (x *exporter) tell(out io.Writer) {
	if x.parts == 0 {
		fmt.Fprintln(out, "nothing new: 0 rows written")
		return
	}
	fmt.Fprintf(out, "%d rows written in %d files\n", x.rows, x.parts)
}

// partFile is a file of rows that is being written.
type partFile struct {
	manifestPart
	path string // of the file once it is whole
	file *os.File
	out  *tallied
	rows rowWriter
}

// tallied counts and hashes what goes through it.
type tallied struct {
	io.Writer
	bytes int64
	sum   hash.Hash
}

// Write writes on, and counts what was written.
func (t *tallied) Write(b []byte) (int, error) {
	n, err := t.Writer.Write(b)
	t.sum.Write(b[:n])
	t.bytes += int64(n)
	return n, err
}

// begin begins a file in a folder below the export's.
func (x *exporter) begin(folder, name string, columns []rowColumn) (*partFile, error) {
	p := &partFile{manifestPart: manifestPart{Name: path.Join(folder, partPrefix+name+"."+x.wish.form)}}
	p.path = filepath.Join(x.wish.out, filepath.FromSlash(p.Name))
	err := os.MkdirAll(filepath.Dir(p.path), 0o700)
	if err != nil {
		return nil, err
	}
	p.file, err = os.OpenFile(p.path+partSuffix, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	p.out = &tallied{Writer: p.file, sum: sha256.New()}
	if p.rows, err = newRows(x.wish.form, p.out, columns); err != nil {
		return nil, errors.Join(err, p.drop())
	}
	if x.wish.guarded {
		p.rows = &guardedRows{rowWriter: p.rows, columns: columns}
	}
	return p, nil
}

// add adds a row of a position.
func (p *partFile) add(position eventstore.Position, row []cell) error {
	if p.Rows == 0 {
		p.First = position
	}
	p.Rows++
	p.Last = position
	return p.rows.write(row)
}

// drop removes a file that will not be whole.
func (p *partFile) drop() error {
	return errors.Join(p.file.Close(), os.Remove(p.path+partSuffix))
}

// end makes the file durable under its name. It does not count before the manifest names it.
func (x *exporter) end(p *partFile) (manifestPart, error) {
	err := p.rows.end()
	if err == nil {
		err = p.file.Sync()
	}
	if err != nil {
		return manifestPart{}, errors.Join(err, p.drop())
	}
	if err := p.file.Close(); err != nil {
		return manifestPart{}, err
	}
	if err := os.Rename(p.path+partSuffix, p.path); err != nil {
		return manifestPart{}, err
	}
	p.Bytes, p.SHA256 = p.out.bytes, hex.EncodeToString(p.out.sum.Sum(nil))
	x.rows += p.Rows
	x.parts++
	for at := filepath.Dir(p.path); ; at = filepath.Dir(at) {
		if err := syncFolder(at); err != nil || len(at) <= len(filepath.Clean(x.wish.out)) {
			return p.manifestPart, err
		}
	}
}
