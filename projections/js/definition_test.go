package js

import (
	"slices"
	"strings"
	"testing"
)

// definitions are what scripts say of themselves, a row for each rule.
var definitions = []struct{ rule, script, want string }{
	{"fromAll", `fromAll()`, `{All:true,AllEvents:true}`},
	{"fromStream", `fromStream("a")`, `{AllEvents:true,Streams:[a]}`},
	{"fromStream wants a name", `fromStream(["a"])`,
		`test.js:1:11: wrong kind of value: fromStream wants a stream's name`},
	{"fromStreams of a list", `fromStreams(["a", "b"])`, `{AllEvents:true,Streams:[a,b]}`},
	{"fromStreams of arguments", `fromStreams("a", "b")`, `{AllEvents:true,Streams:[a,b]}`},
	{"fromCategory of one", `fromCategory("a")`, `{AllEvents:true,Categories:[a]}`},
	{"fromCategory of a list", `fromCategory(["a", "b"])`, `{AllEvents:true,Streams:[$ce-a,$ce-b]}`},
	{"fromCategories is fromCategory", `fromCategories("a", "b")`,
		`{AllEvents:true,Streams:[$ce-a,$ce-b]}`},
	{"no source", `log("only this")`,
		`test.js: wrong kind of value: the script names no source, such as fromAll()`},

	{"named handlers", `fromAll().when({A() {}, B() {}})`, `{All:true,Events:[A,B],Fold:true}`},
	{"$any after a name", `fromAll().when({A() {}, $any() {}})`,
		`{All:true,AllEvents:true,Events:[A],Fold:true}`},
	{"a name after $any", `fromAll().when({$any() {}, A() {}})`, `{All:true,Events:[A],Fold:true}`},
	{"inherited handlers do not count", `fromAll().when(Object.create({A() {}}))`,
		`{All:true,AllEvents:true,Fold:true}`},
	{"$initShared has a shared state", `fromAll().when({$initShared() {}})`,
		`{All:true,AllEvents:true,BiState:true,Fold:true}`},
	{"$deleted wants to know", `fromAll().foreachStream().when({$deleted() {}})`,
		`{All:true,AllEvents:true,ByStream:true,Deleted:true,Fold:true}`},
	{"$deleted goes with streams", `fromAll().when({$deleted() {}})`,
		`test.js: not allowed: $deleted goes with foreachStream() only`},
	{"$deleted does not go with a shared state",
		`fromAll().foreachStream().when({$initShared() {}, $deleted() {}})`,
		`test.js:1:31: not allowed: $deleted beside a shared state`},
	{"one handler a name", `fromAll(); on_event("A", () => 1); on_event("A", () => 2)`,
		`test.js:1:44: not allowed: two handlers for A`},

	{"partitionBy", `fromAll().partitionBy(e => 1).when({})`,
		`{All:true,AllEvents:true,ByCustom:true,Fold:true}`},
	{"partitionBy wants a function", `fromAll().partitionBy("a")`,
		`test.js:1:22: wrong kind of value: partitionBy wants a function`},
	{"outputState", `fromAll().outputState()`, `{All:true,AllEvents:true,OutputState:true,Outputs:true}`},
	{"outputTo", `fromAll().when({}).outputTo("out", "out-{0}")`,
		`{All:true,AllEvents:true,Fold:true,Outputs:true,ResultName:out,ResultPattern:out-{0}}`},
	{"transformBy has a result", `fromAll().when({}).transformBy(s => s)`,
		`{All:true,AllEvents:true,Fold:true,OutputState:true,Transforms:true}`},
	{"filterBy has a result", `fromAll().when({}).filterBy(s => s)`,
		`{All:true,AllEvents:true,Fold:true,OutputState:true,Transforms:true}`},
	{"$defines_state_transform has a result", `fromAll().when({}).$defines_state_transform()`,
		`{All:true,AllEvents:true,Fold:true,OutputState:true,Transforms:true}`},
	{"emit is seen", `fromAll().when({A() { emit("a", "b", {}); }})`,
		`{All:true,Emits:true,Events:[A],Fold:true}`},

	{"options in any case", `options({$INCLUDElinks: true, reorderEvents: true, ProcessingLag: 5,
		resultStreamName: "r", BISTATE: true}); fromAll()`, `{All:true,AllEvents:true,BiState:true,` +
		`IncludeLinks:true,ProcessingLag:5,ReorderEvents:true,ResultName:r}`},
	{"an unknown option", `options({fast: true}); fromAll()`,
		`test.js:1:8: not allowed: option fast is unknown`},
	{"an option of another kind", `options({biState: "yes"}); fromAll()`,
		`test.js:1:8: wrong kind of value: option biState wants true or false`},
	{"a number that is none", `options({processingLag: "5"}); fromAll()`,
		`test.js:1:8: wrong kind of value: option processingLag wants a number`},

	{"a syntax error has a place", "fromAll()\n  .when({)", `test.js:2:11: Unexpected token )`},
	{"an unknown name has a place", "fromAll()\n  .wen({})",
		`test.js:2:7: TypeError: Object has no member 'wen'`},
	{"what is thrown has a place", "fromAll();\nthrow new RangeError('no')", `test.js:2:7: RangeError: no`},
	{"handlers cannot be asked for in handlers", `fromAll().when({A: () => fromAll()})`,
		`{All:true,Events:[A],Fold:true}`},
	{"emit is for handlers", `fromAll(); emit("a", "b", {})`,
		`test.js:1:16: ReferenceError: emit is not defined`},
}

func TestDefinitions(t *testing.T) {
	for _, row := range definitions {
		t.Run(row.rule, func(t *testing.T) {
			if got := definition(t, row.script); got != row.want {
				t.Errorf("%s\ngot  %s\nwant %s", row.script, got, row.want)
			}
		})
	}
}

// TestChain tries every step after every other: each replaces what the one before it allowed.
func TestChain(t *testing.T) {
	call := map[string]string{"when": `when({})`, "partitionBy": `partitionBy(e => 1)`,
		"outputTo":      `outputTo("x")`,
		"foreachStream": `foreachStream()`, "outputState": `outputState()`,
		"transformBy": `transformBy(s => s)`,
		"filterBy":    `filterBy(s => s)`}
	reach := map[string]string{"fromAll": `fromAll()`, "fromStream": `fromStream("a")`,
		"fromStreams": `fromStreams("a")`, "fromCategory": `fromCategory("a")`}
	for _, name := range []string{"when", "foreachStream", "partitionBy", "outputState"} {
		reach[name] = "fromAll()." + call[name]
	}
	for _, name := range []string{"transformBy", "filterBy", "outputTo"} {
		reach[name] = "fromAll().when({})." + call[name]
	}
	allowed := map[string]string{
		"fromAll":      "when partitionBy outputState foreachStream",
		"fromStream":   "when partitionBy outputState",
		"fromStreams":  "when partitionBy outputState",
		"fromCategory": "when partitionBy outputState foreachStream", "foreachStream": "when",
		"partitionBy": "when", "when": "transformBy filterBy outputState outputTo",
		"outputState": "transformBy filterBy outputTo", "outputTo": "",
		"transformBy": "transformBy filterBy outputState outputTo",
		"filterBy":    "transformBy filterBy outputState outputTo",
	}
	for name, script := range reach {
		for next, text := range call {
			_, err := Compile("test.js", script+"."+text, Limits{})
			if got, want := err == nil, contains(allowed[name], next); got != want {
				t.Errorf("%s.%s: allowed %v, want %v: %v", script, text, got, want, err)
			}
		}
	}
}

func contains(words, word string) bool {
	return slices.Contains(strings.Fields(words), word)
}

func TestResultStream(t *testing.T) {
	plain, named := Definition{}, Definition{ResultName: "all", ResultPattern: "of-{0}"}
	for _, row := range []struct{ got, want string }{
		{plain.ResultStream("p", ""), "$projections-p-result"},
		{plain.ResultStream("p", "a-1"), "$projections-p-a-1-result"},
		{named.ResultStream("p", ""), "all"},
		{named.ResultStream("p", "a-1"), "of-a-1"},
	} {
		if row.got != row.want {
			t.Errorf("got %s, want %s", row.got, row.want)
		}
	}
}
