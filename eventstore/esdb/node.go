package esdb

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc"
)

const (
	// lanesPerNode carry appends, each over a connection of its own.
	lanesPerNode = 2
	// callsPerConn is how many reads and follows one connection carries before another is made, as
	// long as there are fewer than mostConns. EventStoreDB allows 100 at once on each.
	callsPerConn, mostConns = 64, 32
)

// errLeft ends what follows on a node that is to be used no more.
var errLeft = &lost{err: errors.New("the node was left"), idle: true}

// node is one server and the connections to it. A node that was left is drained: it is closed when
// the last call has left it. All methods may be called at once.
type node struct {
	hostPort string
	dialer   *dialer
	appends  []*lane
	turn     atomic.Uint32
	snapshot *lane           // so that big parts hold up no append
	life     context.Context // ended when the node is to be used no more
	end      context.CancelFunc
	unused   chan struct{} // closed when it is not used any more

	mu    sync.Mutex
	users int // calls, and one for not being retired
	conns []*conn
}

// conn is a connection for reads and follows. calls is by the node's lock.
type conn struct {
	*grpc.ClientConn
	calls int
}

func newNode(hostPort string, d *dialer, p pace) (*node, error) {
	n := &node{hostPort: hostPort, dialer: d, unused: make(chan struct{}), users: 1}
	n.life, n.end = context.WithCancel(context.Background())
	for range lanesPerNode + 1 {
		c, err := d.dial(hostPort)
		if err != nil {
			n.close()
			return nil, err
		}
		n.appends = append(n.appends, newLane(c, p.stall))
	}
	n.snapshot, n.appends = n.appends[lanesPerNode], n.appends[:lanesPerNode]
	return n, nil
}

// enter uses the node until leave. The node must not be retired.
func (n *node) enter() {
	n.mu.Lock()
	n.users++
	n.mu.Unlock()
}

func (n *node) leave() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.users--; n.users == 0 {
		close(n.unused)
	}
}

// retire says that the node is to be used no more.
func (n *node) retire() {
	n.end()
	n.leave()
}

// lane is the next one for an append.
func (n *node) lane() *lane { return n.appends[n.turn.Add(1)%lanesPerNode] }

// conn is the least busy connection, in use until release is called.
func (n *node) conn() (c *conn, release func(), err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, other := range n.conns {
		if c == nil || other.calls < c.calls {
			c = other
		}
	}
	if c == nil || c.calls >= callsPerConn && len(n.conns) < mostConns {
		made, err := n.dialer.dial(n.hostPort)
		if err != nil {
			return nil, nil, err
		}
		c = &conn{ClientConn: made}
		n.conns = append(n.conns, c)
	}
	c.calls++
	return c, func() {
		n.mu.Lock()
		c.calls--
		n.mu.Unlock()
	}, nil
}

// drain closes the node when it is unused, or when ctx ends.
func (n *node) drain(ctx context.Context) {
	select {
	case <-n.unused:
	case <-ctx.Done():
	}
	n.close()
}

// close frees what the node holds.
func (n *node) close() {
	for _, l := range n.appends {
		l.close()
	}
	if n.snapshot != nil {
		n.snapshot.close()
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range n.conns {
		_ = c.Close() // it fails only when closed already
	}
}
