package esdb

import (
	"errors"
	"io"
	"net"
	"sync"
	"testing"
)

// proxy is the wire between a store and a server, for tests that cut it.
type proxy struct {
	hostPort string
	to       string
	ln       net.Listener
	work     sync.WaitGroup

	mu    sync.Mutex
	conns map[net.Conn]bool
	mute  bool // what the server says is lost
	ended bool
}

// between is a proxy to a server; it ends with the test.
func between(t testing.TB, to string) *proxy {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listen: got %v, want no error", err)
	}
	p := &proxy{hostPort: ln.Addr().String(), to: to, ln: ln, conns: map[net.Conn]bool{}}
	p.work.Go(p.accept)
	t.Cleanup(func() {
		_ = ln.Close()
		p.mu.Lock()
		p.ended = true
		p.mu.Unlock()
		p.cut()
		p.work.Wait()
	})
	return p
}

func (p *proxy) address() string { return "esdb://" + p.hostPort + "?tls=false" }

func (p *proxy) accept() {
	for {
		near, err := p.ln.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", p.to)
		if err != nil || !p.add(near, far) {
			_ = near.Close()
			continue
		}
		p.work.Go(func() { p.carry(far, near, false) })
		p.work.Go(func() { p.carry(near, far, true) })
	}
}

func (p *proxy) add(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		p.conns[c] = true
	}
	return !p.ended
}

// carry copies until either side ends.
func (p *proxy) carry(to, from net.Conn, answers bool) {
	defer to.Close()
	defer from.Close()
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if !answers || !p.isMute() {
			_, writeErr := to.Write(buffer[:n])
			err = errors.Join(err, writeErr)
		}
		if err != nil && !errors.Is(err, io.ErrShortWrite) {
			return
		}
	}
}

func (p *proxy) isMute() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mute
}

// silence loses what servers say from now on, until the next cut.
func (p *proxy) silence() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mute = true
}

// cut ends every connection; new ones are good.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mute = false
	for c := range p.conns {
		_ = c.Close()
	}
	clear(p.conns)
}
