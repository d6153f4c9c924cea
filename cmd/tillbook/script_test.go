package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/tillbook/tillbook/projections/placetest"
)

// asMain makes the test binary behave as tillbook itself: for children that tests start.
const asMain = "TILLBOOK_TEST_AS_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(asMain) != "" {
		childMain()
	}
	testscript.Main(m, map[string]func(){"tillbook": childMain})
}

// childMain is main of a child, which is not to outlive the test that started it.
func childMain() {
	dieWithParent()
	main()
}

// TestScripts runs testdata/scripts against the binary: with the log in the data folder, with the log in an
// EventStoreDB, which the environment names ($STORE is embedded or esdb), and with the log in the folder and
// the read models in PostgreSQL, where there is a server. Beside testscript's own commands they have
//
//	serve [flags]                  start a service on data, wait until it listens
//	end                            stop it with SIGTERM and wait (stop is testscript's: it ends a script)
//	req STATUS METHOD PATH [BODY]  send a request with $KEY, and $IDEM as its Idempotency-Key; the
//	                               answer stands in the files body and head
//	until PATH FIELD VALUE         read PATH until the field has the value; each look waits for the log
//	field PATH VALUE               compare a value of body: a.b.0.c
//	save NAME PATH                 put a value of body into the environment
func TestScripts(t *testing.T) {
	for _, store := range []string{"embedded", "esdb"} {
		t.Run(store, func(t *testing.T) { runScripts(t, store, nil) })
	}
	t.Run("postgres", func(t *testing.T) {
		placetest.Need(t)
		runScripts(t, "embedded", placetest.Postgres)
	})
}

// runScripts runs them on a kind of store. readmodels, where it is not nil, makes a database for each.
func runScripts(t *testing.T, store string, readmodels func(testing.TB) string) {
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "scripts"),
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"serve": scriptServe, "end": scriptEnd, "req": scriptReq, "field": scriptField,
			"save": scriptSave, "until": scriptUntil,
		},
		Setup: func(e *testscript.Env) error {
			e.Setenv("TILLBOOK_ADMIN_KEY", testAdminKey)
			e.Setenv("KEY", testAdminKey)
			e.Setenv("TMPDIR", e.Getenv("WORK"))
			e.Setenv("STORE", store)
			e.Values[processKey{}] = new(scriptProcess)
			if store == "esdb" {
				_, address := startStandIn(t, filepath.Join(e.Getenv("WORK"), "standin"))
				e.Setenv(envName("eventstore"), address)
			}
			if readmodels != nil {
				e.Setenv(envName("readmodels"), readmodels(e.T().(testing.TB)))
			}
			return nil
		},
		Condition: func(name string) (bool, error) {
			return name == store, nil
		},
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}

type processKey struct{}

// scriptProcess is the service that a script runs.
type scriptProcess struct{ *process }

func scriptServe(ts *testscript.TestScript, _ bool, args []string) {
	running := ts.Value(processKey{}).(*scriptProcess)
	all := append([]string{"serve", "--listen", "127.0.0.1:0", "--data", ts.MkAbs("data"),
		"--log-level", "error"}, args...)
	var env []string
	for _, name := range []string{adminKeyVariable, envName("eventstore"), envName("readmodels"),
		masterKeyVariable} {
		env = append(env, name+"="+ts.Getenv(name))
	}
	c, err := startProcess(all, env...)
	ts.Check(err)
	running.process = c
	ts.Defer(func() { c.kill() })
	ts.Setenv("URL", c.url)
	ts.Setenv("ADDR", strings.TrimPrefix(c.url, "http://"))
}

func scriptEnd(ts *testscript.TestScript, _ bool, _ []string) {
	ts.Check(ts.Value(processKey{}).(*scriptProcess).stop())
}

func scriptReq(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 3 {
		ts.Fatalf("usage: req STATUS METHOD PATH [BODY]")
	}
	var body io.Reader
	if len(args) > 3 {
		text := args[3]
		if name, ok := strings.CutPrefix(text, "@"); ok {
			text = ts.ReadFile(name)
		}
		body = strings.NewReader(text)
	}
	r, err := http.NewRequest(args[1], ts.Getenv("URL")+args[2], body)
	ts.Check(err)
	r.Header.Set("Content-Type", "application/json")
	if key := ts.Getenv("KEY"); key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	if idem := ts.Getenv("IDEM"); idem != "" {
		r.Header.Set("Idempotency-Key", idem)
	}
	answer, err := http.DefaultClient.Do(r)
	ts.Check(err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	ts.Check(err)
	var head bytes.Buffer
	ts.Check(answer.Header.Write(&head))
	ts.Check(os.WriteFile(ts.MkAbs("body"), text, 0o600))
	ts.Check(os.WriteFile(ts.MkAbs("head"), head.Bytes(), 0o600))
	if got := fmt.Sprint(answer.StatusCode); got != args[0] {
		ts.Fatalf("%s %s: got %s %s, want %s", args[1], args[2], got, text, args[0])
	}
}

func scriptField(ts *testscript.TestScript, neg bool, args []string) {
	if got := bodyField(ts, args[0]); (got == args[1]) == neg {
		ts.Fatalf("%s: got %s, want %s (not: %t)", args[0], got, args[1], neg)
	}
}

func scriptUntil(ts *testscript.TestScript, _ bool, args []string) {
	for range 20 {
		scriptReq(ts, false, []string{"200", "GET", args[0]})
		if bodyField(ts, args[1]) == args[2] {
			return
		}
		after, err := strconv.ParseUint(bodyField(ts, "as_of_position"), 10, 63)
		ts.Check(err)
		join := "?"
		if strings.Contains(args[0], "?") {
			join = "&"
		}
		_, _, _ = send(http.MethodGet, fmt.Sprintf("%s%s%smin_position=%d&max_wait=2s",
			ts.Getenv("URL"), args[0], join, after+1), "", "") // 503, where the log does not grow
	}
	ts.Fatalf("%s: got %s, want %s %s", args[0], ts.ReadFile("body"), args[1], args[2])
}

func scriptSave(ts *testscript.TestScript, _ bool, args []string) {
	ts.Setenv(args[0], bodyField(ts, args[1]))
}

// bodyField is a value of the last answer's body as text: a.b.0.c.
func bodyField(ts *testscript.TestScript, path string) string {
	var value any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("body")), &value))
	for _, step := range strings.Split(path, ".") {
		switch v := value.(type) {
		case map[string]any:
			value = v[step]
		case []any:
			var i int
			if _, err := fmt.Sscan(step, &i); err != nil || i >= len(v) {
				return fmt.Sprintf("no %s in %d values", step, len(v))
			}
			value = v[i]
		default:
			return fmt.Sprintf("no %s in %v", step, value)
		}
	}
	if text, ok := value.(string); ok {
		return text
	}
	text, err := json.Marshal(value)
	ts.Check(err)
	return string(text)
}
