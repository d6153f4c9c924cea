package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
)

// parquetFile is what read.mjs says of a file.
type parquetFile struct {
	Columns []struct {
		Name, Type, Logical, Codec string
		Encodings                  []string
	}
	Rows   int
	Groups int
	cells  [][]*string
}

// readParquet reads a file by hyparquet, which shares nothing with the library that writes.
func readParquet(t *testing.T, name string) parquetFile {
	t.Helper()
	folder := filepath.Join("testdata", "parquet")
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("skipped: this machine has no node")
	}
	if _, err := os.Stat(filepath.Join(folder, "node_modules")); err != nil {
		t.Skip("skipped: npm ci --ignore-scripts --prefix cmd/tillbook/testdata/parquet was not run")
	}
	reader := exec.CommandContext(t.Context(), "node", filepath.Join(folder, "read.mjs"), name)
	var complaints bytes.Buffer
	reader.Stderr = &complaints
	out, err := reader.Output()
	if err != nil {
		t.Fatalf("read.mjs %s: %v\n%s", name, err, complaints.Bytes())
	}
	var file parquetFile
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		if file.Columns == nil {
			err = json.Unmarshal(lines.Bytes(), &file)
		} else {
			var row []*string
			err = json.Unmarshal(lines.Bytes(), &row)
			file.cells = append(file.cells, row)
		}
		if err != nil {
			t.Fatalf("read.mjs %s: got %v of %s, want JSON", name, err, lines.Bytes())
		}
	}
	return file
}

// sameParquet demands that another implementation finds the columns and every cell.
func sameParquet(t *testing.T, name string, columns []rowColumn, rows [][]cell) {
	t.Helper()
	file := readParquet(t, name)
	if len(file.Columns) != len(columns) || file.Rows != len(rows) || len(file.cells) != len(rows) {
		t.Fatalf("%s: got %d columns, %d rows (said to be %d), want %d and %d", name,
			len(file.Columns), len(file.cells), file.Rows, len(columns), len(rows))
	}
	for i, c := range columns {
		got := file.Columns[i]
		if got.Name != c.Name || got.Type != parquetTypes[c.Kind][0]+" OPTIONAL" ||
			got.Logical != parquetTypes[c.Kind][1] || got.Codec != "SNAPPY" && len(rows) > 0 {
			t.Errorf("%s, column %d: got %+v, want %s of %v", name, i, got, c.Name, parquetTypes[c.Kind])
		}
		dictionary := slices.Contains(got.Encodings, "RLE_DICTIONARY")
		if len(rows) > 0 && dictionary != (c.Kind == asText) {
			t.Errorf("%s, column %s: got %v, want a dictionary of texts alone", name, c.Name, got.Encodings)
		}
	}
	for i, row := range file.cells {
		for n, got := range row {
			want, is := parquetText(t, columns[n].Kind, rows[i][n]), cell{}
			if got != nil {
				is = text(*got)
			}
			if is != want {
				t.Fatalf("%s, row %d, column %s: got %v, want %v", name, i, columns[n].Name, is, want)
			}
		}
	}
}

// parquetTypes are how read.mjs names a kind's physical and logical type.
var parquetTypes = map[kind][2]string{
	asText:    {"BYTE_ARRAY", `{"type":"STRING"}`},
	asInteger: {"INT64", `{"type":"INTEGER","bitWidth":64,"isSigned":true}`},
	asAmount:  {"FIXED_LEN_BYTE_ARRAY 16", `{"type":"DECIMAL","scale":4,"precision":38}`},
	asInstant: {"INT64", `{"type":"TIMESTAMP","isAdjustedToUTC":true,"unit":"MICROS"}`},
	asDate:    {"INT32", `{"type":"DATE"}`},
	asNumber:  {"DOUBLE", "null"},
	asBoolean: {"BOOLEAN", "null"},
	asJSON:    {"BYTE_ARRAY", `{"type":"JSON"}`},
}

// parquetText is a cell as read.mjs prints it.
func parquetText(t *testing.T, k kind, c cell) cell {
	if !c.Valid {
		return c
	}
	switch k {
	case asAmount:
		return text(decimal.RequireFromString(c.String).StringFixed(amountScale))
	case asInstant:
		at, err := time.Parse(time.RFC3339Nano, c.String)
		if err != nil {
			t.Fatalf("instant: got %v, want no error", err)
		}
		return text(strconv.FormatInt(at.UnixMicro(), 10))
	case asNumber:
		return text(strings.Replace(c.String, "e300", "e+300", 1))
	case asBoolean:
		return text(strconv.FormatBool(c.String == "1" || c.String == "true"))
	}
	return c
}

func TestParquetRows(t *testing.T) {
	many := []rowColumn{
		{"plain", asText}, {"unit", asText}, {"n", asInteger}, {"sum", asAmount},
	}
	for name, r := range map[string]struct {
		columns []rowColumn
		rows    [][]cell
	}{
		"odd":  {oneOfEach, oddRows},
		"none": {oneOfEach, nil},
		"many": {many, manyRows(groupRows + 1234)},
		"long": {many[:1], [][]cell{{text(strings.Repeat("é", groupBytes/2+1))}, {text("b")}, {{}}}},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), name+".parquet")
			if err := os.WriteFile(path, written(t, formParquet, r.columns, r.rows), 0o600); err != nil {
				t.Fatal(err)
			}
			sameParquet(t, path, r.columns, r.rows)
		})
	}
}
