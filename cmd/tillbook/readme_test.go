package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// TestReadme holds the README to what it says: its two commands come first, what it shows of the demo is
// what the demo answers, its verbs are the verbs, and its figures are there.
func TestReadme(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	readme := string(text)
	var commands []string
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)\n```").FindAllStringSubmatch(readme, 2) {
		commands = append(commands, block[1])
	}
	want := []string{"go run ./cmd/tillbook demo", "go test ./..."}
	if !reflect.DeepEqual(commands, want) {
		t.Errorf("got first commands %q, want %q", commands, want)
	}
	for _, verb := range newRoot().Commands() {
		if verb.Name() != "help" && verb.Name() != "config" && !verb.Hidden &&
			!strings.Contains(readme, "`tillbook "+verb.Name()) {
			t.Errorf("the verb %s is not in the README", verb.Name())
		}
	}
	shown := regexp.MustCompile(`(?s)\{"account_id".*?"as_of_position":"[0-9]+"\}`).FindString(readme)
	if !t.Failed() {
		sameBalances(t, demoBalances(t), shown)
	}
}

// demoBalances is what the demo's first command answers.
func demoBalances(t *testing.T) string {
	t.Helper()
	p := startDemo(t, t.TempDir())
	defer p.stop(t)
	return shell(t, p.commands[0])
}

func sameBalances(t *testing.T, got, want string) {
	t.Helper()
	var answers [2]struct {
		AccountID string           `json:"account_id"`
		Balances  []map[string]any `json:"balances"`
	}
	for i, text := range []string{got, want} {
		if err := json.Unmarshal([]byte(text), &answers[i]); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
	if !reflect.DeepEqual(answers[0], answers[1]) {
		t.Errorf("got %s, the README shows %s", got, want)
	}
}
