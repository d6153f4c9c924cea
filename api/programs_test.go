package api_test

import (
	"strings"
	"testing"

	"github.com/tillbook/tillbook/domain"
)

const tenPercent = `{"ladder":[{"id":"ten","from":{"amount":"100","unit":"CNY"},"percent":"10.0"}]}`

// TestPrograms: a program is published, versions follow, and top-ups get what is in force.
func TestPrograms(t *testing.T) {
	s := openWithAdmin(t)
	s.addKey(domain.APIKey{Role: domain.RoleMarketing})
	path := s.account("C-1", "10")
	id := strings.TrimPrefix(path, "/v1/accounts/")
	s.get("/v1/programs").is(200).has(fields{"data.0.name": "default@1", "data.1": ""})
	s.get("/v1/programs/vip").refused(404, "not_found")
	s.post("/v1/programs/vip/versions", `{"terms":{}}`).refused(404, "not_found")
	body := `{"id":"vip","accounts":["` + id + `"],"terms":` + tenPercent + `,"terms_text":{"en":"x"}}`
	asked := func(key, path, body string) answer {
		return s.ask(domain.RoleMarketing, "POST", path, body).with("Idempotency-Key", key).send()
	}
	first := asked("p1", "/v1/programs", body).is(201).has(fields{"name": "vip@1", "previous": "",
		"terms.ladder.0.from.amount": "100.00", "terms.ladder.0.percent": "10",
		"terms.zone": "UTC", "terms.holds.default_seconds": "600", "accounts.0": id})
	if again := asked("p1", "/v1/programs", body).is(201); again.text != first.text {
		t.Errorf("got %s, want %s", again.text, first.text)
	}
	asked("p1", "/v1/programs", `{"id":"vip","terms":{}}`).refused(422, "key_reused")
	asked("p2", "/v1/programs", body).refused(409, "reference_used")
	s.post(path+"/top-ups", `{"amount":`+cny("100")+`}`).is(201).has(fields{"bonus.amount": "10.00",
		"ladder.version": "vip@1", "ladder.step": "ten", "lots.1.terms": "vip@1"})
	s.post(path+"/top-ups", `{"amount":`+cny("100")+`,"bonus":`+cny("0")+`}`).is(201).
		has(fields{"bonus": "", "ladder": ""})
	s.post("/v1/programs/vip/versions?dry_run=true", `{"terms":{}}`).is(200).has(fields{"version": "2"})
	asked("p3", "/v1/programs/vip/versions", `{"id":"other","terms":{}}`).refused(400, "malformed")
	asked("p4", "/v1/programs/vip/versions",
		`{"accounts":["`+id+`"],"effective_from":"2999-01-01T00:00:00Z","terms":{}}`).is(201).
		has(fields{"name": "vip@2", "previous": "vip@1"})
	asked("p5", "/v1/programs/default/versions", `{"terms":{"limits":[{"unit":"CNY","max_debit":`+
		cny("5")+`}]}}`).is(201).has(fields{"name": "default@2", "previous": "default@1"})
	s.get("/v1/programs/vip").is(200).has(fields{"in_force": "1", "versions.1.version": "2",
		"versions.2": ""})
	s.get("/v1/programs/default").is(200).has(fields{"in_force": "2", "versions.0.effective_from": ""})
	s.get("/v1/programs").is(200).has(fields{"data.0.name": "default@2", "data.1.name": "vip@1",
		"data.2": ""})
	s.post(path+"/debits", `{"amount":`+cny("6")+`}`).is(201)
	other := s.account("C-2", "10")
	s.post(other+"/debits", `{"amount":`+cny("6")+`}`).refused(422, "limit_exceeded").
		has(fields{"shortfall.amount": "1.00"})
}

// TestProgramText: what cannot be read is refused field by field, before anything is decided.
func TestProgramText(t *testing.T) {
	s := openWithAdmin(t)
	publish := func(terms string) answer {
		return s.post("/v1/programs", `{"id":"p","terms":`+terms+`}`)
	}
	step := func(fields string) answer {
		return publish(`{"ladder":[{"id":"s",` + fields + `}]}`)
	}
	from := `"from":` + cny("1")
	for _, c := range []struct {
		got         answer
		code, field string
	}{
		{publish(`{"zone":"Moon","draw":"x"}`), "malformed", "terms.zone"},
		{publish(`{"moon":1}`), "unknown_field", "terms.moon"},
		{publish(`{"holds":{"default_seconds":1.5}}`), "malformed", "terms.holds.default_seconds"},
		{step(`"percent":"1"`), "malformed", "terms.ladder.0.from"},
		{step(from + `,"percent":1`), "malformed", "terms.ladder.0.percent"},
		{step(from + `,"percent":"1.00000"`), "malformed", "terms.ladder.0.percent"},
		{step(from + `,"percent":"1."`), "malformed", "terms.ladder.0.percent"},
		{step(from + `,"percent":"101"`), "malformed", "terms.ladder.0.percent"},
		{step(from + `,"percent":"0"`), "malformed", "terms.ladder.0.percent"},
		{step(from + `,"percent":"1e1"`), "malformed", "terms.ladder.0.percent"},
		{step(from + `,"fixed":{"amount":"1.001","unit":"CNY"}`), "amount_scale",
			"terms.ladder.0.fixed.amount"},
		{step(from + `,"fixed":{"amount":"1","unit":"ZZZ"}`), "unknown_unit",
			"terms.ladder.0.fixed.unit"},
		{step(from + `,"percent":"1","begins":"today"`), "malformed", "terms.ladder.0.begins"},
		{step(from + `,"percent":"1","accounts":["x"]`), "malformed", "terms.ladder.0.accounts.0"},
		{publish(`{"cashback":[{"id":"c","unit":"ZZZ","percent":"1"}]}`), "unknown_unit",
			"terms.cashback.0.unit"},
		{publish(`{"limits":[{}]}`), "malformed", "terms.limits.0.unit"},
		{publish(`{"expiry":{"bonus":{"days":1,"on":"2030-01-01"}}}`), "malformed",
			"terms.expiry.bonus"},
	} {
		c.got.refused(400, c.code).has(fields{"errors.0.field": c.field})
	}
	publish(`{"zone":"Moon","draw":"x"}`).refused(400, "malformed").
		has(fields{"errors.1.field": "terms.draw"})
	s.get("/v1/programs").is(200).has(fields{"data.1": ""})
}

// TestAccountTerms: lots keep the terms they were sold under, and show them in the language asked for.
func TestAccountTerms(t *testing.T) {
	s := openWithAdmin(t)
	path := s.account("C-1", "10")
	s.post("/v1/programs/default/versions", `{"terms":`+tenPercent+
		`,"terms_text":{"en":"Ten","zh-Hans":"十","zh-Hant":"拾"}}`).is(201)
	s.get(path + "/terms").is(200).has(fields{"program": "default@2", "data.0.terms": "default@1",
		"data.0.sums.0.remaining": "10.00", "data.0.terms_text": "{}", "data.1": ""})
	s.post(path+"/top-ups", `{"amount":`+cny("100")+`}`).is(201)
	s.post(path+"/top-ups", `{"amount":`+cny("1")+`,"terms":"mine"}`).is(201)
	s.post("/v1/programs/default/versions", `{"terms":{}}`).is(201)
	s.get(path + "/terms").is(200).has(fields{"program": "default@3", "data.1.terms": "default@2",
		"data.1.lots": "2", "data.1.sums.0.remaining": "110.00", "data.1.rules.ladder.0.id": "ten",
		"data.1.terms_text.en": "Ten", "data.2.terms": "mine", "data.2.rules": "", "data.3": ""})
	s.get(path).is(200).has(fields{"program": "default@3"})
	for language, want := range map[string]string{
		"en-GB": `{"en":"Ten"}`, "zh": `{"zh-Hans":"十","zh-Hant":"拾"}`, "ZH-hans-CN": `{"zh-Hans":"十"}`,
		"fr": "{}",
	} {
		got := s.get(path + "/terms?language=" + language).is(200).at("data.1.terms_text")
		if got != want {
			t.Errorf("%s: got %s, want %s", language, got, want)
		}
	}
	s.post(path+"/debits", `{"amount":`+cny("121")+`}`).is(201)
	s.get(path + "/terms").is(200).has(fields{"data.0": ""})
}

// TestRehearsal: a dry run with a window says for whom a version would have made a difference, and
// stores nothing.
func TestRehearsal(t *testing.T) {
	s := openWithAdmin(t)
	s.post("/v1/programs/default/versions", `{"terms":`+tenPercent+`}`).is(201)
	path := s.account("C-1", "100")
	s.account("C-2", "50")
	versions := "/v1/programs/default/versions"
	window := "from=2020-01-01T00:00:00Z&to=2999-01-01T00:00:00Z"
	s.post(versions+"?dry_run=true&"+window, `{"terms":{}}`).is(200).has(fields{"version": "3",
		"rehearsal.accounts": "1", "rehearsal.sums.0.recorded": "10.00",
		"rehearsal.sums.0.would_be": "0.00", "rehearsal.largest.0.difference": "-10.00",
		"rehearsal.largest.0.account_id": strings.TrimPrefix(path, "/v1/accounts/")})
	s.post(versions+"?dry_run=true&from=2999-01-01T00:00:00Z&to=2999-01-02T00:00:00Z", `{"terms":{}}`).
		is(200).has(fields{"rehearsal.accounts": "0", "rehearsal.sums": "[]", "rehearsal.largest": "[]"})
	s.post(versions+"?"+window, `{"terms":{}}`).refused(400, "malformed").
		has(fields{"errors.0.field": "from"})
	s.post(versions+"?dry_run=true&from=2020-01-01T00:00:00Z", `{"terms":{}}`).refused(400, "malformed").
		has(fields{"errors.0.field": "to"})
	s.post(versions+"?dry_run=true&from=2020-01-01T00:00:00Z&to=2020-01-01T00:00:00Z", `{"terms":{}}`).
		refused(400, "malformed").has(fields{"errors.0.field": "to"})
	s.post(versions+"?dry_run=true&"+window, `{"terms":{"zone":"Moon"}}`).refused(400, "malformed")
	s.get("/v1/programs/default").is(200).has(fields{"in_force": "2"})
}
