package projections

import (
	"context"
	"database/sql"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Described is a table or a view as who asks it in SQL sees it. All of it comes from the SQL that makes
// it: the comment behind CREATE says what a row is, the comment behind a column what it means. A view
// says what its own columns mean in lines such as
//
//	CREATE VIEW counts AS -- one row a kind
//	-- kind TEXT KEY: of the visit
//	-- count INTEGER NOT NULL: of all
//	SELECT kind, count(*) AS count FROM visits GROUP BY kind;
//
// of which KEY are the columns that name a row; without any it is position,
// and has the meanings of the rest from the tables that it reads. Columns that are the same in every
// table, such as account_id, need no comment: see everywhere.
type Described struct {
	Name       string `json:"name"`
	Projection string `json:"projection"` // whose it is; empty: of the file itself
	View       bool   `json:"view"`
	Meaning    string `json:"meaning"`
	// Facts says that a row never changes, and has the position of the event that made it.
	Facts   bool              `json:"facts"`
	Columns []DescribedColumn `json:"columns"`
}

// DescribedColumn is a column.
type DescribedColumn struct {
	Name    string `json:"name"`
	Type    string `json:"type"` // SQLite's; INTEGER is bigint on PostgreSQL
	Key     bool   `json:"key"`  // part of what names a row: of a table, the primary key
	Null    bool   `json:"null"` // may be NULL
	Meaning string `json:"meaning"`
}

// facts are the tables and views whose rows never change.
var facts = []string{"audit", "history", "interactions", "points", "settlement"}

// Keys are the columns that name a row, by which Whole has the rows in order.
func (t Described) Keys() (keys []string) {
	for _, c := range t.Columns {
		if c.Key {
			keys = append(keys, c.Name)
		}
	}
	return keys
}

// everywhere are the columns that mean the same wherever they stand without a comment.
var everywhere = map[string]string{
	"account_id":    "id of the account",
	"amount":        "at the unit's scale",
	"business_date": "YYYY-MM-DD, as the store's day cut has it",
	"campaign":      "id of the campaign",
	"channel":       "through which it came: pos, app, …",
	"checkout_id":   "id of the checkout",
	"coupon_id":     "id of the coupon",
	"event_id":      "the event's UUID",
	"id":            "UUID",
	"leg":           "the caller's number of a part of the sale",
	"occurred_at":   "when it happened",
	"operation_id":  "id of the operation: the event_id of its first business event",
	"operator":      "who stood at the till, as the caller says",
	"pos_txn_id":    "the caller's own number of the sale",
	"position":      "the event's place in the log",
	"recorded_at":   "when the ledger recorded it",
	"revision":      "the event's number in its stream, from 0",
	"shift":         "the shift, as the caller named it",
	"store":         "id of the store",
	"stream":        "the event's stream, such as account-<uuid>",
	"terminal":      "the till of the store",
	"type":          "the event's stored name, such as DebitPosted",
	"unit":          "the unit's code, such as CNY",
}

// BuiltinTables are the tables of Builtin.
var BuiltinTables = sync.OnceValues(func() ([]Described, error) { return Describe(Builtin()) })

// Describe says what tables and views projections have, those of the file itself last, and each as
// SQLite made it.
func Describe(all []Projection) ([]Described, error) {
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		return nil, err
	}
	defer db.Close()
	db.SetMaxOpenConns(1) // each connection has a memory of its own
	d := describer{db: db, known: map[string]*Described{}}
	for _, p := range all {
		if err := d.add(p.Name(), p.Tables()); err != nil {
			return nil, fmt.Errorf("%s: %w", p.Name(), err)
		}
	}
	if err := d.add("", ownTables); err != nil {
		return nil, err
	}
	return d.all, nil
}

type describer struct {
	db    *sql.DB
	all   []Described
	known map[string]*Described
}

// add makes what a projection has, and describes it.
func (d *describer) add(projection, tables string) error {
	ctx := context.Background()
	if _, err := d.db.ExecContext(ctx, tables); err != nil {
		return err
	}
	rows, err := d.db.QueryContext(ctx,
		"SELECT name, type = 'view', sql FROM sqlite_schema WHERE type IN ('table', 'view') ORDER BY rowid")
	if err != nil {
		return err
	}
	made, err := scanMade(rows)
	for _, m := range made {
		if err == nil && d.known[m.table.Name] == nil {
			m.table.Projection = projection
			err = d.describe(ctx, m)
		}
	}
	return err
}

// made is a table and the SQL that made it.
type made struct {
	table Described
	sql   string
}

func scanMade(rows *sql.Rows) (all []made, err error) {
	defer rows.Close()
	for rows.Next() {
		var m made
		if err := rows.Scan(&m.table.Name, &m.table.View, &m.sql); err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	return all, rows.Err()
}

func (d *describer) describe(ctx context.Context, m made) error {
	rows, err := d.db.QueryContext(ctx,
		`SELECT name, type, pk > 0, "notnull" = 0 AND pk = 0 FROM pragma_table_xinfo(?)`, m.table.Name)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var c DescribedColumn
		if err := rows.Scan(&c.Name, &c.Type, &c.Key, &c.Null); err != nil {
			return err
		}
		m.table.Columns = append(m.table.Columns, c)
	}
	m.explain()
	for i := range m.table.Columns {
		c := &m.table.Columns[i]
		if m.table.View {
			d.inherit(c, m.sql)
		}
		if c.Meaning == "" {
			c.Meaning = everywhere[c.Name]
		}
	}
	if at := m.column("position"); m.table.View && at != nil && len(m.table.Keys()) == 0 {
		at.Key = true
	}
	m.table.Facts = slices.Contains(facts, m.table.Name)
	d.all = append(d.all, m.table)
	d.known[m.table.Name] = &m.table
	return rows.Err()
}

// explain gives the comments of the SQL to what they are about.
func (m *made) explain() {
	about := &m.table.Meaning
	for line := range strings.Lines(m.sql) {
		code, comment, _ := strings.Cut(line, "--")
		comment = strings.TrimSpace(comment)
		word, _, _ := strings.Cut(strings.TrimSpace(code), " ")
		if m.table.View && word == "" {
			word, comment = m.declare(comment)
		}
		switch c := m.column(word); {
		case c != nil:
			about = &c.Meaning
		case m.table.View && word != "CREATE" && code != "":
			return // what stands in the query is about the query
		}
		*about = strings.TrimSpace(*about + " " + comment)
	}
}

// declare reads a view's comment: "name TYPE NOT NULL: meaning" is about the column of that name.
func (m *made) declare(comment string) (name, meaning string) {
	declared, meaning, _ := strings.Cut(comment, ": ")
	words := strings.Fields(declared)
	if len(words) < 2 || m.column(words[0]) == nil {
		return "", comment
	}
	c := m.column(words[0])
	c.Type, c.Null, c.Key = words[1], len(words) == 2, words[len(words)-1] == "KEY"
	return c.Name, meaning
}

func (m *made) column(name string) *DescribedColumn {
	i := slices.IndexFunc(m.table.Columns, func(c DescribedColumn) bool { return c.Name == name })
	if i < 0 {
		return nil
	}
	return &m.table.Columns[i]
}

var reads = regexp.MustCompile(`\bFROM (\w+)`)

// inherit completes a view's column by that of the same name of a table that it reads.
func (d *describer) inherit(c *DescribedColumn, view string) {
	if c.Meaning != "" {
		return
	}
	for _, from := range reads.FindAllStringSubmatch(view, -1) {
		of := d.known[from[1]]
		if of == nil {
			continue
		}
		i := slices.IndexFunc(of.Columns, func(o DescribedColumn) bool { return o.Name == c.Name })
		if i >= 0 {
			c.Meaning, c.Type, c.Null = of.Columns[i].Meaning, of.Columns[i].Type, of.Columns[i].Null
			return
		}
	}
}
