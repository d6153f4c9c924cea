package domain

import (
	"fmt"
	"time"

	"github.com/google/uuid"
)

// Shift is a till's shift as its stream tells of it. The shifts of a terminal are numbered, and
// their windows follow one another in the log without gap or overlap: a shift counts what its
// terminal posted from Opened.After, where the window of the shift before ended, up to
// Closed.Through. So what is posted late, after its own shift was closed, counts in the shift that
// is open when it is recorded, or in the next one, and a closed shift never changes.
type Shift struct {
	Opened   ShiftOpened
	OpenedAt time.Time
	Closed   *ShiftClosed // nil while it is open
	ClosedAt time.Time
}

// Mark is an event of an account: the last one that a window of a terminal's operations holds. It is
// no position, as a log that is copied to another store has others there, in the same order.
type Mark struct {
	AccountID uuid.UUID `json:"account_id"`
	EventID   uuid.UUID `json:"event_id"` // carries its revision; see RevisionOf
}

// shifts is the name space of shifts' ids.
var shifts = uuid.NewSHA1(uuid.NameSpaceURL, []byte("https://tillbook.dev/shifts"))

// ShiftID is the id of a terminal's shift of that number: a UUIDv5 (RFC 9562). The one after an open
// shift cannot be opened, and of two callers who open the same one wins: so at most one is open.
func ShiftID(store, terminal string, number int) uuid.UUID {
	return uuid.NewSHA1(shifts, fmt.Appendf(nil, "%s\x1f%s\x1f%d", store, terminal, number))
}

// ShiftStream is the stream of a shift.
func ShiftStream(id uuid.UUID) string { return "shift-" + id.String() }

// ReadShift is the shift of a stream's events. It is ErrNotFound where there is none.
func ReadShift(events []Posted) (s Shift, err error) {
	for _, p := range events {
		switch e := p.Event.(type) {
		case ShiftOpened:
			s.Opened, s.OpenedAt = e, p.Metadata.RecordedAt
		case ShiftClosed:
			s.Closed, s.ClosedAt = &e, p.Metadata.RecordedAt
		}
	}
	if s.OpenedAt.IsZero() {
		return s, ErrNotFound.Because("there is no such shift")
	}
	return s, nil
}

// Status is open or closed.
func (s Shift) Status() string {
	if s.Closed == nil {
		return "open"
	}
	return "closed"
}

// Through is where the window of the shift, which is closed, ends: where it began, if nothing was
// posted in it; nil where nothing ever was.
func (s Shift) Through() *Mark {
	if s.Closed.Through == nil {
		return s.Opened.After
	}
	return s.Closed.Through
}

// OpenShift opens the next shift of a terminal. Number and After are the ledger's, not the caller's.
type OpenShift struct {
	Store        string `json:"store"`
	Terminal     string `json:"terminal"`
	Name         string `json:"shift"`         // the caller's own, such as morning; may be empty
	BusinessDate string `json:"business_date"` // YYYY-MM-DD; empty: the store's, now
	Number       int    `json:"-"`
	After        *Mark  `json:"-"`
}

// ShiftOpened records a shift. Its store and terminal are those of the operations that it counts.
type ShiftOpened struct {
	ShiftID      uuid.UUID `json:"shift_id"`
	Store        string    `json:"store"`
	Terminal     string    `json:"terminal"`
	Number       int       `json:"number"` // from 1, without gaps
	Name         string    `json:"shift"`
	BusinessDate string    `json:"business_date"`
	After        *Mark     `json:"after,omitempty"` // where its window begins; nil: at this event
}

func (ShiftOpened) event() {}

// ID is the shift's.
func (o OpenShift) ID() uuid.UUID { return ShiftID(o.Store, o.Terminal, o.Number) }

// Stream is shift-<id>.
func (o OpenShift) Stream() string { return ShiftStream(o.ID()) }

// Operation is open_shift.
func (OpenShift) Operation() Operation { return "open_shift" }

// Decide refuses what names no terminal, and a shift that there is.
func (o OpenShift) Decide(before []Posted, m Moment) ([]Event, error) {
	switch {
	case o.Store == "" || notAWord(o.Store):
		return nil, ErrMalformed.Field("store", "want 1 to 64 bytes")
	case o.Terminal == "" || notAWord(o.Terminal):
		return nil, ErrMalformed.Field("terminal", "want 1 to 64 bytes")
	case notAWord(o.Name):
		return nil, ErrMalformed.Field("shift", "want at most 64 bytes")
	case len(before) > 0:
		return nil, ErrShiftOpen.By(before[0])
	}
	date := o.BusinessDate
	if date == "" {
		date = m.Place.BusinessDate(m.Recorded)
	}
	return []Event{ShiftOpened{ShiftID: o.ID(), Store: o.Store, Terminal: o.Terminal,
		Number: o.Number, Name: o.Name, BusinessDate: date, After: o.After}}, nil
}

func notAWord(s string) bool { return len(s) > 64 || !printable(s) }

// canonical leaves out the business date, which no repeat is compared by.
func (o OpenShift) canonical() any {
	o.BusinessDate = ""
	return o
}

func (e ShiftOpened) command() any {
	return OpenShift{Store: e.Store, Terminal: e.Terminal, Name: e.Name}
}
