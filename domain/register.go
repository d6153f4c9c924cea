package domain

// Registration is a command on a stream of its own that is not an account's: a store, a unit, a
// key, an import. It is decided on that stream's whole, short history and posts one event.
type Registration interface {
	Operation() Operation
	Stream() string
	Decide(before []Posted, m Moment) (Event, error)
}

// Register answers a registration on its stream's history: the event to append, stamped.
func Register(before []Posted, r Registration, m Moment) (Posted, error) {
	if err := m.Context.check(); err != nil {
		return Posted{}, err
	}
	m.toUTC()
	e, err := r.Decide(before, m)
	if err != nil {
		return Posted{}, err
	}
	posted := []Posted{{Event: e, Metadata: m.metadata(), Revision: int64(len(before))}}
	m.stamp(posted, 0)
	return posted[0], nil
}

// DifferingRegistration is Differing for registrations.
func DifferingRegistration(p Posted, r Registration) []string {
	e, ok := p.Event.(interface{ command() any })
	if !ok {
		return []string{"operation"}
	}
	return compare(fields(e.command(), Context{}), fields(r, Context{}))
}
