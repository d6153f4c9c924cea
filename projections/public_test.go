package projections

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// frame are the files that keep and follow tables, whoever's they are. All others are the read models
// that come with Tillbook, and what asks them.
var frame = []string{
	"builder.go", "columns.go", "database.go", "event.go", "folder.go", "follow.go", "lead.go",
	"metadata.go", "models.go", "page.go", "postgres.go", "projections.go", "read.go", "rebuild.go",
	"scan.go", "schemas.go", "shelf.go", "snapshot.go", "table.go", "tx.go", "watch.go",
}

// TestBuiltinUsesExported: the read models that come with Tillbook are written with nothing that another
// module does not have. From each method of Projection it goes through all that it uses, and wants every
// name of the frame that is named there to be exported.
func TestBuiltinUsesExported(t *testing.T) {
	p := parsed(t)
	models := 0
	for _, name := range p.pkg.Scope().Names() {
		model := p.pkg.Scope().Lookup(name)
		if _, isType := model.(*types.TypeName); !isType {
			continue
		}
		var methods []types.Object
		for _, method := range []string{"Name", "Version", "Tables", "Indexes", "Apply"} {
			found, _, _ := types.LookupFieldOrMethod(model.Type(), true, p.pkg, method)
			if _, ok := found.(*types.Func); ok {
				methods = append(methods, found)
			}
		}
		if len(methods) != 5 || types.IsInterface(model.Type()) {
			continue
		}
		models++
		for _, m := range methods {
			p.walk(t, m)
		}
	}
	if models < 15 || len(p.seen) < 300 {
		t.Errorf("got %d read models that use %d names, want all", models, len(p.seen))
	}
	for _, v := range p.values {
		p.walk(t, v) // such as adjustments: a variable whose functions are Apply's
	}
}

// read is the package, as far as it can be understood without others.
type read struct {
	set    *token.FileSet
	pkg    *types.Package
	info   *types.Info
	bodies map[types.Object]ast.Node // what declares a name of the package
	values []types.Object            // of Builtin
	seen   map[types.Object]bool
}

type noImports struct{}

func (noImports) Import(string) (*types.Package, error) { return nil, errors.New("not needed") }

func parsed(t *testing.T) *read {
	t.Helper()
	p := &read{set: token.NewFileSet(), bodies: map[types.Object]ast.Node{}, seen: map[types.Object]bool{},
		info: &types.Info{Defs: map[*ast.Ident]types.Object{}, Uses: map[*ast.Ident]types.Object{}}}
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(p.set, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	config := types.Config{Importer: noImports{}, Error: func(error) {}}
	p.pkg, _ = config.Check("projections", p.set, files, p.info) // the compiler has checked it
	for _, file := range files {
		for _, d := range file.Decls {
			p.declare(d)
		}
	}
	ast.Inspect(p.bodies[p.pkg.Scope().Lookup("Builtin")], func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			if v, ok := p.info.Uses[id].(*types.Var); ok {
				p.values = append(p.values, v)
			}
		}
		return true
	})
	return p
}

func (p *read) declare(d ast.Decl) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		p.bodies[p.info.Defs[d.Name]] = d
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch spec := spec.(type) {
			case *ast.TypeSpec:
				p.bodies[p.info.Defs[spec.Name]] = spec
			case *ast.ValueSpec:
				for _, name := range spec.Names {
					p.bodies[p.info.Defs[name]] = spec
				}
			}
		}
	}
}

func (p *read) isFrame(o types.Object) bool {
	return slices.Contains(frame, filepath.Base(p.set.Position(o.Pos()).Filename))
}

// walk follows what a name of a read model is declared with.
func (p *read) walk(t *testing.T, o types.Object) {
	if p.seen[o] || p.bodies[o] == nil || p.isFrame(o) {
		return
	}
	p.seen[o] = true
	ast.Inspect(p.bodies[o], func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		if !ok {
			return true
		}
		used := origin(p.info.Uses[id])
		if used == nil || used.Pkg() != p.pkg || !used.Pos().IsValid() {
			return true
		}
		if p.isFrame(used) && !used.Exported() {
			t.Errorf("%s: a read model uses %s, which is not exported", p.set.Position(id.Pos()), used.Name())
		}
		p.walk(t, used)
		return true
	})
}

// origin is the name that was declared, where o is a method or field of an instance of its type.
func origin(o types.Object) types.Object {
	switch o := o.(type) {
	case *types.Func:
		return o.Origin()
	case *types.Var:
		return o.Origin()
	}
	return o
}
