package ledger_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
)

// activeCampaign makes an active campaign with a coupon, ten off.
func (j *jobbers) activeCampaign() *domain.Campaign {
	j.Helper()
	j.registerAs("maker", domain.DraftCampaign{ID: "auto",
		CampaignTerms: domain.CampaignTerms{Name: "Auto"}})
	j.registerAs("maker", domain.DefineCoupon{CampaignID: "auto", Definition: domain.Definition{ID: "ten",
		Kind: domain.AmountOff, Unit: "CNY", Value: domain.CouponValue{Amount: yuan("10")},
		Validity: domain.Validity{Days: 30}, Trigger: &domain.Trigger{On: domain.OnAccountOpened}}})
	j.registerAs("checker", domain.ApproveCampaign{ID: "auto"})
	j.registerAs("maker", domain.ActivateCampaign{ID: "auto"})
	for _, l := range j.nodes {
		if err := l.CatchUp(j.Context()); err != nil {
			j.Fatal(err)
		}
	}
	c, err := j.nodes[0].Campaign(j.Context(), "auto")
	if err != nil {
		j.Fatal(err)
	}
	return c
}

func (j *jobbers) registerAs(actor string, r domain.Registration) {
	j.Helper()
	_, err := j.nodes[0].Register(j.Context(), ledger.Registering{Registration: r,
		Key: uuid.NewString(), Caller: ledger.Caller{Actor: actor, Role: domain.RoleAdmin}})
	if err != nil {
		j.Fatal(err)
	}
}

// coupons counts accounts by how many live coupons they have.
func (j *jobbers) coupons() string {
	j.Helper()
	seen := map[int]int{}
	for _, id := range j.accounts {
		if v, err := j.nodes[0].Account(j.Context(), id); err == nil {
			seen[len(v.Coupons())]++
		}
	}
	return fmt.Sprint(seen)
}

// TestOccasionsGrantOnce: two nodes serve the same occasions at once, and then again.
func TestOccasionsGrantOnce(t *testing.T) {
	j := openJobbers(t, 2, 100)
	c := j.activeCampaign()
	var occasions []ledger.Occasion
	for _, id := range j.accounts {
		occasions = append(occasions, ledger.Occasion{Account: id, Name: "account_opened"})
	}
	for range 2 {
		var wait sync.WaitGroup
		for _, l := range j.nodes {
			wait.Go(func() {
				done, err := l.GrantOn(t.Context(), c, c.Definitions[0], occasions)
				if err != nil || done != len(occasions) {
					t.Errorf("got %d done, %v, want %d", done, err, len(occasions))
				}
			})
		}
		wait.Wait()
		if got := j.coupons(); got != "map[1:90]" {
			t.Fatalf("got %s coupons, want one each", got)
		}
	}
	j.registerAs("maker", domain.PauseCampaign{ID: "auto", Reason: "wrong"})
	for _, l := range j.nodes {
		if err := l.CatchUp(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	occasions = []ledger.Occasion{occasions[9], {Account: j.accounts[0], Name: "another"}, occasions[1]}
	if done, err := j.nodes[0].GrantOn(t.Context(), c, c.Definitions[0], occasions); done != 1 || err != nil {
		t.Errorf("got %d done, %v, want the one before what a paused campaign refused", done, err)
	}
}

// TestCouponJobOnTwoNodes: both serve every account, each gets one coupon, and a revocation takes those
// that are left.
func TestCouponJobOnTwoNodes(t *testing.T) {
	j := openJobbers(t, 2, 250)
	j.activeCampaign()
	id := domain.JobID("test", "coupons")
	j.register(domain.StartJob{ID: id, Accounts: j.accounts, JobTask: domain.JobTask{
		Kind: domain.JobCoupon, Campaign: "auto", Definition: "ten", Reason: "spring"}})
	j.run(id)
	j.want(id, domain.CompletedJob, 225, 25, "0")
	if got := j.coupons(); got != "map[1:225]" {
		t.Fatalf("got %s", got)
	}
	v, err := j.nodes[0].Account(t.Context(), j.accounts[0])
	if err != nil {
		t.Fatal(err)
	}
	_, err = j.nodes[0].Do(t.Context(), ledger.Request{Account: j.accounts[0],
		Command: domain.RecycleCoupon{CouponID: v.Coupons()[0].ID, Reason: "asked"},
		Caller:  ledger.Caller{Actor: "test"}})
	if err != nil {
		t.Fatal(err)
	}
	back := domain.RevocationID(id)
	j.register(domain.StartJob{ID: back, Count: 250, JobTask: domain.JobTask{Kind: domain.JobRevoke,
		Target: id, Campaign: "auto", Definition: "ten", Reason: "wrong"}})
	j.run(back)
	j.want(back, domain.CompletedJob, 224, 25, "0")
	job, err := j.nodes[0].Job(t.Context(), back)
	if got := j.coupons(); err != nil || job.Kept != 1 || got != "map[0:225]" {
		t.Errorf("got %d kept, %v, %s", job.Kept, err, got)
	}
}
