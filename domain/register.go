package domain

import (
	"bytes"
	"maps"
	"slices"
)

// Registration is a command on a stream of its own that is not an account's: a store, a unit, a key, an
// import. It is decided on that stream's whole, short history and posts one event.
type Registration interface {
	Operation() Operation
	Stream() string
	Decide(before []Posted, m Moment) (Event, error)
}

// Register answers a registration on its stream's history: the event to append, stamped.
func Register(before []Posted, r Registration, m Moment) (Posted, error) {
	e, err := r.Decide(before, m)
	if err != nil {
		return Posted{}, err
	}
	return m.stamp([]Event{e}, int64(len(before)), 0)[0], nil
}

// DifferingRegistration is Differing for registrations.
func DifferingRegistration(p Posted, r Registration) []string {
	e, ok := p.Event.(interface{ command() any })
	if !ok {
		return []string{"operation"}
	}
	var asked any = r
	if drawn, ok := r.(interface{ canonical() any }); ok {
		asked = drawn.canonical()
	}
	was, is := fields(e.command(), Reference{}, Context{}), fields(asked, Reference{}, Context{})
	var differing []string
	for name := range maps.Keys(merged(was, is)) {
		if !bytes.Equal(was[name], is[name]) {
			differing = append(differing, name)
		}
	}
	slices.Sort(differing)
	return differing
}
