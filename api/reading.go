package api

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
)

// reading turns a request's text into a command. It collects what is wrong with the fields, so
// that a caller learns of all of it at once; the first is the one that gives the code.
type reading struct {
	s       *Server
	who     caller
	trial   bool // nothing may be stored
	context domain.Context
	refusal *domain.Refusal
	fields  []domain.FieldError
	failure error // of a look-up; not the caller's fault

	list  string // whose element is read, such as lines: fields are named below it; "": none
	place int    // of the element
}

func (r *reading) fail(refusal *domain.Refusal, field, detail string) {
	if r.list != "" {
		field = r.list + "." + strconv.Itoa(r.place) + "." + field
	}
	if r.refusal == nil {
		r.refusal = refusal.Field(field, detail)
	}
	r.fields = append(r.fields, domain.FieldError{Field: field, Detail: detail})
}

// malformed is fail for the commonest of codes.
func (r *reading) malformed(field, detail string) { r.fail(domain.ErrMalformed, field, detail) }

// err is what was wrong, nil if nothing was.
func (r *reading) err() error {
	if r.failure != nil {
		return r.failure
	}
	if r.refusal == nil {
		return nil
	}
	if len(r.fields) > 0 {
		r.refusal.Fields = r.fields
	}
	return r.refusal
}

// decode reads the body, and says whether it could.
func (r *reading) decode(body []byte, into any) bool {
	if refusal, refused := refusalOf(decode(body, into)); refused {
		r.refusal, r.fields = refusal, refusal.Fields
		return false
	}
	return true
}

// amount is an amount as callers write it.
type amount struct {
	Amount string `json:"amount"`
	Unit   string `json:"unit"`
}

// money reads an amount of stored value, which is required.
func (r *reading) money(field string, a *amount) domain.Money {
	if a == nil {
		r.malformed(field, "is required")
		return domain.Money{}
	}
	return r.someMoney(field, a)
}

// someMoney is money that may be absent.
func (r *reading) someMoney(field string, a *amount) domain.Money {
	if a == nil {
		return domain.Money{}
	}
	if m, ok := r.wellFormed(a); ok { // the names of fields cost more than the reading
		return m
	}
	if a.Unit == "" {
		r.malformed(field+".unit", "is required")
		return domain.Money{}
	}
	unit, ok := r.unit(field+".unit", a.Unit)
	if !ok {
		return domain.Money{}
	}
	return r.figure(field+".amount", a.Amount, unit)
}

// wellFormed is an amount of stored value in which nothing is wrong.
func (r *reading) wellFormed(a *amount) (domain.Money, bool) {
	unit, err := r.s.Ledger.Unit(context.Background(), a.Unit)
	if err != nil || unit.Kind == domain.Points {
		return domain.Money{}, false
	}
	m, err := domain.ParseMoney(a.Amount, unit)
	return m, err == nil
}

// unit reads the code of a unit of stored value, and says whether it could.
func (r *reading) unit(field, code string) (domain.Unit, bool) {
	unit, ok := r.anyUnit(field, code)
	if ok && unit.Kind == domain.Points {
		r.malformed(field, "counts points, which are earned and spent at checkouts alone")
		return unit, false
	}
	return unit, ok
}

// anyUnit reads the code of a unit, of points too.
func (r *reading) anyUnit(field, code string) (domain.Unit, bool) {
	if code == "" {
		r.malformed(field, "is required")
		return domain.Unit{}, false
	}
	unit, err := r.s.Ledger.Unit(context.Background(), code)
	switch {
	case errors.Is(err, domain.ErrUnknownUnit):
		r.fail(domain.ErrUnknownUnit, field, "is no currency and no registered unit")
	case err != nil:
		r.failure = err
	default:
		return unit, true
	}
	return unit, false
}

func (r *reading) figure(field, text string, unit domain.Unit) domain.Money {
	if text == "" {
		r.malformed(field, "is required")
		return domain.Money{}
	}
	m, err := domain.ParseMoney(text, unit)
	if err == nil {
		return m
	}
	if positive, negative := strings.CutPrefix(text, "-"); negative {
		if _, err := domain.ParseMoney(positive, unit); err == nil {
			r.fail(domain.ErrAmountNotPositive, field, "must be greater than zero")
			return domain.Money{}
		}
	}
	if errors.Is(err, domain.ErrAmountScale) {
		r.fail(domain.ErrAmountScale, field, "has more than "+strconv.Itoa(int(unit.Scale))+
			" fraction digits, those of "+unit.Code)
		return domain.Money{}
	}
	r.malformed(field, `want at most 15 digits, optionally a point and digits, as a string: "12.50"`)
	return domain.Money{}
}

// The instants that are believed.
var (
	earliest = time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC)
	latest   = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)
)

// time reads an instant of RFC 3339 and keeps its microseconds; "" is none.
func (r *reading) time(field, text string) time.Time {
	if text == "" {
		return time.Time{}
	}
	t, err := parseTime(text)
	if err != nil {
		r.malformed(field, err.Error())
	}
	return t
}

var errTime = errors.New("want an instant of RFC 3339 from 1900 on, such as 2026-01-31T12:00:00Z")

func parseTime(text string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil || len(text) > 40 || strings.ContainsRune(text, ',') || text[10] != 'T' ||
		t.Before(earliest) || !t.Before(latest) {
		return time.Time{}, errTime
	}
	return t.UTC().Truncate(time.Microsecond), nil
}

// id reads a UUID, which is required.
func (r *reading) id(field, text string) uuid.UUID {
	id, ok := parseID(text)
	if !ok {
		r.malformed(field, "want a UUID in lower case")
	}
	return id
}

// text checks a caller's own word: at most longest bytes of printable UTF-8.
func (r *reading) text(field, value string, longest int) string {
	if len(value) > longest || !utf8.ValidString(value) ||
		strings.IndexFunc(value, unicode.IsControl) >= 0 {
		r.malformed(field, "want at most "+strconv.Itoa(longest)+" bytes of printable UTF-8")
	}
	return value
}

// word checks a store, a terminal, a reference and the like.
func (r *reading) word(field, value string) string { return r.text(field, value, wordBytes) }

// post is what every post may say of itself.
type post struct {
	Store        string `json:"store"`
	Terminal     string `json:"terminal"`
	PosTxnID     string `json:"pos_txn_id"`
	Leg          string `json:"leg"`
	Shift        string `json:"shift"`
	Operator     string `json:"operator"`
	Channel      string `json:"channel"`
	OccurredAt   string `json:"occurred_at"`
	BusinessDate string `json:"business_date"`
}

const wordBytes = 64 // the longest store, terminal, reference, …

// why reads a body that gives a reason, and says nothing else but of itself.
func (r *reading) why(body []byte) string {
	var b struct {
		Reason string `json:"reason"`
		post
	}
	if r.decode(body, &b) && b.Reason == "" {
		r.malformed("reason", "is required")
	}
	r.about(b.post)
	return r.text("reason", b.Reason, reasonBytes)
}

// about takes over what a post says of itself.
func (r *reading) about(p post) {
	r.context = domain.Context{
		Store: r.word("store", p.Store), Terminal: r.word("terminal", p.Terminal),
		PosTxnID: r.word("pos_txn_id", p.PosTxnID), Leg: r.word("leg", p.Leg),
		Shift: r.word("shift", p.Shift), Operator: r.word("operator", p.Operator),
		Channel: r.word("channel", p.Channel), OccurredAt: r.time("occurred_at", p.OccurredAt),
		BusinessDate: p.BusinessDate,
	}
	if p.BusinessDate != "" && !isBusinessDate(p.BusinessDate) {
		r.malformed("business_date", "want a day from 1900 on, YYYY-MM-DD")
	}
	if p.Leg != "" && p.PosTxnID == "" {
		r.malformed("leg", "goes with pos_txn_id")
	}
	if p.Channel == domain.ChannelImport && !r.who.setsTerms() {
		r.forbid("channel", "import needs the permission terms:set")
	}
	if err := r.who.mayPost(p.Store); err != nil && r.refusal == nil {
		errors.As(err, &r.refusal)
	}
}

func isBusinessDate(text string) bool {
	date, err := time.Parse(time.DateOnly, text)
	return err == nil && !date.Before(earliest)
}

// forbid refuses a field that only who may set terms can send. What cannot be read comes first.
func (r *reading) forbid(field, detail string) { r.fail(domain.ErrForbidden, field, detail) }
