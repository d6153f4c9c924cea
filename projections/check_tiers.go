package projections

import (
	"slices"
	"strconv"

	"github.com/tillbook/tillbook/domain"
)

// toldTiers is what an account's events tell of its tiers.
type toldTiers struct {
	row     *tierRow // nil: nothing
	changes map[int64]tierStay
}

func (t *toldTiers) note(p domain.Posted) {
	if !slices.Contains(tierTypes, domain.TypeOf(p.Event)) {
		return
	}
	if t.row == nil {
		t.row, t.changes = &tierRow{}, map[int64]tierStay{}
	}
	if t.row.fold(p.Event, &p.Metadata) {
		t.changes[p.Revision] = t.row.stay(p.Event, &p.Metadata)
	}
}

// wanted adds the rows that an account should have. What it holds, and until when, stands as its state
// says.
func (t *toldTiers) wanted(a *domain.Account, to map[string]map[string][]string) {
	to["tiers"], to["tier_changes"] = map[string][]string{}, map[string][]string{}
	if t.row == nil {
		return
	}
	stands := a.Tiering()
	t.row.counted.tier, t.row.counted.since = stands.Counted, stands.Since
	t.row.decision.ValidUntil = stands.ValidUntil
	if stands.Override != nil {
		t.row.override.tier, t.row.overrideEnds = stands.Override.Tier, stands.Override.Until
	}
	to["tiers"][a.ID().String()] = shownValues(tierTable.Values(t.row))
	for revision, stay := range t.changes {
		to["tier_changes"][strconv.FormatInt(revision, 10)] = shownValues(tierChangeTable.Values(&stay))
	}
}

// shownValues are a row's values as readRows shows them.
func shownValues(values []any) []string {
	shown := make([]string, len(values))
	for i, value := range values {
		shown[i] = shownValue(value)
	}
	return shown
}
