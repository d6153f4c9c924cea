package groups

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/eventstore"
)

// rule is a script for one core: commands and, behind an arrow, the effects they are to have.
//
//	read 0 1 2@s 3#1    events of numbers 0 to 3 are read, one of stream s, one with the id of 1
//	join a 2            client a comes with two slots
//	leave a             and goes
//	ack a 0 1           by the events' numbers
//	nack a park 0
//	tick 30s            time passes, and the clock ticks
//	wait 5s             time passes
//	parked, unparked    the parked stream has, or could not take, what was to be parked
//	lost                the log could not take the last checkpoint
//	replay 0 1          the numbers 0 and 1 of the parked stream are read
//	room                how many events may be read
//
// Effects: a<0 (client a is sent number 0), a<0/2 (its second retry), a<p0 (number 0 of the parked
// stream), a-0 (taken back from a), park 0, at 5 (a checkpoint), tb 3.
type rule struct {
	name   string
	change func(*Settings)
	script string
}

func runRules(t *testing.T, rules []rule) {
	t.Helper()
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			s := settings()
			if r.change != nil {
				r.change(&s)
			}
			newStage(t, "s", s).run(r.script)
		})
	}
}

// settings are the defaults of EventStoreDB's clients.
func settings() Settings {
	return Settings{
		Strategy: RoundRobin, MessageTimeout: 30 * time.Second, MaxRetries: 10,
		CheckpointAfter: 2 * time.Second, MinCheckpoint: 10, MaxCheckpoint: 1000,
		LiveBuffer: 500, ReadBatch: 20, HistoryBuffer: 500,
	}
}

// stage plays scripts on a core.
type stage struct {
	testing.TB
	*core
	now     time.Time
	clients []string // by ClientID
	pending []park
	last    *save
}

func newStage(t testing.TB, source string, s Settings) *stage {
	t.Helper()
	return &stage{
		TB: t, core: newCore(source, s, matcher(s.Filter)), now: time.Unix(1e9, 0),
	}
}

func (s *stage) run(script string) {
	s.Helper()
	for line := range strings.Lines(script) {
		command, want, _ := strings.Cut(strings.TrimSpace(line), "->")
		words := strings.Fields(command)
		if len(words) == 0 {
			continue
		}
		if got, want := s.play(words[0], words[1:]), strings.TrimSpace(want); got != want {
			s.Fatalf("%s: got %q, want %q", strings.TrimSpace(command), got, want)
		}
	}
}

func (s *stage) play(verb string, args []string) string {
	s.Helper()
	switch verb {
	case "read":
		for _, a := range args {
			s.take(scriptEvent(a))
		}
		s.settle(s.now)
	case "replay":
		for _, a := range args {
			s.takeReplay(replayEvent(number(a)))
		}
		s.settle(s.now)
	case "join":
		s.clients = append(s.clients, args[0])
		s.join(ClientID(len(s.clients)-1), ClientInfo{Name: args[0], Slots: int(number(args[1]))}, s.now)
	case "leave":
		s.leave(s.id(args[0]), s.now)
	case "ack":
		s.ack(s.id(args[0]), ids(args[1:]), s.now)
	case "nack":
		s.nack(s.id(args[0]), ids(args[2:]), actions[args[1]], "because", s.now)
	case "wait", "tick":
		d, _ := time.ParseDuration(args[0])
		s.now = s.now.Add(d)
		if verb == "tick" {
			s.tick(s.now)
		}
	case "parked", "unparked":
		pending := s.pending
		s.pending = nil
		s.parked(pending, verb == "parked", s.now)
	case "lost":
		s.last.failed()
	case "room":
		return strconv.Itoa(s.room())
	default:
		s.Fatalf("no command %s", verb)
	}
	return s.effects()
}

var actions = map[string]Action{
	"unknown": Unknown, "park": Park, "retry": Retry, "skip": Skip, "stop": Stop,
}

func (s *stage) id(client string) ClientID {
	for i, name := range s.clients {
		if _, there := s.core.clients[ClientID(i)]; name == client && there {
			return ClientID(i)
		}
	}
	return -1
}

// effects is what the core wants done, in a script's words.
func (s *stage) effects() string {
	var words []string
	out := s.core.effects()
	for _, w := range out.withdrawn {
		words = append(words, s.clients[w.to]+"-"+word(w.message))
	}
	for _, send := range out.sends {
		w := s.clients[send.to] + "<" + word(send.message)
		if send.retries > 0 {
			w += fmt.Sprintf("/%d", send.retries)
		}
		words = append(words, w)
	}
	for _, p := range out.parks {
		words = append(words, "park "+word(p.message))
	}
	s.pending = append(s.pending, out.parks...)
	if out.checkpoint != nil {
		s.last = out.checkpoint
		words = append(words, fmt.Sprintf("at %d", out.checkpoint.to.place))
	}
	if out.truncate != nil {
		words = append(words, fmt.Sprintf("tb %d", out.truncate.to.place+1))
	}
	return strings.Join(words, " ")
}

func word(m *message) string {
	if m.replay {
		return fmt.Sprintf("p%d", m.place)
	}
	return strconv.FormatInt(m.place, 10)
}

// scriptEvent is number[@stream][#number of the event whose id it has].
func scriptEvent(text string) Event {
	text, same, _ := strings.Cut(text, "#")
	text, stream, _ := strings.Cut(text, "@")
	if same == "" {
		same = text
	}
	if stream == "" {
		stream = "s"
	}
	n := number(text)
	return Event{Record: &eventstore.Recorded{
		Event:  eventstore.Event{ID: id(same), Type: "T", Data: []byte("{}")},
		Stream: stream, Revision: eventstore.Revision(n), Position: eventstore.Position(n),
	}}
}

func replayEvent(n int64) Event {
	e := scriptEvent(fmt.Sprint(n))
	e.Link = &eventstore.Recorded{
		Event:  eventstore.Event{ID: id(fmt.Sprintf("p%d", n)), Type: linkType},
		Stream: "parked", Revision: eventstore.Revision(n),
	}
	return e
}

// matcher is a filter's test, for tests that filter streams by prefixes.
func matcher(f *Filter) func(*eventstore.Recorded) bool {
	return func(e *eventstore.Recorded) bool {
		return f == nil || slices.ContainsFunc(f.Prefixes, func(p string) bool {
			return strings.HasPrefix(e.Stream, p)
		})
	}
}

func number(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		panic(err)
	}
	return n
}

func id(name string) uuid.UUID { return uuid.NewSHA1(uuid.Nil, []byte(name)) }

func ids(names []string) []uuid.UUID {
	var all []uuid.UUID
	for _, n := range names {
		all = append(all, id(n))
	}
	return all
}
