package projections

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/projections/placetest"
)

// person is an account as its rows say, without SQL.
type person struct {
	asked      time.Time // when
	id         uuid.UUID
	status     domain.Status
	openedAt   time.Time
	step       int
	balance    map[string]int64
	days       map[string]map[string]purchaseRow // by unit and day
	tags       []string
	consents   []string
	met        []meeting
	coupons    map[string]int // live ones by campaign
	tier       string
	selectable bool
}

type meeting struct {
	kind domain.InteractionKind
	at   time.Time
}

// hostile are labels that would do harm in SQL that is put together from texts.
var hostile = []string{"vip", "gold", "' OR '1'='1", `"; DROP TABLE accounts; --`, "?", "%", "_", `\`,
	"NULL", "0", "1) OR (1=1", "名前", "a\u2028b"}

var asked = time.Date(2026, 6, 15, 3, 0, 0, 0, time.FixedZone("", 8*3600))

// population are people, in the tables and in memory.
func population(t *testing.T, m *Models, n int) []person {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	some := func(of []string) (picked []string) {
		for _, one := range of {
			if r.IntN(4) == 0 {
				picked = append(picked, one)
			}
		}
		return picked
	}
	var all []person
	for i := range n {
		p := person{asked: asked, id: domain.AccountID(fmt.Sprint("P-", i)), balance: map[string]int64{},
			coupons: map[string]int{},
			days:    map[string]map[string]purchaseRow{}, tags: some(hostile), consents: some(hostile),
			status: []domain.Status{"open", "open", "frozen", "closed", "merged"}[r.IntN(5)],
			step:   []int{0, 0, 30, 90}[r.IntN(4)], openedAt: asked.AddDate(0, 0, -r.IntN(400)).UTC()}
		kind := []string{"member", "member", "member", "bearer"}[r.IntN(4)]
		p.selectable = kind == "member" && p.status != "closed" && p.status != "merged"
		id := p.id.String()
		edit(t, m, `INSERT INTO accounts (id, customer_ref, kind, status, freezes, opened_at, recorded_at,
			revision, position, dormant_step) VALUES (?, ?, ?, ?, '[]', ?, ?, 0, 0, ?)`, id,
			fmt.Sprint("P-", i), kind, string(p.status), NullTime(p.openedAt), NullTime(p.openedAt), p.step)
		granted := map[string]domain.Consent{}
		for _, c := range p.consents {
			granted[c] = domain.Consent{GrantedAt: asked}
		}
		if granted["vip"].GrantedAt.IsZero() {
			granted["vip"] = domain.Consent{WithdrawnAt: asked}
		}
		tags, _ := json.Marshal(append([]string{}, p.tags...))
		consents, _ := json.Marshal(granted)
		edit(t, m, "INSERT INTO customers VALUES (?, ?, ?, NULL, NULL, 0, 0)", id, string(tags),
			string(consents))
		for _, unit := range []string{"CNY", "JPY"} {
			if r.IntN(3) > 0 {
				p.balance[unit] = int64(r.IntN(2000))
				total := fmt.Sprint(p.balance[unit])
				if unit == "CNY" {
					total = fmt.Sprintf("%d.%02d", p.balance[unit]/100, p.balance[unit]%100)
				}
				edit(t, m, "INSERT INTO balances VALUES (?, ?, ?, '0', '{}')", id, unit, total)
			}
			p.days[unit] = map[string]purchaseRow{}
			for range r.IntN(4) {
				day := asked.AddDate(0, 0, 2-r.IntN(60)).Format(time.DateOnly)
				row := purchaseRow{int64(r.IntN(4)), int64(r.IntN(3000) - 500)}
				p.days[unit][day] = row
				edit(t, m, `INSERT INTO purchases VALUES (?, ?, ?, ?, ?) ON CONFLICT (account_id, unit, day)
					DO UPDATE SET sales = excluded.sales, amount = excluded.amount`, id, unit, day, row.sales,
					row.amount)
			}
		}
		for j := range r.IntN(5) {
			meet := meeting{domain.InteractionKinds[r.IntN(5)], asked.AddDate(0, 0, -r.IntN(40)).UTC()}
			p.met = append(p.met, meet)
			edit(t, m, `INSERT INTO interactions (account_id, id, kind, occurred_at, recorded_at, position)
				VALUES (?, ?, ?, ?, ?, 0)`, id, fmt.Sprint(j), string(meet.kind), NullTime(meet.at),
				NullTime(meet.at))
		}
		for j := range r.IntN(4) {
			campaign := []string{"spring", "autumn"}[r.IntN(2)]
			status := []string{"active", "reserved", "used", "revoked"}[r.IntN(4)]
			until := asked.AddDate(0, 0, r.IntN(20)-5)
			edit(t, m, `INSERT INTO coupons (account_id, id, status, campaign, definition, kind, uses, used,
				valid_from, valid_until, consideration, granted_at)
				VALUES (?, ?, ?, ?, 'd@1', 'amount_off', 1, 0, ?, ?, 'free', ?)`, id, fmt.Sprint(j), status,
				campaign, NullTime(until), NullTime(until), NullTime(until))
			if (status == "active" || status == "reserved") && until.After(asked) {
				p.coupons[campaign]++
			}
		}
		if r.IntN(3) > 0 {
			p.tier = hostile[r.IntN(4)]
			edit(t, m, `INSERT INTO tiers (account_id, tier, rank, counted, counted_rank, overridden)
				VALUES (?, ?, 1, '', 0, 0)`, id, p.tier)
		}
		all = append(all, p)
	}
	return all
}

// drawSelection is a selection of any form.
func drawSelection(r *rapid.T, depth int) domain.Selection {
	if depth > 0 {
		switch rapid.SampledFrom([]string{"all", "any", "not", "field", "field"}).Draw(r, "form") {
		case "all":
			return domain.Selection{All: drawSelections(r, depth)}
		case "any":
			return domain.Selection{Any: drawSelections(r, depth)}
		case "not":
			part := drawSelection(r, depth-1)
			return domain.Selection{Not: &part}
		}
	}
	return drawCondition(r)
}

func drawSelections(r *rapid.T, depth int) []domain.Selection {
	var parts []domain.Selection
	for range rapid.IntRange(1, 3).Draw(r, "parts") {
		parts = append(parts, drawSelection(r, depth-1))
	}
	return parts
}

var askable = []domain.SelectionField{"balance", "spend", "recency", "frequency", "rfm_r", "rfm_f", "rfm_m",
	"tag", "consent", "dormancy", "interactions", "opened_at", "tier", "coupons"}

func drawCondition(r *rapid.T) domain.Selection {
	s := domain.Selection{Field: rapid.SampledFrom(askable).Draw(r, "field")}
	ops := []domain.SelectionOp{"eq", "ne", "in", "lt", "le", "gt", "ge"}
	unit := rapid.SampledFrom([]string{"CNY", "JPY"}).Draw(r, "unit")
	number := func(most int) func() string {
		return func() string { return fmt.Sprint(rapid.IntRange(0, most).Draw(r, "value")) }
	}
	value, window := number(60), false
	switch s.Field {
	case "balance", "spend":
		s.Unit, window = unit, s.Field == "spend"
		value = func() string {
			n := rapid.IntRange(0, 2000).Draw(r, "steps")
			if unit == "JPY" {
				return fmt.Sprint(n)
			}
			return fmt.Sprintf("%d.%02d", n/100, n%100)
		}
	case "rfm_r", "rfm_f", "rfm_m":
		value, window = func() string { return fmt.Sprint(rapid.IntRange(1, 5).Draw(r, "score")) }, true
		if s.Field == "rfm_m" {
			s.Unit = unit
		}
	case "frequency":
		value, window = number(5), true
	case "coupons":
		value = number(3)
		s.Of = rapid.SampledFrom([]string{"", "spring", "' OR 1 --"}).Draw(r, "campaign")
	case "tag", "consent", "tier":
		ops = ops[:3]
		value = func() string { return rapid.SampledFrom(hostile).Draw(r, "label") }
	case "dormancy":
		value = func() string { return rapid.SampledFrom([]string{"0", "30", "90"}).Draw(r, "step") }
	case "interactions":
		value = number(4)
		s.Kind = rapid.SampledFrom([]domain.InteractionKind{"", "visit", "call"}).Draw(r, "kind")
		s.Days = rapid.IntRange(0, 40).Draw(r, "days")
	case "opened_at":
		value = func() string {
			return asked.AddDate(0, 0, -rapid.IntRange(0, 400).Draw(r, "ago")).Format(time.RFC3339)
		}
	}
	if window {
		switch rapid.IntRange(0, 2).Draw(r, "window") {
		case 1:
			s.Days = rapid.IntRange(1, 40).Draw(r, "days")
		case 2:
			s.From = asked.AddDate(0, 0, -rapid.IntRange(0, 60).Draw(r, "from")).Format(time.DateOnly)
			s.To = asked.AddDate(0, 0, -rapid.IntRange(0, 60).Draw(r, "to")).Format(time.DateOnly)
		}
	}
	if s.Op = rapid.SampledFrom(ops).Draw(r, "op"); s.Op != "in" {
		s.Value = domain.SelectionValue(value())
		return s
	}
	for range rapid.IntRange(1, 4).Draw(r, "values") {
		s.Values = append(s.Values, domain.SelectionValue(value()))
	}
	return s
}

// satisfies is what the SQL is compared with.
func satisfies(s *domain.Selection, p *person, all []person) bool {
	isPart := func(part domain.Selection) bool { return satisfies(&part, p, all) }
	switch {
	case s.All != nil:
		return !slices.ContainsFunc(s.All, func(part domain.Selection) bool { return !isPart(part) })
	case s.Any != nil:
		return slices.ContainsFunc(s.Any, isPart)
	case s.Not != nil:
		return !satisfies(s.Not, p, all)
	}
	switch s.Field {
	case "tag":
		return labelled(s, p.tags)
	case "consent":
		return labelled(s, p.consents)
	case "tier":
		return labelled(s, []string{p.tier})
	}
	figure, known := figureOf(s, p, all)
	if !known {
		return false
	}
	if s.Op == "in" {
		return slices.ContainsFunc(s.Values, func(v domain.SelectionValue) bool {
			return figure == numberOf(s, v)
		})
	}
	return compares(figure, numberOf(s, s.Value), s.Op)
}

func compares(a, b int64, op domain.SelectionOp) bool {
	switch op {
	case "eq":
		return a == b
	case "ne":
		return a != b
	case "lt":
		return a < b
	case "le":
		return a <= b
	case "gt":
		return a > b
	}
	return a >= b
}

func labelled(s *domain.Selection, labels []string) bool {
	has := func(v domain.SelectionValue) bool { return slices.Contains(labels, string(v)) }
	switch s.Op {
	case "in":
		return slices.ContainsFunc(s.Values, has)
	case "ne":
		return !has(s.Value)
	}
	return has(s.Value)
}

func numberOf(s *domain.Selection, v domain.SelectionValue) int64 {
	if s.Field == "opened_at" {
		t, _ := time.Parse(time.RFC3339, string(v))
		return t.UnixNano()
	}
	n, _ := strconv.ParseInt(strings.ReplaceAll(string(v), ".", ""), 10, 64)
	return n
}

// figureOf is a person's figure, if there is one.
func figureOf(s *domain.Selection, p *person, all []person) (int64, bool) {
	switch s.Field {
	case "balance":
		return p.balance[s.Unit], true
	case "spend":
		return p.sum(s, s.Unit).amount, true
	case "frequency":
		return p.sum(s, "").sales, true
	case "recency":
		day, ok := p.lastDay(&domain.Selection{})
		today, _ := time.Parse(time.DateOnly, p.asked.Format(time.DateOnly))
		return max(0, int64(today.Sub(time.Unix(day, 0))/(24*time.Hour))), ok
	case "coupons":
		n := p.coupons[s.Of]
		for _, more := range p.coupons {
			if s.Of == "" {
				n += more
			}
		}
		return int64(n), true
	case "dormancy":
		return int64(p.step), true
	case "opened_at":
		return p.openedAt.UnixNano(), true
	case "interactions":
		n := int64(0)
		for _, m := range p.met {
			if (s.Kind == "" || m.kind == s.Kind) &&
				(s.Days == 0 || m.at.After(p.asked.AddDate(0, 0, -s.Days)) && !m.at.After(p.asked)) {
				n++
			}
		}
		return n, true
	}
	return scoreOf(s, p, all)
}

// scoreOf is 1 and the fifths of the buyers that have less.
func scoreOf(s *domain.Selection, p *person, all []person) (int64, bool) {
	figure := func(p *person) (int64, bool) {
		day, ok := p.lastDay(s)
		switch s.Field {
		case "rfm_f":
			return p.sum(s, "").sales, ok
		case "rfm_m":
			return p.sum(s, s.Unit).amount, ok
		}
		return day, ok
	}
	own, ok := figure(p)
	less, buyers := int64(0), int64(0)
	for i := range all {
		if f, ok := figure(&all[i]); ok && all[i].selectable {
			buyers++
			if f < own {
				less++
			}
		}
	}
	return 1 + 5*less/max(buyers, 1), ok
}

// sum adds up the days in a window, of a unit or all.
func (p *person) sum(s *domain.Selection, unit string) (sum purchaseRow) {
	for u, days := range p.days {
		for day, row := range days {
			if (unit == "" || u == unit) && p.inWindow(s, day) {
				sum.sales, sum.amount = sum.sales+row.sales, sum.amount+row.amount
			}
		}
	}
	return sum
}

// lastDay is the last day in a window with a sale, in seconds.
func (p *person) lastDay(s *domain.Selection) (last int64, ok bool) {
	for _, days := range p.days {
		for day, row := range days {
			if at, _ := time.Parse(time.DateOnly, day); row.sales > 0 && p.inWindow(s, day) {
				last, ok = max(last, at.Unix()), true
			}
		}
	}
	return last, ok
}

func (p *person) inWindow(s *domain.Selection, day string) bool {
	from, to := s.From, s.To
	if s.Days > 0 {
		from, to = p.asked.AddDate(0, 0, 1-s.Days).Format(time.DateOnly), p.asked.Format(time.DateOnly)
	}
	return day >= from && (to == "" || day <= to)
}

// TestSelectionsHoldWhomTheySay compares SQL with the rows, for any selection and any label.
func TestSelectionsHoldWhomTheySay(t *testing.T) {
	m := open(t, placetest.Place(t), memory(t), Options{})
	people := population(t, m, 60)
	rapid.Check(t, func(r *rapid.T) {
		s := drawSelection(r, 3)
		if err := s.Check("filter"); err != nil {
			r.Fatalf("%+v: %v", s, err)
		}
		var want []uuid.UUID
		for i := range people {
			if people[i].selectable && satisfies(&s, &people[i], people) {
				want = append(want, people[i].id)
			}
		}
		slices.SortFunc(want, func(a, b uuid.UUID) int { return strings.Compare(a.String(), b.String()) })
		var got []uuid.UUID
		page, err := m.Members(t.Context(), domain.Segment{ID: "s", Filter: s}, asked, Paging{Limit: 7})
		for ; err == nil; page, err = m.Members(t.Context(), domain.Segment{ID: "s", Filter: s},
			asked.Add(time.Hour), Paging{Limit: 7, Cursor: page.Next}) {
			for _, a := range page.Data {
				got = append(got, a.ID)
			}
			if page.Next == "" {
				break
			}
		}
		text, _ := json.Marshal(s)
		if err != nil || !slices.Equal(got, want) {
			r.Fatalf("%s: got %v, %v, want %v", text, got, err, want)
		}
		if n, _, err := m.CountSelected(t.Context(), s, asked); err != nil || n != int64(len(want)) {
			r.Fatalf("%s: counted %d, %v, want %d", text, n, err, len(want))
		}
	})
}

// TestWhoHasNoFigure: who never bought satisfies no condition on when, and so satisfies that none does.
func TestWhoHasNoFigure(t *testing.T) {
	m := open(t, placetest.Place(t), memory(t), Options{})
	people := population(t, m, 60)
	never := int64(0)
	for i := range people {
		if _, bought := people[i].lastDay(&domain.Selection{}); people[i].selectable && !bought {
			never++
		}
	}
	some := domain.Selection{Field: "recency", Op: "ge", Value: "0"}
	n, _, err := m.CountSelected(t.Context(), domain.Selection{Not: &some}, asked)
	if err != nil || n != never || never == 0 {
		t.Errorf("got %d, %v, want %d who never bought", n, err, never)
	}
}

// TestCursorsOfASegment: one goes on in its own segment alone, while that is what it was.
func TestCursorsOfASegment(t *testing.T) {
	m := open(t, placetest.Place(t), memory(t), Options{})
	population(t, m, 20)
	s := domain.Segment{ID: "all", Filter: domain.Selection{Field: "recency", Op: "ge", Value: "0"}}
	page, err := m.Members(t.Context(), s, asked, Paging{Limit: 1})
	if err != nil || page.Next == "" {
		t.Fatalf("got %+v, %v, want a page with another behind it", page, err)
	}
	other, changed := s, s
	other.ID, changed.Revision = "other", 1
	for want, s := range map[error]domain.Segment{nil: s, ErrCursor: other} {
		if _, err := m.Members(t.Context(), s, asked, Paging{Cursor: page.Next}); err != want {
			t.Errorf("segment %s: got %v, want %v", s.ID, err, want)
		}
	}
	if _, err := m.Members(t.Context(), changed, asked, Paging{Cursor: page.Next}); err != ErrCursor {
		t.Errorf("a segment that has changed: got %v, want %v", err, ErrCursor)
	}
}

// TestSlowSelections: whatever asks a selection gives it up when its time is over.
func TestSlowSelections(t *testing.T) {
	m := open(t, placetest.Place(t), memory(t), Options{SelectionTime: 1})
	population(t, m, 20)
	s := domain.Segment{ID: "all", Filter: domain.Selection{Field: "rfm_r", Op: "ge", Value: "1"}}
	for name, ask := range map[string]func() error{
		"counted": func() error { _, _, err := m.CountSelected(t.Context(), s.Filter, asked); return err },
		"listed":  func() error { _, err := m.Selected(t.Context(), s.Filter, asked, uuid.Nil, 9); return err },
		"a page":  func() error { _, err := m.Members(t.Context(), s, asked, Paging{}); return err },
		"one account": func() error {
			_, err := m.InSegment(t.Context(), domain.AccountID("A"), "all", asked)
			return err
		},
	} {
		if err := ask(); !errors.Is(err, ErrSlowSelection) {
			t.Errorf("%s: got %v, want %v", name, err, ErrSlowSelection)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, _, err := m.CountSelected(ctx, s.Filter, asked); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v of who asked no more", err, context.Canceled)
	}
}
