package groups

import "container/list"

// mark is a point in a source: how many events were considered up to it, and the place of the last.
type mark struct{ count, place int64 }

// progress knows up to where everything is finished, since it began. Events are considered in the
// source's order and finish in any.
type progress struct {
	open  list.List // messages that are not finished, in order
	last  mark      // of what was considered last
	saved mark      // what the log knows, or is being told
}

// skip considers an event that nobody is to have.
func (p *progress) skip(place int64) { p.last = mark{p.last.count + 1, place} }

// begin considers an event that has to be finished.
func (p *progress) begin(m *message) {
	m.before = p.last
	m.open = p.open.PushBack(m)
	m.of = p
	p.skip(m.place)
}

func (p *progress) finish(m *message) { p.open.Remove(m.open) }

// floor is just below the first event that is not finished.
func (p *progress) floor() mark {
	if first := p.open.Front(); first != nil {
		return first.Value.(*message).before
	}
	return p.last
}

// ahead is how many events have been finished that the log does not know of.
func (p *progress) ahead() int64 { return p.floor().count - p.saved.count }

// save asks for the floor to be written, and takes it for written.
func (p *progress) save() *save {
	s := &save{of: p, from: p.saved, to: p.floor()}
	p.saved = s.to
	return s
}

// save is a progress on its way into the log.
type save struct {
	of       *progress
	from, to mark
}

// failed takes back that the progress was written.
func (s *save) failed() { s.of.saved = s.from }
