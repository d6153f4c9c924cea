package esdbserver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/projections"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// projectionsService is EventStoreDB's Projections. Statistics is in projections_status.go.
type projectionsService struct {
	projections.UnimplementedProjectionsServer
	*Server
}

// Create makes a projection of the mode that is asked for.
func (s projectionsService) Create(ctx context.Context,
	req *projections.CreateReq) (*projections.CreateResp, error) {
	p := Projection{Query: req.GetOptions().GetQuery()}
	switch mode := req.GetOptions().GetMode().(type) {
	case *projections.CreateReq_Options_OneTime:
		p.Mode, p.Name = OneTime, uuid.NewString()
	case *projections.CreateReq_Options_Transient_:
		p.Mode, p.Name = Transient, mode.Transient.GetName()
	case *projections.CreateReq_Options_Continuous_:
		p.Mode, p.Name, p.Emit = Continuous, mode.Continuous.GetName(), mode.Continuous.GetEmitEnabled()
		if mode.Continuous.GetTrackEmittedStreams() {
			return nil, status.Error(codes.Unimplemented, "Emitted streams are not tracked.")
		}
	default:
		return nil, invalid("Required field Mode not set.")
	}
	if strings.TrimSpace(p.Name) == "" {
		return nil, invalid("Projection name is required")
	}
	return &projections.CreateResp{}, s.manage(ctx, p.Name, func(caller string) error {
		return s.Projections.Create(ctx, caller, p)
	})
}

// Update gives a projection another script.
func (s projectionsService) Update(ctx context.Context,
	req *projections.UpdateReq) (*projections.UpdateResp, error) {
	o := req.GetOptions()
	var emit *bool
	if option, ok := o.GetEmitOption().(*projections.UpdateReq_Options_EmitEnabled); ok {
		emit = &option.EmitEnabled
	}
	return &projections.UpdateResp{}, s.manage(ctx, o.GetName(), func(caller string) error {
		return s.Projections.Update(ctx, caller, o.GetName(), o.GetQuery(), emit)
	})
}

// Delete ends a projection. State and checkpoints are in no streams, so they go with it in any case.
func (s projectionsService) Delete(ctx context.Context,
	req *projections.DeleteReq) (*projections.DeleteResp, error) {
	if req.GetOptions().GetDeleteEmittedStreams() {
		return nil, status.Error(codes.Unimplemented, "Emitted streams are not tracked: they stay.")
	}
	name := req.GetOptions().GetName()
	return &projections.DeleteResp{}, s.manage(ctx, name, func(caller string) error {
		return s.Projections.Delete(ctx, caller, name)
	})
}

// Enable starts a projection.
func (s projectionsService) Enable(ctx context.Context,
	req *projections.EnableReq) (*projections.EnableResp, error) {
	name := req.GetOptions().GetName()
	if slices.Contains(systemProjections, name) { // they always run
		return &projections.EnableResp{}, nil
	}
	return &projections.EnableResp{}, s.manage(ctx, name, func(caller string) error {
		return s.Projections.Enable(ctx, caller, name)
	})
}

// Disable stops a projection. Its checkpoint is written even if the client does not want it, as when
// it aborts one: it would only be done again.
func (s projectionsService) Disable(ctx context.Context,
	req *projections.DisableReq) (*projections.DisableResp, error) {
	name := req.GetOptions().GetName()
	return &projections.DisableResp{}, s.manage(ctx, name, func(caller string) error {
		return s.Projections.Disable(ctx, caller, name)
	})
}

// Reset has a projection begin anew.
func (s projectionsService) Reset(ctx context.Context,
	req *projections.ResetReq) (*projections.ResetResp, error) {
	name := req.GetOptions().GetName()
	return &projections.ResetResp{}, s.manage(ctx, name, func(caller string) error {
		return s.Projections.Reset(ctx, caller, name)
	})
}

// RestartSubsystem ends transient projections and has faulted ones try again.
func (s projectionsService) RestartSubsystem(ctx context.Context,
	_ *shared.Empty) (*shared.Empty, error) {
	return &shared.Empty{}, s.manage(ctx, "", func(caller string) error {
		return s.Projections.Restart(ctx, caller)
	})
}

// State tells of a partition's state.
func (s projectionsService) State(ctx context.Context,
	req *projections.StateReq) (*projections.StateResp, error) {
	name := req.GetOptions().GetName()
	document, err := s.Projections.State(ctx, name, req.GetOptions().GetPartition())
	if err != nil {
		return nil, s.projectionRefusal(ctx, name, err)
	}
	value, err := valueOf(document)
	return &projections.StateResp{State: value}, s.untold(ctx, name, err)
}

// Result tells of what is made of a partition's state.
func (s projectionsService) Result(ctx context.Context,
	req *projections.ResultReq) (*projections.ResultResp, error) {
	name := req.GetOptions().GetName()
	document, err := s.Projections.Result(ctx, name, req.GetOptions().GetPartition())
	if err != nil {
		return nil, s.projectionRefusal(ctx, name, err)
	}
	value, err := valueOf(document)
	return &projections.ResultResp{Result: value}, s.untold(ctx, name, err)
}

// manage changes something for a caller who may.
func (s projectionsService) manage(ctx context.Context, name string, do func(caller string) error) error {
	caller := "anonymous" // in plain text nobody proves a name
	if s.TLS != nil && s.Users != nil {
		caller = callerOf(ctx)
		if !s.Analyst(caller) {
			return accessDenied(ctx)
		}
	}
	if isSystemProjection(name) {
		return systemRefusal(ctx, name)
	}
	return s.projectionRefusal(ctx, name, do(caller))
}

// untold is what a caller hears of a document that the protocol cannot tell.
func (s projectionsService) untold(ctx context.Context, name string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errTooMany):
		return status.Errorf(codes.ResourceExhausted, "Projection '%s': %v", name, err)
	}
	return s.failure(ctx, fmt.Errorf("document of projection %s: %w", name, err))
}

// projectionRefusal is what a caller is told of an error about a projection. EventStoreDB 24.2 tells
// all of them as Unknown; its successors say NotFound. Clients look at nothing but the code.
func (s projectionsService) projectionRefusal(ctx context.Context, name string, err error) error {
	var bad *BadProjection
	var fault *ProjectionFault
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrNoProjection):
		return refuse(ctx, codes.NotFound, "projection-not-found", "Projection '"+name+"' not found",
			"projection-name", name)
	case errors.Is(err, ErrProjectionExists):
		return refuse(ctx, codes.AlreadyExists, "projection-exists",
			"Duplicate projection names : "+name, "projection-name", name)
	case errors.Is(err, ErrProjectionRuns):
		return refuse(ctx, codes.FailedPrecondition, "projection-runs",
			"Cannot delete a projection that hasn't been stopped or faulted.", "projection-name", name)
	case errors.Is(err, ErrProjectionsStarting):
		return status.Error(codes.Unavailable, "Server Is Not Ready")
	case errors.As(err, &bad):
		return invalid("%s", bad.Reason)
	case errors.As(err, &fault):
		return status.Error(codes.FailedPrecondition, fault.Reason)
	}
	return s.failure(ctx, err)
}
