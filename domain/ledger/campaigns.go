package ledger

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tillbook/tillbook/domain"
)

const campaignStream = "campaign-" // and the campaign's id

// setCampaign makes p part of the registries. The caller holds mu.
func (r *registry) setCampaign(stream string, p domain.Posted) {
	id := strings.TrimPrefix(stream, campaignStream)
	if c := r.Campaigns[id].After(p); c != nil {
		if r.Campaigns == nil {
			r.Campaigns = map[string]*domain.Campaign{}
		}
		r.Campaigns[id], r.promos = c, nil
	}
}

// Campaigns are all campaigns, by id. They must not be changed.
func (l *Ledger) Campaigns() []*domain.Campaign {
	l.registry.mu.RLock()
	defer l.registry.mu.RUnlock()
	return slices.SortedFunc(maps.Values(l.registry.Campaigns), func(a, b *domain.Campaign) int {
		return strings.Compare(a.ID, b.ID)
	})
}

// Campaign is the campaign with that id as it stands, nil where there is none. It must not be changed.
//
// On a shared log what another node has just changed of a campaign may be missed for the moments that
// the log takes to tell of it, as a program's version is; a campaign that was not there yet is not, as
// its stream is read then.
func (l *Ledger) Campaign(ctx context.Context, id string) (*domain.Campaign, error) {
	c := l.registry.campaign(id)
	if c != nil || !l.opts.Shared || !domain.IsCampaignID(id) {
		return c, nil
	}
	return l.readCampaign(ctx, id)
}

func (l *Ledger) readCampaign(ctx context.Context, id string) (*domain.Campaign, error) {
	for e, err := range l.store.Read(ctx, domain.CampaignStream(id), 0) {
		if err != nil {
			return nil, fmt.Errorf("read campaign %s: %w", id, err)
		}
		l.registry.apply(e)
	}
	return l.registry.campaign(id), nil
}

func (r *registry) campaign(id string) *domain.Campaign {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.Campaigns[id]
}

// campaign is what decisions look campaigns up with. A failure is left in r.failed.
func (r *round) campaign(ctx context.Context, id string) *domain.Campaign {
	c, err := r.Campaign(ctx, id)
	if err != nil {
		r.failed = err
	}
	return c
}
