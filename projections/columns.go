package projections

import (
	"database/sql"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// What follows is how values stand in the tables. Quantities stand as their decimal text.

// timeForm is how instants stand in the tables: UTC, all nine digits, so that they sort as text.
const timeForm = "2006-01-02T15:04:05.000000000Z"

// NullTime is an instant as a table holds it, text that sorts by time; NULL for the zero one.
func NullTime(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format(timeForm)
}

// ReadTime is the instant that NullTime wrote; NULL is the zero one. An error says that it wrote none.
func ReadTime(text sql.NullString) (time.Time, error) {
	if !text.Valid {
		return time.Time{}, nil
	}
	t, err := time.Parse(timeForm, text.String)
	if err != nil {
		return time.Time{}, fmt.Errorf("%.40q is not an instant", text.String)
	}
	return t, nil
}

// Null is a text as a table holds it: NULL for the empty one.
func Null(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// NullID is an id as a table holds it: NULL for the zero one.
func NullID(id uuid.UUID) any {
	if id == (uuid.UUID{}) {
		return nil
	}
	return id.String()
}

// Flag is a yes or no as a table holds it: 1 or 0.
func Flag(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// ReadNames are the texts of a query that answers one column of them, and closes its rows. err is the
// query's own.
func ReadNames(rows *sql.Rows, err error) (all []string, _ error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		all = append(all, name)
	}
	return all, rows.Err()
}
