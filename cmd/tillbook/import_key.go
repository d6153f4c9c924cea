package main

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"strconv"
	"strings"
)

// The key of a row says what it is, so that a file brought in again posts nothing twice:
//
//	import:ref:<digest of kind, store, terminal, reference and leg>
//	import:row:<digest of the row's content>:<its ordinal among the file's rows of that content>
//
// Content is what the columns say: their order, blanks around a value, and zeros that end an
// amount's fraction do not count. A row that comes to nothing but a decline, which is remembered
// under its key, is asked again under the key with ":2" behind it, and so on.

// digest is a SHA-256.
type digest [sha256.Size]byte

// digestOf is the digest that a row's key is made of, and whether that is of its reference.
func digestOf(r record) (digest, bool) {
	var text [512]byte
	b, v := text[:0], &r.values
	if v[colReference] == "" {
		for c, value := range v {
			if value != "" {
				b = appendField(b, column(c).name(), canonical(column(c), value))
			}
		}
		return sha256.Sum256(b), false
	}
	leg := v[colLeg]
	if leg == "" {
		leg = "1"
	}
	b = appendField(b, colKind.name(), v[colKind])
	b = appendField(b, colStore.name(), v[colStore])
	b = appendField(b, colTerminal.name(), v[colTerminal])
	b = appendField(b, colReference.name(), v[colReference])
	b = appendField(b, colLeg.name(), leg)
	return sha256.Sum256(b), true
}

// appendField appends name and value so that no other pair gives the same bytes.
func appendField(b []byte, name, value string) []byte {
	for _, s := range [2]string{name, value} {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	return b
}

func canonical(c column, value string) string {
	switch c {
	case colAmount, colBonus, colCost:
		if strings.Contains(value, ".") {
			return strings.TrimRight(strings.TrimRight(value, "0"), ".")
		}
	}
	return value
}

// keyOf is the row's first key.
func keyOf(row *importRow, ordinal uint32) string {
	text := base64.RawURLEncoding.EncodeToString(row.digest[:])
	if row.named {
		return "import:ref:" + text
	}
	return "import:row:" + text + ":" + strconv.FormatUint(uint64(ordinal), 10)
}

// current is the key that the row is asked under now.
func (row *importRow) current() string {
	if row.tries == 0 {
		return row.key
	}
	return row.key + ":" + strconv.Itoa(row.tries+1)
}

// ordinals number the rows of one content in a file's order. The first reading of the file notes
// every row in a table of bits; a bit that is set already marks its row's content as one that may
// come again, and only such are counted in the second reading.
//
// Memory: the table has one bit or two for each byte of the file and is at most 64 MiB, so that a
// hundredth of the rows, more only in files of gigabytes, is counted needlessly; a counted row
// takes about 40 bytes.
type ordinals struct {
	bits  []uint64
	count map[[16]byte]uint32
}

func newOrdinals(fileBytes int64) *ordinals {
	words := int64(1 << 10)
	for words < 8<<20 && words*64 < fileBytes {
		words *= 2
	}
	return &ordinals{make([]uint64, words), map[[16]byte]uint32{}}
}

// note is called for every row without a reference, before next is called for any.
func (o *ordinals) note(d digest) {
	n := binary.BigEndian.Uint64(d[16:])
	word, bit := &o.bits[n/64%uint64(len(o.bits))], uint64(1)<<(n%64)
	if *word&bit != 0 {
		o.count[[16]byte(d[:16])] = 0
	}
	*word |= bit
}

// next is the ordinal, from 1, of the next row of that content.
func (o *ordinals) next(d digest) uint32 {
	short := [16]byte(d[:16])
	n, counted := o.count[short]
	if !counted {
		return 1
	}
	o.count[short] = n + 1
	return n + 1
}
