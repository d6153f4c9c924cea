package groups

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestNothingIsLostOverRestarts plays a group at work, at random, over a log that now and then cannot
// be read or written, and through restarts and replays: in the end every event was acknowledged or
// skipped by somebody, or lies in the parked stream.
func TestNothingIsLostOverRestarts(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		l := newLife(t, r)
		r.Repeat(map[string]func(*rapid.T){
			"write":   func(r *rapid.T) { l.write(rapid.IntRange(1, 5).Draw(r, "events")) },
			"join":    l.join,
			"leave":   l.leave,
			"answer":  l.answer,
			"tick":    l.pass,
			"break":   l.breakSomething,
			"mend":    func(*rapid.T) { l.mend() },
			"replay":  func(*rapid.T) { _ = l.h.Replay(l.h.ctx, l.key, nil) },
			"update":  l.update,
			"restart": func(*rapid.T) { l.mend(); l.h.reopen(); l.subs = nil },
		})
		l.end(r)
	})
}

// life is a group, its subscribers, and what they made of its events.
type life struct {
	h       *home
	key     Key
	written int
	subs    []*lifeSub
	done    map[string]bool // by the event's number: acknowledged or skipped
	broken  []string
}

type lifeSub struct {
	*Subscriber
	held []Delivery
}

func newLife(t *testing.T, r *rapid.T) *life {
	h := openHome(t)
	l := &life{h: h, key: Key{"s", "g"}, done: map[string]bool{}}
	if rapid.Bool().Draw(r, "all") {
		l.key.Source = All
	}
	h.create(l.key, func(s *Settings) {
		s.Strategy = rapid.SampledFrom([]Strategy{RoundRobin, DispatchToSingle, Pinned}).Draw(r, "strategy")
		s.MaxRetries = rapid.IntRange(0, 3).Draw(r, "retries")
		s.MinCheckpoint, s.MaxCheckpoint = 1, rapid.IntRange(1, 5).Draw(r, "max")
		s.ReadBatch, s.HistoryBuffer = 2, 6
		s.MessageTimeout = 2 * time.Second
		if l.key.Source == All {
			s.Filter = &Filter{Prefixes: []string{"s"}}
		}
	})
	return l
}

func (l *life) write(n int) {
	l.h.fill("s", n)
	l.h.fill("other", 1)
	l.written += n
}

func (l *life) join(r *rapid.T) {
	if len(l.subs) == 3 {
		r.Skip("enough")
	}
	s, err := l.h.Subscribe(l.h.ctx, l.key, ClientInfo{Slots: rapid.IntRange(1, 4).Draw(r, "slots")})
	if err == nil {
		l.subs = append(l.subs, &lifeSub{Subscriber: s})
	}
}

func (l *life) leave(r *rapid.T) {
	if len(l.subs) == 0 {
		r.Skip("nobody")
	}
	at := rapid.IntRange(0, len(l.subs)-1).Draw(r, "who")
	l.subs[at].Close()
	l.subs = slices.Delete(l.subs, at, at+1)
}

// answer takes what has come and answers one event of it.
func (l *life) answer(r *rapid.T) {
	l.h.pass(0)
	for _, s := range l.subs {
		s.fetch()
	}
	l.subs = slices.DeleteFunc(l.subs, func(s *lifeSub) bool { return s.held == nil && s.over() })
	for _, s := range l.subs {
		if len(s.held) == 0 {
			continue
		}
		d := s.held[0]
		s.held = s.held[1:]
		l.reply(s, d, Action(rapid.IntRange(-1, int(Stop)).Draw(r, "action")))
	}
}

// fetch takes what is in the queue without waiting for more.
func (s *lifeSub) fetch() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = append(s.held, s.queue...)
	s.queue = nil
}

func (s *lifeSub) over() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ended != nil
}

// reply answers an event; -1 acknowledges.
func (l *life) reply(s *lifeSub, d Delivery, action Action) {
	var err error
	if action == -1 {
		err = s.Ack(l.h.ctx, d.ID())
	} else {
		err = s.Nack(l.h.ctx, action, "", d.ID())
	}
	if err == nil && (action == -1 || action == Skip) {
		l.done[fmt.Sprint(d.Record.Revision)] = true
	}
}

func (l *life) pass(r *rapid.T) {
	after := time.Duration(rapid.IntRange(0, 3).Draw(r, "seconds")) * time.Second
	l.h.tick(after)
}

func (l *life) breakSomething(r *rapid.T) {
	what := rapid.SampledFrom([]string{
		"append " + stateStream + l.key.ID() + "-parked",
		"append " + stateStream + l.key.ID() + "-checkpoint",
		"append " + metastream + stateStream + l.key.ID() + "-parked",
		"append " + metastream + stateStream + l.key.ID() + "-checkpoint",
		"read " + stateStream + l.key.ID() + "-parked",
		"read " + l.key.Source,
	}).Draw(r, "what")
	l.h.fail(what, errBroken)
	l.broken = append(l.broken, what)
}

func (l *life) mend() {
	for _, what := range l.broken {
		l.h.fail(what, nil)
	}
	l.broken = nil
}

func (l *life) update(r *rapid.T) {
	l.mend()
	s := l.h.info(l.key).Settings
	s.MaxRetries = rapid.IntRange(0, 3).Draw(r, "retries")
	if err := l.h.Update(l.h.ctx, l.key, s, ""); err != nil {
		r.Fatalf("update: got %v, want none", err)
	}
}

// end lets one subscriber acknowledge all there is, after a restart, and counts.
func (l *life) end(r *rapid.T) {
	defer l.h.Close()
	l.mend()
	l.h.reopen()
	s := &lifeSub{Subscriber: l.h.subscribe(l.key, 3)}
	l.write(1)
	for last := fmt.Sprint(l.written - 1); !l.done[last]; {
		d, err := s.Next(l.h.ctx)
		if err != nil {
			r.Fatalf("next: got %v, want none", err)
		}
		l.reply(s, d, -1)
	}
	parked := l.h.texts(stateStream + l.key.ID() + "-parked")
	parked = strings.NewReplacer("[", " ", "]", " ").Replace(parked)
	for n := range l.written {
		if !l.done[fmt.Sprint(n)] && !strings.Contains(parked, fmt.Sprintf(" %d@s ", n)) {
			r.Fatalf("event %d of %d: got neither finished nor parked (%s), want either", n, l.written, parked)
		}
	}
}
