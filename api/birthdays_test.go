package api_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
)

// TestBirthMonth: the month of a birthday is told as long as its customer allows marketing, and until he
// is erased; the birthday itself stands sealed alone.
func TestBirthMonth(t *testing.T) {
	s, _ := openPeople(t)
	account := s.account("C-1", "")
	id := uuid.MustParse(strings.TrimPrefix(account, "/v1/accounts/"))
	is := func(want time.Month) {
		t.Helper()
		if got, ok := s.BirthMonth(t.Context(), id); got != want || ok != (want != 0) {
			t.Errorf("got %d, %t, want %d", got, ok, want)
		}
	}
	put := func(body string) {
		t.Helper()
		s.ask(admin, "PUT", profileOf(account), body).send().is(200)
	}
	is(0)
	put(`{"birthday":"1990-02-28"}`)
	is(0)
	put(`{"consents":{"marketing":true}}`)
	is(time.February)
	put(`{"consents":{"marketing":false}}`)
	is(0)
	put(`{"consents":{"marketing":true}}`)
	s.post(profileOf(account)+"/erase", `{"reason":"asked"}`).is(200)
	is(0)
	for e, err := range s.store.ReadAll(t.Context(), 0, domain.Prefixes...) {
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(e.Data)+string(e.Metadata), "1990-02") {
			t.Errorf("got %s %s", e.Type, e.Data)
		}
	}
}
