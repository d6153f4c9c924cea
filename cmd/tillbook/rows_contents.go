package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"math/bits"
	"strconv"
	"strings"
	"time"
)

// contents is what some rows come to, in whatever order they are: how many there are, and the sum of the
// SHA-256 of each, as numbers of 256 bits. Files of any form, and the tables, have the same.
type contents struct {
	Rows int64     `json:"rows"`
	Sum  digestSum `json:"sha256_sum"`
	text []byte
}

// digestSum is a number of 256 bits, big-endian.
type digestSum [sha256.Size]byte

// MarshalText is hexadecimal.
func (s digestSum) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, s[:]), nil }

// UnmarshalText reads it.
func (s *digestSum) UnmarshalText(b []byte) error {
	if hex.DecodedLen(len(b)) != len(s) {
		return hex.ErrLength
	}
	_, err := hex.Decode(s[:], b)
	return err
}

// add adds a row of plain cells.
func (c *contents) add(row []cell) {
	c.text = c.text[:0]
	for _, cell := range row {
		if !cell.Valid {
			c.text = append(c.text, 0)
			continue
		}
		c.text = binary.AppendUvarint(append(c.text, 1), uint64(len(cell.String)))
		c.text = append(c.text, cell.String...)
	}
	digest, carry := sha256.Sum256(c.text), uint64(0)
	for i := len(digest) - 8; i >= 0; i -= 8 {
		var sum uint64
		sum, carry = bits.Add64(binary.BigEndian.Uint64(c.Sum[i:]), binary.BigEndian.Uint64(digest[i:]), carry)
		binary.BigEndian.PutUint64(c.Sum[i:], sum)
	}
	c.Rows++
}

func (c *contents) same(d *contents) bool { return c.Rows == d.Rows && c.Sum == d.Sum }

// plainRow appends a row as every form of file gives it back: amounts without the zeros that end them,
// JSON without blanks, and its null as NULL.
func plainRow(to, row []cell, columns []rowColumn) []cell {
	for i, c := range row {
		if c.Valid {
			c = plainCell(columns[i].Kind, c)
		}
		to = append(to, c)
	}
	return to
}

func plainCell(k kind, c cell) cell {
	switch k {
	case asAmount:
		if strings.Contains(c.String, ".") {
			c.String = strings.TrimSuffix(strings.TrimRight(c.String, "0"), ".")
		}
		if c.String == "-0" {
			c.String = "0"
		}
	case asInstant:
		if t, err := time.Parse(time.RFC3339Nano, c.String); err == nil {
			return instantCell(t)
		}
	case asBoolean:
		if yes, err := strconv.ParseBool(c.String); err == nil {
			return text(strconv.FormatBool(yes))
		}
	case asNumber:
		if n, err := strconv.ParseFloat(c.String, 64); err == nil {
			return text(strconv.FormatFloat(n, 'g', -1, 64))
		}
	case asJSON:
		var b bytes.Buffer
		if json.Compact(&b, []byte(c.String)) == nil {
			c.String = b.String()
		}
		if c.String == "null" {
			return cell{}
		}
	}
	return c
}
