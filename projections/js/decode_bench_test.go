package js

import (
	"testing"

	"github.com/dop251/goja"
)

const sampleBody = `{"debit_id":"0190b5a0-7c1e-7a52-9d57-2f0d7d1b4c01","amount":{"unit":"EUR",` +
	`"value":"12.50"},"moves":[{"lot":"0190b5a0-7c1e-7a52-9d57-2f0d7d1b4c02",` +
	`"amount":"-10.00","kind":"cash"},{"lot":"0190b5a0-7c1e-7a52-9d57-2f0d7d1b4c03",` +
	`"amount":"-2.50","kind":"bonus"}],"balance":{"unit":"EUR","available":"87.50",` +
	`"held":"0.00"},"store":"store-12","reference":{"kind":"order",` +
	`"value":"A-100200"}}`

func BenchmarkParseGoja(b *testing.B) {
	vm := goja.New()
	parse, _ := goja.AssertFunction(vm.Get("JSON").(*goja.Object).Get("parse"))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := parse(goja.Undefined(), vm.ToValue(sampleBody)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseOurs(b *testing.B) {
	d := newDecoder(goja.New())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := d.decode([]byte(sampleBody)); err != nil {
			b.Fatal(err)
		}
	}
}
