package js

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/tillbook/tillbook/projections"
)

// errNotLeading says that another node writes the shared checkpoints.
var errNotLeading = errors.New("another node runs the projections")

// sharedPause is Pause's default where other nodes answer from the checkpoints.
const sharedPause = 500 * time.Millisecond

// leads is the lead that this node has, nil where it has none.
func (c *checkpoints) leads() *projections.Lead {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lead
}

func (c *checkpoints) take(lead *projections.Lead) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lead = lead
}

// writes reports whether this node writes the checkpoints, and so runs the projections.
func (c *checkpoints) writes() bool { return c.shared == nil || c.leads() != nil }

// holds is nil where this node may emit.
func (c *checkpoints) holds() error {
	if c.shared == nil {
		return nil
	}
	lead := c.leads()
	if lead == nil {
		return errNotLeading
	}
	return lead.Holds()
}

// Run, called once, keeps the projections live until ctx ends. Then each stands at a checkpoint.
func (m *Manager) Run(ctx context.Context) {
	defer close(m.over)
	if m.file.shared == nil {
		m.attend(ctx)
	}
	for ctx.Err() == nil {
		if lead := m.stand(ctx); lead != nil {
			m.rule(ctx, lead)
		}
	}
	for _, k := range m.all() {
		k.close()
	}
}

// attend puts definitions in force, and has what goes on saved, until ctx ends.
func (m *Manager) attend(ctx context.Context) {
	var ticking sync.WaitGroup
	ticking.Go(func() { m.tick(ctx) })
	for ctx.Err() == nil {
		err := m.follow(ctx)
		if ctx.Err() == nil {
			m.logger.Error("definitions of projections not followed", "err", err)
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
		}
	}
	ticking.Wait()
}

// stand answers from the checkpoints of the node that leads until this one does; nil where ctx ends first.
func (m *Manager) stand(ctx context.Context) (lead *projections.Lead) {
	standing, won := context.WithCancel(ctx)
	var electing sync.WaitGroup
	electing.Go(func() {
		defer won()
		lead = m.elected(ctx)
	})
	m.attend(standing)
	electing.Wait()
	return lead
}

// elected returns when this node leads; nil where ctx ends first.
func (m *Manager) elected(ctx context.Context) *projections.Lead {
	pause := backoff.NewExponentialBackOff()
	pause.MaxInterval = 5 * time.Second
	tell := func(err error, again time.Duration) {
		if ctx.Err() == nil {
			m.logger.Error("checkpoints of projections not reached", "err", err, "again_in", again)
		}
	}
	lead, _ := backoff.Retry(ctx, func() (*projections.Lead, error) { return m.file.shared.Lead(ctx) },
		backoff.WithBackOff(pause), backoff.WithMaxElapsedTime(0), backoff.WithNotify(tell))
	return lead
}

// rule runs the projections until ctx ends or the lead is lost.
func (m *Manager) rule(ctx context.Context, lead *projections.Lead) {
	m.mu.Lock()
	m.ready, m.reached = false, 0
	m.mu.Unlock()
	m.file.take(lead)
	ruling, lost := context.WithCancel(ctx)
	var watching sync.WaitGroup
	watching.Go(func() {
		defer lost()
		m.watch(ruling, lead)
	})
	m.attend(ruling)
	watching.Wait()
	if ctx.Err() == nil {
		m.file.take(nil) // what is written from now on would be lost
	}
	for _, k := range m.all() {
		k.close()
	}
	m.file.take(nil)
	if err := lead.End(); err != nil {
		m.logger.Error("lead of projections not ended", "err", err)
	}
}

// watch returns when the lead is lost, or ctx ends.
func (m *Manager) watch(ctx context.Context, lead *projections.Lead) {
	ticker := time.NewTicker(m.opts.Pause)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if err := lead.Holds(); err != nil {
				m.logger.Error("projections are led by another", "err", err)
				return
			}
		}
	}
}

// reopen is a projection as it runs here, or as another node does.
func (m *Manager) reopen(ctx context.Context, def *Live, old *resident) (*resident, error) {
	if !m.file.writes() {
		return m.mirrored(def), nil
	}
	if old == nil || !old.current.clean {
		if err := m.finish(ctx, def); err != nil {
			return nil, err
		}
	}
	return m.keep(def)
}

// finish has a version that emitted on another node, and has been replaced since, emit up to the log's head:
// how far it was beyond its checkpoint when that node ended nobody knows, and the version that took its
// place goes on from where it stopped.
func (m *Manager) finish(ctx context.Context, def *Live) error {
	rows, err := m.file.runs(def.Name)
	if err != nil {
		return fmt.Errorf("versions of %s: %w", def.Name, err)
	}
	for _, row := range rows {
		gone := row.version.Began != def.Current.Began &&
			(def.Candidate == nil || row.version.Began != def.Candidate.Began)
		emitted := row.emitsAfter != notYet && row.version.Number >= def.First && m.writes(row.version)
		if !gone || !emitted || row.fault != nil || !def.Enabled {
			continue
		}
		if err := m.end(ctx, def, row); err != nil {
			return err
		}
	}
	return nil
}

// end runs a version up to the log's head.
func (m *Manager) end(ctx context.Context, def *Live, row runRow) error {
	e, err := m.open(def, row.version, row.mark)
	if err != nil {
		return err
	}
	e.start(ctx)
	defer e.close()
	ctx, cancel := context.WithTimeout(ctx, alignTime)
	defer cancel()
	head, err := m.store.Head(ctx)
	if err == nil {
		err = e.reach(ctx, head)
	}
	if err != nil {
		m.logger.Warn("a version that was replaced did not come to its end", "projection", def.Name, "err", err)
	}
	return nil
}
