package api_test

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/tillbook/tillbook/api"
	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/projections"
)

// contract is openapi.yaml, parsed once for all tests.
type contract struct {
	document map[string]any
	mu       sync.Mutex
	compiler *jsonschema.Compiler
	schemas  map[string]*jsonschema.Schema
}

var openAPI = sync.OnceValue(func() *contract {
	text, err := yaml.YAMLToJSON(api.OpenAPI())
	if err != nil {
		panic(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		panic(err)
	}
	c := &contract{document: document.(map[string]any), compiler: jsonschema.NewCompiler(),
		schemas: map[string]*jsonschema.Schema{}}
	c.compiler.AssertFormat()
	if err := c.compiler.AddResource("openapi.json", document); err != nil {
		panic(err)
	}
	return c
})

// in is the value under keys, nil if there is none.
func in(value any, keys ...string) any {
	for _, key := range keys {
		m, _ := value.(map[string]any)
		value = m[key]
	}
	return value
}

// check validates a value against the schema at a pointer; closed, no other fields than those
// named.
func (c *contract) check(pointer string, closed bool, value any) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	name := fmt.Sprint(pointer, closed)
	if c.schemas[name] == nil {
		url := fmt.Sprintf("check-%d.json", len(c.schemas))
		wrapped := map[string]any{"$ref": "openapi.json#" + pointer}
		if closed {
			wrapped["unevaluatedProperties"] = false
		}
		if err := c.compiler.AddResource(url, wrapped); err != nil {
			return err
		}
		schema, err := c.compiler.Compile(url)
		if err != nil {
			return err
		}
		c.schemas[name] = schema
	}
	return c.schemas[name].Validate(value)
}

func pointer(keys ...string) string {
	escape := strings.NewReplacer("~", "~0", "/", "~1")
	for i, key := range keys {
		keys[i] = escape.Replace(key)
	}
	return "/" + strings.Join(keys, "/")
}

var variable = regexp.MustCompile(`\\\{[a-z_]+\\\}`)

// template is the path of the document that serves a path, "" if none does.
func (c *contract) template(path string) string {
	paths := in(c.document, "paths").(map[string]any)
	if _, exact := paths[path]; exact {
		return path
	}
	for template := range paths {
		pattern := "^" + variable.ReplaceAllString(regexp.QuoteMeta(template), "[^/]+") + "$"
		if regexp.MustCompile(pattern).MatchString(path) {
			return template
		}
	}
	return ""
}

// conforms checks an answer against what the document says of its route: every answer of every
// test.
func (a answer) conforms(method, path string) {
	a.t.Helper()
	kind, _, _ := strings.Cut(a.header.Get("Content-Type"), ";")
	if kind != "application/json" && kind != "application/problem+json" {
		return
	}
	c := openAPI()
	schema := pointer("components", "schemas", "Problem")
	if template := c.template(path); kind == "application/json" && template != "" {
		status := fmt.Sprint(a.status)
		responses := in(c.document, "paths", template, strings.ToLower(method), "responses")
		if in(responses, status) == nil && a.status == 200 {
			status = "201" // a dry run
		}
		if in(responses, status, "content", kind, "schema") == nil {
			a.t.Errorf("%s %s: %d %s is not documented", method, template, a.status, kind)
			return
		}
		schema = pointer("paths", template, strings.ToLower(method), "responses", status, "content", kind,
			"schema")
	} else if kind == "application/json" {
		return
	}
	body, err := jsonschema.UnmarshalJSON(strings.NewReader(a.text))
	if err == nil {
		err = c.check(schema, !strings.HasPrefix(a.text, "["), body)
	}
	if err != nil {
		a.t.Errorf("%s %s: %v: %s", method, path, err, a.text)
	}
}

// answersDocumented checks a request that was done against what the document says of it: every request of
// every test, but those whose items are answered one by one.
func (a answer) answersDocumented(req *http.Request) {
	a.t.Helper()
	c := openAPI()
	content := []string{"paths", c.template(req.URL.Path), strings.ToLower(req.Method), "requestBody",
		"content", "application/json", "schema"}
	byItem := req.URL.Path == "/v1/bulk" || req.URL.Path == "/v1/batches"
	if a.status >= 300 || req.ContentLength == 0 || byItem || in(c.document, content...) == nil {
		return
	}
	body, err := req.GetBody()
	if err != nil {
		a.t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(body)
	if err == nil {
		err = c.check(pointer(content...), !isList(value), value)
	}
	if err != nil {
		a.t.Errorf("%s %s was done, and is not documented so: %v", req.Method, req.URL.Path, err)
	}
}

// TestRoutesAreDocumented: routes = paths, with the same names, tags and parameters.
func TestRoutesAreDocumented(t *testing.T) {
	s := open(t)
	c := openAPI()
	documented := map[string]bool{}
	for path, item := range in(c.document, "paths").(map[string]any) {
		for method := range item.(map[string]any) {
			if method != "parameters" {
				documented[strings.ToUpper(method)+" "+path] = true
			}
		}
	}
	for _, r := range s.Routes() {
		name := r.Method + " " + r.Path
		if !documented[name] {
			t.Errorf("%s is not documented", name)
		}
		delete(documented, name)
		operation := in(c.document, "paths", r.Path, strings.ToLower(r.Method))
		if id := in(operation, "operationId"); id != r.ID {
			t.Errorf("%s: got operationId %v, want %s", name, id, r.ID)
		}
		if got, want := queryOf(c, operation), slices.Sorted(slices.Values(r.Query)); !slices.Equal(got, want) {
			t.Errorf("%s: got parameters %v, want %v", name, got, want)
		}
	}
	for name := range documented {
		t.Errorf("%s is documented and not served", name)
	}
}

func queryOf(c *contract, operation any) []string {
	var names []string
	list, _ := in(operation, "parameters").([]any)
	for _, p := range list {
		if ref, ok := in(p, "$ref").(string); ok {
			p = in(c.document, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)
		}
		if in(p, "in") == "query" {
			names = append(names, in(p, "name").(string))
		}
	}
	slices.Sort(names)
	return names
}

// TestCodes: the enum = the table, and every refusal of the domain is in it.
func TestCodes(t *testing.T) {
	enum := map[string]bool{}
	for _, code := range in(openAPI().document, "components", "schemas", "Problem", "properties", "code",
		"enum").([]any) {
		enum[code.(string)] = true
	}
	for _, code := range api.Codes() {
		if !enum[string(code)] {
			t.Errorf("%s is not documented", code)
		}
		delete(enum, string(code))
	}
	for code := range enum {
		t.Errorf("%s is documented and not in the table", code)
	}
}

// TestExamples validates every example of the document against its schema.
func TestExamples(t *testing.T) {
	c := openAPI()
	var examples int
	var walk func(value any, path []string)
	walk = func(value any, path []string) {
		switch value := value.(type) {
		case map[string]any:
			if example := value["example"]; example != nil && value["schema"] != nil {
				examples++
				at := pointer(append(slices.Clone(path), "schema")...)
				if err := c.check(at, !isList(example), example); err != nil {
					t.Errorf("%s: %v", at, err)
				}
			}
			for _, key := range slices.Sorted(maps.Keys(value)) {
				walk(value[key], append(slices.Clone(path), key))
			}
		case []any:
			for i, item := range value {
				walk(item, append(slices.Clone(path), fmt.Sprint(i)))
			}
		}
	}
	walk(c.document, nil)
	if examples < 20 {
		t.Errorf("got %d examples", examples)
	}
}

func isList(v any) bool { _, list := v.([]any); return list }

// TestPages: the pages need nothing from anywhere else, and name every route, code and event.
func TestPages(t *testing.T) {
	s := open(t)
	docs := s.get("/docs").is(200).text
	for _, r := range s.Routes() {
		if !strings.Contains(docs, `id="`+r.ID+`"`) {
			t.Errorf("/docs does not show %s", r.ID)
		}
	}
	for _, code := range api.Codes() {
		if !strings.Contains(docs, `id="`+string(code)+`"`) {
			t.Errorf("/docs does not explain %s", code)
		}
	}
	events := s.get("/docs/events").is(200).text
	for _, name := range domain.EventTypes() {
		section := events[strings.Index(events, `id="`+name+`"`):]
		if !strings.Contains(section[:strings.Index(section, "</section>")], `class="sum">`) ||
			strings.Contains(section[:200], `class="sum"></p>`) {
			t.Errorf("/docs/events does not say what %s means", name)
		}
	}
	tables := s.get("/docs/tables").is(200).text
	all, err := projections.BuiltinTables()
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range all {
		if !strings.Contains(tables, `id="`+table.Name+`"`) {
			t.Errorf("/docs/tables does not show %s", table.Name)
		}
	}
	for _, page := range []string{docs, events, tables} {
		if regexp.MustCompile(`(src|href)="(https?:)?//`).MatchString(page) {
			t.Error("a page needs something from elsewhere")
		}
	}
	if text := s.get("/openapi.yaml").is(200).text; text != string(api.OpenAPI()) {
		t.Error("/openapi.yaml is not the document")
	}
}
