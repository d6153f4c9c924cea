package projections

import (
	"context"
	"encoding/json"

	"github.com/tillbook/tillbook/domain"
)

// stores is one row a store that was registered or that an event names. A store nobody registered
// is accepted and listed as such.
type stores struct{}

// Name is stores.
func (stores) Name() string { return "stores" }

// Version is 1.
func (stores) Version() int { return 1 }

// Tables is stores.
func (stores) Tables() string {
	return `
CREATE TABLE stores ( -- one row a store that was registered or that an event names
	id             TEXT PRIMARY KEY,
	registered     INTEGER NOT NULL, -- 1 or 0
	name           TEXT NOT NULL,    -- as it was registered last; empty: it was not
	zone           TEXT NOT NULL,    -- IANA
	day_cut        TEXT NOT NULL,    -- HH:MM local: when a business day begins
	entity         TEXT NOT NULL,    -- the legal entity that runs it
	status         TEXT NOT NULL,    -- open, closed or unregistered
	first_position INTEGER NOT NULL  -- of the first event that names it
) STRICT, WITHOUT ROWID;
`
}

// Indexes are none: there are few stores.
func (stores) Indexes() string { return `` }

type storeRow struct {
	domain.Store
	first int64
}

func (s *storeRow) registered() bool { return s.Status != domain.UnregisteredStore("").Status }

var storeTable = &Table[string, storeRow]{
	Name: "stores",
	Columns: []string{"id", "registered", "name", "zone", "day_cut", "entity", "status",
		"first_position"},
	Keys: func(id string) []any { return []any{id} },
	Values: func(s *storeRow) []any {
		return []any{s.registered(), s.Name, s.Zone, s.DayCut, s.Entity, s.Status, s.first}
	},
	Scan: func(row func(...any) error, id *string, s *storeRow) error {
		var registered bool
		err := row(id, &registered, &s.Name, &s.Zone, &s.DayCut, &s.Entity, &s.Status, &s.first)
		s.ID = *id
		return err
	},
}

// Apply lists what is registered and what is seen.
func (stores) Apply(ctx context.Context, tx *Tx, events []Event) error {
	rows := storeTable.In(tx)
	seen := make([]domain.Store, len(events)) // the store each event registers or names
	for i := range events {
		s, err := storeOf(&events[i])
		if err != nil {
			tx.Damaged(events[i], err.Error())
		}
		seen[i] = s
		if seen[i].ID != "" {
			rows.Want(seen[i].ID)
		}
	}
	if err := rows.Load(ctx); err != nil {
		return err
	}
	for i, s := range seen {
		row := rows.Row(s.ID)
		switch {
		case s.ID == "":
		case row == nil:
			rows.Add(s.ID, storeRow{s, int64(events[i].Position)})
		case s.Status != domain.UnregisteredStore("").Status:
			rows.Change(s.ID).Store = s
		}
	}
	return rows.Write(ctx)
}

// storeOf is the store as e registers it, or else an unregistered one of the name that e gives.
func storeOf(e *Event) (domain.Store, error) {
	if e.Type != "StoreRegistered" && e.Type != "StoreChanged" {
		if e.Metadata.Store == "" {
			return domain.Store{}, nil
		}
		return domain.UnregisteredStore(e.Metadata.Store), nil
	}
	var s domain.Store
	err := json.Unmarshal(e.Data, &s)
	return s, err
}
