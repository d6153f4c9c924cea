package projections

import (
	"fmt"
	"math"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
)

// registers is a move that asks for one of some registrations.
func registers(name string, weight int, one func(c *chronicle) []domain.Registration) move {
	return move{name, weight, func(c *chronicle, r *rapid.T) {
		if r, ok := oneOf(r, one(c), name); ok {
			c.put(r)
		}
	}}
}

// campaignMoves are the life of a campaign, its codes, and jobs that give for it.
var campaignMoves = []move{
	registers("pause or end a campaign", 1, func(*chronicle) []domain.Registration {
		return []domain.Registration{domain.PauseCampaign{ID: "shop", Reason: "sold out"},
			domain.EndCampaign{ID: "past", Reason: "over"}}
	}),
	{"activate a campaign", 3, func(c *chronicle, _ *rapid.T) {
		if s, err := c.Campaign(c.Context(), "shop"); err == nil && s.Status != domain.CampaignIsActive {
			c.approve("shop")
			c.put(domain.ActivateCampaign{ID: "shop"})
		}
	}},
	registers("work on a campaign", 1, func(c *chronicle) []domain.Registration {
		return []domain.Registration{domain.DraftCampaign{ID: "past",
			CampaignTerms: domain.CampaignTerms{Name: "Past"}}, c.define("past", "cake"), c.define("shop", "cake")}
	}),
	registers("work on codes", 2, func(c *chronicle) []domain.Registration {
		code := domain.CodeRef{BatchID: batchOfCodes.ID, Serial: uint32(c.asked % 10)}
		return []domain.Registration{domain.GenerateCodes{CampaignID: "shop", CodeBatch: batchOfCodes},
			domain.ExportCodes{CampaignID: "shop", BatchID: batchOfCodes.ID},
			domain.VoidCode{CodeRef: code, Campaign: "shop", Reason: "leaked"}}
	}),
	{"start a job", 1, func(c *chronicle, r *rapid.T) {
		task := evenly(r, []domain.JobTask{
			{Kind: domain.JobGrant, Amount: yuan("3.00"), Cause: domain.CausePromo, Reason: "spring"},
			{Kind: domain.JobCoupon, Campaign: "shop", Definition: "cake", Reason: "thanks"},
		}, "task")
		c.startJob(task, c.accounts[:between(r, 1, len(c.accounts), "accounts")]...)
	}},
	{"serve late", 1, func(c *chronicle, _ *rapid.T) { c.lateJob() }},
	{"go on with a job", 2, func(c *chronicle, r *rapid.T) {
		id, ok := oneOf(r, c.jobs, "job")
		if !ok {
			return
		}
		switch between(r, 0, 3, "stop") {
		case 0:
			c.put(domain.StopJob{ID: id, Reason: "wrong"})
		case 1:
			c.revokeJob(id)
		default:
			c.runJob(id)
		}
	}},
}

// startJob starts a job for accounts, and answers its id.
func (c *chronicle) startJob(task domain.JobTask, accounts ...uuid.UUID) uuid.UUID {
	id := domain.JobID("maker", fmt.Sprint("job-", c.asked))
	c.put(domain.StartJob{ID: id, JobTask: task, Accounts: accounts})
	c.jobs = append(c.jobs, id)
	return id
}

// lateJob is a job of which one node says that it rejected an account, and that another served that later.
func (c *chronicle) lateJob() ledger.Answer {
	amount, who := yuan("3.00"), c.accounts[:2]
	id := c.startJob(domain.JobTask{Kind: domain.JobGrant, Amount: amount, Cause: domain.CausePromo,
		Reason: "late"}, who...)
	return c.put(domain.AdvanceJob{ID: id, Done: 1, Total: amount, Uncollected: cny.Zero(), Late: who[1:],
		Rejections: []domain.JobRejection{{AccountID: who[1], Code: domain.ErrAccountFrozen.Code}}})
}

// revokeJob takes back what a job granted.
func (c *chronicle) revokeJob(id uuid.UUID) {
	j, err := c.Job(c.Context(), id)
	if err != nil || j.Kind == domain.JobRevoke {
		return
	}
	revocation := domain.RevocationID(id)
	c.put(domain.StartJob{ID: revocation, Count: j.Count, JobTask: domain.JobTask{Kind: domain.JobRevoke,
		Target: id, Amount: j.Amount, Campaign: j.Campaign, Definition: j.Definition, Reason: "wrong"}})
	c.runJob(revocation)
}

func (c *chronicle) runJob(id uuid.UUID) {
	c.tell(id, domain.JobStream(id), func(string) (ledger.Answer, error) {
		return ledger.Answer{}, c.RunJob(c.Context(), id, nil)
	})
}

// tillMoves are a terminal's day.
var tillMoves = []move{
	{"open a shift", 1, func(c *chronicle, r *rapid.T) {
		c.openShift(evenly(r, []string{"T1", "T2"}, "terminal"))
	}},
	{"close a shift", 1, func(c *chronicle, r *rapid.T) {
		if id, ok := oneOf(r, c.shifts, "shift"); ok {
			c.put(c.counted(id))
		}
	}},
	{"upload what a till kept", 1, func(c *chronicle, r *rapid.T) {
		var items []ledger.Item
		for range between(r, 1, 3, "items") {
			items = append(items, c.item(evenly(r, c.accounts, "account"), money(r, 80)))
		}
		c.seq += int64(between(r, 0, 1, "gap"))
		c.upload(items...)
	}},
	{"resolve an exception", 1, func(c *chronicle, r *rapid.T) {
		if id, ok := oneOf(r, c.exceptions(), "exception"); ok {
			c.put(domain.ResolveException{ID: id, How: "paid"})
		}
	}},
}

func (c *chronicle) openShift(terminal string) ledger.Answer {
	open := domain.OpenShift{Store: "S1", Terminal: terminal, Name: "morning"}
	a := c.tell(open, terminal, func(key string) (ledger.Answer, error) {
		return c.OpenShift(c.Context(), c.registering(nil, key), open, 0)
	})
	if len(a.Events) > 0 {
		c.shifts = append(c.shifts, a.First().Event.(domain.ShiftOpened).ShiftID)
	}
	return a
}

// counted says that the till counted one debit, and what the ledger has in the shift's window.
func (c *chronicle) counted(id uuid.UUID) domain.CloseShift {
	o := askOracle(c, c.store)
	closing := domain.CloseShift{ID: id, Totals: []domain.Total{
		{Type: domain.OpDebit, Count: 1, Amount: yuan("5.00")}}}
	for _, row := range o.window(o.tables["shifts"][id.String()], math.MaxInt64) {
		settled := domain.Settled{Type: domain.Operation(row["type"]), AccountID: uuid.MustParse(row["account_id"]),
			EventID: uuid.MustParse(row["event_id"]), PosTxnID: row["pos_txn_id"], Shift: row["shift"],
			BusinessDate: row["business_date"]}
		if err := settled.Amount.UnmarshalText([]byte(row["amount"] + " " + row["unit"])); err != nil {
			c.Fatal(err)
		}
		closing.Settled = append(closing.Settled, settled)
	}
	return closing
}

// item is a debit that a till took while it was cut off.
func (c *chronicle) item(account uuid.UUID, amount domain.Money) ledger.Item {
	c.seq++
	q := c.request(account, domain.OfflineDebit{Amount: amount}, "", domain.Context{Store: "S1",
		Terminal: "T1", PosTxnID: fmt.Sprint("U-", c.seq), OccurredAt: c.now, Channel: domain.ChannelOffline})
	return ledger.Item{Seq: c.seq, Amount: amount, Request: q}
}

func (c *chronicle) upload(items ...ledger.Item) {
	c.tell(items, "T1", func(key string) (ledger.Answer, error) {
		return c.Upload(c.Context(), ledger.Batch{Registering: c.registering(nil, key), Items: items,
			Upload: domain.UploadBatch{ID: domain.BatchID("maker", key), Store: "S1", Terminal: "T1",
				ItemsHash: domain.Hash{1}}})
	})
}

// exceptions are those that the batches have raised.
func (c *chronicle) exceptions() (all []uuid.UUID) {
	for _, p := range c.answered["BatchUploaded"] {
		e := p.Event.(domain.BatchUploaded)
		for _, r := range e.Results {
			if kind := domain.ExceptionKind(r.Status); r.Status != domain.ItemPosted {
				all = append(all, domain.ExceptionID(e.Store, e.Terminal, r.Seq, kind))
			}
		}
	}
	return all
}

// registryMoves are what the service is set up with.
var registryMoves = []move{
	registers("set a store", 1, func(c *chronicle) []domain.Registration {
		return []domain.Registration{domain.SetStore{Store: domain.Store{ID: "S3", Name: fmt.Sprint(c.asked),
			Zone: "UTC", DayCut: "00:00", Status: "open"}}, domain.SetStore{Store: domain.Store{ID: "S1",
			Name: fmt.Sprint(c.asked), Zone: "Asia/Tokyo", DayCut: "05:00", Status: "closed"}}}
	}),
	registers("publish a program", 1, func(c *chronicle) []domain.Registration {
		return []domain.Registration{domain.PublishProgram{ID: "club", Accounts: c.accounts[1:2],
			Terms: fromJSON[domain.Terms](c, termsOf["default"])}, domain.PublishProgram{ID: "club",
			Accounts: c.accounts[1:4], Terms: fromJSON[domain.Terms](c, termsOf["club"])}}
	}),
	registers("save a segment", 1, func(c *chronicle) []domain.Registration {
		return []domain.Registration{domain.DefineSegment{Segment: segment("regulars", "eq")},
			domain.ChangeSegment{Segment: segment("regulars", "ne")}}
	}),
	livesOn("work on a projection", 2, func(*chronicle) []domain.Registration { return projectionLife("sums") }),
	livesOn("work on a webhook", 1, func(*chronicle) []domain.Registration { return webhookLife }),
	livesOn("work on a key", 1, func(*chronicle) []domain.Registration { return keyLife }),
	livesOn("import", 1, func(c *chronicle) []domain.Registration {
		id := uuid.UUID{9, byte(c.lived["import"] / 2)}
		return []domain.Registration{domain.StartImport{ID: id, FileHash: domain.Hash{}.String()},
			domain.CompleteImport{ID: id, Rows: 3, Posted: 2, Rejected: 1}}
	}),
}

// livesOn is a move that asks for what comes next in a life, in its order: few others are allowed.
func livesOn(name string, weight int, life func(c *chronicle) []domain.Registration) move {
	return move{name, weight, func(c *chronicle, r *rapid.T) {
		for range between(r, 1, len(life(c)), "as far as") {
			all := life(c)
			c.put(all[c.lived[name]%len(all)])
			c.lived[name]++
		}
	}}
}

func segment(id, op string) domain.Segment {
	return domain.Segment{ID: id, Name: "Regulars " + op, Filter: domain.Selection{Field: domain.SelectTag,
		Op: domain.SelectionOp(op), Value: "regular"}}
}

// projectionLife is all that can be asked of a projection, in an order in which nothing is refused.
func projectionLife(name string) []domain.Registration {
	script := domain.ProjectionScript{Name: name, Query: "fromAll().when({})"}
	named := domain.NamedProjection{Name: name}
	return []domain.Registration{domain.CreateProjection{ProjectionScript: script},
		domain.UpdateProjection{ProjectionScript: script}, domain.DropProjection{NamedProjection: named},
		domain.UpdateProjection{ProjectionScript: script}, domain.PromoteProjection{NamedProjection: named},
		domain.DisableProjection{NamedProjection: named}, domain.EnableProjection{NamedProjection: named},
		domain.ResetProjection{NamedProjection: named}, domain.DeleteProjection{NamedProjection: named}}
}

var webhook = domain.Webhook{ID: uuid.UUID{8}, URL: "https://shop.invalid/hook",
	Status: domain.WebhookActive, SealedSecret: "c2VjcmV0"}

// webhookLife and keyLife are the same of a webhook and an API key.
var (
	webhookLife = []domain.Registration{domain.RegisterWebhook{Webhook: webhook},
		domain.ChangeWebhook{Webhook: domain.Webhook{ID: webhook.ID, URL: webhook.URL + "/2",
			Status: domain.WebhookActive}},
		domain.PauseWebhook{ID: webhook.ID, Reason: "gone"}, domain.RemoveWebhook{ID: webhook.ID}}
	keyLife = []domain.Registration{domain.CreateKey{APIKey: domain.APIKey{ID: uuid.UUID{6}, Name: "till",
		Role: domain.RolePOS, Hash: domain.Hash{6}, Last4: "abcd"}}, domain.RevokeKey{ID: uuid.UUID{6}}}
)

// timeMoves are what time brings about: everything that is due, on every account.
var timeMoves = []move{
	{"sweep", 2, func(c *chronicle, _ *rapid.T) { c.sweep() }},
	{"days pass", 4, func(c *chronicle, r *rapid.T) {
		c.pass(evenly(r, []int{1, 1, 3, 6, 16, 31}, "days"))
	}},
}

// pass lets days pass, and sweeps.
func (c *chronicle) pass(days int) {
	c.now = c.now.AddDate(0, 0, days)
	c.sweep()
}

// sweep posts what is due on every account, charges among it.
func (c *chronicle) sweep() {
	for _, id := range c.accounts {
		for _, do := range []func() error{
			func() error { return c.Sweep(c.Context(), id) },
			func() error { return c.Charge(c.Context(), id) },
		} {
			c.tell(id, domain.AccountStream(id), func(string) (ledger.Answer, error) { return ledger.Answer{}, do() })
		}
	}
}
