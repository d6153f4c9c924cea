package projections

import (
	"maps"
	"slices"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
)

// followed are the projections of items, which Check compares like the others.
var followed = []*items{adjustments, checkouts, coupons, mandates, withdrawals}

// checked are the columns that Check compares.
func (p *items) checked() []string { return slices.Concat([]string{"id"}, p.columns) }

// followedItems are an account's items as its events tell of them, by projection.
type followedItems map[string]map[uuid.UUID]Item

func (f followedItems) note(p domain.Posted) {
	for _, of := range followed {
		if !slices.Contains(of.types, domain.TypeOf(p.Event)) {
			continue
		}
		ids, begins := of.about(p.Event, &p.Metadata)
		for _, id := range ids {
			if begins {
				if f[of.name] == nil {
					f[of.name] = map[uuid.UUID]Item{}
				}
				f[of.name][id] = Item{"id": id.String()}
			}
			if row := f[of.name][id]; row != nil {
				of.fold(row, p.Event, &p.Metadata)
			}
		}
	}
}

// wanted adds the rows that an account should have. What is open stands as its state says.
func (f followedItems) wanted(a *domain.Account, to map[string]map[string][]string) {
	for _, of := range followed {
		to[of.name] = map[string][]string{}
		rows := f[of.name]
		for id, stands := range of.stands(a) {
			if rows[id] != nil {
				maps.Copy(rows[id], stands)
			}
		}
		for id, row := range rows {
			texts := make([]string, len(of.columns))
			for n, column := range of.columns {
				texts[n] = row[column]
			}
			to[of.name][id.String()] = texts
		}
	}
}
