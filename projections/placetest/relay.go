package placetest

import (
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
)

// Relay is an address of a database of the server, at which nothing listens until Start: so a test has the
// server away, though others use it.
type Relay struct {
	testing.TB
	URL     string // with a password, which the server does not ask for
	address string
	server  string
	ln      net.Listener // nil before Start
	open    sync.WaitGroup
}

// RelayPassword is that of a Relay's URL.
const RelayPassword = "not-to-be-shown"

// NewRelay is one to a database of its own; see Postgres.
func NewRelay(t testing.TB) *Relay {
	t.Helper()
	to, err := url.Parse(Postgres(t))
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &Relay{TB: t, address: ln.Addr().String(), server: to.Host}
	ln.Close()
	t.Cleanup(r.end)
	to.Host, to.User = r.address, url.UserPassword(to.User.Username(), RelayPassword)
	r.URL = to.String()
	return r
}

// Start listens until the test ends.
func (r *Relay) Start() {
	r.Helper()
	var err error
	if r.ln, err = net.Listen("tcp", r.address); err != nil {
		r.Fatal(err)
	}
	r.open.Go(func() {
		for {
			from, err := r.ln.Accept()
			if err != nil {
				return
			}
			r.open.Go(func() { r.pass(from) })
		}
	})
}

// end ends it when whoever has dialled is gone: what a test opens after the relay is closed before it.
func (r *Relay) end() {
	if r.ln != nil {
		r.ln.Close()
	}
	r.open.Wait()
}

// pass passes bytes on both ways until one side ends.
func (r *Relay) pass(from net.Conn) {
	defer from.Close()
	to, err := net.Dial("tcp", r.server)
	if err != nil {
		return
	}
	defer to.Close()
	r.open.Go(func() {
		_, _ = io.Copy(from, to) // what breaks is seen by who reads
		from.Close()
	})
	_, _ = io.Copy(to, from)
}
