package api

import (
	"bytes"
	"html/template"
	"sync"

	"github.com/tillbook/tillbook/projections"
)

// tablesPage shows the tables of the read models, from the SQL that makes them.
var tablesPage = sync.OnceValues(func() ([]byte, error) {
	tables, err := projections.BuiltinTables()
	if err != nil {
		return nil, err
	}
	css, err := pages.ReadFile("pages/style.css")
	if err != nil {
		return nil, err
	}
	var page bytes.Buffer
	err = templates.ExecuteTemplate(&page, "tables.html", map[string]any{
		"Style": template.CSS(css), "Tables": tables,
	})
	return page.Bytes(), err
})

// docsTables is the read models' tables as a page.
func docsTables(c *call) error {
	page, err := tablesPage()
	if err != nil {
		return err
	}
	return c.page(page)
}
