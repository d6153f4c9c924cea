// Package placetest gives tests of read models the place that the environment names: so one suite proves
// them on SQLite and on PostgreSQL.
package placetest

import (
	"context"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Variable names, in the environment, a PostgreSQL server by its URL, whose user may create databases.
// Unset is SQLite.
const Variable = "TILLBOOK_TEST_READMODELS"

// Place is an empty place for read models, gone with the test: a folder, or a database of the server.
func Place(t testing.TB) string {
	t.Helper()
	if os.Getenv(Variable) == "" {
		return t.TempDir()
	}
	return database(t)
}

// Postgres is a database of the server, gone with the test; see Need.
func Postgres(t testing.TB) string {
	t.Helper()
	Need(t)
	return database(t)
}

// Need skips a test where there is no server.
func Need(t testing.TB) {
	t.Helper()
	if os.Getenv(Variable) == "" {
		t.Skipf("needs PostgreSQL: %s names no server", Variable)
	}
}

// database makes an empty database of the server and answers its URL.
func database(t testing.TB) string {
	t.Helper()
	server, err := url.Parse(os.Getenv(Variable))
	if err != nil {
		t.Fatalf("%s is not a URL", Variable)
	}
	name := "test_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	run(t, "CREATE DATABASE "+name)
	t.Cleanup(func() { run(t, "DROP DATABASE "+name+" WITH (FORCE)") })
	server.Path = "/" + name
	return server.String()
}

// run runs a statement on the server.
func run(t testing.TB, statement string) {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), os.Getenv(Variable))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if _, err := conn.Exec(context.Background(), statement); err != nil {
		t.Fatal(err)
	}
}
