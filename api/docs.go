package api

import (
	"bytes"
	"cmp"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/gofiber/fiber/v2"
	"github.com/yuin/goldmark"

	"github.com/tillbook/tillbook/domain"
)

//go:embed openapi/*.yaml
var specParts embed.FS

//go:embed pages/*
var pages embed.FS

// spec is openapi.yaml: its parts in the order of their names.
var spec = func() []byte {
	var whole []byte
	names, _ := fs.Glob(specParts, "openapi/*.yaml")
	for _, name := range names {
		part, err := specParts.ReadFile(name)
		if err != nil {
			panic(err) // it is part of the binary
		}
		whole = append(whole, part...)
	}
	return whole
}()

func openAPI(c *call) error {
	o := c.out()
	o.b = append(o.b, spec...)
	c.send(fiber.StatusOK, "application/yaml", o)
	return nil
}

// document is the part of openapi.yaml that the page shows.
type document struct {
	Info struct {
		Summary, Description string
	}
	Tags  []struct{ Name, Description string }
	Paths map[string]struct {
		Parameters                    []parameter
		Get, Put, Post, Delete, Patch *operationDoc
	}
	Components struct {
		Parameters map[string]parameter
		Responses  map[string]responseDoc
		Schemas    yaml.MapSlice
	}
}

type operationDoc struct {
	OperationID string `yaml:"operationId"`
	Tags        []string
	Summary     string
	Description string
	Parameters  []parameter
	RequestBody *struct {
		Required bool
		Content  map[string]mediaDoc
	} `yaml:"requestBody"`
	Responses map[string]responseDoc
}

type parameter struct {
	Ref         string `yaml:"$ref"`
	Name, In    string
	Required    bool
	Description string
	Schema      yaml.MapSlice
}

type mediaDoc struct {
	Schema  yaml.MapSlice
	Example any
}

type responseDoc struct {
	Ref         string `yaml:"$ref"`
	Description string
	Content     map[string]mediaDoc
}

// docs is openapi.yaml as a page, with the roles of every route and the table of codes.
func docs(c *call) error {
	page, err := c.s.docsPage()
	if err != nil {
		return err
	}
	return c.page(page)
}

func (c *call) page(text []byte) error {
	o := c.out()
	o.b = append(o.b, text...)
	c.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	c.send(fiber.StatusOK, "text/html; charset=utf-8", o)
	return nil
}

var templates = template.Must(template.New("").Funcs(template.FuncMap{"markdown": markdown}).
	ParseFS(pages, "pages/*.html"))

// markdown is a description of the embedded OpenAPI, which is Markdown, as HTML.
func markdown(text string) (template.HTML, error) {
	var page bytes.Buffer
	err := goldmark.Convert([]byte(text), &page)
	return template.HTML(page.String()), err // of our own text; goldmark lets no HTML through
}

func docsPage(routes []*route) ([]byte, error) {
	var d document
	if err := yaml.UnmarshalWithOptions(spec, &d, yaml.UseOrderedMap()); err != nil {
		return nil, fmt.Errorf("read openapi.yaml: %w", err)
	}
	css, err := pages.ReadFile("pages/style.css")
	if err != nil {
		return nil, err
	}
	var page bytes.Buffer
	err = templates.ExecuteTemplate(&page, "docs.html", map[string]any{
		"Style": template.CSS(css), "Info": d.Info, "Tags": d.byTag(routes),
		"Schemas": d.schemas(), "Codes": codeRows(), "Roles": domain.Roles,
		"Matrix": Matrix(routesOf(routes)),
	})
	return page.Bytes(), err
}

// tagged is a tag with its routes, as the page shows them.
type tagged struct {
	Name, Description string
	Routes            []shown
}

type shown struct {
	Method, Path string
	Roles        []domain.Role
	Public       bool
	Doc          *operationDoc
	Parameters   []parameter
	Body         []shownBody
	Answers      []shownBody
}

// shownBody is a request or an answer: its schema's name, and an example.
type shownBody struct{ Title, Media, Schema, Example string }

func (d document) byTag(routes []*route) []tagged {
	var tags []tagged
	for _, t := range d.Tags {
		group := tagged{Name: t.Name, Description: t.Description}
		for _, r := range routes {
			doc := d.operation(r)
			if doc != nil && slices.Contains(doc.Tags, t.Name) {
				group.Routes = append(group.Routes, d.show(r, doc))
			}
		}
		tags = append(tags, group)
	}
	return tags
}

// operation is what the document says of a route; nil where it says nothing.
func (d document) operation(r *route) *operationDoc {
	p := d.Paths[r.path]
	return map[string]*operationDoc{
		"GET": p.Get, "PUT": p.Put, "POST": p.Post, "DELETE": p.Delete, "PATCH": p.Patch,
	}[r.method]
}

func (d document) show(r *route, doc *operationDoc) shown {
	v := shown{Method: r.method, Path: r.path, Roles: r.roles, Public: r.public, Doc: doc}
	for _, p := range slices.Concat(d.Paths[r.path].Parameters, doc.Parameters) {
		if name, ok := strings.CutPrefix(p.Ref, "#/components/parameters/"); ok {
			p = d.Components.Parameters[name]
		}
		v.Parameters = append(v.Parameters, p)
	}
	if doc.RequestBody != nil {
		v.Body = bodies("", doc.RequestBody.Content)
	}
	for status, answer := range doc.Responses {
		if status != "default" {
			v.Answers = append(v.Answers, bodies(status+" "+answer.Description, answer.Content)...)
		}
	}
	slices.SortFunc(v.Answers, func(a, b shownBody) int { return cmp.Compare(a.Title, b.Title) })
	return v
}

func bodies(title string, content map[string]mediaDoc) []shownBody {
	var shown []shownBody
	for media, m := range content {
		b := shownBody{Title: title, Media: media, Schema: schemaName(m.Schema)}
		if m.Example != nil {
			if text, err := yaml.MarshalWithOptions(m.Example, yaml.JSON()); err == nil {
				b.Example = indented(text)
			}
		}
		shown = append(shown, b)
	}
	slices.SortFunc(shown, func(a, b shownBody) int { return cmp.Compare(a.Media, b.Media) })
	return shown
}

// codeRow is a line of the table of codes.
type codeRow struct {
	Code      domain.Code
	Status    int
	Title     string
	Retryable bool
}

func codeRows() []codeRow {
	var rows []codeRow
	for code, class := range table {
		rows = append(rows, codeRow{code, class.status, class.title, class.retryable})
	}
	slices.SortFunc(rows, func(a, b codeRow) int {
		return cmp.Or(cmp.Compare(a.Status, b.Status), cmp.Compare(a.Code, b.Code))
	})
	return rows
}

// Matrix is the documented table of routes and roles.
func Matrix(routes []Route) [][]string {
	var rows [][]string
	for _, r := range routes {
		if r.Public {
			continue
		}
		row := []string{r.Method, r.Path}
		for _, role := range domain.Roles {
			mark := ""
			if slices.Contains(r.Roles, role) {
				mark = "●"
			}
			row = append(row, mark)
		}
		rows = append(rows, row)
	}
	return rows
}

// OpenAPI is openapi.yaml.
func OpenAPI() []byte { return bytes.Clone(spec) }

// Codes are all codes of problems, sorted.
func Codes() []domain.Code { return slices.Sorted(maps.Keys(table)) }
