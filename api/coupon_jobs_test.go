package api_test

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/api"
	"github.com/tillbook/tillbook/domain"
)

// TestJobsOfLargeSegment: of a segment that holds more than a job takes one job follows another, each to
// its end; whoever comes between two is not among them, and to revoke the first revokes all.
func TestJobsOfLargeSegment(t *testing.T) {
	s := open(t, func(c *api.Config) { c.JobAccounts = 2 })
	s.addKey(domain.APIKey{Role: admin})
	springRuns(s)
	for i := range 5 {
		s.post("/v1/accounts", fmt.Sprintf(`{"customer_ref":"C-%d"}`, i)).is(201)
	}
	s.post("/v1/segments", `{"id":"all","name":"all","filter":{"field":"opened_at","op":"ge",
		"value":"2000-01-01T00:00:00Z"}}`).is(201)
	first := s.postOnce("j", "/v1/campaigns/spring/grants",
		`{"definition":"five","segment":"all","reason":"spring"}`).is(201).
		has(fields{"count": "2", "part": "1", "segment": "all"})
	s.postOnce("j", "/v1/campaigns/spring/grants",
		`{"definition":"five","segment":"all","reason":"spring"}`).is(201).has(fields{"id": first.at("id")})
	run := func(id string) {
		t.Helper()
		err := s.ledger.RunJob(t.Context(), uuid.MustParse(id), s.RestOfSegment)
		if err != nil {
			t.Fatal(err)
		}
	}
	s.get("/v1/jobs/" + first.at("id")).is(200).has(fields{"part": "1", "next": ""})
	id := first.at("id")
	for part, count := range []string{"2", "2", "1"} {
		run(id)
		run(id)
		got := s.get("/v1/jobs/" + id).is(200).has(fields{"state": "completed", "count": count, "done": count,
			"part": strconv.Itoa(part + 1)})
		if part == 1 {
			s.post("/v1/jobs/"+first.at("id")+"/revoke", `{"reason":"wrong"}`).refused(422, "job_running")
		}
		if next := got.at("next"); next != "" {
			s.get("/v1/jobs/" + next).is(200).has(fields{"previous": id, "state": "running"})
			id = next
		}
	}
	s.post("/v1/jobs/"+first.at("id")+"/stop", `{"reason":"wrong"}`).refused(422, "job_ended")
	s.get("/v1/coupons?campaign=spring&limit=9&min_position=" + fmt.Sprint(s.head())).is(200).
		has(fields{"data.4.status": "active", "data.5": ""})
	s.post("/v1/jobs/"+first.at("id")+"/revoke", `{"reason":"wrong"}`).is(201).
		has(fields{"target": first.at("id")})
	s.get("/v1/jobs/" + domain.RevocationID(uuid.MustParse(id)).String()).is(200).
		has(fields{"target": id, "count": "1"})
}

// TestStoppedPart: to stop a job of several stops the one that runs, and none follows it.
func TestStoppedPart(t *testing.T) {
	s := open(t, func(c *api.Config) { c.JobAccounts = 1 })
	s.addKey(domain.APIKey{Role: admin})
	springRuns(s)
	for i := range 3 {
		s.post("/v1/accounts", fmt.Sprintf(`{"customer_ref":"C-%d"}`, i)).is(201)
	}
	s.post("/v1/segments", `{"id":"all","name":"all","filter":{"field":"opened_at","op":"ge",
		"value":"2000-01-01T00:00:00Z"}}`).is(201)
	first := s.post("/v1/campaigns/spring/grants", `{"definition":"five","segment":"all","reason":"r"}`).
		is(201).at("id")
	if err := s.ledger.RunJob(t.Context(), uuid.MustParse(first), s.RestOfSegment); err != nil {
		t.Fatal(err)
	}
	second := s.get("/v1/jobs/" + first).is(200).at("next")
	s.post("/v1/jobs/"+first+"/stop", `{"reason":"enough"}`).is(200).
		has(fields{"id": second, "state": "stopped"})
	if err := s.ledger.RunJob(t.Context(), uuid.MustParse(second), s.RestOfSegment); err != nil {
		t.Fatal(err)
	}
	s.get("/v1/jobs/" + second).is(200).has(fields{"next": "", "done": "0"})
}
