package domain

import (
	"reflect"
	"testing"
	"time"

	"github.com/google/uuid"
)

// Every field of an event that is written by hand is written, also one that was added since: with all
// of them set, the bytes are those of encoding/json.
func TestWrittenWhole(t *testing.T) {
	whole := 0
	for name, s := range catalogue {
		if _, ok := s.zero.(appender); !ok {
			continue
		}
		whole++
		e := reflect.New(reflect.TypeOf(s.zero)).Elem()
		fillAll(t, e)
		written := e.Interface().(appender).appendJSON(nil)
		t.Run(name, func(t *testing.T) { same(t, written, e.Interface()) })
	}
	if whole < 7 {
		t.Errorf("%d events are written by hand, want the sales' at least", whole)
	}
	var m Metadata
	fillAll(t, reflect.ValueOf(&m).Elem())
	same(t, NewEncoder().metadata(&m), m)
}

// fillAll sets everything that a value has to something that is not nothing.
func fillAll(t *testing.T, v reflect.Value) {
	switch v.Interface().(type) {
	case Class:
		v.Set(reflect.ValueOf(Gift))
		return
	case Quantity:
		v.Set(reflect.ValueOf(fromSteps(125, 2)))
		return
	case Money:
		v.Set(reflect.ValueOf(cny("1.25")))
		return
	case time.Time:
		v.Set(reflect.ValueOf(noon))
		return
	case uuid.UUID:
		v.Set(reflect.ValueOf(AccountID("C-1")))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(7)
	case reflect.Uint8:
		v.SetUint(7)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fillAll(t, v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fillAll(t, v.Index(0))
	case reflect.Array:
		for i := range v.Len() {
			fillAll(t, v.Index(i))
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fillAll(t, key)
		fillAll(t, value)
		v.SetMapIndex(key, value)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fillAll(t, v.Field(i))
			}
		}
	default:
		t.Fatalf("a field is of %s", v.Type())
	}
}
