package projections

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"strings"
)

// Tx is the transaction in which projections fold a batch. It belongs to one goroutine.
type Tx struct {
	database   *database
	conn       *sql.Conn
	statements map[string]*sql.Stmt // of Query
	writer     *writer
	inserts    map[insertion]string
	caches     map[string]cache // by table
	most       int              // rows to remember: cachedRows
	damage     []Damage
	fresh      bool // whatever row is not in memory is not there: the tables were empty when it began
	lazy       bool // rows are written when they are too many, and by flush; see builder.rebuild
}

// cache is what a Table remembers between batches.
type cache interface {
	size() int
	clear()
	flush(context.Context) error
}

// cachedRows bounds the rows that all tables together remember from one batch to the next.
const cachedRows = 400_000

func newTx(d *database, conn *sql.Conn) *Tx {
	return &Tx{database: d, conn: conn, statements: map[string]*sql.Stmt{}, writer: newWriter(conn),
		inserts: map[insertion]string{}, caches: map[string]cache{}, most: cachedRows}
}

// Exec runs a statement with parameters, which may be used again when it returns. It is prepared once, so
// queries are constants, or few. It may run later, but before the next Query and the transaction's end;
// if it fails, that does.
func (t *Tx) Exec(ctx context.Context, query string, args ...any) error {
	return t.writer.write(ctx, query, args)
}

// parameter is a value as drivers take it.
func parameter(arg any) (driver.Value, error) {
	switch arg := arg.(type) {
	case nil, string, int64:
		return arg, nil
	case int:
		return int64(arg), nil
	case bool:
		return int64(Flag(arg)), nil
	}
	return driver.DefaultParameterConverter.ConvertValue(arg)
}

// Insert adds n rows to a table, with few statements. row appends the values of one of them, from 0, as
// the columns have them. It is for rows that no event changes later; those that some do have a Table.
func (t *Tx) Insert(ctx context.Context, table string, columns []string, n int,
	row func(values []any, i int) []any) error {
	var values []any
	for from := 0; from < n; {
		size := fitting(writeRows, n-from)
		values = values[:0]
		for i := from; i < from+size; i++ {
			values = row(values, i)
		}
		if err := t.Exec(ctx, t.insert(table, columns, 0, size), values...); err != nil {
			return fmt.Errorf("insert into %s: %w", table, err)
		}
		from += size
	}
	return nil
}

// insert is the statement that inserts rows, over those that are there with their key, the first so many
// columns, if any.
func (t *Tx) insert(table string, columns []string, key, rows int) string {
	of := insertion{table, rows, key}
	text, ok := t.inserts[of]
	if !ok {
		text = fmt.Sprintf("INSERT INTO %s (%s) VALUES %s", table, strings.Join(columns, ", "),
			tuples(len(columns), rows))
		if key > 0 {
			text += " " + replacing(columns, key)
		}
		t.inserts[of] = text
	}
	return text
}

// insertion names a statement that inserts rows into a table.
type insertion struct {
	table     string
	rows, key int
}

// Query is Exec for statements that answer rows. It sees what was executed before.
func (t *Tx) Query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if err := t.writer.drain(); err != nil {
		return nil, err
	}
	s, err := t.prepared(ctx, query)
	if err != nil {
		return nil, err
	}
	return s.QueryContext(ctx, args...)
}

// Damaged reports an event that cannot be folded, and why. It is counted and listed with those that
// cannot be read; the log goes on.
func (t *Tx) Damaged(e Event, reason string) {
	t.damage = append(t.damage, Damage{e, reason})
}

func (t *Tx) prepared(ctx context.Context, query string) (*sql.Stmt, error) {
	if s, ok := t.statements[query]; ok {
		return s, nil
	}
	s, err := t.conn.PrepareContext(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("prepare %.60q: %w", query, err)
	}
	t.statements[query] = s
	return s, nil
}

// flush writes the rows that Write has left.
func (t *Tx) flush(ctx context.Context) error {
	for _, c := range t.caches {
		if err := c.flush(ctx); err != nil {
			return err
		}
	}
	return nil
}

// full reports that trim will forget.
func (t *Tx) full() bool {
	sum := 0
	for _, c := range t.caches {
		sum += c.size()
	}
	return sum > t.most
}

// trim forgets rows when there are too many. It is called between transactions.
func (t *Tx) trim() {
	if t.full() {
		t.forget()
	}
}

// forget forgets all rows: after a rollback they are not what the tables hold.
func (t *Tx) forget() {
	t.fresh = false
	for _, c := range t.caches {
		c.clear()
	}
}

func (t *Tx) close() {
	for _, s := range t.statements {
		s.Close() // the connection is closed next, which ends them all the same
	}
	t.writer.close()
}
