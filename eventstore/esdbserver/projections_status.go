package esdbserver

import (
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
	all, err := s.Projections.Statuses(call.Context(), name)
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

// detailsOf tells of a projection in the protocol's words. Reading and writing are not counted here:
// nothing is ever in progress or pending.
func detailsOf(p ProjectionStatus) *projections.StatisticsResp_Details {
	return &projections.StatisticsResp_Details{
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
	}
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
