package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
)

// shownSchema is a schema as the page shows it.
type shownSchema struct {
	Name, Description string
	Base              []string
	Fields            []shownField
	Text              string // of a schema that has no fields
}

type shownField struct {
	Name, Type, Link, Description string
	Required                      bool
}

func (d document) schemas() []shownSchema {
	var all []shownSchema
	for _, item := range d.Components.Schemas {
		all = append(all, showSchema(fmt.Sprint(item.Key), mapOf(item.Value)))
	}
	return all
}

func showSchema(name string, schema yaml.MapSlice) shownSchema {
	s := shownSchema{Name: name, Description: textOf(schema, "description")}
	required := map[string]bool{}
	for _, field := range listOf(schema, "required") {
		required[fmt.Sprint(field)] = true
	}
	for _, base := range listOf(schema, "allOf") {
		s.Base = append(s.Base, schemaName(mapOf(base)))
	}
	for _, field := range mapOf(valueOf(schema, "properties")) {
		name, is := fmt.Sprint(field.Key), mapOf(field.Value)
		kind, link := typeName(is)
		s.Fields = append(s.Fields, shownField{name, kind, link, note(is), required[name]})
	}
	if len(s.Fields) == 0 && len(s.Base) == 0 {
		s.Text, _ = typeName(schema)
	}
	return s
}

var bounds = []string{"default", "minimum", "maximum", "minLength", "maxLength", "maxItems"}

// note is a field's description with its bounds.
func note(is yaml.MapSlice) string {
	parts := []string{textOf(is, "description")}
	for _, bound := range bounds {
		if v := valueOf(is, bound); v != nil {
			parts = append(parts, fmt.Sprintf("%s %v", bound, v))
		}
	}
	return strings.Trim(strings.Join(parts, " · "), " ·")
}

// typeName says what a schema takes, and which schema it names, if it names one.
func typeName(is yaml.MapSlice) (kind, link string) {
	if name := schemaName(is); name != "" {
		return name, name
	}
	if v := valueOf(is, "const"); v != nil {
		return fmt.Sprintf("%q", fmt.Sprint(v)), ""
	}
	if values := listOf(is, "enum"); values != nil {
		var words []string
		for _, v := range values {
			words = append(words, fmt.Sprint(v))
		}
		return strings.Join(words, " | "), ""
	}
	if choice := listOf(is, "anyOf"); len(choice) > 0 {
		kind, link = typeName(mapOf(choice[0]))
		return kind + " or null", link
	}
	if items := mapOf(valueOf(is, "items")); items != nil {
		kind, link = typeName(items)
		return "list of " + kind, link
	}
	if types, ok := valueOf(is, "type").([]any); ok && len(types) > 0 {
		return fmt.Sprint(types[0]) + " or null", ""
	}
	kind = textOf(is, "type")
	if format := textOf(is, "format"); format != "" {
		kind += ", " + format
	}
	if pattern := textOf(is, "pattern"); pattern != "" {
		kind += " " + pattern
	}
	return kind, ""
}

func schemaName(is yaml.MapSlice) string {
	name, _ := strings.CutPrefix(textOf(is, "$ref"), "#/components/schemas/")
	return name
}

func valueOf(m yaml.MapSlice, key string) any {
	for _, item := range m {
		if item.Key == key {
			return item.Value
		}
	}
	return nil
}

func textOf(m yaml.MapSlice, key string) string {
	text, _ := valueOf(m, key).(string)
	return text
}

func listOf(m yaml.MapSlice, key string) []any {
	list, _ := valueOf(m, key).([]any)
	return list
}

func mapOf(v any) yaml.MapSlice {
	m, _ := v.(yaml.MapSlice)
	return m
}

func indented(text []byte) string {
	var b bytes.Buffer
	if json.Indent(&b, text, "", "  ") != nil {
		return string(text)
	}
	return strings.TrimSpace(b.String())
}
