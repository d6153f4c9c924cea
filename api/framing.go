package api

import (
	"bytes"
	"errors"

	"github.com/tillbook/tillbook/domain"
)

var (
	errFraming = domain.ErrMalformed.Because("its headers can be read in more than one way")
	errCoding  = errors.New("want no Content-Encoding")
)

// single are the headers that stand once, in lower case.
var single = [...][]byte{
	contentLength: []byte("content-length"), transferEncoding: []byte("transfer-encoding"),
	contentEncoding: []byte("content-encoding"), 3: []byte("content-type"),
	4: []byte("idempotency-key"), 5: []byte("authorization"), 6: []byte("host"),
}

// The indexes in single of the headers whose values matter.
const (
	contentLength = iota
	transferEncoding
	contentEncoding
)

// framed refuses a request that a proxy before us may have read otherwise (RFC 9112, sections 6.1
// and 6.3): where it ends, whose it is, or which key it has. The connection ends with it, as what
// follows may be a part of its body. The HTTP server keeps one of two headers, so they
// are read as they came.
func (c *call) framed() error {
	err := framing(c.Context().Request.Header.RawHeaders())
	if errors.Is(err, errFraming) {
		c.read = true // as far as it can be
		c.Context().SetConnectionClose()
	}
	return err
}

func framing(raw []byte) (err error) {
	var seen [len(single)]bool
	for len(raw) > 0 {
		line, rest, _ := bytes.Cut(raw, []byte{'\n'})
		raw = rest
		name, value, ok := bytes.Cut(line, []byte{':'})
		i := indexOf(name)
		if !ok || i < 0 {
			continue
		}
		if seen[i] {
			return errFraming
		}
		seen[i] = true
		value = bytes.TrimSpace(value)
		switch {
		case i == transferEncoding && !bytes.EqualFold(value, []byte("chunked")):
			return errFraming
		case i == contentEncoding && !bytes.EqualFold(value, []byte("identity")):
			err = errCoding
		}
	}
	if seen[contentLength] && seen[transferEncoding] {
		return errFraming
	}
	return err
}

// indexOf is the index in single of a header's name, -1 if it may stand twice.
func indexOf(name []byte) int {
	for i, header := range single {
		if len(header) == len(name) && header[0] == name[0]|0x20 && bytes.EqualFold(header, name) {
			return i
		}
	}
	return -1
}
