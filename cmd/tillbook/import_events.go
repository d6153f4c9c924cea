package main

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
)

// importsRoute records the begin and the end of imports, over the socket alone.
const importsRoute = "/local/imports"

// importNote is what it takes: one of its fields.
type importNote struct {
	Start    *domain.StartImport    `json:"start,omitempty"`
	Complete *domain.CompleteImport `json:"complete,omitempty"`
}

// recordImport is the handler of POST importsRoute.
func (s *service) recordImport(ctx context.Context, body []byte) (any, error) {
	var note importNote
	if err := json.Unmarshal(body, &note); err != nil {
		return nil, domain.ErrMalformed.Because("want start or complete as JSON")
	}
	var r domain.Registration
	switch {
	case note.Start != nil && note.Complete == nil:
		r = *note.Start
	case note.Complete != nil && note.Start == nil:
		r = *note.Complete
	default:
		return nil, domain.ErrMalformed.Because("want start or complete")
	}
	a, err := s.ledger.Register(ctx, ledger.Registering{Registration: r, Caller: caller})
	if err != nil {
		return nil, err
	}
	return map[string]uuid.UUID{"event_id": a.First().Metadata.EventID}, nil
}

// imports is the name space of imports' ids: one of the same bytes is the same import, begun again.
var imports = uuid.NewSHA1(uuid.NameSpaceURL, []byte("https://tillbook.dev/imports"))

// started records the begin. A service at a URL has no such route: there the operations tell alone.
func (i *importer) started(ctx context.Context) error {
	return i.note(ctx, importNote{Start: &domain.StartImport{ID: i.id(), FileHash: i.survey.hash}})
}

// completed records the end, with the control totals.
func (i *importer) completed(ctx context.Context) error {
	r := i.results
	return i.note(ctx, importNote{Complete: &domain.CompleteImport{
		ID: i.id(), Rows: i.survey.rows, Posted: r.all[posted], Repeated: r.all[repeated],
		Rejected: r.all[rejected], ControlTotals: r.control(),
	}})
}

func (i *importer) note(ctx context.Context, n importNote) error {
	if i.remote {
		return nil
	}
	return i.client.do(ctx, http.MethodPost, importsRoute, "", n, nil)
}

func (i *importer) id() uuid.UUID { return uuid.NewSHA1(imports, []byte(i.survey.hash)) }
