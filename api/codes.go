package api

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"

	"github.com/gofiber/fiber/v2"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
	"github.com/tillbook/tillbook/domain/vault"
)

// voiders end codes: who made them, and who hears that one was lost.
var voiders = []domain.Role{domain.RoleMarketing, domain.RoleSupport, domain.RoleAdmin}

func (s *Server) codeRoutes() []*route {
	post := func(path, id string, roles []domain.Role, serve handler) *route {
		return &route{method: "POST", path: path, id: id, roles: roles, query: dry, serve: serve,
			unbound: true}
	}
	return []*route{
		post(campaign+"/codes", "generateCodes", campaigners, generateCodes),
		post(campaign+"/codes/{batch_id}/export", "exportCodes", campaigners, exportCodes),
		post("/v1/codes/void", "voidCode", voiders, voidCode),
		{method: "GET", path: campaign + "/codes", id: "listCodeBatches", roles: campaignReaders,
			query: fresh, serve: listCodeBatches, unbound: true},
	}
}

// generateCodes draws a batch and records it. What cannot be recorded is not drawn.
func generateCodes(c *call) error {
	key, dryRun, err := c.once()
	if err != nil {
		return err
	}
	body, err := c.body(c.s.BodyLimit)
	if err != nil {
		return err
	}
	var b struct {
		Definition string `json:"definition"`
		Count      int    `json:"count"`
	}
	if err := decode(body, &b); err != nil {
		return err
	}
	id := c.Params("campaign_id")
	g := domain.GenerateCodes{CampaignID: id, CodeBatch: domain.CodeBatch{
		ID: domain.CodeBatchID(id, c.who.Actor, key), Definition: b.Definition, Count: b.Count}}
	if g.KeyID, err = c.s.Codes.KeyID(); err != nil {
		return err
	}
	q := ledger.Registering{Registration: g, Key: key, Caller: c.who.Caller,
		CorrelationID: c.correlation(), DryRun: true}
	a, err := c.s.Ledger.Register(context.Background(), q)
	if err != nil || dryRun || a.Replayed {
		return c.answer(a, err, dryRun)
	}
	if g.Skipped, err = c.s.Codes.Add(c.s.stop, batchOf(&g.CodeBatch)); err != nil {
		return err
	}
	if g.ListHash, err = c.s.listHash(&g.CodeBatch); err != nil {
		return err
	}
	q.Registration, q.DryRun = g, false
	a, err = c.s.Ledger.Register(context.Background(), q)
	return c.answer(a, err, false)
}

// batchOf is what the vault needs to know of a batch.
func batchOf(b *domain.CodeBatch) vault.Batch {
	return vault.Batch{ID: b.ID, KeyID: b.KeyID, Count: b.Count, Serials: b.Serials}
}

// writeCodes writes a batch's codes as a CSV file of one column.
func (s *Server) writeCodes(w io.Writer, b *domain.CodeBatch) error {
	of, err := s.Codes.Of(batchOf(b))
	if err != nil {
		return err
	}
	line := []byte("code\n")
	if _, err := w.Write(line); err != nil {
		return err
	}
	for serial := range b.Serials {
		line = append(append(line[:0], domain.PrintCode(of(serial))...), '\n')
		if _, err := w.Write(line); err != nil {
			return err
		}
	}
	return nil
}

func (s *Server) listHash(b *domain.CodeBatch) (domain.Hash, error) {
	sum := sha256.New()
	if err := s.writeCodes(sum, b); err != nil {
		return domain.Hash{}, err
	}
	return domain.Hash(sum.Sum(nil)), nil
}

// exportCodes hands a batch's codes out, once: what is recorded before the first of them is sent. A list
// that is not the one that was generated is not handed out.
func exportCodes(c *call) error {
	id, err := c.pathID("batch_id")
	if err != nil {
		return err
	}
	body, err := c.body(c.s.BodyLimit)
	if err != nil {
		return err
	}
	if len(body) > 0 { // there is nothing that a body must say
		if err := decode(body, &struct{}{}); err != nil {
			return err
		}
	}
	x := domain.ExportCodes{CampaignID: c.Params("campaign_id"), BatchID: id}
	known, err := c.s.Ledger.Campaign(context.Background(), x.CampaignID)
	if err != nil {
		return err
	}
	var batch *domain.CodeBatch
	if known != nil {
		batch = known.Batch(id)
	}
	if batch == nil {
		return domain.ErrNotFound.Because("the campaign has no such batch")
	}
	if !batch.ExportedAt.IsZero() {
		return domain.ErrCodesExported
	}
	sum, err := c.s.listHash(batch)
	if err != nil {
		return err
	}
	if sum != batch.ListHash {
		return errors.New("the codes of batch " + id.String() + " are not those that were generated")
	}
	a, dryRun, err := c.registering(x)
	if err == nil && a.Replayed {
		err = domain.ErrCodesExported // codes are told once
	}
	if err != nil || dryRun {
		return c.answer(a, err, dryRun)
	}
	c.at(a.Position)
	c.Set("Cache-Control", "no-store")
	c.Set("Repr-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(sum[:])+":")
	c.Set(fiber.HeaderContentDisposition, fmt.Sprintf(`attachment; filename="%s.csv"`, id))
	c.Response().Header.SetContentType("text/csv; charset=utf-8")
	c.stream(func(w *bufio.Writer) {
		if err := c.s.writeCodes(w, batch); err != nil {
			c.s.Logger.Error("codes not sent to their end", "batch", id, "err", err)
		}
	}, func() {})
	return nil
}

func (o *out) codesGenerated(a ledger.Answer, e domain.CodesGenerated) {
	o.batchFacts(&e.CodeBatch)
	o.plain("campaign_id", e.CampaignID)
	o.time("generated_at", a.First().Metadata.RecordedAt)
}

func (o *out) batchFacts(b *domain.CodeBatch) {
	o.id("id", b.ID)
	o.plain("definition", b.Definition)
	o.integer("count", int64(b.Count))
	o.plain("list_hash", b.ListHash.String())
	o.plain("key_id", b.KeyID)
}

func codesPlace(a ledger.Answer) string {
	return "/v1/campaigns/" + a.First().Event.(domain.CodesGenerated).CampaignID + "/codes" // by its type
}

func (o *out) codesExported(_ ledger.Answer, e domain.CodesExported) {
	o.id("id", e.BatchID)
	o.plain("campaign_id", e.CampaignID)
}

// listCodeBatches lists a campaign's batches, and how many of their codes were used.
func listCodeBatches(c *call) error {
	if err := c.modelled(); err != nil {
		return err
	}
	known, err := c.s.Ledger.Campaign(context.Background(), c.Params("campaign_id"))
	if err != nil {
		return err
	}
	if known == nil {
		return domain.ErrNotFound.Because("there is no such campaign")
	}
	used, at, err := c.s.Models.UsedCodes(context.Background(), known.ID)
	if err != nil {
		return err
	}
	o := c.out()
	o.begin('{')
	o.open("data", '[')
	for i := range known.Batches {
		b := &known.Batches[i]
		o.begin('{')
		o.batchFacts(b)
		o.time("generated_at", b.GeneratedAt)
		o.time("exported_at", b.ExportedAt)
		o.integer("redeemed", used[b.ID].Redeemed)
		o.integer("voided", used[b.ID].Voided)
		o.end('}')
	}
	o.page("", at)
	return c.ok(o)
}

// voidCode ends a code, by the code itself.
func voidCode(c *call) error {
	body, err := c.body(c.s.BodyLimit)
	if err != nil {
		return err
	}
	var b struct {
		Code   string `json:"code"`
		Reason string `json:"reason"`
	}
	if err := decode(body, &b); err != nil {
		return err
	}
	var dryRun bool
	a, err := guarded(c, func() (a ledger.Answer, err error) {
		codes, err := c.s.singleUse(b.Code)
		if err == nil && len(codes) == 0 {
			err = domain.ErrCodeNotUsable
		}
		if err == nil {
			a, dryRun, err = c.registering(domain.VoidCode{CodeRef: codes[0].CodeRef,
				Campaign: codes[0].Campaign, Reason: b.Reason})
		}
		return a, err
	})
	return c.answer(a, err, dryRun)
}

func (o *out) codeVoided(a ledger.Answer, e domain.CodeVoided) {
	o.id("id", a.First().Metadata.OperationID)
	o.id("batch_id", e.BatchID)
	o.plain("campaign_id", e.Campaign)
	o.plain("status", "voided")
	o.plain("reason", e.Reason)
	o.time("voided_at", a.First().Metadata.RecordedAt)
}

// singleUse are the single-use codes that a text may be: none or one, but for a chance in billions.
func (s *Server) singleUse(text string) (codes []domain.RedeemCode, err error) {
	code, ok := domain.ReadCode(text)
	if !ok {
		return nil, nil
	}
	places, err := s.Codes.Find(s.stop, code, func(yield func(vault.Batch) bool) {
		for _, known := range s.Ledger.Campaigns() {
			for i := range known.Batches {
				if !yield(batchOf(&known.Batches[i])) {
					return
				}
			}
		}
	})
	for _, p := range places {
		campaign, batch, ok := s.Ledger.Batch(p.Batch)
		if ok {
			codes = append(codes, domain.RedeemCode{Campaign: campaign, Definition: batch.Definition,
				CodeRef: domain.CodeRef{BatchID: p.Batch, Serial: p.Serial}, Last4: code[len(code)-4:]})
		}
	}
	return codes, err
}
