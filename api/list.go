package api

import (
	"errors"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// listKept is how many elements of a list are kept, more than any request may have.
const listKept = 100_001

// list is a list of a request whose body is large: of one that is too long the rest is read over, so that
// its length refuses it, and not the memory it takes.
type list[T any] []T

var errNoList = errors.New("want an array")

// UnmarshalJSONFrom reads an array, or null as none.
func (l *list[T]) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	*l = nil
	begin, err := d.ReadToken()
	switch {
	case err != nil:
		return err
	case begin.Kind() == 'n':
		return nil
	case begin.Kind() != '[':
		return errNoList
	}
	for d.PeekKind() != ']' {
		if len(*l) == listKept {
			if err := d.SkipValue(); err != nil {
				return err
			}
			continue
		}
		var element T
		if err := json.UnmarshalDecode(d, &element); err != nil {
			return err
		}
		*l = append(*l, element)
	}
	_, err = d.ReadToken()
	return err
}
