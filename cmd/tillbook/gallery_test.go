package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/projections/js"
	"github.com/tillbook/tillbook/projections/js/gallery"
)

// TestGalleryCDNOW asks the gallery of a tenth of the real purchases; TestCDNOW asks it of all.
func TestGalleryCDNOW(t *testing.T) {
	var purchases []purchase
	spent := sums{}
	for _, p := range readCDNOW(t) {
		if strings.HasSuffix(p.customer, "4") {
			purchases = append(purchases, p)
			spent.add(p.customer, p.dollars)
		}
	}
	o := newOffice(t)
	if got, err := o.importFile(t.Context(), cdnowFile(t, purchases, spent)); err == nil ||
		!strings.Contains(err.Error(), "rejected") {
		t.Fatalf("got %v, want the rows without a price rejected\n%s", err, got)
	}
	o.wantGallery(purchases)
}

// TestGalleryYears asks the gallery of a shop with a past: value of several ages, an account that lies
// idle, and one who gives back more than the others. What has expired is posted by a sweep, which an import
// has none of: see TestExpired of the gallery.
func TestGalleryYears(t *testing.T) {
	var rows strings.Builder
	rows.WriteString("account,kind,occurred_at,amount,unit,reference,store,operator,expires_at,debit_reference\n")
	row := func(format string, args ...any) { fmt.Fprintf(&rows, format+"\n", args...) }
	row("IDLE,top_up,2024-01-10,80.00,CNY,T1,S1,ann,,")
	row("IDLE,debit,2024-02-20,30.00,CNY,D1,S1,ann,,")
	row("IDLE,refund,2024-03-05,5.00,CNY,,S1,ann,,D1") // no use of the customer's
	row("LOST,top_up,2024-01-10,100.00,CNY,T2,S1,ann,2024-07-15T00:00:00Z,")
	row("LOST,debit,2024-02-09,10.00,CNY,D2,S1,ann,,") // not yet a month
	row("LOST,debit,2024-03-10,20.00,CNY,D3,S1,ann,,") // two months
	row("LOST,refund,2024-05-10,5.00,CNY,,S1,ann,,D3") // four
	row("BUSY,top_up,2024-06-01,500.00,CNY,T3,S1,ann,,")
	for i := range 12 {
		row("BUSY,debit,2024-06-%02d,10.00,CNY,E%d,S1,%s,,", i+2, i, []string{"ann", "ann", "bob"}[i%3])
	}
	for _, i := range []int{2, 5, 8} { // three of bob's four debits
		row("BUSY,refund,2024-09-01,10.00,CNY,,S1,bob,,E%d", i)
	}
	row("LOST,top_up,2024-10-01,1.00,CNY,T4,S1,ann,,") // the log's last day
	o := newOffice(t)
	if got, err := o.imported("years.csv", rows.String()); err != nil {
		t.Fatalf("%v\n%s", err, got)
	}
	idle := domain.AccountID("IDLE").String()
	o.wantAnswer("dormant-balances", map[string]any{idle + " CNY": map[string]any{"account": idle,
		"unit": "CNY", "balance": "55.00", "last": "2024-02-20", "days": 224}})
	o.wantAnswer("unusual-refunds", map[string]any{"S1 bob CNY": map[string]any{"store": "S1", "who": "bob",
		"unit": "CNY", "debits": 4, "refunds": 3, "debited": "40.00", "refunded": "30.00", "percent": 75,
		"percent_of_all": 33.33}})
	curve := map[string]any{}
	for age := range 25 {
		used, expired := "130.00", "0.00"
		switch {
		case age >= 4:
			used = "140.00" // and what BUSY got back in its third month
		case age >= 3:
			used = "145.00"
		case age >= 2:
			used = "175.00"
		case age >= 1:
			used = "155.00"
		}
		name := fmt.Sprintf("%02d", age)
		curve["CNY "+name] = map[string]any{"unit": "CNY", "age": name, "issued": "681.00", "used": used,
			"expired": expired}
	}
	o.wantAnswer("breakage-curve", curve)
}

// wantGallery holds what the gallery answers against figures taken straight from the purchases.
func (o office) wantGallery(purchases []purchase) {
	o.Helper()
	purchases = slices.DeleteFunc(slices.Clone(purchases), func(p purchase) bool { return p.dollars.IsZero() })
	buyers := map[string]*buyer{}
	for _, p := range purchases {
		if buyers[p.customer] == nil {
			buyers[p.customer] = &buyer{months: map[string]bool{}}
		}
		buyers[p.customer].buys(p)
	}
	o.wantAnswer("spend-by-store-day", spendByDay(purchases))
	o.wantAnswer("repeat-purchases", repeatPurchases(buyers))
	o.wantAnswer("cohort-retention", cohorts(buyers))
	o.wantAnswer("rfm", scores(buyers))
	o.wantAnswer("dormant-balances", nil) // all was spent
	o.wantAnswer("unusual-refunds", nil)
}

// wantAnswer compares an answer with documents by partition. Where it has a shared state alone, want
// is that one's rows.
func (o office) wantAnswer(name string, want map[string]any) {
	o.Helper()
	got := o.answer(name)
	if shared, ok := got[""]; ok && len(got) == 1 && len(want) > 0 {
		got = map[string]json.RawMessage{}
		if err := json.Unmarshal(shared, &got); err != nil {
			o.Fatal(err)
		}
	} else {
		delete(got, "")
	}
	wrong := 0
	for _, partition := range slices.Sorted(maps.Keys(want)) {
		text, err := json.Marshal(want[partition])
		if err != nil {
			o.Fatal(err)
		}
		if !sameDocument(o, got[partition], text) && wrong < 5 {
			wrong++
			o.Errorf("%s, %q: got %s, want %s", name, partition, got[partition], text)
		}
	}
	if len(got) != len(want) {
		o.Errorf("%s: got %d rows, want %d", name, len(got), len(want))
	}
}

func sameDocument(t testing.TB, a, b []byte) bool {
	t.Helper()
	var texts [2]string
	for i, raw := range [][]byte{a, b} {
		var value any
		if err := json.Unmarshal(raw, &value); err != nil {
			return false
		}
		text, err := json.Marshal(value) // keys in order
		if err != nil {
			t.Fatal(err)
		}
		texts[i] = string(text)
	}
	return texts[0] == texts[1]
}

// answer runs a question of the gallery over the office's log: documents by partition, and what
// partitions share under the empty name.
func (o office) answer(name string) map[string]json.RawMessage {
	o.Helper()
	q, ok := gallery.Find(name)
	if !ok {
		o.Fatalf("there is no question %s", name)
	}
	s, err := js.Compile(name+".js", q.Source, js.Limits{Handler: time.Minute})
	if err != nil {
		o.Fatal(err)
	}
	r, err := js.NewRunner(s, js.Options{})
	if err != nil {
		o.Fatal(err)
	}
	defer r.Close()
	store, done, err := openForReading(o.Context(), o.place())
	if err != nil {
		o.Fatal(err)
	}
	defer done()
	unlisted := struct{ eventstore.Store }{store} // a copy for reading has no lists
	for e, err := range js.Events(o.Context(), unlisted, &s.Definition, eventstore.Start) {
		if err == nil {
			_, err = r.Handle(e)
		}
		if err != nil {
			o.Fatal(err)
		}
	}
	all := map[string]json.RawMessage{}
	keep := func(partition string, document []byte, err error) {
		if err != nil {
			o.Fatal(err)
		}
		if document != nil {
			all[partition] = document
		}
	}
	for _, partition := range r.Partitions() {
		document, err := r.Result(partition)
		keep(partition, document, err)
	}
	document, err := r.Shared()
	keep("", document, err)
	return all
}

// buyer is what a customer has bought.
type buyer struct {
	last      string
	purchases int
	spent     domain.Money
	months    map[string]bool
}

func (b *buyer) buys(p purchase) {
	if b.purchases++; b.purchases == 1 {
		b.spent = p.dollars
	} else {
		b.spent = b.spent.Add(p.dollars)
	}
	b.last = max(b.last, p.date)
	b.months[p.date[:len("1997-01")]] = true
}

func spendByDay(purchases []purchase) map[string]any {
	spent, debits := sums{}, map[string]int{}
	for _, p := range purchases {
		spent.add(p.date, p.dollars)
		debits[p.date]++
	}
	want := map[string]any{}
	for day, sum := range spent {
		want["none USD "+day] = map[string]any{"store": "none", "unit": "USD", "day": day,
			"debits": debits[day], "refunds": 0, "spent": sum.Quantity.String()}
	}
	return want
}

func repeatPurchases(buyers map[string]*buyer) map[string]any {
	counts := map[int]int{}
	for _, b := range buyers {
		counts[min(b.purchases, 10)]++
	}
	want := map[string]any{"10": map[string]any{"purchases": "10+", "customers": counts[10]}}
	for n := range 9 {
		want[fmt.Sprintf("%02d", n+1)] = map[string]any{"purchases": strconv.Itoa(n + 1),
			"customers": counts[n+1]}
	}
	return want
}

func cohorts(buyers map[string]*buyer) map[string]any {
	rows := map[string]map[string]any{}
	for _, b := range buyers {
		months := slices.Sorted(maps.Keys(b.months))
		row := rows[months[0]]
		if row == nil {
			row = map[string]any{"cohort": months[0]}
			rows[months[0]] = row
		}
		first, _ := time.Parse("2006-01", months[0]) // the dates were read
		for _, month := range months {
			at, _ := time.Parse("2006-01", month)
			key, after := "customers", 12*(at.Year()-first.Year())+int(at.Month()-first.Month())
			if after > 0 {
				key = fmt.Sprintf("month_%02d", after)
			}
			n, _ := row[key].(int)
			row[key] = n + 1
		}
	}
	want := map[string]any{}
	for cohort, row := range rows {
		want[cohort] = row
	}
	return want
}

// scores ranks every customer by counting those who have less, in the order of sorted lists.
func scores(buyers map[string]*buyer) map[string]any {
	var days, purchases, spent []string
	last := ""
	key := func(n int64) string { // at two digits, in an order of texts
		digits := strconv.FormatInt(n, 10)
		return fmt.Sprintf("%02d%s", len(digits), digits[:min(2, len(digits))])
	}
	dollars := func(b *buyer) int64 {
		whole, _, _ := strings.Cut(b.spent.Quantity.String(), ".")
		n, _ := strconv.ParseInt(whole, 10, 64) // it is a number
		return n
	}
	for _, b := range buyers {
		days = append(days, b.last)
		purchases = append(purchases, key(int64(b.purchases)))
		spent = append(spent, key(dollars(b)))
		last = max(last, b.last)
	}
	score := func(all []string, value string) int {
		less, _ := slices.BinarySearch(all, value)
		return 1 + 5*less/len(all)
	}
	for _, all := range [][]string{days, purchases, spent} {
		slices.Sort(all)
	}
	end, _ := time.Parse(time.DateOnly, last)
	want := map[string]any{}
	for customer, b := range buyers {
		r, f := score(days, b.last), score(purchases, key(int64(b.purchases)))
		m := score(spent, key(dollars(b)))
		at, _ := time.Parse(time.DateOnly, b.last)
		account := domain.AccountID(customer).String()
		want[account+" USD"] = map[string]any{"account": account, "unit": "USD", "last": b.last,
			"days": int(end.Sub(at).Hours() / 24), "purchases": b.purchases,
			"spent": b.spent.Quantity.String(), "r": r, "f": f, "m": m,
			"score": fmt.Sprint(r*100 + f*10 + m)}
	}
	return want
}
