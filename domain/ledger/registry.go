package ledger

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/google/uuid"
	"golang.org/x/time/rate"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
)

// registries are the streams that every node holds in memory.
var registries = []string{storeStream, "unit-", "key-", programStream, campaignStream, "webhook-"}

const storeStream = "store-" // and the store's id

// Key is an API key as the log knows it.
type Key struct {
	domain.APIKey
	CreatedAt time.Time `json:"created_at"`
	RevokedAt time.Time `json:"revoked_at,omitzero"`
}

// entries are the registries' content. Its JSON is the registries' snapshot.
type entries struct {
	Version  int                                  `json:"version"` // domain.SnapshotVersion
	Covered  eventstore.Position                  `json:"covered"` // everything up to here is in it
	Stores   map[string]domain.Store              `json:"stores"`
	Units    map[string]domain.Unit               `json:"units"`
	Keys     map[uuid.UUID]Key                    `json:"keys"`
	Programs map[string][]domain.ProgramPublished `json:"programs"` // versions in their order
	Webhooks map[uuid.UUID]Webhook                `json:"webhooks,omitempty"`

	Campaigns map[string]*domain.Campaign `json:"campaigns,omitempty"` // with all their definitions

	Revisions map[string]int64 `json:"revisions"` // of each stream's last event that is in it
}

// registry holds stores, units, API keys, programs and campaigns live from a subscription. What this
// process registers is there at once; what other nodes register follows.
type registry struct {
	store  eventstore.Store
	logger *slog.Logger
	stop   context.CancelFunc
	done   sync.WaitGroup
	ready  chan struct{} // closed once the log was read to where it stood at the start

	misses *rate.Limiter        // of keys that are not known
	book   atomic.Pointer[book] // Programs; nil while there are none

	mu sync.RWMutex
	entries
	byHash  map[domain.Hash]uuid.UUID
	promos  map[string][]promo  // by the hashes of their codes; nil: to be put in order
	at      eventstore.Position // of the last event that came by the subscription
	changed chan struct{}       // closed and replaced when at grows
	hooked  chan struct{}       // closed and replaced when a webhook changes
}

// missesPerSecond bounds how often a key that nobody knows makes a node look into a shared log.
const missesPerSecond = 200

func newRegistry(store eventstore.Store, logger *slog.Logger) *registry {
	ctx, stop := context.WithCancel(context.Background())
	r := &registry{store: store, logger: logger, stop: stop, ready: make(chan struct{}),
		misses: rate.NewLimiter(missesPerSecond, missesPerSecond), byHash: map[domain.Hash]uuid.UUID{},
		changed: make(chan struct{}), hooked: make(chan struct{})}
	r.done.Go(func() { r.run(ctx) })
	return r
}

// lastPause is the longest pause between two tries: a node is not ready before one succeeds.
const lastPause = 2 * time.Second

// run follows the registries' streams until ctx ends; after a failure it goes on from where it was.
func (r *registry) run(ctx context.Context) {
	r.load(ctx)
	try := func() (struct{}, error) {
		err := r.follow(ctx)
		if ctx.Err() != nil {
			err = nil
		}
		return struct{}{}, err
	}
	tell := func(err error, again time.Duration) {
		r.logger.Error("registries not followed", "err", err, "again_in", again)
	}
	pause := backoff.NewExponentialBackOff()
	pause.MaxInterval = lastPause
	_, _ = backoff.Retry(ctx, try, backoff.WithBackOff(pause), backoff.WithMaxElapsedTime(0),
		backoff.WithNotify(tell))
}

// follow applies what comes. A head that was read before the log was found to be read to its end is
// covered.
func (r *registry) follow(ctx context.Context) error {
	head, err := r.store.Head(ctx)
	if err != nil {
		return err
	}
	saved := r.Covered
	for batch, err := range r.store.Follow(ctx, r.Covered, registries...) {
		if err != nil {
			return err
		}
		for _, e := range batch {
			r.apply(e)
		}
		if len(batch) > 0 {
			r.reach(batch[len(batch)-1].Position)
			continue
		}
		r.cover(head)
		if head >= saved+10_000 {
			r.save(ctx)
			saved = head
		}
		if head, err = r.store.Head(ctx); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (r *registry) cover(head eventstore.Position) {
	r.mu.Lock()
	r.Covered = max(r.Covered, head)
	r.mu.Unlock()
	r.reach(head)
	if !r.isReady() {
		close(r.ready) // run alone gets here
	}
}

func (r *registry) reach(at eventstore.Position) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if at > r.at {
		r.at = at
		close(r.changed)
		r.changed = make(chan struct{})
	}
}

// catchUp returns when everything is there that the log held when it was called.
func (r *registry) catchUp(ctx context.Context) error {
	head, err := r.store.Head(ctx, registries...)
	if err != nil {
		return err
	}
	for {
		r.mu.RLock()
		at, changed := r.at, r.changed
		r.mu.RUnlock()
		if at >= head {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("%w: the registries are behind: %w", ErrBusy, ctx.Err())
		}
	}
}

func (r *registry) isReady() bool {
	select {
	case <-r.ready:
		return true
	default:
		return false
	}
}

func (r *registry) wait(ctx context.Context) error {
	select {
	case <-r.ready:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// close saves what is covered, unless ctx ends before.
func (r *registry) close(ctx context.Context) {
	r.stop()
	r.done.Wait()
	r.save(ctx)
}

// apply makes an event part of the registries; one that is there already changes nothing. An event
// that is not ours is told and passed over: it must not stop every account.
func (r *registry) apply(e eventstore.Recorded) {
	if e.Type == "BudgetReserved" || e.Type == "BudgetReleased" {
		return // there may be millions: a campaign's purse has them
	}
	p, err := domain.Decode(e.Type, e.Data, e.Metadata, int64(e.Revision))
	if err != nil {
		r.logger.Error("registry event not read", "stream", e.Stream, "revision", e.Revision, "err", err)
		return
	}
	r.set(e.Stream, p)
}

// set makes p part of the registries, unless a later event of its stream is.
func (r *registry) set(stream string, p domain.Posted) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if known, ok := r.Revisions[stream]; !isRegistry(stream) || ok && known >= p.Revision {
		return
	}
	r.Revisions[stream] = p.Revision
	switch e := p.Event.(type) {
	case domain.StoreRegistered:
		r.Stores[e.ID] = e.Store
	case domain.StoreChanged:
		r.Stores[e.ID] = e.Store
	case domain.UnitRegistered:
		r.Units[e.Code] = e.Unit
	case domain.APIKeyCreated:
		if _, known := r.Keys[e.ID]; !known {
			r.Keys[e.ID] = Key{APIKey: e.APIKey, CreatedAt: p.Metadata.RecordedAt}
			r.byHash[e.Hash] = e.ID
		}
	case domain.ProgramPublished:
		r.setProgram(e)
	case domain.APIKeyRevoked:
		k := r.Keys[e.ID]
		k.RevokedAt = p.Metadata.RecordedAt
		r.Keys[e.ID] = k
	case domain.CampaignDrafted, domain.CouponDefined, domain.CampaignApproved,
		domain.CampaignActivated, domain.CampaignPaused, domain.CampaignEnded,
		domain.CodesGenerated, domain.CodesExported:
		r.setCampaign(stream, p)
	case domain.WebhookRegistered, domain.WebhookChanged, domain.WebhookRemoved:
		r.setWebhook(p)
	}
}

// storeOf is the store of a context, registered or not. On a shared log another node may just have
// registered it, so a miss reads its stream: what is posted keeps the store's zone and entity for ever.
func (l *Ledger) storeOf(ctx context.Context, id string) (domain.Store, error) {
	if s, ok := l.registry.storeByID(id); ok || !l.opts.Shared || id == "" {
		return s, nil
	}
	return l.readStore(ctx, id)
}

func (l *Ledger) readStore(ctx context.Context, id string) (domain.Store, error) {
	for e, err := range l.store.Read(ctx, storeStream+id, 0) {
		if err != nil {
			return domain.Store{}, fmt.Errorf("read store %s: %w", id, err)
		}
		l.registry.apply(e)
	}
	s, _ := l.registry.storeByID(id)
	return s, nil
}

func (r *registry) storeByID(id string) (domain.Store, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if s, ok := r.Stores[id]; ok {
		return s, true
	}
	return domain.UnregisteredStore(id), false
}

// CatchUp returns when the registries are as the log held them when it was called. On a log of
// its own they always are. It is ErrBusy where ctx ends first.
func (l *Ledger) CatchUp(ctx context.Context) error {
	if !l.opts.Shared {
		return nil
	}
	return l.registry.catchUp(ctx)
}

// FindKey is KeyByHash, which on a shared log does not miss what another node has just registered. It
// is ErrBusy when that cannot be told.
func (l *Ledger) FindKey(ctx context.Context, h domain.Hash) (Key, bool, error) {
	k, ok := l.KeyByHash(h)
	if ok || !l.opts.Shared {
		return k, ok, nil
	}
	if err := l.registry.misses.Wait(ctx); err != nil {
		return k, false, fmt.Errorf("%w: %w", ErrBusy, err)
	}
	if err := l.CatchUp(ctx); err != nil {
		return k, false, err
	}
	k, ok = l.KeyByHash(h)
	return k, ok, nil
}

// Stores are the registered stores, by id.
func (l *Ledger) Stores() []domain.Store {
	l.registry.mu.RLock()
	defer l.registry.mu.RUnlock()
	return slices.SortedFunc(maps.Values(l.registry.Stores), func(a, b domain.Store) int {
		return strings.Compare(a.ID, b.ID)
	})
}

// Units are the registered units, by code. Currencies are not among them.
func (l *Ledger) Units() []domain.Unit {
	l.registry.mu.RLock()
	defer l.registry.mu.RUnlock()
	return slices.SortedFunc(maps.Values(l.registry.Units), func(a, b domain.Unit) int {
		return strings.Compare(a.Code, b.Code)
	})
}

// Unit is the currency or registered unit with that code; a miss reads the log before it is
// domain.ErrUnknownUnit.
func (l *Ledger) Unit(ctx context.Context, code string) (domain.Unit, error) {
	if u, ok := domain.ISOUnit(code); ok {
		return u, nil
	}
	if u, ok := l.registry.unit(code); ok {
		return u, nil
	}
	return l.readUnit(ctx, code)
}

func (r *registry) unit(code string) (domain.Unit, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	u, ok := r.Units[code]
	return u, ok
}

func (l *Ledger) readUnit(ctx context.Context, code string) (domain.Unit, error) {
	if domain.IsUnitCode(code) {
		for e, err := range l.store.Read(ctx, "unit-"+code, 0) {
			if err != nil {
				return domain.Unit{}, err
			}
			l.registry.apply(e)
			break
		}
	}
	u, ok := l.registry.unit(code)
	if !ok {
		return u, domain.ErrUnknownUnit
	}
	return u, nil
}

// Keys are all API keys, revoked ones too, oldest first.
func (l *Ledger) Keys() []Key {
	l.registry.mu.RLock()
	defer l.registry.mu.RUnlock()
	return slices.SortedFunc(maps.Values(l.registry.Keys), func(a, b Key) int {
		if c := a.CreatedAt.Compare(b.CreatedAt); c != 0 {
			return c
		}
		return strings.Compare(a.ID.String(), b.ID.String())
	})
}

// KeyByHash is the API key whose secret has that hash, revoked or not.
func (l *Ledger) KeyByHash(h domain.Hash) (Key, bool) {
	l.registry.mu.RLock()
	defer l.registry.mu.RUnlock()
	id, ok := l.registry.byHash[h]
	return l.registry.Keys[id], ok
}
