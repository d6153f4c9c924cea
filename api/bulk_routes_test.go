package api

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// notBulk are the writes under an account that are no items of bulk requests, each with the reason.
var notBulk = map[string]string{
	"claimCoupon":  "a code's own stream comes first, under the brake on guessing",
	"postCheckout": "its item is checkout; codes are claimed first, under the brake on guessing",
}

// TestBulkIsWhole: whatever can be written to an account by a route of its own can be written by an item
// of a bulk request too. A route's handler is made by write, from an operation; every operation of the
// package is an item.
func TestBulkIsWhole(t *testing.T) {
	s := &Server{}
	for _, r := range s.routes() {
		if r.method == "GET" || r.path != "/v1/accounts" && !strings.HasPrefix(r.path, account) {
			continue
		}
		made := runtime.FuncForPC(reflect.ValueOf(r.serve).Pointer()).Name()
		if !strings.Contains(made, "write.func") && notBulk[r.id] == "" {
			t.Errorf("%s %s (%s) is not made from an operation, so that no bulk item does it",
				r.method, r.path, r.id)
		}
	}
	for _, name := range declaredOperations(t) {
		if _, ok := bulkOperations[name]; !ok && notBulk[name] == "" {
			t.Errorf("operation %s is no bulk item: add it to bulkOperations", name)
		}
	}
	for name := range bulkOperations {
		if !slices.Contains(documented(t), name) {
			t.Errorf("operation %s is not in the schema BulkItem", name)
		}
	}
	for name := range notBulk {
		if _, ok := bulkOperations[name]; ok {
			t.Errorf("%s is a bulk item, and an exception", name)
		}
	}
}

// declaredOperations are the names of the package's variables that are an operation{name: …}.
func declaredOperations(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("got %d files, %v", len(files), err)
	}
	var names []string
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, declaredIn(t, file)...)
	}
	if len(names) < len(bulkOperations) || slices.Contains(names, "") {
		t.Fatalf("got operations %q, want %d at least", names, len(bulkOperations))
	}
	return names
}

func declaredIn(t *testing.T, file *ast.File) []string {
	t.Helper()
	var names []string
	ast.Inspect(file, func(n ast.Node) bool {
		literal, ok := n.(*ast.CompositeLit)
		if !ok {
			return true
		}
		if kind, ok := literal.Type.(*ast.Ident); !ok || kind.Name != "operation" {
			return true
		}
		for _, field := range literal.Elts {
			pair, ok := field.(*ast.KeyValueExpr)
			if !ok || pair.Key.(*ast.Ident).Name != "name" {
				continue
			}
			text, ok := pair.Value.(*ast.BasicLit)
			if !ok {
				t.Fatal("an operation's name is no literal")
			}
			name, _ := strconv.Unquote(text.Value) // the parser has read it
			names = append(names, name)
		}
		return true
	})
	return names
}

// documented are the operations that the schema BulkItem names.
func documented(t *testing.T) []string {
	t.Helper()
	var document struct {
		Components struct {
			Schemas struct {
				BulkItem struct {
					Properties struct{ Operation struct{ Enum []string } }
				} `yaml:"BulkItem"`
			}
		}
	}
	if err := yaml.Unmarshal(OpenAPI(), &document); err != nil {
		t.Fatal(err)
	}
	return document.Components.Schemas.BulkItem.Properties.Operation.Enum
}
