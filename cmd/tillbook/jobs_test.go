package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/tillbook/tillbook/eventstore"
)

// jobTold is what GET /v1/jobs/{id} says.
type jobTold struct {
	ID, State                   string
	Count, Done, Rejected, Left int
	Total, Uncollected          struct{ Amount string }
}

// TestJobKilled kills the service at every step of a job that grants, to two accounts that exist and one
// that does not, and of the job that revokes it. Two others start on its log, at once, and end the job
// without being asked: each account has one grant, and the sums are theirs.
func TestJobKilled(t *testing.T) {
	const steps = 4 // the job begins, two accounts, the job ends
	for _, revoking := range []bool{false, true} {
		for n := 1; n <= steps; n++ {
			for _, stored := range []bool{false, true} {
				t.Run(fmt.Sprintf("revoking %t, append %d stored %t", revoking, n, stored), func(t *testing.T) {
					t.Parallel() // it waits for the runners, most of the time
					f := newSeveredFleet(t, false)
					c := f.start()
					path, body := "/v1/grants", grantOfTen
					if revoking {
						f.must(c, path, "granted", body)
						f.ended(c, f.job(c, path, "granted", body))
						path, body = "/v1/jobs/"+f.job(c, path, "granted", body)+"/revoke", `{"reason":"wrong"}`
					}
					dead := f.log.end(c, n, stored)
					if status, text, err := post(c, path, "k", body); (err == nil) != (n > 1) {
						t.Fatalf("got %d %s, %v", status, text, err)
					}
					<-dead
					f.start()
					f.start()
					id := f.job(f.nodes[1], path, "k", body)
					want := jobTold{ID: id, State: "completed", Count: 3, Done: 2, Rejected: 1}
					want.Total.Amount, want.Uncollected.Amount = "20.00", "0.00"
					for _, node := range f.nodes[1:] {
						if got := f.ended(node, id); got != want {
							t.Errorf("got %+v, want %+v", got, want)
						}
					}
					revoked, held := 0, [2]string{"110.00", "20.00"}
					if revoking {
						revoked, held = 2, [2]string{"100.00", "10.00"}
					}
					f.await(held)
					f.counts(map[string]int{"CreditGranted": 2, "CreditRevoked": revoked})
					f.clean()
				})
			}
		}
	}
}

const grantOfTen = `{"accounts":["K-0","K-1","NOBODY"],"amount":{"amount":"10.00","unit":"CNY"},
	"cause":"promo","reason":"spring"}`

// job is the id of the job that a key started.
func (f *severedFleet) job(c *process, path, key, body string) string {
	f.Helper()
	status, text, err := post(c, path, key, body)
	var told jobTold
	if err != nil || status != http.StatusCreated || json.Unmarshal(text, &told) != nil {
		f.Fatalf("%s: got %d %s, %v", path, status, text, err)
	}
	return told.ID
}

// ended waits until a job has ended. Each look waits for the log to grow.
func (f *severedFleet) ended(c *process, id string) (told jobTold) {
	f.Helper()
	for range 20 {
		status, text, err := send(http.MethodGet, c.url+"/v1/jobs/"+id, "", "")
		if err != nil || status != http.StatusOK || json.Unmarshal(text, &told) != nil {
			f.Fatalf("job: got %d %s, %v", status, text, err)
		}
		if told.State != "running" {
			return told
		}
		f.grown(c)
	}
	f.Fatalf("the job has not ended: %+v", told)
	return told
}

// grown waits a while for the log to grow.
func (f *severedFleet) grown(c *process) {
	f.Helper()
	head, err := f.log.Head(f.Context())
	if err != nil {
		f.Fatal(err)
	}
	_, _, _ = send(http.MethodGet, fmt.Sprintf("%s%s?min_position=%d&max_wait=2s", c.url,
		accountPath(0), head+1), "", "")
}

// counts checks how many events of some types the log holds.
func (f *severedFleet) counts(want map[string]int) {
	f.Helper()
	got := map[string]int{}
	for e, err := range f.log.ReadAll(f.Context(), eventstore.Start) {
		if err != nil {
			f.Fatal(err)
		}
		got[e.Type]++
	}
	for kind, n := range want {
		if got[kind] != n {
			f.Errorf("got %d of %s, want %d", got[kind], kind, n)
		}
	}
}
