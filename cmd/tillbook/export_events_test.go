package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/eventstore"
)

// soldLog are n debits of three accounts, perDay a day, and where odd is set an event here and there
// in a ledger stream that is not ours.
func soldLog(n, perDay int, odd bool) (log []eventstore.Recorded) {
	accounts := []uuid.UUID{{15: 1}, {15: 2}, {15: 3}}
	next := map[string]eventstore.Revision{}
	for i := range n {
		account := accounts[i%len(accounts)]
		at := time.Date(2026, 11, 1, 0, 0, 0, 1000*(i%1000), time.UTC).AddDate(0, 0, i/perDay)
		id := uuid.UUID{0: 7, 12: byte(i >> 24), 13: byte(i >> 16), 14: byte(i >> 8), 15: byte(i)}
		e := event(fmt.Sprintf(`{"debit_id":%q,"account_id":%q,"amount":{"amount":"%d.%02d","unit":"CNY"},`+
			`"moves":[],"balance":{"total":"-%d.5000","available":"0.00","held":"0.00"},"note":"SECRET"}`,
			id, account, i, i%100, i),
			fmt.Sprintf(`{"event_id":%q,"operation_id":%q,"schema":1,"recorded_at":%q,"occurred_at":%q,`+
				`"business_date":"2026-10-31","store":"S%d","operator":"SECRET","idempotency_key":"SECRET",`+
				`"reference":{"pos_txn_id":"é,\"%d\"\r\n=1"},"skewed":%t}`, id, id,
				at.Format(time.RFC3339Nano), at.Add(-time.Hour).Format(time.RFC3339Nano), i%7, i, i%2 == 0),
			false)
		e.ID, e.Type, e.Stream, e.Created = id, "DebitPosted", "account-"+account.String(), at
		if odd && i%10 == 4 {
			e.Data, e.Metadata, e.Type = []byte("\xff"), []byte(oddBytes[i/10%len(oddBytes)]), "Te\"st"
		}
		if odd && i%10 == 5 {
			e.Stream, e.Type = "key-"+account.String(), "APIKeyCreated"
		}
		e.Revision = next[e.Stream]
		next[e.Stream]++
		log = append(log, e)
	}
	return log
}

// wantEvent is the row of one of soldLog's, made by encoding/json.
func wantEvent(t *testing.T, e eventstore.Recorded, raw bool) map[string]cell {
	t.Helper()
	want := map[string]cell{
		"position": text(fmt.Sprint(e.Position)), "stream": text(e.Stream),
		"revision": text(fmt.Sprint(e.Revision)), "event_id": text(e.ID.String()), "type": text(e.Type),
	}
	for name, b := range map[string][]byte{"data": e.Data, "metadata": e.Metadata} {
		switch {
		case !raw:
		case json.Valid(b) && utf8.Valid(b):
			want[name] = text(string(b))
		default:
			want[name+"_base64"] = text(base64.StdEncoding.EncodeToString(b))
		}
	}
	if e.Type == "Te\"st" {
		return want
	}
	var m struct {
		RecordedAt string `json:"recorded_at"`
		OccurredAt string `json:"occurred_at"`
		Store      string
		Skewed     bool
		Operation  string `json:"operation_id"`
		Date       string `json:"business_date"`
		Reference  struct {
			Txn string `json:"pos_txn_id"`
		}
	}
	var d struct {
		Account string `json:"account_id"`
		Amount  struct{ Amount, Unit string }
		Balance struct{ Total string }
	}
	if err := json.Unmarshal(e.Metadata, &m); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(e.Data, &d); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{"recorded_at": m.RecordedAt, "store": m.Store,
		"occurred_at": m.OccurredAt, "operation_id": m.Operation, "business_date": m.Date,
		"pos_txn_id": m.Reference.Txn, "skewed": map[bool]string{true: "1", false: "0"}[m.Skewed],
		"unit": d.Amount.Unit, "amount": d.Amount.Amount} {
		want[name] = text(value)
	}
	if strings.HasPrefix(e.Stream, "account-") {
		want["account_id"], want["balance_after"] = text(d.Account), text(d.Balance.Total)
		want["operation"] = text("debit")
	}
	if raw {
		want["operator"] = text("SECRET")
	}
	return want
}

// TestExportIsReadByOthers: hyparquet finds in every file what encoding/json finds in the log.
func TestExportIsReadByOthers(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	fill(t, data, soldLog(900, 400, true))
	log := held(t, data)
	for _, raw := range []bool{false, true} {
		out := filepath.Join(t.TempDir(), "out")
		must(t, "export", "--data", data, "--out", out, "--by-day", fmt.Sprintf("--raw=%t", raw), "events")
		m, err := readManifest(out)
		if err != nil || len(m.Tables) != 1 || len(m.Tables[0].Files) != 3 {
			t.Fatalf("manifest: got %+v, %v, want three days of events", m, err)
		}
		left := log
		for i, p := range m.Tables[0].Files {
			if want := fmt.Sprintf("events/day=2026-11-0%d/part-", i+1); !strings.HasPrefix(p.Name, want) {
				t.Errorf("file: got %s, want %s…", p.Name, want)
			}
			got := readParquet(t, filepath.Join(out, p.Name))
			for _, row := range got.cells {
				sameEvent(t, m.Tables[0].Columns, row, left[0], raw)
				left = left[1:]
			}
		}
		if len(left) > 0 {
			t.Errorf("raw %t: %d events are not there", raw, len(left))
		}
	}
}

func sameEvent(t *testing.T, columns []rowColumn, row []*string, e eventstore.Recorded, raw bool) {
	t.Helper()
	want := wantEvent(t, e, raw)
	for i, c := range columns {
		is := cell{}
		if row[i] != nil {
			is = text(*row[i])
		}
		if !raw && strings.Contains(is.String, "SECRET") {
			t.Fatalf("position %d, %s: got %s, want no secret", e.Position, c.Name, is.String)
		}
		if !raw && (c.Name == "data" || c.Name == "metadata") {
			shown := want["amount"].Valid && (c.Name == "metadata" || strings.HasPrefix(e.Stream, "account-"))
			if shown && !strings.Contains(is.String, want["event_id"].String) || !shown && is.String > "{}" {
				t.Fatalf("position %d, %s: got %v, want it shown: %t", e.Position, c.Name, is, shown)
			}
			continue
		}
		if want := parquetText(t, c.Kind, want[c.Name]); is != want {
			t.Fatalf("position %d, %s: got %v, want %v", e.Position, c.Name, is, want)
		}
	}
}

// tree are the files of an export, but for its lock.
func tree(t *testing.T, folder string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == lockFile {
			return err
		}
		content, err := os.ReadFile(path)
		files[strings.TrimPrefix(path, folder)] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func sameTree(t *testing.T, got, want map[string]string) {
	t.Helper()
	for name := range want {
		if got[name] != want[name] {
			t.Errorf("%s: got %d bytes, want the same %d", name, len(got[name]), len(want[name]))
		}
	}
	if len(got) != len(want) {
		t.Errorf("files: got %d, want %d", len(got), len(want))
	}
}

// TestExportKilled kills an export after so many files, again and again; the last run leaves what an
// export that never stopped leaves, byte by byte.
func TestExportKilled(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	fill(t, data, soldLog(24_000, 1000, false))
	for _, form := range []string{formParquet, formCSV} {
		whole, killed := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "killed")
		args := []string{"export", "--data", data, "--format", form, "--by-day", "events", "--out"}
		must(t, append(args, whole)...)
		for _, files := range []int{0, 3, 9} {
			child := exec.Command(os.Args[0], append(args, killed)...)
			child.Env = append(os.Environ(), asMain+"=1")
			if err := child.Start(); err != nil {
				t.Fatal(err)
			}
			for begun, named := 0, 0; begun == 0 || named < files; {
				parts, _ := filepath.Glob(filepath.Join(killed, "events", "*", partPrefix+"*"))
				begun = len(parts)
				if m, err := readManifest(killed); err == nil && m != nil && len(m.Tables) > 0 {
					named = len(m.Tables[0].Files)
				}
			}
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = child.Wait() // it was killed
			if got := tree(t, killed); len(got) >= len(tree(t, whole)) {
				t.Fatalf("%s: %d files are there, want a part", form, len(got))
			}
		}
		must(t, append(args, killed)...)
		sameTree(t, tree(t, killed), tree(t, whole))
		must(t, "export", "verify", killed)
	}
}

// TestExportGoesOn exports a log that grows: files that were there stay as they were, and all of
// them together hold what one export does.
func TestExportGoesOn(t *testing.T) {
	data, out := filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "out")
	log := soldLog(900, 250, true)
	var before map[string]string
	for _, n := range []int{1, 300, 300, 750, 900} {
		if at := len(heldOrNone(t, data)); n > at {
			fill(t, data, log[at:n])
		}
		must(t, "export", "--data", data, "--out", out, "--format", formNDJSON, "--by-day", "events")
		after := tree(t, out)
		for name, content := range before {
			if after[name] != content && !strings.HasSuffix(name, manifestFile) {
				t.Errorf("%d events: %s was written again", n, name)
			}
		}
		before = after
		must(t, "export", "verify", out)
	}
	whole := filepath.Join(t.TempDir(), "whole")
	must(t, "export", "--data", data, "--out", whole, "--format", formNDJSON, "--by-day", "events")
	if got, want := inOrder(t, out), inOrder(t, whole); got != want || strings.Count(got, "\n") != 900 {
		t.Errorf("rows: got %d bytes, want the same %d", len(got), len(want))
	}
	if err := os.RemoveAll(data); err != nil {
		t.Fatal(err)
	}
	fill(t, data, append(log[:1:1], soldLog(1000, 250, false)[1:]...))
	if _, err := verb(t, nil, "export", "--data", data, "--out", out, "--format", formNDJSON, "--by-day",
		"events"); err == nil || !strings.Contains(err.Error(), "does not hold the last event of") {
		t.Errorf("another log that begins alike: got %v, want a word that it is another", err)
	}
}

// heldOrNone is the log of a data folder, which may not be there.
func heldOrNone(t *testing.T, data string) []eventstore.Recorded {
	if _, err := os.Stat(data); err != nil {
		return nil
	}
	return held(t, data)
}

// inOrder are all rows of events, in the manifest's order.
func inOrder(t *testing.T, out string) string {
	t.Helper()
	m, err := readManifest(out)
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, p := range m.Tables[0].Files {
		content, err := os.ReadFile(filepath.Join(out, p.Name))
		if err != nil {
			t.Fatal(err)
		}
		all.Write(content)
	}
	return all.String()
}
