package main

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/tillbook/tillbook/"

// arrows are the packages of ours that each package may import. cmd may import all; nothing imports
// cmd; test files are exempt.
var arrows = map[string][]string{
	"api": {"api/webhooks", "domain", "domain/ledger", "domain/vault", "eventstore",
		"projections", "projections/chart", "projections/js"},
	"api/webhooks":        {"domain", "domain/ledger", "domain/vault", "eventstore"},
	"domain":              {},
	"domain/ledger":       {"domain", "domain/vault", "eventstore"},
	"domain/vault":        {},
	"eventstore":          {},
	"eventstore/embedded": {"eventstore"},
	"eventstore/enginetest": {"eventstore", "eventstore/embedded", "eventstore/esdb",
		"eventstore/esdbserver", "eventstore/storetest"},
	"eventstore/esdb":              {"eventstore"},
	"eventstore/esdbserver":        {"eventstore", "eventstore/esdbserver/groups"},
	"eventstore/esdbserver/groups": {"eventstore"},
	"eventstore/storetest":         {"eventstore"},
	"projections":                  {"domain", "eventstore"},
	"projections/chart":            {},
	"projections/js":               {"eventstore", "projections"},
	"projections/js/gallery":       {},
	"projections/js/jstest":        {"eventstore", "eventstore/storetest"},
	"projections/placetest":        {},
	"cmd/tillbook":                 nil,
}

// homes are the packages that alone may import a library; cmd measures some of them for bench.
var homes = map[string][]string{
	"github.com/gofiber/":           {"api"},
	"github.com/cockroachdb/pebble": {"eventstore/embedded"},
	"modernc.org/sqlite":            {"api/webhooks", "domain/vault", "projections", "projections/js"},
	"github.com/EventStore/":        {"eventstore/esdb", "eventstore/esdbserver"},
	"github.com/jackc/pgx":          {"projections", "projections/placetest"},
	"google.golang.org/grpc":        {"eventstore/esdb", "eventstore/esdbserver"},
	"github.com/dop251/goja":        {"projections/js"},
	"gonum.org/v1/plot":             {"projections/chart"},
}

// impure are what package domain must do without: I/O, clock, randomness and context.
var impure = []string{"os", "io", "net", "context", "crypto/rand", "math/rand", "math/rand/v2", "log", "log/slog"}

// topLevel is what the root may hold.
var topLevel = []string{".ci", ".git", ".gitignore", "Dockerfile", "LICENSE", "README.md", "api", "cmd",
	"docker-compose.yml", "domain", "eventstore", "go.mod", "go.sum", "projections", ".dockerignore",
	"tillbook-data", "eventstore-data", ".github"}

// source is one Go file of the project.
type source struct {
	path, folder string
	text         []byte
	file         *ast.File
	set          *token.FileSet
}

func (s source) isTest() bool { return strings.HasSuffix(s.path, "_test.go") }

// sources are all Go files below the root.
func sources(t *testing.T) []source {
	t.Helper()
	root := filepath.Join("..", "..")
	var all []source
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".go" {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, name, text, parser.ParseComments)
		all = append(all, source{filepath.ToSlash(name), filepath.ToSlash(filepath.Dir(name)), text, file, set})
		return err
	})
	if err != nil || len(all) == 0 {
		t.Fatalf("got %d files, %v", len(all), err)
	}
	return all
}

func importPaths(s source) []string {
	var paths []string
	for _, i := range s.file.Imports {
		path, _ := strconv.Unquote(i.Path.Value) // the parser has read it
		paths = append(paths, path)
	}
	return paths
}

// TestArrows holds the imports to the architecture.
func TestArrows(t *testing.T) {
	for _, s := range sources(t) {
		allowed, known := arrows[s.folder]
		if !known {
			t.Errorf("%s: folder %s is not in the architecture", s.path, s.folder)
		}
		if s.isTest() || s.folder == "cmd/tillbook" {
			continue
		}
		for _, path := range importPaths(s) {
			if ours, ok := strings.CutPrefix(path, module); ok && !slices.Contains(allowed, ours) {
				t.Errorf("%s imports %s", s.path, ours)
			}
			for library, packages := range homes {
				if strings.HasPrefix(path, library) && !slices.Contains(packages, s.folder) {
					t.Errorf("%s imports %s, which belongs in %v", s.path, path, packages)
				}
			}
			if s.folder == "domain" && slices.Contains(impure, path) {
				t.Errorf("%s imports %s: domain is pure", s.path, path)
			}
		}
	}
}

// TestDomainHasNoClock finds time.Now and its like in package domain.
func TestDomainHasNoClock(t *testing.T) {
	for _, s := range sources(t) {
		if s.folder != "domain" || s.isTest() {
			continue
		}
		for _, call := range []string{"time.Now", "time.Since", "time.Until", "uuid.New(", "uuid.NewRandom"} {
			if bytes.Contains(s.text, []byte(call)) {
				t.Errorf("%s calls %s", s.path, call)
			}
		}
	}
}

// TestSizes bounds files, functions and lines.
func TestSizes(t *testing.T) {
	for _, s := range sources(t) {
		lines := strings.Split(string(s.text), "\n")
		if len(lines) > 401 && !s.isTest() {
			t.Errorf("%s has %d lines, want at most 400", s.path, len(lines)-1)
		}
		for i, line := range lines {
			width := len([]rune(strings.ReplaceAll(line, "\t", "    ")))
			if width > 120 {
				t.Errorf("%s:%d is %d columns wide", s.path, i+1, width)
			}
		}
		for _, d := range s.file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || s.isTest() {
				continue
			}
			n := s.set.Position(f.End()).Line - s.set.Position(f.Pos()).Line
			if n > 70 {
				t.Errorf("%s: %s has %d lines, want at most 70", s.path, f.Name.Name, n)
			}
		}
	}
}

// TestComments wants a sentence for every exported name and every package.
func TestComments(t *testing.T) {
	packages := map[string]bool{}
	for _, s := range sources(t) {
		if s.isTest() {
			continue
		}
		packages[s.folder] = packages[s.folder] || s.file.Doc != nil
		for _, d := range s.file.Decls {
			for _, name := range uncommented(d) {
				t.Errorf("%s: %s has no comment", s.path, name)
			}
		}
	}
	for folder, documented := range packages {
		if !documented {
			t.Errorf("package %s has no comment", folder)
		}
	}
}

// uncommented are the exported names that d declares without a word.
func uncommented(d ast.Decl) []string {
	switch d := d.(type) {
	case *ast.FuncDecl:
		known := d.Recv != nil && slices.Contains([]string{"Error", "Unwrap"}, d.Name.Name)
		if d.Name.IsExported() && d.Doc == nil && !known && !isMethodOfUnexported(d) {
			return []string{d.Name.Name}
		}
	case *ast.GenDecl:
		var names []string
		for _, spec := range d.Specs {
			switch spec := spec.(type) {
			case *ast.TypeSpec:
				if spec.Name.IsExported() && d.Doc == nil && spec.Doc == nil {
					names = append(names, spec.Name.Name)
				}
			case *ast.ValueSpec:
				if spec.Names[0].IsExported() && d.Doc == nil && spec.Doc == nil && spec.Comment == nil {
					names = append(names, spec.Names[0].Name)
				}
			}
		}
		return names
	}
	return nil
}

func isMethodOfUnexported(f *ast.FuncDecl) bool {
	if f.Recv == nil {
		return false
	}
	kind := f.Recv.List[0].Type
	if star, ok := kind.(*ast.StarExpr); ok {
		kind = star.X
	}
	if generic, ok := kind.(*ast.IndexListExpr); ok {
		kind = generic.X
	}
	name, ok := kind.(*ast.Ident)
	return ok && !name.IsExported()
}

// TestTopLevel keeps the root as it was given.
func TestTopLevel(t *testing.T) {
	entries, err := os.ReadDir(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !slices.Contains(topLevel, e.Name()) {
			t.Errorf("%s does not belong at the top level", e.Name())
		}
	}
}
