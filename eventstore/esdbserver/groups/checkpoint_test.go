package groups

import "testing"

func TestCheckpoint(t *testing.T) {
	bounds := func(least, most int) func(*Settings) {
		return func(s *Settings) { s.MinCheckpoint, s.MaxCheckpoint = least, most }
	}
	runRules(t, []rule{
		{"none before max", bounds(1, 3), `
			join a 9
			read 0 1 2      -> a<0 a<1 a<2
			ack a 0 1`},
		{"one at max", bounds(1, 3), `
			join a 9
			read 0 1 2 3    -> a<0 a<1 a<2 a<3
			ack a 0 1 2     -> at 2
			ack a 3`},
		{"number 0 can be one", bounds(1, 1), `
			join a 9
			read 0          -> a<0
			ack a 0         -> at 0`},
		{"just below the first one a client has", bounds(1, 2), `
			join a 9
			read 0 1 2 3    -> a<0 a<1 a<2 a<3
			ack a 0 1 3     -> at 1
			ack a 2         -> at 3`},
		{"just below the first retry", bounds(1, 2), `
			join a 4
			read 0 1 2 3    -> a<0 a<1 a<2 a<3
			ack a 0 1       -> at 1
			leave a
			join b 1        -> b<2/1
			ack b 2         -> b<3/1
			ack b 3         -> at 3`},
		{"just below the first that times out", bounds(1, 1), `
			join a 1
			join b 1
			read 0 1        -> a<0 b<1
			ack b 1
			tick 30s        -> a-0 a<0/1
			ack a 0         -> at 1`},
		{"below what was never sent, where later ones were", func(s *Settings) {
			bounds(1, 1)(s)
			s.Strategy = Pinned
		}, `
			join a 1
			join b 2
			read 0@x 1@x 2@y 3@y -> a<0 b<2 b<3
			ack b 2 3
			ack a 0         -> a<1 at 0
			ack a 1         -> at 3`},
		{"below one that is being parked", bounds(1, 1), `
			join a 2
			read 0 1        -> a<0 a<1
			nack a park 0   -> park 0
			ack a 1
			parked          -> at 1`},
		{"below one that could not be parked", bounds(1, 1), `
			join a 1
			read 0 1        -> a<0
			nack a park 0   -> a<1 park 0
			ack a 1
			unparked        -> a<0/1
			ack a 0         -> at 1`},
		{"time writes one from min", bounds(2, 100), `
			join a 9
			read 0 1 2      -> a<0 a<1 a<2
			ack a 0 1
			tick 2s         -> at 1`},
		{"time writes none below min", bounds(3, 100), `
			join a 9
			read 0 1 2      -> a<0 a<1 a<2
			ack a 0 1
			tick 60s        -> a-2 a<2/1`},
		{"time writes none too soon after the last", bounds(1, 100), `
			join a 9
			read 0 1 2      -> a<0 a<1 a<2
			ack a 0
			tick 2s         -> at 0
			ack a 1
			tick 1s
			tick 1s         -> at 1
			tick 9s`},
		{"time writes one after the clients left", bounds(1, 100), `
			join a 9
			read 0 1        -> a<0 a<1
			ack a 0
			leave a
			tick 2s         -> at 0`},
		{"no time, none by time", func(s *Settings) { bounds(1, 2)(s); s.CheckpointAfter = 0 }, `
			join a 9
			read 0 1        -> a<0 a<1
			ack a 0
			tick 20s
			ack a 1         -> at 1`},
		{"max of nothing is max of one", bounds(0, 0), `
			tick 60s
			join a 9
			read 0          -> a<0
			tick 20s
			ack a 0         -> at 0
			tick 60s`},
		{"one that was lost is written again", bounds(1, 2), `
			join a 9
			read 0 1 2      -> a<0 a<1 a<2
			ack a 0 1       -> at 1
			lost
			ack a 2         -> at 2`},
	})
}

func TestCheckpointCountsWhatIsFilteredOut(t *testing.T) {
	rows := []struct{ name, script string }{
		{"max of them write one", `
			read 3@x 6@x
			read 9@x        -> at 9`},
		{"and min of them, by time", `
			read 3@x 6@x
			tick 2s         -> at 6`},
		{"together with those that were delivered", `
			join a 9
			read 3@x 6@s    -> a<6
			ack a 6
			read 9@x        -> at 9`},
		{"but never past one that is not finished", `
			join a 9
			read 3@s 6@x 9@x 12@x 15@x 18@s -> a<3 a<18
			ack a 18
			ack a 3         -> at 18`},
		{"the place before an event may be one that was filtered out", `
			join a 9
			read 3@x 6@x 9@x 12@s -> a<12 at 9`},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			s := settings()
			s.MinCheckpoint, s.MaxCheckpoint = 2, 3
			s.Filter = &Filter{Prefixes: []string{"s"}}
			newStage(t, All, s).run(r.script)
		})
	}
}

func TestCheckpointAfterARestart(t *testing.T) {
	s := settings()
	s.MaxCheckpoint = 2
	newStage(t, "s", s).run(`
		tick 60s
		join a 9
		read 42 43      -> a<42 a<43
		ack a 43
		tick 1s
		ack a 42        -> at 43`)
}
