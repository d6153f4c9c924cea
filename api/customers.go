package api

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"sync"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
	"github.com/tillbook/tillbook/domain/vault"
	"github.com/tillbook/tillbook/eventstore"
)

const customer = "/v1/customers/{id}"

// confidants may read and write what is personal; profilers read and write labels too.
var (
	confidants = []domain.Role{domain.RoleSupport, domain.RoleAdmin}
	profilers  = []domain.Role{domain.RoleSupport, domain.RoleMarketing, domain.RoleAdmin}
)

func (s *Server) customerRoutes() []*route {
	return []*route{
		{method: "GET", path: customer, id: "getCustomer", roles: profilers, query: fresh,
			serve: getCustomer},
		{method: "PUT", path: customer, id: "setProfile", roles: profilers, query: dry,
			serve: setProfile},
		{method: "POST", path: customer + "/erase", id: "eraseCustomer", roles: admins, query: dry,
			serve: eraseCustomer, unbound: true},
	}
}

// customerLocks keep what changes one customer's vault and stream in one order. Customers share them.
type customerLocks [64]sync.Mutex

// lock waits for a customer's turn, and returns what ends it.
func (l *customerLocks) lock(id uuid.UUID) func() {
	m := &l[id[0]%64]
	m.Lock()
	return m.Unlock
}

// profilePurpose is what profiles are sealed and hashed for.
const profilePurpose = "profile"

// customerKey is the key that sealed a customer's profile; a new one where nothing was sealed, which a
// trial does not keep.
func (s *Server) customerKey(ctx context.Context, c domain.Customer, trial bool) (vault.Key, error) {
	if !c.ErasedAt.IsZero() {
		return vault.Key{}, domain.ErrCustomerErased
	}
	switch {
	case len(c.Sealed) > 0:
	case trial:
		return s.People.TrialKey(ctx, c.ID)
	default:
		return s.People.NewKey(ctx, c.ID)
	}
	k, err := s.People.Key(ctx, c.ID)
	if err == nil && slices.ContainsFunc(c.Sealed, func(p domain.ProfileSealed) bool {
		return p.KeyID != k.ID()
	}) {
		return k, vault.ErrNoKey // another node has it
	}
	return k, err
}

// profile opens what is sealed of a customer, by field.
func (s *Server) profile(ctx context.Context, c domain.Customer) (map[string]string, error) {
	fields := map[string]string{}
	if len(c.Sealed) == 0 {
		return fields, nil
	}
	k, err := s.customerKey(ctx, c, true)
	if err != nil {
		return nil, err
	}
	for _, p := range c.Sealed {
		text, err := k.Open(profilePurpose, p.Text)
		if err != nil {
			return nil, err
		}
		var set map[string]string
		if err := json.Unmarshal(text, &set); err != nil {
			return nil, err
		}
		maps.Copy(fields, set)
	}
	maps.DeleteFunc(fields, func(_, value string) bool { return value == "" })
	return fields, nil
}

// indexed are the fields of a profile that find its customer.
var indexed = []string{"phone", "email"}

// profileOwner owns in the vault's index what a profile says.
const profileOwner = "profile"

// index lets profiles find their customer: one alone when nothing changes, that before and that after
// while a change is under way.
func (s *Server) index(ctx context.Context, id uuid.UUID, profiles ...map[string]string) error {
	values := map[string][]string{}
	for _, kind := range indexed {
		for _, p := range profiles {
			if value := p[kind]; value != "" && !slices.Contains(values[kind], value) {
				values[kind] = append(values[kind], value)
			}
		}
	}
	return s.People.Index(ctx, id, profileOwner, values)
}

// getCustomer shows a customer: labels to those who plan campaigns, what is personal to those who talk
// to customers.
func getCustomer(c *call) error {
	v, err := c.view()
	if err != nil {
		return err
	}
	ctx := context.Background()
	cu, at, err := c.s.Ledger.Customer(ctx, v.ID())
	if err != nil {
		return err
	}
	o := c.out()
	o.begin('{')
	o.id("id", cu.ID)
	if slices.Contains(confidants, c.who.Role) {
		fields, err := c.s.profile(ctx, cu)
		if err != nil && !errors.Is(err, vault.ErrErased) { // which is recorded any moment
			return err
		}
		o.personal(fields)
	}
	o.customer(cu, max(at, v.Position))
	return c.ok(o)
}

func (o *out) personal(fields map[string]string) {
	for _, name := range []string{"name", "phone", "email", "birthday", "note"} {
		if value := fields[name]; value != "" {
			o.text(name, value)
		} else {
			o.null(name)
		}
	}
}

func (o *out) customer(c domain.Customer, at eventstore.Position) {
	o.texts("tags", c.Tags)
	o.consents(c.Consents)
	o.time("changed_at", c.ChangedAt)
	o.time("erased_at", c.ErasedAt)
	o.integer("revision", c.Revision)
	o.position("as_of_position", uint64(at))
	o.end('}')
}

func (o *out) consents(all map[string]domain.Consent) {
	o.open("consents", '{')
	for _, name := range slices.Sorted(maps.Keys(all)) {
		o.open(name, '{')
		o.time("granted_at", all[name].GrantedAt)
		o.time("withdrawn_at", all[name].WithdrawnAt)
		o.end('}')
	}
	o.end('}')
}

// eraseCustomer destroys the key of what is personal, and says so in the log.
func eraseCustomer(c *call) error {
	v, err := c.view()
	if err != nil {
		return err
	}
	body, err := c.body(c.s.BodyLimit)
	if err != nil {
		return err
	}
	var b struct {
		Reason string `json:"reason"`
	}
	if err := decode(body, &b); err != nil {
		return err
	}
	key, dryRun, err := c.once()
	if err != nil {
		return err
	}
	defer c.s.customers.lock(v.ID())()
	ctx := context.Background()
	cu, _, err := c.s.Ledger.Customer(ctx, v.ID())
	if err != nil {
		return err
	}
	if len(cu.Sealed) > 0 {
		if _, err := c.s.customerKey(ctx, cu, true); errors.Is(err, vault.ErrNoKey) {
			return err // only the node that has the key can destroy it
		}
	}
	a, err := c.s.Ledger.Erase(ctx, c.s.People, ledger.Registering{
		Registration: domain.EraseCustomer{ID: v.ID(), Reason: b.Reason}, Key: key,
		Caller: c.who.Caller, CorrelationID: c.correlation(), DryRun: dryRun,
	})
	if dryRun {
		a.Position = eventstore.Start
	}
	return c.answer(a, err, dryRun)
}

func (o *out) erased(a ledger.Answer, e domain.PersonalDataErased) {
	o.id("id", e.ID)
	o.plain("reason", e.Reason)
	o.time("erased_at", a.First().Metadata.RecordedAt)
	o.integer("revision", a.Last().Revision)
}
