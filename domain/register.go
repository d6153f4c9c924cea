package domain

// Registration is a command on a stream of its own that is not an account's: a store, a unit, a
// key, an import. It is decided on that stream's whole, short history. Its first event is the
// operation's.
type Registration interface {
	Operation() Operation
	Stream() string
	Decide(before []Posted, m Moment) ([]Event, error)
}

// Register answers a registration on its stream's history: the events to append, stamped.
func Register(before []Posted, r Registration, m Moment) ([]Posted, error) {
	return RegisterAt(int64(len(before)), before, r, m)
}

// RegisterAt is Register on a stream that holds more than a registration is decided on: its first event
// gets that revision.
func RegisterAt(next int64, before []Posted, r Registration, m Moment) ([]Posted, error) {
	if err := m.Context.check(); err != nil {
		return nil, err
	}
	m.toUTC()
	events, err := r.Decide(before, m)
	if err != nil {
		return nil, err
	}
	posted := make([]Posted, len(events))
	for i, e := range events {
		posted[i] = Posted{Event: e, Metadata: m.metadata(), Revision: next + int64(i)}
	}
	m.stamp(posted, 0)
	return posted, nil
}

// DifferingRegistration is Differing for registrations.
func DifferingRegistration(p Posted, r Registration) []string {
	e, ok := p.Event.(interface{ command() any })
	if !ok {
		return []string{"operation"}
	}
	c := e.command()
	if was, ok := c.(Registration); ok && was.Operation() != r.Operation() {
		return []string{"operation"}
	}
	return compare(fields(c, Context{}), fields(r, Context{}))
}
