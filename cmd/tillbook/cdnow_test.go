package main

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tillbook/tillbook/domain"
)

// cdnowVariable names the environment variable with the path of cdnow.txt, where it is not beside
// the checkout.
const cdnowVariable = "TILLBOOK_CDNOW"

// What is known of cdnow.txt: the purchases from January 1997 to June 1998 of 23,570 customers
// (Fader & Hardie, Interfaces, 2001). The zero-dollar rows are in it, and the exact duplicates
// count.
const (
	cdnowPurchases  = 69_659
	cdnowCustomers  = 23_570
	cdnowFree       = 80
	cdnowDuplicates = 255
)

// purchase is a line of cdnow.txt.
type purchase struct {
	customer, date string // date: YYYY-MM-DD
	dollars        domain.Money
}

// readCDNOW reads cdnow.txt: customer, YYYYMMDD, number of CDs, dollars, in columns of blanks.
func readCDNOW(t *testing.T) []purchase {
	t.Helper()
	path := os.Getenv(cdnowVariable)
	if path == "" {
		path = filepath.Join("..", "..", "..", "shared", "data", "cdnow.txt")
	}
	text, err := os.ReadFile(path)
	if os.IsNotExist(err) && os.Getenv(cdnowVariable) == "" {
		t.Skipf("SKIPPED: %s is not there, and %s names no other place", path, cdnowVariable)
	}
	if err != nil {
		t.Fatal(err)
	}
	usd, _ := domain.ISOUnit("USD")
	var purchases []purchase
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) != 4 {
			t.Fatalf("line %q: got %d fields, want 4", line, len(fields))
		}
		day, err := time.Parse("20060102", fields[1])
		if err != nil {
			t.Fatal(err)
		}
		purchases = append(purchases, purchase{"CD-" + fields[0], day.Format(time.DateOnly),
			domain.MustMoney(fields[3], usd)})
	}
	return purchases
}

// sums are amounts by some name, such as a customer's or a month's.
type sums map[string]domain.Money

func (s sums) add(name string, m domain.Money) {
	if sum, ok := s[name]; ok {
		m = sum.Add(m)
	}
	s[name] = m
}

// compare wants the same sums under the same names.
func (s sums) compare(t *testing.T, what string, want sums) {
	t.Helper()
	wrong := 0
	for name, sum := range want {
		if got, ok := s[name]; (!ok || !got.Equal(sum)) && wrong < 10 {
			wrong++
			t.Errorf("%s %s: got %s, want %s", what, name, got, sum)
		}
	}
	if len(s) != len(want) {
		t.Errorf("got sums of %d %ss, want %d", len(s), what, len(want))
	}
}

// cdnowBooks are sums of purchases, or of what was taken from accounts.
type cdnowBooks struct {
	byCustomer, byMonth, overall sums
}

func newCDNOWBooks() cdnowBooks { return cdnowBooks{sums{}, sums{}, sums{}} }

func (b cdnowBooks) add(customer, date string, m domain.Money) {
	b.byCustomer.add(customer, m)
	b.byMonth.add(date[:len("1997-01")], m)
	b.overall.add("sum", m)
}

func (b cdnowBooks) compare(t *testing.T, want cdnowBooks) {
	t.Helper()
	b.byCustomer.compare(t, "customer", want.byCustomer)
	b.byMonth.compare(t, "month", want.byMonth)
	b.overall.compare(t, "overall", want.overall)
}

// cdnowFile writes the purchases as an import file: for each customer the account, a top-up of all
// it will spend on the day of its first purchase, and a debit a purchase. Purchases for nothing are
// written as they are: an amount must be positive, so the import rejects them, each with its line.
func cdnowFile(t *testing.T, purchases []purchase, spent sums) string {
	t.Helper()
	var text bytes.Buffer
	out := csv.NewWriter(&text)
	write := func(fields ...string) {
		if err := out.Write(fields); err != nil {
			t.Fatal(err)
		}
	}
	write("account", "kind", "occurred_at", "amount", "unit")
	seen := map[string]bool{}
	for _, p := range purchases {
		if !seen[p.customer] {
			seen[p.customer] = true
			write(p.customer, rowOpen, p.date, "", "")
			if sum := spent[p.customer]; sum.IsPositive() {
				write(p.customer, rowTopUp, p.date, sum.Quantity.String(), "USD")
			}
		}
		write(p.customer, rowDebit, p.date, p.dollars.Quantity.String(), "USD")
	}
	out.Flush()
	path := filepath.Join(t.TempDir(), "cdnow.csv")
	if err := os.WriteFile(path, text.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestCDNOW imports real purchases and holds the ledger against sums taken straight from the file, and
// the tiers by each year's spend against what is known of them.
func TestCDNOW(t *testing.T) {
	purchases := readCDNOW(t)
	want, spenders := checkCDNOW(t, purchases)
	path := cdnowFile(t, purchases, want.byCustomer)
	o := newOffice(t)
	o.publish(cdnowTiers)

	got, err := o.importFile(t.Context(), path)
	cdnowRejects(t, got, err)
	t.Logf("%s rows/s imported", rate(got))
	sum, posted := want.overall["sum"].Quantity.String(), cdnowPurchases-cdnowFree
	o.says(got, fmt.Sprintf("open - %d %d - 0 - 0 -", cdnowCustomers, cdnowCustomers),
		fmt.Sprintf("top_up USD %d %d %s 0 - 0 -", spenders, spenders, sum),
		fmt.Sprintf("debit USD %d %d %s 0 - %d 0.00", cdnowPurchases, posted, sum, cdnowFree))
	events := fmt.Sprintf("%d AccountOpened, %d DebitPosted, %d TopUpPosted", cdnowCustomers, posted,
		spenders)
	o.wantTypes(events)
	o.booked().compare(t, want)
	o.wantNothingLeft(want.byCustomer)
	o.wantCDNOWTiers()
	o.wantGallery(purchases)
	o.wantSound()

	got, err = o.importFile(t.Context(), path)
	cdnowRejects(t, got, err)
	o.says(got, fmt.Sprintf("debit USD %d 0 - %d %s %d 0.00", cdnowPurchases, posted, sum, cdnowFree))
	t.Logf("%s rows/s found there already", rate(got))
	o.wantTypes(events)
}

// wantSound lets the check verb replay the log and compare the read models with it.
func (o office) wantSound() {
	o.Helper()
	var out strings.Builder
	cmd := newCheck()
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SetArgs(o.flags())
	if err := cmd.ExecuteContext(o.Context()); err != nil {
		o.Errorf("check: %v\n%s", err, out.String())
	}
}

// rate is the rows a second that an import says it made.
func rate(printed string) string {
	before, _, _ := strings.Cut(printed, " rows/s\n")
	return before[strings.LastIndex(before, "\n")+1:]
}

// checkCDNOW sums the purchases up, and counts what is known of the file.
func checkCDNOW(t *testing.T, purchases []purchase) (cdnowBooks, int) {
	t.Helper()
	b, free, duplicates := newCDNOWBooks(), 0, 0
	seen := map[string]bool{}
	for _, p := range purchases {
		b.add(p.customer, p.date, p.dollars)
		if p.dollars.IsZero() {
			free++
		}
		row := fmt.Sprint(p.customer, p.date, p.dollars.Quantity)
		if seen[row] {
			duplicates++
		}
		seen[row] = true
	}
	got := [...]int{len(purchases), len(b.byCustomer), free, duplicates}
	want := [...]int{cdnowPurchases, cdnowCustomers, cdnowFree, cdnowDuplicates}
	if got != want {
		t.Fatalf("cdnow.txt: got %v rows, customers, zero-dollar rows and duplicates, want %v", got, want)
	}
	spenders := 0
	for _, sum := range b.byCustomer {
		if sum.IsPositive() {
			spenders++
		}
	}
	return b, spenders
}

// cdnowRejects wants the zero-dollar rows, and no other, to be reported.
func cdnowRejects(t *testing.T, printed string, err error) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%d of ", cdnowFree)) {
		t.Fatalf("got %v, want a failure that says %d rows were rejected\n%s", err, cdnowFree, printed)
	}
	reports := 0
	for line := range strings.Lines(printed) {
		if strings.HasPrefix(line, "line ") {
			reports++
			if !strings.Contains(line, "amount_not_positive") {
				t.Errorf("got %q, want no other reason", line)
			}
		}
	}
	if reports != cdnowFree {
		t.Errorf("got %d reports, want %d", reports, cdnowFree)
	}
}

// booked are the debits of the log, by the customer and the date that each event says itself.
func (o office) booked() cdnowBooks {
	o.Helper()
	b, customers := newCDNOWBooks(), map[string]string{}
	for _, e := range o.events() {
		switch event := e.Event.(type) {
		case domain.AccountOpened:
			customers[e.stream] = event.CustomerRef
			b.byCustomer.add(event.CustomerRef, domain.MustMoney("0", domain.Unit{Code: "USD", Scale: 2}))
		case domain.DebitPosted:
			b.add(customers[e.stream], e.Metadata.BusinessDate, event.Amount)
			if got := e.Metadata.OccurredAt.Format(time.DateOnly); got != e.Metadata.BusinessDate {
				o.Errorf("%s: occurred on %s, booked on %s", e.stream, got, e.Metadata.BusinessDate)
			}
		}
	}
	return b
}

// wantNothingLeft asks the service for every customer's balance. A customer who only got something
// for nothing has none.
func (o office) wantNothingLeft(customers sums) {
	o.Helper()
	c, done, err := connect(o.Context(), o.place())
	if err != nil {
		o.Fatal(err)
	}
	defer done()
	for customer, spent := range customers {
		if !spent.IsPositive() {
			continue
		}
		if got := totalOf(o, c, domain.AccountID(customer)); got != "0.00 USD" {
			o.Fatalf("%s: got a balance of %s, want 0.00 USD", customer, got)
		}
	}
}
