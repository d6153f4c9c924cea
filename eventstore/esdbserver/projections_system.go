package esdbserver

import (
	"context"
	"fmt"
	"slices"

	"google.golang.org/grpc/codes"
)

// The projections that EventStoreDB brings along. This server keeps the lists that three of them fill
// with every append, so they always run and are always at the head; the other two it does not have.
var (
	systemProjections  = []string{"$by_category", "$by_event_type", "$streams"}
	missingProjections = []string{"$by_correlation_id", "$stream_by_category"}
)

// systemStatus is how one of systemProjections stands.
func (s projectionsService) systemStatus(ctx context.Context, name string) (ProjectionStatus, error) {
	head, err := s.Store.Head(ctx)
	return ProjectionStatus{Name: name, Mode: Continuous, State: ProjectionRunning, Position: head, Head: head,
		Checkpoint: head}, err
}

func isSystemProjection(name string) bool {
	return slices.Contains(systemProjections, name) || slices.Contains(missingProjections, name)
}

// systemRefusal is what is told of a change of a system projection.
func systemRefusal(ctx context.Context, name string) error {
	why := "the server keeps its streams itself, and it always runs"
	if slices.Contains(missingProjections, name) {
		why = "this server has none of its streams"
	}
	return refuse(ctx, codes.FailedPrecondition, "system-projection",
		fmt.Sprintf("System projection '%s' cannot be changed: %s", name, why), "projection-name", name)
}
