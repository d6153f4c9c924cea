package domain

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

// budgeted is an active campaign's budget.
func budgeted(t testing.TB, caps Budgets) Budget {
	t.Helper()
	b := NewBudget()
	for i, r := range []Registration{
		drafted(func(d *DraftCampaign) { d.Budgets, d.Ends = caps, noon.Add(100*day) }), tenOff(),
		ApproveCampaign{"spring"}, ActivateCampaign{"spring"},
	} {
		actor := "maker"
		if i == 2 {
			actor = "checker"
		}
		b = b.after(t, r, actor)
	}
	return b
}

// after is the budget once a registration was posted on its stream.
func (b Budget) after(t testing.TB, r Registration, actor string) Budget {
	t.Helper()
	var life []Posted
	if c := b.Campaign; c != nil {
		life = []Posted{{Event: CampaignDrafted{c.ID, c.Terms}}}
		for _, d := range c.Definitions {
			life = append(life, Posted{Event: CouponDefined{c.ID, *d}})
		}
		switch c.Status {
		case CampaignIsApproved:
			life = append(life, Posted{Event: CampaignApproved{CampaignID: c.ID}})
		case CampaignIsActive:
			life = append(life, Posted{Event: CampaignActivated{c.ID}})
		case CampaignIsPaused:
			life = append(life, Posted{Event: CampaignPaused{CampaignID: c.ID}})
		}
	}
	posted, err := RegisterAt(b.Revision+1, life, r, Moment{Recorded: noon, Actor: actor})
	if err != nil {
		t.Fatalf("%T: %v", r, err)
	}
	if err := b.Apply(posted[0]); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *Budget) String() string {
	left := b.Left()
	text := ""
	if left.Issues != nil {
		text += fmt.Sprint(*left.Issues, " issues ")
	}
	if left.Redemptions != nil {
		text += fmt.Sprint(*left.Redemptions, " redemptions ")
	}
	if left.Discount != nil {
		text += left.Discount.String()
	}
	return text
}

func issue(n int64) BudgetPart { return BudgetPart{Campaign: "spring", Kind: BudgetIssue, Count: n} }

func redemption(discount string) BudgetPart {
	return BudgetPart{Campaign: "spring", Kind: BudgetRedemption, Count: 1, Amount: cny(discount)}
}

// TestReserve is the table of what a budget has and has not.
func TestReserve(t *testing.T) {
	at := func(d time.Duration) Moment { return Moment{Recorded: noon.Add(d), Actor: "till"} }
	all := Budgets{Issues: 2, Redemptions: 2, Discount: cny("10")}
	yen := redemption("1")
	yen.Amount = MustMoney("1", unit("JPY"))
	for _, c := range []struct {
		name   string
		caps   Budgets
		before []BudgetPart
		wanted BudgetPart
		at     time.Duration
		want   string // the refusal, or what is left
	}{
		{"an issue", all, nil, issue(1), 0, "1 issues 2 redemptions 10.00 CNY"},
		{"the last issue", all, []BudgetPart{issue(1)}, issue(1), 0, "0 issues 2 redemptions 10.00 CNY"},
		{"one more", all, []BudgetPart{issue(1), issue(1)}, issue(1), 0, "budget_exhausted"},
		{"two where there is one", all, []BudgetPart{issue(1)}, issue(2), 0, "budget_exhausted"},
		{"not capped", Budgets{}, []BudgetPart{issue(1e6)}, issue(1), 0, ""},
		{"a use", all, nil, redemption("4"), 0, "2 issues 1 redemptions 6.00 CNY"},
		{"all the discount", all, nil, redemption("10"), 0, "2 issues 1 redemptions 0.00 CNY"},
		{"a cent more", all, nil, redemption("10.01"), 0, "budget_exhausted"},
		{"a cent more than is left", all, []BudgetPart{redemption("4")}, redemption("6.01"), 0,
			"budget_exhausted"},
		{"a third use", all, []BudgetPart{redemption("1"), redemption("1")}, redemption("1"), 0,
			"budget_exhausted"},
		{"uses alone", Budgets{Redemptions: 1}, nil, redemption("99"), 0, "0 redemptions "},
		{"discount alone", Budgets{Discount: cny("1")}, nil, redemption("1"), 0, "0.00 CNY"},
		{"in another unit", all, nil, yen, 0, "coupon_unit"},
		{"once it is over", all, nil, issue(1), 100 * day, "campaign_not_active"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := budgeted(t, c.caps)
			for _, w := range c.before {
				if _, err := b.Reserve(Claim{BudgetPart: w}, at(0)); err != nil {
					t.Fatal(err)
				}
			}
			was := b
			p, err := b.Reserve(Claim{BudgetPart: c.wanted}, at(c.at))
			got := refusedBy(err)
			if err == nil {
				got = b.String()
				if replayed := was; replayed.Apply(p) != nil || replayed.String() != got {
					t.Errorf("replayed to %s, want %s", replayed.String(), got)
				}
			} else if b.String() != was.String() {
				t.Errorf("a refusal left %s, want %s", b.String(), was.String())
			}
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	paused := budgeted(t, all).after(t, PauseCampaign{"spring", "x"}, "maker")
	if _, err := paused.Reserve(Claim{BudgetPart: issue(1)}, at(0)); refusedBy(err) != "campaign_not_active" {
		t.Errorf("paused: got %v", err)
	}
	none := NewBudget()
	if _, err := none.Reserve(Claim{BudgetPart: issue(1)}, at(0)); refusedBy(err) != "not_found" {
		t.Errorf("of no campaign: got %v", err)
	}
}

// TestRelease: nothing comes back twice, nor more than was reserved.
func TestRelease(t *testing.T) {
	all := Budgets{Issues: 2, Redemptions: 2, Discount: cny("10")}
	first, second := uuid.UUID{1}, uuid.UUID{2}
	back := func(count int64, discount string) BudgetPart {
		w := redemption(discount)
		w.Count = count
		return w
	}
	type released struct {
		source uuid.UUID
		part   BudgetPart
	}
	for _, c := range []struct {
		name string
		all  []released
		want string // what is left; of 2 issues, one redemption and 4.00
	}{
		{"all of it", []released{{noID, BudgetPart{}}}, "2 issues 2 redemptions 10.00 CNY"},
		{"twice", []released{{noID, BudgetPart{}}, {noID, BudgetPart{}}},
			"2 issues 2 redemptions 10.00 CNY"},
		{"a use and its discount", []released{{first, back(1, "6")}}, "2 issues 2 redemptions 10.00 CNY"},
		{"a part of the discount", []released{{first, back(0, "2")}}, "2 issues 1 redemptions 6.00 CNY"},
		{"the same part again", []released{{first, back(0, "2")}, {first, back(0, "2")}},
			"2 issues 1 redemptions 6.00 CNY"},
		{"the rest", []released{{first, back(0, "2")}, {second, back(1, "4")}},
			"2 issues 2 redemptions 10.00 CNY"},
		{"more than the rest", []released{{first, back(0, "2")}, {second, back(2, "5")}},
			"2 issues 2 redemptions 10.00 CNY"},
		{"a use alone", []released{{first, BudgetPart{Count: 1}}}, "2 issues 2 redemptions 4.00 CNY"},
		{"a part after all", []released{{noID, BudgetPart{}}, {first, back(1, "1")}},
			"2 issues 2 redemptions 10.00 CNY"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := budgeted(t, all)
			m := Moment{Recorded: noon}
			p, err := b.Reserve(Claim{BudgetPart: redemption("6")}, m)
			if err != nil {
				t.Fatal(err)
			}
			var before []Posted
			for _, r := range c.all {
				released, err := b.Release(Return{BudgetPart: r.part}, r.source, p.Event.(BudgetReserved),
					before, m)
				if done := (*Done)(nil); errors.As(err, &done) {
					continue
				}
				if err != nil {
					t.Fatal(err)
				}
				before = append(before, released)
			}
			if got := b.String(); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// TestBudgetLives: whatever is reserved and released, no budget is ever overdrawn or more than full, and
// its stream tells the same as its snapshot.
func TestBudgetLives(t *testing.T) {
	start := budgeted(t, Budgets{Issues: 5, Redemptions: 4, Discount: cny("20")})
	rapid.Check(t, func(t *rapid.T) {
		b, replayed := start, start
		type kept struct {
			BudgetReserved
			released []Posted
		}
		var reservations []*kept
		add := func(p Posted) {
			kind, data, metadata, err := Encode(p)
			if err != nil {
				t.Fatal(err)
			}
			read, err := Decode(kind, data, metadata, p.Revision)
			if err == nil {
				err = replayed.Apply(read)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		for n := range rapid.IntRange(1, 40).Draw(t, "steps") {
			m := Moment{Recorded: noon, Seed: Seed{byte(n)}}
			part := issue(rapid.Int64Range(1, 2).Draw(t, "count"))
			if rapid.Bool().Draw(t, "use") {
				part = redemption(rapid.SampledFrom([]string{"0.01", "3.33", "7"}).Draw(t, "discount"))
			}
			if len(reservations) == 0 || rapid.Bool().Draw(t, "reserve") {
				if p, err := b.Reserve(Claim{BudgetPart: part}, m); err == nil {
					reservations = append(reservations, &kept{BudgetReserved: p.Event.(BudgetReserved)})
					add(p)
				} else if !errors.Is(err, ErrBudgetExhausted) {
					t.Fatal(err)
				}
				continue
			}
			r := rapid.SampledFrom(reservations).Draw(t, "reservation")
			source := uuid.UUID{byte(rapid.IntRange(0, 3).Draw(t, "source"))}
			part.Kind, part.Amount = r.Kind, r.Amount
			p, err := b.Release(Return{BudgetPart: part}, source, r.BudgetReserved, r.released, m)
			if err == nil {
				r.released = append(r.released, p)
				add(p)
			}
		}
		if b.Issued < 0 || b.Issued > 5 || b.Redeemed < 0 || b.Redeemed > 4 {
			t.Fatalf("got %s", b.String())
		}
		if given, _ := b.given(); given.IsNegative() || cny("20").Less(given) {
			t.Fatalf("got %s given", given)
		}
		text, err := json.Marshal(replayed)
		var read Budget
		if err == nil {
			err = json.Unmarshal(text, &read)
		}
		if err != nil || read.String() != b.String() || read.Revision != b.Revision {
			t.Fatalf("got %s at %d, want %s at %d: %v", read.String(), read.Revision, b.String(),
				b.Revision, err)
		}
	})
}

// TestReservationOfDraft: a command asks for what it needs, takes what was made for it once, and never
// what has a tombstone or is too old.
func TestReservationOfDraft(t *testing.T) {
	capped := func(c *Campaign, _ *Definition) { c.Terms.Budgets.Issues = 10 }
	ready := func(edit func(*Reservation)) *book {
		b := newBook(t)
		opened(b)
		offering(capped)(b)
		b.reserve([]BudgetPart{issue(1)})
		edit(&b.reservations[0])
		return b
	}
	for _, c := range []struct {
		name string
		edit func(*Reservation)
		want string
	}{
		{"it is there", func(*Reservation) {}, "CouponGranted"},
		{"of another campaign", func(r *Reservation) { r.Campaign = "autumn" }, "unreserved"},
		{"of more", func(r *Reservation) { r.Count = 2 }, "unreserved"},
		{"too old", func(r *Reservation) { r.At = noon.Add(-reservationLife - 1) }, "unreserved"},
		{"just not", func(r *Reservation) { r.At = noon.Add(-reservationLife) }, "CouponGranted"},
		{"refused", func(r *Reservation) { r.Refused = ErrBudgetExhausted }, "budget_exhausted"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := ready(c.edit)
			posted, _, err := Decide(b.account, five, b.moment())
			got := refusedBy(err)
			switch u := (*Unreserved)(nil); {
			case errors.As(err, &u):
				got = "unreserved"
			case err == nil:
				got = TypeOf(posted[0].Event)
			}
			if got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
	b := ready(func(*Reservation) {})
	r := b.reservations[0]
	resolve := ResolveReservation{ReservationID: r.ID, OperationID: r.Operation}
	if _, err := b.do(resolve); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Decide(b.account, five, b.moment()); !errors.As(err, new(*Unreserved)) {
		t.Errorf("with a tombstone: got %v", err)
	}
	if got := answer(b.do(resolve)); got != "done by ReferenceCancelled" {
		t.Errorf("resolved again: got %s", got)
	}
	b = ready(func(*Reservation) {})
	if _, err := b.do(five); err != nil {
		t.Fatal(err)
	}
	if got := answer(b.do(resolve)); got != "done by CouponGranted" {
		t.Errorf("resolved once committed: got %s", got)
	}
	if got := answer(newBook(t).do(resolve)); got != "not_found" {
		t.Errorf("on no account: got %s", got)
	}
}
