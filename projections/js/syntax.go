package js

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/dop251/goja"
	"github.com/dop251/goja/ast"
	"github.com/dop251/goja/file"
	"github.com/dop251/goja/parser"
)

// deepestSource bounds the brackets within brackets of a script: the parser calls itself for each.
const deepestSource = 200

// emitters are the functions that emit events.
var emitters = []string{"emit", "linkTo", "linkStreamTo", "copyTo"}

// placed is a refusal that stands at a place in the script.
type placed struct {
	line, column int
	err          error
}

func (p *placed) Error() string { return p.err.Error() }

// parse reads a script and refuses what could not be stopped once it runs. It reads no source map:
// that would be a file.
func parse(name, source string, limits Limits) (program *goja.Program, emits bool, err error) {
	source = strings.TrimPrefix(source, "\ufeff")
	if len(source) > limits.Source {
		return nil, false, fmt.Errorf("%w: the script has %d bytes, want at most %d",
			ErrForbidden, len(source), limits.Source)
	}
	if err := shallow(source); err != nil {
		return nil, false, err
	}
	tree, err := parser.ParseFile(nil, name, source, 0, parser.WithDisableSourceMaps)
	if err != nil {
		return nil, false, err
	}
	w := walk{file: tree.File}
	if err := w.tame(reflect.ValueOf(tree.Body)); err != nil {
		return nil, false, err
	}
	program, err = goja.CompileAST(tree, false)
	return program, w.emits, err
}

// shallow counts brackets, wherever they stand.
func shallow(source string) error {
	line, depth := 1, 0
	for _, c := range source {
		switch c {
		case '\n':
			line++
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			depth--
		}
		if depth > deepestSource {
			return &placed{line, 1, fmt.Errorf("%w: brackets are nested more than %d deep",
				ErrForbidden, deepestSource)}
		}
	}
	return nil
}

// walk goes through a syntax tree.
type walk struct {
	file  *file.File
	emits bool // the script names a function that emits
}

// tame refuses what no limit would hold. BigInts and backtracking expressions are refused because no interrupt
// reaches into them, async functions because nothing would wait for them.
func (w *walk) tame(v reflect.Value) error {
	switch v.Kind() {
	case reflect.Interface, reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		if node, ok := v.Interface().(ast.Node); ok && v.Kind() == reflect.Pointer {
			if err := w.node(node); err != nil {
				at := w.file.Position(int(node.Idx0()) - w.file.Base())
				return &placed{at.Line, at.Column, err}
			}
		}
		if v.Type() == reflect.TypeFor[*file.File]() {
			return nil
		}
		return w.tame(v.Elem())
	case reflect.Slice:
		for i := range v.Len() {
			if err := w.tame(v.Index(i)); err != nil {
				return err
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).Name == "DeclarationList" || !v.Type().Field(i).IsExported() {
				continue // the declarations stand in the body, too
			}
			if err := w.tame(v.Field(i)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *walk) node(node ast.Node) error {
	switch n := node.(type) {
	case *ast.Identifier:
		w.emits = w.emits || slices.Contains(emitters, string(n.Name))
	case *ast.RegExpLiteral:
		return tamePattern(n.Pattern, n.Flags)
	case *ast.NumberLiteral:
		if strings.HasSuffix(n.Literal, "n") && !strings.HasPrefix(n.Literal, "0x") {
			return fmt.Errorf("%w: BigInt", ErrForbidden)
		}
	case *ast.FunctionLiteral:
		if n.Async {
			return fmt.Errorf("%w: async functions", ErrForbidden)
		}
	case *ast.ArrowFunctionLiteral:
		if n.Async {
			return fmt.Errorf("%w: async functions", ErrForbidden)
		}
	}
	return nil
}

// tamePattern refuses an expression that is not matched in linear time.
func tamePattern(pattern, flags string) error {
	_, err := parser.TransformRegExp(pattern, strings.Contains(flags, "s"), strings.Contains(flags, "u"))
	if err != nil {
		return fmt.Errorf("%w: the expression /%s/ looks around or back", ErrForbidden, pattern)
	}
	return nil
}
