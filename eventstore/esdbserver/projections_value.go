package esdbserver

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"

	"google.golang.org/protobuf/types/known/structpb"
)

// valuesMost bounds the values within one state that is told: as messages they take up to a hundred
// times the room they have as JSON.
const valuesMost = 250_000

var errTooMany = fmt.Errorf("the document has more than %d values", valuesMost)

// valueOf is a JSON document as the protocol tells it, an empty object where there is none. Numbers
// are doubles there: an integer beyond 2^53 loses digits.
func valueOf(document []byte) (*structpb.Value, error) {
	if len(document) == 0 {
		return structpb.NewStructValue(&structpb.Struct{}), nil
	}
	v := values{Decoder: json.NewDecoder(bytes.NewReader(document))}
	v.UseNumber()
	value, err := v.next()
	if err != nil {
		return nil, err
	}
	if _, err := v.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one JSON document")
	}
	return value, nil
}

// values reads a document and counts what is in it.
type values struct {
	*json.Decoder
	read int
}

func (v *values) next() (*structpb.Value, error) {
	if v.read++; v.read > valuesMost {
		return nil, errTooMany
	}
	token, err := v.Token()
	if err != nil {
		return nil, err
	}
	switch token := token.(type) {
	case nil:
		return structpb.NewNullValue(), nil
	case bool:
		return structpb.NewBoolValue(token), nil
	case string:
		return structpb.NewStringValue(token), nil
	case json.Number:
		number, _ := strconv.ParseFloat(token.String(), 64) // infinite beyond its range
		return structpb.NewNumberValue(number), nil
	case json.Delim:
		if token == '{' {
			return v.object()
		}
		return v.list()
	}
	return nil, fmt.Errorf("no JSON value: %v", token)
}

func (v *values) object() (*structpb.Value, error) {
	fields := map[string]*structpb.Value{}
	for v.More() {
		name, err := v.Token()
		if err != nil {
			return nil, err
		}
		if fields[name.(string)], err = v.next(); err != nil {
			return nil, err
		}
	}
	_, err := v.Token()
	return structpb.NewStructValue(&structpb.Struct{Fields: fields}), err
}

func (v *values) list() (*structpb.Value, error) {
	list := &structpb.ListValue{}
	for v.More() {
		value, err := v.next()
		if err != nil {
			return nil, err
		}
		list.Values = append(list.Values, value)
	}
	_, err := v.Token()
	return structpb.NewListValue(list), err
}
