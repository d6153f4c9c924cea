package projections

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
)

// people are the oracle's accounts as a selection sees them at an instant, by id.
func (o *oracle) people(at time.Time) (people []person) {
	for _, row := range o.rows("accounts", "id", all) {
		account := o.accounts[uuid.MustParse(row["id"])]
		p := person{asked: at, id: account.ID(), status: account.Status(time.Time{}), openedAt: account.OpenedAt(),
			tags: o.tags(row["id"]), tier: tierOf(account), balance: map[string]int64{}, coupons: map[string]int{},
			days:       map[string]map[string]purchaseRow{},
			selectable: account.Kind() == domain.KindMember && !o.ended(row["id"])}
		_, p.step = account.Dormant()
		if _, ranked := o.tables["tiers"][row["id"]]; !ranked {
			p.tier = "\x00" // not even that of no name
		}
		if text := o.tables["customers"][row["id"]]["consents"]; text != "" {
			for purpose, c := range fromJSON[map[string]domain.Consent](o, text) {
				if !c.GrantedAt.IsZero() {
					p.consents = append(p.consents, purpose)
				}
			}
		}
		for _, u := range account.Units() {
			p.balance[u.Code] = smallest(account.Balance(u.Code, u.Scale, account.LastRecorded()).Total)
		}
		for _, c := range account.Coupons() {
			if c.ValidUntil.IsZero() || c.ValidUntil.After(at) {
				p.coupons[c.Campaign]++
			}
		}
		people = append(people, p)
	}
	own := func(row reckoned) *person {
		return &people[slices.IndexFunc(people, func(p person) bool { return p.id.String() == row["account_id"] })]
	}
	for _, row := range o.tables["purchases"] {
		p := own(row)
		if p.days[row["unit"]] == nil {
			p.days[row["unit"]] = map[string]purchaseRow{}
		}
		p.days[row["unit"]][row["day"]] = purchaseRow{row.number("sales"), row.number("amount")}
	}
	for _, row := range o.tables["interactions"] {
		p := own(row)
		p.met = append(p.met, meeting{domain.InteractionKind(row["kind"]), row.time("occurred_at")})
	}
	return people
}

// selection draws one, of conditions that some satisfy.
func (a *asker) selection(people []person, depth int) domain.Selection {
	some := func() (parts []domain.Selection) {
		for range 1 + a.r.IntN(2) {
			parts = append(parts, a.selection(people, depth-1))
		}
		return parts
	}
	form := a.r.IntN(6)
	switch {
	case depth > 0 && form == 0:
		return domain.Selection{All: some()}
	case depth > 0 && form == 1:
		return domain.Selection{Any: some()}
	case depth > 0 && form == 2:
		part := a.selection(people, depth-1)
		return domain.Selection{Not: &part}
	}
	return a.condition(people)
}

// condition compares a figure with somebody's own, or one near it.
func (a *asker) condition(people []person) domain.Selection {
	one := func(all ...string) string { return all[a.r.IntN(len(all))] }
	s := domain.Selection{Field: askable[a.r.IntN(len(askable))],
		Op: domain.SelectionOp(one("eq", "ne", "in", "lt", "le", "gt", "ge"))}
	p := &people[a.r.IntN(len(people))]
	value := func() string {
		figure, _ := figureOf(&s, p, people)
		return fmt.Sprint(max(0, figure+int64(a.r.IntN(3)-1)))
	}
	switch s.Field {
	case "balance", "spend":
		unit := []domain.Unit{cny, ptsUnit, cutUnit}[a.r.IntN(3)]
		s.Unit = unit.Code
		value = func() string {
			figure, _ := figureOf(&s, p, people)
			return unit.Steps(max(0, figure+int64(a.r.IntN(3)-1))).Quantity.String()
		}
	case "rfm_m":
		s.Unit = one("CNY", "PTS", "CUT")
	case "coupons":
		s.Of = one("", "shop", "past")
	case "interactions":
		s.Kind, s.Days = domain.InteractionKind(one("", "visit", "call")), a.r.IntN(20)
	case "tag", "consent", "tier":
		s.Op = domain.SelectionOp(one("eq", "ne", "in"))
		value = func() string {
			return one("regular", "vip", domain.ConsentMarketing, "gold", "silver", "plain")
		}
	case "opened_at":
		value = func() string { return p.openedAt.Format(time.RFC3339Nano) }
	}
	switch s.Field {
	case "spend", "frequency", "rfm_r", "rfm_f", "rfm_m":
		switch a.r.IntN(3) {
		case 0:
			s.Days = 1 + a.r.IntN(40)
		case 1:
			s.From, s.To = a.any("purchases")["day"], a.any("purchases")["day"]
		}
	}
	if strings.HasPrefix(string(s.Field), "rfm") {
		value = func() string { return one("1", "2", "3", "4", "5") }
	}
	if s.Op != "in" {
		s.Value = domain.SelectionValue(value())
		return s
	}
	for range 1 + a.r.IntN(3) {
		s.Values = append(s.Values, domain.SelectionValue(value()))
	}
	return s
}

// selections compares a selection with whom it holds, counted, by pages and as a segment's members.
func (a *asker) selections() {
	zone := time.FixedZone("", (a.r.IntN(27)-12)*3600)
	at := a.about(a.any("purchases"), "recorded_at").In(zone)
	people := a.people(at)
	s := a.selection(people, 2)
	if err := s.Check("filter"); err != nil {
		a.Fatalf("%+v: %v", s, err)
	}
	holds := map[string]bool{}
	for i := range people {
		holds[people[i].id.String()] = people[i].selectable && satisfies(&s, &people[i], people)
	}
	want := a.rows("accounts", "id", func(row reckoned) bool { return holds[row["id"]] })
	what := "selection " + asJSON(a, s) + lineOf(" at", at)
	n, _, err := a.m.CountSelected(a.Context(), s, at)
	if err != nil || n != int64(len(want)) {
		a.Fatalf("%s: counted %d, %v, want %d", what, n, err, len(want))
	}
	var got []uuid.UUID
	for last, limit := (uuid.UUID{}), 1+a.r.IntN(4); ; {
		some, err := a.m.Selected(a.Context(), s, at, last, limit)
		if err != nil {
			a.Fatal(err)
		}
		if got = append(got, some...); len(some) < limit {
			break
		}
		last = some[len(some)-1]
	}
	has(a, what, got, func(id uuid.UUID) string { return id.String() }, want, "id")
	segment := domain.Segment{ID: "s", Filter: s}
	members := pages(a, what, struct{}{}, unfiltered(func(ctx context.Context, p Paging) (
		Page[AccountEntry], error) {
		return a.m.Members(ctx, segment, at, p)
	}))
	has(a, what, members, func(e AccountEntry) string {
		return lineOf(e.ID, e.CustomerRef, e.Status, e.OpenedAt, e.Revision)
	}, want, "id, customer_ref, status, opened_at, revision")
}

// segmentList compares all segments, and whether one holds an account.
func (a *asker) segmentList() {
	got := pages(a, "segments", struct{}{}, unfiltered(a.m.Segments))
	has(a, "segments", got, func(s SegmentEntry) string {
		return lineOf(s.ID, s.Name, asJSON(a, s.Filter), s.DefinedAt, s.ChangedAt, s.Revision)
	}, a.rows("segments", "id", all), "id, name, filter, defined_at, changed_at, revision")

	people, name := a.people(a.last), a.any("segments")["id"]
	p := &people[a.r.IntN(len(people))]
	in, err := a.m.InSegment(a.Context(), p.id, name, a.last)
	if name == "" {
		if !errors.Is(err, domain.ErrNotFound) {
			a.Fatalf("got %v of no segment, want ErrNotFound", err)
		}
		return
	}
	s := fromJSON[domain.Selection](a, a.tables["segments"][name]["filter"])
	if want := p.selectable && satisfies(&s, p, people); err != nil || in != want {
		a.Fatalf("%s in %s: got %t, %v, want %t", p.id, name, in, err, want)
	}
}
