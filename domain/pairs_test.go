package domain

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

var update = flag.Bool("update", false, "write testdata/pairs.txt anew")

// TestPairs brings an account into every ordered pair of states, and then asks everything of it. After
// each, the books hold what they hold of any sequence; what is answered is compared with testdata/pairs.txt,
// so that nobody changes the meaning of one state under another unseen. go test -update writes it.
func TestPairs(t *testing.T) {
	var got strings.Builder
	for _, first := range states {
		for _, second := range states {
			if first.name == second.name {
				continue
			}
			fmt.Fprintf(&got, "%s, then %s\n", first.name, second.name)
			for _, asked := range questions {
				fmt.Fprintf(&got, "\t%s: %s\n", asked.name, pair(t, first, second, asked))
			}
		}
	}
	const file = "testdata/pairs.txt"
	if *update {
		if err := os.WriteFile(file, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	differ(t, got.String(), string(want))
}

// differ tells the first lines that differ, each with the pair it belongs to.
func differ(t *testing.T, got, want string) {
	t.Helper()
	is, was := strings.Split(got, "\n"), strings.Split(want, "\n")
	pair, told := "", 0
	for i := range max(len(is), len(was)) {
		var g, w string
		if i < len(is) {
			g = is[i]
		}
		if i < len(was) {
			w = was[i]
		}
		if !strings.HasPrefix(g, "\t") {
			pair = g
		}
		if g != w && told < 10 {
			told++
			t.Errorf("%s: got %q, want %q", pair, g, w)
		}
	}
}

// A state is something that an account can be in; into brings it there.
type state struct {
	name string
	into func(*scene)
}

// scene is an account on its way into a pair of states, and the ids of what was done to it.
type scene struct {
	*machine
	ids map[string]uuid.UUID
}

// try asks a command, enters what it posted, and remembers its operation under a name.
func (s *scene) try(name string, c Command) string {
	s.Helper()
	s.key = ""
	posted, err := s.do(c)
	for _, p := range s.log[len(s.log)-len(posted):] {
		s.enter(p)
	}
	if err == nil && len(posted) > 0 {
		s.ids[name] = posted[0].Metadata.OperationID
		if name == "top-up" {
			s.ids[name] = posted[opening(posted)].Metadata.OperationID
		}
	}
	return outcome(posted, err)
}

// outcome is an answer in short: the refusal's code, or the types of what was posted.
func outcome(posted []Posted, err error) string {
	said := strings.SplitN(answer(nil, err), "\n", 2)[0]
	for _, p := range posted {
		line := TypeOf(p.Event)
		if v, ok := p.Event.(Valued); ok {
			line += " " + v.Worth().Amount.Quantity.String()
		}
		said += " " + line
	}
	if said = strings.TrimSpace(said); said != "" {
		return said
	}
	return "nothing"
}

func pair(t *testing.T, first, second state, asked question) string {
	t.Helper()
	s := &scene{machine: newMachine(t), ids: map[string]uuid.UUID{}}
	s.try("open", OpenAccount{CustomerRef: "C-1"})
	s.try("top-up", topUp("100", "30", expiring(0, 0)))
	s.try("brief", topUp("40", "20", expiring(time.Hour, time.Hour)))
	s.try("debit", debit("26"))
	first.into(s)
	second.into(s)
	s.actor = "boss" // another person
	said := asked.put(s)
	s.check()
	s.reload()
	return said
}

// states are hold, expiry, refund, freeze, receivable, transfer, withdrawal, coupon and sale. Each is brought about
// by what any caller may do, so that the second may find the first in its way.
var states = []state{
	{"held", func(s *scene) { s.try("hold", PlaceHold{Amount: cny("70"), TTLSeconds: 604800}) }},
	{"held and partly captured", func(s *scene) {
		s.try("hold", PlaceHold{Amount: cny("70"), TTLSeconds: 604800})
		s.try("capture", CaptureHold{HoldID: s.ids["hold"], Amount: cny("13")})
	}},
	{"held and lapsed", func(s *scene) {
		s.try("hold", PlaceHold{Amount: cny("65"), TTLSeconds: 60})
		s.now = s.now.Add(2 * time.Minute)
	}},
	{"expired", func(s *scene) { s.now = s.now.Add(2 * time.Hour) }},
	{"expired and swept", func(s *scene) {
		s.now = s.now.Add(2 * time.Hour)
		s.try("sweep", Sweep{})
	}},
	{"refunded in part", func(s *scene) {
		s.try("refund", Refund{DebitID: s.ids["debit"], Amount: cny("9")})
	}},
	{"frozen for debits", frozenFor(FreezeDebit)},
	{"frozen for credits", frozenFor(FreezeCredit)},
	{"frozen by law", frozenFor(FreezeLegal)},
	{"charged back", func(s *scene) {
		s.try("reversal", ReverseTopUp{TopUpID: s.ids["brief"], Cause: CauseChargeback})
	}},
	{"sent", func(s *scene) {
		s.try("sent", SendTransfer{To: AccountID("C-2"), Amount: cny("45"), Kind: TransferGift})
	}},
	{"received", func(s *scene) { s.try("received", ReceiveTransfer{Sent: sentBy("C-2", s.now)}) }},
	{"withdrawing", func(s *scene) {
		s.try("withdrawal", withdraw(WithdrawalByProvider))
		s.actor = "boss"
		s.try("approval", ApproveWithdrawal{WithdrawalID: s.ids["withdrawal"]})
		s.actor = "till"
	}},
	{"coupon reserved", func(s *scene) {
		s.join()
		s.try("coupon", GrantCoupon{Campaign: "shop", Definition: "amount", Cause: CouponByAPI})
		s.try("reservation", ReserveCoupon{CouponID: s.ids["coupon"], OrderRef: "o-1"})
	}},
	{"sold with a coupon and points", func(s *scene) {
		s.join()
		s.try("points", prize("40"))
		s.try("used", GrantCoupon{Campaign: "shop", Definition: "amount", Cause: CouponByAPI})
		s.try("sale", cups("", func(c *Checkout) {
			c.Points, c.Coupons = pts("20"), []uuid.UUID{s.ids["used"]}
		}))
	}},
}

// join brings the account under terms of points and tiers, and into a shop with coupons.
func (s *scene) join() {
	s.program = &Program{ID: "club", Version: 1, Terms: vouchers.normal()}
	shops()(s.book)
}

// cups is a sale of three cups, paid by stored value.
func cups(order string, edits ...func(*Checkout)) Checkout {
	c := Checkout{Rest: true, OrderRef: order, Lines: []CartLine{{N: 1, Product: "cup", Qty: 3,
		UnitPrice: cny("8")}}}
	for _, edit := range edits {
		edit(&c)
	}
	return c
}

// sentBy is something that another account sent here.
func sentBy(ref string, at time.Time) TransferSent {
	lot := LotOpened{ID: newID(1, Seed{9}, 1), Class: Gift, Face: cny("15").Quantity,
		Cost: cny("12").Quantity, EffectiveAt: at, Priority: 50, Draw: ProRata,
		OnRefundExpired: DefaultProgram().onRefundExpired(cny("12").Quantity)}
	m := Move{Lot: lot.ID, Class: Gift, Amount: lot.Face.Neg(), Held: lot.Face.Zero(), Cost: lot.Cost.Neg()}
	return TransferSent{Value: Value{AccountID: AccountID(ref), Amount: cny("15"), Moves: []Move{m}},
		TransferID: newID(2, Seed{9}, 0), ToAccount: AccountID("C-1"), Kind: TransferFamily,
		Lots: []LotOpened{lot}}
}

func frozenFor(m FreezeMode) func(*scene) {
	return func(s *scene) { s.try("freeze", FreezeAccount{Modes: []FreezeMode{m}, Reason: "asked"}) }
}

// A question is something asked of an account in a pair of states.
type question struct {
	name string
	put  func(*scene) string
}

func asking(name string, c func(*scene) Command) question {
	return question{name, func(s *scene) string { return s.try(name, c(s)) }}
}

// questions are everything that can be asked.
var questions = []question{
	asking("debit", func(*scene) Command { return debit("30") }),
	asking("debit of too much", func(*scene) Command { return debit("500") }),
	asking("hold", func(*scene) Command { return hold("30") }),
	asking("capture", func(s *scene) Command {
		return CaptureHold{HoldID: s.ids["hold"], Amount: cny("20")}
	}),
	asking("void", func(s *scene) Command { return VoidHold{HoldID: s.ids["hold"]} }),
	asking("refund", func(s *scene) Command {
		return Refund{DebitID: s.ids["debit"], Amount: cny("17")}
	}),
	asking("top up", func(*scene) Command { return topUp("50", "5") }),
	asking("charge back", func(s *scene) Command {
		return ReverseTopUp{TopUpID: s.ids["brief"], Cause: CauseChargeback}
	}),
	asking("undo a top-up", func(s *scene) Command {
		return ReverseTopUp{TopUpID: s.ids["top-up"], Cause: CauseError}
	}),
	asking("unfreeze", func(*scene) Command { return UnfreezeAccount{Reason: "asked"} }),
	asking("send", func(*scene) Command {
		return SendTransfer{To: AccountID("C-3"), Amount: cny("30"), Kind: TransferGift}
	}),
	asking("take back what was sent", func(s *scene) Command {
		return ReturnTransfer{TransferID: s.ids["sent"],
			Why: ReferenceCancelled{Code: ErrAccountFrozen.Code}}
	}),
	asking("receive", func(s *scene) Command { return ReceiveTransfer{Sent: sentBy("C-2", s.now)} }),
	asking("withdraw", func(*scene) Command { return withdraw(WithdrawalByProvider) }),
	asking("pay out", func(s *scene) Command {
		return SettleWithdrawal{WithdrawalID: s.ids["withdrawal"], Outcome: OutcomePaid,
			Payout: cny("10")}
	}),
	asking("fail to pay out", func(s *scene) Command {
		return SettleWithdrawal{WithdrawalID: s.ids["withdrawal"], Outcome: OutcomeFailed, Reason: "bank"}
	}),
	asking("extend", func(s *scene) Command {
		return ExtendLot{LotID: partOf(s.ids["brief"], 1), ExpiresAt: s.now.Add(30 * day), Reason: "law"}
	}),
	asking("buy with the reserved coupon", func(s *scene) Command {
		return cups("o-1", func(c *Checkout) { c.Coupons = []uuid.UUID{s.ids["coupon"]} })
	}),
	asking("return goods", func(s *scene) Command {
		return ReturnCheckout{CheckoutID: s.ids["sale"], Lines: []ReturnLine{{N: 1, Qty: 2}}}
	}),
	asking("give points", func(*scene) Command { return prize("7") }),
	asking("convert points", func(*scene) Command {
		return ConvertPoints{Amount: pts("10"), Into: IntoCredit}
	}),
	asking("merge", func(s *scene) Command {
		return MergeAccount{Into: AccountID("C-3"), Settled: s.account.LastSent()}
	}),
	asking("close", func(s *scene) Command {
		return CloseAccount{Reason: "asked", Settled: s.account.LastSent()}
	}),
	asking("sweep", func(*scene) Command { return Sweep{} }),
}
