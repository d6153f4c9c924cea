package api

import (
	"errors"
	"io"
	"mime"
	"reflect"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/gofiber/fiber/v2"

	"github.com/tillbook/tillbook/domain"
)

// body reads the call's JSON body, of at most limit bytes.
func (c *call) body(limit int) ([]byte, error) {
	text, err := c.content(limit)
	if err != nil || len(text) == 0 {
		return nil, err
	}
	if string(c.Context().Request.Header.ContentType()) == applicationJSON {
		return text, nil
	}
	return text, wants(c.Get(fiber.HeaderContentType), applicationJSON)
}

// content reads the call's body, whatever it is.
func (c *call) content(limit int) ([]byte, error) {
	length := c.Context().Request.Header.ContentLength()
	if length > limit {
		return nil, errTooLarge
	}
	stream := c.Context().RequestBodyStream()
	if stream == nil {
		c.read = true
		return c.Context().Request.Body(), nil
	}
	text := make([]byte, 0, max(length, 512)+1)
	for {
		n, err := stream.Read(text[len(text):cap(text)])
		text = text[:len(text)+n]
		switch {
		case len(text) > limit:
			return nil, errTooLarge
		case errors.Is(err, io.EOF):
			c.read = true
			return text, nil
		case err != nil:
			return nil, domain.ErrMalformed.Because("the body does not end as announced")
		}
		if len(text) == cap(text) {
			text = append(text, 0)[:len(text)]
		}
	}
}

// wants checks a Content-Type.
func wants(header, kind string) error {
	got, params, err := mime.ParseMediaType(header)
	charset, given := params["charset"]
	if err != nil || got != kind || given && !strings.EqualFold(charset, "utf-8") {
		return errMediaType
	}
	return nil
}

// decode reads JSON strictly: one value, no unknown or repeated field, no other type.
func decode(text []byte, into any) error {
	if len(text) == 0 {
		return domain.ErrMalformed.Because("want a JSON object")
	}
	err := json.Unmarshal(text, into, json.RejectUnknownMembers(true))
	if err == nil {
		return nil
	}
	var semantic *json.SemanticError
	if errors.As(err, &semantic) {
		field := fieldOf(semantic.JSONPointer)
		if errors.Is(semantic.Err, json.ErrUnknownName) {
			return domain.ErrUnknownField.Field(field, "is not known here")
		}
		return domain.ErrMalformed.Field(field, "want "+jsonOf(semantic.GoType))
	}
	var syntactic *jsontext.SyntacticError
	if errors.As(err, &syntactic) && errors.Is(syntactic.Err, jsontext.ErrDuplicateName) {
		return domain.ErrMalformed.Field(fieldOf(syntactic.JSONPointer), "stands twice")
	}
	return domain.ErrMalformed.Because("the body is not one JSON value")
}

// jsonOf says what JSON is read into a Go type, which is no pointer.
func jsonOf(t reflect.Type) string {
	switch {
	case t == nil:
		return "another type"
	case t.Kind() == reflect.String:
		return "a string"
	case t.Kind() == reflect.Bool:
		return "true or false"
	case t.Kind() == reflect.Slice:
		return "an array"
	case t.Kind() == reflect.Struct, t.Kind() == reflect.Map:
		return "an object"
	}
	return "a whole number"
}

// fieldOf writes a JSON pointer (RFC 6901) as errors[] does: amount.unit, payments.0.method.
func fieldOf(p jsontext.Pointer) string {
	var parts []string
	for token := range p.Tokens() {
		parts = append(parts, token[:min(len(token), 64)])
		if len(parts) == 8 {
			break
		}
	}
	if len(parts) == 0 {
		return "body"
	}
	return strings.ToValidUTF8(strings.Join(parts, "."), "?")
}
