package domain

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// Selection picks accounts: by a condition, or by others joined. Exactly one of All, Any, Not and Field
// is there. An account of which a condition's figure is not known does not satisfy it.
type Selection struct {
	All []Selection `json:"all,omitempty"` // every one of them
	Any []Selection `json:"any,omitempty"` // at least one
	Not *Selection  `json:"not,omitempty"`

	Field  SelectionField   `json:"field,omitempty"`
	Op     SelectionOp      `json:"op,omitempty"`
	Value  SelectionValue   `json:"value,omitempty"`  // of every op but in
	Values []SelectionValue `json:"values,omitempty"` // of in
	Unit   string           `json:"unit,omitempty"`
	Days   int              `json:"days,omitempty"` // the last so many, today included
	From   string           `json:"from,omitempty"` // business dates, YYYY-MM-DD,
	To     string           `json:"to,omitempty"`   // both included
	Of     string           `json:"of,omitempty"`   // the campaign of coupons
	Kind   InteractionKind  `json:"kind,omitempty"` // of interactions; none: all
}

// SelectionField is what a condition asks of an account.
type SelectionField string

// The fields. Sales are debits, captures and checkouts; spend is what they came to without points, and
// standing charges, less what came back, on the day on which it did.
const (
	SelectBalance      SelectionField = "balance"      // total by events, in Unit
	SelectSpend        SelectionField = "spend"        // in Unit, in a window
	SelectRecency      SelectionField = "recency"      // days since the last sale
	SelectFrequency    SelectionField = "frequency"    // sales in a window
	SelectRFMRecency   SelectionField = "rfm_r"        // 1 to 5 by the day of the last sale
	SelectRFMFrequency SelectionField = "rfm_f"        // 1 to 5 by sales
	SelectRFMMoney     SelectionField = "rfm_m"        // 1 to 5 by spend in Unit
	SelectTier         SelectionField = "tier"         // held now; of who was in no other than the first, none
	SelectTag          SelectionField = "tag"          // of the customer
	SelectConsent      SelectionField = "consent"      // granted by the customer
	SelectCoupons      SelectionField = "coupons"      // held and not used up, Of a campaign
	SelectDormancy     SelectionField = "dormancy"     // days of the step that was reached; 0: active
	SelectInteractions SelectionField = "interactions" // of a Kind, in the last Days
	SelectOpened       SelectionField = "opened_at"
)

// SelectionOp compares an account's figure with a value.
type SelectionOp string

// The comparisons.
const (
	SelectEQ SelectionOp = "eq"
	SelectNE SelectionOp = "ne"
	SelectLT SelectionOp = "lt"
	SelectLE SelectionOp = "le"
	SelectGT SelectionOp = "gt"
	SelectGE SelectionOp = "ge"
	SelectIn SelectionOp = "in" // one of Values
)

// SelectionValue is what a figure is compared with, as text: an amount at the unit's scale, a number, a
// label, an instant. JSON may have a number for a whole number.
type SelectionValue string

var errSelectionValue = errors.New("want a text or a whole number")

// UnmarshalJSON reads a text or a whole number.
func (v *SelectionValue) UnmarshalJSON(text []byte) error {
	var s string
	if err := json.Unmarshal(text, &s); err == nil {
		*v = SelectionValue(s)
		return nil
	}
	n, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil {
		return errSelectionValue
	}
	*v = SelectionValue(strconv.FormatInt(n, 10))
	return nil
}

// The bounds of a selection.
const (
	selectionDepth  = 8
	selectionParts  = 100
	selectionValues = 100
)

// selectable is what a field is compared with, and what it may be asked with.
type selectable struct {
	value                                func(SelectionValue) bool
	want                                 string // in words
	ordered, unit, days, dates, of, kind bool
}

var (
	wholeNumber = regexp.MustCompile(`^(0|[1-9][0-9]{0,8})$`)
	score       = regexp.MustCompile(`^[1-5]$`)
	word        = regexp.MustCompile(`^[^\x00-\x1f\x7f]{1,64}$`)
)

func isAmount(v SelectionValue) bool { return len(v) <= 40 && isInput(string(v)) }
func isCount(v SelectionValue) bool  { return wholeNumber.MatchString(string(v)) }
func isScore(v SelectionValue) bool  { return score.MatchString(string(v)) }
func isWord(v SelectionValue) bool   { return word.MatchString(string(v)) && printable(string(v)) }
func isInstant(v SelectionValue) bool {
	t, err := time.Parse(time.RFC3339, string(v))
	return err == nil && t.Year() >= 1900 && t.UTC().Year() <= 9999
}

// selectables are all fields: whatever is not here cannot be asked.
var selectables = map[SelectionField]selectable{
	SelectBalance: {value: isAmount, want: "an amount", ordered: true, unit: true},
	SelectSpend: {value: isAmount, want: "an amount", ordered: true, unit: true, days: true,
		dates: true},
	SelectRecency: {value: isCount, want: "a whole number", ordered: true},
	SelectFrequency: {value: isCount, want: "a whole number", ordered: true, days: true,
		dates: true},
	SelectRFMRecency:   {value: isScore, want: "1 to 5", ordered: true, days: true, dates: true},
	SelectRFMFrequency: {value: isScore, want: "1 to 5", ordered: true, days: true, dates: true},
	SelectRFMMoney: {value: isScore, want: "1 to 5", ordered: true, unit: true, days: true,
		dates: true},
	SelectTier:         {value: isWord, want: "1 to 64 bytes of printable UTF-8"},
	SelectTag:          {value: isWord, want: "1 to 64 bytes of printable UTF-8"},
	SelectConsent:      {value: isWord, want: "1 to 64 bytes of printable UTF-8"},
	SelectCoupons:      {value: isCount, want: "a whole number", ordered: true, of: true},
	SelectDormancy:     {value: isCount, want: "a whole number", ordered: true},
	SelectInteractions: {value: isCount, want: "a whole number", ordered: true, days: true, kind: true},
	SelectOpened:       {value: isInstant, want: "an instant of RFC 3339", ordered: true},
}

// Check refuses a selection that is none, naming each field that is to blame.
func (s *Selection) Check(field string) error {
	var f faults
	parts := 0
	s.faults(&f, field, 1, &parts)
	if parts > selectionParts {
		return ErrMalformed.Field(field, fmt.Sprint("want at most ", selectionParts, " parts"))
	}
	return f.err()
}

func (s *Selection) faults(f *faults, at string, depth int, parts *int) {
	*parts++
	if depth > selectionDepth || *parts > selectionParts {
		f.want(depth <= selectionDepth, at, fmt.Sprint("want a depth of at most ", selectionDepth))
		return
	}
	forms := 0
	for _, there := range []bool{s.All != nil, s.Any != nil, s.Not != nil, s.Field != ""} {
		if there {
			forms++
		}
	}
	if f.want(forms == 1, at, "want one of all, any, not and field"); forms != 1 {
		return
	}
	if s.Field != "" {
		s.condition(f, at)
		return
	}
	joined := Selection{All: s.All, Any: s.Any, Not: s.Not}
	f.want(s.bare(joined), at, "want no op, value or window beside all, any and not")
	f.want(s.Not != nil || len(s.All)+len(s.Any) > 0, at, "want at least one part")
	for i := range s.All {
		s.All[i].faults(f, fmt.Sprint(at, ".all.", i), depth+1, parts)
	}
	for i := range s.Any {
		s.Any[i].faults(f, fmt.Sprint(at, ".any.", i), depth+1, parts)
	}
	if s.Not != nil {
		s.Not.faults(f, at+".not", depth+1, parts)
	}
}

// bare reports that a selection says nothing but what joined does.
func (s *Selection) bare(joined Selection) bool {
	a, _ := json.Marshal(s) // plain fields
	b, _ := json.Marshal(joined)
	return string(a) == string(b)
}

// condition notes what is wrong with a condition.
func (s *Selection) condition(f *faults, at string) {
	is, known := selectables[s.Field]
	if f.want(known, at+".field", "is not known"); !known {
		return
	}
	ops := []SelectionOp{SelectEQ, SelectNE, SelectIn}
	if is.ordered {
		ops = append(ops, SelectLT, SelectLE, SelectGT, SelectGE)
	}
	f.want(slices.Contains(ops, s.Op), at+".op", "want eq, ne, in, or, of what has an order, lt, le, "+
		"gt, ge")
	s.operands(f, at, is)
	f.want(is.unit == (s.Unit != "") && (s.Unit == "" || unitCode.MatchString(s.Unit)), at+".unit",
		"goes with balance, spend and rfm_m, and with nothing else")
	f.want(s.Days == 0 || is.days && s.Days > 0 && s.Days <= mostDays, at+".days",
		fmt.Sprint("want 1 to ", mostDays, ", of a field that has a window"))
	f.want(s.From == "" && s.To == "" || is.dates && s.Days == 0, at+".from",
		"want days or dates, of a field that has a window")
	f.want(isDate(s.From), at+".from", "want YYYY-MM-DD")
	f.want(isDate(s.To), at+".to", "want YYYY-MM-DD")
	f.want(s.Of == "" || is.of && isWord(SelectionValue(s.Of)), at+".of", "goes with coupons alone")
	f.want(s.Kind == "" || is.kind && slices.Contains(InteractionKinds, s.Kind), at+".kind",
		"want visit, call, message, feedback or complaint, of interactions")
}

// operands notes what is wrong with what a figure is compared with.
func (s *Selection) operands(f *faults, at string, is selectable) {
	if s.Op != SelectIn {
		f.want(is.value(s.Value), at+".value", "want "+is.want)
		f.want(s.Values == nil, at+".values", "goes with in alone")
		return
	}
	f.want(s.Value == "", at+".value", "want values")
	f.want(len(s.Values) > 0 && len(s.Values) <= selectionValues, at+".values",
		fmt.Sprint("want 1 to ", selectionValues))
	for i, v := range s.Values {
		f.want(is.value(v), fmt.Sprint(at, ".values.", i), "want "+is.want)
	}
}

// isDate reports whether a text is a date, or nothing.
func isDate(text string) bool {
	_, err := time.Parse(time.DateOnly, text)
	return text == "" || err == nil
}

// Conditions yields the selection's conditions, to be changed in place, each with its field's path.
func (s *Selection) Conditions(at string) iter.Seq2[string, *Selection] {
	return func(yield func(string, *Selection) bool) { s.each(at, yield) }
}

func (s *Selection) each(at string, yield func(string, *Selection) bool) bool {
	if s.Field != "" {
		return yield(at, s)
	}
	for i := range s.All {
		if !s.All[i].each(fmt.Sprint(at, ".all.", i), yield) {
			return false
		}
	}
	for i := range s.Any {
		if !s.Any[i].each(fmt.Sprint(at, ".any.", i), yield) {
			return false
		}
	}
	return s.Not == nil || s.Not.each(at+".not", yield)
}
