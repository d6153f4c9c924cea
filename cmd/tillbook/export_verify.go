package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/parquet-go/parquet-go"
	"github.com/spf13/cobra"

	"github.com/tillbook/tillbook/eventstore"
)

const verifyHelp = `Compares every file's bytes, SHA-256 and rows with the manifest, positions from file to
file, and what the files of each table of the read models come to, read back as their readers do,
with what it held. Names each file and table that differs, each file that is missing, and each that is
not in the manifest. Ends with 1 when there is any.

With --tables the read models are built, from the log of --data or --eventstore, as they were at the
position that each table was exported up to, and compared with the files too. They are kept in the data
folder, as those of "tillbook sql --as-of" are.`

// newExportVerify is `tillbook export verify`.
func newExportVerify() *cobra.Command {
	var at place
	var tables bool
	cmd := &cobra.Command{
		Use: "verify DIR", Short: "Read an export again, and compare it with its manifest",
		Long: verifyHelp, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := at.fromEnvironment(cmd.Flags()); err != nil {
				return err
			}
			v := &verifier{out: cmd.OutOrStdout(), bar: newScanBar(cmd.ErrOrStderr(), "verify")}
			if err := v.verify(cmd, args[0]); err != nil {
				return err
			}
			if tables {
				if err := v.compare(cmd, at); err != nil {
					return err
				}
			}
			return v.tell(args[0])
		},
	}
	at.flags(cmd.Flags())
	cmd.Flags().BoolVar(&tables, "tables", false, "compare with the read models of the log, too")
	return cmd
}

// verifier reads an export again.
type verifier struct {
	out      io.Writer
	bar      *scanBar
	manifest *manifest
	files    int
	rows     int64
	found    int // differences
}

func (v *verifier) report(name string, err error) {
	if err != nil {
		v.found++
		v.bar.clear()
		fmt.Fprintf(v.out, "%s: %v\n", name, err)
	}
}

func (v *verifier) verify(cmd *cobra.Command, folder string) error {
	m, err := readManifest(folder)
	if err == nil && m == nil {
		err = errors.New("it has no " + manifestFile)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", folder, err)
	}
	v.manifest = m
	of := &filesOf{folder: folder, form: m.Form, guarded: m.Guarded}
	for _, t := range m.Tables {
		found := v.found
		v.report(t.Name, t.continuous())
		for _, p := range t.Files {
			if err := cmd.Context().Err(); err != nil {
				v.bar.end(err)
				return err
			}
			v.report(p.Name, p.verify(folder, m.Form))
			v.files, v.rows = v.files+1, v.rows+p.Rows
			v.bar.to(eventstore.Position(v.files), eventstore.Position(len(m.names())))
		}
		if found == v.found && t.Contents != nil { // files that were changed come to something else
			v.report(t.Name, of.holds(cmd.Context(), t))
		}
	}
	v.bar.end(nil)
	left, err := m.unnamed(folder)
	for _, name := range left {
		v.report(name, errors.New("is not in the manifest: run the export again"))
	}
	return err
}

func (v *verifier) tell(folder string) error {
	if v.found > 0 {
		return fmt.Errorf("%s: %d differences", folder, v.found)
	}
	fmt.Fprintf(v.out, "%d rows in %d files verified: no differences\n", v.rows, v.files)
	return nil
}

// continuous compares what the manifest says of a table with what it says of its files.
func (t *manifestTable) continuous() error {
	if t.Name != eventsTable {
		if err := t.inOrder(); err != nil {
			return err
		}
	}
	var rows int64
	at := t.After
	for _, p := range t.Files {
		rows += p.Rows
		if t.Name != eventsTable {
			continue
		}
		if p.After != at || p.First <= at || p.Last < p.First {
			return fmt.Errorf("%s holds %d to %d, behind %d: want it behind %d", p.Name, p.First, p.Last,
				p.After, at)
		}
		at = p.Last
	}
	if t.Name == eventsTable && t.Last != nil && t.Last.Position != at {
		return fmt.Errorf("its files end at %d, the manifest says %d", at, t.Last.Position)
	}
	if rows != t.Rows {
		return fmt.Errorf("its files have %d rows, the manifest says %d", rows, t.Rows)
	}
	return nil
}

// inOrder demands of a table of the read models that each file is of a run behind that of the one before,
// and the first of a table that changes whole. Of facts a run may have several; one that found nothing
// left none.
func (t *manifestTable) inOrder() error {
	before := manifestPart{AsOf: t.After}
	for i, p := range t.Files {
		if slices.ContainsFunc(t.Files[:i], func(b manifestPart) bool { return b.Name == p.Name }) {
			return fmt.Errorf("%s is named twice", p.Name)
		}
		sameRun := t.Facts && p.After == before.After && p.AsOf == before.AsOf
		if !sameRun && p.After < before.AsOf || p.AsOf <= p.After {
			return fmt.Errorf("%s is as of %d, behind %d: want it behind %d", p.Name, p.AsOf, p.After,
				before.AsOf)
		}
		before = p
	}
	if len(t.Files) > 0 && !t.Facts && !t.Files[0].Whole {
		return fmt.Errorf("%s is the first, and has not all rows", t.Files[0].Name)
	}
	if t.Last != nil && before.AsOf > t.Last.Position {
		return fmt.Errorf("its files end at %d, the manifest says %d", before.AsOf, t.Last.Position)
	}
	return nil
}

// verify reads a file.
func (p *manifestPart) verify(folder, form string) error {
	file, err := os.Open(filepath.Join(folder, filepath.FromSlash(p.Name)))
	if err != nil {
		return err
	}
	defer file.Close()
	sum, lines := sha256.New(), &recordCounter{csv: form == formCSV}
	n, err := io.Copy(io.MultiWriter(sum, lines), file)
	if err != nil {
		return err
	}
	if n != p.Bytes {
		return fmt.Errorf("has %d bytes, the manifest says %d", n, p.Bytes)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != p.SHA256 {
		return fmt.Errorf("was changed: its SHA-256 is %s, the manifest says %s", got, p.SHA256)
	}
	rows := lines.records
	switch form {
	case formCSV:
		rows-- // the header
	case formParquet:
		read, err := parquet.OpenFile(file, n)
		if err != nil {
			return err
		}
		rows = read.NumRows()
	}
	if rows != p.Rows {
		return fmt.Errorf("has %d rows, the manifest says %d", rows, p.Rows)
	}
	return nil
}

// recordCounter counts the lines that are written to it; of CSV those that end outside of quotes.
type recordCounter struct {
	csv, quoted bool
	records     int64
}

// Write never fails.
func (c *recordCounter) Write(b []byte) (int, error) {
	if !c.csv {
		c.records += int64(bytes.Count(b, []byte{'\n'}))
		return len(b), nil
	}
	for _, sign := range b {
		switch {
		case sign == '"':
			c.quoted = !c.quoted
		case sign == '\n' && !c.quoted:
			c.records++
		}
	}
	return len(b), nil
}
