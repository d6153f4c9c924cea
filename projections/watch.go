package projections

import (
	"database/sql"
	"errors"

	"github.com/tillbook/tillbook/eventstore"
)

// watch keeps up with what other processes write into the PostgreSQL database: how far the generation
// that serves has come, and whether there is a newer one.
func (m *Models) watch() {
	m.retry(m.life, "watch the read models", func() error {
		conn, err := m.listen()
		if err != nil {
			return err
		}
		for err == nil {
			if err = m.notice(); err == nil {
				err = notified(m.life, conn)
			}
		}
		return errors.Join(err, discard(conn))
	})
}

// listen is a connection that is told of commits.
func (m *Models) listen() (*sql.Conn, error) {
	d, free, err := m.take()
	if err != nil {
		return nil, err
	}
	defer free()
	conn, err := d.shelf.(*schemas).connection(m.life)
	if err != nil {
		return nil, err
	}
	if _, err := conn.ExecContext(m.life, "LISTEN "+commits); err != nil {
		return nil, errors.Join(err, discard(conn))
	}
	return conn, nil
}

// notice takes notice of what is there now.
func (m *Models) notice() error {
	found, generation, err := m.newest(m.life)
	if err != nil || found == nil {
		return err
	}
	m.mu.Lock()
	known := generation <= m.generation
	m.mu.Unlock()
	at, err := readCheckpoint(m.life, found.read)
	if err = errors.Join(err, found.close()); err != nil {
		return err
	}
	if known {
		m.reached(at.position)
		return nil
	}
	return m.adopt(generation, at.position)
}

// reached lets whoever waits for a position know that the tables hold it.
func (m *Models) reached(at eventstore.Position) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if at > m.position && !m.stale {
		m.position = at
		close(m.changed)
		m.changed = make(chan struct{})
	}
}

// adopt lets a generation that another process built take the place of the one that serves, as soon as
// it holds what was promised of that one.
func (m *Models) adopt(generation int, at eventstore.Position) error {
	if at < m.Position() {
		return nil // its leader will tell when it has come further
	}
	d, err := m.shelf.open(m.life, generation)
	if err != nil {
		return err
	}
	old, _ := m.stopFollower()
	m.mu.Lock()
	m.current, m.generation, m.stale = d, generation, false
	m.position = max(m.position, at)
	close(m.changed)
	m.changed = make(chan struct{})
	m.start(d, nil)
	m.mu.Unlock()
	m.tasks.Go(func() { m.retire(old) })
	return nil
}
