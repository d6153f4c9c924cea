package domain

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

func TestBusinessDate(t *testing.T) {
	for _, c := range []struct{ zone, cut, at, want string }{
		{"UTC", "00:00", "2026-03-02T00:00:00Z", "2026-03-02"},
		{"UTC", "00:00", "2026-03-01T23:59:59Z", "2026-03-01"},
		{"Asia/Shanghai", "00:00", "2026-03-01T16:00:00Z", "2026-03-02"},
		{"Asia/Shanghai", "04:00", "2026-03-01T19:59:59Z", "2026-03-01"},
		{"Asia/Shanghai", "04:00", "2026-03-01T20:00:00Z", "2026-03-02"},
		{"America/New_York", "04:30", "2026-03-02T09:29:59Z", "2026-03-01"},
		{"America/New_York", "04:30", "2026-03-02T09:30:00Z", "2026-03-02"},
		// On 8 March 2026 clocks went from 02:00 to 03:00, on 1 November from 02:00 back to 01:00.
		{"America/New_York", "02:30", "2026-03-08T06:59:59Z", "2026-03-07"},
		{"America/New_York", "02:30", "2026-03-08T07:00:00Z", "2026-03-08"},
		{"America/New_York", "01:30", "2026-11-01T05:29:59Z", "2026-10-31"},
		{"America/New_York", "02:30", "2026-11-01T07:29:59Z", "2026-10-31"},
		{"America/New_York", "02:30", "2026-11-01T07:30:00Z", "2026-11-01"},
		{"Pacific/Kiritimati", "00:00", "2026-03-01T10:00:00Z", "2026-03-02"},
		{"No/Where", "", "2026-03-01T10:00:00Z", "2026-03-01"},
	} {
		at, err := time.Parse(time.RFC3339, c.at)
		if err != nil {
			t.Fatal(err)
		}
		if got := (Store{Zone: c.zone, DayCut: c.cut}).BusinessDate(at); got != c.want {
			t.Errorf("%s in %s, cut %s: got %s, want %s", c.at, c.zone, c.cut, got, c.want)
		}
	}
}

// registered runs a registration on a history and says what became of it.
func registered(t *testing.T, r Registration, before ...Posted) (Posted, string) {
	t.Helper()
	var p Posted
	posted, err := Register(before, r, Moment{Recorded: noon, Decided: noon, Actor: "a"})
	if err == nil {
		p = posted[0]
	}
	var refused *Refusal
	var done *Done
	switch {
	case errors.As(err, &refused) && len(refused.Fields) > 0:
		return p, string(refused.Code) + " " + refused.Fields[0].Field
	case errors.As(err, &refused):
		return p, string(refused.Code)
	case errors.As(err, &done):
		return p, "done"
	case err != nil:
		t.Fatal(err)
	}
	kind, data, metadata, err := Encode(p)
	if err != nil {
		t.Fatal(err)
	}
	read, err := Decode(kind, data, metadata, int64(len(before)))
	if err != nil {
		t.Fatal(err)
	}
	if got := DifferingRegistration(read, r); len(got) > 0 {
		t.Errorf("%#v: repeated, it differs in %s", r, got)
	}
	return read, kind
}

func TestRegistrations(t *testing.T) {
	store := SetStore{Store{ID: "S1", Zone: "Asia/Shanghai", DayCut: "04:00", Status: "open"}}
	set := func(edit func(*Store)) Registration { s := store; edit(&s.Store); return s }
	cut := RegisterUnit{Code: "CUT", Kind: Count}
	reg := func(edit func(*RegisterUnit)) Registration { r := cut; edit(&r); return r }
	id := uuid.UUID{1}
	key := CreateKey{APIKey{ID: id, Name: "till", Role: RolePOS, Stores: []string{"S1"}, Hash: Hash{1},
		Last4: "abcd"}}
	create := func(edit func(*APIKey)) Registration { k := key; edit(&k.APIKey); return k }
	start := StartImport{ID: id, FileHash: "00"}
	done := CompleteImport{ID: id, Rows: 2, Posted: 1, Rejected: 1,
		ControlTotals: map[string]string{"debit/USD": "1.00"}}
	was := func(r Registration, before ...Posted) []Posted {
		p, kind := registered(t, r, before...)
		if kind != TypeOf(p.Event) {
			t.Fatalf("got %s", kind)
		}
		return append(before, p)
	}
	created := was(key)
	for _, c := range []struct {
		r      Registration
		before []Posted
		want   string
	}{
		{store, nil, "StoreRegistered"}, {store, was(store), "StoreChanged"},
		{set(func(s *Store) { s.ID = "a b" }), nil, "malformed store_id"},
		{set(func(s *Store) { s.Name = strings.Repeat("x", 101) }), nil, "malformed name"},
		{set(func(s *Store) { s.Zone = "" }), nil, "malformed zone"},
		{set(func(s *Store) { s.Zone = "Local" }), nil, "malformed zone"},
		{set(func(s *Store) { s.Zone = "../etc/passwd" }), nil, "malformed zone"},
		{set(func(s *Store) { s.DayCut = "4:00" }), nil, "malformed day_cut"},
		{set(func(s *Store) { s.DayCut = "24:00" }), nil, "malformed day_cut"},
		{set(func(s *Store) { s.Entity = strings.Repeat("x", 65) }), nil, "malformed entity"},
		{set(func(s *Store) { s.Status = "x" }), nil, "malformed status"},

		{cut, nil, "UnitRegistered"}, {cut, was(cut), "reference_used"},
		{reg(func(r *RegisterUnit) { r.Code = "CNY" }), nil, "reference_used"},
		{reg(func(r *RegisterUnit) { r.Code = "cut" }), nil, "malformed code"},
		{reg(func(r *RegisterUnit) { r.Kind = Currency }), nil, "malformed kind"},
		{reg(func(r *RegisterUnit) { r.Scale = 4 }), nil, "malformed scale"},
		{reg(func(r *RegisterUnit) { r.Scale = -1 }), nil, "malformed scale"},
		{reg(func(r *RegisterUnit) { r.Name = strings.Repeat("x", 101) }), nil, "malformed name"},

		{key, nil, "APIKeyCreated"}, {key, created, "reference_used"},
		{create(func(k *APIKey) { k.Name = "" }), nil, "malformed name"},
		{create(func(k *APIKey) { k.Role = "root" }), nil, "malformed role"},
		{create(func(k *APIKey) { k.Role = RoleCustomer }), nil, "malformed account_id"},
		{create(func(k *APIKey) { k.AccountID = id }), nil, "malformed account_id"},
		{create(func(k *APIKey) { k.Stores = []string{"S1", "a b"} }), nil, "malformed stores"},
		{RevokeKey{id}, nil, "not_found"}, {RevokeKey{id}, created, "APIKeyRevoked"},
		{RevokeKey{id}, was(RevokeKey{id}, created...), "done"},

		{start, nil, "ImportStarted"}, {start, was(start), "ImportStarted"},
		{done, nil, "not_found"}, {done, was(start), "ImportCompleted"},
	} {
		if _, got := registered(t, c.r, c.before...); got != c.want {
			t.Errorf("%#v: got %s, want %s", c.r, got, c.want)
		}
	}
	differing := func(p Posted, r Registration, want string) {
		t.Helper()
		if got := fmt.Sprint(DifferingRegistration(p, r)); got != want {
			t.Errorf("%#v: got %s, want %s", r, got, want)
		}
	}
	differing(created[0], create(func(k *APIKey) { k.Hash, k.Last4 = Hash{9}, "zzzz" }), "[]")
	differing(created[0], create(func(k *APIKey) { k.Name, k.Role = "x", RoleAdmin }), "[name role]")
	differing(was(store)[0], set(func(s *Store) { s.Zone, s.DayCut = "UTC", "00:00" }),
		"[day_cut zone]")
	differing(was(cut)[0], reg(func(r *RegisterUnit) { r.Scale = 1 }), "[scale]")
	differing(was(done, was(start)...)[1], start, "[operation]")
}

func TestISOUnits(t *testing.T) {
	for code, scale := range map[string]int32{"CNY": 2, "JPY": 0, "KWD": 3, "CLF": 4, "USD": 2} {
		if u, ok := ISOUnit(code); !ok || u.Scale != scale || u.Kind != Currency {
			t.Errorf("%s: got %+v, want scale %d", code, u, scale)
		}
	}
	if _, ok := ISOUnit("XAU"); ok {
		t.Error("got a metal as a currency")
	}
}
