package js

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/dop251/goja"
	"pgregory.net/rapid"
)

// TestDecodeIsJSONParse compares the decoder with JavaScript's own, and the encoder with it.
func TestDecodeIsJSONParse(t *testing.T) {
	vm := goja.New()
	d, e := newDecoder(vm), newEncoder(vm, 1<<20)
	object := vm.Get("JSON").(*goja.Object)
	parse, _ := goja.AssertFunction(object.Get("parse"))
	stringify, _ := goja.AssertFunction(object.Get("stringify"))
	parts := []string{"{", "}", "[", "]", ",", ":", `"`, `"a"`, `"b"`, `"1"`, `"__proto__"`, `"é\u00e9\ud83d\ude00"`,
		`"\n\\\"` + "\u2028" + `"`, "\\", "0", "-0", "-", "1", "01", "12.50", "1e3", "1E-7", "+1", ".5", "1.", "true",
		"false", "null", "nul", " ", "\t\n", "9007199254740993", "123456789012345", "1e400", "\x01", "\xff",
		`{"a":[1,{"b":null}]}`, `{"2":1,"1":2,"a":3,"a":4}`}
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom(parts), 1, 8).Draw(t, "parts"), "")
		got, err := d.decode([]byte(text))
		if valid := json.Valid([]byte(text)); valid != (err == nil) {
			t.Fatalf("%q: got %v, want valid %v", text, err, valid)
		}
		if err != nil {
			return
		}
		parsed, err := parse(goja.Undefined(), vm.ToValue(text))
		if err != nil {
			return // it takes no number beyond a float's
		}
		want, err := stringify(goja.Undefined(), parsed)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(e.encode(got)); got != want.String() {
			t.Fatalf("%q: got %s, want %s", text, got, want)
		}
	})
}
