package projections

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

// folder is a shelf of SQLite files.
type folder struct {
	path string
	all  []Projection
}

// How a file is used. The log is the truth, so a power cut may cost the last transactions; they are
// folded again.
const (
	busyMilliseconds = 5000
	cacheKiB         = 16 << 10 // of the writer's connection
	writerPragmas    = "&_pragma=page_size(8192)&_pragma=journal_mode(wal)" +
		"&_pragma=synchronous(normal)&_txlock=immediate"
)

// fileMode keeps customers' business from whoever else may read the folder. SQLite gives the files
// it makes beside a database, -wal and -shm, the database's own mode.
const fileMode = 0o600

func (f folder) name(generation int) string {
	return filepath.Join(f.path, fmt.Sprintf("readmodels-%s-%04d.db", fingerprint(f.all), generation))
}

func (f folder) place() string { return f.path }

func (folder) close() error { return nil }

func (f folder) open(ctx context.Context, generation int) (*database, error) {
	path := f.name(generation)
	// Only a new file is opened here: to close one that SQLite has open would end its locks.
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, fileMode)
	if err == nil {
		err = file.Close()
	}
	if err != nil && !errors.Is(err, os.ErrExist) {
		return nil, err
	}
	d := &database{name: path, shelf: f, tables: f.all}
	cache := fmt.Sprintf("&_pragma=cache_size(-%d)", cacheKiB)
	if d.write, err = sql.Open("sqlite", sourceOf(path)+writerPragmas+cache); err != nil {
		return nil, err
	}
	d.write.SetMaxOpenConns(1)
	if err := d.create(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("create tables of %s: %w", path, err), d.close())
	}
	return d, d.openReaders()
}

// openToRead opens a file that another process may be writing.
func (f folder) openToRead(_ context.Context, generation int) (*database, error) {
	path := f.name(generation)
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	d := &database{name: path, shelf: f, tables: f.all}
	return d, d.openReaders()
}

func (d *database) openReaders() (err error) {
	d.read, err = sql.Open("sqlite", sourceOf(d.name)+"&_pragma=query_only(1)")
	if err == nil {
		d.read.SetMaxOpenConns(readers)
		d.read.SetMaxIdleConns(readers)
	}
	return err
}

func sourceOf(path string) string {
	return "file:" + (&url.URL{Path: path}).EscapedPath() +
		fmt.Sprintf("?_pragma=busy_timeout(%d)", busyMilliseconds)
}

func (f folder) generations(context.Context) (all []int, err error) {
	names, err := f.files(fingerprint(f.all))
	for _, name := range names {
		text := strings.TrimSuffix(name[strings.LastIndexByte(name, '-')+1:], ".db")
		if n, err := strconv.Atoi(text); err == nil && n > 0 {
			all = append(all, n)
		}
	}
	slices.Sort(all)
	return all, err
}

// files are the read models' files, of a fingerprint or, with *, of any.
func (f folder) files(fingerprint string) ([]string, error) {
	entries, err := filepath.Glob(filepath.Join(escapeGlob(f.path),
		"readmodels-"+fingerprint+"-[0-9]*.db"))
	if err != nil {
		return nil, fmt.Errorf("list read models: %w", err)
	}
	return entries, nil
}

var globSigns = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`)

func escapeGlob(folder string) string { return globSigns.Replace(folder) }

func (folder) remove(_ context.Context, path string) error {
	for _, name := range []string{path + "-wal", path + "-shm", path} {
		if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

func (f folder) clear(ctx context.Context, but string) error {
	names, err := f.files("*")
	if err != nil {
		return err
	}
	for _, name := range names {
		if name == but {
			continue
		}
		if err := f.remove(ctx, name); err != nil {
			return err
		}
	}
	return nil
}
