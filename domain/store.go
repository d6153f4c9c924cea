package domain

import (
	"regexp"
	"sync"
	"sync/atomic"
	"time"
	_ "time/tzdata" // a machine without zones must not move business dates
)

// Store is a place of business. BusinessDate is asked of the one of an operation's context.
type Store struct {
	ID     string `json:"store_id"`
	Name   string `json:"name,omitempty"`
	Zone   string `json:"zone"`    // IANA
	DayCut string `json:"day_cut"` // HH:MM local: when a business day begins
	Entity string `json:"entity,omitempty"`
	Status string `json:"status"` // open or closed
}

const unregistered = "unregistered"

// UnregisteredStore stands for a store nobody registered: zone UTC, day cut 00:00.
func UnregisteredStore(id string) Store {
	return Store{ID: id, Zone: "UTC", DayCut: "00:00", Status: unregistered}
}

// BusinessDate is the day, YYYY-MM-DD, to which an instant belongs: in the store's zone, less its
// day cut. A day cut of 04:00 books 03:59 on the day before.
func (s Store) BusinessDate(t time.Time) string {
	local := t.In(zone(s.Zone))
	if s.DayCut != "00:00" {
		cut, err := time.Parse("15:04", s.DayCut)
		if err == nil && local.Hour()*60+local.Minute() < cut.Hour()*60+cut.Minute() {
			local = local.AddDate(0, 0, -1)
		}
	}
	return dateOf(local)
}

// lastDate is what dateOf answered last: days end rarely, so all events of a day share one string.
var lastDate atomic.Pointer[string]

func dateOf(t time.Time) string {
	var text [len(time.DateOnly)]byte
	date := t.AppendFormat(text[:0], time.DateOnly)
	if last := lastDate.Load(); last != nil && *last == string(date) {
		return *last
	}
	fresh := string(date)
	lastDate.Store(&fresh)
	return fresh
}

// zones keeps what time.LoadLocation reads, *time.Location by name: reading takes longer than a
// decision. Only names of registered stores and of programs come here. Any goroutine may use it.
var zones sync.Map

// zone is the time zone of that name; UTC if there is none, though a zone was valid when recorded.
func zone(name string) *time.Location {
	if known, ok := zones.Load(name); ok {
		return known.(*time.Location)
	}
	location, err := time.LoadLocation(name)
	if err != nil {
		return time.UTC
	}
	zones.Store(name, location)
	return location
}

// SetStore registers a store, or changes one.
type SetStore struct {
	Store
}

// StoreRegistered records a new store.
type StoreRegistered struct{ Store }

// StoreChanged records what is true of a store from now on.
type StoreChanged struct{ Store }

func (StoreRegistered) event() {}
func (StoreChanged) event()    {}

var storeID = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,64}$`)

// Stream is store-<id>.
func (s SetStore) Stream() string { return "store-" + s.ID }

// Operation is set_store.
func (SetStore) Operation() Operation { return "set_store" }

// Decide refuses a malformed store.
func (s SetStore) Decide(before []Posted, _ Moment) ([]Event, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	if len(before) == 0 {
		return []Event{StoreRegistered(s)}, nil
	}
	return []Event{StoreChanged(s)}, nil
}

func (s SetStore) check() error {
	_, zoneErr := time.LoadLocation(s.Zone)
	_, cutErr := time.Parse("15:04", s.DayCut)
	switch {
	case !storeID.MatchString(s.ID):
		return ErrMalformed.Field("store_id", "want 1 to 64 of [A-Za-z0-9._:-]")
	case len(s.Name) > 100:
		return ErrMalformed.Field("name", "want at most 100 bytes")
	case s.Zone == "" || s.Zone == "Local" || zoneErr != nil:
		return ErrMalformed.Field("zone", "want an IANA zone, such as Asia/Shanghai")
	case cutErr != nil || len(s.DayCut) != 5:
		return ErrMalformed.Field("day_cut", "want HH:MM")
	case len(s.Entity) > 64:
		return ErrMalformed.Field("entity", "want at most 64 bytes")
	case s.Status != "open" && s.Status != "closed":
		return ErrMalformed.Field("status", "want open or closed")
	}
	return nil
}

func (e StoreRegistered) command() any { return SetStore(e) }
func (e StoreChanged) command() any    { return SetStore(e) }
