package api

import (
	"context"
	"errors"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
	"github.com/tillbook/tillbook/domain/vault"
	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/projections"
)

func (s *Server) interactionRoutes() []*route {
	return []*route{
		{method: "POST", path: account + "/interactions", id: "recordInteraction",
			roles: recordInteraction.roles, query: dry, serve: write(recordInteraction)},
		{method: "GET", path: account + "/interactions", id: "listInteractions", roles: confidants,
			query: paged, serve: listInteractions},
	}
}

// textBytes is the longest text of an interaction.
const textBytes = 4000

// textPurpose is what texts of interactions are sealed and hashed for.
const textPurpose = "interaction"

var recordInteraction = operation{name: "interaction",
	roles: []domain.Role{domain.RolePOS, domain.RoleSupport, domain.RoleMarketing, domain.RoleAdmin},
	parse: func(r *reading, t *target, body []byte) domain.Command {
		var b struct {
			Kind   domain.InteractionKind `json:"kind"`
			Rating *int                   `json:"rating"`
			Text   string                 `json:"text"`
			About  string                 `json:"about"`
			post
		}
		if !r.decode(body, &b) {
			return nil
		}
		r.text("text", b.Text, textBytes)
		r.about(b.post)
		i := domain.RecordInteraction{Kind: b.Kind, Channel: b.Channel, About: b.About}
		if b.Rating != nil {
			if i.Rating = *b.Rating; i.Rating < 1 {
				r.malformed("rating", "want 1 to 5")
			}
		}
		if r.refusal == nil && (b.Text != "" || b.Kind == domain.InteractionMessage) {
			r.failure = r.knowing(context.Background(), t, &i, b.Text)
		}
		return i
	}}

// knowing fills in what depends on the customer: the sealed text, and whether messages are allowed. A
// consent that is withdrawn while the interaction is being recorded is not seen; the log's order shows
// it.
func (r *reading) knowing(ctx context.Context, t *target, i *domain.RecordInteraction, text string) error {
	s := r.s
	v, err := s.Ledger.Account(ctx, t.account)
	if err != nil {
		return err
	}
	if v, err = s.surviving(ctx, v); err != nil {
		return err
	}
	cu, _, err := s.Ledger.Customer(ctx, v.ID())
	if err != nil {
		return err
	}
	i.Consented = cu.Allows(domain.ConsentMessages)
	if text == "" {
		return nil
	}
	k, err := s.customerKey(ctx, cu, r.trial)
	if err != nil {
		return err
	}
	i.KeyID = k.ID()
	if i.TextHash, err = k.Hash(textPurpose, text); err != nil {
		return err
	}
	i.SealedText, err = k.Seal(textPurpose, []byte(text))
	return err
}

func (o *out) interaction(a ledger.Answer, e domain.InteractionRecorded) {
	o.id("id", e.InteractionID)
	o.id("account_id", a.Account)
	o.plain("kind", string(e.Kind))
	o.some("channel", e.Channel)
	if e.Rating > 0 {
		o.integer("rating", int64(e.Rating))
	}
	o.some("about", e.About)
	o.ending(a)
}

func interactionsPlace(a ledger.Answer) string { return accountPlace(a) + "/interactions" }

// listInteractions lists an account's interactions with what was said, and counts them by kind.
func listInteractions(c *call) error {
	v, err := c.view()
	if err != nil {
		return err
	}
	paging, err := c.paging()
	if err != nil {
		return err
	}
	filter := projections.InteractionFilter{Account: v.ID()}
	if c.s.Models == nil {
		return errBehind
	}
	if err := c.modelledToHead(); err != nil {
		return err
	}
	ctx := context.Background()
	page, err := c.s.Models.Interactions(ctx, filter, paging)
	if err != nil {
		return err
	}
	counts, err := c.s.Models.InteractionCounts(ctx, v.ID())
	if err != nil {
		return err
	}
	o := c.out()
	o.begin('{')
	o.open("counts", '{')
	for _, kind := range domain.InteractionKinds {
		if n := counts[kind]; n > 0 {
			o.integer(string(kind), n)
		}
	}
	o.end('}')
	return c.interactions(o, v, page.Data, page.Next, page.AsOf)
}

// interactions writes a page of interactions; of those whose text opens no more, that it was erased.
func (c *call) interactions(o *out, v ledger.View, data []projections.Interaction, next string,
	at eventstore.Position) error {
	ctx := context.Background()
	k, closed := c.s.People.Key(ctx, v.ID())
	o.open("data", '[')
	for _, i := range data {
		answer, err := c.s.Ledger.Operation(ctx, v.ID(), i.ID)
		if err != nil {
			return err
		}
		e, _ := answer.First().Event.(domain.InteractionRecorded)
		o.begin('{')
		o.id("id", i.ID)
		o.plain("kind", string(i.Kind))
		o.some("channel", i.Channel)
		if i.Rating > 0 {
			o.integer("rating", int64(i.Rating))
		}
		o.some("about", i.About)
		switch {
		case e.SealedText == "":
			o.null("text")
		case errors.Is(closed, vault.ErrErased):
			o.null("text")
			o.boolean("erased", true)
		case closed != nil:
			return closed
		default:
			text, err := k.Open(textPurpose, e.SealedText)
			if err != nil {
				return err
			}
			o.text("text", string(text))
		}
		o.time("occurred_at", i.OccurredAt)
		o.time("recorded_at", i.RecordedAt)
		o.end('}')
	}
	o.page(next, at)
	return c.ok(o)
}
