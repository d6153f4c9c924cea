package api_test

import (
	"io"
	"log/slog"
	"testing"

	"github.com/tillbook/tillbook/api"
	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/projections"
	"github.com/tillbook/tillbook/projections/placetest"
)

// TestSlowSegments: a segment whose query may not take the time it needs is told as busy.
func TestSlowSegments(t *testing.T) {
	s := open(t, func(c *api.Config) {
		models, err := projections.Open(t.Context(), placetest.Place(t), c.Store, projections.Options{
			SelectionTime: 1, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := models.Close(); err != nil {
				t.Error(err)
			}
		})
		c.Models = models
	})
	s.addKey(domain.APIKey{Role: admin})
	const filter = `{"filter":{"field":"recency","op":"ge","value":"0"}}`
	s.post("/v1/segments", `{"id":"all","name":"all",`+filter[1:]).is(201)
	s.post("/v1/segments/preview", filter).refused(503, "busy")
	for _, path := range []string{"/count", "/members", "/export"} {
		s.get("/v1/segments/all"+path).refused(503, "busy")
	}
}
