package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/tillbook/tillbook/projections/js"
)

// otherAnswer is what a result is compared with: a script that is still to run, or a result.
type otherAnswer struct {
	script *js.Script
	result *replayResult
}

// other reads what --against names.
func (r *replay) other() (o otherAnswer, err error) {
	switch {
	case r.against == "":
	case strings.HasSuffix(r.against, ".js"):
		o.script, err = compileFile(r.against)
	case strings.HasSuffix(r.against, ".ndjson"):
		o.result, err = savedResult(r.against, savedNDJSON)
	case strings.HasSuffix(r.against, ".json"):
		o.result, err = savedResult(r.against, savedJSON)
	default:
		err = fmt.Errorf("--against %s: want a file named *.js, *.json or *.ndjson", r.against)
	}
	return o, err
}

func savedResult(name string, read func(io.Reader, *replayResult) error) (*replayResult, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r := &replayResult{name, map[string]json.RawMessage{}}
	if err := read(bufio.NewReaderSize(f, 1<<20), r); err != nil {
		return nil, fmt.Errorf("%s is no answer of a replay: %w", name, err)
	}
	return r, nil
}

// savedJSON reads what resultJSON wrote.
func savedJSON(in io.Reader, r *replayResult) error {
	d := json.NewDecoder(in)
	if err := d.Decode(&r.documents); err != nil {
		return err
	}
	if r.documents == nil {
		return errors.New("it is null")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows its end")
	}
	return nil
}

// savedNDJSON reads what resultNDJSON wrote.
func savedNDJSON(in io.Reader, r *replayResult) error {
	d := json.NewDecoder(in)
	d.DisallowUnknownFields()
	for n := 1; ; n++ {
		var line savedLine
		err := d.Decode(&line)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil && (line.Partition == nil || line.Result == nil) {
			err = errors.New("it wants partition and result")
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
		r.documents[*line.Partition] = line.Result
	}
}

// differences are those of two answers, by partition and key. Values are the same when they mean the
// same: the order of members and the way in which numbers are written do not count.
func differences(was, is *replayResult) (all []js.Differing) {
	names := maps.Clone(was.documents)
	maps.Copy(names, is.documents)
	for _, partition := range slices.Sorted(maps.Keys(names)) {
		all = append(all, js.Differ(partition, was.documents[partition], is.documents[partition])...)
	}
	return all
}

// kindOfChange is what became of a key or, where that is empty, of a partition.
func kindOfChange(d js.Differing) string {
	switch {
	case d.Current == nil:
		return "added"
	case d.Candidate == nil:
		return "removed"
	}
	return "changed"
}

// tellChanges prints in what two results differ. It answers an error where that is anything.
func tellChanges(out io.Writer, was, is *replayResult) error {
	all := differences(was, is)
	partitions := maps.Clone(was.documents)
	maps.Copy(partitions, is.documents)
	if len(all) == 0 {
		fmt.Fprintf(out, "no differences in %d partitions\n", len(partitions))
		return nil
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "change\tpartition\tkey\twas\tis")
	differing := map[string]bool{}
	for _, d := range all {
		differing[d.Partition] = true
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", kindOfChange(d), printable(d.Partition),
			printable(d.Key), onOneLine(d.Current), onOneLine(d.Candidate))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(out, "%d differences in %d of %d partitions\n", len(all), len(differing),
		len(partitions))
	return fmt.Errorf("%d differences", len(all))
}

// onOneLine is a value's JSON without blanks, a dash for none.
func onOneLine(value json.RawMessage) string {
	if value == nil {
		return "-"
	}
	var b bytes.Buffer
	if json.Compact(&b, value) != nil {
		return printable(string(value))
	}
	return printable(b.String())
}
