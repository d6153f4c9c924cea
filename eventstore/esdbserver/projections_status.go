package esdbserver

import (
	"context"
	"fmt"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/projections"

	"github.com/tillbook/tillbook/eventstore"
)

// Statistics tells of one projection, of those of a mode, or of all.
func (s projectionsService) Statistics(req *projections.StatisticsReq,
	call projections.Projections_StatisticsServer) error {
	var name string
	var mode ProjectionMode // any
	switch asked := req.GetOptions().GetMode().(type) {
	case *projections.StatisticsReq_Options_Name:
		name = asked.Name
	case *projections.StatisticsReq_Options_Transient:
		mode = Transient
	case *projections.StatisticsReq_Options_Continuous:
		mode = Continuous
	case *projections.StatisticsReq_Options_OneTime:
		mode = OneTime
	}
	all, err := s.statuses(call.Context(), name)
	if err != nil {
		return s.projectionRefusal(call.Context(), name, err)
	}
	for _, p := range all {
		if mode != "" && p.Mode != mode {
			continue
		}
		if err := call.Send(&projections.StatisticsResp{Details: detailsOf(p)}); err != nil {
			return err
		}
	}
	return nil
}

// statuses are those of one projection or, without a name, of all, the system's first.
func (s projectionsService) statuses(ctx context.Context, name string) (all []ProjectionStatus, err error) {
	for _, system := range systemProjections {
		if name == "" || name == system {
			status, err := s.systemStatus(ctx, system)
			if err != nil {
				return nil, err
			}
			all = append(all, status)
		}
	}
	if name != "" && all != nil {
		return all, nil
	}
	others, err := s.Projections.Statuses(ctx, name)
	return append(all, others...), err
}

// detailsOf tells of a projection in the protocol's words. No event waits for a checkpoint that is being
// written: what was emitted is written before it. Nothing is read back.
func detailsOf(p ProjectionStatus) *projections.StatisticsResp_Details {
	d := &projections.StatisticsResp_Details{
		Name:                        p.Name,
		EffectiveName:               p.Name,
		Mode:                        string(p.Mode),
		Status:                      string(p.State),
		StateReason:                 p.Fault,
		Version:                     p.Version,
		Epoch:                       p.Epoch,
		PartitionsCached:            int32Of(p.Partitions),
		Position:                    positionText(p.Position),
		LastCheckpoint:              checkpointText(p.Checkpoint),
		Progress:                    progress(p.Position, p.Head),
		EventsProcessedAfterRestart: p.Events,
		BufferedEvents:              int64(p.Buffered),
		CoreProcessingTime:          p.Busy.Milliseconds(),

		WritePendingEventsAfterCheckpoint: int32Of(p.Pending),
	}
	if p.Writing {
		d.WritesInProgress = 1
	}
	if p.Due {
		d.CheckpointStatus = "Requested"
	}
	return d
}

// positionText is a position as EventStoreDB writes it. Before the first event it is its own start.
func positionText(at eventstore.Position) string {
	if at == eventstore.Start {
		return "C:0/P:-1"
	}
	return fmt.Sprintf("C:%d/P:%d", at, at)
}

func checkpointText(at eventstore.Position) string {
	if at == eventstore.Start {
		return ""
	}
	return positionText(at)
}

// progress is how far a projection has come, in percent.
func progress(at, head eventstore.Position) float32 {
	if at >= head {
		return 100
	}
	return float32(float64(at) / float64(head) * 100)
}
