package domain

import (
	"cmp"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

// running is a campaign's stream, the accounts that it gives to, and what operations left behind when
// they were cut off. Its status is told without the campaign's code.
type running struct {
	r        *rapid.T
	now      time.Time
	budget   Budget
	stream   []Posted // as decoded
	life     []Posted // of it, what is not of the budget
	books    []*book
	underway []started
	asked    int
	status   CampaignStatus
	makers   []string
	offers   bool        // something is defined
	sold     []couponUse // not returned yet
}

// couponUse is a use of a coupon.
type couponUse struct {
	*book
	CouponRedeemed
	partly bool // returned
}

// started is an operation that has reserved, and has not posted yet.
type started struct {
	*book
	Command
	made []Reservation
}

var capsOfLife = Budgets{Issues: 4, Redemptions: 3, Discount: cny("12")}

// fiveOff defines five off, twice, which a code claims.
var fiveOff = DefineCoupon{CampaignID: "spring", Definition: Definition{ID: "five", Kind: AmountOff,
	Unit: "CNY", Value: CouponValue{Amount: cny("5")}, Uses: 2,
	PromoCode: &PromoCode{Hash: "h", Last4: "RING", PerAccount: 9}}}

// Whatever steps a campaign's life takes while accounts are granted, claim, use and give back its coupons,
// and wherever an operation is cut off: each step is answered as the life says; the budgets count what
// accounts have and what is still reserved, and nothing else; no account has beyond what is capped; and
// once all that was left behind is settled, they count what accounts have alone.
func TestCampaignLives(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		w := &running{r: r, now: noon, budget: NewBudget()}
		for _, ref := range []string{"C-1", "C-2", "C-3"} {
			w.books = append(w.books, bookOf(fatal{t, r}, ref))
		}
		w.campaign("anna", drafted(func(d *DraftCampaign) { d.Budgets = capsOfLife }), "")
		w.status, w.makers = CampaignIsDraft, []string{"anna"}
		if rapid.IntRange(0, 4).Draw(r, "begun") > 0 {
			w.campaign("anna", fiveOff, "")
			w.campaign("carl", ApproveCampaign{"spring"}, "")
			w.campaign("carl", ActivateCampaign{"spring"}, "")
			w.status, w.offers = CampaignIsActive, true
		}
		for range rapid.IntRange(20, 80).Draw(r, "steps") {
			pass := rapid.SampledFrom([]time.Duration{0, time.Second, time.Minute}).Draw(r, "pass")
			w.now = w.now.Add(pass)
			w.step()
			w.conserved()
		}
		w.underway = nil
		w.settle()
		if n := w.left(); n != (counts{}) {
			r.Fatalf("%v is still reserved", n)
		}
		w.conserved()
	})
}

func (w *running) step() {
	kinds := []string{"live", "grant", "grant", "claim", "use", "use", "use", "use", "order", "recycle",
		"return", "return", "return", "commit", "commit", "commit", "settle", "settle"}
	b := rapid.SampledFrom(w.books).Draw(w.r, "account")
	switch kind := rapid.SampledFrom(kinds).Draw(w.r, "kind"); kind {
	case "live":
		w.live()
	case "grant":
		w.begin(b, five)
	case "claim":
		w.begin(b, fiveWith(func(g *GrantCoupon) { g.Cause = CouponByClaim }))
	case "use", "order", "recycle":
		w.coupon(kind)
	case "return":
		w.giveBack()
	case "commit":
		if n := len(w.underway); n > 0 {
			i := rapid.IntRange(0, n-1).Draw(w.r, "underway")
			s := w.underway[i]
			w.underway = slices.Delete(w.underway, i, i+1)
			w.end(s)
		}
	default:
		w.settle()
	}
}

// live takes a step of the campaign's life, and holds the answer against what it should be.
func (w *running) live() {
	actor := rapid.SampledFrom([]string{"anna", "bert", "carl"}).Draw(w.r, "actor")
	in := func(all ...CampaignStatus) Code { return when(!slices.Contains(all, w.status), ErrCampaignStatus) }
	switch rapid.SampledFrom([]string{"draft", "define", "approve", "approve", "activate", "activate",
		"pause", "end"}).Draw(w.r, "step") {
	case "draft":
		w.campaign(actor, drafted(), ErrReferenceUsed.Code)
	case "define":
		if w.campaign(actor, fiveOff, in(CampaignIsDraft, CampaignIsApproved, CampaignIsPaused)) {
			w.status, w.offers, w.makers = CampaignIsDraft, true, append(w.makers, actor)
		}
	case "approve":
		want := cmp.Or(in(CampaignIsDraft), when(!w.offers, ErrCampaignStatus),
			when(slices.Contains(w.makers, actor), ErrMakerIsChecker))
		if w.campaign(actor, ApproveCampaign{"spring"}, want) {
			w.status = CampaignIsApproved
		}
	case "activate":
		if w.campaign(actor, ActivateCampaign{"spring"}, in(CampaignIsApproved, CampaignIsPaused)) {
			w.status = CampaignIsActive
		}
	case "pause":
		if w.campaign(actor, PauseCampaign{"spring", "x"}, in(CampaignIsActive)) {
			w.status = CampaignIsPaused
		}
	case "end":
		rare := rapid.IntRange(0, 9).Draw(w.r, "rare")
		if rare == 0 && w.campaign(actor, EndCampaign{"spring", "x"}, when(w.status == CampaignIsEnded,
			ErrCampaignStatus)) {
			w.status = CampaignIsEnded
		}
	}
}

// campaign asks something of the campaign's life, and reports that it was done.
func (w *running) campaign(actor string, r Registration, want Code) bool {
	posted, err := RegisterAt(w.budget.Revision+1, w.life, r, w.moment(actor))
	if got := refusedBy(err); got != string(want) {
		w.r.Fatalf("%#v of one that is %s: got %q, want %q", r, w.status, got, want)
	}
	if err != nil {
		return false
	}
	w.life = append(w.life, w.add(posted[0]))
	if err := w.budget.Apply(posted[0]); err != nil {
		w.r.Fatal(err)
	}
	for _, b := range w.books {
		b.offers = map[string]*Campaign{"spring": w.budget.Campaign}
	}
	return true
}

func (w *running) moment(actor string) Moment {
	w.asked++
	return Moment{Recorded: w.now, Decided: w.now, Actor: actor,
		Seed: Seed{9, byte(w.asked >> 8), byte(w.asked)}}
}

// add is an event of the campaign's stream as it is read back.
func (w *running) add(p Posted) Posted {
	kind, data, metadata, err := Encode(p)
	if err == nil {
		p, err = Decode(kind, data, metadata, p.Revision)
	}
	if err != nil {
		w.r.Fatal(err)
	}
	w.stream = append(w.stream, p)
	return p
}

// coupon asks something of one of the coupons that accounts have.
func (w *running) coupon(kind string) {
	of := map[uuid.UUID]*book{}
	var all []uuid.UUID
	for _, b := range w.books {
		for _, c := range b.account.Coupons() {
			all, of[c.ID] = append(all, c.ID), b
		}
	}
	if len(all) == 0 {
		return
	}
	id := rapid.SampledFrom(all).Draw(w.r, "coupon")
	b := of[id]
	order := rapid.SampledFrom([]string{"A", "B"}).Draw(w.r, "order")
	switch kind {
	case "use":
		w.begin(b, use{id, order})
	case "order":
		w.begin(b, ReserveCoupon{id, order, 600})
	default:
		w.begin(b, RecycleCoupon{id, "x"})
	}
}

// giveBack returns a part of what a use was for, or all that is left of it.
func (w *running) giveBack() {
	if len(w.sold) == 0 {
		return
	}
	i := rapid.IntRange(0, len(w.sold)-1).Draw(w.r, "sold")
	s := &w.sold[i]
	if !s.partly {
		s.partly = true
		w.begin(s.book, goodsBack{used: s.CouponRedeemed, returned: "2"})
		return
	}
	last := *s
	w.sold = slices.Delete(w.sold, i, i+1)
	w.begin(last.book, goodsBack{used: last.CouponRedeemed, whole: true, returned: "3"})
}

// begin decides on a command, and reserves what it needs: then it is cut off for a while, or goes on.
func (w *running) begin(b *book, c Command) {
	b.now = w.now
	s := started{b, c, nil}
	if _, _, err := Decide(b.account, c, b.moment()); errors.As(err, new(*Unreserved)) {
		s.made = w.reserve(b, err)
		if rapid.Bool().Draw(w.r, "cut off") {
			w.underway = append(w.underway, s)
			return
		}
	}
	w.end(s)
}

// reserve reserves what a decision wants of the budgets.
func (w *running) reserve(b *book, wanted error) (made []Reservation) {
	var u *Unreserved
	errors.As(wanted, &u)
	m := w.moment("till")
	for _, part := range u.Wanted {
		left := w.budget.Left()
		r := Reservation{ID: uuid.UUID{77, byte(w.asked >> 8), byte(w.asked)}, BudgetPart: part, At: w.now,
			Operation: uuid.UUID{78, byte(w.asked >> 8), byte(w.asked)}}
		p, err := w.budget.Reserve(Claim{part, b.account.ID(), r.Operation}, m)
		room := part.Kind == BudgetIssue && *left.Issues > 0 ||
			part.Kind == BudgetRedemption && *left.Redemptions > 0 && !left.Discount.Less(part.Amount)
		if w.status != CampaignIsActive || (err == nil) != room {
			w.r.Fatalf("%v of what is %s, with room %t: got %v", part, w.status, room, err)
		}
		if err == nil {
			r.ID = w.add(p).Event.(BudgetReserved).ReservationID
		} else if !errors.As(err, &r.Refused) {
			w.r.Fatal(err)
		}
		made = append(made, r)
	}
	return made
}

// end posts an operation, with what it has reserved, or has to reserve anew. What it gives back of the
// budgets, and what it did not need, is released, unless it is cut off.
func (w *running) end(s started) {
	s.now, s.reservations = w.now, s.made
	for range 2 {
		_, _, err := Decide(s.account, s.Command, s.moment())
		if !errors.As(err, new(*Unreserved)) {
			break
		}
		s.reservations = w.reserve(s.book, err)
	}
	posted, err := s.do(s.Command)
	made := s.reservations
	s.reservations = nil
	if err != nil && refusedBy(err) == "" {
		w.r.Fatalf("%#v: %v", s.Command, err)
	}
	released, used := rapid.Bool().Draw(w.r, "released"), map[uuid.UUID]bool{}
	for _, p := range posted {
		if e, ok := p.Event.(CouponRedeemed); ok {
			w.sold = append(w.sold, couponUse{s.book, e, false})
		}
		if e, ok := p.Event.(Committing); ok {
			used[e.Reserved()] = true
			if w.status != CampaignIsActive {
				w.r.Fatalf("%s of a campaign that is %s", TypeOf(p.Event), w.status)
			}
		}
		if e, ok := p.Event.(Returning); ok && released {
			w.release(e.Returned(), p.Metadata.EventID)
		}
	}
	for _, r := range made {
		if released && r.Refused == nil && !used[r.ID] {
			w.release(Return{Reservation: r.ID, Reason: BudgetUnused}, noID)
		}
	}
}

// release gives back, as the shell does.
func (w *running) release(back Return, source uuid.UUID) {
	var reserved BudgetReserved
	var before []Posted
	for _, p := range w.stream {
		switch e := p.Event.(type) {
		case BudgetReserved:
			if e.ReservationID == back.Reservation {
				reserved = e
			}
		case BudgetReleased:
			if e.ReservationID == back.Reservation {
				before = append(before, p)
			}
		}
	}
	p, err := w.budget.Release(back, source, reserved, before, w.moment("system"))
	if err == nil {
		w.add(p)
	} else if !errors.As(err, new(*Done)) {
		w.r.Fatal(err)
	}
}

// settle resolves every reservation, and releases all that was given back.
func (w *running) settle() {
	for _, p := range w.stream {
		e, ok := p.Event.(BudgetReserved)
		if !ok {
			continue
		}
		b := w.of(e.AccountID)
		b.now = w.now
		posted, err := b.do(ResolveReservation{e.ReservationID, e.OperationID})
		var done *Done
		if errors.As(err, &done) {
			posted = []Posted{done.Original}
		}
		if _, dead := posted[0].Event.(ReferenceCancelled); dead {
			w.release(Return{Reservation: e.ReservationID, Reason: BudgetUncommitted}, noID)
		}
	}
	for _, b := range w.books {
		for _, p := range b.log {
			if e, ok := p.Event.(Returning); ok {
				w.release(e.Returned(), p.Metadata.EventID)
			}
		}
	}
}

func (w *running) of(account uuid.UUID) *book {
	return w.books[slices.IndexFunc(w.books, func(b *book) bool { return b.account.ID() == account })]
}

// counts are coupons, uses, and fen of discount.
type counts struct{ issued, redeemed, discount int64 }

func (n *counts) add(w BudgetPart, sign int64) {
	if w.Kind == BudgetIssue {
		n.issued += sign * w.Count
		return
	}
	n.redeemed += sign * w.Count
	n.discount += sign * w.Amount.Quantity.minor().Int64()
}

// had is what accounts have of the campaign.
func (w *running) had() (n counts) {
	for _, b := range w.books {
		for _, p := range b.log {
			switch e := p.Event.(type) {
			case CouponGranted:
				n.add(issue(1), 1)
			case CouponRedeemed:
				n.add(redemption(e.Discount.String()), 1)
			case Returning:
				n.add(e.Returned().BudgetPart, -1)
			}
		}
	}
	return n
}

// left is what is reserved and not committed, or was given back and not released.
func (w *running) left() (n counts) {
	open, released := map[uuid.UUID]BudgetPart{}, map[uuid.UUID]bool{}
	for _, p := range w.stream {
		switch e := p.Event.(type) {
		case BudgetReserved:
			open[e.ReservationID] = e.BudgetPart
		case BudgetReleased:
			released[e.SourceID] = true
			if e.SourceID == noID {
				delete(open, e.ReservationID)
			}
		}
	}
	for _, b := range w.books {
		for _, p := range b.log {
			if e, ok := p.Event.(Committing); ok {
				delete(open, e.Reserved())
			}
			if e, ok := p.Event.(Returning); ok && !released[p.Metadata.EventID] {
				n.add(e.Returned().BudgetPart, 1)
			}
		}
	}
	for _, part := range open {
		n.add(part, 1)
	}
	return n
}

// conserved holds what the budgets count against what there is of them.
func (w *running) conserved() {
	replayed := NewBudget()
	for _, p := range w.stream {
		if err := replayed.Apply(p); err != nil {
			w.r.Fatal(err)
		}
	}
	given, _ := replayed.given()
	got := counts{replayed.Issued, replayed.Redeemed, given.Quantity.minor().Int64()}
	had, left := w.had(), w.left()
	want := counts{had.issued + left.issued, had.redeemed + left.redeemed, had.discount + left.discount}
	if got != want || replayed.String() != w.budget.String() {
		w.r.Fatalf("got %v and %s, want %v: %v had and %v left", got, w.budget.String(), want, had, left)
	}
	most := counts{capsOfLife.Issues, capsOfLife.Redemptions, 1200}
	if want.issued > most.issued || want.redeemed > most.redeemed || want.discount > most.discount ||
		min(had.issued, had.redeemed, had.discount) < 0 {
		w.r.Fatalf("%v had and %v left of %v", had, left, most)
	}
	if w.budget.Campaign.Status != w.status {
		w.r.Fatalf("got %s, want %s", w.budget.Campaign.Status, w.status)
	}
}
