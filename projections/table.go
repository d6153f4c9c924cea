package projections

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Table says how rows of a table are kept in memory while a batch is folded: rows are loaded
// together, changed in memory, and each touched one is written once. Nothing else writes the table.
// K is the key, R the row; both as Go has them.
type Table[K comparable, R any] struct {
	Name    string
	Columns []string                                       // the key's first
	Keys    func(K) []any                                  // the key's columns
	Values  func(*R) []any                                 // the other columns
	Scan    func(row func(...any) error, k *K, r *R) error // reads all columns
}

// Rows are the rows of a Table that a Tx has in memory.
type Rows[K comparable, R any] struct {
	table  *Table[K, R]
	tx     *Tx
	rows   map[K]*R // nil where the table has no such row
	wanted []K
	dirty  []K
	marked map[K]bool
}

// In are the table's rows in tx.
func (t *Table[K, R]) In(tx *Tx) *Rows[K, R] {
	if r, ok := tx.caches[t.Name].(*Rows[K, R]); ok {
		return r
	}
	r := &Rows[K, R]{table: t, tx: tx, rows: map[K]*R{}, marked: map[K]bool{}}
	tx.caches[t.Name] = r
	return r
}

// Add puts a new row where there is none.
func (r *Rows[K, R]) Add(k K, row R) {
	r.rows[k] = &row
	r.mark(k)
}

// Want says that a row will be asked for. Load brings all wanted rows at once.
func (r *Rows[K, R]) Want(k K) {
	if _, ok := r.rows[k]; !ok {
		r.rows[k] = nil
		if !r.tx.fresh {
			r.wanted = append(r.wanted, k)
		}
	}
}

// Row is a wanted or added row, to be read; nil where there is none.
func (r *Rows[K, R]) Row(k K) *R { return r.rows[k] }

// Change is Row, to be changed in place.
func (r *Rows[K, R]) Change(k K) *R {
	row := r.rows[k]
	if row != nil {
		r.mark(k)
	}
	return row
}

func (r *Rows[K, R]) mark(k K) {
	if !r.marked[k] {
		r.marked[k] = true
		r.dirty = append(r.dirty, k)
	}
}

// loadRows are the keys of one query, writeRows the rows of one statement: few sizes, so that few
// statements are prepared, and large ones, as each costs more than its rows.
var (
	loadRows  = []int{128, 16, 1}
	writeRows = []int{64, 8, 1}
)

// Load reads the wanted rows.
func (r *Rows[K, R]) Load(ctx context.Context) error {
	for wanted := r.wanted; len(wanted) > 0; {
		n := fitting(loadRows, len(wanted))
		if err := r.load(ctx, wanted[:n]); err != nil {
			return fmt.Errorf("load %s: %w", r.table.Name, err)
		}
		wanted = wanted[n:]
	}
	r.wanted = r.wanted[:0]
	return nil
}

func (r *Rows[K, R]) load(ctx context.Context, keys []K) error {
	t := r.table
	var args []any
	for _, k := range keys {
		args = append(args, t.Keys(k)...)
	}
	width := len(args) / len(keys)
	key := strings.Join(t.Columns[:width], ", ")
	rows, err := r.tx.Query(ctx, r.tx.database.lookUp(t.Name, strings.Join(t.Columns, ", "), key,
		tuples(width, len(keys))), args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var k K
		row := new(R)
		if err := t.Scan(rows.Scan, &k, row); err != nil {
			return err
		}
		r.rows[k] = row
	}
	return rows.Err()
}

// Write writes the rows that were added or changed. In a rebuild it may leave them in memory, where
// later batches change them again.
func (r *Rows[K, R]) Write(ctx context.Context) error {
	if r.tx.lazy {
		return nil
	}
	return r.flush(ctx)
}

// flush writes the touched rows in the order of their keys: those of many batches, in any order, would
// have SQLite look for a page of the table for each.
func (r *Rows[K, R]) flush(ctx context.Context) error {
	if r.tx.lazy {
		r.sort()
	}
	for dirty := r.dirty; len(dirty) > 0; {
		n := fitting(writeRows, len(dirty))
		if err := r.write(ctx, dirty[:n]); err != nil {
			return fmt.Errorf("write %s: %w", r.table.Name, err)
		}
		dirty = dirty[n:]
	}
	r.dirty = r.dirty[:0]
	clear(r.marked)
	return nil
}

func (r *Rows[K, R]) sort() {
	order := make(map[K]string, len(r.dirty))
	for _, k := range r.dirty {
		var text []byte
		for _, column := range r.table.Keys(k) {
			text = append(fmt.Append(text, column), 0)
		}
		order[k] = string(text)
	}
	slices.SortFunc(r.dirty, func(a, b K) int { return strings.Compare(order[a], order[b]) })
}

func (r *Rows[K, R]) write(ctx context.Context, keys []K) error {
	t := r.table
	args := make([]any, 0, len(keys)*len(t.Columns))
	for _, k := range keys {
		args = append(args, t.Keys(k)...)
		args = append(args, t.Values(r.rows[k])...)
	}
	return r.tx.Exec(ctx, r.tx.insert(t.Name, t.Columns, len(t.Keys(keys[0])), len(keys)), args...)
}

// replacing lets an insert write over the row that has its key, which is the first columns.
func replacing(columns []string, key int) string {
	text := "ON CONFLICT (" + strings.Join(columns[:key], ", ") + ") DO "
	if key == len(columns) {
		return text + "NOTHING"
	}
	sets := make([]string, 0, len(columns)-key)
	for _, c := range columns[key:] {
		sets = append(sets, c+" = excluded."+c)
	}
	return text + "UPDATE SET " + strings.Join(sets, ", ")
}

func (r *Rows[K, R]) size() int { return len(r.rows) }

func (r *Rows[K, R]) clear() {
	clear(r.rows)
	clear(r.marked)
	r.wanted, r.dirty = r.wanted[:0], r.dirty[:0]
}

// fitting is the largest size that is at most n.
func fitting(sizes []int, n int) int {
	return sizes[slices.IndexFunc(sizes, func(size int) bool { return size <= n })]
}

// tuples is (?,?),(?,?) for n rows of a width.
func tuples(width, n int) string {
	one := "(" + strings.Repeat("?,", width-1) + "?)"
	return strings.Repeat(one+",", n-1) + one
}
