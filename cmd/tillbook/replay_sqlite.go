package main

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	_ "modernc.org/sqlite" // registers "sqlite"
)

// resultSQLite writes a result as the only table of a new database, "result": a partition a row, keyed
// by its name. Whole numbers of 64 bits are INTEGER, others REAL, which is exactly what a script's
// numbers are; columns of several kinds keep that of each cell.
func resultSQLite(file string, result *replayResult) (err error) {
	t, err := result.table()
	if err != nil {
		return err
	}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Opaque: url.PathEscape(file)}).String())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // nothing, once it is committed
	if _, err := tx.Exec(sqliteSchema(t)); err != nil {
		return err
	}
	insert, err := tx.Prepare("INSERT INTO result VALUES (?" +
		strings.Repeat(", ?", len(t.columns)-1) + ")")
	if err != nil {
		return err
	}
	defer insert.Close()
	for _, row := range t.rows {
		cells := make([]any, len(row))
		for i, cell := range row {
			if cells[i], err = sqliteCell(cell); err != nil {
				return err
			}
		}
		if _, err := insert.Exec(cells...); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// sqliteTypes are what columns hold.
var sqliteTypes = map[kind]string{asText: "TEXT", asInteger: "INTEGER", asNumber: "REAL",
	asBoolean: "INTEGER", asJSON: "TEXT", asMixed: "ANY"}

func sqliteSchema(t *resultTable) string {
	var b strings.Builder
	b.WriteString("CREATE TABLE result (")
	for i, c := range t.columns {
		name := strings.ReplaceAll(strings.ReplaceAll(c.Name, "\x00", ""), `"`, `""`)
		if i == 0 {
			fmt.Fprintf(&b, `"%s" TEXT PRIMARY KEY`, name)
			continue
		}
		fmt.Fprintf(&b, `, "%s" %s`, name, sqliteTypes[c.Kind])
	}
	return b.String() + ") STRICT"
}

// sqliteCell is a value as SQLite keeps it: true and false are 1 and 0, what is nested is text.
func sqliteCell(cell json.RawMessage) (any, error) {
	if cell == nil {
		return nil, nil
	}
	switch cellKind(cell) {
	case asBoolean:
		return cell[0] == 't', nil
	case asInteger:
		return json.Number(cell).Int64()
	case asNumber:
		return json.Number(cell).Float64()
	}
	return cellText(cell), nil
}
