package js

import (
	"context"
	"time"

	"github.com/tillbook/tillbook/eventstore"
)

// engines are the versions that there are.
func (k *resident) engines() []*engine {
	all := []*engine{k.current, k.candidate}
	if k.candidate == nil {
		all = all[:1]
	}
	return all
}

func (k *resident) close() {
	for _, e := range k.engines() {
		e.close()
	}
}

// alignTime is how long a promotion waits for both versions to stand at one position.
const alignTime = 2 * time.Second

// apply puts a projection's definition in force. Where anything of it changes its versions are stopped,
// and go on from where they stood. Its error is one of shared checkpoints, which is tried again.
func (m *Manager) apply(ctx context.Context, def *Live) error {
	m.mu.RLock()
	old := m.live[def.Name]
	m.mu.RUnlock()
	if old != nil {
		if unchanged(&old.Live, def) && !old.faulted() && old.isHere(m) {
			m.put(def.Name, old.enabled(def))
			return nil
		}
		if old.candidate != nil && def.Current.Began == old.candidate.version.Began {
			m.align(ctx, old)
		}
		old.close()
	}
	if def.Deleted {
		if m.file.writes() {
			if err := m.forget(def.Name); err != nil {
				m.logger.Error("checkpoint of a projection not removed", "projection", def.Name, "err", err)
			}
		}
		m.put(def.Name, nil)
		return nil
	}
	if old == nil && !m.Room() {
		m.logger.Error("projection not run: there are too many", "projection", def.Name)
		return nil
	}
	k, err := m.reopen(ctx, def, old)
	if err != nil && m.file.shared != nil {
		return err
	}
	if err != nil {
		m.logger.Error("projection not opened", "projection", def.Name, "err", err)
		m.put(def.Name, nil)
		return nil
	}
	k.takeOver(old)
	m.put(def.Name, k)
	if def.Enabled && !k.current.mirror {
		for _, e := range k.engines() {
			e.start(ctx)
		}
	}
	return nil
}

// isHere reports whether the projection is as this node is: it runs here, or elsewhere.
func (k *resident) isHere(m *Manager) bool {
	return !k.current.closed && k.current.mirror != m.file.writes()
}

// takeOver has versions that go on where they stopped count on, too.
func (k *resident) takeOver(old *resident) {
	if old == nil {
		return
	}
	for _, e := range k.engines() {
		for _, was := range old.engines() {
			if e.version.Began == was.version.Began && e.at.events >= was.work.events {
				e.work.events, e.work.busy = was.work.events, was.work.busy
			}
		}
	}
}

// unchanged reports whether nothing is to be done for a definition but to try a fault again.
func unchanged(a, b *Live) bool {
	if (a.Candidate == nil) != (b.Candidate == nil) || a.Candidate != nil && *a.Candidate != *b.Candidate {
		return false
	}
	return a.Current == b.Current && a.Enabled == b.Enabled && a.Deleted == b.Deleted
}

func (k *resident) faulted() bool {
	for _, e := range k.engines() {
		e.mu.Lock()
		fault := e.at.fault
		e.mu.Unlock()
		if fault != nil {
			return true
		}
	}
	return false
}

// enabled is k, in which a fault to come is of this definition.
func (k *resident) enabled(def *Live) *resident {
	for _, e := range k.engines() {
		e.mu.Lock()
		e.enabled = def.EnabledAt
		e.mu.Unlock()
	}
	return &resident{*def, k.current, k.candidate}
}

func (m *Manager) put(name string, k *resident) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if k == nil {
		delete(m.live, name)
		return
	}
	m.live[name] = k
}

// align lets both versions of a projection come to one position, so that the new one emits from where
// the old one stopped. Where they do not, the new one takes care of it; see keep.
func (m *Manager) align(ctx context.Context, k *resident) {
	ctx, cancel := context.WithTimeout(ctx, alignTime)
	defer cancel()
	if release, at, err := m.meet(ctx, k); err == nil {
		k.current.halt()
		k.candidate.halt()
		for _, e := range k.engines() {
			e.mu.Lock()
			e.at.position = at
			e.save()
			e.mu.Unlock()
		}
		release()
	}
}

// keep opens the versions of a projection, and forgets those that are no more.
//
// A version that takes the place of another emits from where that one stopped. Where it is further
// already, and so would leave out what lies between, it folds the log anew.
func (m *Manager) keep(def *Live) (*resident, error) {
	rows, err := m.file.runs(def.Name)
	if err != nil {
		return nil, err
	}
	found := map[int64]mark{}
	stopped := eventstore.Position(0) // of what emitted and is no more
	for _, row := range rows {
		isCurrent := row.version.Began == def.Current.Began
		if isCurrent || def.Candidate != nil && row.version.Began == def.Candidate.Began {
			found[row.version.Began] = row.mark
			continue
		}
		if row.emitsAfter != notYet && row.version.Number >= def.First {
			stopped = max(stopped, row.position, eventstore.Position(row.emitsAfter))
		}
		defer m.file.forget(def.Name, row.version.Began) // when what follows it is opened
	}
	k := &resident{Live: *def}
	if k.current, err = m.open(def, def.Current, m.currentMark(def, found, stopped)); err != nil {
		return nil, err
	}
	if def.Candidate == nil {
		return k, nil
	}
	at, ok := found[def.Candidate.Began]
	if !ok {
		at = mark{emitsAfter: notYet}
	}
	k.candidate, err = m.open(def, *def.Candidate, retried(at, def))
	return k, err
}

// currentMark is where the current version goes on.
func (m *Manager) currentMark(def *Live, found map[int64]mark, stopped eventstore.Position) mark {
	at, ok := found[def.Current.Began]
	if !ok {
		at.emitsAfter = notYet
	}
	if at.emitsAfter != notYet {
		return retried(at, def)
	}
	if stopped == eventstore.Start {
		stopped = def.Current.EmitsAfter
	}
	at.emitsAfter = int64(stopped)
	if ok && at.position > stopped && m.writes(def.Current) {
		if err := m.file.forget(def.Name, def.Current.Began); err != nil {
			m.logger.Error("checkpoint of a projection not removed", "projection", def.Name, "err", err)
		}
		at = mark{emitsAfter: int64(stopped)}
	}
	return retried(at, def)
}

// writes reports whether a version may write events.
func (m *Manager) writes(v Version) bool {
	if v.Emit {
		return true
	}
	s, err := Compile("", v.Query, m.opts.Limits)
	return err == nil && s.Definition.Outputs
}

// retried is a mark without its fault, where the projection was enabled since.
func retried(at mark, def *Live) mark {
	if at.fault != nil && at.fault.Enabled < def.EnabledAt {
		at.fault = nil
	}
	return at
}
