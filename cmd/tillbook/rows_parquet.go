package main

import (
	"cmp"
	"fmt"
	"io"
	"math/big"
	"slices"
	"strconv"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/shopspring/decimal"
)

// parquetRows writes Parquet (github.com/apache/parquet-format), compressed by Snappy. Every column
// is optional, and of a type that tools know without being told:
//
//	text     BYTE_ARRAY (STRING), by a dictionary as long as that is small
//	integer  INT64 (INT(64, signed))
//	amount   FIXED_LEN_BYTE_ARRAY(16) (DECIMAL(38, 4)): every unit's amounts are exact in it
//	instant  INT64 (TIMESTAMP(MICROS, UTC)); the ledger knows no finer ones
//	date     INT32 (DATE)
//	number   DOUBLE
//	boolean  BOOLEAN
//	json     BYTE_ARRAY (JSON)
//
// A cell that does not fit its column is an error: nothing is rounded.
type parquetRows struct {
	out     *parquet.GenericWriter[any]
	columns []rowColumn
	row     parquet.Row
	rows    int // of the row group that is being filled
	bytes   int // of text in it
}

// What a row group holds at most, which is what a writer keeps in memory: rows, and bytes of text.
// Beyond dictionaryBytes a column's texts are written plainly.
const (
	groupRows       = 100_000
	groupBytes      = 32 << 20
	dictionaryBytes = 1 << 20
)

const decimalDigits = 38

func newParquetRows(out io.Writer, columns []rowColumn) (*parquetRows, error) {
	group := columnGroup{Group: parquet.Group{}, columns: columns}
	for _, c := range columns {
		group.Group[c.Name] = parquet.Optional(nodeOf(c.Kind))
	}
	if len(group.Group) != len(columns) {
		return nil, fmt.Errorf("two of the columns %v have one name", columns)
	}
	w := parquet.NewGenericWriter[any](out, parquet.NewSchema("rows", group),
		parquet.Compression(&parquet.Snappy), parquet.DictionaryMaxBytes(dictionaryBytes),
		parquet.CreatedBy("tillbook", "1", "0"))
	return &parquetRows{out: w, columns: columns, row: make(parquet.Row, len(columns))}, nil
}

// columnGroup is a group whose fields keep the columns' order: the library's own sorts them by
// name.
type columnGroup struct {
	parquet.Group
	columns []rowColumn
}

// Fields are the columns, in their order.
func (g columnGroup) Fields() []parquet.Field {
	at := map[string]int{}
	for i, c := range g.columns {
		at[c.Name] = i
	}
	fields := g.Group.Fields()
	slices.SortFunc(fields, func(a, b parquet.Field) int {
		return cmp.Compare(at[a.Name()], at[b.Name()])
	})
	return fields
}

func nodeOf(k kind) parquet.Node {
	switch k {
	case asInteger:
		return parquet.Int(64)
	case asAmount:
		return parquet.Decimal(amountScale, decimalDigits, parquet.FixedLenByteArrayType(16))
	case asInstant:
		return parquet.Timestamp(parquet.Microsecond)
	case asDate:
		return parquet.Date()
	case asNumber:
		return parquet.Leaf(parquet.DoubleType)
	case asBoolean:
		return parquet.Leaf(parquet.BooleanType)
	case asJSON:
		return parquet.JSON()
	}
	return parquet.Encoded(parquet.String(), &parquet.RLEDictionary)
}

func (w *parquetRows) write(row []cell) error {
	for i, c := range row {
		value, defined := parquet.NullValue(), 0
		if c.Valid {
			var err error
			if value, err = parquetValue(w.columns[i].Kind, c.String); err != nil {
				return fmt.Errorf("column %s: %w", w.columns[i].Name, err)
			}
			defined = 1
			w.bytes += len(c.String)
		}
		w.row[i] = value.Level(0, defined, i)
	}
	if _, err := w.out.WriteRows([]parquet.Row{w.row}); err != nil {
		return err
	}
	if w.rows++; w.rows < groupRows && w.bytes < groupBytes {
		return nil
	}
	w.rows, w.bytes = 0, 0
	return w.out.Flush()
}

func (w *parquetRows) end() error { return w.out.Close() }

func parquetValue(k kind, s string) (parquet.Value, error) {
	switch k {
	case asInteger:
		n, err := strconv.ParseInt(s, 10, 64)
		return parquet.Int64Value(n), err
	case asAmount:
		b, err := decimalBytes(s)
		return parquet.FixedLenByteArrayValue(b), err
	case asInstant:
		t, err := time.Parse(time.RFC3339Nano, s)
		if err == nil && t.Nanosecond()%1000 != 0 {
			err = fmt.Errorf("%s is finer than a microsecond", s)
		}
		return parquet.Int64Value(t.UnixMicro()), err
	case asDate:
		t, err := time.Parse(time.DateOnly, s)
		return parquet.Int32Value(int32(t.Unix() / 86400)), err
	case asNumber:
		n, err := strconv.ParseFloat(s, 64)
		return parquet.DoubleValue(n), err
	case asBoolean:
		yes, err := strconv.ParseBool(s)
		return parquet.BooleanValue(yes), err
	}
	return parquet.ByteArrayValue([]byte(s)), nil
}

// decimalBytes is an amount in steps of 10^-amountScale, big-endian, in two's complement.
func decimalBytes(s string) ([]byte, error) {
	d, err := decimal.NewFromString(s)
	if err != nil {
		return nil, err
	}
	d = d.Shift(amountScale)
	if d.Exponent() > decimalDigits || !d.IsInteger() || d.NumDigits() > 2*decimalDigits ||
		len(new(big.Int).Abs(d.BigInt()).String()) > decimalDigits {
		return nil, fmt.Errorf("%.40s does not fit DECIMAL(%d, %d)", s, decimalDigits, amountScale)
	}
	n := d.BigInt()
	if n.Sign() < 0 {
		n.Add(n, new(big.Int).Lsh(big.NewInt(1), 128))
	}
	return n.FillBytes(make([]byte, 16)), nil
}
