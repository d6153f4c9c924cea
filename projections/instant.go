package projections

import (
	"database/sql"
	"fmt"
	"time"
)

// instantForm is how instants stand in the tables: UTC, all nine digits, so that they sort as text.
const instantForm = "2006-01-02T15:04:05.000000000Z"

// instant is t as a table holds it, NULL for none.
func instant(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format(instantForm)
}

// readInstant is what instant wrote; NULL is the zero time.
func readInstant(text sql.NullString) (time.Time, error) {
	if !text.Valid {
		return time.Time{}, nil
	}
	t, err := time.Parse(instantForm, text.String)
	if err != nil {
		return time.Time{}, fmt.Errorf("%.40q is not an instant", text.String)
	}
	return t, nil
}
