package esdbserver

import (
	"fmt"
	"strings"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
)

// filterOf looks at streams, or at types, with a checkpoint after each window of 1.
func filterOf(byType bool,
	e *streams.ReadReq_Options_FilterOptions_Expression) *streams.ReadReq_Options_FilterOptions {
	f := &streams.ReadReq_Options_FilterOptions{
		Window:                       &streams.ReadReq_Options_FilterOptions_Count{},
		CheckpointIntervalMultiplier: 1,
		Filter: &streams.ReadReq_Options_FilterOptions_StreamIdentifier{
			StreamIdentifier: e,
		},
	}
	if byType {
		f.Filter = &streams.ReadReq_Options_FilterOptions_EventType{EventType: e}
	}
	return f
}

func prefixFilter(byType bool, prefixes ...string) *streams.ReadReq_Options_FilterOptions {
	return filterOf(byType, &streams.ReadReq_Options_FilterOptions_Expression{Prefix: prefixes})
}

func regexFilter(byType bool, pattern string) *streams.ReadReq_Options_FilterOptions {
	return filterOf(byType, &streams.ReadReq_Options_FilterOptions_Expression{Regex: pattern})
}

func passing(f *streams.ReadReq_Options_FilterOptions) change {
	return func(o *streams.ReadReq_Options) {
		o.FilterOption = &streams.ReadReq_Options_Filter{Filter: f}
	}
}

// everySo sets after how many looked-at events there is a checkpoint.
func everySo(f *streams.ReadReq_Options_FilterOptions,
	window, multiplier uint32) *streams.ReadReq_Options_FilterOptions {
	f.Window = &streams.ReadReq_Options_FilterOptions_Max{Max: window}
	f.CheckpointIntervalMultiplier = multiplier
	return f
}

func TestFilter(t *testing.T) {
	rows := []struct {
		name   string
		filter *streams.ReadReq_Options_FilterOptions
		want   string
	}{
		{"a prefix of streams", prefixFilter(false, "user-"), "0@user-1 0@user-2"},
		{"prefixes of streams", prefixFilter(false, "b", "user-2"), "0@bill 0@user-2"},
		{"a prefix is ordinal", prefixFilter(false, "USER"), ""},
		{"a prefix is no pattern", prefixFilter(false, "user."), ""},
		{"the empty prefix", prefixFilter(false, ""), "0@user-1 0@bill 0@user-2 0@$sys"},
		{"no prefix", prefixFilter(false), ""},
		{"a pattern of streams, anywhere", regexFilter(false, `l+$|\d`),
			"0@user-1 0@bill 0@user-2"},
		{"a pattern beats prefixes",
			filterOf(false, &streams.ReadReq_Options_FilterOptions_Expression{
				Regex: "^b", Prefix: []string{"user"},
			}), "0@bill"},
		{"a prefix of types", prefixFilter(true, "Cre"), "0@user-1 0@user-2"},
		{"a pattern of types", regexFilter(true, `^[^\$].*`), "0@user-1 0@bill 0@user-2"},
	}
	eachStore(t, func(t *testing.T, h *house) {
		h.fill("start", 1, "$start")
		start := h.head()
		h.fill("user-1", 1, "Created")
		h.fill("bill", 1, "Paid")
		h.fill("user-2", 1, "Created")
		h.fill("$sys", 1, "$system")
		for _, row := range rows {
			want := strings.Fields(row.want + " end")
			call := h.callPlaces(ofAll(start), passing(row.filter))
			got := strings.TrimPrefix(call.rest(), "0@start ")
			if got != strings.Join(want, " ") {
				t.Errorf("%s: got %s, want %s", row.name, got, want)
			}
			sub := h.callPlaces(ofAll(start), live, passing(row.filter))
			sub.expect("confirmed")
			for _, word := range want[:len(want)-1] {
				sub.expect(word)
			}
			sub.stop()
		}
		h.callPlaces(ofAll(fromEnd), backwards, atMost(1), passing(prefixFilter(false, "user"))).
			expect("0@user-2 end")
		h.callPlaces(ofAll(fromEnd), backwards, passing(regexFilter(true, "Created"))).
			expect("0@user-2 0@user-1 end")
	})
}

// A plain read has no checkpoints, so it needs no interval.
func TestFilterOfPlainReadNeedsNoInterval(t *testing.T) {
	eachStore(t, func(t *testing.T, h *house) {
		h.fill("a", 1, "Tested")
		h.callPlaces(ofAll(h.head()), passing(everySo(prefixFilter(false, "a"), 0, 0))).
			expect("0@a end")
	})
}

func TestCheckpoints(t *testing.T) {
	rows := []struct {
		name       string
		window     uint32
		multiplier uint32
		log        string // one letter for each event's stream; x passes
		live       string
		want       string // a checkpoint is c and the index of its event
	}{
		{"one when it has caught up, at the last match", 32, 1, "axbb", "", "1 c1 caught"},
		{"none where nothing matched and the interval is not full", 32, 1, "abb", "", "caught"},
		{"none in an empty log", 32, 1, "", "", "caught"},
		{"each interval, match or not", 2, 1, "aaaaa", "", "c1 c3 caught"},
		{"window times multiplier", 2, 2, "aaaaaaaa", "", "c3 c7 caught"},
		{"matches count too", 3, 1, "xaxaax", "", "0 2 c2 5 c5 caught"},
		{"not the same twice when it has caught up", 2, 1, "ax", "", "1 c1 caught"},
		{"live, each interval", 3, 1, "x", "aaxaaa", "0 c0 caught 3 c3 c6"},
		{"live, after the match that makes it full", 2, 1, "", "axax", "caught 1 c1 3 c3"},
		{"what was looked at before counts, where no checkpoint came of it", 4, 1, "aa", "aaaaaa",
			"caught c3 c7"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			eachStore(t, func(t *testing.T, h *house) {
				h.fill("start", 1, "Tested")
				start := h.head()
				write := func(letters string) {
					for _, letter := range letters {
						h.fill("stream-"+string(letter), 1, "Tested")
					}
				}
				write(row.log)
				sub := h.call(ofAll(start), live,
					passing(everySo(prefixFilter(false, "stream-x"), row.window, row.multiplier)))
				index := func(position uint64) int {
					for i, e := range h.since(start) {
						if uint64(e.Position) == position {
							return i
						}
					}
					return -1
				}
				sub.word = func(e *streams.ReadResp_ReadEvent) string {
					return fmt.Sprint(index(e.GetEvent().GetCommitPosition()))
				}
				sub.expect("confirmed")
				for _, want := range strings.Fields(row.want) {
					got := sub.next()
					var at uint64
					if _, err := fmt.Sscanf(got, "checkpoint:%d", &at); err == nil {
						got = fmt.Sprintf("c%d", index(at))
					}
					if want == "caught" {
						want = "caught-up"
						write(row.live)
					}
					if got != want {
						t.Fatalf("answers: got %s, want %s of %s", got, want, row.want)
					}
				}
			})
		})
	}
}

// From the start of a log where nothing matches, EventStoreDB sends a checkpoint of (-1, -1), which
// a client takes for the log's end.
func TestCheckpointIsNeverTheEnd(t *testing.T) {
	eachStore(t, func(t *testing.T, h *house) {
		h.fill("a", 3, "Tested")
		sub, err := h.client.SubscribeToAll(h.ctx, esdb.SubscribeToAllOptions{
			From:   esdb.Start{},
			Filter: &esdb.SubscriptionFilter{Type: esdb.StreamFilterType, Prefixes: []string{"x"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer sub.Close()
		if got := sub.Recv(); got.CaughtUp == nil {
			t.Fatalf("first: got %+v, want CaughtUp", got)
		}
		h.fill("x", 1, "Tested")
		if got := sub.Recv(); got.EventAppeared == nil {
			t.Fatalf("then: got %+v, want an event", got)
		}
	})
}

func TestUnfilteredHasNoCheckpoints(t *testing.T) {
	eachStore(t, func(t *testing.T, h *house) {
		h.fill("a", 1, "Tested")
		sub := h.call(ofAll(h.head()), live)
		h.fill("a", 100, "Tested")
		sub.expect("confirmed")
		for range 100 {
			if word := sub.next(); strings.HasPrefix(word, "checkpoint") {
				t.Fatalf("got %s, want none", word)
			}
		}
	})
}
