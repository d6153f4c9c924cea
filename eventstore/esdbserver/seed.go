package esdbserver

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/eventstore"
)

// usersStream lists the names of all users. Clients wait until it can be read.
const usersStream = "$users"

// seedUsers writes the users that EventStoreDB has from the first moment, unless they are there.
// Nobody is let in by them: they are what clients look for to see that a server is ready, and make
// $all begin as it begins there.
//
// It happens beside a ledger too, where it is once and four small events: no stream of the ledger's
// is touched, and what follows, proves or copies a ledger passes over streams that are not.
func (s *Server) seedUsers(ctx context.Context) error {
	s.seeding.Lock()
	defer s.seeding.Unlock()
	if s.seeded {
		return nil
	}
	st, err := s.state(ctx, usersStream)
	if err != nil {
		return err
	}
	if st.last < 0 {
		err = errors.Join(
			s.seedUser(ctx, "admin", "Event Store Administrator", "$admins"),
			s.seedUser(ctx, "ops", "Event Store Operations", "$ops"))
	}
	s.seeded = err == nil
	return err
}

func (s *Server) seedUser(ctx context.Context, name, full, group string) error {
	created := eventstore.Event{
		ID: uuid.New(), Type: "$UserCreated", Data: fmt.Appendf(nil,
			`{"loginName":%q,"fullName":%q,"disabled":false,"groups":[%q]}`, name, full, group),
	}
	if _, err := s.appendTo(ctx, "$user-"+name, expectNone, created); ignoreWritten(err) != nil {
		return err
	}
	listed := eventstore.Event{ID: uuid.New(), Type: "$User", Data: []byte(name), Binary: true}
	_, err := s.appendTo(ctx, usersStream, expectAny, listed)
	return ignoreWritten(err)
}

// ignoreWritten passes over a stream that is there already, or was there.
func ignoreWritten(err error) error {
	var wrong *wrongVersion
	if errors.As(err, &wrong) || errors.Is(err, errDeleted) {
		return nil
	}
	return err
}
