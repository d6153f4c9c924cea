package projections

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
)

// DormantFilter says which dormant accounts are wanted.
type DormantFilter struct {
	Step int `json:"step,omitempty"` // those that have reached this many days; 0: all
}

// DormantEntry is an account whose customer has done nothing for so long that its program says so.
type DormantEntry struct {
	AccountID   uuid.UUID                  `json:"account_id"`
	CustomerRef string                     `json:"customer_ref"`
	Since       time.Time                  `json:"since"`   // of the last activity
	Step        int                        `json:"step"`    // days: the last that was reached
	Balance     map[string]domain.Quantity `json:"balance"` // by unit, when it was reached
}

// Dormant lists dormant accounts: by step, those that are so for the longest time first.
func (m *Models) Dormant(ctx context.Context, f DormantFilter, p Paging) (Page[DormantEntry], error) {
	return dormantList.read(ctx, m, f, p)
}

type dormantKey struct {
	Step  int
	Since string
	ID    uuid.UUID
}

var dormantList = list[DormantFilter, dormantKey, DormantEntry]{
	name: "dormant",
	query: func(f DormantFilter, after *dormantKey, limit int) (string, []any) {
		if after == nil {
			after = &dormantKey{Step: max(f.Step, 1)}
		}
		return `SELECT id, customer_ref, active_at, dormant_step, dormant_balance FROM accounts
			WHERE ` + lasting + ` AND (dormant_step, active_at, id) > (?, ?, ?)
			ORDER BY dormant_step, active_at, id LIMIT ?`,
			[]any{after.Step, after.Since, after.ID.String(), limit}
	},
	scan: func(row func(...any) error) (DormantEntry, dormantKey, error) {
		var e DormantEntry
		var since, sums sql.NullString
		err := row(&e.AccountID, &e.CustomerRef, &since, &e.Step, &sums)
		if err != nil {
			return e, dormantKey{}, err
		}
		if err := json.Unmarshal([]byte(sums.String), &e.Balance); err != nil {
			return e, dormantKey{}, err
		}
		e.Since, err = ReadTime(since)
		return e, dormantKey{e.Step, since.String, e.AccountID}, err
	},
}

// lasting are the accounts that can become dormant: their customer did something once, and they have
// not ended.
const lasting = "active_at IS NOT NULL AND status <> 'closed' AND status <> 'merged'"

// sleep notes what the customer does, the steps of dormancy that the account reaches without, and that
// the customer has come back.
func (a *accountRow) sleep(e *Event) error {
	did := known[e.Type]
	switch {
	case e.Type == "CheckoutReturned":
		did = domain.CheckoutReturned{Cause: domain.Cause(e.Body.Cause)}
	case e.Body.Mandate != (uuid.UUID{}):
		did = domain.DebitPosted{MandateID: e.Body.Mandate}
	}
	if at, ok := domain.Activity(did, &e.Metadata); ok && at.After(a.activeAt) {
		a.activeAt = at
	}
	switch e.Type {
	case "AccountDormant":
		decoded, err := e.Decoded()
		if err != nil {
			return err
		}
		a.dormant = decoded.(domain.AccountDormant)
	case "AccountReactivated":
		a.dormant = domain.AccountDormant{}
	}
	return nil
}

// sumsJSON is how a dormant account's balance stands in the table; NULL where it is not dormant.
func sumsJSON(d domain.AccountDormant) any {
	if d.Step == 0 {
		return nil
	}
	text, err := json.Marshal(d.Balance)
	if err != nil {
		panic(err) // quantities are written as texts
	}
	return string(text)
}
