package js

import (
	_ "embed"
	"fmt"

	"github.com/dop251/goja"
)

//go:embed sandbox.js
var sandboxSource string

var sandboxProgram = goja.MustCompile("sandbox.js", sandboxSource, true)

// kept are the globals that a script may use.
var kept = []string{"Object", "Function", "Array", "String", "Number", "Boolean", "Symbol", "Date", "RegExp",
	"Math", "JSON", "Map", "Set", "WeakMap", "WeakSet", "Reflect", "Error", "TypeError", "RangeError",
	"SyntaxError", "ReferenceError", "EvalError", "URIError", "AggregateError", "parseInt", "parseFloat",
	"isNaN", "isFinite", "NaN", "Infinity", "undefined", "globalThis", "encodeURI", "encodeURIComponent",
	"decodeURI", "decodeURIComponent", "escape", "unescape"}

// newRuntime is a Runtime in which a script can do nothing but compute.
func newRuntime(limits Limits) (*goja.Runtime, error) {
	vm := goja.New()
	vm.SetMaxCallStackSize(limits.Depth)
	if err := (&guard{vm: vm, limits: limits}).install(); err != nil {
		return nil, err
	}
	sandbox, err := vm.RunProgram(sandboxProgram)
	if err != nil {
		return nil, err
	}
	call, _ := goja.AssertFunction(sandbox) // sandbox.js is a function
	refuse := func(what string) { throw(vm, fmt.Errorf("%w: %s", ErrForbidden, what)) }
	tame := func(pattern, flags string) {
		if err := tamePattern(pattern, flags); err != nil {
			throw(vm, err)
		}
	}
	_, err = call(goja.Undefined(), vm.ToValue(refuse), vm.ToValue(kept), vm.ToValue(tame))
	return vm, err
}
