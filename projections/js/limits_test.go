package js

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// stopped are what a script must not do, each in a handler A: with the error it is stopped by.
var stopped = []struct {
	what, body string
	want       error // nil: the script itself throws
	message    string
}{
	{"an endless loop", `for (;;) {}`, ErrTime, "took too long: more than 150ms"},
	{"that catches all", `for (;;) { try { for (;;) {} } catch (e) {} finally { } }`,
		ErrTime, "took too long"},
	{"an endless loop of built-in calls", `for (;;) [1, 2, 3].map(x => x).sort()`,
		ErrTime, "took too long"},
	{"an endless iterator", `new Set({[Symbol.iterator]: () => ({next: () => ({value: 1})})})`,
		ErrTime, "took"},
	{"an endless generator", `Array.from((function* () { for (;;) yield {}; })())`, nil, ""},
	{"endless recursion", `(function f() { f(); })()`, ErrCallDepth, "calls are nested too deeply"},
	{"recursion through built-in functions", `const f = () => [1].map(f); f()`,
		ErrCallDepth, "nested too deeply"},
	{"recursion through a getter of the state", `const o = {get x() { return o.x; }}; return o`,
		ErrCallDepth, ""},
	{"an endless toJSON", `return {toJSON() { for (;;) {} }}`, ErrTime, "took too long"},

	{"endless allocation", `const all = []; for (;;) all.push(new Array(1000).fill(7))`, nil, ""},
	{"a text that doubles", `let x = "xxxxxxxxxxxxxxxx"; for (;;) x += x`, nil, ""},
	{"a text repeated", `"x".repeat(1e9)`, ErrMemory, "a string of more than 8388608 characters"},
	{"a text padded", `"x".padEnd(1e9)`, ErrMemory, "a string of more than"},
	{"a text joined", `Array(1e4).fill("x".repeat(1e6)).join("")`, ErrMemory, "a string of more than"},
	{"a text joined by itself", `String(Array(1e4).fill("x".repeat(1e6)))`,
		ErrMemory, "a string of more than"},
	{"a text replaced", `"x".repeat(1e6).replaceAll("x", "y".repeat(1e6))`,
		ErrMemory, "a string of more than"},
	{"a text replaced by itself", `"x".repeat(1e5).replace(/x/g, "$'$'")`,
		ErrMemory, "a string of more than"},
	{"texts put together", `const x = "x".repeat(8e6); "".concat(x, x)`,
		ErrMemory, "a string of more than"},
	{"a long list filled", `Array(4294967295).fill(0)`, ErrMemory, "an array of more than 1048576"},
	{"a long list searched", `Array(4294967295).indexOf(7)`, ErrMemory, "an array of more than"},
	{"something like a long list", `[].shift.call({length: 2 ** 53 - 1})`,
		ErrMemory, "an array of more than"},
	{"a list of a length", `Array.from({length: 1e9})`, ErrMemory, "an array of more than"},
	{"a long list spread", `[...Array(4294967295)]`, ErrMemory, "an array of more than"},
	{"many arguments", `Math.max.apply(null, {length: 1e9})`, ErrMemory, "an array of more than"},
	{"lists put together", `const a = Array(6e5); a.concat(a)`, ErrMemory, "an array of more than"},
	{"a long list as state", `return Array(4294967295)`,
		ErrState, "state is too large: more than 1000000 bytes"},
	{"a large state", `return "x".repeat(2e6)`, ErrState, "state is too large"},
	{"a state that doubles in JSON", `let o = {}; for (let i = 0; i < 60; i++) o = {a: o, b: o}; return o`,
		ErrState, "state is too large"},
	{"a text of that", `let o = {}; for (let i = 0; i < 60; i++) o = {a: o, b: o}; JSON.stringify(o)`,
		ErrState, "state is too large"},
	{"a list that doubles as text", `let a = []; for (let i = 0; i < 60; i++) a = [a, a]; String(a)`,
		ErrTime, "took too long"},
	{"a list that doubles when flattened",
		`let a = []; for (let i = 0; i < 60; i++) a = [a, a]; a.flat(99)`,
		ErrTime, "took too long"},
	{"a state that holds itself", `s.self = s`,
		ErrKind, "wrong kind of value: nested more than 500 deep, or holds itself"},
	{"a deep state", `for (let i = 0; i < 1e3; i++) s = {s}; return s`,
		ErrKind, "nested more than 500 deep"},
	{"deep JSON", `JSON.parse("[".repeat(1e6))`, nil, "TypeError: this is not JSON"},
	{"an expression that backtracks", `new RegExp("(?=x)x")`, ErrForbidden, "looks around or back"},
	{"an expression that refers back", `"x".match("(x)\\1")`, ErrForbidden, "looks around or back"},
	{"an expression by another's constructor", `new (/x/.constructor)("(?!x)")`,
		ErrForbidden, "looks around or back"},
	{"many emitted events", `for (;;) emit("a", "b", {})`,
		ErrMemory, "more than 1000 events emitted at one"},

	{"a throw", `throw new Error("no")`, nil, "Error: no"},
	{"a throw of a text", `throw "no"`, nil, "no"},
	{"a throw of nothing", `throw undefined`, nil, "undefined"},
	{"a throw of a trap", `throw {get message() { for (;;) {} }}`, nil, "an object was thrown"},
	{"a body that is not there", `return e.body.a.b.c`,
		nil, "TypeError: Cannot read property 'b' of undefined"},
	{"a BigInt by name", `return BigInt(1)`, nil, "ReferenceError: BigInt is not defined"},

	{"eval", `eval("1")`, nil, "ReferenceError: eval is not defined"},
	{"new Function", `new Function("return 1")()`, ErrForbidden, "not allowed: code made of text"},
	{"Function", `Function("return 1")()`, ErrForbidden, "not allowed: code made of text"},
	{"a function's constructor", `(function () {}).constructor("return 1")()`,
		ErrForbidden, "code made of text"},
	{"an arrow's constructor", `(() => 1).constructor("return 1")()`, ErrForbidden, "code made of text"},
	{"a generator's constructor", `(function* () {}).constructor("return 1")()`,
		ErrForbidden, "code made of text"},
	{"a built-in's constructor", `log.constructor("return 1")()`, ErrForbidden, "code made of text"},
	{"a class's constructor", `Object.getPrototypeOf(class {}).constructor("return 1")()`,
		ErrForbidden, "code made"},
	{"the constructor of Object", `Object.constructor("return 1")()`, ErrForbidden, "code made of text"},
	{"by Reflect", `Reflect.construct((function () {}).constructor, ["return 1"])()`,
		ErrForbidden, "code made"},
	{"require", `require("fs")`, nil, "ReferenceError: require is not defined"},
	{"process", `process.exit(1)`, nil, "ReferenceError: process is not defined"},
	{"console", `console.log(1)`, nil, "ReferenceError: console is not defined"},
	{"fetch", `fetch("http://127.0.0.1")`, nil, "ReferenceError: fetch is not defined"},
	{"setTimeout", `setTimeout(() => 1, 1)`, nil, "ReferenceError: setTimeout is not defined"},
	{"a promise", `Promise.resolve()`, nil, "ReferenceError: Promise is not defined"},
	{"memory of a size", `new ArrayBuffer(1e12)`, nil, "ReferenceError: ArrayBuffer is not defined"},
	{"typed memory", `new Uint8Array(1e12)`, nil, "ReferenceError: Uint8Array is not defined"},
	{"a proxy", `new Proxy({}, {})`, nil, "ReferenceError: Proxy is not defined"},
	{"Go, through log", `log.prototype.x.y`, nil, "TypeError"},

	{"the clock", `return Date.now()`, ErrForbidden, "not allowed: the clock"},
	{"a new Date", `return new Date()`, ErrForbidden, "not allowed: the clock"},
	{"a Date's text", `return Date()`, ErrForbidden, "not allowed: the clock"},
	{"a Date's constructor", `return new (new Date(0).constructor)()`,
		ErrForbidden, "not allowed: the clock"},
	{"chance", `return Math.random()`, ErrForbidden, "not allowed: Math.random"},

	{"a property for all objects", `"use strict"; Object.prototype.leak = 1`, nil, "TypeError"},
	{"another method for all lists", `"use strict"; Array.prototype.push = 1`, nil, "TypeError"},
	{"another toString for all objects", `Object.prototype.toString = () => "x"`,
		ErrForbidden, "what all objects share"},
	{"a property of an event", `"use strict"; e.leak = 1`, nil, "TypeError"},
	{"a property of all events", `"use strict"; Object.getPrototypeOf(e).leak = 1`, nil, "TypeError"},
	{"another function of Math", `"use strict"; Math.max = () => 7`, nil, "TypeError"},
	{"another iterator", `"use strict"; Object.getPrototypeOf([][Symbol.iterator]()).next = 1`,
		nil, "TypeError"},
}

func TestStopped(t *testing.T) {
	for _, row := range stopped {
		t.Run(row.what, func(t *testing.T) {
			limits := Limits{Handler: 150 * time.Millisecond, State: 1_000_000}
			if row.want != nil && row.want != ErrTime {
				limits.Handler = 10 * time.Second // another limit comes first, on a slow machine too
			}
			s, err := Compile("test.js", "fromAll().when({A(s, e) {\n"+row.body+"\n}})", limits)
			if err != nil {
				t.Fatal(err)
			}
			r, err := NewRunner(s, Options{Emit: true})
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			_, err = r.Handle(events("a-1 A {}")[0])
			var fault *Fault
			if !errors.As(err, &fault) {
				t.Fatalf("got %v, want a fault", err)
			}
			if row.want != nil && !errors.Is(err, row.want) || !strings.Contains(err.Error(), row.message) {
				t.Errorf("got %v\nwant %v, %s", err, row.want, row.message)
			}
			if fault.Handler != "A" || fault.Event != "0@a-1" {
				t.Errorf("got %v, want its handler and event", err)
			}
			if _, again := r.Handle(events("a-1 B {}")[0]); again == nil || again.Error() != err.Error() {
				t.Errorf("got %v, want the same fault", again)
			}
		})
	}
}

// TestRefused holds what is refused before a script runs.
func TestRefused(t *testing.T) {
	for _, row := range []struct{ what, script, want string }{
		{"an endless script", `for (;;) {}`, "test.js:1:1: took too long: more than 50ms"},
		{"a long script", strings.Repeat(" ",
			300<<10), "test.js: not allowed: the script has 307200 bytes"},
		{"a deep script", strings.Repeat("(",
			1e5), "test.js:1:1: not allowed: brackets are nested more than 200 deep"},
		{"a long chain of operators", "x = " + strings.Repeat("!", 1e5) + "1", "test.js"},
		{"a BigInt", "fromAll();\nlet x = 12n", "test.js"},
		{"an expression that looks ahead", "fromAll();\nlet x = /a(?=b)/",
			"test.js:2:9: not allowed: the expression"},
		{"an async function", "fromAll().when({\nasync A() {}})",
			"test.js:2:1: not allowed: async functions"},
		{"an async arrow", "fromAll();\nconst f = async () => 1",
			"test.js:2:11: not allowed: async functions"},
		{"a module", `import fs from "fs"`, "test.js:1:1"},
		{"a source map", "fromAll().when({\n//# sourceMappingURL=/etc/passwd", "test.js:2:"},
	} {
		_, err := Compile("test.js", row.script, Limits{Compile: 50 * time.Millisecond})
		if err == nil || !strings.HasPrefix(err.Error(), row.want) {
			t.Errorf("%s: got %v, want %s", row.what, err, row.want)
		}
	}
}

// TestStillWorks holds what the sandbox changes to what JavaScript says of it.
func TestStillWorks(t *testing.T) {
	for _, row := range []struct{ script, want string }{
		{`new Date(2026, 0, 2, 3).toISOString()`, `"2026-01-02T03:00:00.000Z"`},
		{`new Date("2026-01-02T03:00:00").getHours()`, `3`},
		{`new Date("2026-01-02").getDate()`, `2`},
		{`new Date("2026-01-02T03:00:00+02:00").toISOString()`, `"2026-01-02T01:00:00.000Z"`},
		{`Date.parse("1970-01-01T00:00:01")`, `1000`},
		{`new Date(0) instanceof Date`, `true`},
		{`new Date(1000) - new Date(0)`, `1000`},
		{`(() => 1) instanceof Function`, `true`},
		{`/a(b)/.exec("ab")[1]`, `"b"`},
		{`new RegExp("a+", "g")[Symbol.replace]("aab", "x")`, `"xb"`},
		{`/a/ instanceof RegExp`, `true`},
		{`"a-b".split(/-/)`, `["a","b"]`},
		{`"aXbX".replace(/X/g, m => m + m)`, `"aXXbXX"`},
		{`"a1b2".match(/\d/g)`, `["1","2"]`},
		{`[..."a1b2".matchAll(/\d/g)].map(m => m.index)`, `[1,3]`},
		{`"abc".search("c")`, `2`},
		{`[1, [2, [3, [4]]]].flat()`, `[1,2,[3,[4]]]`},
		{`[1, [2, [3]]].flat(Infinity)`, `[1,2,3]`},
		{`[1, 2].flatMap(x => [x, x * 2])`, `[1,2,2,4]`},
		{`[3, 1, 2].sort((a, b) => a - b).join("-")`, `"1-2-3"`},
		{`String([1, null, [2, undefined]])`, `"1,,2,"`},
		{`[..."ab"].concat(["c"], "d")`, `["a","b","c","d"]`},
		{`JSON.parse("[1,{\"a\":2}]", (k, v) => v === 2 ? 3 : v)`, `[1,{"a":3}]`},
		{`JSON.stringify({a: [1, {}], b: undefined}, null, 1)`, `"{\n \"a\": [\n  1,\n  {}\n ]\n}"`},
		{`JSON.stringify({a: 1, b: 2}, ["b"])`, `"{\"b\":2}"`},
		{`JSON.stringify({a: 1}, (k, v) => k === "a" ? 2 : v)`, `"{\"a\":2}"`},
		{`JSON.stringify(undefined) === undefined`, `true`},
		{`({toString: 1, constructor: 2, n: {valueOf: 3}})`,
			`{"toString":1,"constructor":2,"n":{"valueOf":3}}`},
		{`(o => { o.constructor = 1; o.hasOwnProperty = 2; return o; })({})`,
			`{"constructor":1,"hasOwnProperty":2}`},
		{`class E extends Error { constructor(m) { super(m); this.name = "E"; } }; new E("x").name`, `"E"`},
		{`JSON.parse("{\"__proto__\":{\"x\":1}}")`, `{"__proto__":{"x":1}}`},
		{`[new Map([[1, 2]]).get(1), new Set([1, 1]).size]`, `[2,1]`},
		{`Math.max.apply(null, [1, 5, 3])`, `5`},
		{`((a, ...b) => b.length)(...[1, 2, 3])`, `2`},
	} {
		statements := strings.Split(row.script, "; ")
		last := len(statements) - 1
		if strings.HasPrefix(row.script, "(") {
			statements, last = []string{row.script}, 0
		}
		statements[last] = "return " + statements[last]
		script := "fromAll().when({A() { " + strings.Join(statements, "; ") + " }})"
		if got := outcome(t, script, "a A {}"); got != "="+row.want {
			t.Errorf("%s: got %s, want =%s", row.script, got, row.want)
		}
	}
}
