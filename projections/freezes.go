package projections

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
)

// freezes are what stops accounts, by account: by events, so those that have ended and were not
// lifted are among them.
type freezes map[uuid.UUID][]domain.Freeze

// freezesBefore are the freezes, before a batch, of the accounts that the batch freezes or unfreezes.
func freezesBefore(ctx context.Context, tx *Tx, events []Event) (freezes, error) {
	f := freezes{}
	rows := accountTable.In(tx)
	for i := range events {
		if e := &events[i]; e.freezes() {
			rows.Want(e.Account)
			f[e.Account] = nil
		}
	}
	if err := rows.Load(ctx); err != nil {
		return nil, err
	}
	for id := range f {
		if a := rows.Row(id); a != nil {
			f[id] = a.freezes
		}
	}
	return f, nil
}

// pass takes f past an event. It answers the freezes of the event's account before and after it, as
// tables have them; NULL where the event is not about freezes, or damaged.
func (f freezes) pass(e *Event) (before, after any) {
	if !e.freezes() {
		return nil, nil
	}
	stood := f[e.Account]
	stand, err := freezesAfter(stood, e)
	if err != nil {
		return nil, nil // accounts reports it
	}
	f[e.Account] = stand
	return freezesJSON(stood), freezesJSON(stand)
}

// freezes reports whether e freezes an account or lifts freezes.
func (e *Event) freezes() bool {
	return (e.Type == "AccountFrozen" || e.Type == "AccountUnfrozen") && e.Account != uuid.UUID{}
}

// freezesAfter are the freezes that stand after e, which leaves stood as it is.
func freezesAfter(stood []domain.Freeze, e *Event) ([]domain.Freeze, error) {
	decoded, err := e.Decoded()
	if err != nil {
		return nil, err
	}
	switch f := decoded.(type) {
	case domain.AccountFrozen:
		for _, mode := range f.Modes { // one at a time: a mode may be named twice
			stood = append(without(stood, []domain.FreezeMode{mode}),
				domain.Freeze{Mode: mode, Until: f.Until})
		}
	case domain.AccountUnfrozen:
		if len(f.Modes) == 0 {
			return nil, nil
		}
		stood = without(stood, f.Modes)
	}
	return stood, nil
}

// without is a copy of freezes without those modes.
func without(stood []domain.Freeze, modes []domain.FreezeMode) []domain.Freeze {
	return slices.DeleteFunc(slices.Clone(stood), func(f domain.Freeze) bool {
		return slices.Contains(modes, f.Mode)
	})
}

// freezesJSON is how freezes stand in the table.
func freezesJSON(freezes []domain.Freeze) string {
	if len(freezes) == 0 {
		return "[]"
	}
	text, err := json.Marshal(freezes)
	if err != nil {
		panic(err) // a Freeze is a text and an instant
	}
	return string(text)
}
