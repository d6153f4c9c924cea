package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tillbook/tillbook/api"
	"github.com/tillbook/tillbook/domain/ledger"
	"github.com/tillbook/tillbook/eventstore/storetest"
)

// notScripted are codes that the scripts' req cannot bring about in a healthy service, and in their
// time; the tests of api and domain do. coupon_holder_only speaks against claims, which are told
// code_not_usable whatever is wrong.
var notScripted = []string{"internal", "busy", "outcome_unknown", "read_model_behind", "stream_damaged",
	"body_too_large", "rate_limited", "job_running", "transfer_in_flight", "unsupported_media_type", "hold_lapsed",
	"coupon_holder_only"}

// TestScriptsCover: every route is asked, and every code is answered, in one of the scripts.
func TestScriptsCover(t *testing.T) {
	files, err := filepath.Glob("testdata/scripts/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("got %d scripts, %v", len(files), err)
	}
	var all strings.Builder
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	asked := regexp.MustCompile(`(?m)^\s*(?:\[[a-z!]+\] )?(?:req \d+ ([A-Z]+)|until) '?([^\s'?]+)`).
		FindAllStringSubmatch(all.String(), -1)
	for _, r := range routesServed(t) {
		path := regexp.MustCompile("^" + regexp.MustCompile(`\\\{[a-z_]+\\\}`).
			ReplaceAllString(regexp.QuoteMeta(r.Path), "[^/]+") + "$")
		if r.ID == "streamEvents" { // it does not end
			continue
		}
		if !slices.ContainsFunc(asked, func(m []string) bool {
			return (m[1] == r.Method || m[1] == "" && r.Method == "GET") && path.MatchString(m[2])
		}) {
			t.Errorf("no script asks %s %s", r.Method, r.Path)
		}
	}
	for _, code := range api.Codes() {
		if !slices.Contains(notScripted, string(code)) &&
			!regexp.MustCompile(`(?m)^field code `+string(code)+`$`).MatchString(all.String()) &&
			!strings.Contains(all.String(), `"code":"`+string(code)+`"`) {
			t.Errorf("no script is answered %s", code)
		}
	}
}

func routesServed(t *testing.T) []api.Route {
	t.Helper()
	store := storetest.NewMemory()
	l := ledger.Open(store, ledger.Options{})
	t.Cleanup(l.Close)
	s, err := api.New(api.Config{Ledger: l, Store: store})
	if err != nil {
		t.Fatal(err)
	}
	return s.Routes()
}
