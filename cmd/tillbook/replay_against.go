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

// resultChange is one thing in which two results differ: a partition or, where key is not nil, the
// member of its document under a top-level key. was or is is nil where there is none.
type resultChange struct {
	partition string
	key       *string
	was, is   json.RawMessage
}

// kind is added, removed or changed.
func (c *resultChange) kind() string {
	switch {
	case c.was == nil:
		return "added"
	case c.is == nil:
		return "removed"
	}
	return "changed"
}

// changesOf are the differences of two results, by partition and key. Values are the same when they
// mean the same: the order of members and the way in which numbers are written do not count. Of
// documents that are not both objects the whole is compared. An error names a document that is no
// JSON.
func changesOf(was, is *replayResult) ([]resultChange, error) {
	names := maps.Clone(was.documents)
	maps.Copy(names, is.documents)
	var all []resultChange
	for _, partition := range slices.Sorted(maps.Keys(names)) {
		some, err := documentChanges(was.documents[partition], is.documents[partition])
		if err != nil {
			return nil, fmt.Errorf("partition %q: %w", partition, err)
		}
		for _, c := range some {
			c.partition = partition
			all = append(all, c)
		}
	}
	return all, nil
}

func documentChanges(was, is json.RawMessage) ([]resultChange, error) {
	if !isObject(was) || !isObject(is) {
		if same, err := sameJSON(was, is); same || err != nil {
			return nil, err
		}
		return []resultChange{{was: was, is: is}}, nil
	}
	before, errWas := membersOf(was)
	after, errIs := membersOf(is)
	if err := errors.Join(errWas, errIs); err != nil {
		return nil, err
	}
	keys := maps.Clone(before)
	maps.Copy(keys, after)
	var all []resultChange
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		same, err := sameJSON(before[key], after[key])
		if err != nil {
			return nil, err
		}
		if !same {
			all = append(all, resultChange{key: &key, was: before[key], is: after[key]})
		}
	}
	return all, nil
}

func isObject(document json.RawMessage) bool { return bytes.HasPrefix(document, []byte{'{'}) }

// sameJSON reports whether two values mean the same; nil is none, which is only the same as none.
func sameJSON(a, b json.RawMessage) (bool, error) {
	if a == nil || b == nil || bytes.Equal(a, b) {
		return (a == nil) == (b == nil), nil
	}
	left, err := readValue(a)
	if err != nil {
		return false, err
	}
	right, err := readValue(b)
	return err == nil && sameValue(left, right), err
}

func readValue(text json.RawMessage) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	err = d.Decode(&v)
	return v, err
}

func sameValue(a, b any) bool {
	switch a := a.(type) {
	case json.Number:
		b, ok := b.(json.Number)
		return ok && plainNumber(a) == plainNumber(b)
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, sameValue)
	case map[string]any:
		b, ok := b.(map[string]any)
		return ok && maps.EqualFunc(a, b, sameValue)
	}
	return a == b
}

// tellChanges prints in what two results differ. It answers an error where that is anything.
func tellChanges(out io.Writer, was, is *replayResult) error {
	all, err := changesOf(was, is)
	if err != nil {
		return err
	}
	partitions := maps.Clone(was.documents)
	maps.Copy(partitions, is.documents)
	if len(all) == 0 {
		fmt.Fprintf(out, "no differences in %d partitions\n", len(partitions))
		return nil
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "change\tpartition\tkey\twas\tis")
	differing := map[string]bool{}
	for i := range all {
		c := &all[i]
		differing[c.partition] = true
		key := ""
		if c.key != nil {
			key = printable(*c.key)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", c.kind(), printable(c.partition), key,
			onOneLine(c.was), onOneLine(c.is))
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
