package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/esdb"
)

// soldBy makes a data folder with a ledger of some accounts.
func soldBy(t *testing.T, data string, accounts, debits int) {
	t.Helper()
	var rows strings.Builder
	rows.WriteString("account,kind,occurred_at,amount,unit,reference\n")
	for a := range accounts {
		fmt.Fprintf(&rows, "C-%d,top_up,2026-01-01T00:00:00Z,1000.00,CNY,T%d\n", a, a)
	}
	for d := range debits {
		fmt.Fprintf(&rows, "C-%d,debit,2026-02-01T00:00:00Z,0.07,CNY,D%d\n", d*d%accounts, d)
	}
	file := filepath.Join(t.TempDir(), "rows.csv")
	if err := os.WriteFile(file, []byte(rows.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	must(t, "import", "--data", data, file)
}

// TestCopyToEventStoreDB moves a ledger into an EventStoreDB that others use, and back into a
// folder.
func TestCopyToEventStoreDB(t *testing.T) {
	root := t.TempDir()
	a, back := filepath.Join(root, "a"), filepath.Join(root, "back")
	soldBy(t, a, 20, 400)
	_, address := startStandIn(t, filepath.Join(root, "standin"))
	others, err := esdb.Open(t.Context(), esdb.Options{Address: address})
	if err != nil {
		t.Fatal(err)
	}
	defer others.Close()
	foreign := event("{}", "{}", false)
	_, err = others.Append(t.Context(), "order-1", eventstore.NoStream,
		[]eventstore.Event{foreign.Event})
	if err != nil {
		t.Fatal(err)
	}

	first := must(t, "copy", "--from", a, "--to", address)
	t.Log(first)
	want := held(t, a)
	if out := must(t, "copy", "--from", a, "--to", address); !strings.Contains(out,
		fmt.Sprintf("0 events copied, %d were there already", len(want))) {
		t.Errorf("copy again: got %s, want all %d to be there", out, len(want))
	}
	if out := must(t, "check", "--data", filepath.Join(root, "none"), "--eventstore",
		address); !strings.Contains(out, "no differences") {
		t.Errorf("check: got %s, want no differences", out)
	}
	file := filepath.Join(root, "log.ndjson")
	must(t, "export", "events", "--eventstore", address, file)
	must(t, "copy", "--from", address, "--to", back)
	sameIDs(t, held(t, back), want)
	if out := must(t, "copy", "--from", file, "--to", back); printedDigest(out) !=
		printedDigest(first) {
		t.Errorf("digest: got %s, want that of %s", out, first)
	}

	stream := domain.AccountStream(domain.AccountID("C-0"))
	_, err = others.Append(t.Context(), stream+"0", eventstore.NoStream,
		[]eventstore.Event{foreign.Event})
	if err != nil {
		t.Fatal(err)
	}
	_, err = verb(t, nil, "copy", "--from", a, "--to", address)
	if err == nil || !strings.Contains(err.Error(), "goes on where") {
		t.Errorf("copy onto what went on: got %v, want a refusal", err)
	}
}

// TestLocationShowsNoPassword looks for a password in what is printed.
func TestLocationShowsNoPassword(t *testing.T) {
	at := location("esdb://admin:hidden@127.0.0.1:1?tls=false&userKeyFile=hidden")
	if got := fmt.Sprintf("%v %s", at, at); strings.Contains(got, "hidden") {
		t.Errorf("location: got %s, want no password", got)
	}
	for _, args := range [][]string{
		{"copy", "--from", "ftp://admin:hidden@h", "--to", "x"},
		{"copy", "--from", "esdb://admin:1/hidden@h", "--to", "x"},
		{"copy", "--from", "esdb://admin:1?hidden@h", "--to", "x"},
		{"serve", "--eventstore", "kurrentdb://admin:hidden@h"},
		{"check", "--eventstore", "kurrentdb://admin:hidden@h"},
	} {
		if _, err := verb(t, nil, args...); err == nil || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%s: got %v, want an error without a password", args[0], err)
		}
	}
}
