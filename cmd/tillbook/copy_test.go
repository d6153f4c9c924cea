package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/embedded"
)

// verb runs a verb in this process and answers what it printed to standard output.
func verb(t testing.TB, in io.Reader, args ...string) (string, error) {
	t.Helper()
	return verbUntil(t.Context(), in, args...)
}

func verbUntil(ctx context.Context, in io.Reader, args ...string) (string, error) {
	var out bytes.Buffer
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(&out)
	root.SetErr(io.Discard)
	err := root.ExecuteContext(ctx)
	return out.String(), err
}

// must runs a verb that must succeed.
func must(t testing.TB, args ...string) string {
	t.Helper()
	out, err := verb(t, nil, args...)
	if err != nil {
		t.Fatalf("%v: got %v, want no error", args, err)
	}
	return out
}

// oddLog are events of streams that take turns, with bytes of every kind, in two streams that the
// ledger does not own, one that it does, where they are no events of ours, and those of a server.
func oddLog(n int) []eventstore.Recorded {
	streams := []string{"order-1", "$system", "$$order-1", "order-2", "snapshot-account-1-0",
		"$$snapshot-account-1-0"}
	next := map[string]eventstore.Revision{}
	var log []eventstore.Recorded
	for i := range n {
		e := event(oddBytes[i%len(oddBytes)], oddBytes[i/2%len(oddBytes)], i%3 == 0)
		e.Stream = streams[(i/3*i)%len(streams)]
		e.Revision = next[e.Stream]
		next[e.Stream]++
		log = append(log, e)
	}
	return log
}

// fill makes a data folder with a log.
func fill(t testing.TB, data string, log []eventstore.Recorded) {
	t.Helper()
	s, err := openLog(data, embedded.Options{})
	if err != nil {
		t.Fatalf("open: got %v, want no error", err)
	}
	l := s.Load()
	for i := range log {
		if err := l.Add(t.Context(), log[i:i+1]); err != nil {
			t.Fatalf("add: got %v, want no error", err)
		}
	}
	if err := errors.Join(l.Flush(t.Context()), s.Close()); err != nil {
		t.Fatalf("fill: got %v, want no error", err)
	}
}

// held is the log of a data folder.
func held(t testing.TB, data string) []eventstore.Recorded {
	t.Helper()
	s, done, err := openForReading(t.Context(), place{data: data})
	if err != nil {
		t.Fatalf("open %s: got %v, want no error", data, err)
	}
	defer done()
	return all(t, s)
}

func all(t testing.TB, s eventstore.Store) []eventstore.Recorded {
	t.Helper()
	var log []eventstore.Recorded
	for e, err := range s.ReadAll(t.Context(), eventstore.Start) {
		if err != nil {
			t.Fatalf("read: got %v, want no error", err)
		}
		log = append(log, e)
	}
	return log
}

// sameLog compares logs in full but for positions, which are a store's own.
func sameLog(t testing.TB, got, want []eventstore.Recorded) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("events: got %d, want %d", len(got), len(want))
	}
	for i := range got {
		if what := difference(got[i], want[i]); what != "" || !got[i].Created.Equal(want[i].Created) {
			t.Fatalf("event %d: got %v, want %v: %s", i, got[i], want[i], what)
		}
	}
}

// without leaves the snapshots' streams out.
func without(log []eventstore.Recorded) []eventstore.Recorded {
	var rest []eventstore.Recorded
	for _, e := range log {
		if !strings.Contains(e.Stream, "snapshot-") {
			rest = append(rest, e)
		}
	}
	return rest
}

// TestCopyRoundTrip carries a log through folders, files, and pipes.
func TestCopyRoundTrip(t *testing.T) {
	root := t.TempDir()
	in := func(name string) string { return filepath.Join(root, name) }
	log := oddLog(3000)
	fill(t, in("a"), log)
	want := without(log)
	first := must(t, "copy", "--from", in("a"), "--to", in("b"))
	sameLog(t, held(t, in("b")), want)
	must(t, "copy", "--from", in("b"), "--to", in("b.ndjson"))
	must(t, "copy", "--from", in("b.ndjson"), "--to", in("c"))
	sameLog(t, held(t, in("c")), want)
	piped := must(t, "export", "events", "--data", in("c"))
	if file, err := os.ReadFile(in("b.ndjson")); err != nil || string(file) != piped {
		t.Errorf("export to standard output: got %d bytes, want the %d of the file, %v",
			len(piped), len(file), err)
	}
	last, err := verb(t, strings.NewReader(piped), "copy", "--from", "-", "--to", in("d"))
	if err != nil {
		t.Fatalf("copy from standard input: got %v, want no error", err)
	}
	sameLog(t, held(t, in("d")), want)
	if got, want := printedDigest(last), printedDigest(first); got != want || got == "" {
		t.Errorf("digest: got %q, want %q", got, want)
	}
	if info, err := os.Stat(in("b.ndjson")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("file: got %v, %v, want mode 0600", info.Mode(), err)
	}
}

func printedDigest(out string) string {
	_, rest, _ := strings.Cut(out, "digest ")
	digest, _, _ := strings.Cut(rest, ",")
	return digest
}

// TestCopyOfNothing carries an empty log.
func TestCopyOfNothing(t *testing.T) {
	root := t.TempDir()
	fill(t, filepath.Join(root, "a"), nil)
	must(t, "copy", "--from", filepath.Join(root, "a"), "--to", filepath.Join(root, "a.ndjson"))
	out := must(t, "copy", "--from", filepath.Join(root, "a.ndjson"), "--to", filepath.Join(root, "b"))
	if !strings.Contains(out, "0 events in 0 streams") {
		t.Errorf("copy: got %s, want no events", out)
	}
}

// TestCopyKilled kills a copy half-way and lets another one go on.
func TestCopyKilled(t *testing.T) {
	root := t.TempDir()
	fill(t, filepath.Join(root, "a"), oddLog(20_000))
	text := must(t, "export", "events", "--data", filepath.Join(root, "a"))
	half := text[:len(text)/2] // more than any pipe holds: when it is written most of it was read
	child := exec.Command(os.Args[0], "copy", "--from", "-", "--to", filepath.Join(root, "b"))
	child.Env = append(os.Environ(), asMain+"=1")
	in, err := child.StdinPipe()
	if err == nil {
		err = child.Start()
	}
	if err != nil {
		t.Fatalf("start: got %v, want no error", err)
	}
	if _, err := io.WriteString(in, half); err != nil {
		t.Fatalf("write: got %v, want no error", err)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatalf("kill: got %v, want no error", err)
	}
	_ = child.Wait() // it was killed
	there := len(held(t, filepath.Join(root, "b")))
	if there == 0 || there >= 20_000 {
		t.Fatalf("events after the kill: got %d, want a part of 20,000", there)
	}
	out := must(t, "copy", "--from", filepath.Join(root, "a"), "--to", filepath.Join(root, "b"))
	if !strings.Contains(out, fmt.Sprintf(", %d were there already", there)) {
		t.Errorf("copy: got %s, want %d that were there", out, there)
	}
	sameLog(t, held(t, filepath.Join(root, "b")), without(held(t, filepath.Join(root, "a"))))
}

// cancelling stops who reads it half-way, as an operator does.
type cancelling struct {
	text   io.Reader
	left   int
	cancel func()
}

func (c *cancelling) Read(b []byte) (int, error) {
	if c.left--; c.left == 0 {
		c.cancel()
	}
	return c.text.Read(b)
}

// TestCopyStopped stops a copy in order.
func TestCopyStopped(t *testing.T) {
	root := t.TempDir()
	fill(t, filepath.Join(root, "a"), oddLog(10_000))
	text := must(t, "export", "events", "--data", filepath.Join(root, "a"))
	ctx, cancel := context.WithCancel(t.Context())
	in := &cancelling{strings.NewReader(text), 3, cancel} // a read is at most exportLineMax
	_, err := verbUntil(ctx, in, "copy", "--from", "-", "--to", filepath.Join(root, "b"))
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "run it again") {
		t.Errorf("copy: got %v, want %v", err, context.Canceled)
	}
	if there := len(held(t, filepath.Join(root, "b"))); there == 0 || there >= 10_000 {
		t.Errorf("events: got %d, want a part of 10,000", there)
	}
	must(t, "copy", "--from", filepath.Join(root, "a"), "--to", filepath.Join(root, "b"))
}
