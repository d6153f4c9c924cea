package domain

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// sample is an account's log with every type of its events in it.
func sample(t testing.TB) []Posted {
	b := newBook(t)
	b.key = "key-1"
	week := PlaceHold{Amount: cny("13"), TTLSeconds: 604800}
	for _, s := range []step{
		opened, did(topUp("100", "30", expiring(90*day, 60*day))), ref("1"), did(debit("13")),
		in(Context{}),
		didAs(refund(2, "1")), tried(debit("1000")), ref("2"), did(week), in(Context{}),
		didAs(capture(5, "6.50", true)), ref("1"), did(Cancel{}), ref("9"), did(Cancel{}), in(Context{}),
		did(initiated("10", "1")), posting, did(initiated("20", "2")), failing,
		did(GrantCredit{Amount: cny("5"), Class: Gift, Cost: cny("5"), Cause: CauseOpeningBalance,
			ExpiresAt: noon.Add(30 * day)}),
		frozen(FreezeDebit), did(UnfreezeAccount{Reason: "x"}), did(topUp("50", "5")), did(debit("70")),
		didAs(reversal(1, CauseChargeback)), did(topUp("300", "", expiring(60*day, 0))),
		reminding([]int{7}, []int{30}), did(topUp("20", "", expiring(60*day, 0))), later(61 * day),
		did(Sweep{}),
		didAs(func(b *book) Command { return Refund{DebitID: b.debitOf(t, "70.00"), Amount: cny("69")} }),
	} {
		s(b)
	}
	return b.log
}

func (b *book) debitOf(t testing.TB, amount string) (id [16]byte) {
	for _, p := range b.log {
		if e, ok := p.Event.(DebitPosted); ok && e.Requested.Quantity.String() == amount {
			return e.DebitID
		}
	}
	t.Fatalf("got no debit of %s", amount)
	return id
}

// Whatever is read is an error or an event that can be applied and asked about without a panic.
func FuzzDecode(f *testing.F) {
	log := sample(f)
	for i, p := range log {
		kind, data, metadata, err := Encode(p)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(kind, data, metadata, i)
	}
	for _, kind := range EventTypes() {
		f.Add(kind, []byte("{}"), []byte("{}"), 1)
		f.Add(kind, []byte("null"), []byte("null"), 1)
	}
	meta := func() []byte { m, _ := json.Marshal(log[1].Metadata); return m }()
	f.Add("TopUpPosted", []byte(`{"amount":{"amount":"1","unit":"CNY"},"lots":[]}`), meta, 1)
	f.Add("OperationDeclined", []byte(`{"requested":{"amount":"1","unit":"CNY"},"request":null}`),
		meta, 3)
	f.Fuzz(func(t *testing.T, kind string, data, metadata []byte, at int) {
		if _, err := DecodeMetadata(metadata); err != nil {
			metadata = meta // so that the data is read
		}
		at = min(max(at, 0), len(log))
		p, err := Decode(kind, data, metadata, int64(at))
		if err != nil {
			return
		}
		roundTripEvent(t, p)
		a := NewAccount(AccountID("C-1"))
		for _, before := range log[:at] {
			if err := a.Apply(before); err != nil {
				t.Fatal(err)
			}
		}
		p.Metadata.RecordedAt = a.lastRecorded
		p.Uses()
		Differing(p, Debit{Amount: cny("1")}, Context{Store: "S1"})
		DifferingRegistration(p, SetStore{})
		if a.Apply(p) == nil {
			a.Balances(noon)
			_, _, _ = Decide(a, Sweep{}, Moment{Recorded: noon.AddDate(1, 0, 0)})
			_, _, _ = Decide(a, debit("1"), Moment{Recorded: noon})
		}
	})
}

func roundTripEvent(t *testing.T, p Posted) {
	t.Helper()
	kind, data, metadata, err := Encode(p)
	if err != nil {
		return // a time that JSON read but cannot write
	}
	again, err := Decode(kind, data, metadata, p.Revision)
	if err != nil {
		t.Fatalf("%s: %v", data, err)
	}
	if _, second, _, _ := Encode(again); !bytes.Equal(second, data) {
		t.Fatalf("got %s, want %s", second, data)
	}
}

// Damaged history is an error.
func TestDamage(t *testing.T) {
	log := sample(t)
	edits := map[string][][2]string{ // of the first event of a type
		"AccountOpened": {{`"account_id":"`, `"account_id":"f`}, {`{"account_id"`, `["account_id"`}},
		"TopUpPosted": {
			{`"lots":[`, `"lost":[`}, {`"amount":{"amount":"130.00","unit":"CNY"}`,
				`"amount":{"amount":"130.00"}`},
			{`"amount":"100.00","held":"0.00"`, `"amount":"100.01","held":"0.00"`},
			{`"amount":"100.00","held"`, `"amount":"100.000","held"`}, {`"face":"100.00"`, `"face":"99.99"`},
			{`"class":"principal","face"`, `"class":"prince","face"`}, {`"draw":"pro_rata","on`,
				`"draw":"x","on`},
			{`"policy":"grace_days"`, `"policy":"x"`}, {`"total":"130.00"`, `"total":"131.00"`},
			{`"face":"100.00"`, `"face":1e99`}, {`"unit":"CNY"`, `"unit":"JPY"`},
			{`"held":"0.00"`, `"held":"1.00"`}, {`"cost":"100.00"`, `"cost":"-1.00"`},
			{`"total":"130.00"`, `"total":"999999999999999999999999999999.99"`},
		},
		"DebitPosted": {
			{`"amount":{"amount":"13.00"`, `"amount":{"amount":"14.00"`},
			{`"amount":"-10.00"`, `"amount":"-1000.00"`}, {`"amount":"-10.00"`, `"amount":"10.00"`},
			{`"cost":"-10.00"`, `"cost":"-100.01"`}, {`"requested":{`, `"demanded":{`},
			{`"lot":"0000`, `"lot":"0001`}, {`"held":"0.00"`, `"held":"1.00"`},
			{`"available":"117.00"`, `"available":"118.00"`}, {`"bonus":"27.00"`, `"gift":"27.00"`},
		},
		"DebitRefunded":     {{`"refunded_total":{`, `"x":{`}, {`"amount":"0.77"`, `"amount":"0.76"`}},
		"OperationDeclined": {{`"request":{`, `"x":{`}, {`"requested":{`, `"x":{`}},
		"HoldPlaced": {{`"held":"10.00"`, `"held":"9.00"`}, {`"requested":{"amount":"13`,
			`"requested":{"amount":"14`}},
		"HoldReleased": {{`"hold_id":"`, `"hold_id":"f`}, {`"captured_total":{`, `"x":{`}},
		"AccountDormant": {{`"step":30`, `"step":0`}, {`"since":"2026`,
			`"since":"2025`}},
		"AccountReactivated": {{`"step":30`, `"step":31`}},
		"LotExpiring": {{`"step":7`, `"step":6`}, {`"remaining":{"amount":"20.00"`,
			`"remaining":{"amount":"21.00"`}, {`"lot":"0`, `"lot":"1`}},
		"LotExpired":        {{`"n":1`, `"n":2`}, {`"lot":"0`, `"lot":"1`}},
		"ReceivableOpened":  {{`"outstanding":{`, `"x":{`}},
		"ReceivableSettled": {{`"outstanding":{`, `"x":{`}, {`"receivable_id":"0`, `"receivable_id":"1`}},
		"TopUpReversed":     {{`"top_up_id":"0`, `"top_up_id":"1`}, {`"bonus_revoked":{`, `"x":{`}},
		"DebitReversed":     {{`"refunded_before":{`, `"x":{`}},
		"TopUpFailed":       {{`"amount":{`, `"x":{`}, {`"top_up_id":"0`, `"top_up_id":"1`}},
		"TopUpInitiated":    {{`"amount":{`, `"x":{`}},
	}
	for kind, pairs := range edits {
		at := slices.IndexFunc(log, func(p Posted) bool { return TypeOf(p.Event) == kind })
		if at < 0 {
			t.Errorf("got no %s in the sample", kind)
			continue
		}
		_, data, metadata, err := Encode(log[at])
		if err != nil {
			t.Fatal(err)
		}
		for _, pair := range pairs {
			damaged := bytes.Replace(data, []byte(pair[0]), []byte(pair[1]), 1)
			if bytes.Equal(damaged, data) {
				t.Errorf("%s: got no %s in %s", kind, pair[0], data)
			}
			p, err := Decode(kind, damaged, metadata, int64(at))
			if err == nil {
				a := NewAccount(AccountID("C-1"))
				for _, before := range log[:at] {
					if err := a.Apply(before); err != nil {
						t.Fatal(err)
					}
				}
				err = a.Apply(p)
			}
			if err == nil {
				t.Errorf("%s with %s: got no error", kind, pair[1])
			}
		}
	}
}

func TestApplyOrder(t *testing.T) {
	log := sample(t)
	a := NewAccount(AccountID("C-1"))
	if err := a.Apply(log[1]); err == nil {
		t.Error("got an event before the account's first")
	}
	if err := a.Apply(log[0]); err != nil {
		t.Fatal(err)
	}
	if err := a.Apply(log[0]); err == nil {
		t.Error("got one event twice")
	}
	early := log[1]
	early.Metadata.RecordedAt = noon.Add(-time.Second)
	if err := a.Apply(early); err == nil {
		t.Error("got an event recorded before the one before it")
	}
}

func TestDecodeMetadata(t *testing.T) {
	log := sample(t)
	_, data, metadata, err := Encode(log[1])
	if err != nil {
		t.Fatal(err)
	}
	for _, pair := range [][2]string{{`"schema":1`, `"schema":2`}, {`"event_id"`, `"id"`},
		{`"recorded_at"`, `"at"`}, {`"prev_hash":"0`, `"prev_hash":"`}, {`{`, ``}} {
		damaged := bytes.Replace(metadata, []byte(pair[0]), []byte(pair[1]), 1)
		if _, err := Decode("TopUpPosted", data, damaged, 1); err == nil {
			t.Errorf("%s: got no error", pair[1])
		}
	}
	if _, err := Decode("TopupPosted", data, metadata, 1); err == nil {
		t.Error("got an unknown name")
	}
}

// Every event type of the package is in the catalogue under its own name, every exported name has a
// doc comment that starts with it, and every refusal is in the API's closed list, once.
func TestCatalogue(t *testing.T) {
	for name, entry := range catalogue {
		if got := TypeOf(entry.zero); got != name {
			t.Errorf("got type %s under the name %s", got, name)
		}
		if got := reflect.TypeOf(ZeroEvent(name)).Name(); got != name {
			t.Errorf("got a zero %s, want %s", got, name)
		}
	}
	if ZeroEvent("x") != nil {
		t.Error("got an event of an unknown name")
	}
	closed := strings.Fields(`malformed unknown_field amount_scale amount_not_positive unknown_unit
		key_missing forbidden not_found reference_used reference_cancelled account_exists key_reused
		exception_not_open shift_not_open shift_open
		budget_exhausted
		campaign_status
		code_not_usable
		codes_exported
		conversion_not_offered points_step
		consent_missing credential_not_active credential_used customer_erased
		account_not_open account_frozen insufficient_funds limit_exceeded hold_not_active hold_lapsed
		job_ended job_running lot_not_extendable
		no_candidate projection_fault
		capture_exceeds_hold refund_exceeds_debit top_up_not_pending
		top_up_spent receivable_open not_cancellable
		account_not_empty holds_active transfer_in_flight transfer_returned top_up_pending
		adjustment_not_open adjustment_open maker_is_checker mandate_not_active
		withdrawal_not_approved withdrawal_not_open withdrawal_open
		campaign_not_active coupon_channel coupon_expired coupon_first_order
		coupon_holder_only coupon_hours coupon_limit coupon_min_spend
		coupon_not_chosen coupon_not_combinable coupon_not_recyclable
		coupon_not_reserved coupon_not_yet_valid
		coupon_products coupon_reserved coupon_revoked coupon_segment
		coupon_stack_limit coupon_store coupon_tier coupon_unit
		coupon_used coupon_zero
		checkout_return return_exceeds_checkout tender_mismatch`)
	seen := map[string]bool{}
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				documented(t, n.Name.Name, n.Doc)
				if n.Name.Name == "event" && n.Recv != nil {
					kind := n.Recv.List[0].Type.(*ast.Ident).Name
					if _, ok := catalogue[kind]; !ok {
						t.Errorf("got no %s in the catalogue", kind)
					}
				}
			case *ast.GenDecl:
				for _, s := range n.Specs {
					if s, ok := s.(*ast.TypeSpec); ok {
						documented(t, s.Name.Name, n.Doc)
					}
				}
			case *ast.CallExpr:
				if f, ok := n.Fun.(*ast.Ident); ok && f.Name == "refusal" {
					code := strings.Trim(n.Args[0].(*ast.BasicLit).Value, `"`)
					if seen[code] || !slices.Contains(closed, code) {
						t.Errorf("got the code %s twice, or not in the closed list", code)
					}
					seen[code] = true
				}
			}
			return true
		})
	}
	if got, want := len(seen), len(closed); got != want {
		t.Errorf("got %d codes, want %d", got, want)
	}
}

func documented(t *testing.T, name string, doc *ast.CommentGroup) {
	t.Helper()
	if !ast.IsExported(name) || slices.Contains([]string{"Error"}, name) {
		return
	}
	if text := doc.Text(); text == "" {
		t.Errorf("got no doc comment on %s", name)
	}
}
