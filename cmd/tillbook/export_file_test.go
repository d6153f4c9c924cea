package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tillbook/tillbook/domain"
)

// TestDamagedEventFile demands of every damage that the line is named and that nothing is loaded.
func TestDamagedEventFile(t *testing.T) {
	root := t.TempDir()
	fill(t, filepath.Join(root, "a"), oddLog(40))
	text := must(t, "export", "events", "--data", filepath.Join(root, "a"))
	lines := strings.SplitAfter(text, "\n")
	lines = lines[:len(lines)-1] // behind the last line's end
	last := len(lines) - 1
	changed := func(change func(lines []string) []string) string {
		return strings.Join(change(slices.Clone(lines)), "")
	}
	rows := []struct{ name, text, want string }{
		{"nothing", "", "line 1: the file was cut short"},
		{"cut between lines", changed(func(l []string) []string { return l[:last] }),
			fmt.Sprintf("line %d: the file was cut short", last+1)},
		{"cut within a line", changed(func(l []string) []string {
			l[9] = l[9][:len(l[9])/2]
			return l[:10]
		}), "line 10: it is no event"},
		{"cut within the last line", text[:len(text)-20], fmt.Sprintf("line %d: it is no event", last+1)},
		{"a line is missing", changed(func(l []string) []string { return slices.Delete(l, 7, 8) }),
			fmt.Sprintf("line %d: the file had", last)},
		{"a line is there twice", changed(func(l []string) []string { return slices.Insert(l, 7, l[7]) }),
			fmt.Sprintf("line %d: the file had", last+2)},
		{"lines change places", changed(func(l []string) []string {
			l[3], l[4] = l[4], l[3]
			return l
		}), fmt.Sprintf("line %d: the file had", last+1)},
		{"a byte differs", changed(func(l []string) []string {
			l[0] = strings.Replace(l[0], `"data":{"a":1}`, `"data":{"a":2}`, 1)
			return l
		}), "line 1: it was changed"},
		{"data become binary", changed(func(l []string) []string {
			l[1] = strings.Replace(l[1], `,"hash"`, `,"binary":true,"hash"`, 1)
			return l
		}), fmt.Sprintf("line %d: the file had", last+1)},
		{"an empty line", changed(func(l []string) []string { return slices.Insert(l, 5, "\n") }),
			"line 6: it is no event"},
		{"a line that is too long", changed(func(l []string) []string {
			return slices.Insert(l, 5, strings.Repeat(" ", exportLineMax+1)+"\n")
		}), "line 6: it has more than"},
		{"more behind the end", text + lines[0], fmt.Sprintf("line %d: ", last+2)},
		{"another format", strings.Replace(text, `"format":1`, `"format":2`, 1), "format 2"},
		{"another count", strings.Replace(text, `"events":`, `"events":1`, 1),
			fmt.Sprintf("line %d: the file had", last+1)},
	}
	for i, r := range rows {
		file := filepath.Join(root, fmt.Sprintf("%d.ndjson", i))
		to := filepath.Join(root, fmt.Sprint(i))
		if err := os.WriteFile(file, []byte(r.text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := verb(t, nil, "copy", "--from", file, "--to", to)
		if err == nil || !strings.Contains(err.Error(), r.want) ||
			!strings.Contains(err.Error(), file) {
			t.Errorf("%s: got %.300v, want %s: %s", r.name, err, file, r.want)
		}
		if _, err := os.Stat(to); !os.IsNotExist(err) {
			t.Errorf("%s: got a folder, want nothing to be written: %v", r.name, err)
		}
	}
}

// TestEventFileWithoutItsLastEnd reads a file whose very last line's end somebody took away.
func TestEventFileWithoutItsLastEnd(t *testing.T) {
	root := t.TempDir()
	fill(t, filepath.Join(root, "a"), oddLog(4))
	text := must(t, "export", "events", "--data", filepath.Join(root, "a"))
	_, err := verb(t, strings.NewReader(strings.TrimSpace(text)), "copy", "--from", "-",
		"--to", filepath.Join(root, "b"))
	if err != nil {
		t.Errorf("copy: got %v, want no error", err)
	}
}

// TestEventFileIsWholeOrNotThere exports over a file that is there, and fails on the way.
func TestEventFileIsWholeOrNotThere(t *testing.T) {
	root := t.TempDir()
	file := filepath.Join(root, "a.ndjson")
	log := oddLog(40)
	log[30].Stream, log[30].Revision = "order-\xff", 0
	fill(t, filepath.Join(root, "a"), log[:31])
	_, err := verb(t, nil, "export", "events", "--data", filepath.Join(root, "a"), file)
	if err == nil || !strings.Contains(err.Error(), "UTF-8") {
		t.Errorf("export: got %v, want a word on UTF-8", err)
	}
	if files, _ := filepath.Glob(file + "*"); len(files) > 0 {
		t.Errorf("files: got %v, want none", files)
	}
	if err := os.WriteFile(file, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = verb(t, nil, "export", "events", "--data", filepath.Join(root, "a"), file)
	if err == nil || !strings.Contains(err.Error(), "there already") {
		t.Errorf("export: got %v, want a word that it is there", err)
	}
	if text, _ := os.ReadFile(file); string(text) != "mine" {
		t.Errorf("file: got %q, want it as it was", text)
	}
	if files, _ := filepath.Glob(file + "*"); len(files) != 1 {
		t.Errorf("files: got %v, want one", files)
	}
}

// TestDigest holds the digest to its description, which others may compute by.
func TestDigest(t *testing.T) {
	var got logTally
	if want := domain.Hash(sha256.Sum256(nil)); got.sum() != want {
		t.Errorf("digest of nothing: got %v, want %v", got.sum(), want)
	}
	e := event("{}", "{}", true)
	e.ID, e.Stream, e.Type, e.Revision = [16]byte{}, "s", "t", 0
	got.add(e)
	link := domain.Link("s", 0, e.ID, "t", []byte("{}"), []byte("{}"))
	if linkOf(&e) != link {
		t.Errorf("link: got %v, want %v", linkOf(&e), link)
	}
	if want := domain.Hash(sha256.Sum256(append(link[:], 1))); got.sum() != want {
		t.Errorf("digest: got %v, want %v", got.sum(), want)
	}
}
