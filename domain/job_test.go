package domain

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

// history registers one after the other on one stream, by the stored bytes; what they must say is
// their answer: done, a refusal, or nothing where events were posted.
type history []Posted

func (h *history) tell(t testing.TB, r Registration) string {
	t.Helper()
	posted, err := Register(*h, r, Moment{Recorded: noon, Decided: noon, Actor: "a"})
	if err != nil {
		return answer(nil, err)
	}
	var types []string
	for _, p := range posted {
		kind, data, metadata, err := Encode(p)
		if err != nil {
			t.Fatal(err)
		}
		read, err := Decode(kind, data, metadata, p.Revision)
		if err != nil {
			t.Fatal(err)
		}
		*h = append(*h, read)
		types = append(types, kind)
	}
	return strings.Join(types, " ")
}

func numbered(n int) []uuid.UUID {
	ids := make([]uuid.UUID, n)
	for i := range ids {
		binary.BigEndian.PutUint32(ids[i][:], uint32(i+1))
	}
	return ids
}

var sent = JobTask{Kind: JobGrant, Amount: cny("10"), Cause: CausePromo, Reason: "spring"}

func TestStartJob(t *testing.T) {
	with := func(edit func(*StartJob)) StartJob {
		s := StartJob{ID: JobID("a", "k"), JobTask: sent, Accounts: numbered(3)}
		edit(&s)
		return s
	}
	revoking := StartJob{ID: RevocationID(JobID("a", "k")), Count: 3, JobTask: JobTask{
		Kind: JobRevoke, Target: JobID("a", "k"), Amount: cny("10"), Reason: "wrong"}}
	for _, c := range []struct {
		name string
		when StartJob
		then string
	}{
		{"starts", with(func(*StartJob) {}), "JobStarted JobListed"},
		{"long lists in parts", with(func(s *StartJob) { s.Accounts = numbered(10_000) }),
			"JobStarted JobListed JobListed JobListed JobListed JobListed"},
		{"revokes", revoking, "JobStarted"},
		{"a revocation without reason", func() StartJob { r := revoking; r.Reason = ""; return r }(),
			"malformed reason"},
		{"a refund has its own route", with(func(s *StartJob) { s.Cause = CauseUnreferencedRefund }),
			"malformed cause"},
		{"so have balances", with(func(s *StartJob) { s.Cause = CauseOpeningBalance }), "malformed cause"},
		{"nothing", with(func(s *StartJob) { s.Amount = cny("0") }), "amount_not_positive"},
		{"no reason before accounts", with(func(s *StartJob) { s.Reason, s.Accounts = "", nil }),
			"malformed reason"},
		{"no accounts", with(func(s *StartJob) { s.Accounts = nil }), "malformed accounts"},
		{"too many", with(func(s *StartJob) { s.Accounts = numbered(10_001) }), "malformed accounts"},
		{"one twice", with(func(s *StartJob) { s.Accounts[2] = s.Accounts[0] }), "malformed accounts"},
	} {
		var h history
		if got := h.tell(t, c.when); got != c.then {
			t.Errorf("%s: got %s, want %s", c.name, got, c.then)
		}
	}
	var h history
	h.tell(t, revoking)
	if got := h.tell(t, revoking); got != "done by JobStarted" {
		t.Errorf("revoked twice: got %s", got)
	}
	var big history
	big.tell(t, with(func(s *StartJob) { s.Accounts = numbered(10_000) }))
	size := 0
	for _, p := range big {
		_, data, metadata, _ := Encode(p)
		size += len(data) + len(metadata)
	}
	if size > 512<<10 || len(JobOf(big).Accounts) != 10_000 {
		t.Errorf("got %d bytes for %d accounts, want one append", size, len(JobOf(big).Accounts))
	}
}

func TestJobRepeats(t *testing.T) {
	var h history
	start := StartJob{ID: JobID("a", "k"), JobTask: sent, Accounts: numbered(3)}
	h.tell(t, start)
	if got := DifferingRegistration(h[0], start); len(got) > 0 {
		t.Errorf("got %v differing", got)
	}
	start.Accounts = numbered(2)
	if got := fmt.Sprint(DifferingRegistration(h[0], start)); got != "[accounts]" {
		t.Errorf("got %s differing, want accounts", got)
	}
}

func TestAdvanceAndStopJob(t *testing.T) {
	id := JobID("a", "k")
	step := func(from, done int, rejected ...uuid.UUID) AdvanceJob {
		a := AdvanceJob{ID: id, From: from, Done: done, Total: cny("0"), Uncollected: cny("0")}
		for range done {
			a.Total = a.Total.Add(cny("10"))
		}
		for _, r := range rejected {
			a.Rejections = append(a.Rejections, JobRejection{r, "not_found"})
		}
		return a
	}
	late := step(2, 1)
	late.Late = numbered(2)[1:]
	stop := StopJob{id, "wrong list"}
	begin := StartJob{ID: id, JobTask: sent, Accounts: numbered(3)}
	for _, c := range []struct {
		name  string
		given []Registration
		when  Registration
		then  string
		state string
	}{
		{"a step", []Registration{begin}, step(0, 1, numbered(2)[1]), "JobProgressed",
			"running 2 1 1 10.00 CNY"},
		{"the last", []Registration{begin, step(0, 1, numbered(2)[1])}, step(2, 1),
			"JobProgressed JobCompleted", "completed 3 2 1 20.00 CNY"},
		{"another node was faster", []Registration{begin, step(0, 2)}, step(0, 2),
			"done by JobProgressed", "running 2 2 0 20.00 CNY"},
		{"one was served late", []Registration{begin, step(0, 1, numbered(2)[1])}, late,
			"JobProgressed JobCompleted", "completed 3 3 0 30.00 CNY"},
		{"no job", nil, step(0, 1), "not_found", ""},
		{"stop", []Registration{begin}, stop, "JobStopped", "stopped 0 0 0 0.00 CNY"},
		{"stop again", []Registration{begin, stop}, stop, "done by JobStopped", "stopped 0 0 0 0.00 CNY"},
		{"the step that was under way", []Registration{begin, stop}, step(0, 2), "JobProgressed",
			"stopped 2 2 0 20.00 CNY"},
		{"stop what has ended", []Registration{begin, step(0, 3)}, stop, "job_ended",
			"completed 3 3 0 30.00 CNY"},
		{"stop without reason before job", nil, StopJob{ID: id}, "malformed reason", ""},
		{"stop no job", nil, stop, "not_found", ""},
	} {
		var h history
		for _, r := range c.given {
			h.tell(t, r)
		}
		got, state := h.tell(t, c.when), ""
		if j := JobOf(h); j != nil {
			state = fmt.Sprint(j.State, " ", j.Next, " ", j.Done, " ", len(j.Rejections), " ", j.Total)
		}
		if got != c.then || state != c.state {
			t.Errorf("%s: got %s, %s, want %s, %s", c.name, got, state, c.then, c.state)
		}
	}
}

// However a job's steps fall, every account is served or rejected once, and the sums are theirs.
func TestJobAddsUp(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		n := rapid.IntRange(1, 700).Draw(r, "accounts")
		var h history
		h.tell(t, StartJob{ID: JobID("a", "k"), JobTask: sent, Accounts: numbered(n)})
		served := map[uuid.UUID]bool{}
		for j := JobOf(h); j.State == RunningJob; j = JobOf(h) {
			a := AdvanceJob{ID: j.ID, From: j.Next, Total: cny("0"), Uncollected: cny("0")}
			for _, id := range j.Step() {
				if served[id] {
					t.Fatalf("account %s is served twice", id)
				}
				served[id] = true
				if rapid.Bool().Draw(r, "served") {
					a.Done, a.Total = a.Done+1, a.Total.Add(j.Amount)
				} else {
					a.Rejections = append(a.Rejections, JobRejection{id, "not_found"})
				}
			}
			if got := h.tell(t, a); !strings.HasPrefix(got, "JobProgressed") {
				t.Fatalf("got %s", got)
			}
		}
		j := JobOf(h)
		want := MustMoney(fmt.Sprint(10*j.Done), unit("CNY"))
		if len(served) != n || j.Done+len(j.Rejections) != n || !j.Total.Equal(want) {
			t.Fatalf("got %d done, %d rejected and %s of %d", j.Done, len(j.Rejections), j.Total, n)
		}
	})
}

var couponed = JobTask{Kind: JobCoupon, Campaign: "spring", Definition: "ten@1", Reason: "spring"}

func TestCouponJob(t *testing.T) {
	id := JobID("a", "k")
	with := func(edit func(*StartJob)) StartJob {
		s := StartJob{ID: id, JobTask: couponed, Accounts: numbered(3)}
		edit(&s)
		return s
	}
	for _, c := range []struct {
		name string
		when StartJob
		then string
	}{
		{"starts", with(func(*StartJob) {}), "JobStarted JobListed"},
		{"of a segment", with(func(s *StartJob) { s.Segment = "vip" }), "JobStarted JobListed"},
		{"no reason before campaign", with(func(s *StartJob) { s.Reason, s.Campaign = "", "" }),
			"malformed reason"},
		{"no campaign", with(func(s *StartJob) { s.Campaign = "" }), "malformed campaign"},
		{"no definition", with(func(s *StartJob) { s.Definition = "" }), "malformed definition"},
		{"a segment of nobody", with(func(s *StartJob) { s.Segment, s.Accounts = "vip", nil }),
			"limit_exceeded"},
		{"a segment too large", with(func(s *StartJob) { s.Segment, s.Accounts = "vip", numbered(10_001) }),
			"limit_exceeded"},
		{"a kind of none", with(func(s *StartJob) { s.Kind = "x" }), "amount_not_positive"},
	} {
		var h history
		if got := h.tell(t, c.when); got != c.then {
			t.Errorf("%s: got %s, want %s", c.name, got, c.then)
		}
	}
	var h history
	h.tell(t, with(func(s *StartJob) { s.Segment = "vip" }))
	other := with(func(s *StartJob) { s.Segment, s.Accounts = "vip", numbered(2) })
	if got := DifferingRegistration(h[0], other); len(got) > 0 {
		t.Errorf("a segment that holds others now: got %v differing, want none", got)
	}
	other.Segment = ""
	if got := fmt.Sprint(DifferingRegistration(h[0], other)); got != "[accounts segment]" {
		t.Errorf("got %s differing", got)
	}
	if _, grants := JobOf(h).Command().(GrantCoupon); !grants {
		t.Errorf("got %T", JobOf(h).Command())
	}
	rejected := []JobRejection{{numbered(1)[0], "coupon_limit"}}
	if got := h.tell(t, AdvanceJob{ID: id, Done: 2, Rejections: rejected}); got !=
		"JobProgressed JobCompleted" {
		t.Errorf("got %s", got)
	}
	task := JobTask{Kind: JobRevoke, Target: id, Campaign: "spring", Definition: "ten@1", Reason: "wrong"}
	var back history
	back.tell(t, StartJob{ID: RevocationID(id), Count: 3, JobTask: task})
	if _, revokes := JobOf(back).Command().(RevokeCoupon); !revokes {
		t.Errorf("got %T", JobOf(back).Command())
	}
	back.tell(t, AdvanceJob{ID: RevocationID(id), Done: 1, Kept: 1, Rejections: rejected})
	if j := JobOf(back); j.State != CompletedJob || j.Done != 1 || j.Kept != 1 || j.Next != 3 {
		t.Errorf("got %+v", j)
	}
}
