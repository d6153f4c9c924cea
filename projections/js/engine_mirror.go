package js

import (
	"context"
	"slices"
	"time"

	"github.com/tillbook/tillbook/eventstore"
)

// mirrored is a projection that another node runs.
func (m *Manager) mirrored(def *Live) *resident {
	k := &resident{Live: *def, current: m.mirror(def, def.Current)}
	if def.Candidate != nil {
		k.candidate = m.mirror(def, *def.Candidate)
	}
	return k
}

// mirror is a version that another node runs: it stands where the checkpoint does, and looks there whenever
// it is asked. It writes nothing. Why a script does not compile stands in the checkpoint, too.
func (m *Manager) mirror(def *Live, v Version) *engine {
	e := &engine{m: m, name: def.Name, version: v, enabled: def.EnabledAt, mirror: true, follows: def.Enabled,
		since: time.Now(), moved: make(chan struct{})}
	e.script, _ = Compile(e.name+".js", v.Query, m.opts.Limits)
	return e
}

// look brings a mirror to the last checkpoint, unless it has just looked. The caller holds mu. Its error is
// projections.ErrAway, or ErrStarting where there is no checkpoint yet.
func (e *engine) look(ctx context.Context) error {
	if !e.mirror || e.closed || time.Since(e.looked) < lookAgain/2 {
		return nil
	}
	err := e.m.file.ask(ctx, func(a asker) error {
		rows, err := scanRuns(a.Query(runColumns+"WHERE name = ? AND began = ?", e.name, e.version.Began))
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			e.forget()
			return nil
		}
		at := rows[0].mark
		if e.limited != nil && at.position > e.limit {
			return nil // it is held where it was
		}
		return e.reflect(a, at)
	})
	if err == nil {
		e.looked = time.Now()
	}
	return err
}

// forget is a mirror of nothing.
func (e *engine) forget() {
	e.at, e.saved = mark{}, mark{}
	if e.runner != nil {
		e.runner.Close()
		e.runner = nil
	}
}

// reflect reads what the checkpoint has beyond what is known.
func (e *engine) reflect(a asker, at mark) error {
	after := int64(e.at.position)
	if e.runner == nil && e.script != nil || at.position < e.at.position {
		e.forget()
		after = -1
	}
	if e.script != nil && (after < 0 || at.position > e.at.position) {
		written, err := snapshotAfter(a, e.name, e.version.Began, after)
		if err != nil {
			return err
		}
		if err := e.put(written, after < 0); err != nil {
			return err
		}
	}
	e.at, e.saved, e.read = at, at, at.position
	e.move()
	return nil
}

// put puts states over those that there are, if any.
func (e *engine) put(written Snapshot, first bool) (err error) {
	if first {
		if e.runner, err = NewRunner(e.script, Options{Emit: e.version.Emit}); err != nil {
			return err
		}
		return e.runner.Restore(written)
	}
	for partition, text := range written.States {
		e.runner.states.all[partition] = &state{partition: partition, json: text}
	}
	if e.runner.chain.def.BiState && written.Shared != nil {
		e.runner.shared = &state{json: slices.Clone(written.Shared)}
	}
	return nil
}

// await returns when a mirror holds everything up to a position, of which last is the end.
func (e *engine) await(ctx context.Context, at, last eventstore.Position) error {
	for {
		e.mu.Lock()
		err := e.look(ctx)
		there, fault, follows := e.at.position >= min(last, at), e.at.fault, e.follows
		e.mu.Unlock()
		switch {
		case err != nil || there:
			return err
		case fault != nil || !follows:
			return errApart
		}
		select {
		case <-time.After(lookAgain):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
