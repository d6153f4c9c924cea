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

	"github.com/parquet-go/parquet-go"
	"github.com/spf13/cobra"

	"github.com/tillbook/tillbook/eventstore"
)

// newExportVerify is `tillbook export verify`.
func newExportVerify() *cobra.Command {
	return &cobra.Command{
		Use: "verify DIR", Short: "Read an export again, and compare it with its manifest",
		Long: "Compares every file's bytes, SHA-256 and rows with the manifest, and the positions of\n" +
			"events from file to file. Names each file that differs, is missing, or is not in the\n" +
			"manifest. Ends with 1 when there is any.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return verifyExport(cmd, args[0]) },
	}
}

func verifyExport(cmd *cobra.Command, folder string) error {
	m, err := readManifest(folder)
	if err == nil && m == nil {
		err = errors.New("it has no " + manifestFile)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", folder, err)
	}
	out, found := cmd.OutOrStdout(), 0
	report := func(name string, err error) {
		if err != nil {
			found++
			fmt.Fprintf(out, "%s: %v\n", name, err)
		}
	}
	bar, files, rows := newScanBar(cmd.ErrOrStderr(), "verify"), 0, int64(0)
	defer bar.end()
	for _, t := range m.Tables {
		report(t.Name, t.continuous())
		for _, p := range t.Files {
			if cmd.Context().Err() != nil {
				return cmd.Context().Err()
			}
			report(p.Name, p.verify(folder, m.Form))
			files, rows = files+1, rows+p.Rows
			bar.to(eventstore.Position(files), eventstore.Position(len(m.names())))
		}
	}
	bar.end()
	left, err := m.unnamed(folder)
	for _, name := range left {
		report(name, errors.New("is not in the manifest: run the export again"))
	}
	if err != nil {
		return err
	}
	if found > 0 {
		return fmt.Errorf("%s: %d differences", folder, found)
	}
	fmt.Fprintf(out, "%d rows in %d files verified: no differences\n", rows, files)
	return nil
}

// continuous compares what the manifest says of a table with what it says of its files.
func (t *manifestTable) continuous() error {
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
	if t.Last != nil && t.Last.Position != at {
		return fmt.Errorf("its files end at %d, the manifest says %d", at, t.Last.Position)
	}
	if rows != t.Rows {
		return fmt.Errorf("its files have %d rows, the manifest says %d", rows, t.Rows)
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
