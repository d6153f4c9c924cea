package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// TestExportTablesKilled kills an export of tables while a table is being written, the first run and one
// that adds to it; the last run leaves what one that was never killed leaves, byte by byte.
func TestExportTablesKilled(t *testing.T) {
	g := &growing{T: t, data: filepath.Join(t.TempDir(), "data"), log: soldLog(2400, 300, false)}
	g.place = g.data
	whole, killed := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "killed")
	args := []string{"export", "--data", g.data, "--format", formNDJSON, "--by-day", "stores", "history",
		"settlement", "audit", "--out"}
	again, midway := append(slices.Clip(args), killed), 0
	for _, n := range []int{1200, 2400} {
		g.to(n)
		must(t, append(slices.Clip(args), whole)...)
		want := tree(t, whole)
		for _, table := range []string{"history", "audit"} {
			killAt(t, filepath.Join(killed, table), again)
			if len(tree(t, killed)) < len(want) {
				midway++
			}
		}
		must(t, again...)
		sameTree(t, tree(t, killed), want)
		must(t, "export", "verify", killed)
	}
	if midway == 0 { // a kill that comes late finds nothing to stop
		t.Error("it was never killed midway, want it once")
	}
}

// killAt runs a child and kills it once there is a file more in a folder of days.
func killAt(t *testing.T, folder string, args []string) {
	t.Helper()
	files := func() int {
		parts, _ := filepath.Glob(filepath.Join(folder, "*", partPrefix+"*"))
		return len(parts)
	}
	before := files()
	child := exec.Command(os.Args[0], args...)
	child.Env = append(os.Environ(), asMain+"=1")
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- child.Wait() }()
	for files() <= before {
		select {
		case err := <-ended:
			t.Fatalf("%v: ended with %v and nothing new in %s", args, err, folder)
		default:
		}
	}
	_ = child.Process.Kill() // it may have ended
	<-ended
}
