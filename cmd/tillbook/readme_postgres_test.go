package main

import (
	"context"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/tillbook/tillbook/projections/placetest"
)

// TestReadmePostgres does what the README says of PostgreSQL, with names of the test's own: its statements
// make a role and a database, with which its service serves lists; and the role is no superuser.
func TestReadmePostgres(t *testing.T) {
	placetest.Need(t)
	text, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("```sh\n(psql .*)\ngo run ./cmd/tillbook (serve --readmodels) " +
		"postgres://tillbook@127.0.0.1:5432/tillbook\n```").FindStringSubmatch(string(text))
	if block == nil {
		t.Fatal("the README has no commands for PostgreSQL")
	}
	server, err := url.Parse(os.Getenv(placetest.Variable))
	if err != nil {
		t.Fatalf("%s is not a URL", placetest.Variable)
	}
	name := "readme_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	conn, err := pgx.Connect(context.Background(), server.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	run := func(statement string) {
		if _, err := conn.Exec(context.Background(), statement); err != nil {
			t.Errorf("%s: %v", statement, err)
		}
	}
	t.Cleanup(func() { run("DROP DATABASE " + name + " WITH (FORCE)"); run("DROP ROLE " + name) })
	for _, statement := range regexp.MustCompile(`-c "(.*?)"`).FindAllStringSubmatch(block[1], -1) {
		run(strings.ReplaceAll(statement[1], "tillbook", name))
	}
	server.User, server.Path = url.User(name), "/"+name
	data := t.TempDir()
	args := append(strings.Fields(block[2]), server.String(), "--listen", "127.0.0.1:0", "--data", data,
		"--log-level", "error")
	service, err := startProcess(args, adminKeyVariable+"="+testAdminKey)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(service.kill)
	openAccounts(t, service)
	if status, body, err := send(http.MethodGet, service.url+"/v1/accounts?min_position=21&max_wait=20s", "",
		""); status != http.StatusOK || !strings.Contains(string(body), `"K-9"`) {
		t.Errorf("the list: got %d %s, %v", status, body, err)
	}
	for question, want := range map[string]string{
		"SELECT rolsuper AS may FROM pg_roles WHERE rolname = current_user": "may\r\nfalse\r\n",
		"SELECT count(*) AS n FROM accounts":                                "n\r\n10\r\n",
		"SELECT pg_read_file('/etc/passwd') AS x":                           "permission denied",
	} {
		ask := exec.Command(os.Args[0], "sql", "--data", data, "--readmodels", server.String(), "--output", "csv",
			question)
		ask.Env = append(os.Environ(), asMain+"=1")
		if got, _ := ask.CombinedOutput(); !strings.Contains(string(got), want) {
			t.Errorf("%s: got %s, want %s", question, got, want)
		}
	}
	if err := service.stop(); err != nil {
		t.Error(err)
	}
}
