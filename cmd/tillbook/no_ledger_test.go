package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestNoLedger gives verbs that ask a folder that is not there: they say so, and make none.
func TestNoLedger(t *testing.T) {
	data := filepath.Join(t.TempDir(), "misspelt")
	for _, args := range [][]string{
		{"keys", "list"}, {"keys", "revoke", "00000000-0000-0000-0000-000000000000"},
		{"projections", "list"}, {"projections", "rebuild"}, {"check"},
	} {
		_, err := verb(t, nil, append(args, "--data", data)...)
		if err == nil || !strings.Contains(err.Error(), "there is no ledger in the folder "+data) {
			t.Errorf("%v: got %v, want that there is no ledger", args, err)
		}
		if _, err := os.Stat(data); !errors.Is(err, fs.ErrNotExist) {
			t.Fatalf("%v: made a folder", args)
		}
	}
}
