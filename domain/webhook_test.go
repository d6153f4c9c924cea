package domain

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

// registering posts registrations on one stream, a minute apart.
func registering(t *testing.T, all ...Registration) []Posted {
	t.Helper()
	var before []Posted
	for i, r := range all {
		now := noon.Add(time.Duration(i) * time.Minute)
		posted, err := Register(before, r, Moment{Recorded: now, Decided: now, Actor: "a"})
		if err != nil {
			t.Fatal(err)
		}
		before = append(before, posted...)
	}
	return before
}

func TestWebhooks(t *testing.T) {
	id := uuid.UUID{1}
	hook := RegisterWebhook{Webhook{ID: id, URL: "https://h.example/in?a=b", Status: WebhookActive,
		SealedSecret: "s1", Filter: Filter{Types: []string{"DebitPosted"}, Accounts: []uuid.UUID{{2}},
			Stores: []string{"S1"}}}}
	with := func(edit func(*Webhook)) Registration { h := hook; edit(&h.Webhook); return h }
	at := func(url string) Registration { return with(func(w *Webhook) { w.URL = url }) }
	change := ChangeWebhook{Webhook: hook.Webhook}
	known := registering(t, hook)
	gone := registering(t, hook, RemoveWebhook{id})
	for _, c := range []struct {
		r      Registration
		before []Posted
		want   string
	}{
		{hook, nil, "WebhookRegistered"}, {hook, known, "reference_used"},
		{at("http://h.example"), nil, "WebhookRegistered"},
		{at("https://[2001:db8::1]:8443/x"), nil, "WebhookRegistered"},
		{at(""), nil, "malformed url"}, {at("h.example"), nil, "malformed url"},
		{at("ftp://h.example"), nil, "malformed url"}, {at("https:///x"), nil, "malformed url"},
		{at("https://:443/"), nil, "malformed url"}, {at("https://u:p@h.example"), nil, "malformed url"},
		{at("https://u@h.example"), nil, "malformed url"}, {at("https://h.example/#f"), nil, "malformed url"},
		{at("https://h.example:0"), nil, "malformed url"}, {at("https://h.example:70000"), nil, "malformed url"},
		{at("https://h.example/\n"), nil, "malformed url"},
		{at("https://h.example/" + strings.Repeat("x", 2048)), nil, "malformed url"},
		{with(func(w *Webhook) { w.Description = strings.Repeat("x", 201) }), nil, "malformed description"},
		{with(func(w *Webhook) { w.Status = "off" }), nil, "malformed status"},
		{with(func(w *Webhook) { w.Types = []string{"Nonsense"} }), nil, "malformed types"},
		{with(func(w *Webhook) { w.Types = make([]string, 101) }), nil, "malformed types"},
		{with(func(w *Webhook) { w.Accounts = []uuid.UUID{{}} }), nil, "malformed accounts"},
		{with(func(w *Webhook) { w.Stores = []string{"a b"} }), nil, "malformed stores"},

		{change, nil, "not_found"}, {change, known, "WebhookChanged"}, {change, gone, "not_found"},
		{ChangeWebhook{Webhook: Webhook{ID: id}}, known, "malformed url"},
		{RemoveWebhook{id}, nil, "not_found"}, {RemoveWebhook{id}, known, "WebhookRemoved"},
		{RemoveWebhook{id}, gone, "done"},
	} {
		if _, got := registered(t, c.r, c.before...); got != c.want {
			t.Errorf("%#v: got %s, want %s", c.r, got, c.want)
		}
	}
	for _, before := range [][]Posted{nil, gone} {
		if _, err := (PauseWebhook{ID: id}).Decide(before, Moment{}); err == nil {
			t.Error("paused a webhook that is not there")
		}
	}
	paused := registering(t, hook, PauseWebhook{id, "gone"})
	want := hook.Webhook
	want.Status = WebhookPaused
	if e := paused[1].Event.(WebhookChanged); e.Reason != "gone" || !sameWebhook(e.Webhook, want) {
		t.Errorf("got %+v, want %+v", e, want)
	}
	if _, err := (PauseWebhook{ID: id}).Decide(paused, Moment{}); err == nil || err.Error() != (&Done{}).Error() {
		t.Errorf("paused again: got %v", err)
	}
}

func sameWebhook(a, b Webhook) bool {
	return len(compare(fields(a, Context{}), fields(b, Context{}))) == 0
}

// TestWebhookSecret: a secret stays through changes; the one before a rotation signs for a day.
func TestWebhookSecret(t *testing.T) {
	id := uuid.UUID{1}
	w := Webhook{ID: id, URL: "https://h.example", Status: WebhookActive, SealedSecret: "s1"}
	to := func(secret string, rotate bool) ChangeWebhook {
		c := ChangeWebhook{w, rotate}
		c.SealedSecret = secret
		return c
	}
	log := registering(t, RegisterWebhook{w}, to("s2", false), to("s3", true), to("s4", false))
	for i, want := range []Webhook{
		{SealedSecret: "s1"},
		{SealedSecret: "s3", SealedBefore: "s1", BeforeExpires: noon.Add(2*time.Minute + Rotation)},
		{SealedSecret: "s3", SealedBefore: "s1", BeforeExpires: noon.Add(2*time.Minute + Rotation)},
	} {
		got := log[i+1].Event.(WebhookChanged).Webhook
		want.ID, want.URL, want.Status = id, w.URL, w.Status
		if !sameWebhook(got, want) {
			t.Errorf("change %d: got %+v, want %+v", i+1, got, want)
		}
	}
	later := noon.Add(3*time.Minute + Rotation)
	events, err := to("s5", false).Decide(log, Moment{Recorded: later})
	if err != nil {
		t.Fatal(err)
	}
	if got := events[0].(WebhookChanged); got.SealedSecret != "s3" || got.SealedBefore != "" {
		t.Errorf("after the rotation: got %+v", got)
	}
	if got := DifferingRegistration(log[2], to("other", true)); len(got) != 0 {
		t.Errorf("a repeated rotation differs in %s", got)
	}
}

func TestFilter(t *testing.T) {
	id := uuid.UUID{7}
	place := func(store string) []byte {
		p := registering(t, SetStore{Store{ID: "S1", Zone: "UTC", DayCut: "00:00", Status: "open"}})[0]
		p.Metadata.Store = store
		_, _, metadata, err := Encode(p)
		if err != nil {
			t.Fatal(err)
		}
		return metadata
	}
	for _, c := range []struct {
		name     string
		filter   Filter
		metadata []byte
		want     bool
	}{
		{"nothing", Filter{}, nil, true},
		{"its type among others", Filter{Types: []string{"HoldPlaced", "DebitPosted"}}, nil, true},
		{"another type", Filter{Types: []string{"HoldPlaced"}}, nil, false},
		{"its account among others", Filter{Accounts: []uuid.UUID{{8}, id}}, nil, true},
		{"another account", Filter{Accounts: []uuid.UUID{{8}}}, nil, false},
		{"its store", Filter{Stores: []string{"S2", "S1"}}, place("S1"), true},
		{"another store", Filter{Stores: []string{"S2"}}, place("S1"), false},
		{"no store", Filter{Stores: []string{"S2"}}, place(""), false},
		{"foreign metadata", Filter{Stores: []string{"S1"}}, []byte(`{"store":"S1"}`), false},
		{"its type at another store", Filter{Types: []string{"DebitPosted"}, Stores: []string{"S2"}},
			place("S1"), false},
	} {
		if got := c.filter.Wants(AccountStream(id), "DebitPosted", c.metadata); got != c.want {
			t.Errorf("%s: got %t, want %t", c.name, got, c.want)
		}
	}
	if (Filter{Accounts: []uuid.UUID{id}}).Wants("store-S1", "StoreChanged", nil) {
		t.Error("a store's event passes as an account's")
	}
}
