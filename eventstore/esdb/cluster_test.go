package esdb

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"log/slog"
	"net"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	client "github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/gossip"
	"google.golang.org/grpc"

	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/storetest"
)

// group is several plain servers over one log, of which one leads.
type group struct {
	nodes  []*plain
	conns  []*connections
	leader atomic.Int32
}

func startGroup(t *testing.T, n int) *group {
	memory := storetest.NewMemory()
	t.Cleanup(func() { _ = memory.Close() })
	g := &group{}
	for i := range n {
		conns := new(connections)
		p := serve(t, memory, grpc.StatsHandler(conns))
		p.set(func(ctx context.Context, method string) error {
			if leader := int(g.leader.Load()); leader != i && method != "subscribe" {
				return notLeader(ctx, g.nodes[leader].hostPort)
			}
			return nil
		})
		g.nodes, g.conns = append(g.nodes, p), append(g.conns, conns)
	}
	return g
}

// lead makes a node the leader, and the gossip of all say so.
func (g *group) lead(leader int) {
	g.leader.Store(int32(leader))
	var members []*gossip.MemberInfo
	for i, p := range g.nodes {
		m := &gossip.MemberInfo{State: gossip.MemberInfo_Follower, IsAlive: true}
		if i == leader {
			m.State = gossip.MemberInfo_Leader
		}
		host, port, _ := net.SplitHostPort(p.hostPort)
		n, _ := strconv.Atoi(port)
		m.HttpEndPoint = &gossip.EndPoint{Address: host, Port: uint32(n)}
		members = append(members, m)
	}
	for _, p := range g.nodes {
		p.mu.Lock()
		p.members = members
		p.mu.Unlock()
	}
}

// seeds is the address of the whole group, with further hosts before it.
func (g *group) seeds(more ...string) string {
	for _, p := range g.nodes {
		more = append(more, p.hostPort)
	}
	return "esdb://" + strings.Join(more, ",") + "?tls=false&nodePreference="
}

// TestLeaderChanges moves the lead about, under load, while the store knows one node only.
func TestLeaderChanges(t *testing.T) {
	g := startGroup(t, 3)
	s := openAt(t, g.nodes[0].address(), usualPace)
	l := startLoad(t, s)
	f := l.follow(s)
	for i := range 12 {
		f.until(l.events())
		g.lead(i % 3)
		l.more(2 * loaders)
	}
	l.end(s)
	f.until(l.events())
	for i, c := range g.conns { // those that do not lead are drained and closed
		for i != int(g.leader.Load()) && c.open.Load() > 0 && t.Context().Err() == nil {
			runtime.Gosched()
		}
	}
}

// TestLeaderDrains: what reads from a node that leads no more reads on; then the node is left.
func TestLeaderDrains(t *testing.T) {
	g := startGroup(t, 2)
	s := openAt(t, g.nodes[0].address(), usualPace)
	const most = 500
	for i := range 20 {
		at := eventstore.Revision(most*i) - 1
		if _, err := s.Append(t.Context(), "s", at, debits(most)); err != nil {
			t.Fatalf("append: got %v, want no error", err)
		}
	}
	n := 0
	for _, err := range s.Read(t.Context(), "s", 0) {
		if err != nil {
			t.Fatalf("read: got %v, want no error", err)
		}
		if n++; n == 1 {
			g.lead(1)
			if _, err := s.Append(t.Context(), "t", eventstore.NoStream, debits(1)); err != nil {
				t.Fatalf("append: got %v, want no error", err)
			}
		}
		if open := g.conns[0].open.Load(); open == 0 {
			t.Fatalf("connections to the old leader at event %d: got none, want one", n)
		}
	}
	for g.conns[0].open.Load() > 0 && t.Context().Err() == nil {
		runtime.Gosched()
	}
	if n != 20*most {
		t.Errorf("events: got %d, want %d", n, 20*most)
	}
}

// TestLeaderDies loses the leader's machine: gossip tells of the next one.
func TestLeaderDies(t *testing.T) {
	g := startGroup(t, 3)
	g.lead(1)
	s := openAt(t, g.seeds("127.0.0.1:1")+"leader", usualPace) // nobody is at port 1
	l := startLoad(t, s)
	f := l.follow(s)
	l.more(loaders)
	g.lead(2)
	g.nodes[1].stop()
	l.more(2 * loaders)
	l.end(s)
	f.until(l.events())
}

// TestOnlyNodeKnown: the store knows one node, which sent it to a leader that dies.
func TestOnlyNodeKnown(t *testing.T) {
	g := startGroup(t, 3)
	g.lead(1)
	s := openAt(t, g.nodes[0].address(), usualPace)
	l := startLoad(t, s)
	l.more(loaders)
	g.lead(2)
	g.nodes[1].stop()
	l.more(2 * loaders)
	l.end(s)
}

// TestConnectionsGrow: EventStoreDB takes 100 calls on one connection; more go on others.
func TestConnectionsGrow(t *testing.T) {
	g := startGroup(t, 1)
	s := openAt(t, g.nodes[0].address(), usualPace)
	before := g.conns[0].open.Load()
	for range callsPerConn + 1 {
		next, stop := iter.Pull2(s.Follow(t.Context(), eventstore.Start))
		defer stop()
		if _, err, _ := next(); err != nil {
			t.Fatalf("follow: got %v, want no error", err)
		}
	}
	if got := g.conns[0].open.Load() - before; got != 1 {
		t.Errorf("more connections: got %d, want 1", got)
	}
}

// TestElection: while nobody leads, calls wait, and end with their contexts.
func TestElection(t *testing.T) {
	g := startGroup(t, 2)
	g.lead(-1)
	g.leader.Store(0)
	s := openAt(t, g.seeds()+"leader", hurried)
	ctx, cancel := context.WithTimeout(t.Context(), 3*hurried.stall)
	defer cancel()
	_, err := s.Append(ctx, "s", eventstore.NoStream, debits(1))
	wantError(t, err, context.DeadlineExceeded)
	if err != nil && !strings.Contains(err.Error(), "none of 2 nodes is alive and Leader") {
		t.Errorf("append: got %v, want it to tell of the nodes", err)
	}
	g.lead(1)
	l := startLoad(t, s)
	l.more(loaders)
	l.end(s)
}

// TestLog tells an operator of a loss and of its end, once each.
func TestLog(t *testing.T) {
	g := startGroup(t, 2)
	g.lead(-1)
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	s, err := open(t.Context(), Options{Address: g.seeds() + "leader", Logger: logger}, hurried)
	if err != nil {
		t.Fatalf("open: got %v, want no error", err)
	}
	defer s.Close()
	for _, leader := range []int{0, 1} {
		g.lead(leader)
		for i := range eventstore.Revision(5) {
			stream := fmt.Sprint("s-", leader)
			if _, err := s.Append(t.Context(), stream, i-1, debits(1)); err != nil {
				t.Fatalf("append: got %v, want no error", err)
			}
		}
	}
	for words, want := range map[string]int{
		"event store has no node to use": 1, "event store reached again": 1,
		"event store not reached": 0, "event store node in use": 2,
	} {
		if got := strings.Count(log.String(), words); got != want {
			t.Errorf("%q: got %d times, want %d:\n%s", words, got, want, &log)
		}
	}
}

// TestFollowersPreferred: follows go where the address says, all else to the leader.
func TestFollowersPreferred(t *testing.T) {
	g := startGroup(t, 2)
	g.lead(0)
	var asked atomic.Int32
	g.nodes[1].set(func(_ context.Context, method string) error {
		if method != "subscribe" {
			t.Errorf("%s on a follower: got a call, want none", method)
		}
		asked.Add(1)
		return nil
	})
	s := openAt(t, g.seeds()+"follower", usualPace)
	l := startLoad(t, s)
	f := l.follow(s)
	l.more(loaders)
	l.end(s)
	f.until(l.events())
	if asked.Load() == 0 {
		t.Errorf("subscriptions on the follower: got none, want one")
	}
}

func TestPick(t *testing.T) {
	member := func(name string, state gossip.MemberInfo_VNodeState, alive bool) *gossip.MemberInfo {
		return &gossip.MemberInfo{State: state, IsAlive: alive,
			HttpEndPoint: &gossip.EndPoint{Address: name, Port: 1}}
	}
	leader := member("leader", gossip.MemberInfo_Leader, true)
	follower := member("follower", gossip.MemberInfo_Follower, true)
	replica := member("replica", gossip.MemberInfo_ReadOnlyReplica, true)
	dead := member("dead", gossip.MemberInfo_Leader, false)
	young := member("young", gossip.MemberInfo_CatchingUp, true)
	for _, row := range []struct {
		members    []*gossip.MemberInfo
		preference client.NodePreference
		want       string
	}{
		{[]*gossip.MemberInfo{follower, dead, leader, replica}, "Leader", "leader:1"},
		{[]*gossip.MemberInfo{follower, dead, young, replica}, "Leader", ""},
		{[]*gossip.MemberInfo{leader, follower, replica}, "Follower", "follower:1"},
		{[]*gossip.MemberInfo{leader, dead, replica}, "Follower", "replica:1"},
		{[]*gossip.MemberInfo{leader, follower, replica}, "ReadOnlyReplica", "replica:1"},
		{[]*gossip.MemberInfo{young, leader}, "Random", "leader:1"},
		{[]*gossip.MemberInfo{nil, {IsAlive: true, State: gossip.MemberInfo_Leader}}, "Leader", ""},
		{nil, "Random", ""},
	} {
		got, err := pick(row.members, row.preference)
		if got != row.want || (err == nil) != (row.want != "") {
			t.Errorf("%v of %v: got %q, %v, want %q", row.preference, row.members, got, err, row.want)
		}
	}
}
