package domain

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

// ladder is a program's terms with one step, which edits may change.
func ladder(edits ...func(*LadderStep)) Terms {
	s := LadderStep{ID: "s", From: cny("100"), Percent: percent("10")}
	for _, edit := range edits {
		edit(&s)
	}
	return Terms{Ladder: []LadderStep{s}}
}

func percent(text string) Quantity {
	q, err := parseQuantity(text)
	if err != nil {
		panic(err) // a test's own text
	}
	return q
}

// published publishes programs one after the other, a day apart, and is what the last one became.
func published(t *testing.T, all ...PublishProgram) (*Program, error) {
	t.Helper()
	var before []Posted
	var last *Program
	for i, p := range all {
		at := noon.Add(time.Duration(i) * day)
		posted, err := Register(before, p, Moment{Recorded: at, Decided: at, Actor: "m"})
		if err != nil {
			return last, err
		}
		e := posted[0].Event.(ProgramPublished)
		kind, data, metadata, err := Encode(posted[0])
		if err != nil {
			t.Fatal(err)
		}
		read, err := Decode(kind, data, metadata, posted[0].Revision)
		if err != nil {
			t.Fatal(err)
		}
		if differing := DifferingRegistration(read, p); len(differing) > 0 {
			t.Fatalf("a repeat differs in %v", differing)
		}
		before, last = append(before, read), e.Rules()
	}
	return last, nil
}

func TestPublishProgram(t *testing.T) {
	vip := func(edits ...func(*PublishProgram)) PublishProgram {
		p := PublishProgram{ID: "vip", New: true, Terms: ladder()}
		for _, edit := range edits {
			edit(&p)
		}
		return p
	}
	from := func(at time.Time) func(*PublishProgram) {
		return func(p *PublishProgram) { p.EffectiveFrom = at }
	}
	next := func(p *PublishProgram) { p.New = false }
	named := func(id string) func(*PublishProgram) { return func(p *PublishProgram) { p.ID = id } }
	for _, c := range []struct {
		name string
		all  []PublishProgram
		want string // the name, or the refusal
	}{
		{"the first version", []PublishProgram{vip()}, "vip@1"},
		{"the second", []PublishProgram{vip(), vip(next)}, "vip@2"},
		{"a second at the first's instant, both to come",
			[]PublishProgram{vip(from(noon.Add(9 * day))), vip(next, from(noon.Add(9*day)))}, "vip@2"},
		{"at once while the first is to come",
			[]PublishProgram{vip(from(noon.Add(9 * day))), vip(next)}, "vip@2"},
		{"the built-in one has a first version",
			[]PublishProgram{vip(named("default"), next)}, "default@2"},
		{"and is not new", []PublishProgram{vip(named("default"))}, "reference_used"},
		{"no id", []PublishProgram{vip(named("A"))}, "malformed program_id"},
		{"it exists", []PublishProgram{vip(), vip()}, "reference_used"},
		{"it does not exist", []PublishProgram{vip(next)}, "not_found"},
		{"in the past", []PublishProgram{vip(from(noon.Add(-1)))}, "malformed effective_from"},
		{"now", []PublishProgram{vip(from(noon))}, "vip@1"},
		{"before the one it follows",
			[]PublishProgram{vip(from(noon.Add(9 * day))), vip(next, from(noon.Add(8*day)))},
			"malformed effective_from"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := published(t, c.all...)
			got := refusedBy(err)
			if err == nil {
				got = p.Name()
			}
			if got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// refusedBy is a refusal's code and the fields it blames.
func refusedBy(err error) string {
	var r *Refusal
	if !errors.As(err, &r) {
		return ""
	}
	parts := []string{string(r.Code)}
	for _, f := range r.Fields {
		parts = append(parts, f.Field)
	}
	return strings.Join(parts, " ")
}

// TestTerms is the table of what is wrong with terms: every field is named, all of them at once.
func TestTerms(t *testing.T) {
	jpy := MustMoney("5", unit("JPY"))
	step := func(edit func(*LadderStep)) Terms { return ladder(edit) }
	rule := func(edit func(*CashbackRule)) Terms {
		r := CashbackRule{ID: "c", Unit: "CNY", Percent: percent("1")}
		edit(&r)
		return Terms{Cashback: []CashbackRule{r}}
	}
	ends := func(x Expiry) Terms { return Terms{Expiry: map[Class]Expiry{Bonus: x}} }
	limit := func(l Limits) Terms { l.Unit = "CNY"; return Terms{Limits: []Limits{l}} }
	approval := func(a Approval) Terms { a.Unit = "CNY"; return Terms{Approvals: []Approval{a}} }
	many := make([]uuid.UUID, mostListed+1)
	for i := range many {
		many[i] = uuid.NewSHA1(accounts, []byte{byte(i), byte(i >> 8)})
	}
	for _, c := range []struct {
		name  string
		terms Terms
		want  string // the fields to blame
	}{
		{"nothing", Terms{}, ""},
		{"all at once", Terms{Zone: "Moon", Draw: "x"}, "zone draw"},
		{"local time", Terms{Zone: "Local"}, "zone"},
		{"two steps of one id", Terms{Ladder: append(ladder().Ladder, ladder().Ladder...)}, "ladder.1.id"},
		{"step without an id", step(func(s *LadderStep) { s.ID = "" }), "ladder.0.id"},
		{"step without from", step(func(s *LadderStep) { s.From = Money{} }), "ladder.0.from"},
		{"step from zero", step(func(s *LadderStep) { s.From = cny("0") }), ""},
		{"step with no bonus", step(func(s *LadderStep) { s.Percent = Quantity{} }), "ladder.0.percent"},
		{"step with two", step(func(s *LadderStep) { s.Fixed = cny("1") }), "ladder.0.percent"},
		{"100 %", step(func(s *LadderStep) { s.Percent = percent("100.0000") }), ""},
		{"above 100 %", step(func(s *LadderStep) { s.Percent = percent("100.0001") }), "ladder.0.percent"},
		{"below 0 %", step(func(s *LadderStep) { s.Percent = percent("-1") }), "ladder.0.percent"},
		{"fixed in another unit", step(func(s *LadderStep) { s.Percent, s.Fixed = Quantity{}, jpy }),
			"ladder.0.fixed"},
		{"fixed zero", step(func(s *LadderStep) { s.Percent, s.Fixed = Quantity{}, cny("0") }),
			"ladder.0.fixed"},
		{"cap in another unit", step(func(s *LadderStep) { s.Cap = jpy }), "ladder.0.cap"},
		{"cap of a fixed bonus", step(func(s *LadderStep) {
			s.Percent, s.Fixed, s.Cap = Quantity{}, cny("1"), cny("1")
		}), "ladder.0.cap"},
		{"step ends as it begins", step(func(s *LadderStep) { s.Begins, s.Ends = noon, noon }),
			"ladder.0.ends"},
		{"step in a store without a name", step(func(s *LadderStep) { s.Scope.Stores = []string{""} }),
			"ladder.0.scope"},
		{"step for too many", step(func(s *LadderStep) { s.Accounts = many }), "ladder.0.accounts"},
		{"step less often than never", step(func(s *LadderStep) { s.PerCustomer = -1 }),
			"ladder.0.per_customer"},
		{"cashback without an id", rule(func(r *CashbackRule) { r.ID = "" }), "cashback.0.id"},
		{"cashback without a unit", rule(func(r *CashbackRule) { r.Unit = "" }), "cashback.0.unit"},
		{"cashback of nothing", rule(func(r *CashbackRule) { r.Percent = Quantity{} }),
			"cashback.0.percent"},
		{"cashback from another unit", rule(func(r *CashbackRule) { r.Minimum = jpy }),
			"cashback.0.minimum"},
		{"cashback capped in another", rule(func(r *CashbackRule) { r.Cap = jpy }), "cashback.0.cap"},
		{"cashback ends first", rule(func(r *CashbackRule) { r.Begins, r.Ends = noon, noon.Add(-day) }),
			"cashback.0.ends"},
		{"unknown class", Terms{Expiry: map[Class]Expiry{"x": {Days: 1}}}, "expiry.x"},
		{"expiry that says nothing", ends(Expiry{}), "expiry.bonus"},
		{"expiry that says two things", ends(Expiry{Days: 1, On: "2027-01-01"}), "expiry.bonus"},
		{"days that run back", ends(Expiry{Days: -1}), "expiry.bonus.days"},
		{"end of a week", ends(Expiry{EndOf: "week"}), "expiry.bonus.end_of"},
		{"months that run back", ends(Expiry{EndOf: "year", Months: -1}), "expiry.bonus.months"},
		{"months alone", ends(Expiry{Months: 12}), ""},
		{"a day that is none", ends(Expiry{On: "2026-02-30"}), "expiry.bonus.on"},
		{"unknown policy", Terms{OnExpired: OnExpired{Paid: RefundExpired{Policy: "x"}}},
			"on_refund_expired.paid.policy"},
		{"grace of no days", Terms{OnExpired: OnExpired{Free: RefundExpired{Policy: "grace_days"}}},
			"on_refund_expired.free.days"},
		{"holds too short", Terms{Holds: HoldTerms{DefaultSeconds: 59}}, "holds.default_seconds"},
		{"holds longer than they may", Terms{Holds: HoldTerms{DefaultSeconds: 601, MaxSeconds: 600}},
			"holds.default_seconds"},
		{"holds too long", Terms{Holds: HoldTerms{MaxSeconds: 604801}}, "holds.max_seconds"},
		{"limits twice", Terms{Limits: []Limits{{Unit: "CNY"}, {Unit: "CNY"}}}, "limits.1.unit"},
		{"limits of no unit", Terms{Limits: []Limits{{}}}, "limits.0.unit"},
		{"least in another unit", limit(Limits{MinTopUp: jpy}), "limits.0.min_top_up"},
		{"most of zero", limit(Limits{MaxTopUp: cny("0")}), "limits.0.max_top_up"},
		{"most below least", limit(Limits{MinTopUp: cny("2"), MaxTopUp: cny("1")}),
			"limits.0.max_top_up"},
		{"balance in another unit", limit(Limits{MaxBalance: jpy}), "limits.0.max_balance"},
		{"debit in another unit", limit(Limits{MaxDebit: jpy}), "limits.0.max_debit"},
		{"day in another unit", limit(Limits{MaxDebitDay: jpy}), "limits.0.max_debit_day"},
		{"velocity without a stretch", limit(Limits{Velocity: Velocity{Count: 1}}),
			"limits.0.velocity.seconds"},
		{"velocity without a count", limit(Limits{Velocity: Velocity{Seconds: 1}}),
			"limits.0.velocity.count"},
		{"reminders that rise", Terms{Reminders: []int{1, 7}}, "reminders"},
		{"dormancy that falls", Terms{Dormancy: []int{30, 30}}, "dormancy"},
		{"dormancy at once", Terms{Dormancy: []int{0}}, "dormancy"},
		{"approvals twice", Terms{Approvals: []Approval{{Unit: "CNY"}, {Unit: "CNY"}}}, "approvals.1.unit"},
		{"withdrawals in another unit", approval(Approval{Withdrawal: jpy}), "approvals.0.withdrawal"},
		{"adjustments in another", approval(Approval{Adjustment: jpy}), "approvals.0.adjustment"},
		{"refunds in another", approval(Approval{UnreferencedRefund: jpy}),
			"approvals.0.unreferenced_refund"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := published(t, PublishProgram{ID: "p", New: true, Terms: c.terms})
			got := strings.TrimPrefix(strings.ReplaceAll(refusedBy(err), "terms.", ""), "malformed ")
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// What default@1 says stands in the terms of everyone who says nothing.
func TestTermsAreWhole(t *testing.T) {
	p, err := published(t, PublishProgram{ID: "p", New: true, Accounts: []uuid.UUID{
		AccountID("b"), AccountID("a"), AccountID("b")}})
	if err != nil {
		t.Fatal(err)
	}
	d := DefaultProgram().Terms
	if p.Terms.Zone != d.Zone || p.Terms.Draw != d.Draw || p.Terms.OnExpired != d.OnExpired ||
		p.Terms.Holds != d.Holds {
		t.Errorf("got %+v, want %+v", p.Terms, d)
	}
	if len(p.Accounts) != 2 || !slices.IsSortedFunc(p.Accounts, byID) || !p.Lists(AccountID("a")) ||
		p.Lists(AccountID("c")) {
		t.Errorf("got %v, want a and b, sorted", p.Accounts)
	}
}
