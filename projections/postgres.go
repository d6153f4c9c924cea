package projections

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// translating connects to PostgreSQL and translates SQL, which is written as SQLite has it.
type translating struct{ config *pgx.ConnConfig }

// Connect is a new connection.
func (t translating) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := stdlib.GetConnector(*t.config).Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &translated{conn.(*stdlib.Conn)}, nil
}

// Driver is pgx's.
func (translating) Driver() driver.Driver { return stdlib.GetDefaultDriver() }

type translated struct{ *stdlib.Conn }

func (t *translated) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	return t.Conn.PrepareContext(ctx, translate(query))
}

func (t *translated) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (
	driver.Result, error,
) {
	return t.Conn.ExecContext(ctx, translate(query), args)
}

func (t *translated) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (
	driver.Rows, error,
) {
	return t.Conn.QueryContext(ctx, translate(query), args)
}

// away says of an error that it is ErrAway, where it speaks of the connection to the server: it was not
// made or was lost (SQLSTATE 08), or the server is ending or has no room for another (57P, 53).
func away(err error) error {
	if err == nil {
		return nil
	}
	refused, _ := errors.AsType[*pgconn.PgError](err)
	_, connecting := errors.AsType[*pgconn.ConnectError](err)
	_, network := errors.AsType[*net.OpError](err)
	switch {
	case refused != nil && slices.ContainsFunc([]string{"08", "53", "57P"}, func(class string) bool {
		return strings.HasPrefix(refused.Code, class)
	}):
	case connecting, network, errors.Is(err, driver.ErrBadConn), errors.Is(err, sql.ErrConnDone),
		errors.Is(err, io.ErrUnexpectedEOF):
	default:
		return err
	}
	return fmt.Errorf("%w: %w", ErrAway, err)
}

// notified waits until conn is told something that it listens to.
func notified(ctx context.Context, conn *sql.Conn) error {
	return conn.Raw(func(c any) error {
		_, err := c.(*translated).Conn.Conn().WaitForNotification(ctx)
		return err
	})
}

// The beginnings of transactions. One that reads sees all tables as they are at one instant.
var beginnings = map[string]string{
	"BEGIN IMMEDIATE": "BEGIN",
	"BEGIN":           "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
}

// words are what SQLite and PostgreSQL call differently. Texts compare by their bytes, as SQLite's do.
var words = strings.NewReplacer(
	") STRICT, WITHOUT ROWID", ")",
	") STRICT", ")",
	" VIRTUAL\n", " STORED\n",
	" BLOB", " bytea",
	"INTEGER", "bigint",
	" TEXT", ` text COLLATE "C"`,
)

var casts = strings.NewReplacer("AS INTEGER)", "AS bigint)", "AS TEXT)", "AS text)")

var (
	comments = regexp.MustCompile(`--[^\n]*`)
	// fields are fields of JSON: column ->> '$.a.b'.
	fields = regexp.MustCompile(`([\w.]+) ->> '\$\.([\w.]+)'`)
)

// translate is a statement in PostgreSQL's SQL.
func translate(query string) string {
	if text, ok := beginnings[query]; ok {
		return text
	}
	if strings.Contains(query, "CREATE ") {
		query = words.Replace(comments.ReplaceAllString(query, ""))
	}
	query = casts.Replace(query)
	query = fields.ReplaceAllStringFunc(query, func(field string) string {
		parts := fields.FindStringSubmatch(field)
		return "json_field(" + parts[1] + ", '{" + strings.ReplaceAll(parts[2], ".", ",") + "}')"
	})
	return numbered(query)
}

// numbered gives ? and ?n outside of quotes PostgreSQL's names.
func numbered(query string) string {
	if !strings.Contains(query, "?") {
		return query
	}
	var b strings.Builder
	quoted, n := false, 0
	for i := 0; i < len(query); i++ {
		switch c := query[i]; {
		case c == '\'':
			quoted = !quoted
			b.WriteByte(c)
		case c != '?' || quoted:
			b.WriteByte(c)
		case i+1 < len(query) && '1' <= query[i+1] && query[i+1] <= '9':
			b.WriteByte('$') // its number follows
		default:
			n++
			b.WriteByte('$')
			b.WriteString(strconv.Itoa(n))
		}
	}
	return b.String()
}

// functions are SQLite's that PostgreSQL lacks, as far as they are used here.
const functions = `
CREATE FUNCTION json_each(doc text) RETURNS TABLE (key text, value text) LANGUAGE sql IMMUTABLE AS $$
	SELECT * FROM json_each_text(CASE json_typeof(doc::json) WHEN 'object' THEN doc::json ELSE '{}' END)
	UNION ALL SELECT NULL, v FROM json_array_elements_text(
		CASE json_typeof(doc::json) WHEN 'array' THEN doc::json ELSE '[]' END) v
$$;
CREATE FUNCTION json_field(doc text, path text[]) RETURNS text LANGUAGE sql IMMUTABLE AS
	$$ SELECT doc::json #>> path $$;
CREATE FUNCTION json_quote(doc text) RETURNS text LANGUAGE sql IMMUTABLE AS
	$$ SELECT coalesce(to_json(doc)::text, 'null') $$;
CREATE FUNCTION julianday(day text) RETURNS bigint LANGUAGE sql IMMUTABLE AS
	$$ SELECT extract(julian FROM day::date)::bigint $$;
`
