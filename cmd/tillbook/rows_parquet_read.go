package main

import (
	"errors"
	"fmt"
	"io"
	"math/big"
	"os"
	"strconv"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/shopspring/decimal"
)

// parquetReader reads what parquetRows writes: amounts at the scale of their figures, instants with nine
// digits after the point.
type parquetReader struct {
	file    *os.File
	groups  []parquet.RowGroup // that are left
	rows    parquet.Rows       // of the group that is being read, nil between two
	columns []rowColumn
	buffer  []parquet.Row
	left    []parquet.Row // of buffer
	row     []cell
}

// parquetBatch is how many rows are read at once.
const parquetBatch = 64

func openParquet(file *os.File, columns []rowColumn) (*parquetReader, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	p, err := parquet.OpenFile(file, info.Size(), parquet.SkipBloomFilters(true), parquet.SkipPageIndex(true))
	if err == nil && len(p.Root().Columns()) != len(columns) {
		err = fmt.Errorf("it has %d columns, want %d", len(p.Root().Columns()), len(columns))
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &parquetReader{file: file, groups: p.RowGroups(), columns: columns,
		buffer: make([]parquet.Row, parquetBatch), row: make([]cell, len(columns))}, nil
}

func (r *parquetReader) next() ([]cell, error) {
	for len(r.left) == 0 {
		if err := r.read(); err != nil {
			return nil, err
		}
	}
	for _, v := range r.left[0] {
		i := v.Column()
		c, err := parquetCell(r.columns[i].Kind, v)
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", r.columns[i].Name, err)
		}
		r.row[i] = c
	}
	r.left = r.left[1:]
	return r.row, nil
}

// read reads some rows more, none where a group ends.
func (r *parquetReader) read() error {
	if r.rows == nil {
		if len(r.groups) == 0 {
			return io.EOF
		}
		r.rows, r.groups = r.groups[0].Rows(), r.groups[1:]
	}
	n, err := r.rows.ReadRows(r.buffer)
	r.left = r.buffer[:n]
	if errors.Is(err, io.EOF) {
		err, r.rows = r.rows.Close(), nil
	}
	return err
}

// Close closes the file.
func (r *parquetReader) Close() (err error) {
	if r.rows != nil {
		err = r.rows.Close()
	}
	return errors.Join(err, r.file.Close())
}

// parquetCell is the text of a value of parquetValue's.
func parquetCell(k kind, v parquet.Value) (cell, error) {
	if v.IsNull() {
		return cell{}, nil
	}
	switch k {
	case asInteger:
		return text(strconv.FormatInt(v.Int64(), 10)), nil
	case asAmount:
		n := new(big.Int).SetBytes(v.ByteArray())
		if n.Bit(127) == 1 {
			n.Sub(n, new(big.Int).Lsh(big.NewInt(1), 128))
		}
		return text(decimal.NewFromBigInt(n, -amountScale).String()), nil
	case asInstant:
		return instantCell(time.UnixMicro(v.Int64())), nil
	case asDate:
		return text(time.Unix(int64(v.Int32())*86400, 0).UTC().Format(time.DateOnly)), nil
	case asNumber:
		return text(strconv.FormatFloat(v.Double(), 'g', -1, 64)), nil
	case asBoolean:
		return text(strconv.FormatBool(v.Boolean())), nil
	}
	return text(string(v.ByteArray())), nil
}
