package esdb

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"

	client "github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/gossip"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
)

// cluster knows the node to speak to. Where there is one address it is that node, until the node
// says that another one leads; else gossip tells. All methods may be called at once.
type cluster struct {
	*address
	*dialer
	pace
	preference client.NodePreference
	logger     *slog.Logger

	life context.Context // of searches and drainings
	end  context.CancelFunc
	work sync.WaitGroup // searches and drainings

	mu      sync.Mutex
	current *node   // nil before the first search and after the end
	stale   bool    // current failed: search before it is used again
	search  *search // the one that runs, if any
	closed  bool
	down    bool // the last call failed; told once
}

// search is one round of asking who is there. done is closed when err is set.
type search struct {
	done chan struct{}
	err  error
}

func newCluster(a *address, d *dialer, p pace, preference client.NodePreference,
	logger *slog.Logger) *cluster {
	c := &cluster{address: a, dialer: d, pace: p, preference: preference, logger: logger}
	c.life, c.end = context.WithCancel(context.Background())
	return c
}

// enter is the node to speak to, used until the caller calls its leave.
func (c *cluster) enter(ctx context.Context) (*node, error) {
	for {
		c.mu.Lock()
		if c.closed {
			c.mu.Unlock()
			return nil, errLeft
		}
		if n := c.current; n != nil && !c.stale {
			n.enter()
			c.mu.Unlock()
			return n, nil
		}
		s := c.searching()
		c.mu.Unlock()
		select {
		case <-s.done:
		case <-ctx.Done():
			return nil, ended(ctx)
		}
		if s.err != nil {
			return nil, &lost{err: s.err, idle: true}
		}
	}
}

// searching is the search that runs, or a new one. The caller holds mu.
func (c *cluster) searching() *search {
	if c.search != nil {
		return c.search
	}
	s := &search{done: make(chan struct{})}
	c.search = s
	c.work.Go(func() {
		hostPort, err := c.find(c.life)
		c.mu.Lock()
		defer c.mu.Unlock()
		if err == nil {
			err = c.use(hostPort)
		} else {
			c.lose("event store has no node to use", "err", err)
		}
		s.err, c.search = err, nil
		close(s.done)
	})
	return s
}

// use makes the node at hostPort the current one; it stays what it is if it is that already. The
// caller holds mu.
func (c *cluster) use(hostPort string) error {
	if c.closed {
		return errLeft
	}
	if c.current != nil && c.current.hostPort == hostPort {
		c.stale = false
		return nil
	}
	n, err := newNode(hostPort, c.dialer, c.pace)
	if err != nil {
		return err
	}
	c.logger.Info("event store node in use", "node", hostPort)
	c.retire()
	c.current, c.stale = n, false
	return nil
}

// retire lets the calls of the current node finish and then closes it. The caller holds mu.
func (c *cluster) retire() {
	if old := c.current; old != nil {
		old.retire()
		c.work.Go(func() { old.drain(c.life) })
	}
	c.current = nil
}

// failed hears how a call to n went wrong, and has the next caller look elsewhere if there is an
// elsewhere.
func (c *cluster) failed(n *node, l *lost) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current != n {
		return
	}
	if l.leader != "" && l.leader != n.hostPort && c.use(l.leader) == nil {
		return
	}
	c.lose("event store not reached", "node", n.hostPort, "err", l.err)
	c.stale = c.discover || n.hostPort != c.seeds[0]
}

// lose tells of the first failure after a success. The caller holds mu.
func (c *cluster) lose(message string, about ...any) {
	if !c.down && !c.closed {
		c.down = true
		c.logger.Warn(message, about...)
	}
}

// worked hears that a call to n was answered.
func (c *cluster) worked(n *node) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.down {
		c.down = false
		c.logger.Info("event store reached again", "node", n.hostPort)
	}
}

// close closes every node there was. Reads on them are broken off.
func (c *cluster) close() {
	c.mu.Lock()
	c.closed = true
	c.retire()
	c.mu.Unlock()
	c.end()
	c.work.Wait()
}

// find is where to go. A single address is believed; of several, in any order, the first one that
// knows a node to prefer.
func (c *cluster) find(ctx context.Context) (string, error) {
	if !c.discover {
		return c.seeds[0], nil
	}
	var failures []error
	for _, i := range rand.Perm(len(c.seeds)) {
		hostPort, err := c.ask(ctx, c.seeds[i])
		if err == nil {
			return hostPort, nil
		}
		failures = append(failures, fmt.Errorf("ask %s for nodes: %w", c.seeds[i], err))
	}
	return "", errors.Join(failures...)
}

// ask has one node tell of the others.
func (c *cluster) ask(ctx context.Context, seed string) (string, error) {
	conn, err := c.dial(seed)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(ctx, c.gossipTimeout)
	defer cancel()
	info, err := gossip.NewGossipClient(conn).Read(ctx, &shared.Empty{})
	if err != nil {
		return "", err
	}
	return pick(info.GetMembers(), c.preference)
}

// preferred are the states of the nodes to take, the best first. Decisions need the leader; a
// follower is better than nothing.
var preferred = map[client.NodePreference][]gossip.MemberInfo_VNodeState{
	client.NodePreferenceLeader: {gossip.MemberInfo_Leader},
	client.NodePreferenceFollower: {
		gossip.MemberInfo_Follower, gossip.MemberInfo_ReadOnlyReplica, gossip.MemberInfo_Leader},
	client.NodePreferenceReadOnlyReplica: {
		gossip.MemberInfo_ReadOnlyReplica, gossip.MemberInfo_Follower, gossip.MemberInfo_Leader},
}

// pick is the address of a living member, any of those in the best state.
func pick(members []*gossip.MemberInfo, preference client.NodePreference) (string, error) {
	states, ok := preferred[preference]
	if !ok { // random
		states = preferred[client.NodePreferenceFollower]
		states = states[rand.IntN(len(states)):]
	}
	for _, state := range states {
		for _, i := range rand.Perm(len(members)) {
			m := members[i]
			at := m.GetHttpEndPoint()
			if m.GetIsAlive() && m.GetState() == state && at.GetAddress() != "" {
				port := strconv.FormatUint(uint64(at.GetPort()), 10)
				return net.JoinHostPort(at.GetAddress(), port), nil
			}
		}
	}
	return "", fmt.Errorf("none of %d nodes is alive and %v", len(members), states[0])
}
