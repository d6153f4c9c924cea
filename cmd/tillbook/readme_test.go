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

// TestReadmeQuestion runs what the README says of new questions, as it stands there, on the demo's
// shop; and asks the gallery of that shop what its requests decide.
func TestReadmeQuestion(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)## Ask a new question.*?```sh\n(.*?)\n```").FindSubmatch(text)
	if block == nil || strings.Count(string(block[1]), "\n") != 2 {
		t.Fatalf("got %q, want three commands", block)
	}
	folder := t.TempDir()
	demo := startDemo(t, filepath.Join(folder, "tillbook-data"))
	t.Setenv(asMain, "1")
	t.Setenv("TILLBOOK", os.Args[0])
	run := func(commands string) string {
		commands = strings.ReplaceAll(commands, "go run ./cmd/tillbook", `"$TILLBOOK"`)
		return shell(t, "set -e; cd '"+folder+"'\n"+commands)
	}
	answer := run(string(block[1]))
	if !regexp.MustCompile(`S1 CNY [0-9-]{10} +[0-9-]{10} +6 +1 +353\.77 +S1 +CNY`).MatchString(answer) {
		t.Errorf("got %s, want the store's spend", answer)
	}
	picture, err := os.ReadFile(filepath.Join(folder, "spend.svg"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"<svg ", ">Spend by store and day<", ">S1<", ">none<", ">spent<"} {
		if !strings.Contains(string(picture), want) {
			t.Errorf("the picture has no %s", want)
		}
	}
	demo.stop(t)
	for name, want := range demoAnswers {
		got := run("go run ./cmd/tillbook replay gallery:" + name + " --output json 2>/dev/null")
		if !sameDocument(t, []byte(got), []byte(want)) {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
}

// demoAnswers follow from the demo's requests: ten off claimed once, and a quarter of it returned; one
// top-up of 500.00 on the ladder's second step; one rise to silver.
var demoAnswers = map[string]string{
	"coupon-funnel --partition 'autumn ten-off@1'": `{"autumn ten-off@1":{"campaign":"autumn",
		"definition":"ten-off@1","unit":"CNY","granted":1,"reserved":0,"used":1,"uses":1,"restored":0,
		"expired":0,"revoked":0,"recycled":0,"discount":"7.50","used_percent":100}}`,
	"tier-migration": `{"plain":{"silver":1}}`,
	"top-up-ladder": `{
		"CNY club@1 twenty":{"unit":"CNY","program":"club@1","step":"twenty","top_ups":1,"paid":"500.00",
			"bonus":"100.00","bonus_percent":20,"smallest":"500.00","largest":"500.00","at_smallest":1},
		"CNY none":{"unit":"CNY","program":"","step":"none","top_ups":7,"paid":"1480.00","bonus":"230.00",
			"bonus_percent":15.54,"smallest":"20.00","largest":"1000.00","at_smallest":1}}`,
}
