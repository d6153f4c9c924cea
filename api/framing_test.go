package api_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// wire serves on a socket, too, and is what sends it a request byte by byte. It answers whether the
// connection was closed after the answer.
func (s *shop) wire() func(request string) (*http.Response, string, bool) {
	s.Helper()
	socket := filepath.Join(s.TempDir(), "s")
	ln, err := net.Listen("unix", socket)
	if err != nil {
		s.Fatal(err)
	}
	go func() { _ = s.Serve(ln) }() // ends with the shop
	return func(request string) (*http.Response, string, bool) {
		s.Helper()
		conn, err := net.Dial("unix", socket)
		if err != nil {
			s.Fatal(err)
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		if _, err := io.WriteString(conn, strings.ReplaceAll(request, "\n", "\r\n")); err != nil {
			s.Fatal(err)
		}
		answers := bufio.NewReader(conn)
		res, err := http.ReadResponse(answers, nil)
		if err != nil {
			s.Fatalf("%q: %v", request, err)
		}
		text, err := io.ReadAll(res.Body)
		if err != nil {
			s.Fatalf("%q: %v", request, err)
		}
		if !res.Close {
			return res, string(text), false
		}
		_, err = answers.ReadByte() // what was announced happens
		return res, string(text), err == io.EOF
	}
}

// TestFraming: a request whose end, or whose key, two readers could see differently is no request,
// and nothing after it is.
func TestFraming(t *testing.T) {
	s := openWithAdmin(t)
	send := s.wire()
	const body = `{"customer_ref":"C-1"}` // 22 bytes
	for _, c := range []struct {
		name, headers, body string
		status              int
	}{
		{"two lengths", "Content-Length: 2\nContent-Length: 22\n", body, 400},
		{"the same length twice", "Content-Length: 22\ncontent-length: 22\n", body, 400},
		{"a length and chunks", "Content-Length: 22\nTransfer-Encoding: chunked\n", "0\n\n", 400},
		{"chunks and a length", "Transfer-Encoding: chunked\nContent-Length: 22\n", "0\n\n", 400},
		{"chunks twice", "Transfer-Encoding: chunked\nTransfer-Encoding: chunked\n", "0\n\n", 400},
		{"another coding", "Transfer-Encoding: gzip, chunked\n", "0\n\n", 400},
		{"no coding and a length", "Transfer-Encoding: identity\nContent-Length: 22\n", body, 400},
		{"a folded line", "Content-Length: 22\nX-A: a\n Content-Length: 2\n", body, 400},
		{"a folded length", "Content-Length:\n 22\n", body, 400},
		{"a signed length", "Content-Length: +22\n", body, 400},
		{"a list of lengths", "Content-Length: 22, 22\n", body, 400},
		{"a space before the colon", "Content-Length : 22\n", body, 400},
		{"two keys", "Idempotency-Key: b\nContent-Length: 22\n", body, 400},
		{"the same key twice", "idempotency-key: a\nContent-Length: 22\n", body, 400},
		{"two holders", "Authorization: x\nAUTHORIZATION: y\nContent-Length: 22\n", body, 400},
		{"gzip", "Content-Encoding: gzip\nContent-Length: 22\n", body, 415},
		{"gzip after identity", "Content-Encoding: identity, gzip\nContent-Length: 22\n", body, 415},
	} {
		for _, path := range []string{"/v1/accounts", "/nope"} {
			if c.status == 415 && path == "/nope" {
				continue
			}
			res, text, closed := send("POST " + path + " HTTP/1.1\nHost: x\nIdempotency-Key: a\n" +
				"Content-Type: application/json\n" + c.headers + "\n" + c.body)
			if res.StatusCode != c.status || c.status == 400 && !strings.Contains(text, `"malformed"`) {
				t.Errorf("%s, %s: got %d %s, want %d", c.name, path, res.StatusCode, text, c.status)
			}
			if c.status == 400 && !closed {
				t.Errorf("%s, %s: the connection was kept", c.name, path)
			}
		}
	}
	if s.get("/v1/accounts?customer_ref=C-1").is(200).at("data.0.id") != "" {
		t.Error("one of them was done")
	}
	for _, headers := range []string{"Content-Encoding: identity\nContent-Length: 22\n\n" + body,
		"Transfer-Encoding: Chunked\n\n16\n" + body + "\n0\n\n"} {
		res, text, closed := send("POST /v1/accounts HTTP/1.1\nHost: x\nIdempotency-Key: a\n" +
			"Content-Type: application/json\n" + headers)
		if res.StatusCode != 201 || closed {
			t.Errorf("%q: got %d %s, closed %t", headers, res.StatusCode, text, closed)
		}
	}
}
