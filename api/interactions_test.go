package api_test

import (
	"strings"
	"testing"

	"github.com/tillbook/tillbook/domain"
)

// TestInteractions: what was said is sealed, counted, and gone with the person; messages need consent.
func TestInteractions(t *testing.T) {
	s, _ := openPeople(t)
	anna := s.account("C-1", "")
	path := anna + "/interactions"
	complaint := `{"kind":"complaint","channel":"phone","rating":2,"text":"cold coffee","about":"T-77"}`
	first := s.postOnce("k", path, complaint).is(201).has(fields{"kind": "complaint", "rating": "2",
		"channel": "phone", "about": "T-77"})
	if again := s.postOnce("k", path, complaint).is(201); again.text != first.text ||
		strings.Contains(first.text, "coffee") {
		t.Errorf("got %s, want %s", again.text, first.text)
	}
	s.postOnce("k", path, strings.Replace(complaint, "cold", "hot", 1)).refused(422, "key_reused")
	s.post(path, `{"kind":"visit"}`).is(201)
	s.post(path, `{"kind":"message","text":"hello"}`).refused(422, "consent_missing")
	s.put(profileOf(anna), `{"consents":{"messages":true}}`).is(200)
	sent := s.postOnce("m", path, `{"kind":"message","text":"hello"}`).is(201)
	s.put(profileOf(anna), `{"consents":{"messages":false}}`).is(200)
	s.post(path, `{"kind":"message"}`).refused(422, "consent_missing")
	if again := s.postOnce("m", path, `{"kind":"message","text":"hello"}`).is(201); again.text != sent.text {
		t.Errorf("got %s, want %s", again.text, sent.text)
	}
	got := s.get(path + "?limit=2").is(200).has(fields{"data.0.kind": "message", "data.0.text": "hello",
		"data.1.kind": "visit", "data.1.text": "", "counts.visit": "1", "counts.message": "1"})
	s.get(path + "?cursor=" + got.at("next")).is(200).has(fields{"data.0.text": "cold coffee",
		"data.0.rating": "2", "data.1": ""})
	for body, field := range map[string]string{`{"kind":"x"}`: "kind", `{"kind":"call","rating":0}`: "rating",
		`{"kind":"call","rating":6}`: "rating", `{"kind":"call","about":"her dog"}`: "about",
		`{"kind":"call","channel":"By Phone"}`: "channel"} {
		s.post(path, body).refused(400, "malformed").has(fields{"errors.0.field": field})
	}
	nobody := "/v1/accounts/" + domain.AccountID("nobody").String() + "/interactions"
	s.post(nobody, `{"kind":"visit","text":"x"}`).refused(404, "not_found")
	s.post(nobody, `{"kind":"visit"}`).refused(404, "not_found")
	s.post("/v1/bulk", `[{"key":"b","operation":"interaction","customer_ref":"C-1","kind":"feedback","rating":5}]`).
		is(200).has(fields{"0.status": "201"})

	s.post(profileOf(anna)+"/erase", `{"reason":"asked"}`).is(200)
	got = s.get(path).is(200).has(fields{"data.0.kind": "feedback", "data.0.erased": "", "data.1.text": "",
		"data.1.erased": "true", "data.3.erased": "true", "counts.complaint": "1"})
	if strings.Contains(got.text, "coffee") {
		t.Errorf("got %s", got.text)
	}
	s.post(path, `{"kind":"visit"}`).is(201)
	s.post(path, `{"kind":"visit","text":"x"}`).refused(422, "customer_erased")
}
