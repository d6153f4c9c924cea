package domain

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

var (
	_ = telling(func(e MandateSet) string { return stamp(e.NextAt) })
	_ = telling(func(e MandateEnded) string { return e.Reason })
	_ = telling(func(e ChargeFailed) string {
		return fmt.Sprintf("%s, %d of %s, next %s", e.Code, e.Attempt, stamp(e.Period), stamp(e.NextAt))
	})
)

func stamp(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.Format("01-02 15:04")
}

// Every calendar clamps to the ends of months and keeps its clock through the year.
func TestCalendar(t *testing.T) {
	for _, c := range []struct {
		calendar Calendar
		from     string
		want     string // the next four
	}{
		{Calendar{"day", 0, "08:30", "UTC"}, "2026-03-02T12:00:00Z",
			"03-03 08:30 03-04 08:30 03-05 08:30 03-06 08:30"},
		{Calendar{"day", 0, "12:00", "UTC"}, "2026-03-02T12:00:00Z",
			"03-02 12:00 03-03 12:00 03-04 12:00 03-05 12:00"},
		{Calendar{"week", 1, "00:00", "UTC"}, "2026-03-02T00:00:01Z",
			"03-09 00:00 03-16 00:00 03-23 00:00 03-30 00:00"},
		{Calendar{"week", 7, "00:00", "UTC"}, "2026-03-02T12:00:00Z",
			"03-08 00:00 03-15 00:00 03-22 00:00 03-29 00:00"},
		{Calendar{"month", 31, "00:00", "UTC"}, "2026-01-31T00:00:00Z",
			"01-31 00:00 02-28 00:00 03-31 00:00 04-30 00:00"},
		{Calendar{"month", 30, "00:00", "UTC"}, "2026-01-31T00:00:00Z",
			"02-28 00:00 03-30 00:00 04-30 00:00 05-30 00:00"},
		{Calendar{"month", 1, "00:00", "Asia/Shanghai"}, "2026-11-30T16:00:01Z",
			"12-31 16:00 01-31 16:00 02-28 16:00 03-31 16:00"},
		{Calendar{"day", 0, "02:30", "Europe/Berlin"}, "2026-03-28T00:00:00Z",
			"03-28 01:30 03-29 01:30 03-30 00:30 03-31 00:30"},
	} {
		at, err := time.Parse(time.RFC3339, c.from)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		next := c.calendar.from(at)
		for range 4 {
			got = append(got, stamp(next))
			next = c.calendar.after(next)
		}
		if got := strings.Join(got, " "); got != c.want {
			t.Errorf("%+v from %s: got %s, want %s", c.calendar, c.from, got, c.want)
		}
	}
}

// fee is a mandate of 30.00 on the 3rd of each month, the day after noon's.
func fee(edits ...func(*SetMandate)) SetMandate {
	s := SetMandate{Amount: cny("30.00"), Cap: cny("50.00"),
		Calendar: Calendar{Every: "month", Day: 3, At: "09:00", Zone: "UTC"}}
	for _, edit := range edits {
		edit(&s)
	}
	return s
}

func daily(s *SetMandate) { s.Calendar = Calendar{Every: "day", At: "09:00", Zone: "UTC"} }

func endMandate(n int) ask {
	return func(b *book) Command { return EndMandate{MandateID: b.ids[n], Reason: "moved out"} }
}

// One row per refusal, in the order of the checks.
func TestSetMandate(t *testing.T) {
	wrong := func(edit func(*SetMandate)) ask { return asks(fee(edit)) }
	full := []step{opened}
	for range mostMandates {
		full = append(full, did(fee()))
	}
	one := []step{opened}
	run(t, []row{
		{"nothing", one, wrong(func(s *SetMandate) { s.Amount = cny("0") }), "amount_not_positive"},
		{"a cap in another unit", one, wrong(func(s *SetMandate) { s.Cap = MustMoney("50", unit("JPY")) }),
			"malformed cap"},
		{"a cap below", one, wrong(func(s *SetMandate) { s.Cap = cny("29.99") }), "malformed cap"},
		{"a calendar of years", one, wrong(func(s *SetMandate) { s.Calendar.Every = "year" }),
			"malformed calendar.every"},
		{"a day 32", one, wrong(func(s *SetMandate) { s.Calendar.Day = 32 }), "malformed calendar.day"},
		{"no day", one, wrong(func(s *SetMandate) { s.Calendar.Day = 0 }), "malformed calendar.day"},
		{"a day of a day", one, wrong(func(s *SetMandate) { s.Calendar.Every = "day" }),
			"malformed calendar.day"},
		{"no clock", one, wrong(func(s *SetMandate) { s.Calendar.At = "9:00" }), "malformed calendar.at"},
		{"no zone", one, wrong(func(s *SetMandate) { s.Calendar.Zone = "Moon" }),
			"malformed calendar.zone"},
		{"in the past", one, wrong(func(s *SetMandate) { s.Starts = noon.Add(-time.Second) }),
			"malformed starts"},
		{"over before it begins", one, wrong(func(s *SetMandate) { s.Ends = noon.Add(21 * time.Hour) }),
			"malformed ends"},
		{"a long description", one, wrong(func(s *SetMandate) {
			s.Description = strings.Repeat("x", 201)
		}), "malformed description"},
		{"no account", nil, asks(fee()), "not_found"},
		{"frozen by law", []step{opened, frozen(FreezeLegal)}, asks(fee()), "account_frozen"},
		{"reference used", []step{opened, ref("1"), did(fee())}, asks(fee()), "reference_used"},
		{"too many", full, asks(fee()), "limit_exceeded"},
		{"set", one, asks(fee()), "MandateSet 03-03 09:00"},
		{"from an instant on", one, wrong(func(s *SetMandate) { s.Starts = noon.Add(20 * day) }),
			"MandateSet 04-03 09:00"},
	})
}

func TestEndMandate(t *testing.T) {
	set := []step{opened, did(fee())}
	run(t, []row{
		{"no reason", set, asks(EndMandate{}), "malformed reason"},
		{"no account", nil, asks(EndMandate{Reason: "x"}), "not_found"},
		{"no such mandate", set, asks(EndMandate{MandateID: uuid.UUID{1}, Reason: "x"}), "not_found"},
		{"ended before", append(set[:2:2], didAs(endMandate(1))), endMandate(1), "mandate_not_active"},
		{"ended", append(set[:2:2], frozen(FreezeLegal)), endMandate(1), "MandateEnded moved out"},
		{"charged no more", append(set[:2:2], didAs(endMandate(1)), later(90*day)), asks(ChargeMandates{}), ""},
		{"with its account", set, asks(CloseAccount{Reason: "x"}),
			"AccountClosed\nMandateEnded account_closed"},
	})
}

func TestChargeMandates(t *testing.T) {
	charge := asks(ChargeMandates{})
	tries := func(n int, s []step) []step {
		s = s[:len(s):len(s)]
		for range n {
			s = append(s, tried(ChargeMandates{}), later(80*time.Hour))
		}
		return s
	}
	rich := []step{opened, did(topUp("100.00", "")), did(fee())}
	poor := []step{opened, did(fee())}
	due := later(21 * time.Hour)
	const charged = "DebitPosted 30.00, principal@1 -30.00/-30.00"
	run(t, []row{
		{"not due", append(rich[:3:3], later(21*time.Hour-1)), charge, ""},
		{"due", append(rich[:3:3], due), charge, charged},
		{"once a period", append(rich[:3:3], due, did(ChargeMandates{})), charge, ""},
		{"the next period", append(rich[:3:3], due, did(ChargeMandates{}), later(31*day)), charge, charged},
		{"each missed period is owed", append(rich[:3:3], later(65*day), did(ChargeMandates{}),
			did(ChargeMandates{})), charge, charged},
		{"but no more than those", append(rich[:3:3], later(65*day), did(ChargeMandates{}),
			did(ChargeMandates{}), did(ChargeMandates{})), charge, ""},
		{"frozen", append(rich[:3:3], frozen(FreezeDebit), due), charge,
			"ChargeFailed account_frozen, 1 of 03-03 09:00, next 03-03 10:00"},
		{"short: no part is taken", []step{opened, did(topUp("29.99", "")), did(fee()), due}, charge,
			"ChargeFailed insufficient_funds, 1 of 03-03 09:00, next 03-03 10:00"},
		{"held for another", append(rich[:3:3], did(PlaceHold{Amount: cny("71"), TTLSeconds: 604800}), due),
			charge, "ChargeFailed insufficient_funds, 1 of 03-03 09:00, next 03-03 10:00"},
		{"held, but the hold has lapsed", append(rich[:3:3], did(hold("71")), due), charge,
			"HoldReleased 71.00, principal@1 held -71.00, lapsed\n" + charged},
		{"a retry is not due", append(poor[:2:2], due, did(ChargeMandates{}), later(time.Hour-1)), charge,
			""},
		{"the second attempt", append(poor[:2:2], due, did(ChargeMandates{}), later(time.Hour)), charge,
			"ChargeFailed insufficient_funds, 2 of 03-03 09:00, next 03-04 10:00"},
		{"the third", tries(2, append(poor[:2:2], due)), charge,
			"ChargeFailed insufficient_funds, 3 of 03-03 09:00, next 03-13 01:00"},
		{"the last", tries(3, append(poor[:2:2], due)), charge,
			"ChargeFailed insufficient_funds, 4 of 03-03 09:00, next 04-03 09:00"},
		{"a retry succeeds", append(tries(2, append(poor[:2:2], due)), did(topUp("40.00", ""))), charge,
			"DebitPosted 30.00, principal@4 -30.00/-30.00"},
		{"a period given up is not owed", append(tries(4, append(poor[:2:2], due)),
			did(topUp("40.00", ""))), charge, ""},
		{"no retry beyond the next period", []step{opened, did(fee(daily)), due, did(ChargeMandates{}),
			later(time.Hour)}, charge,
			"ChargeFailed insufficient_funds, 2 of 03-03 09:00, next 03-04 09:00"},
		{"over with its last period", []step{opened, did(topUp("100.00", "")),
			did(fee(func(s *SetMandate) { s.Ends = noon.Add(10 * day) })), due}, charge,
			charged + "\nMandateEnded over"},
		{"over with its last failure", tries(3, []step{opened,
			did(fee(func(s *SetMandate) { s.Ends = noon.Add(10 * day) })), due}), charge,
			"ChargeFailed insufficient_funds, 4 of 03-03 09:00, next never\nMandateEnded over"},
		{"the one that waits longest first", []step{opened, did(topUp("100.00", "")), did(fee()),
			did(fee(daily, func(s *SetMandate) { s.Amount = cny("1"); s.Calendar.At = "08:00" })), due},
			charge, "DebitPosted 1.00, principal@1 -1.00/-1.00"},
	})
}

// A charge happened when its period fell due, however late the sweeper is; a retry when it was made.
func TestChargesAreDated(t *testing.T) {
	b := newBook(t)
	for _, s := range []step{opened, did(fee()), later(2 * day), did(ChargeMandates{}),
		did(topUp("100.00", "")), later(time.Hour), did(ChargeMandates{})} {
		s(b)
	}
	for i, want := range map[int]string{2: "03-03 09:00", 4: stamp(b.now)} {
		if got := stamp(b.log[i].Metadata.OccurredAt); got != want {
			t.Errorf("%T: got %s, want %s", b.log[i].Event, got, want)
		}
	}
	if e := b.log[4].Event.(DebitPosted); e.MandateID != b.ids[1] || !e.ListAmount.Equal(e.Amount) {
		t.Errorf("got %+v, want the mandate, and its amount as the list price", e)
	}
}
