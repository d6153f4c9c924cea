package main

import (
	"context"
	"encoding/json"
	"sync"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/projections"
)

const rebuildRoute = "/local/rebuild"

// rebuilding is the rebuild that a verb asked for over the socket, for the verb to ask again.
type rebuilding struct {
	mu    sync.Mutex
	state rebuildState
	done  sync.WaitGroup
}

// rebuild is the handler of POST rebuildRoute.
func (s *service) rebuild(_ context.Context, body []byte) (any, error) {
	var asked rebuildAsked
	if err := json.Unmarshal(body, &asked); err != nil {
		return nil, domain.ErrMalformed.Because("want start as JSON")
	}
	if s.models == nil {
		return nil, domain.ErrNotFound.Because("this service keeps no read models")
	}
	r := &s.rebuilds
	r.mu.Lock()
	defer r.mu.Unlock()
	if asked.Start && !r.state.Running {
		r.state = rebuildState{Running: true}
		r.done.Go(s.rebuildNow)
	}
	return r.state, nil
}

// rebuildNow ends with the models, at the latest: closing them ends a rebuild.
func (s *service) rebuildNow() {
	r := &s.rebuilds
	err := s.models.Rebuild(context.Background(), func(p projections.Progress) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.state.Events, r.state.Position, r.state.Head = p.Events, p.Position, p.Head
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	r.state.Running = false
	if err != nil {
		r.state.Failure = err.Error()
	}
}
