package esdbserver

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"google.golang.org/grpc/credentials"
)

// sortingTimeout is how long a client may take to say what it speaks.
const sortingTimeout = 10 * time.Second

// sortingMost bounds the connections that have not said it.
const sortingMost = 1024

// port takes connections from one listener and sorts them, once TLS is agreed, by their first bytes:
// HTTP/2 is gRPC, the rest is HTTP/1.1. EventStoreDB's clients know one port only.
type port struct {
	net.Listener
	tls     *tls.Config
	grpc    *half
	http    *half
	ended   chan struct{} // closed when no more connections come
	closing <-chan struct{}
	sorting sync.WaitGroup
	places  chan struct{} // one is taken for each connection that is sorted
}

func newPort(ln net.Listener, config *tls.Config, closing <-chan struct{}) *port {
	ended := make(chan struct{})
	p := &port{
		Listener: ln, ended: ended, closing: closing, places: make(chan struct{}, sortingMost),
		grpc: &half{make(chan net.Conn), ln.Addr(), ended},
		http: &half{make(chan net.Conn), ln.Addr(), ended},
	}
	if config != nil {
		p.tls = config.Clone()
		// Who offers both is a browser or a health check: gRPC clients offer HTTP/2 alone.
		p.tls.NextProtos = []string{"http/1.1", "h2"}
	}
	return p
}

// run sorts connections until the listener fails or the server is closing, and returns why.
func (p *port) run() error {
	defer p.sorting.Wait()
	defer close(p.ended)
	unwatched := make(chan struct{})
	defer close(unwatched)
	p.sorting.Go(func() {
		select {
		case <-p.closing:
			_ = p.Listener.Close() // Accept says so
		case <-unwatched:
		}
	})
	for {
		conn, err := p.Listener.Accept()
		var timeout net.Error
		if errors.As(err, &timeout) && timeout.Timeout() {
			continue
		}
		if err != nil {
			return err
		}
		p.places <- struct{}{}
		p.sorting.Go(func() {
			defer func() { <-p.places }()
			p.sort(conn)
		})
	}
}

// sort hands a connection to the half that understands it, or closes it.
func (p *port) sort(conn net.Conn) {
	c, err := p.greet(conn)
	if err != nil {
		_ = conn.Close() // of one that was never in use
		return
	}
	to := p.http
	if c.isHTTP2 {
		to = p.grpc
	}
	select {
	case to.conns <- c:
	case <-p.ended:
		_ = conn.Close()
	}
}

// greet agrees on TLS and reads the first bytes.
func (p *port) greet(conn net.Conn) (*greeted, error) {
	ctx, cancel := context.WithTimeout(context.Background(), sortingTimeout)
	defer cancel()
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		select {
		case <-p.ended:
			cancel()
			_ = conn.SetDeadline(time.Now()) // ends the read below
		case <-stop:
		}
	}()
	c := &greeted{Conn: conn, head: make([]byte, 3)}
	if err := conn.SetDeadline(time.Now().Add(sortingTimeout)); err != nil {
		return nil, err
	}
	if p.tls != nil {
		secure := tls.Server(conn, p.tls)
		if err := secure.HandshakeContext(ctx); err != nil {
			return nil, err
		}
		state := secure.ConnectionState()
		c.Conn, c.tls = secure, &state
	}
	if _, err := io.ReadFull(c.Conn, c.head); err != nil {
		return nil, err
	}
	if c.isHTTP2 = string(c.head) == "PRI"; c.isHTTP2 {
		if err := c.readOpening(); err != nil {
			return nil, err
		}
	}
	return c, conn.SetDeadline(time.Time{})
}

// greeted is a connection whose first bytes were read ahead.
type greeted struct {
	net.Conn
	head    []byte
	tls     *tls.ConnectionState // nil in plain text
	isHTTP2 bool
}

// The sizes of what a client of HTTP/2 begins with (RFC 9113, 3.4 and 4.1): 24 fixed bytes, and a
// frame of settings behind its header.
const (
	prefaceBytes      = 24
	frameHeaderBytes  = 9
	settingsBytesMost = 16 << 10
)

// readOpening reads all that a client of HTTP/2 says before it is answered. gRPC would wait for it
// when it has the connection, and could not be stopped meanwhile.
func (c *greeted) readOpening() error {
	if err := c.readAhead(prefaceBytes - len(c.head) + frameHeaderBytes); err != nil {
		return err
	}
	header := c.head[prefaceBytes:]
	length := int(header[0])<<16 | int(header[1])<<8 | int(header[2])
	if length > settingsBytesMost {
		return errors.New("the first frame is too large to be settings")
	}
	return c.readAhead(length)
}

func (c *greeted) readAhead(n int) error {
	more := make([]byte, n)
	_, err := io.ReadFull(c.Conn, more)
	c.head = append(c.head, more...)
	return err
}

func (c *greeted) Read(into []byte) (int, error) {
	if len(c.head) == 0 {
		return c.Conn.Read(into)
	}
	n := copy(into, c.head)
	c.head = c.head[n:]
	return n, nil
}

// half is a port's listener for one of the two protocols.
type half struct {
	conns chan net.Conn
	addr  net.Addr
	ended chan struct{}
}

func (h *half) Accept() (net.Conn, error) {
	select {
	case c := <-h.conns:
		return c, nil
	case <-h.ended:
		return nil, net.ErrClosed
	}
}

// Close does nothing: the port closes its listener.
func (h *half) Close() error   { return nil }
func (h *half) Addr() net.Addr { return h.addr }

// sorted is gRPC's view of connections that port has greeted: TLS, where there is any, is done.
type sorted struct{}

// secureInfo says what protects a connection: TLS, or that it does not leave the machine.
func (sorted) ServerHandshake(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	if c, ok := conn.(*greeted); ok && c.tls != nil {
		info := credentials.TLSInfo{State: *c.tls}
		info.SecurityLevel = credentials.PrivacyAndIntegrity
		return conn, info, nil
	}
	return conn, nil, nil
}

func (sorted) ClientHandshake(context.Context, string,
	net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return nil, nil, errors.New("credentials of a server only")
}

func (sorted) Info() credentials.ProtocolInfo {
	return credentials.ProtocolInfo{SecurityProtocol: "tls"}
}
func (s sorted) Clone() credentials.TransportCredentials { return s }
func (sorted) OverrideServerName(string) error           { return nil }
