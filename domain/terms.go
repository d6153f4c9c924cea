package domain

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// The bounds of a program: it is held in memory, and written as one event.
const (
	mostSteps     = 100  // of a ladder, and as many rules of cashback
	mostListed    = 5000 // accounts in one list
	mostLanguages = 20
	mostTermsText = 20_000 // bytes in one language
	mostDays      = 36_500
	mostRungs     = 10 // of reminders and of dormancy
)

// faults collect what is wrong with a request's fields, so that its caller learns of all of it.
type faults []FieldError

// want notes a field of which ok is not true.
func (f *faults) want(ok bool, field, detail string) {
	if !ok {
		*f = append(*f, FieldError{field, detail})
	}
}

// amount wants a sum of the unit that is positive, if it is there at all.
func (f *faults) amount(m Money, unit, field string) {
	f.want(m.unit == "" && m.IsZero() || m.unit == unit && m.IsPositive(), field,
		"want more than zero, of unit "+unit)
}

// window wants an end that comes after the beginning, both in years that can be written.
func (f *faults) window(begins, ends time.Time, at string) {
	f.want(ends.IsZero() || ends.After(begins), at+"ends", "want a time after begins")
	f.want(begins.Year() <= 9999 && ends.Year() <= 9999, at+"begins", "want years up to 9999")
}

// whom wants a scope and a list of accounts that are short and sorted.
func (f *faults) whom(scope Scope, accounts []uuid.UUID, at string) {
	f.want(scope.valid(), at+"scope", "want at most 100 stores and 100 channels")
	f.want(len(accounts) <= mostListed, at+"accounts", fmt.Sprint("want at most ", mostListed))
	f.want(slices.IsSortedFunc(accounts, byID), at+"accounts", "want them sorted")
}

// err is the refusal that names all faults, nil without any.
func (f faults) err() error {
	if len(f) == 0 {
		return nil
	}
	r := *ErrMalformed.Field(f[0].Field, f[0].Detail)
	r.Fields = f
	return &r
}

// normal are the terms with everything that default@1 says where they say nothing.
func (t Terms) normal() Terms {
	d := &defaultProgram.Terms
	or(&t.Zone, d.Zone)
	or(&t.Draw, d.Draw)
	or(&t.OnExpired.Paid, d.OnExpired.Paid)
	or(&t.OnExpired.Free, d.OnExpired.Free)
	or(&t.Holds.MaxSeconds, d.Holds.MaxSeconds)
	or(&t.Holds.DefaultSeconds, min(d.Holds.DefaultSeconds, t.Holds.MaxSeconds))
	t.Tiers = t.Tiers.normal()
	t.Ladder, t.Cashback = slices.Clone(t.Ladder), slices.Clone(t.Cashback)
	for i := range t.Ladder {
		s := &t.Ladder[i]
		s.Begins, s.Ends, s.Accounts = s.Begins.UTC(), s.Ends.UTC(), distinct(s.Accounts)
	}
	for i := range t.Cashback {
		r := &t.Cashback[i]
		r.Begins, r.Ends, r.Accounts = r.Begins.UTC(), r.Ends.UTC(), distinct(r.Accounts)
	}
	t.normalPoints()
	return t
}

// or puts standard where there is nothing.
func or[T comparable](value *T, standard T) {
	var none T
	if *value == none {
		*value = standard
	}
}

var language = regexp.MustCompile(`^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$`)

// faults notes what is wrong with a program beside its id, its version and its time.
func (p *Program) faults(f *faults) {
	f.whom(Scope{}, p.Accounts, "")
	f.languages(p.TermsText, "terms_text", mostTermsText)
	p.Terms.faults(f)
}

func (t *Terms) faults(f *faults) {
	f.want(isZone(t.Zone), "terms.zone", "want an IANA zone, such as Asia/Shanghai")
	f.want(slices.Contains(draws, t.Draw), "terms.draw",
		"want pro_rata, bonus_first or principal_first")
	t.ladderFaults(f)
	t.cashbackFaults(f)
	for _, class := range slices.Sorted(maps.Keys(t.Expiry)) {
		t.Expiry[class].faults(f, class)
	}
	t.OnExpired.Paid.faults(f, "terms.on_refund_expired.paid")
	t.OnExpired.Free.faults(f, "terms.on_refund_expired.free")
	t.Holds.faults(f)
	t.limitFaults(f)
	t.pointsFaults(f)
	f.want(rungs(t.Reminders, -1), "terms.reminders", "want at most 10 numbers of days, falling")
	f.want(rungs(t.Dormancy, +1), "terms.dormancy", "want at most 10 numbers of days, rising")
	t.approvalFaults(f)
	t.Tiers.faults(f)
}

// isZone reports whether a name is an IANA zone's.
func isZone(name string) bool {
	_, err := time.LoadLocation(name)
	return name != "" && name != "Local" && err == nil
}

// rungs reports whether numbers of days rise, or fall.
func rungs(days []int, direction int) bool {
	for i, n := range days {
		if n < 1 || n > mostDays || i > 0 && (n-days[i-1])*direction <= 0 {
			return false
		}
	}
	return len(days) <= mostRungs
}

func (r RefundExpired) faults(f *faults, at string) {
	f.want(slices.Contains(refundPolicies, r.Policy), at+".policy",
		"want forfeit, remaining_term or grace_days")
	grace := r.Policy == "grace_days"
	f.want(grace && r.Days >= 1 && r.Days <= mostDays || !grace && r.Days == 0, at+".days",
		"want 1 to 36500 with grace_days, none else")
}

func (h HoldTerms) faults(f *faults) {
	least, most := int64(MinHoldTTL/time.Second), int64(MaxHoldTTL/time.Second)
	f.want(h.MaxSeconds >= least && h.MaxSeconds <= most, "terms.holds.max_seconds",
		"want 60 to 604800")
	f.want(h.DefaultSeconds >= least && h.DefaultSeconds <= h.MaxSeconds,
		"terms.holds.default_seconds", "want 60 to max_seconds")
}

func (t *Terms) cashbackFaults(f *faults) {
	f.want(len(t.Cashback) <= mostSteps, "terms.cashback", fmt.Sprint("want at most ", mostSteps))
	ids := map[string]bool{}
	for i, r := range t.Cashback {
		at := fmt.Sprintf("terms.cashback.%d.", i)
		f.want(storeID.MatchString(r.ID) && !ids[r.ID], at+"id",
			"want 1 to 64 of [A-Za-z0-9._:-], each once")
		ids[r.ID] = true
		f.want(unitCode.MatchString(r.Unit), at+"unit", "want a unit's code")
		f.want(isPercent(r.Percent), at+"percent", wantPercent)
		f.amount(r.Minimum, r.Unit, at+"minimum")
		f.amount(r.Cap, r.Unit, at+"cap")
		f.window(r.Begins, r.Ends, at)
		f.whom(r.Scope, r.Accounts, at)
	}
}

const wantPercent = "want more than 0, at most 100, with at most 4 fraction digits"

var hundred = fromSteps(100, 0)

func isPercent(q Quantity) bool { return q.IsPositive() && !hundred.Less(q) && q.Scale() <= 4 }

func (t *Terms) approvalFaults(f *faults) {
	units := map[string]bool{}
	for i, a := range t.Approvals {
		at := fmt.Sprintf("terms.approvals.%d.", i)
		f.want(unitCode.MatchString(a.Unit) && !units[a.Unit], at+"unit",
			"want a unit's code, each once")
		units[a.Unit] = true
		f.amount(a.Withdrawal, a.Unit, at+"withdrawal")
		f.amount(a.Adjustment, a.Unit, at+"adjustment")
		f.amount(a.UnreferencedRefund, a.Unit, at+"unreferenced_refund")
	}
}

// within reports whether an instant lies in [begins, ends); zero bounds nothing.
func within(at, begins, ends time.Time) bool {
	return !at.Before(begins) && (ends.IsZero() || at.Before(ends))
}

// ParsePercent reads a percentage that a caller sent: more than 0, at most 100, at most 4 fraction
// digits. "10" and "10.00" are the same. Any other form is ErrMalformed.
func ParsePercent(text string) (Quantity, error) {
	q, err := parseFactor(text)
	if err != nil || !isPercent(q) {
		return Quantity{}, ErrMalformed.Because(wantPercent)
	}
	return q, nil
}

// ParseTimes is ParsePercent for how often as much there is: 0 to 100.
func ParseTimes(text string) (Quantity, error) {
	q, err := parseFactor(text)
	if err != nil || !isTimes(q) {
		return Quantity{}, ErrMalformed.Because(wantTimes)
	}
	return q, nil
}

// parseFactor reads digits, without the zeros at their end that say nothing.
func parseFactor(text string) (Quantity, error) {
	if whole, fraction, point := strings.Cut(text, "."); point {
		text = strings.TrimSuffix(whole+"."+strings.TrimRight(fraction, "0"), ".")
		if fraction == "" || len(fraction) > 4 {
			return Quantity{}, ErrMalformed
		}
	}
	return parseQuantity(text)
}
