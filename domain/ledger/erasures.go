package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/vault"
	"github.com/tillbook/tillbook/eventstore"
)

// erasure is an Erase that the vault remembers until its event is written.
type erasure struct {
	Command       domain.EraseCustomer
	Key           string
	Caller        Caller
	CorrelationID string
}

// Erase destroys what opens a customer's personal data, then records that it did: nothing can be read
// of whom the log calls erased. What would be refused destroys nothing. After a crash between the two
// the same key does the rest, and so does ResumeErasures. q's registration is a domain.EraseCustomer.
func (l *Ledger) Erase(ctx context.Context, people *vault.Customers, q Registering) (Answer, error) {
	e := erasure{Key: q.Key, Caller: q.Caller, CorrelationID: q.CorrelationID}
	e.Command, _ = q.Registration.(domain.EraseCustomer)
	trial := q
	trial.DryRun = true
	if a, err := l.Register(ctx, trial); err != nil || q.DryRun {
		return a, err
	}
	request, err := json.Marshal(e)
	if err != nil {
		return Answer{}, err
	}
	if err := people.Erase(ctx, e.Command.ID, string(request)); err != nil {
		return Answer{}, fmt.Errorf("erase customer %s: %w", e.Command.ID, err)
	}
	a, err := l.Register(ctx, q)
	if err != nil {
		return a, err
	}
	return a, people.Erased(ctx, e.Command.ID)
}

// ResumeErasures ends the erasures that were begun: it records those that are not in the log. One that
// cannot be ended holds up no other; its failure is among those that are answered.
func (l *Ledger) ResumeErasures(ctx context.Context, people *vault.Customers) error {
	all, err := people.Erasing(ctx)
	if err != nil {
		return err
	}
	var failed []error
	for _, begun := range all {
		err := l.resumeErasure(ctx, people, begun)
		if isAway(err) || ctx.Err() != nil {
			return err
		}
		failed = append(failed, err)
	}
	return errors.Join(failed...)
}

// resumeErasure ends one. One whose request is empty is in the log.
func (l *Ledger) resumeErasure(
	ctx context.Context, people *vault.Customers, begun vault.Erasure,
) error {
	if begun.Request == "" {
		return errors.Join(people.Erase(ctx, begun.Customer, ""), people.Erased(ctx, begun.Customer))
	}
	var e erasure
	if err := json.Unmarshal([]byte(begun.Request), &e); err != nil {
		return fmt.Errorf("read an erasure of %s: %w", begun.Customer, err)
	}
	_, err := l.Erase(ctx, people, Registering{Registration: e.Command, Key: e.Key, Caller: e.Caller,
		CorrelationID: e.CorrelationID})
	if errors.Is(err, domain.ErrKeyReused) { // since: by a change of the profile
		_, err = l.Erase(ctx, people, Registering{Registration: e.Command, Caller: e.Caller,
			CorrelationID: e.CorrelationID})
	}
	return err
}

// Customer is what the log says of a customer, and how far it was read.
func (l *Ledger) Customer(ctx context.Context, id uuid.UUID) (domain.Customer, eventstore.Position, error) {
	before, _, err := l.past(ctx, domain.CustomerStream(id))
	if err != nil {
		return domain.Customer{}, 0, err
	}
	at := eventstore.Position(l.seen.Load())
	if n := len(before); n > 0 {
		at = max(at, before[n-1].position)
	}
	return domain.CustomerOf(id, posted(before)), at, nil
}
