package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/eventstore"
)

const (
	manifestFile   = "manifest.json"
	manifestFormat = 2
	manifestBytes  = 256 << 20 // more than any has
)

// manifest says what a folder of files of rows holds. What depends on when a run was made, or how
// often it was stopped, is not in it.
type manifest struct {
	Format int    `json:"format"`
	Form   string `json:"form"` // of all files
	ByDay  bool   `json:"by_day"`
	Raw    bool   `json:"raw"`
	// Guarded says that the CSV has ' before what spreadsheets would take for formulas: guardedRows.
	Guarded bool             `json:"spreadsheet,omitempty"`
	Log     uuid.UUID        `json:"log"` // its first event's id
	Tables  []*manifestTable `json:"tables"`
}

// manifestTable is events, or a table of the read models. Of one whose rows are facts, as of events, the
// files hold every row once. Of one that changes they hold rows as of the positions at which they were
// exported: see standing.
type manifestTable struct {
	Name    string              `json:"name"`
	Facts   bool                `json:"facts"`         // its rows never change
	Key     []string            `json:"key,omitempty"` // of the read models: the columns that name a row
	After   eventstore.Position `json:"after"`         // of facts: the position behind which they begin
	Last    *manifestEvent      `json:"last"`          // up to which the files tell of the log
	Columns []rowColumn         `json:"columns"`
	Rows    int64               `json:"rows"` // of all files
	// Contents is what the table of the read models holds as of Last, without what is left out; of facts
	// behind After.
	Contents *contents      `json:"contents,omitempty"`
	Files    []manifestPart `json:"files"`
}

// manifestEvent is an event by which a log is known again.
type manifestEvent struct {
	Position eventstore.Position `json:"position"`
	ID       uuid.UUID           `json:"event_id"`
	Stream   string              `json:"stream"`
	Revision eventstore.Revision `json:"revision"`
}

// manifestPart is a file. After is the position that the table was exported at before, and AsOf the one
// that it was exported at then. First and Last are the positions of its rows; of a table that changes,
// whose rows have none, all are AsOf.
type manifestPart struct {
	Name   string              `json:"name"`            // below the folder, with slashes
	Day    string              `json:"day,omitempty"`   // YYYY-MM-DD; of a table that changes, the day of AsOf
	Whole  bool                `json:"whole,omitempty"` // of a table that changes: it has all rows
	Rows   int64               `json:"rows"`
	Bytes  int64               `json:"bytes"`
	SHA256 string              `json:"sha256"`
	After  eventstore.Position `json:"after"`
	First  eventstore.Position `json:"first_position"`
	Last   eventstore.Position `json:"last_position"`
	AsOf   eventstore.Position `json:"as_of"`
}

// readManifest is the folder's, nil where it has none.
func readManifest(folder string) (*manifest, error) {
	text, err := os.ReadFile(filepath.Join(folder, manifestFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var m manifest
	if err := json.Unmarshal(text, &m); err != nil {
		return nil, fmt.Errorf("%s: %w", manifestFile, err)
	}
	if m.Format != manifestFormat {
		return nil, fmt.Errorf("%s has format %d, this program reads %d", manifestFile, m.Format,
			manifestFormat)
	}
	for _, t := range m.Tables {
		for _, p := range t.Files {
			if !filepath.IsLocal(filepath.FromSlash(p.Name)) {
				return nil, fmt.Errorf("%s: %.80q is not below the folder", manifestFile, p.Name)
			}
		}
	}
	return &m, nil
}

// save writes the manifest, which is the old one or the new one whatever happens.
func (m *manifest) save(folder string) error {
	text, err := json.MarshalIndent(m, "", "\t")
	if err != nil {
		return err
	}
	name := filepath.Join(folder, manifestFile)
	file, err := os.OpenFile(name+partSuffix, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(append(text, '\n'))
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	if err := os.Rename(name+partSuffix, name); err != nil {
		return err
	}
	return syncFolder(folder)
}

// table is the manifest's entry of a name, with a new one where there is none.
func (m *manifest) table(name string, columns []rowColumn) (*manifestTable, error) {
	i := slices.IndexFunc(m.Tables, func(t *manifestTable) bool { return t.Name == name })
	if i < 0 {
		m.Tables = append(m.Tables, &manifestTable{Name: name, Columns: columns, Files: []manifestPart{}})
		return m.Tables[len(m.Tables)-1], nil
	}
	if !slices.Equal(m.Tables[i].Columns, columns) {
		return nil, fmt.Errorf("%s has other columns there: export to a new folder", name)
	}
	return m.Tables[i], nil
}

// names are the files that there should be.
func (m *manifest) names() map[string]bool {
	names := map[string]bool{}
	for _, t := range m.Tables {
		for _, p := range t.Files {
			names[p.Name] = true
		}
	}
	return names
}

// unnamed are files of ours that the manifest does not name: what a killed run left.
func (m *manifest) unnamed(folder string) (all []string, err error) {
	named := m.names()
	err = filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasPrefix(d.Name(), partPrefix) {
			return err
		}
		name, err := filepath.Rel(folder, path)
		if err == nil && !named[filepath.ToSlash(name)] {
			all = append(all, filepath.ToSlash(name))
		}
		return err
	})
	return all, err
}
